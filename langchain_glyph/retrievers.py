"""``GlyphCorpusRetriever``: retrieves everything, for a model that reads everything."""

from __future__ import annotations

from langchain_core.callbacks import (
    AsyncCallbackManagerForRetrieverRun,
    CallbackManagerForRetrieverRun,
)
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict, Field, field_validator

from glyph_shared import ConfigError, InputError
from langchain_glyph.page_documents import check_documents


class GlyphCorpusRetriever(BaseRetriever):
    """Returns all its documents, in order, whatever is asked.

        from langchain_core.documents import Document
        from langchain_glyph import GlyphCorpusRetriever

        documents = [Document("Call me Ishmael."), Document("Some years ago I went to sea.")]
        retriever = GlyphCorpusRetriever(documents=documents)  # store.as_retriever() before
        assert retriever.invoke("Who is speaking?") == documents

    In a chain that ends in ``ChatGlyph`` the documents go as text, which is drawn on the wire;
    ``render_pages`` draws them for other models, and takes pages that were drawn before.
    """

    model_config = ConfigDict(extra="forbid")

    documents: list[Document] = Field(repr=False)
    """Documents or pages, in reading order."""
    k: int | None = Field(default=None, ge=1)
    """At most so many, from the first on; by default all."""

    @field_validator("documents")
    @classmethod
    def _check(cls, documents: list[Document]) -> list[Document]:
        check_documents(documents)
        if not documents:
            raise InputError("there is nothing to retrieve; give at least one document")
        return documents

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, k: int | None = None
    ) -> list[Document]:
        return self._first(k)

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, k: int | None = None
    ) -> list[Document]:
        return self._first(k)

    def _first(self, k: int | None) -> list[Document]:
        if k is not None and k < 1:
            raise ConfigError(f"k must be positive; got {k}")
        return self.documents[: k or self.k]
