import json
import random
import socket
import urllib.request

import openai
import pytest

from glyph_shared.asking import GlyphClient, Sampling
from glyph_shared.reader import Reader
from glyph_shared.rendering import RenderConfig, render

pytestmark = pytest.mark.server

FILLER = "The rain had stopped by noon, and the clerks went back to their ledgers. "
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


def ask(base_url, pages, question, **settings):
    with openai.OpenAI(base_url=base_url, api_key="unused", max_retries=0) as client:
        return client.chat.completions.create(
            model=Reader.name,
            messages=[message(pages, question)],
            temperature=0,
            logprobs=True,
            **{"max_tokens": 60, **settings},
        )


def post(base_url, path, body):
    request = urllib.request.Request(
        base_url.removesuffix("/v1") + path,
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)


def prompt_ids(base_url, *messages):
    return post(base_url, "/tokenize", {"model": Reader.name, "messages": messages})["tokens"]


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("city", CITIES[:2])
def test_both_servers_write_the_same_tokens(vllm, embedded, pages, count, city):
    question = f"What is the access code of the {city} office?"
    ours = ask(embedded, pages[:count], question)
    theirs = ask(vllm.config.base_url, pages[:count], question)
    assert theirs.choices[0].message.content == ours.choices[0].message.content
    assert theirs.choices[0].finish_reason == ours.choices[0].finish_reason
    pairs = zip(theirs.choices[0].logprobs.content, ours.choices[0].logprobs.content, strict=True)
    assert all(a.logprob == pytest.approx(b.logprob, abs=1e-3) for a, b in pairs)


def test_both_servers_transcribe_a_page_alike(vllm, embedded, pages):
    ours = ask(embedded, pages[:1], "Transcribe this page.", max_tokens=200)
    theirs = ask(vllm.config.base_url, pages[:1], "Transcribe this page.", max_tokens=200)
    assert theirs.choices[0].message.content == ours.choices[0].message.content


def test_both_servers_count_the_same_tokens(vllm, embedded, pages):
    question = "What is the access code of the Oslo office?"
    ours = ask(embedded, pages[:2], question, max_tokens=1).usage
    theirs = ask(vllm.config.base_url, pages[:2], question, max_tokens=1).usage
    assert theirs.prompt_tokens == ours.prompt_tokens
    kinds = [usage.prompt_tokens_details.multimodal_tokens for usage in (ours, theirs)]
    assert kinds == [{"image": 640}, {"image": 640}]


def test_both_servers_make_the_same_prompt(vllm, embedded, pages):
    asked = message(pages[:2], "Who lives in Basel?")
    assert prompt_ids(embedded, asked) == prompt_ids(vllm.config.base_url, asked)


def test_string_and_part_messages_make_the_same_prompt(vllm):
    def turns(wrap):
        return [
            {"role": "system", "content": wrap("Be brief.")},
            {"role": "user", "content": wrap("Who?")},
            {"role": "assistant", "content": wrap("Jane.")},
            {"role": "user", "content": wrap("And when?")},
        ]

    base_url = vllm.config.base_url
    as_strings = prompt_ids(base_url, *turns(lambda text: text))
    as_parts = prompt_ids(base_url, *turns(lambda text: [{"type": "text", "text": text}]))
    assert as_strings == as_parts
    text = post(base_url, "/detokenize", {"model": Reader.name, "tokens": as_strings})["prompt"]
    assert text == (
        "[gMASK]<sop><|system|>\nBe brief.<|user|>\nWho?<|assistant|>\nJane."
        "<|user|>\nAnd when?<|assistant|>\n"
    )


def test_a_second_question_finds_the_pages_in_the_cache(vllm, pages):
    base_url = vllm.config.base_url
    ask(base_url, pages[2:4], "Who was first?", max_tokens=1)
    usage = ask(base_url, pages[2:4], "And who came then?", max_tokens=1).usage
    assert usage.prompt_tokens_details.cached_tokens > 320


def test_more_pages_than_allowed_are_refused(vllm, pages):
    too_many = pages[:1] * (vllm.config.max_pages + 1)
    with pytest.raises(openai.BadRequestError, match="At most 512 image"):
        ask(vllm.config.base_url, too_many, "Who?")


def test_a_file_is_not_read_for_a_client(vllm, tmp_path, pages):
    path = tmp_path / "page.png"
    path.write_bytes(pages[0].png)
    part = {"type": "image_url", "image_url": {"url": path.as_uri()}}
    with (
        openai.OpenAI(base_url=vllm.config.base_url, api_key="unused", max_retries=0) as client,
        pytest.raises(openai.InternalServerError, match="Cannot load local files"),
    ):
        client.chat.completions.create(
            model=Reader.name, messages=[{"role": "user", "content": [part]}], max_tokens=1
        )


def test_an_address_is_not_fetched_for_a_client(vllm):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(1)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/page.png"
        part = {"type": "image_url", "image_url": {"url": url}}
        with (
            openai.OpenAI(base_url=vllm.config.base_url, api_key="unused", max_retries=0) as client,
            pytest.raises(openai.BadRequestError, match=r"none\.invalid"),
        ):
            client.chat.completions.create(
                model=Reader.name, messages=[{"role": "user", "content": [part]}], max_tokens=1
            )
        with pytest.raises(TimeoutError):
            listener.accept()


def test_the_client_asks_both_servers_alike(vllm, embedded, pages):
    # The defaults are made for Glyph: its stop tokens are none of the reader's, and in a
    # vocabulary of chars every answer repeats tokens.
    sampling = Sampling(temperature=0, repetition_penalty=1, stop_token_ids=(), max_tokens=40)
    answers = [
        GlyphClient(base_url=base_url, model=Reader.name, sampling=sampling).ask(
            "What is the access code of the Oslo office?",
            pages[:2],
            config=RenderConfig.preset("reader"),
            combine="best_supported",
        )
        for base_url in (embedded, vllm.config.base_url)
    ]
    assert answers[0].text == answers[1].text
    assert answers[0].usage.prompt_tokens == answers[1].usage.prompt_tokens
    assert answers[0].usage.visual_tokens == answers[1].usage.visual_tokens == 640
