"""The grid that training draws from must be what the renderer draws."""

import random

import numpy as np
import pytest

from glyph_shared.rendering import RenderConfig, Renderer
from training.reader.corpus import Corpus
from training.reader.draw import draw
from training.reader.pages import COLUMNS, ROWS, filler, make_page, wrap
from training.reader.segments import KINDS, Mix, make_batch

CONFIG = RenderConfig.preset("reader")


@pytest.mark.parametrize("seed", range(12))
def test_drawn_grids_equal_rendered_pages(corpus: Corpus, seed: int):
    text = filler(random.Random(seed), corpus).encode("ascii", "replace").decode().rstrip()
    spans = wrap(text)
    for page in Renderer(CONFIG).render(text):
        lines = [text[a:b].rstrip() for a, b in spans[ROWS * page.index : ROWS * (page.index + 1)]]
        assert [text[a:b].rstrip() for a, b in page.lines] == lines
        assert np.array_equal(page.pixels, draw(lines))


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a" * 80, ["a" * 79, "a"]),
        ("a " * 40, ["a " * 40]),
        ("one\n\ntwo", ["one", "", "two"]),
        ("x" * 70 + " " + "y" * 20, ["x" * 70 + " ", "y" * 20]),
        ("    " + "z" * 78, ["    ", "z" * 78]),
    ],
)
def test_lines_break_as_the_renderer_breaks_them(text: str, lines: list[str]):
    assert [text[a:b] for a, b in wrap(text)] == lines
    [page] = Renderer(CONFIG).render(text)
    assert [text[a:b].rstrip("\n") for a, b in page.lines] == lines


def test_planted_values_can_be_read_off_their_cells(corpus: Corpus):
    rng = random.Random(1)
    planted = 0
    for _ in range(200):
        page = make_page(rng, corpus, rng.randint(0, 6))
        assert len(page.lines) <= ROWS
        assert all(len(line) <= COLUMNS for line in page.lines)
        for item in page.planted:
            padded = [line.ljust(COLUMNS + 1) for line in page.lines]
            assert "".join(padded[r][c] for r, c in item.cells[:-1]) == item.fact.value
            for words, cells in item.named:
                assert "".join(padded[r][c] for r, c in cells).lower() == words.lower()
            assert [words for words, _ in item.named] == [item.fact.entity, item.fact.attribute]
            planted += 1
    assert planted > 100


def test_a_statement_that_the_page_cuts_is_not_asked_for(corpus: Corpus):
    rng = random.Random(5)
    for _ in range(100):
        page = make_page(rng, corpus, 6)
        text = " ".join(page.lines)
        assert all(item.fact.value.split()[0] in text for item in page.planted)


def test_pointers_name_the_visual_token_that_holds_the_next_char(corpus: Corpus):
    batch = make_batch(random.Random(3), corpus, Mix(prompts=2, segments=6, copy=1.0))
    lines = batch.grids[0][0]
    for n in range(6):
        position = int(np.flatnonzero(batch.learn[0, n])[0]) - 1
        token = int(batch.points_at[0, n, position])
        row, column = divmod(token, 20)
        answer = chr_of(batch.ids[0, n, position + 1])
        assert answer in lines[row].ljust(80)[4 * column : 4 * column + 4] + " "
    assert set(batch.kinds.flat) == {KINDS.index("copy")}


def chr_of(token: int) -> str:
    from glyph_shared.reader.vocabulary import VOCABULARY

    return VOCABULARY[token]
