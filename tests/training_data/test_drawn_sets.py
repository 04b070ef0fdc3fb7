"""Examples as data sets: drawn when asked for, or once into files that a kill leaves valid."""

from __future__ import annotations

import json
import os
import pickle
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from glyph_shared.errors import ConfigError, InputError
from training.data.dataset import PageDataset, PageTransform, features
from training.data.drawing import draw
from training.data.example_file import ExampleFile, example_line, write_examples
from training.data.invented import invented_records
from training.data.material import Material
from training.data.prerender import (
    DrawnDataset,
    main,
    plan_shards,
    prerender,
    read_failed,
)
from training.data.rows import read_example, row_of_stored, stored_row, trainer_row
from training.tasks import TASKS, Example, Pages
from training.tasks.example import to_row, user
from training.tasks.questions import CitedAnswers


def some_examples(count: int, *, theta: str = "table8") -> Iterator[Example]:
    material = Material(invented_records(6, chars=1500))
    task = CitedAnswers(least_chars=800, most_chars=2500)
    for number in range(count):
        example = task.example(random.Random(number), material, f"e{number}")
        yield example.with_pages(theta, number)


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    path = tmp_path / "examples.jsonl"
    write_examples(path, some_examples(10))
    return path


def pictures(row: dict) -> list[tuple]:
    return [(picture.mode, picture.size, picture.tobytes()) for picture in row["images"]]


def plain(row: dict) -> dict:
    return {**row, "images": pictures(row)}


# ---- a file of examples ----


def test_examples_are_read_at_random(examples: Path):
    file = ExampleFile(examples)
    assert list(file) == list(some_examples(10))
    assert file[-1] == file[9]
    assert file[2:4] == [file[2], file[3]]
    with pytest.raises(IndexError):
        file[10]


def test_a_last_line_that_was_cut_off_is_left_out(examples: Path):
    whole = ExampleFile(examples)
    with examples.open("ab") as file:
        file.write(example_line(whole[0])[:-20])
    assert list(ExampleFile(examples)) == list(whole)
    assert ExampleFile(examples).digest == whole.digest


def test_a_broken_line_is_told_by_its_number(examples: Path):
    lines = examples.read_bytes().split(b"\n")
    lines[3] = b'{"id": "x"}'
    examples.write_bytes(b"\n".join(lines))
    with pytest.raises(InputError, match=r"line 4 of '.*examples.jsonl': no example"):
        ExampleFile(examples)[3]
    assert ExampleFile(examples)[4].id == "e4"


def test_a_file_that_is_not_there_is_told(tmp_path: Path):
    with pytest.raises(InputError, match="cannot read examples"):
        ExampleFile(tmp_path / "none")


def test_any_text_survives_the_file(tmp_path: Path):
    text = "line\u2028 \x85 \ud800 \0 é 漢 \r\n end"
    example = Example("odd", "ocr", (user(Pages(text, "en")),), text)
    write_examples(tmp_path / "odd.jsonl", [example, example])
    first, second = ExampleFile(tmp_path / "odd.jsonl")
    assert first == second == example


# ---- drawn when asked for ----


def test_a_data_set_draws_the_row_that_is_asked_for(examples: Path):
    data = PageDataset(ExampleFile(examples), think=True)
    assert len(data) == 10
    row, drawn = data[3], draw(ExampleFile(examples)[3])
    assert pictures(row) == [
        (("L" if page.pixels.ndim == 2 else "RGB"), page.size_px, page.pixels.tobytes())
        for page in drawn.all_pages
    ]
    answer = row["messages"][-1]["content"][0]["text"]
    assert answer == f"<think>{drawn.example.thought}</think>{drawn.example.target}"


def test_the_same_number_gives_the_same_row_in_another_process(examples: Path):
    data = PageDataset(ExampleFile(examples))
    assert plain(pickle.loads(pickle.dumps(data))[5]) == plain(data[5])


