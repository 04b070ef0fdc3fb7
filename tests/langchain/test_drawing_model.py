"""A model before which pages are drawn does all that the model does: LangChain's own suite."""

from __future__ import annotations

import pytest
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableLambda
from langchain_openai import ChatOpenAI
from langchain_tests.integration_tests import ChatModelIntegrationTests
from local_file import LocalFile
from obliging_model import oblige
from test_chat_ways import LONG, images

from glyph_shared import ConfigError
from langchain_glyph.drawing import Drawing
from langchain_glyph.drawing_model import DrawingModel
from tests.scripted_server import ScriptedServer

pytestmark = [
    pytest.mark.anyio,  # runs the asynchronous ones
    # One test gives a schema of pydantic 1, for which LangChain warns and calls a tool.
    pytest.mark.filterwarnings("ignore:Received a Pydantic BaseModel V1:UserWarning"),
]


class TestBeforeChatOpenAI(ChatModelIntegrationTests):
    @pytest.fixture(autouse=True)
    def _served(self, monkeypatch):
        monkeypatch.setattr("langchain_tests.integration_tests.chat_models.httpx.get", LocalFile)
        with ScriptedServer(oblige) as server:
            self.base_url = server.base_url
            yield

    @property
    def chat_model_class(self):
        return ChatOpenAI

    @property
    def chat_model_params(self):
        return {
            "base_url": self.base_url,
            "api_key": "sk-other",
            "model": "other",
            "stream_usage": True,
        }

    @pytest.fixture
    def model(self):
        return DrawingModel.of(ChatOpenAI(**self.chat_model_params), Drawing())

    @property
    def model_override_value(self):
        return "another"

    @property
    def supports_json_mode(self):
        return True

    @property
    def supports_image_inputs(self):
        return True

    @property
    def supports_image_tool_message(self):
        return True

    @property
    def supports_pdf_inputs(self):
        return True


def test_tools_are_the_models_own_and_pages_are_drawn_before_them():
    with ScriptedServer(oblige) as server:
        inner = ChatOpenAI(base_url=server.base_url, api_key="sk-other", model="other")
        bound = DrawingModel.of(inner, Drawing()).bind_tools([look_up], tool_choice="any")
        said = bound.invoke([HumanMessage(f"{LONG}Which code has 'Lisbon'?")])
    assert said.tool_calls[0]["args"] == {"office": "Lisbon"}
    assert server.requests[0]["tool_choice"] == "required"
    assert images(server.requests[0])


def look_up(office: str) -> str:
    """Looks an access code up."""
    return office


def test_a_model_whose_tools_hide_it_is_told():
    class Hidden(FakeListChatModel):
        def bind_tools(self, tools, **_):
            return RunnableLambda(lambda given: given)

    model = DrawingModel.of(Hidden(responses=["x"]), Drawing())
    with pytest.raises(ConfigError, match=r"Hidden with tools is a RunnableLambda.*render_pages"):
        model.bind_tools([look_up])


def test_messages_are_counted_as_they_would_be_sent():
    model = DrawingModel.of(FakeListChatModel(responses=["x"]), Drawing())
    text = Drawing(long_text_tokens=1_000_000)
    plain = DrawingModel.of(FakeListChatModel(responses=["x"]), text)
    counted = model.get_num_tokens_from_messages([HumanMessage(LONG)])
    assert 2 * counted < plain.get_num_tokens_from_messages([HumanMessage(LONG)])
    assert model.get_num_tokens_from_messages([HumanMessage("Hi")], tools=[look_up]) > 20
