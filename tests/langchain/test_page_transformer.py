"""Documents become page documents: deterministic, with their places, without bytes."""

from __future__ import annotations

import asyncio
import json
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest
from langchain_core.documents import Document
from langchain_core.load import dumps
from langchain_core.vectorstores import InMemoryVectorStore
from PIL import Image
from samples import LINES, SMALL, Letters, diary

from glyph_shared import ConfigError, FontWarning, InputError, RenderConfig, Renderer
from langchain_glyph import GlyphCompressor, GlyphLoader, GlyphPageTransformer
from langchain_glyph.page_documents import PAGE_KEYS


def pages_of(*documents, **settings):
    return GlyphPageTransformer(**{"config": SMALL, **settings}).transform_documents(documents)


def ids(pages):
    return [page.id for page in pages]


def test_the_pages_texts_tile_the_document():
    pages = pages_of(diary())
    assert len(pages) > 2
    assert "".join(page.page_content for page in pages) == LINES
    for page in pages:
        assert page.page_content == LINES[slice(*page.metadata["char_span"])]
    for one, other in pairwise(pages):
        assert one.metadata["char_span"][1] == other.metadata["char_span"][0]


def test_a_page_tells_all_about_itself_and_holds_no_bytes():
    page = pages_of(diary())[1]
    told = page.metadata
    assert set(told) == {"source", "year", *PAGE_KEYS}
    assert (told["source"], told["year"]) == ("diary.txt", 1851)
    assert (told["page"], told["pages"]) == (2, len(pages_of(diary())))
    assert told["theta"] == SMALL.theta_hash
    assert Path(told["image_path"]).stem == told["digest"]
    drawn = next(iter(Renderer(SMALL).render(page.page_content)))
    assert told["visual_tokens"] == drawn.visual_tokens
    with Image.open(told["image_path"]) as image:
        assert image.size == drawn.size_px
    assert len(dumps(page)) < len(page.page_content) + 1500


def test_ids_depend_on_source_text_and_look_alone():
    assert ids(pages_of(diary())) == ids(pages_of(diary(metadata={"source": "diary.txt"})))
    known = set(ids(pages_of(diary())))
    assert not known & set(ids(pages_of(diary(LINES.upper()))))
    assert not known & set(ids(pages_of(diary(metadata={"source": "another"}))))
    assert not known & set(ids(pages_of(diary(), config=RenderConfig())))


def test_documents_twice_there_have_pages_with_ids_of_their_own():
    twice = pages_of(diary(id="same"), diary(id="same"))
    assert len(set(ids(twice))) == len(twice) == 2 * len(pages_of(diary()))
    assert ids(twice) == ids(pages_of(diary(id="same"), diary(id="same")))
    assert ids(twice)[: len(twice) // 2] == ids(pages_of(diary()))


def test_documents_with_one_id_and_other_texts_have_their_own_pages():
    pages = pages_of(Document("It rained.", id="1"), Document("It snowed.", id="1"))
    assert [page.page_content for page in pages] == ["It rained.", "It snowed."]
    assert len(set(ids(pages))) == 2


def test_blank_documents_give_no_page_and_the_others_keep_their_order():
    pages = pages_of(Document("b"), Document(""), Document(" \n"), Document("a"))
    assert [page.page_content for page in pages] == ["b", "a"]
    assert pages_of() == []


def test_the_metadata_given_are_not_changed():
    document = diary(metadata={"source": "diary.txt", "page": 3, "start_index": 100})
    pages_of(document)
    assert document.metadata == {"source": "diary.txt", "page": 3, "start_index": 100}


def test_what_a_reader_of_pdfs_calls_page_is_the_source_page():
    [page] = pages_of(Document("text", metadata={"source": "a.pdf", "page": 3}))
    assert (page.metadata["source_page"], page.metadata["page"]) == (4, 1)
    [page] = pages_of(Document("text", metadata={"source": "a.pdf", "page": "iv"}))
    assert page.metadata["source_page"] == "iv"
    [page] = pages_of(Document("text", metadata={"page": 3, "source_page": 9}))
    assert page.metadata["source_page"] == 9


def test_the_pages_of_a_chunk_know_their_place_in_its_source():
    chunk = Document(LINES[500:9_000], metadata={"source": "diary.txt", "start_index": 500})
    pages = pages_of(chunk)
    assert len(pages) > 1
    for page in pages:
        assert page.page_content == LINES[slice(*page.metadata["char_span"])]
        assert page.metadata["start_index"] == page.metadata["char_span"][0]


def test_a_chunk_that_a_splitter_did_not_find_counts_from_its_own_start():
    [page] = pages_of(Document("text", metadata={"start_index": -1}))
    assert page.metadata["char_span"] == (0, 4)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (["text"], "a str"),
        ([{"page_content": "text"}], "a dict"),
        ([Document.model_construct(page_content=None)], "NoneType"),
        ([Document.model_construct(page_content=b"text")], "bytes"),
        ("text", "list"),
        (Document("text"), "list"),
    ],
)
def test_what_is_no_document_with_text_is_refused(given, named):
    with pytest.raises(InputError, match=named):
        GlyphPageTransformer().transform_documents(given)


