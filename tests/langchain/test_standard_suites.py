"""LangChain's own suites: what every chat model has to do, here on two servers.

On the embedded reader run the tests of plain chat; on a scripted server those too, and all that
takes a larger model: tools, schemas, files and images. ``tests/served`` runs them on vLLM.
"""

from __future__ import annotations

import pytest
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests
from local_file import LocalFile
from obliging_model import oblige

from glyph_shared import ConfigError
from langchain_glyph import ChatGlyph
from tests.scripted_server import ScriptedServer

pytestmark = [
    pytest.mark.anyio,  # runs the asynchronous ones
    # One test gives a schema of pydantic 1, for which LangChain warns and calls a tool.
    pytest.mark.filterwarnings("ignore:Received a Pydantic BaseModel V1:UserWarning"),
]

BEYOND_READER = "the embedded reader looks facts up, and does nothing else"


class TestUnit(ChatModelUnitTests):
    @property
    def chat_model_class(self):
        return ChatGlyph

    @property
    def chat_model_params(self):
        return {"base_url": "http://127.0.0.1:9/v1", "model": "glyph"}

    @property
    def init_from_env_params(self):
        environment = {
            "GLYPH_BASE_URL": "http://127.0.0.1:9/v1",
            "GLYPH_API_KEY": "sk-glyph",
            "GLYPH_MODEL": "glyph",
        }
        expected = {"openai_api_base": environment["GLYPH_BASE_URL"], "model_name": "glyph"}
        return environment, {}, expected


class TestOnAScriptedServer(ChatModelIntegrationTests):
    @pytest.fixture(autouse=True)
    def _served(self, monkeypatch):
        monkeypatch.setattr("langchain_tests.integration_tests.chat_models.httpx.get", LocalFile)
        with ScriptedServer(oblige) as server:
            monkeypatch.setenv("GLYPH_BASE_URL", server.base_url)
            yield

    @property
    def chat_model_class(self):
        return ChatGlyph

    @property
    def model_override_value(self):
        return "another"

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


class TestOnTheEmbeddedReader(ChatModelIntegrationTests):
    @pytest.fixture(autouse=True)
    def _served(self, monkeypatch, reader_url):
        monkeypatch.setenv("GLYPH_BASE_URL", reader_url)

    @property
    def chat_model_class(self):
        return ChatGlyph

    @property
    def model_override_value(self):
        return "glyph-reader"

    @property
    def has_tool_calling(self):
        return False

    @property
    def has_structured_output(self):
        return False

    @pytest.mark.xfail(reason=BEYOND_READER, raises=ConfigError, strict=True)
    def test_stop_sequence(self, model):
        super().test_stop_sequence(model)