def test_another_epoch_shows_other_styles_of_the_same_texts(examples: Path):
    data = PageDataset(ExampleFile(examples), form="rl")
    first = [data[number] for number in range(4)]
    data.epoch = 1
    second = [data[number] for number in range(4)]
    assert [pictures(row) for row in first] != [pictures(row) for row in second]
    for one, other in zip(first, second, strict=True):
        answers = [read_example(row["example"]).answers for row in (one, other)]
        assert answers[0] == answers[1]


def test_one_look_may_be_chosen_for_all(examples: Path):
    data = PageDataset(ExampleFile(examples), theta="en")
    assert {mode for number in range(5) for mode, _, _ in pictures(data[number])} == {"L"}


def test_a_row_for_rewards_holds_what_its_task_scores_by(examples: Path):
    row = PageDataset(ExampleFile(examples), form="rl")[1]
    example = read_example(row["example"])
    assert "messages" not in row
    assert row["prompt"][-1]["role"] == "user"
    assert "page" in example.target
    assert "⟦" not in example.target
    assert TASKS[row["task"]]().reward(example.target, example)["answer"] == 1


def test_a_transform_takes_and_gives_columns(examples: Path):
    rows = [to_row(example) for example in some_examples(3)]
    batch = {name: [row[name] for row in rows] for name in rows[0]}
    made = PageTransform()(batch)
    data = PageDataset(ExampleFile(examples))
    assert [len(column) for column in made.values()] == [3] * len(made)
    assert made["messages"] == [data[number]["messages"] for number in range(3)]
    assert PageTransform()({"id": []}) == {}


def test_torch_loads_rows_in_workers(examples: Path):
    torch_data = pytest.importorskip("torch.utils.data")
    data = PageDataset(ExampleFile(examples))
    loader = torch_data.DataLoader(data, num_workers=2, batch_size=None)
    assert [plain(row) for row in loader] == [plain(data[number]) for number in range(len(data))]


def test_datasets_draws_with_a_transform(examples: Path, tmp_path: Path):
    datasets = pytest.importorskip("datasets")
    plain_page = user(Pages("No evidence.", "en"), "Read.")
    first = [Example(f"p{number}", "ocr", (plain_page,), "No.") for number in range(3)]
    write_examples(tmp_path / "mixed.jsonl", [*first, *some_examples(2)])
    files = [str(tmp_path / "mixed.jsonl"), str(examples)]
    table = (
        datasets.load_dataset(
            "json",
            data_files=files,
            features=features(),
            split="train",
            cache_dir=str(tmp_path / "cache"),
        )
        .select(range(5, 15))
        .with_transform(PageTransform())
    )
    data = PageDataset(ExampleFile(examples))
    assert plain(table[4]) == plain(data[4])
    assert [plain(row) for row in table.select([1, 2])] == [plain(data[1]), plain(data[2])]


# ---- drawn once ----


def test_a_stored_row_is_the_row_that_would_be_drawn():
    for form in ("sft", "rl"):
        for example in some_examples(4):
            drawn = draw(example)
            stored = row_of_stored(stored_row(drawn), form, think=True)
            assert plain(stored) == plain(trainer_row(drawn, form, think=True))


def test_files_hold_every_example_in_order(examples: Path, tmp_path: Path):
    pytest.importorskip("pyarrow")
    told: list[tuple[int, int]] = []
    shards = plan_shards(examples, tmp_path / "pages", 4)
    prerender(shards, progress=lambda done, total: told.append((done, total)))
    assert told == [(4, 10), (8, 10), (10, 10)]
    stored, drawn = DrawnDataset(tmp_path / "pages"), PageDataset(ExampleFile(examples))
    assert [plain(stored[n]) for n in range(len(stored))] == [plain(drawn[n]) for n in range(10)]


