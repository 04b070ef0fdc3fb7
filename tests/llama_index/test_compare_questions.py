"""Questions come from a file whose every fault is told with its line."""

from __future__ import annotations

import json

import pytest

from glyph_shared import Document, InputError
from llama_index_glyph.compare.documents import read_documents
from llama_index_glyph.compare.questions import Gold, Question, read_questions

DOCUMENTS = [
    Document.from_text("Ada wrote it. Nobody read it.", "a.txt"),
    Document.from_text("It rains. It rains.", "b.txt"),
]


def read(tmp_path, *lines):
    file = tmp_path / "questions.jsonl"
    texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    file.write_text("\n".join(texts), encoding="utf-8")
    return read_questions(file, DOCUMENTS)


def test_a_line_needs_a_question_and_answers_alone(tmp_path):
    first, second = read(
        tmp_path, {"question": "Who?", "answers": "Ada"}, "", {"question": "Why?", "answers": []}
    )
    assert first == Question("q1", "Who?", ("Ada",))
    assert second.id == "q3"
    assert second.unanswerable


@pytest.mark.parametrize(
    ("place", "gold"),
    [
        ({"document": "a.txt"}, Gold("a.txt")),
        ({"document": "a.txt", "start": 0, "end": 13}, Gold("a.txt", 0, 13)),
        ({"document": "a.txt", "text": "Nobody"}, Gold("a.txt", 14, 20)),
    ],
)
def test_gold_is_a_document_chars_or_a_quote(tmp_path, place, gold):
    [question] = read(tmp_path, {"question": "Who?", "answers": ["Ada"], "gold": [place]})
    assert question.gold == (gold,)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "line 2 of questions.jsonl: Invalid JSON"),
        ({"answers": []}, "line 2 .* question: Field required"),
        ({"question": " ", "answers": []}, "line 2 .* question"),
        ({"question": "Who?"}, "line 2 .* answers"),
        ({"question": "Who?", "answers": [""]}, "line 2 .* an answer is empty"),
        ({"question": "Who?", "answer": "Ada", "answers": []}, "line 2 .* answer: Extra inputs"),
        ({"question": "?", "answers": [], "gold": [{"document": "a.txt"}]}, "gold without answers"),
        ({"question": "?", "answers": "x", "gold": [{"document": "c"}]}, "no document 'c'; .*'a.t"),
        (
            {"question": "?", "answers": "x", "gold": [{"document": "a.txt", "start": 3}]},
            "line 2 .* 29 chars of 'a.txt'; got 3 and None",
        ),
        (
            {"question": "?", "answers": "x", "gold": [{"document": "b.txt", "text": "rains"}]},
            "line 2 .* stands there 2 times",
        ),
        ({"id": "q1", "question": "?", "answers": "x"}, "the id 'q1' more than once"),
    ],
)
def test_what_cannot_be_used_is_told_with_its_line(tmp_path, line, told):
    with pytest.raises(InputError, match=told):
        read(tmp_path, {"question": "Who?", "answers": "Ada"}, line)


def test_a_file_without_questions_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no question"):
        read(tmp_path, "", "  ")
    with pytest.raises(InputError, match="cannot be read"):
        read_questions(tmp_path / "none.jsonl", DOCUMENTS)


def test_each_file_of_a_folder_is_a_document(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.txt").write_text("One.", encoding="utf-8")
    (tmp_path / "deep" / "a.txt").write_text("Two.", encoding="utf-8")
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.4 and no more")
    documents, skipped = read_documents([str(tmp_path)])
    assert [(document.name, document.text) for document in documents] == [
        ("a.txt", "One."),
        ("deep/a.txt", "Two."),
    ]
    assert [left.path for left in skipped] == ["broken.pdf"]
    with pytest.raises(InputError, match="given twice"):
        read_documents([str(tmp_path / "a.txt")] * 3)
