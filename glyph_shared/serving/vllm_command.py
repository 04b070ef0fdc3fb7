"""The ``vllm serve`` command that suits pages: what is switched on and off, and why.

==============================  ====================================================================
flag or variable                reason
==============================  ====================================================================
--host 127.0.0.1                the API key covers ``/v1`` only: /tokenize, /metrics and others stay
                                open, so the server is not put on a network by default
(no --allowed-local-media-path) with a path any client reads the server's images; ``/`` is common
                                advice and exposes the whole disk
--allowed-media-domains         pages arrive as data URLs: nothing is ever fetched for a client,
                                and redirects are off
--limit-mm-per-prompt           more pages than a window can hold are refused undecoded
--generation-config vllm        the checkpoint's own file would silently change the sampling
--chat-template                 the checkpoint's prints string messages as Python lists
--enable-prompt-tokens-details  replies tell how many visual tokens the pages cost
--enable-prefix-caching,        the second question on the same pages skips drawing, vision and
--mm-processor-cache-gb         prefill; a full window of pages takes 2.4 GB of the cache
--reasoning-parser glm45        thinking arrives apart from the answer
(no --tool-call-parser)         with one, vLLM takes what looks like a tool call out of every
                                answer, even where no tool was offered: a page that shows one would
                                be quoted with a hole; ``tool_parser`` switches it on
==============================  ====================================================================
"""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from glyph_shared.errors import ConfigError

CHAT_TEMPLATE = Path(__file__).with_name("chat_template.jinja")

# ``.invalid`` is reserved (RFC 2606), so the list is closed without being empty; vLLM reads an
# empty list as "every domain".
NO_MEDIA_DOMAIN = "none.invalid"

GLM_TOOL_PARSER = "glm47"
"""Reads the calls that the chat template asks for. In vLLM 0.32 ``glm45`` is another name for it;
in versions before, that one wants a line end behind the tool's name."""

QUIET_ENVIRONMENT = {
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_MEDIA_URL_ALLOW_REDIRECTS": "0",
    "VLLM_MAX_IMAGE_PIXELS": "40000000",
}
"""Set for every server: no telemetry, no redirects, images of at most 40 megapixels."""

_DOORS = {
    "--allowed-local-media-path": "any client reads the pictures below that path on this machine",
    "--allowed-media-domains": "the server fetches what clients name from those domains",
    "--trust-remote-code": "the checkpoint runs code of its own on this machine",
}


