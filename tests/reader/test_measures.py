"""What is measured of a reader, and how the figures of its stages are shown."""

import argparse
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from glyph_shared.reader import Reader, ReaderToken
from glyph_shared.reader.card import AcceptedLook, ReaderCard
from training.reader import evaluate, stage_table
from training.reader.bench import Bench, Tally
from training.reader.chains import chain_pages
from training.reader.corpus import Corpus
from training.reader.looks import OWN
from training.reader.stage_table import OWN_LOOK, Results, joined, markdown
from training.reader.unseen import looks_to_measure

REFUSAL = Reader.refusal
CARD = ReaderCard(name="small", version=1, max_pages=1, max_model_len=900, source="made up")


class RefusingReader(Reader):
    """Refuses whatever it is asked, and remembers how many pages it was shown."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.shown: list[int] = []

    def generate(self, pages: Any, question: str, *, max_tokens: int = 1) -> Iterator[ReaderToken]:
        self._check(pages, question)
        self.shown.append(len(pages))
        yield ReaderToken(1, REFUSAL, -0.1, "stop")


def lookup_row(pages: int, right: float, look: str = OWN_LOOK) -> dict[str, Any]:
    tally = Tally(REFUSAL, right=round(100 * right), wrong=100 - round(100 * right), absent=50)
    return {"measure": "lookup", "look": look, "pages_per_question": pages, **tally.row()}


def test_answers_are_right_wrong_or_refused():
    tally = Tally(REFUSAL)
    for answer in ("4711", "4711", "4712", REFUSAL):
        tally.present(answer, "4711")
    for answer in (REFUSAL, "4711"):
        tally.missing(answer)
    row = tally.row()
    assert (row["questions"], row["exact_match"], row["wrong"]) == (4, 0.5, 0.25)
    assert row["refused_although_present"] == 0.25
    assert row["unanswerable_answered"] == 0.5
    low, high = row["exact_match_interval"]
    assert low < 0.5 < high


@pytest.mark.parametrize(("pages", "alike"), evaluate.CHAINS)
def test_chains_are_stated_and_one_breaks_off(corpus: Corpus, pages: int, alike: bool):
    for seed in range(20):
        made = chain_pages(random.Random(seed), corpus, pages, alike=alike)
        assert len(made.pages) == pages
        text = " ".join(" ".join(line.split()) for page in made.pages for line in page.lines)
        for fact in made.stated:
            assert fact.value in text
        place = made.broken.entity.partition(" of ")[2]
        assert place.lower() in text.lower()
        attributes = {fact.attribute for fact in (*made.stated, made.broken)}
        assert len(attributes) == (1 if alike else 3)


def test_looks_differ_from_the_own_and_from_each_other():
    theta = {"font-path": "DejaVuSansMono-Bold.ttf", "line-height": 15}
    looks, absent = looks_to_measure([theta, {"font-path": "NoSuchFontAnywhere.ttf"}])
    assert looks.pop("own look") == OWN
    bold = looks["font-path DejaVuSansMono-Bold.ttf, line-height 15"]
    assert (bold.columns, bold.rows) == (79, 29)
    assert looks["3 px to the right"].config.margin_x == pytest.approx(OWN.config.margin_x + 3)
    assert "NoSuchFontAnywhere.ttf" in absent
    hashes = [look.config.theta_hash for look in looks.values()]
    assert OWN.config.theta_hash not in hashes
    assert len(set(hashes)) == len(hashes)


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> RefusingReader:
    reader = RefusingReader.load()
    monkeypatch.setattr(Reader, "load", classmethod(lambda cls, directory=None: reader))
    return reader


def test_a_measurement_is_printed_and_kept(
    refusing: RefusingReader,
    corpus_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    few = ["--times", "1", "--transcripts", "1", "--lookups", "2", "--chains", "2"]
    kept = ["--cache", str(corpus_folder), "--out", str(tmp_path), "--name", "first stage"]
    evaluate.main([*few, *kept, "--looks", "1", "--look-transcripts", "1", "--pages", "1", "16"])
    printed = capsys.readouterr()
    rows = [json.loads(line) for line in printed.out.splitlines()]
    results = Results.load(tmp_path)
    assert (results.name, results.rows) == ("first stage", rows)
    assert {row["measure"] for row in rows} == {"speed", "transcript", "lookup", "two_hop"}
    assert max(refusing.shown) == 16 > ReaderCard.load(evaluate.WEIGHTS).max_pages
    assert results.card["max_pages"] < 16
    found = [row for row in rows if row["measure"] == "lookup"]
    assert {row["refused_although_present"] for row in found} == {1.0}
    table = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert "| lookup, 16 pages: refused although there | 100.0 % |" in table
    assert "lookups, 16 pages, reader: 2" in printed.err


def test_every_measure_can_be_left_out(refusing: RefusingReader, corpus_folder: Path):
    nothing = dict.fromkeys(
        ("times", "transcripts", "lookups", "chains", "looks", "look_transcripts", "documents"), 0
    )
    options = argparse.Namespace(**nothing, cache=corpus_folder, seed=1, pages=[1])
    assert list(evaluate.measurements(refusing, options)) == []


def test_dense_pages_are_transcribed(refusing: RefusingReader, corpus: Corpus):
    row = Bench(refusing, corpus).transcripts(random.Random(1), 3, OWN_LOOK)
    most = OWN.rows * OWN.columns / OWN.tokens
    assert 0.75 * most < row["chars_per_visual_token"] < most


def test_figures_of_accepted_looks_are_noted_on_the_card():
    looks = ({"font-size": 12.5}, {"font-size": 10})
    accepted = tuple(AcceptedLook(theta=theta) for theta in looks)
    row = lookup_row(1, 0.9, "font-size 12.5")
    card = evaluate.with_figures(CARD.model_copy(update={"accepted": accepted}), [row])
    assert card.accepted[0].measured == {"exact_match": 0.9, "unanswerable_answered": 0.0}
    assert card.accepted[1].measured == {}


def test_stages_stand_side_by_side_and_gaps_are_marked():
    first = Results("sft", 1, {}, [lookup_row(1, 0.9), lookup_row(8, 0.5)])
    second = Results("rl", 1, {}, [lookup_row(1, 1.0)])
    demos = Results("rl", 1, {}, [{"measure": "demos", "seeds": 2, "facts_found": "5/6"}])
    table = markdown(joined([first, second, demos])).splitlines()
    assert table[0] == "| measured | sft | rl |"
    assert "| lookup, 1 page: right | 90.0 % (82.6 to 94.5) | 100.0 % (96.3 to 100.0) |" in table
    assert "| lookup, 8 pages: right | 50.0 % (40.4 to 59.6) | – |" in table
    assert "| demo, 2 seeds | – | 5/6 found |" in table


def test_the_command_writes_table_and_curves(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for name, right in (("sft", 0.9), ("rl", 0.95)):
        rows = [lookup_row(pages, right - pages / 40) for pages in (1, 4, 16)]
        Results(name, 1, {}, rows).save(tmp_path / name)
    stage_table.main([str(tmp_path / "sft"), str(tmp_path / "rl"), "--out", str(tmp_path)])
    table = (tmp_path / stage_table.TABLE).read_text(encoding="utf-8")
    assert table in capsys.readouterr().out
    with Image.open(tmp_path / stage_table.CURVES) as picture:
        assert picture.width > picture.height
