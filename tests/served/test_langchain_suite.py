"""LangChain's standard suite on a real vLLM with the embedded reader's weights.

The reader calls no tool and fills no schema of its own accord, but vLLM holds it to a form where
one is demanded. What takes a model that chooses runs on the scripted server of ``tests/langchain``.
"""

from __future__ import annotations

import pytest

pytest.importorskip("langchain_openai")
pytest.importorskip("langchain_tests")

from langchain_tests.integration_tests import ChatModelIntegrationTests

from langchain_glyph import ChatGlyph
from tests.langchain.local_file import LocalFile
from tests.langchain.suite_table import differing
from tests.served.forms import ENDS_SOON
from tests.served.launch import NAME

pytestmark = [
    pytest.mark.server,
    pytest.mark.anyio,  # runs the asynchronous ones
    # One test gives a schema of pydantic 1, for which LangChain warns and calls a tool.
    pytest.mark.filterwarnings("ignore:Received a Pydantic BaseModel V1:UserWarning"),
]

_chooses = pytest.mark.xfail(reason="the reader looks facts up and chooses no tool", run=False)
_fills = pytest.mark.xfail(reason="the reader gives no tool what it was asked to", run=False)
_names = pytest.mark.xfail(reason="the reader names no field that no schema demands", run=False)


class TestOnVllm(ChatModelIntegrationTests):
    @pytest.fixture(autouse=True)
    def _served(self, monkeypatch, vllm):
        monkeypatch.setattr("langchain_tests.integration_tests.chat_models.httpx.get", LocalFile)
        monkeypatch.setenv("GLYPH_BASE_URL", vllm.base_url)
        monkeypatch.setenv("GLYPH_API_KEY", vllm.api_key)

    @property
    def chat_model_class(self):
        return ChatGlyph

    @property
    def chat_model_params(self):
        extra_body = {"stop_token_ids": [], "logit_bias": ENDS_SOON}
        return {"temperature": 0, "max_tokens": 60, "extra_body": extra_body}

    @property
    def model_override_value(self):
        return NAME

    @property
    def supports_json_mode(self):
        return True

    @property
    def supports_pdf_inputs(self):
        return True

    @property
    def supports_image_inputs(self):
        return True

    @property
    def supports_image_tool_message(self):
        return True

    @property
    def supports_pdf_tool_message(self):
        return True

    @_chooses
    def test_tool_calling(self, model):
        super().test_tool_calling(model)

    @_chooses
    async def test_tool_calling_async(self, model):
        await super().test_tool_calling_async(model)

    @_chooses
    def test_agent_loop(self, model):
        super().test_agent_loop(model)

    @_fills
    def test_bind_runnables_as_tools(self, model):
        super().test_bind_runnables_as_tools(model)

    @_fills  # for classes of pydantic 1 LangChain calls a tool
    def test_structured_output_pydantic_2_v1(self, model):
        super().test_structured_output_pydantic_2_v1(model)

    @_names
    def test_json_mode(self, model):
        super().test_json_mode(model)

    @_fills
    def test_unicode_tool_call_integration(self, model):
        super().test_unicode_tool_call_integration(model)


def test_the_table_of_suites_tells_what_this_one_came_to(outcomes_of_suites):
    assert not differing(outcomes_of_suites)
