"""Nodes become documents of the ground, and whatever is cited leads back to its place."""

from __future__ import annotations

import random

import pytest
from llama_index.core import Document
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import TextNode

from glyph_shared import RenderConfig
from llama_index_glyph import GlyphLLM, GlyphNodeParser, GlyphQueryEngine
from llama_index_glyph.corpus import Corpus
from tests.scripted_server import ScriptedServer, answer

SMALL = RenderConfig(page_size=(560, 280))
WORDS = [
    "fish",
    "ship",
    "sea",
    "captain",
    "silver",
    "storm",
    "harbour",
    "night",
    "rope",
    "lantern",
    "海",
    "Öl",
    "4711",
]
BREAKS = ["\n", "\n\n", "\r\n", " ", "  ", "\n    "]


def text_of(seed, pieces=400):
    """Returns a text of few words, whose lines and passages repeat."""
    chance = random.Random(seed)
    return "".join(chance.choice(WORDS) + chance.choice(BREAKS) for _ in range(pieces)) + "end"


def documents(seed):
    return [
        Document(text=text_of(seed + number), id_=name, metadata={"file_name": name})
        for number, name in enumerate(["a.txt", "b.py", "c.csv"])
    ]


def texts(corpus):
    return [document.text for document in corpus.documents]


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"config": "auto"},
        {"overflow": "hybrid", "max_pages": 3},
        {"overflow": "hybrid", "max_pages": 3, "config": "auto"},
        {"overflow": "map_reduce", "max_pages": 3},
        {"overflow": "denser", "max_pages": 12},
    ],
    ids=str,
)
@pytest.mark.parametrize("cut", ["whole", "chunks", "pages"])
def test_cited_pages_lead_back_to_their_place(seed, options, cut):
    given = documents(seed)
    originals = {document.id_: document.text for document in given}
    if cut == "chunks":
        given = SentenceSplitter(chunk_size=60, chunk_overlap=10)(given)[::2]
    if cut == "pages":
        given = GlyphNodeParser(config=SMALL)(given)[1:]
    with ScriptedServer(answer("A rope, a storm, a harbour [pages 1-15].")) as server:
        engine = GlyphQueryEngine.from_documents(
            given, GlyphLLM(server.base_url), **{"config": SMALL, **options}
        )
        response = engine.query("Which rope was in the harbour in the storm?")
    assert len(response.source_nodes) >= min(3, response.metadata["pages"])
    for source in response.source_nodes:
        start, end = source.node.start_char_idx, source.node.end_char_idx
        assert source.text == originals[source.node.ref_doc_id][start:end]
    for citation in response.metadata["citations"]:
        text = originals[citation["doc_id"]][slice(*citation["char_span"])]
        assert citation["quote"] in ("", text)


def test_a_text_that_goes_as_text_is_cited_whole():
    look = RenderConfig(auto_crop_last_page=False, auto_crop_width=False)
    with ScriptedServer(answer("Silver.")) as server:
        document = Document(text="The captain found silver.", id_="log")
        engine = GlyphQueryEngine.from_documents([document], GlyphLLM(server.base_url), config=look)
        response = engine.query("What did the captain find?")
    assert (response.metadata["mode"], response.metadata["pages"]) == ("text", 0)
    [source] = response.source_nodes
    assert (source.text, source.node.start_char_idx) == (document.text, 0)


def test_one_file_needs_no_name_and_several_begin_with_theirs():
    one = Document(text="Fish.", metadata={"file_name": "a.txt"})
    two = Document(text="Ships.", metadata={"file_name": "b.txt"})
    assert texts(Corpus.of([one])) == ["Fish."]
    assert texts(Corpus.of([one, two])) == ["=== a.txt ===\nFish.\n", "=== b.txt ===\nShips.\n"]


def test_metadata_that_an_llm_may_see_is_shown():
    document = Document(
        text="Fish.", metadata={"author": "Ada", "price": 9}, excluded_llm_metadata_keys=["price"]
    )
    assert texts(Corpus.of([document])) == ["author: Ada\nFish.\n"]
    pages = GlyphNodeParser()([document])
    assert texts(Corpus.of(pages)) == ["author: Ada\nFish.\n"]


def test_parts_with_metadata_of_their_own_stand_apart():
    source = SentenceSplitter()([Document(text="Fish. Ships.", id_="log")])[0].relationships
    parts = [
        TextNode(text=text, metadata={"chapter": chapter}, relationships=source)
        for text, chapter in (("Fish.", 1), ("Nets.", 1), ("Ships.", 2))
    ]
    assert texts(Corpus.of(parts)) == [
        "chapter: 1\nFish.\n\n[...]\nNets.", "chapter: 2\nShips.\n",
    ]  # fmt: skip


def test_parts_of_a_document_follow_each_other_in_its_order():
    chunks = SentenceSplitter(chunk_size=30, chunk_overlap=0)([Document(text=text_of(1))])
    shown = "".join(texts(Corpus.of(list(reversed(chunks)))))
    assert [shown.index(chunk.text) for chunk in chunks] == sorted(
        shown.index(chunk.text) for chunk in chunks
    )


def test_documents_come_in_the_order_in_which_they_were_found():
    hits = [TextNode(text="Second."), TextNode(text="First."), TextNode(text=" ")]
    assert texts(Corpus.of(hits)) == ["Second.", "First."]
