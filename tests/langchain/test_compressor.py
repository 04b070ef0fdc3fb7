"""Retrieved documents become pages within a budget, and what did not fit is told."""

from __future__ import annotations

import asyncio
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from langchain_core.documents import Document
from pydantic import ValidationError
from samples import LINES, SMALL, diary

from glyph_shared import InputError, LeftOutWarning, OverLengthError, Renderer
from langchain_glyph import GlyphCompressor, GlyphPageTransformer

EACH = 1000  # chars of a chunk


def compressed(*documents, **settings):
    made = GlyphCompressor(**{"config": SMALL, **settings}).compress_documents(documents, "Who?")
    return list(made)


def chunk(start, end, source="diary.txt"):
    return Document(LINES[start:end], metadata={"source": source, "start_index": start})


def chunks(source="diary.txt", overlap=0):
    starts = range(0, len(LINES), EACH)
    return [chunk(start, start + EACH + overlap, source) for start in starts]


def cost(pages):
    return sum(page.metadata["visual_tokens"] + 2 for page in pages)


def texts(pages):
    return [page.page_content for page in pages]


@pytest.mark.parametrize("overlap", [0, 150])
def test_chunks_that_adjoin_or_overlap_are_drawn_as_one_text(overlap):
    found = chunks(overlap=overlap)
    random.Random(3).shuffle(found)
    pages = compressed(*found)
    assert "".join(texts(pages)) == LINES
    assert len(pages) < len(found)
    assert [page.metadata["char_span"][0] for page in pages] == sorted(
        page.metadata["char_span"][0] for page in pages
    )
    assert not any("left_out" in page.metadata for page in pages)


def test_sources_come_as_they_were_found_and_each_in_the_order_of_its_text():
    found = [chunk(5000, 5100, "b"), chunk(900, 1000, "a"), chunk(100, 200, "b")]
    assert [(page.metadata["source"], page.metadata["char_span"]) for page in compressed(*found)] \
        == [("b", (100, 200)), ("b", (5000, 5100)), ("a", (900, 1000))]  # fmt: skip


def test_documents_without_a_place_come_as_they_were_found():
    found = [Document("b", metadata={"source": "x"}), Document("a", metadata={"source": "x"})]
    assert texts(compressed(*found)) == ["b", "a"]
    assert texts(compressed(Document("b"), Document("a"))) == ["b", "a"]


def test_chunks_of_source_pages_are_in_the_order_of_those():
    found = [
        Document(text, metadata={"source": "a.pdf", "page": page, "start_index": start})
        for text, page, start in [("two", 1, 0), ("one, too", 0, 3), ("one", 0, 0)]
    ]
    pages = compressed(*found)
    assert texts(pages) == ["oneone, too", "two"]
    assert [page.metadata["source_page"] for page in pages] == [1, 2]


def test_the_best_documents_are_taken_within_the_budget_and_the_rest_is_told():
    found = [Document(LINES[:3000], metadata={"source": str(number)}) for number in range(6)]
    whole = cost(compressed(found[0]))
    with pytest.warns(LeftOutWarning, match="4 of 6 documents .*'2', '3', '4' and 1 more"):
        pages = compressed(*found, max_visual_tokens=2 * whole + 5)
    assert cost(pages) == 2 * whole
    assert list(dict.fromkeys(page.metadata["source"] for page in pages)) == ["0", "1"]
    assert {page.metadata["left_out"] for page in pages} == {4}


def test_a_shorter_document_further_down_takes_the_room_that_a_longer_one_cannot():
    found = [Document("best"), Document(LINES), Document("last")]
    with pytest.warns(LeftOutWarning, match="1 of 3 documents"):
        pages = compressed(*found, max_visual_tokens=200)
    assert texts(pages) == ["best", "last"]


def test_documents_that_fit_together_are_taken_though_apart_they_would_not_fit():
    found = chunks(overlap=300)
    together = cost(compressed(*found))
    assert together < sum(cost(compressed(one)) for one in found)
    assert cost(compressed(*found, max_visual_tokens=together)) == together


