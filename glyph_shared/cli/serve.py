"""``glyph serve``."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from glyph_shared.cli.console import err, note, printable, say
from glyph_shared.errors import ConfigError
from glyph_shared.reader import Reader
from glyph_shared.serving import (
    GLM_TOOL_PARSER,
    Progress,
    VllmConfig,
    opened_doors,
    serve_embedded,
    serve_vllm,
    shown_command,
    vllm_config,
)

_LOG_CHARS = 100


def _default(setting: str) -> str:
    return str(VllmConfig.model_fields[setting].default)


def serve(
    vllm_flags: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- VLLM_FLAGS...]", help="Go to vllm serve unchanged."),
    ] = None,
    *,
    embedded: Annotated[
        bool, typer.Option("--embedded", help="The embedded reader instead: no GPU, no download.")
    ] = False,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Its name on the hub, or a folder.",
            show_default=_default("model"),
        ),
    ] = None,
    served_name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="What clients call the model.",
            show_default=_default("served_name"),
        ),
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(
            metavar="HOST",
            help="Others than loopback let others in.",
            show_default=_default("host"),
        ),
    ] = None,
    port: Annotated[int, typer.Option(help="With --embedded 0 takes a free one.")] = 8000,
    max_model_len: Annotated[
        int | None,
        typer.Option(help="The window in tokens.", show_default=_default("max_model_len")),
    ] = None,
    max_pages: Annotated[
        int | None,
        typer.Option(help="Pages that one prompt may hold.", show_default=_default("max_pages")),
    ] = None,
    thinking: Annotated[
        bool | None,
        typer.Option(
            "--thinking/--no-thinking",
            help="Whether the model thinks; the embedded reader's weights do not.",
            show_default="thinking",
        ),
    ] = None,
    tools: Annotated[
        bool,
        typer.Option(
            "--tools",
            help="Let requests offer tools. GLM-4.1V's makers say that it supports none: vLLM "
            "holds calls to their form, but how well zai-org/Glyph chooses was not measured.",
        ),
    ] = False,
    show: Annotated[bool, typer.Option("--show", help="Print the vllm command and leave.")] = False,
) -> None:
    """Start vLLM with safe and fast flags, or the embedded reader, behind one HTTP API.

    Clients must send GLYPH_API_KEY if it is set here. Ctrl-C stops the server.
    """
    key = os.environ.get("GLYPH_API_KEY") or None
    given: dict[str, object] = {
        "model": model,
        "served_name": served_name,
        "host": host,
        "max_model_len": max_model_len,
        "max_pages": max_pages,
    }
    changed = {name: value for name, value in given.items() if value is not None}
    if embedded:
        if show or tools or vllm_flags or changed or thinking is not None:
            raise ConfigError(
                "--embedded starts no vLLM and takes --port alone; leave the rest out"
            )
        serve_embedded(Reader.load(), port=port, api_key=key, ready=_tell_ready)
        return
    if thinking is False:
        changed["reasoning_parser"] = None
    if tools:
        changed["tool_parser"] = GLM_TOOL_PARSER
    settings = vllm_config(port=port, api_key=key, extra_args=tuple(vllm_flags or ()), **changed)
    for opened in opened_doors(settings):
        note(opened)
    say(shown_command(settings))
    if not show:
        _run(settings)


def _run(settings: VllmConfig) -> None:
    with err.status("starting vLLM") as status:

        def loading(progress: Progress) -> None:
            line = printable(progress.log_line[:_LOG_CHARS]).replace("[", r"\[")
            status.update(f"{progress.seconds:.0f} s: {line}")

        def ready(url: str) -> None:
            status.stop()
            _tell_ready(url)

        serve_vllm(settings, on_progress=loading, ready=ready)


def _tell_ready(url: str) -> None:
    say(f"answering at {url} (Ctrl-C stops)")