def test_several_processes_write_what_one_does(examples: Path, tmp_path: Path):
    pytest.importorskip("pyarrow")
    for name, workers in (("one", 1), ("two", 2)):
        prerender(plan_shards(examples, tmp_path / name, 3), workers=workers)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_a_kill_loses_nothing_that_was_written(tmp_path: Path):
    pytest.importorskip("pyarrow")
    path, folder = tmp_path / "examples.jsonl", tmp_path / "pages"
    write_examples(path, some_examples(60))
    command = [sys.executable, "-m", "training.data.prerender", str(path), str(folder)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.Popen([*command, "--shard", "2"], env=environment, stdout=subprocess.PIPE)
    assert run.stdout is not None
    run.stdout.readline()
    time.sleep(0.05)  # so that it is within another file
    run.send_signal(signal.SIGKILL)
    run.communicate()
    before = {file.name: file.stat().st_mtime_ns for file in folder.glob("part-*.parquet")}
    assert 0 < len(before) < 30
    with pytest.raises(InputError, match=f"holds {len(before)} of 30 files; run"):
        DrawnDataset(folder)
    prerender(plan_shards(path, folder, 2))
    after = {file.name: file.stat().st_mtime_ns for file in folder.glob("part-*.parquet")}
    assert before.items() <= after.items()
    data = DrawnDataset(folder, form="rl")
    assert [read_example(data[n]["example"]).id for n in range(60)] == [f"e{n}" for n in range(60)]


def test_an_example_that_cannot_be_drawn_is_told_and_the_others_are(tmp_path: Path):
    pytest.importorskip("pyarrow")
    good = list(some_examples(3))
    bad = Example("bad", "ocr", (user(Pages(" \n ", "en")),), "")
    write_examples(tmp_path / "examples.jsonl", [good[0], bad, *good[1:], bad])
    shards = plan_shards(tmp_path / "examples.jsonl", tmp_path / "pages", 2)
    prerender(shards)
    (told,) = read_failed(shards[0])
    assert told["number"] == 1
    assert told["error"].startswith("InputError: the text is empty")
    assert read_failed(shards[1]) == []
    assert [row["number"] for row in read_failed(shards[2])] == [4]
    data = DrawnDataset(tmp_path / "pages", form="rl")
    names = [read_example(data[n]["example"]).id for n in range(len(data))]
    assert names == ["e0", "e1", "e2"]


def test_a_folder_of_other_examples_is_not_mixed(examples: Path, tmp_path: Path):
    plan_shards(examples, tmp_path / "pages", 4)
    with pytest.raises(InputError, match=r"holds pages of other shard \(4, now 5\)"):
        plan_shards(examples, tmp_path / "pages", 5)
    write_examples(examples, some_examples(9))
    with pytest.raises(InputError, match="holds pages of other examples"):
        plan_shards(examples, tmp_path / "pages", 4)


def test_what_cannot_be_planned_is_told(examples: Path, tmp_path: Path):
    with pytest.raises(ConfigError, match="at least 1 example; got 0"):
        plan_shards(examples, tmp_path / "pages", 0)
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(InputError, match="holds no example"):
        plan_shards(tmp_path / "empty.jsonl", tmp_path / "pages")


def test_the_command_tells_how_far_it_is(examples: Path, tmp_path: Path, capsys):
    pytest.importorskip("pyarrow")
    main([str(examples), str(tmp_path / "pages"), "--shard", "5"])
    assert capsys.readouterr().out.splitlines() == [
        "5 of 10 examples",
        "10 of 10 examples",
        f"10 examples in {tmp_path / 'pages'}, 0 could not be drawn",
    ]
    main([str(examples), str(tmp_path / "pages"), "--shard", "5"])
    assert capsys.readouterr().out.startswith("10 examples in")
    with pytest.raises(SystemExit, match=r"error: .* holds pages of other shard"):
        main([str(examples), str(tmp_path / "pages"), "--shard", "4"])


def test_pictures_are_stored_as_png(examples: Path):
    stored = stored_row(draw(ExampleFile(examples)[0]))
    assert all(png.startswith(b"\x89PNG") for png in stored["images"])
    assert stored["visual_tokens"] > 0
    assert json.loads(stored["prompt"])[0]["role"] == "user"
    assert np.asarray(row_of_stored(stored, "rl")["images"][0]).size > 0
