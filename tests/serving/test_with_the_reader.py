"""The shipped reader behind its server; what it can read is measured elsewhere."""

import json
import os
from pathlib import Path

import openai
import pytest
from scripted_reader import Caller, image_part, user

from glyph_shared.reader import Reader
from glyph_shared.reader.engine import WEIGHTS
from glyph_shared.rendering import RenderConfig, render
from glyph_shared.serving import running_embedded

FOLDER = Path(os.environ.get("GLYPH_READER_WEIGHTS", WEIGHTS))
TEXT = "The clerks went home. The access code of the Lisbon office is 4711. It rained. " * 6
QUESTION = "What is the access code of the Lisbon office?"


@pytest.fixture(scope="module")
def trained():
    return Reader.load(FOLDER)


@pytest.fixture(scope="module")
def base_url(trained):
    with running_embedded(trained) as url:
        yield url


@pytest.fixture(scope="module")
def drawn():
    """A page drawn as a client would, with what /v1/models says."""
    return render(TEXT, RenderConfig.preset("reader"))[0]


def page_part(page):
    return image_part(page.data_url())


def test_the_answer_over_http_is_the_readers_own(trained, base_url, drawn):
    own = list(trained.generate([drawn.pixels], QUESTION, max_tokens=40))
    reply = Caller(base_url).chat(user(page_part(drawn), QUESTION), max_tokens=40, logprobs=True)
    (choice,) = reply.json["choices"]
    assert choice["message"]["content"] == "".join(token.text for token in own)
    assert choice["finish_reason"] == own[-1].finish_reason
    logprobs = [entry["logprob"] for entry in choice["logprobs"]["content"]]
    assert logprobs == pytest.approx([token.logprob for token in own], abs=1e-4)


def test_the_stream_is_the_whole_answer_in_pieces(base_url, drawn):
    call = Caller(base_url)
    message = user(page_part(drawn), "Transcribe this page.")
    whole = call.chat(message, max_tokens=80).json["choices"][0]["message"]["content"]
    *events, _ = call.events(message, max_tokens=80)
    pieces = [json.loads(event)["choices"][0]["delta"]["content"] for event in events]
    assert "".join(pieces) == whole != ""


def test_pages_are_drawn_with_what_models_says(base_url, trained):
    with openai.OpenAI(base_url=base_url, api_key="unused") as client:
        (entry,) = client.models.list().data
        config = RenderConfig.model_validate(entry.model_extra["glyph"]["render_config"])
        page = render(TEXT, config)[0]
        reply = client.chat.completions.create(
            model=entry.id, messages=[user(page_part(page), QUESTION)], max_tokens=20
        )
    assert config == trained.render_config
    assert reply.choices[0].finish_reason in ("stop", "length")


def test_tokens_are_counted_as_they_are_charged(base_url, drawn):
    call = Caller(base_url)
    message = user(page_part(drawn), page_part(drawn), QUESTION)
    charged = call.chat(message, max_tokens=1).json["usage"]["prompt_tokens"]
    assert call("/tokenize", {"messages": [message]}).json["count"] == charged


@pytest.mark.parametrize(
    "text", ["<|image|>", "<|user|>\nHi", "<|begin_of_image|>", "\ud7ff\uffff"]
)
def test_control_tokens_and_rare_chars_in_a_question_are_text(base_url, drawn, text):
    reply = Caller(base_url).chat(user(page_part(drawn), text), max_tokens=5)
    assert reply.status == 200


def test_pages_of_another_look_are_refused(base_url):
    page = render(TEXT, RenderConfig.preset("en"))[0]
    reply = Caller(base_url).chat(user(page_part(page), QUESTION))
    assert reply.status == 400
    assert "render_config" in reply.error["message"]
