"""What only vLLM does: many pages in a request, its image processor, its caches, its faults."""

from __future__ import annotations

import base64
import io
import random

import pytest
from PIL import Image

from glyph_shared.rendering import count_visual_tokens
from tests.served.server import CODE, FILLER, QUESTION, image, page_image

FORTY = 40
# Pages of the presets at several resolutions, then sizes that are rounded, enlarged and shrunk.
SIZES = [
    (595, 842), (612, 792), (794, 1123), (1190, 1684), (1654, 2339), (2480, 3508),
    (560, 448), (960, 540), (100, 30), (20, 20), (10, 300), (4000, 100), (27, 29), (42, 70),
]  # fmt: skip


def picture(size):
    stream = io.BytesIO()
    Image.new("L", size, 255).save(stream, "PNG")
    return image(f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}")


def message(*parts):
    return {"role": "user", "content": [*parts, {"type": "text", "text": "Who?"}]}


@pytest.fixture(scope="module")
def without_image(a_vllm):
    return len(a_vllm.prompt_ids(message()))


@pytest.mark.parametrize("size", SIZES)
def test_an_image_costs_what_the_formula_says(a_vllm, without_image, size):
    usage = a_vllm.chat(picture(size), question="Who?", max_tokens=1).json["usage"]
    assert usage["prompt_tokens"] == without_image + count_visual_tokens(size) + 2
    assert usage["prompt_tokens_details"]["multimodal_tokens"]["image"] == count_visual_tokens(size)


def test_images_of_random_sizes_cost_what_the_formula_says(a_vllm, without_image):
    rng = random.Random(28)
    sizes = [(rng.randint(1, 2000), rng.randint(1, 2000)) for _ in range(60)]
    sizes = [size for size in sizes if max(size) <= 100 * min(size)]
    counted = {
        size: len(a_vllm.prompt_ids(message(picture(size)))) - without_image - 2 for size in sizes
    }
    assert counted == {size: count_visual_tokens(size) for size in sizes}


def test_forty_pages_go_in_one_request_and_the_second_finds_them(a_vllm):
    pages = [a_vllm.pages(f"Night {number}. {FILLER * 4}")[0] for number in range(FORTY)]
    visual_tokens = sum(page.visual_tokens for page in pages)
    # As they are, because a model that was trained on few pages may say nothing about forty.
    first = a_vllm.chat(*map(page_image, pages), max_tokens=1).json["usage"]
    named = [image(None, uuid=page.digest) for page in pages]
    second = a_vllm.chat(*named, question="Who lives there?", max_tokens=1).json["usage"]
    for usage in (first, second):
        assert usage["prompt_tokens_details"]["multimodal_tokens"]["image"] == visual_tokens
    # The cache holds blocks of tokens; the last one, which the question begins in, is read anew.
    assert second["prompt_tokens_details"]["cached_tokens"] > 0.98 * visual_tokens


def test_the_pages_alone_are_the_same_prefix_under_another_question(a_vllm):
    """Whatever another client asks about these pages, it finds them in the cache."""
    pages = [a_vllm.pages(f"Week {number}. {FILLER * 4}")[0] for number in range(4)]
    usages = []
    for question in (QUESTION, "Who lives there?"):
        with a_vllm.client() as client:
            usages.append(client.ask(question, pages, **a_vllm.options).usage)
    assert usages[1].cached_tokens > usages[0].cached_tokens
    assert usages[1].cached_tokens > 0.8 * usages[1].visual_tokens


def test_a_refusal_after_the_pages_were_prepared_spoils_no_later_question(a_vllm):
    """A bad request leaves vLLM's image cache in disorder; the client asks once more."""
    page = a_vllm.pages(FILLER * 2 + f"The access code of the Lisbon office is {CODE}. ")[0]
    refused = a_vllm.chat(page_image(page), max_tokens=a_vllm.window * 2)
    assert refused.status == 400
    with a_vllm.client() as client:
        assert CODE in client.ask(QUESTION, [page], **a_vllm.options).text
