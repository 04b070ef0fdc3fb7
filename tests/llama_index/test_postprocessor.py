"""What a retriever finds is drawn: hits that adjoin stand together, documents whole on request."""

from __future__ import annotations

import asyncio
import pickle
from pathlib import Path

import pytest
from llama_index.core import Document
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import ImageNode, NodeWithScore, TextNode
from llama_index.core.storage.docstore import SimpleDocumentStore

from glyph_shared import RenderConfig
from glyph_shared.errors import ConfigError, InputError
from llama_index_glyph import GlyphNodeParser, GlyphRenderPostprocessor

SMALL = RenderConfig(page_size=(560, 280))
TEXT = "\n\n".join(f"Paragraph {number} tells of the sea and of ships." for number in range(90))
BOOK = Document(text=TEXT, id_="book")


def pieces(*spans, scores=()):
    """Returns stretches of the book as a retriever would."""
    source = SentenceSplitter()([BOOK])[0].relationships
    return [
        NodeWithScore(
            node=TextNode(
                id_=f"{start}", text=TEXT[start:end], start_char_idx=start, end_char_idx=end,
                relationships=source,
            ),
            score=score,
        )
        for (start, end), score in zip(spans, scores or [1.0] * len(spans), strict=True)
    ]  # fmt: skip


def drawn(hits, **settings):
    return GlyphRenderPostprocessor(config=SMALL, **settings).postprocess_nodes(hits)


def places(pages):
    return [(page.node.start_char_idx, page.node.end_char_idx) for page in pages]


def test_hits_become_pages_with_their_text_place_and_score():
    [page] = drawn(pieces((100, 300), scores=[0.25]))
    assert isinstance(page.node, ImageNode)
    assert Path(page.node.image_path).is_file()
    assert page.node.text == TEXT[100:300]
    assert places([page]) == [(100, 300)]
    assert (page.score, page.node.ref_doc_id) == (0.25, "book")


def test_hits_that_adjoin_or_overlap_stand_on_one_page():
    pages = drawn(pieces((200, 400), (0, 100), (100, 250), scores=[0.5, 0.9, 0.1]))
    assert places(pages) == [(0, 400)]
    assert pages[0].score == 0.9


def test_hits_with_a_gap_between_them_stand_apart_in_reading_order():
    assert places(drawn(pieces((900, 1000), (100, 300)))) == [(100, 300), (900, 1000)]


def test_a_text_that_was_changed_since_joins_nothing():
    first, second = pieces((0, 100), (100, 200))
    second.node.text = "Of the sea."
    pages = drawn([first, second])
    assert [page.node.text for page in pages] == [TEXT[:100], "Of the sea."]
    assert places(pages) == [(0, 100), (None, None)]


@pytest.mark.parametrize("store", [False, True])
def test_whole_documents_can_be_drawn_in_place_of_hits(store):
    parents = [BOOK]
    if store:
        parents = SimpleDocumentStore()
        parents.add_documents([BOOK])
    pages = drawn(pieces((100, 300), (900, 1000), scores=[0.2, 0.7]), parents=parents)
    assert "".join(page.node.text for page in pages) == TEXT
    assert {page.score for page in pages} == {0.7}


def test_a_document_that_is_not_there_is_an_error():
    with pytest.raises(InputError, match="'book'"):
        drawn(pieces((100, 300)), parents=[Document(text="Another.")])


def test_pages_stay_as_they_are_and_removed_images_are_drawn_again():
    page = GlyphNodeParser(config=SMALL)([BOOK])[0]
    assert drawn([NodeWithScore(node=page)])[0].node == page
    before = Path(page.image_path).read_bytes()
    Path(page.image_path).unlink()
    [again] = drawn([NodeWithScore(node=page)])
    assert (again.node.node_id, again.node.text) == (page.node_id, page.text)
    assert Path(again.node.image_path).read_bytes()[:100] == before[:100]


def test_a_removed_image_is_drawn_again_whole_in_a_look_that_needs_several_pages():
    page = GlyphNodeParser()([BOOK])[0]
    Path(page.image_path).unlink()
    pages = drawn([NodeWithScore(node=page, score=0.5)])
    assert len(pages) > 1
    assert "".join(again.node.text for again in pages) == page.text
    assert places(pages)[-1][1] == page.end_char_idx
    assert {again.score for again in pages} == {0.5}
    assert all(Path(again.node.image_path).is_file() for again in pages)


def test_it_works_in_an_event_loop_and_on_nothing():
    post = GlyphRenderPostprocessor(config=SMALL)
    pages = asyncio.run(post.apostprocess_nodes(pieces((100, 300))))
    assert places(pages) == [(100, 300)]
    assert post.postprocess_nodes([]) == []


@pytest.mark.parametrize("setting", [{"parent": []}, {"dpi": 4}, {"foldr": "x"}])
def test_a_setting_that_there_is_not_is_refused(setting):
    [name] = setting
    with pytest.raises(ConfigError, match=f"Postprocessor has no option '{name}'.*'folder'"):
        GlyphRenderPostprocessor(**setting)
    written = {**GlyphRenderPostprocessor(config=SMALL).to_dict(), **setting}
    with pytest.raises(ConfigError, match=name):
        GlyphRenderPostprocessor.from_dict(written)


def test_what_was_written_down_is_read_with_the_name_of_its_class():
    made = GlyphRenderPostprocessor(config=SMALL, folder="pages")
    read = GlyphRenderPostprocessor.from_dict(made.to_dict())
    checked = GlyphRenderPostprocessor.model_validate(made.to_dict())
    woken = pickle.loads(pickle.dumps(made))
    for copy in (read, checked, woken, GlyphRenderPostprocessor.from_json(made.to_json())):
        assert (copy.config, copy.folder) == (SMALL, "pages")
