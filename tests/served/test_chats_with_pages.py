"""The pages of a chat go over the wire once, through both faces, to a real vLLM.

``config`` is left out: to the faces this is a server of Glyph, and short turns stay text.
"""

from __future__ import annotations

import pytest

pytest.importorskip("llama_index.llms.openai_like")
pytest.importorskip("langchain_openai")

from llama_index.core.llms import ChatMessage

from tests.served.forms import BODY
from tests.served.relay import Relay
from tests.served.server import FILLER
from tests.served.test_langchain_face import model_of
from tests.served.test_llama_index_face import llm_of

pytestmark = pytest.mark.server

NEXT = [("assistant", "Jane."), ("user", "And when?")]


def chat_about(name: str) -> list[tuple[str, str]]:
    """Returns a chat whose pages no other test shows, and which stays short enough to grow."""
    told = "".join(f"Day {day} of {name}. {FILLER}" for day in range(250))
    return [("user", told), ("assistant", "I see."), ("user", "Who?")]


def langchain_asks(server, base_url):
    model = model_of(server, base_url=base_url, config=None, max_tokens=20, extra_body=BODY)

    def ask(chat):
        message = model.invoke(chat)
        details = message.usage_metadata["input_token_details"]
        return message.response_metadata["pages"], details["visual"], details["cache_read"]

    return ask


def llama_index_asks(server, base_url):
    settings = {"max_tokens": 20, "additional_kwargs": {"extra_body": BODY}}
    llm = llm_of(server, base_url=base_url, config=None, **settings)

    def ask(chat):
        told = llm.chat([ChatMessage(role=role, content=text) for role, text in chat])
        told = told.additional_kwargs
        return told["pages"], told["visual_tokens"], told["cached_tokens"]

    return ask


@pytest.mark.parametrize("asks", [langchain_asks, llama_index_asks])
def test_a_second_question_of_a_chat_sends_no_bytes_of_its_pages(vllm, asks):
    chat = chat_about(asks.__name__)
    with Relay(vllm.base_url) as relay:
        ask = asks(vllm, relay.base_url)
        pages, _, _ = ask(chat)
        sent_first = relay.take()
        pages_again, visual_tokens, cached_tokens = ask([*chat, *NEXT])
        sent_second = relay.take()
    assert pages == pages_again > 1
    assert sent_first > 10_000 * pages
    assert sent_second < 5_000 + 500 * pages
    assert cached_tokens > 0.8 * visual_tokens