def test_chars_that_no_font_has_are_told_and_lose_nothing():
    with pytest.warns(FontWarning, match="1 of the chars"):
        [page] = pages_of(Document("a\U0010fffdb"))
    assert page.page_content == "a\U0010fffdb"


@pytest.mark.fault(3)
def test_lone_surrogates_are_drawn_as_the_replacement():
    with pytest.warns(FontWarning):
        [page] = pages_of(Document("a\ud800b", metadata={"source": "\udcff"}))
    assert page.page_content == "a\ud800b"


def test_pages_stay_as_they_are():
    pages = pages_of(diary())
    assert pages_of(*pages) == pages


def test_an_image_that_was_removed_is_drawn_again():
    pages = pages_of(diary())
    for page in pages:
        Path(page.metadata["image_path"]).unlink()
    again = pages_of(*pages)
    # Its look may differ a little from that amid its text, so the digest may.
    seen = [{**page.metadata, "digest": "", "image_path": ""} for page in pages]
    assert [{**page.metadata, "digest": "", "image_path": ""} for page in again] == seen
    for page, before in zip(again, pages, strict=True):
        assert (page.id, page.page_content) == (before.id, before.page_content)
        assert Path(page.metadata["image_path"]).is_file()
        assert Path(page.metadata["image_path"]).stem == page.metadata["digest"]


def test_a_removed_image_under_another_look_loses_no_text():
    page = pages_of(diary(), config=RenderConfig())[0]
    Path(page.metadata["image_path"]).unlink()
    again = pages_of(page)
    assert len(again) > 1
    assert "".join(one.page_content for one in again) == page.page_content
    assert {one.metadata["theta"] for one in again} == {SMALL.theta_hash}
    assert len(set(ids(again))) == len(again)
    for one in again:
        assert one.page_content == LINES[slice(*one.metadata["char_span"])]


def test_a_removed_image_without_text_is_told():
    [page] = pages_of(Document("text"))
    Path(page.metadata["image_path"]).unlink()
    with pytest.raises(InputError, match="removed"):
        pages_of(page.model_copy(update={"page_content": ""}))


def test_pages_come_back_from_json_and_from_a_vector_store():
    pages = pages_of(diary())
    again = [Document(**json.loads(dumps(page))["kwargs"]) for page in pages]
    assert [page.page_content for page in pages_of(*again)] == [one.page_content for one in pages]
    store = InMemoryVectorStore(Letters())
    store.add_documents(pages_of(diary(), diary()))
    found = store.similarity_search("rain", k=1000)
    assert len(found) == 2 * len(pages)
    assert pages_of(*found) == found


def test_without_a_cache_folder_images_need_one_of_their_own(monkeypatch, tmp_path):
    monkeypatch.setenv("GLYPH_CACHE_DIR", "off")
    with pytest.raises(ConfigError, match="folder="):
        pages_of(diary())
    [page, *_] = pages_of(diary(), folder=str(tmp_path / "images"))
    assert Path(page.metadata["image_path"]).parent == tmp_path / "images"


def test_threads_that_draw_one_text_draw_it_once(monkeypatch):
    drawn = []
    render = Renderer.render

    def spy(renderer, text):
        drawn.append(text)
        return render(renderer, text)

    monkeypatch.setattr(Renderer, "render", spy)
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda _: pages_of(diary()), range(6)))
    assert made == made[:1] * 6
    assert len(drawn) == 1


@pytest.mark.parametrize(
    "draw",
    [
        lambda: GlyphPageTransformer(config=SMALL).atransform_documents([diary()]),
        lambda: GlyphCompressor(config=SMALL).acompress_documents([diary()], "Who?"),
        lambda: GlyphLoader(__file__, pages=GlyphPageTransformer(config=SMALL)).aload(),
    ],
)
def test_pages_are_drawn_outside_the_event_loop(draw, monkeypatch):
    threads = set()
    render = Renderer.render

    def spy(renderer, text):
        threads.add(threading.current_thread())
        return render(renderer, text)

    monkeypatch.setattr(Renderer, "render", spy)
    assert len(asyncio.run(draw())) > 2
    assert threads
    assert threading.main_thread() not in threads


def test_one_page_at_a_time_is_held_in_memory(monkeypatch):
    alive = []
    render = Renderer.render

    def spy(renderer, text):
        for page in render(renderer, text):
            assert sum(one() is not None for one in alive) <= 1
            alive.append(weakref.ref(page))
            yield page
            del page

    monkeypatch.setattr(Renderer, "render", spy)
    assert len(pages_of(diary())) == len(alive) > 2


def test_a_thousand_documents_are_handled_one_by_one(monkeypatch):
    drawn = []
    render = Renderer.render

    def spy(renderer, text):
        drawn.append(len(text))
        return render(renderer, text)

    monkeypatch.setattr(Renderer, "render", spy)
    documents = [Document(f"It rained on day {number}.") for number in range(1000)]
    pages = pages_of(*documents)
    assert [page.page_content for page in pages] == [one.page_content for one in documents]
    assert sum(drawn) == sum(len(one.page_content) for one in documents)