class VllmConfig(BaseModel):
    """What a vLLM server for pages is told; everything else goes through ``extra_args``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(default="zai-org/Glyph", min_length=1)
    """A name on the model hub or a checkpoint folder."""

    served_name: str = Field(default="glyph", min_length=1)
    """What clients call the model."""

    host: str = "127.0.0.1"
    """Anything but loopback opens the unprotected endpoints to that network."""

    port: Annotated[int, Field(ge=1, le=65535)] = 8000

    max_model_len: Annotated[int, Field(gt=0)] = 131_072
    """The window in tokens; GLM-4.1V's is 131,072."""

    max_pages: Annotated[int, Field(gt=0)] = 512
    """Pages allowed in one prompt; 512 pages of 254 visual tokens fill the window."""

    mm_cache_gib: Annotated[float, Field(ge=0)] = 8.0
    """Memory for prepared pages, in GiB. With 0 pages cannot be referred to by their id."""

    reasoning_parser: str | None = "glm45"
    """None for a model that does not think: else its whole answer would count as thinking."""

    tool_parser: str | None = None
    """``GLM_TOOL_PARSER`` lets requests offer tools, which vLLM refuses without a parser."""

    api_key: SecretStr | None = None
    """Handed over in the environment: an argument would be seen by every user of the machine."""

    extra_args: tuple[str, ...] = ()
    """More arguments for ``vllm serve``, last, such as ``("--tensor-parallel-size", "2")``."""

    environment: Mapping[str, str] = Field(default_factory=dict)
    """More environment variables for the server."""

    executable: str = "vllm"
    """The program; a bare name is looked for beside this Python first, then on the PATH."""

    def __getstate__(self) -> dict[Any, Any]:
        """Leaves the key out of pickles; who loads one gives it anew."""
        state = super().__getstate__()
        return {**state, "__dict__": {**state["__dict__"], "api_key": None}}

    @property
    def base_url(self) -> str:
        """Where the server answers, with the ``/v1`` that OpenAI clients expect."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/v1"


def vllm_config(**settings: object) -> VllmConfig:
    """Returns the checked configuration.

    Raises:
        ConfigError: A setting is unknown or impossible.
    """
    try:
        return VllmConfig.model_validate(settings)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        # A wrong key must not be shown back.
        value = "" if name == "api_key" else f"; got {first['input']!r}"
        raise ConfigError(f"serve setting {name!r}: {first['msg']}{value}") from None


def vllm_arguments(config: VllmConfig) -> list[str]:
    """Returns the arguments behind ``vllm serve``, the caller's own last so that they win."""
    arguments = [
        config.model,
        *("--served-model-name", config.served_name),
        *("--host", config.host),
        *("--port", str(config.port)),
        *("--max-model-len", str(config.max_model_len)),
        *("--limit-mm-per-prompt", json.dumps({"image": config.max_pages, "video": 0})),
        *("--mm-processor-cache-gb", f"{config.mm_cache_gib:g}"),
        *("--allowed-media-domains", NO_MEDIA_DOMAIN),
        *("--chat-template", str(CHAT_TEMPLATE)),
        *("--chat-template-content-format", "openai"),
        *("--generation-config", "vllm"),
        "--enable-prefix-caching",
        "--enable-prompt-tokens-details",
    ]
    if config.reasoning_parser is not None:
        arguments += ["--reasoning-parser", config.reasoning_parser]
    if config.tool_parser is not None:
        arguments += ["--enable-auto-tool-choice", "--tool-call-parser", config.tool_parser]
    return [*arguments, *config.extra_args]


def opened_doors(config: VllmConfig) -> list[str]:
    """Says which of the caller's own arguments lift a protection, and what that means."""
    # vLLM takes underscores for dashes too.
    names = [word.partition("=")[0].replace("_", "-") for word in config.extra_args]
    return [f"with {name} {meaning}" for name, meaning in _DOORS.items() if name in names]


def vllm_environment(config: VllmConfig) -> dict[str, str]:
    """Returns the variables set for the server on top of the caller's; holds the key in clear."""
    variables = {**QUIET_ENVIRONMENT, **config.environment}
    if config.api_key is not None:
        variables["VLLM_API_KEY"] = config.api_key.get_secret_value()
    return variables


def find_executable(config: VllmConfig) -> str:
    """Finds the ``vllm`` program.

    Raises:
        ConfigError: There is none.
    """
    beside_python = str(Path(sys.executable).parent)
    found = shutil.which(config.executable, path=beside_python) or shutil.which(config.executable)
    if found is None:
        raise ConfigError(
            f"no program {config.executable!r} here: on a machine with a GPU run `pip install "
            '"glyph-context[serve]"` (in a checkout `pip install ".[serve]"`); without one, '
            "`glyph serve --embedded` starts the small reader"
        )
    return found


def shown_command(config: VllmConfig) -> str:
    """Returns the command as one shell line, the key replaced by a reference to its variable."""
    variables = vllm_environment(config)
    if config.api_key is not None:
        del variables["VLLM_API_KEY"]
    words = [f"{name}={shlex.quote(value)}" for name, value in variables.items()]
    if config.api_key is not None:
        words.append('VLLM_API_KEY="$GLYPH_API_KEY"')
    return " ".join([*words, config.executable, "serve", shlex.join(vllm_arguments(config))])
