"""Servers for pages: vLLM with the right flags, and the embedded reader behind the same API."""

from glyph_shared.serving.embedded_app import embedded_app, model_entry
from glyph_shared.serving.embedded_server import running_embedded, serve_embedded
from glyph_shared.serving.reader_protocol import PageReader, Token
from glyph_shared.serving.vllm_command import (
    CHAT_TEMPLATE,
    GLM_TOOL_PARSER,
    VllmConfig,
    opened_doors,
    shown_command,
    vllm_arguments,
    vllm_config,
)
from glyph_shared.serving.vllm_process import (
    Progress,
    VllmServer,
    is_healthy,
    running_vllm,
    serve_vllm,
)

__all__ = [
    "CHAT_TEMPLATE",
    "GLM_TOOL_PARSER",
    "PageReader",
    "Progress",
    "Token",
    "VllmConfig",
    "VllmServer",
    "embedded_app",
    "is_healthy",
    "model_entry",
    "opened_doors",
    "running_embedded",
    "running_vllm",
    "serve_embedded",
    "serve_vllm",
    "shown_command",
    "vllm_arguments",
    "vllm_config",
]
