"""Who counts text tokens: the model's server, a tokenizer file, tiktoken, or an estimate.

Each counter has a name, which goes wherever its counts go. None of them downloads anything.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from glyph_shared.errors import ConfigError, ServerError
from glyph_shared.planning.address import ServerAddress
from glyph_shared.planning.estimate import estimate_text_tokens
from glyph_shared.planning.server_api import TokenServer

_PIECE = 1 << 19
"""Chars given to a tokenizer at a time; a cut at a line's end changes a count by a token or so."""

_PROBE_SECONDS = 5.0

# sha256 of the vocabularies, from tiktoken's own list (tiktoken_ext/openai_public.py).
_TIKTOKEN_URL = "https://openaipublic.blob.core.windows.net/encodings/{}.tiktoken"
_TIKTOKEN_SHA256 = {
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
}


class TextTokenCounter(Protocol):
    """Counts the tokens of a text and says by whose rules."""

    @property
    def name(self) -> str:
        """Names the tokenizer, for reports."""

    def count(self, text: str) -> int:
        """Counts the tokens of a text, special tokens of the chat left out."""


class EstimateCounter:
    """Counts by the rule of ``estimate``; needs nothing, and says that it is an estimate."""

    name = "estimate"

    def count(self, text: str) -> int:
        """Estimates the tokens of a text."""
        return estimate_text_tokens(text)


class FileTokenCounter:
    """Counts with a ``tokenizer.json``, such as the one in a model's folder.

    Raises:
        ConfigError: The file is absent or no tokenizer.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        from tokenizers import Tokenizer

        file = Path(path)
        if file.is_dir():
            file /= "tokenizer.json"
        try:
            source = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"cannot read a tokenizer from {str(file)!r}: {error}") from None
        try:
            self._tokenizer = Tokenizer.from_str(source)
        except Exception as error:  # tokenizers raises the bare class, nothing narrower
            raise ConfigError(
                f"{str(file)!r} is not a tokenizer.json of the tokenizers library: {error}"
            ) from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self.name = f"{file.resolve().parent.name}/{file.name}"

    def count(self, text: str) -> int:
        """Counts the tokens of a text."""
        return _in_pieces(text, self._count_piece)

    def _count_piece(self, piece: str) -> int:
        encoding = self._tokenizer.encode(_encodable(piece), add_special_tokens=False)
        return len(encoding.ids)


class TiktokenCounter:
    """Counts with tiktoken, if it is installed and its vocabulary is on this machine.

    tiktoken would download an absent or damaged vocabulary; this counter refuses instead.

    Raises:
        ConfigError: tiktoken or its vocabulary is not there.
    """

    def __init__(self, encoding: str = "cl100k_base") -> None:
        if encoding not in _TIKTOKEN_SHA256:
            known = ", ".join(_TIKTOKEN_SHA256)
            raise ConfigError(f"encoding must be one of {known}; got {encoding!r}")
        if not _has_tiktoken(encoding):
            raise ConfigError(
                f"tiktoken's vocabulary {encoding} is not on this machine; pip install tiktoken, "
                "set TIKTOKEN_CACHE_DIR to a folder that holds it, or use another counter"
            )
        tiktoken: Any = importlib.import_module("tiktoken")
        self._encoding = tiktoken.get_encoding(encoding)
        self.name = encoding

    def count(self, text: str) -> int:
        """Counts the tokens of a text; special tokens in it count as the chars they are."""
        encode = partial(self._encoding.encode, disallowed_special=())
        return _in_pieces(text, lambda piece: len(encode(_encodable(piece))))


class ServerTokenCounter:
    """Counts with the ``/tokenize`` route of vLLM or of the embedded reader.

    Args:
        address: The server's OpenAI address, with or without ``/v1`` and credentials; or a checked
            one, which brings its key.
        model: The served name; None takes the server's only model.
        api_key: Sent as a bearer token if given.
        timeout: Seconds for one request.
    """

    def __init__(
        self,
        address: str | ServerAddress,
        *,
        model: str | None = None,
        api_key: str | None = None,
        timeout: float = 60.0,
    ) -> None:
        if isinstance(address, str):
            address = ServerAddress.of(address, api_key)
        self._server = TokenServer(address, timeout=timeout)
        self._model = model
        self.name = f"{model or 'model'} at {self._server.host}"

    def count(self, text: str) -> int:
        """Counts the tokens of a text.

        Raises:
            ServerError: The server can't be reached or refuses.
        """
        return _in_pieces(text, partial(self._server.count, model=self._model))


def pick_counter(
    *,
    tokenizer_file: str | os.PathLike[str] | None = None,
    base_url: str | None = None,
    model: str | None = None,
    api_key: str | None = None,
) -> TextTokenCounter:
    """Picks the best counter there is.

    The order: the tokenizer file, if one is named; the server, if it answers and its tokenizer
    is a real one (one token per char, as the embedded reader has, would make any ratio look
    grand); tiktoken with a vocabulary already on this machine; the estimate. The counter's
    name tells which it was.

    Raises:
        ConfigError: The named tokenizer file is no tokenizer, or the address no address.
    """
    if tokenizer_file is not None:
        return FileTokenCounter(tokenizer_file)
    if base_url and (counter := _server_counter(ServerAddress.of(base_url, api_key), model)):
        return counter
    if _has_tiktoken("cl100k_base"):
        return TiktokenCounter("cl100k_base")
    return EstimateCounter()


def _server_counter(address: ServerAddress, model: str | None) -> ServerTokenCounter | None:
    """Returns the server's own counter, if the server answers and counts more than chars."""
    server = TokenServer(address, timeout=_PROBE_SECONDS)
    try:
        served = server.entry(model)
        if served.tokenizer == "character" or server.count("a word", model=served.name) == 0:
            return None
    except ServerError:
        return None
    # By its served name, because a count without its tokenizer's name says little.
    return ServerTokenCounter(address, model=served.name)


def _has_tiktoken(encoding: str) -> bool:
    """Tells whether ``tiktoken.get_encoding`` would find its file without a download."""
    if importlib.util.find_spec("tiktoken") is None:
        return False
    # tiktoken names a cached file by the sha1 of its address and fetches it anew if it is damaged.
    name = hashlib.sha1(_TIKTOKEN_URL.format(encoding).encode(), usedforsecurity=False).hexdigest()
    try:
        data = (_tiktoken_folder() / name).read_bytes()
    except OSError:
        return False
    return hashlib.sha256(data).hexdigest() == _TIKTOKEN_SHA256[encoding]


def _tiktoken_folder() -> Path:
    for variable in ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR"):
        if variable in os.environ:
            return Path(os.environ[variable])
    return Path(tempfile.gettempdir(), "data-gym-cache")


def _in_pieces(text: str, count: Callable[[str], int]) -> int:
    """Sums the counts of pieces that end where lines end, wherever there are lines."""
    total, start = 0, 0
    while start < len(text):
        stop = len(text)
        if stop - start > _PIECE:
            stop = text.rfind("\n", start, start + _PIECE) + 1 or start + _PIECE
        total += count(text[start:stop])
        start = stop
    return total


def _encodable(text: str) -> str:
    """Replaces lone surrogates, which no tokenizer takes, as the renderer does."""
    return text.encode("utf-8", "replace").decode("utf-8")