def test_nothing_is_answered_from_nothing():
    with pytest.raises(OverLengthError, match="max_visual_tokens=10 ") as caught:
        compressed(*chunks(), max_visual_tokens=10)
    assert (caught.value.needed > 10, caught.value.limit) == (True, 10)


def hidden(document, pages):
    """Tells whether some char of a chunk stands on no page."""
    start = document.metadata["start_index"]
    shown = {
        char
        for page in pages
        if page.metadata["source"] == document.metadata["source"]
        for char in range(*page.metadata["char_span"])
    }
    return not shown.issuperset(range(start, start + len(document.page_content)))


@pytest.mark.parametrize("seed", range(5))
def test_the_budget_holds_whatever_is_found(seed):
    chance = random.Random(seed)
    found = [
        chunk(start, start + chance.randrange(50, 2500), chance.choice("ab"))
        for start in (chance.randrange(len(LINES) - 50) for _ in range(30))
    ]
    budget = chance.randrange(400, 1500)
    with pytest.warns(LeftOutWarning):
        pages = compressed(*found, max_visual_tokens=budget)
    assert 0 < cost(pages) <= budget
    assert all(cost(compressed(one)) > budget - cost(pages) for one in found if hidden(one, pages))


def test_pages_that_were_found_stay_pages():
    pages = GlyphPageTransformer(config=SMALL).transform_documents([diary()])
    assert compressed(pages[3], pages[1]) == [pages[1], pages[3]]
    Path(pages[1].metadata["image_path"]).unlink()
    assert texts(compressed(pages[1])) == texts(pages[1:2])
    assert Path(pages[1].metadata["image_path"]).is_file()


def test_the_pages_given_are_not_changed():
    pages = GlyphPageTransformer(config=SMALL).transform_documents([diary()])
    with pytest.warns(LeftOutWarning):
        compressed(*pages, max_visual_tokens=cost(pages[:1]))
    assert "left_out" not in pages[0].metadata


def test_what_was_found_twice_is_shown_once():
    twice = [chunk(0, 500), chunk(0, 500), Document("a", id="1"), Document("a", id="2")]
    assert texts(compressed(*twice)) == [LINES[:500], "a"]


def test_parts_of_one_page_show_it_once():
    page = GlyphPageTransformer(config=SMALL).transform_documents([diary()])[1]
    parts = [page.model_copy(update={"page_content": text}) for text in ("On day", "it rained")]
    [shown] = compressed(*parts)
    assert shown.metadata["image_path"] == page.metadata["image_path"]


def test_equal_ids_lose_no_text():
    assert texts(compressed(Document("a", id="1"), Document("b", id="1"))) == ["a", "b"]


def test_blank_documents_are_nothing():
    assert compressed(Document(""), Document("a"), Document(" \n"))[0].page_content == "a"
    assert compressed(Document("")) == compressed() == []


def test_what_is_no_document_is_refused():
    with pytest.raises(InputError, match="a str"):
        compressed("text")


def test_an_unknown_setting_is_refused():
    with pytest.raises(ValidationError, match="max_tokens"):
        GlyphCompressor(max_tokens=3)


def test_an_event_loop_gets_the_same():
    made = asyncio.run(GlyphCompressor(config=SMALL).acompress_documents(chunks(), "Who?"))
    assert made == compressed(*chunks())


def test_threads_get_the_same():
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: compressed(*chunks()), range(4)))
    assert made == made[:1] * 4


def test_a_thousand_documents_are_each_drawn_once(monkeypatch):
    drawn = []
    render = Renderer.render

    def spy(renderer, text):
        drawn.append(len(text))
        return render(renderer, text)

    monkeypatch.setattr(Renderer, "render", spy)
    found = [Document(f"{number} things", metadata={"source": number}) for number in range(1000)]
    assert len(compressed(*found)) == 1000
    assert sum(drawn) == sum(len(one.page_content) for one in found)
