"""What a search leaves behind, from the command line to a preset of one's own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from glyph_shared.planning import EstimateCounter
from glyph_shared.rendering import RenderConfig
from tests.scripted_server import ScriptedServer, answer
from training.search.__main__ import main
from training.search.breeding import Child
from training.search.fitness import Measured, Probe
from training.search.genome import Genome
from training.search.journal import Evaluation
from training.search.sensitivity import PARAMETERS, measured
from training.search.winners import candidates, front


def evaluation(number, density, accuracy, **changes):
    measures = {"compression_ratio": density, "accuracy": accuracy, "visual_tokens": 100}
    child = Child(Genome().changed({"margin_x": number, **changes}), "sample")
    return Evaluation(0, number, child, Measured(measures))


def test_the_front_is_what_no_other_look_beats():
    tried = [evaluation(0, 2.0, 0.9), evaluation(1, 3.0, 0.8), evaluation(2, 1.9, 0.85)]
    assert [one.number for one in front(tried)] == [0, 1]


def test_candidates_are_those_of_the_front_that_are_read_as_well_densest_first():
    tried = [
        evaluation(0, 2.0, 0.9),
        evaluation(1, 3.0, 0.89),
        evaluation(2, 2.5, 0.9),
        evaluation(3, 2.7, 0.95),
        evaluation(4, 2.3, 0.97),
        evaluation(5, 1.9, 0.99),
        Evaluation(0, 6, Child(Genome(dpi=60), "sample"), None, "failed"),
    ]
    assert tried[0].measured
    found = candidates(tried, tried[0].measured)
    assert [genome.margin_x for genome in found] == [3, 4]


def arguments(text, folder, url, *more):
    return [
        f"output={folder}",
        f"probe.text={text}",
        "probe.chars=3000",
        "probe.excerpts=1",
        "probe.excerpt_chars=200",
        "probe.reader=server",
        f"probe.base_url={url}",
        "budget.runs=1",
        "budget.evaluations=6",
        "population=4",
        "genes.font=[DejaVuSans.ttf]",
        *more,
    ]


def test_one_command_searches_reports_and_makes_a_preset(text, tmp_path, capsys):
    folder = tmp_path / "run"
    # Nothing is read right in any look, so the densest is read as well as the look to beat.
    with ScriptedServer(answer("☃")) as server:
        status = main(["--install", "mine", *arguments(text, folder, server.base_url)])
    told = capsys.readouterr().out
    assert status == 0
    assert "on unseen text" in told
    assert "preset mine:" in told
    winner = RenderConfig.from_json(folder / "winner.json")
    assert RenderConfig.preset("mine") == winner
    provenance = json.loads((folder / "winner.json").read_text(encoding="utf-8"))["provenance"]
    assert provenance.startswith("training.search, 6 looks tried; beside preset reference")
    confirmation = json.loads((folder / "confirmation.json").read_text(encoding="utf-8"))
    assert confirmation["accuracy_gain"]["mean"] == 0
    assert confirmation["excerpts"] == 32
    check_report(folder)


def check_report(folder: Path):
    members = json.loads((folder / "front.json").read_text(encoding="utf-8"))
    samples = sorted(path.stem for path in (folder / "samples").glob("*.png"))
    assert samples == sorted(f"run1_{one['number']}" for one in members)
    with Image.open(folder / "pareto.png") as drawn:
        assert drawn.size[0] > 600
    page = (folder / "pareto.html").read_text(encoding="utf-8")
    for name in samples:
        assert f'href="samples/{name}.png"' in page
    assert "http" not in page


def test_without_a_better_look_there_is_no_winner(text, tmp_path, capsys):
    folder = tmp_path / "run"
    with ScriptedServer(answer("☃")) as server:
        given = arguments(text, folder, server.base_url, "budget.evaluations=1")
        assert main(["--install", "mine", *given]) == 0
    assert "preset mine" not in capsys.readouterr().out
    assert not (folder / "winner.json").exists()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["budget.evaluations=5"], "error: setting 'output' is missing"),
        (["--install", "en", "output=x"], "error: a preset of your own has a name"),
        (["--config", "absent.yaml"], "error: cannot read settings from 'absent.yaml'"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(capsys, given, told):
    assert main(given) == 1
    assert capsys.readouterr().err.startswith(told)


def test_every_parameter_of_the_sensitivity_table_has_a_look_that_can_be_drawn():
    for variants in PARAMETERS.values():
        assert len(variants) > 1
        for changes in variants:
            Genome().changed(changes).config()


def test_the_sensitivity_table_has_each_value_beside_the_look_itself(text):
    with ScriptedServer(answer("the harbour master")) as server:
        probe = Probe(
            text=str(text),
            chars=3000,
            excerpts=1,
            excerpt_chars=200,
            reader="server",
            base_url=server.base_url,
        )
        rows, counter = measured(probe, RenderConfig.preset("reference"))
    assert counter == EstimateCounter.name
    itself = [row for row in rows if row.usual]
    assert [row.parameter for row in itself] == list(PARAMETERS)
    assert {row.difference.mean for row in itself} == {0}
    for parameter in ("dpi", "font size", "line height", "margins"):
        densities = [row.compression_ratio for row in rows if row.parameter == parameter]
        assert densities == sorted(densities, reverse=True)
        assert densities[0] > densities[-1]


def test_questions_alone_choose_no_winner(text, tmp_path, capsys):
    questions = tmp_path / "questions.jsonl"
    questions.write_text('{"question": "Who?", "answer": "the harbour master"}\n', encoding="utf-8")
    folder = tmp_path / "run"
    with ScriptedServer(answer("The harbour master.")) as server:
        given = arguments(text, folder, server.base_url, f"probe.questions={questions}")
        assert main([*given, "probe.excerpts=0", "budget.evaluations=3"]) == 0
    assert "no θ is chosen where nothing is read" in capsys.readouterr().out
    assert (folder / "front.json").exists()
    assert not (folder / "winner.json").exists()
