"""Whatever is asked, all documents come back; LangChain's suite for retrievers, too."""

from __future__ import annotations

import asyncio
import json
import pickle

import pytest
from langchain_core.documents import Document
from langchain_tests.integration_tests import RetrieversIntegrationTests
from pydantic import ValidationError
from samples import diary

from glyph_shared import ConfigError, InputError
from langchain_glyph import GlyphCorpusRetriever

DOCUMENTS = [Document(f"It rained on day {number}.") for number in range(5)]


@pytest.mark.anyio
class TestStandard(RetrieversIntegrationTests):
    @property
    def retriever_constructor(self):
        return GlyphCorpusRetriever

    @property
    def retriever_constructor_params(self):
        return {"documents": DOCUMENTS}

    @property
    def retriever_query_example(self):
        return "When did it rain?"


@pytest.mark.parametrize("question", ["When did it rain?", "", "day 4"])
def test_all_documents_come_in_their_order_whatever_is_asked(question):
    retriever = GlyphCorpusRetriever(documents=DOCUMENTS)
    assert retriever.invoke(question) == DOCUMENTS
    assert asyncio.run(retriever.ainvoke(question)) == DOCUMENTS
    assert retriever.batch([question] * 20) == [DOCUMENTS] * 20
    assert asyncio.run(retriever.abatch([question] * 3)) == [DOCUMENTS] * 3


def test_a_number_of_documents_can_be_asked_for_in_event_loops_too():
    retriever = GlyphCorpusRetriever(documents=DOCUMENTS, k=4)
    assert retriever.invoke("?") == DOCUMENTS[:4]
    assert asyncio.run(retriever.ainvoke("?", k=2)) == DOCUMENTS[:2]
    with pytest.raises(ConfigError, match="got 0"):
        retriever.invoke("?", k=0)
    with pytest.raises(ValidationError):
        GlyphCorpusRetriever(documents=DOCUMENTS, k=0)


def test_the_list_that_comes_back_may_be_changed():
    retriever = GlyphCorpusRetriever(documents=DOCUMENTS)
    retriever.invoke("?").clear()
    assert retriever.invoke("?") == DOCUMENTS


@pytest.mark.parametrize("given", [[], [Document.model_construct(page_content=None)]])
def test_without_documents_there_is_nothing_to_retrieve(given):
    with pytest.raises(InputError):
        GlyphCorpusRetriever(documents=given)


@pytest.mark.parametrize("given", [["text"], "text", None])
def test_what_is_no_document_is_refused(given):
    with pytest.raises(ValidationError, match="documents"):
        GlyphCorpusRetriever(documents=given)


def test_it_comes_back_from_what_is_written_down():
    retriever = GlyphCorpusRetriever(documents=DOCUMENTS, k=3)
    again = GlyphCorpusRetriever(**json.loads(retriever.model_dump_json()))
    assert again.invoke("?") == DOCUMENTS[:3]
    assert pickle.loads(pickle.dumps(retriever)).invoke("?") == DOCUMENTS[:3]


def test_an_unknown_setting_is_refused():
    with pytest.raises(ValidationError, match="top_k"):
        GlyphCorpusRetriever(documents=DOCUMENTS, top_k=3)


def test_its_name_in_logs_does_not_hold_the_corpus():
    assert "rained" not in repr(GlyphCorpusRetriever(documents=[diary()]))
