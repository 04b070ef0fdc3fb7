"""LangChain's face, end to end: each test says the same of every server."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("langchain_openai")

from glyph_shared.errors import ServerError
from langchain_glyph import ChatGlyph
from tests.langchain.chat_ways import WAYS, ask
from tests.served.server import CODE, QUESTION, Served, comes_true


def model_of(served: Served, **settings: Any) -> ChatGlyph:
    payload = served.sampling.payload()
    given: dict[str, Any] = {
        "base_url": served.base_url,
        "model": served.model,
        "api_key": served.api_key,
        "config": served.config,
        "temperature": payload["temperature"],
        "max_tokens": payload["max_tokens"],
        "extra_body": payload["extra_body"],
    }
    return ChatGlyph(**given | settings)


@pytest.mark.parametrize("way", WAYS)
def test_a_fact_of_a_long_text_is_read_in_every_way(served, way):
    message = ask(model_of(served), way, f"{served.notes()}\n\n{QUESTION}")
    assert CODE in message.text
    usage = message.usage_metadata
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    details = usage["input_token_details"]
    assert details["visual"] > 0
    assert details["visual"] + details["text"] == usage["input_tokens"]
    told = message.response_metadata
    assert (told["model_provider"], told["model_name"]) == ("glyph", served.model)
    assert (told["finish_reason"], told["truncated"]) == ("stop", False)
    assert told["visual_tokens"] > 0


def test_a_stream_comes_in_pieces(served):
    chunks = list(model_of(served).stream(f"{served.notes()}\n\n{QUESTION}"))
    assert len([chunk for chunk in chunks if chunk.text]) > 1


def test_one_model_serves_one_event_loop_after_the_other(served):
    model = model_of(served)
    for _ in range(2):
        assert CODE in ask(model, "ainvoke", f"{served.notes()}\n\n{QUESTION}").text


def test_a_batch_is_answered_side_by_side(served):
    given = [f"{served.notes()}\n\n{QUESTION}", f"{served.notes()}\n\nWho lives there?"]
    first, second = model_of(served).batch(given)
    assert CODE in first.text
    details = [one.usage_metadata["input_token_details"] for one in (first, second)]
    assert details[0]["visual"] == details[1]["visual"] > 0


def test_leaving_a_stream_ends_the_answer_on_the_server(served):
    model = model_of(served, max_tokens=min(served.window // 4, 8192))
    stream = model.stream(f"{served.notes()}\n\nTranscribe this page.")
    next(stream)
    assert served.running() == 1
    stream.close()
    assert comes_true(lambda: served.running() == 0)


def test_a_wrong_key_is_refused_and_not_shown(served):
    wrong = "sk-wrong-canary-9876543210"
    if served.api_key == "none":
        pytest.skip("the given server asks for no key: set GLYPH_API_KEY where it does")
    with pytest.raises(ServerError, match="GLYPH_API_KEY") as told:
        model_of(served, api_key=wrong).invoke(QUESTION)
    assert told.value.status == 401
    assert wrong not in str(told.value)
