"""Pages of training are drawn by the renderer; where a char stands must be known all the same."""

import random
from dataclasses import replace

import numpy as np
import pytest

from glyph_shared.reader.vocabulary import VOCABULARY
from glyph_shared.rendering import RenderConfig, Renderer
from training.reader.corpus import Corpus
from training.reader.looks import OWN, Look, look, varied
from training.reader.pages import filler, make_page, wrap
from training.reader.segments import KINDS, Mix, make_batch

CONFIG = RenderConfig.preset("reader")
LOOKS = [OWN, look(shift_px=(3, 2)), look("NotoMono-Regular.ttf", scale=1.1), look(rows=4)]


@pytest.mark.parametrize("seed", range(12))
def test_a_text_breaks_into_the_renderers_lines(corpus: Corpus, seed: int):
    rng = random.Random(seed)
    text = filler(rng, corpus).encode("ascii", "replace").decode().rstrip()
    seen = varied(rng)
    spans = wrap(text, seen.columns)
    for page in Renderer(seen.config).render(text):
        first = seen.rows * page.index
        lines = [text[a:b].rstrip() for a, b in spans[first : first + seen.rows]]
        assert [text[a:b].rstrip() for a, b in page.lines] == lines
        assert np.array_equal(page.pixels, seen.draw(lines))


@pytest.mark.parametrize("seen", LOOKS)
def test_ink_is_where_a_char_is_said_to_stand(seen: Look):
    rng = random.Random(1)
    empty = seen.draw([""])
    for _ in range(20):
        row, column = rng.randrange(seen.rows), rng.randrange(seen.columns)
        lines = [""] * row + [" " * column + "x"]
        y, x = np.nonzero(seen.draw(lines) != empty)
        # An x ends above a char's middle or below it, by a pixel or two.
        near = {int((y.mean() + off) // 28) * 20 + int(x.mean() // 28) for off in (-2, 0, 2)}
        assert seen.visual_token((row, column)) in near


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
        assert len(page.lines) <= OWN.rows
        assert all(len(line) <= OWN.columns for line in page.lines)
        for item in page.planted:
            padded = [line.ljust(OWN.columns + 1) for line in page.lines]
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


@pytest.mark.parametrize("mix", [Mix(copy=1.0), Mix(copy=1.0, varied=1.0), Mix(copy=1.0, pages=2)])
def test_pointers_name_the_visual_token_that_holds_the_next_char(corpus: Corpus, mix: Mix):
    batch = make_batch(random.Random(3), corpus, replace(mix, prompts=2, segments=6))
    pages = batch.pages[0]
    for n in range(6):
        position = int(np.flatnonzero(batch.learn[0, n])[0]) - 1
        page, token = divmod(int(batch.points_at[0, n, position]), 320)
        answer = VOCABULARY[batch.ids[0, n, position + 1]]
        assert answer in shown_in(token, pages[page].lines, pages[page].look) + "\n"
    assert set(batch.kinds.flat) == {KINDS.index("copy")}


def shown_in(token: int, lines: list[str], seen: Look) -> str:
    cells = [(row, column) for row, line in enumerate(lines) for column in range(len(line))]
    return "".join(lines[r][c] for r, c in cells if seen.visual_token((r, c)) == token)


def test_what_two_statements_say_together_is_asked_for(corpus: Corpus):
    rng = random.Random(2)
    pages = [make_page(rng, corpus, 2, linked=1.0) for _ in range(60)]
    linked = [(page, item) for page in pages for item in page.over_two_hops]
    assert len(linked) > 10
    for page, item in linked:
        padded = [line.ljust(OWN.columns + 1) for line in page.lines]
        assert "".join(padded[r][c] for r, c in item.cells[:-1]) == item.fact.value
        stated = [planted.fact for planted in page.planted if planted.fact.value == item.fact.value]
        [person] = {fact.entity for fact in stated}
        assert person not in item.fact.question(rng, held_out=True)
    mix = Mix(prompts=2, segments=12, copy=0.0, linked=1.0)
    batches = [make_batch(random.Random(seed), corpus, mix) for seed in range(5)]
    assert any(KINDS.index("two_hop") in batch.kinds for batch in batches)
