"""The reader's weights in vLLM and in onnxruntime say the same."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest

from glyph_shared.rendering import Renderer, render
from tests.served.server import FILLER
from training.reader.corpus import load_corpus
from training.reader.pages import absent_fact, make_page

pytestmark = pytest.mark.server

CITIES = ("Lisbon", "Oslo", "Turin", "Basel")


def page_with(reader, city, code):
    fact = f"The access code of the {city} office is {code}. "
    return render(FILLER * 5 + fact + FILLER * 5, reader.render_config)[0]


@pytest.fixture(scope="session")
def pages(reader):
    rng = random.Random(11)
    return [page_with(reader, city, rng.randrange(1000, 10_000)) for city in CITIES]


def message(pages, question):
    images = [{"type": "image_url", "image_url": {"url": page.data_url()}} for page in pages]
    return {"role": "user", "content": [*images, {"type": "text", "text": question}]}


def ask(served, pages, question, **settings):
    key = served.api_key
    with openai.OpenAI(base_url=served.base_url, api_key=key, max_retries=0) as client:
        return client.chat.completions.create(
            model=served.model,
            messages=[message(pages, question)],
            temperature=0,
            logprobs=True,
            **{"max_tokens": 60, **settings},
        )


def text_of(completion):
    return completion.choices[0].message.content


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("city", CITIES[:2])
def test_both_servers_write_the_same_tokens(vllm, embedded, pages, count, city):
    question = f"What is the access code of the {city} office?"
    ours = ask(embedded, pages[:count], question)
    theirs = ask(vllm, pages[:count], question)
    assert theirs.choices[0].message.content == ours.choices[0].message.content
    assert theirs.choices[0].finish_reason == ours.choices[0].finish_reason
    pairs = zip(theirs.choices[0].logprobs.content, ours.choices[0].logprobs.content, strict=True)
    assert all(a.logprob == pytest.approx(b.logprob, abs=1e-3) for a, b in pairs)


def test_both_servers_transcribe_a_page_alike(vllm, embedded, pages):
    ours = ask(embedded, pages[:1], "Transcribe this page.", max_tokens=200)
    theirs = ask(vllm, pages[:1], "Transcribe this page.", max_tokens=200)
    assert theirs.choices[0].message.content == ours.choices[0].message.content


def test_both_servers_count_the_same_tokens(vllm, embedded, pages):
    question = "What is the access code of the Oslo office?"
    ours = ask(embedded, pages[:2], question, max_tokens=1).usage
    theirs = ask(vllm, pages[:2], question, max_tokens=1).usage
    assert theirs.prompt_tokens == ours.prompt_tokens
    kinds = [usage.prompt_tokens_details.multimodal_tokens for usage in (ours, theirs)]
    assert kinds == [{"image": 640}, {"image": 640}]


def test_both_servers_make_the_same_prompt(vllm, embedded, pages):
    asked = message(pages[:2], "Who lives in Basel?")
    assert embedded.prompt_ids(asked) == vllm.prompt_ids(asked)


def test_string_and_part_messages_make_the_same_prompt(vllm):
    def turns(wrap):
        return [
            {"role": "system", "content": wrap("Be brief.")},
            {"role": "user", "content": wrap("Who?")},
            {"role": "assistant", "content": wrap("Jane.")},
            {"role": "user", "content": wrap("And when?")},
        ]

    as_strings = vllm.prompt_ids(*turns(lambda text: text))
    as_parts = vllm.prompt_ids(*turns(lambda text: [{"type": "text", "text": text}]))
    assert as_strings == as_parts
    assert vllm.post("/detokenize", {"tokens": as_strings}).json["prompt"] == (
        "[gMASK]<sop><|system|>\nBe brief.<|user|>\nWho?<|assistant|>\nJane."
        "<|user|>\nAnd when?<|assistant|>\n"
    )


def test_the_client_is_told_the_same_by_both_servers(vllm, embedded, pages):
    answers = []
    for served in (embedded, vllm):
        with served.client() as client:
            question = "What is the access code of the Oslo office?"
            answers.append(client.ask(question, pages[:2], **served.options))
    assert answers[0].text == answers[1].text
    assert answers[0].usage.prompt_tokens == answers[1].usage.prompt_tokens
    assert answers[0].usage.visual_tokens == answers[1].usage.visual_tokens == 640


def hundred_questions(rng, corpus, config):
    """Fifty prompts of fresh facts, and for each a question that it answers and one it does not."""
    renderer = Renderer(config)
    for number in range(50):
        planted = []
        while not planted:
            pages = range(4 if number % 5 == 0 else 1)
            made = [make_page(rng, corpus, rng.randint(1, 5)) for _ in pages]
            planted = [item.fact for page in made for item in page.planted]
        pages = [next(renderer.render("\n".join(page.lines))) for page in made]
        for fact in (rng.choice(planted), absent_fact(rng, corpus, planted)):
            yield pages, fact.question(rng, held_out=True)


def test_both_servers_answer_a_hundred_questions_alike(vllm, embedded, tmp_path):
    corpus = load_corpus(tmp_path, held_out=True)
    asked = list(hundred_questions(random.Random(20261), corpus, vllm.config))
    with ThreadPoolExecutor(4) as pool:
        theirs = list(pool.map(lambda one: text_of(ask(vllm, *one)), asked))
        ours = list(pool.map(lambda one: text_of(ask(embedded, *one)), asked))
    assert len(asked) == 100
    pairs = zip(asked, theirs, ours, strict=True)
    assert [(one[1], a, b) for one, a, b in pairs if a != b] == []
