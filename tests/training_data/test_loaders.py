"""Records from files: every good row is read, every bad one is told with its file and line."""

import json
from pathlib import Path

import pytest

from glyph_shared.errors import ConfigError, InputError
from training.data.invented import invented_records
from training.data.loaders import read_hub, read_jsonl, read_parquet, read_texts
from training.data.material import Material, cut
from training.data.records import BadRow, Columns

PLAIN = Columns()


def jsonl(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_bad_lines_are_told_by_number_and_the_good_ones_are_read(tmp_path: Path):
    file = jsonl(
        tmp_path / "rows.jsonl",
        '{"text": "One."}',
        "",
        '{"text": "cut off',
        "[1, 2]",
        '{"text": 7}',
        '{"text": "  "}',
        '{"body": "no text"}',
        '{"text": "Two.", "instruction": "Do it."}',
        '{"text": "Three."}',
    )
    bad: list[BadRow] = []
    records = list(read_jsonl(file, PLAIN, bad.append))
    assert [record.text for record in records] == ["One.", "Three."]
    assert [row.line for row in bad] == [3, 4, 5, 6, 7, 8]
    assert {row.file for row in bad} == {str(file)}
    told = [str(row) for row in bad]
    assert told[0].startswith(f"{file}:3: ")
    assert told[0].endswith('; got {"text": "cut off')
    assert "a row is an object; got list" in told[1]
    assert "'text' must be a text; got int" in told[2]
    assert "'text' is empty" in told[3]
    assert "'text' must be a text; got NoneType" in told[4]
    assert "an instruction goes with a response; 'response' is absent" in told[5]


def test_columns_of_other_names_are_read(tmp_path: Path):
    row = {"article": ["Part one.", "Part two."], "highlights": "Short."}
    file = jsonl(tmp_path / "news.jsonl", json.dumps(row))
    columns = Columns({"text": "article", "summary": "highlights"})
    (record,) = read_jsonl(file, columns, pytest.fail)
    assert (record.text, record.summary) == ("Part one.\n\nPart two.", "Short.")


def test_a_column_for_an_unknown_field_is_refused():
    with pytest.raises(ConfigError, match="text, summary, instruction, response; got 'body'"):
        Columns({"body": "text"})


def test_a_folder_gives_one_record_a_file_and_tells_what_it_left_out(tmp_path: Path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.txt").write_text("It rained.", encoding="utf-8")
    (tmp_path / "sub" / "b.py").write_text("x = {1: [2]}\n", encoding="utf-8")
    (tmp_path / "c.bin").write_bytes(bytes(range(256)) * 9)
    (tmp_path / "empty.txt").touch()
    bad: list[BadRow] = []
    records = list(read_texts(tmp_path, bad.append))
    assert [(record.name, record.kind) for record in records] == [
        ("a.txt", "prose"),
        ("sub/b.py", "code"),
    ]
    assert [row.file for row in bad] == ["c.bin", "empty.txt"]
    assert all(row.reason for row in bad)


def test_a_file_that_is_not_there_is_told(tmp_path: Path):
    with pytest.raises(InputError, match="cannot read"):
        list(read_jsonl(tmp_path / "none.jsonl", PLAIN, pytest.fail))
    with pytest.raises(InputError, match="is not there"):
        list(read_texts(tmp_path / "none", pytest.fail))


def test_parquet_rows_are_read_and_bad_ones_told(tmp_path: Path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    table = pyarrow.table({"text": ["One.", None, "Three."], "response": [None, None, "x"]})
    parquet.write_table(table, tmp_path / "rows.parquet")
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 and then nothing")
    bad: list[BadRow] = []
    records = list(read_parquet(tmp_path, PLAIN, bad.append))
    assert [record.text for record in records] == ["One."]
    assert [(Path(row.file).name, row.line) for row in bad] == [
        ("rows.parquet", 2),
        ("rows.parquet", 3),
        ("torn.parquet", 0),
    ]


def test_a_data_set_that_datasets_knows_is_streamed(tmp_path: Path):
    pytest.importorskip("datasets")
    jsonl(tmp_path / "train.jsonl", '{"text": "One."}', '{"text": ""}', '{"text": "Two."}')
    bad: list[BadRow] = []
    records = list(read_hub(str(tmp_path), "train", PLAIN, bad.append))
    assert [record.text for record in records] == ["One.", "Two."]
    assert [row.line for row in bad] == [2]
    with pytest.raises(InputError, match="split 'nowhere', cannot be read: Bad split"):
        list(read_hub(str(tmp_path), "nowhere", PLAIN, bad.append))


def test_formats_that_lack_their_package_name_the_install(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "datasets", None)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for read in (
        lambda: read_hub("x", "train", PLAIN, pytest.fail),
        lambda: read_parquet(tmp_path / "x.parquet", PLAIN, pytest.fail),
    ):
        with pytest.raises(ConfigError, match=r"pip install 'glyph-context\[train\]'"):
            list(read())


def test_a_passage_is_as_long_as_asked_and_ends_with_a_line():
    import random

    material = Material(invented_records(8, chars=1500))
    for seed in range(20):
        passage = material.passage(random.Random(seed), 5000)
        assert 2500 < len(passage) <= 5000


def test_a_text_without_lines_is_cut_at_a_space():
    assert cut("one two three four", 10) == "one two"
    assert cut("x" * 30, 10) == "x" * 10


def test_invented_text_of_tests_shares_no_document_with_training():
    train = {record.text for record in invented_records(6, seed=1)}
    held_out = {record.text for record in invented_records(6, seed=1, held_out=True)}
    assert not train & held_out
    assert invented_records(6, seed=1) == invented_records(6, seed=1)


def test_there_is_no_material_without_records():
    with pytest.raises(InputError, match="add a source"):
        Material([])
