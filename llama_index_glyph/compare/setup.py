"""Which arms a comparison has, made from a few settings."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import Any, Literal, get_args

from llama_index.core.embeddings import BaseEmbedding, resolve_embed_model

from glyph_shared import AsyncGlyphClient, ConfigError, Document, RenderConfig
from glyph_shared.asking import Endpoint
from glyph_shared.asking.options import Options
from glyph_shared.planning import Overflow, pick_counter
from llama_index_glyph.compare.answerers import Answerer, PageAnswerer, TextAnswerer
from llama_index_glyph.compare.arms import (
    FullContext,
    Hybrid,
    Rag,
    bm25_retriever,
    chunks,
    embedding_retriever,
)
from llama_index_glyph.compare.reading import Arm
from llama_index_glyph.llm import GlyphLLM

ArmName = Literal["glyph", "rag-bm25", "rag-embedding", "hybrid", "text"]

DEFAULT_ARMS: tuple[ArmName, ...] = ("glyph", "rag-bm25")

_OF_LLAMA_INDEX = ("local", "clip")
"""What LlamaIndex's own names begin with."""

_OF_REQUESTS = ("overflow", "max_pages", "max_tokens", "window")
"""Settings that are options of ``GlyphClient.ask`` too."""


@dataclass(frozen=True)
class Settings:
    """How the arms work.

    Attributes:
        arms: Who is compared.
        chunk_size: The most text tokens of a chunk; LlamaIndex's default.
        chunk_overlap: Text tokens that a chunk repeats of the one before; LlamaIndex's default.
        top_k: How many chunks are retrieved; LlamaIndex's default.
        embedding: A name that LlamaIndex resolves, such as ``local:BAAI/bge-small-en-v1.5``, or
            where one is, as ``my_app.embeddings:model``, or its class; None where no arm embeds,
            for none is taken by default.
        config: θ; else what the server names, else preset ``en``.
        overflow: What pages do that do not fit one request; see ``PageAnswerer``.
        max_pages: The most pages of one request.
        max_tokens: The longest answer.
        window: Tokens that a text arm may use; else what the server says.

    Raises:
        ConfigError: A value is impossible.
    """

    arms: tuple[ArmName, ...] = DEFAULT_ARMS
    chunk_size: int = 1024
    chunk_overlap: int = 200
    top_k: int = 2
    embedding: str | None = None
    config: RenderConfig | None = None
    overflow: Overflow | None = None
    max_pages: int | None = None
    max_tokens: int | None = None
    window: int | None = None

    def __post_init__(self) -> None:
        Options.check({name: getattr(self, name) for name in _OF_REQUESTS})
        if self.top_k < 1:
            raise ConfigError(f"top_k must be at least 1; got {self.top_k}")

    def values(self) -> dict[str, Any]:
        """Returns the settings as a report shows them."""
        theta = self.config.theta_hash if self.config else None
        return {**asdict(self), "arms": list(self.arms), "config": theta}


def checked_arms(names: Iterable[str]) -> tuple[ArmName, ...]:
    """Returns the names of arms, each once.

    Raises:
        ConfigError: One is none.
    """
    known: dict[str, ArmName] = {name: name for name in get_args(ArmName)}
    if unknown := [name for name in names if name not in known]:
        raise ConfigError(f"an arm must be one of {', '.join(known)}; got {unknown[0]!r}")
    return tuple(dict.fromkeys(known[name] for name in names))


async def make_arms(
    documents: Sequence[Document],
    settings: Settings,
    endpoint: Endpoint,
    client: AsyncGlyphClient,
    *,
    embedding: BaseEmbedding | None = None,
) -> dict[str, Arm]:
    """Makes the arms; all of them ask the same model.

    The embedded reader reads pages alone, so it is shown what was retrieved as pages of its own
    look. Other models are shown retrieved chunks as text, as RAG does.

    Args:
        documents: What is asked about.
        settings: Which arms, and how they work.
        endpoint: Where the model is.
        client: Asks it about pages.
        embedding: A LlamaIndex embedding, instead of the settings' name.

    Raises:
        ConfigError: An arm cannot work with this model or these settings.
        ServerError: The server cannot be reached.
    """
    bare = (await client.model_entry()).reads_chars(settings.config)
    pages = PageAnswerer(
        client,
        bare=bare,
        config=settings.config,
        overflow=settings.overflow,
        max_pages=settings.max_pages,
        max_tokens=settings.max_tokens,
    )
    retrieved = pages if bare else await asyncio.to_thread(_text, settings, endpoint)
    made = _Arms(documents, settings, pages, retrieved)
    return {name: made.arm(name, embedding) for name in settings.arms}


def _text(settings: Settings, endpoint: Endpoint) -> TextAnswerer:
    key = endpoint.api_key
    llm = GlyphLLM(
        endpoint.base_url,
        model=endpoint.model,
        api_key=key,
        draws_pages=False,
        max_tokens=settings.max_tokens,
    )
    counter = pick_counter(
        base_url=endpoint.base_url,
        model=endpoint.model,
        api_key=key.get_secret_value() if key else None,
    )
    return TextAnswerer(llm, counter, window=settings.window)


class _Arms:
    def __init__(
        self,
        documents: Sequence[Document],
        settings: Settings,
        pages: PageAnswerer,
        retrieved: Answerer,
    ) -> None:
        self._documents = documents
        self._settings = settings
        self._pages = pages
        self._retrieved = retrieved

    def arm(self, name: ArmName, embedding: BaseEmbedding | None) -> Arm:
        if name == "glyph":
            return FullContext(self._documents, self._pages)
        if name == "text":
            if not isinstance(self._retrieved, TextAnswerer):
                raise ConfigError("the embedded reader reads no text; leave the arm 'text' out")
            return FullContext(self._documents, self._retrieved)
        nodes = chunks(self._documents, self._settings.chunk_size, self._settings.chunk_overlap)
        if name == "rag-embedding":
            model = embedding or _embedding(self._settings.embedding)
            retriever = embedding_retriever(nodes, model, self._settings.top_k)
            return Rag(retriever, self._retrieved)
        retriever = bm25_retriever(nodes, self._settings.top_k)
        if name == "hybrid":
            return Hybrid(self._documents, retriever, self._pages)
        return Rag(retriever, self._retrieved)


def _embedding(name: str | None) -> BaseEmbedding:
    if name is None:
        raise ConfigError(
            "the arm 'rag-embedding' needs an embedding, and none is fetched unasked; name one "
            "as LlamaIndex does, such as local:/models/bge-small-en-v1.5, or one of your own, such "
            "as my_app.embeddings:model"
        )
    module, _, attribute = name.partition(":")
    try:
        if attribute and module not in _OF_LLAMA_INDEX:
            return _imported(module, attribute)
        return resolve_embed_model(name)
    except (ImportError, AttributeError, OSError, TypeError, ValueError) as error:
        raise ConfigError(f"LlamaIndex cannot make the embedding {name!r}: {error}") from None


def _imported(module: str, attribute: str) -> BaseEmbedding:
    """Returns an embedding, or makes one of its class."""
    found = getattr(import_module(module), attribute)
    made = found() if isinstance(found, type) else found
    if not isinstance(made, BaseEmbedding):
        raise TypeError(f"it is a {type(made).__name__}, not one of LlamaIndex's embeddings")
    return made
