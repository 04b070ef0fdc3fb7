"""Forms that vLLM holds a model to, asked for through the faces: schemas and calls of tools.

The reader's weights make no sense of them, so what is looked at is the form, and that a request is
taken and answered. ``config`` is left out: to the faces this is a server of Glyph.
"""

from typing import Any, Literal

import pytest

pytest.importorskip("llama_index.llms.openai_like")
pytest.importorskip("langchain_openai")

from langchain_core.exceptions import ContextOverflowError
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from llama_index.core import PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel, Field

from langchain_glyph import ChatGlyph
from llama_index_glyph import GlyphLLM
from tests.langchain.chat_ways import ask
from tests.served.forms import BODY
from tests.served.server import FILLER, Served
from tests.served.test_langchain_face import model_of
from tests.served.test_llama_index_face import llm_of

pytestmark = pytest.mark.server

LONG = FILLER * 300


class Place(BaseModel):
    """An office."""

    city: Literal["Lisbon", "Oslo"]
    code: int = Field(ge=1000, le=9999)


def find(w: Literal["ship", "port"]) -> str:
    """Finds a word."""
    return f"{w} is on page 7"


def chat_model(served: Served, **settings: Any) -> ChatGlyph:
    given = {"config": None, "max_tokens": 120, "extra_body": BODY}
    return model_of(served, **given | settings)


def llm(served: Served, **settings: Any) -> GlyphLLM:
    given = {"config": None, "max_tokens": 120, "additional_kwargs": {"extra_body": BODY}}
    return llm_of(served, **given | settings)


@pytest.mark.parametrize("text", ["", LONG], ids=["text", "pages"])
def test_a_chat_models_answer_follows_a_schema(vllm, text):
    model = chat_model(vllm).with_structured_output(Place, include_raw=True)
    made = model.invoke(f"{text}Which office?")
    assert isinstance(made["parsed"], Place)
    assert bool(made["raw"].response_metadata["pages"]) == bool(text)


@pytest.mark.parametrize("text", ["", LONG], ids=["text", "pages"])
def test_an_llms_answer_follows_a_schema(vllm, text):
    made = llm(vllm).structured_predict(Place, PromptTemplate("{text}Which office?"), text=text)
    assert isinstance(made, Place)


@pytest.mark.parametrize("way", ["invoke", "astream"])
def test_a_chat_model_is_offered_tools_and_answers_without(vllm, way):
    message = ask(chat_model(vllm, max_tokens=20).bind_tools([find]), way, f"{LONG}Who spoke?")
    assert message.text
    assert not message.tool_calls
    assert message.response_metadata["pages"] > 1


@pytest.mark.parametrize("way", ["invoke", "astream"])
def test_a_chat_model_calls_the_tool_that_it_has_to(vllm, way):
    model = chat_model(vllm).bind_tools([find], tool_choice="find", strict=True)
    [call] = ask(model, way, "Where is the ship?").tool_calls
    assert call["name"] == "find"
    assert call["args"]["w"] in ("ship", "port")


def test_a_chat_model_is_told_what_its_tool_found(vllm):
    call = {"name": "find", "args": {"w": "ship"}, "id": "c1"}
    history = [
        HumanMessage("Where is the ship?"),
        AIMessage("", tool_calls=[call]),
        ToolMessage(find("ship"), tool_call_id="c1"),
    ]
    assert chat_model(vllm).bind_tools([find]).invoke(history).text


@pytest.mark.parametrize("kind", ["chat", "stream_chat"])
def test_an_llm_calls_the_tool_that_it_has_to(vllm, kind):
    tools = [FunctionTool.from_defaults(find)]
    model = llm(vllm, strict=True)
    made = getattr(model, f"{kind}_with_tools")(tools, "Where is the ship?", tool_required=True)
    response = list(made)[-1] if kind == "stream_chat" else made
    [call] = model.get_tool_calls_from_response(response)
    assert call.tool_name == "find"
    assert call.tool_kwargs["w"] in ("ship", "port")


def test_an_llm_is_offered_tools_and_answers_without(vllm):
    model = llm(vllm)
    made = model.chat_with_tools([FunctionTool.from_defaults(find)], "Who spoke?")
    assert made.message.content
    assert model.get_tool_calls_from_response(made, error_on_no_tool_call=False) == []


def test_what_vllm_finds_too_long_is_langchains_overflow(vllm):
    """A char is a token of the reader's, and several are one by the count that is made here."""
    with pytest.raises(ContextOverflowError, match=str(vllm.window)):
        chat_model(vllm, draws_pages=False).invoke(FILLER * (vllm.window // len(FILLER) + 1))
