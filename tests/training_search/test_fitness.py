"""What a θ is worth: density by arithmetic, accuracy by who reads."""

from __future__ import annotations

import json

import pytest

from glyph_shared.errors import ConfigError, InputError, ServerError
from glyph_shared.planning import PAGE_MARKS, EstimateCounter
from glyph_shared.rendering import RenderConfig, render
from tests.scripted_server import ScriptedServer, answer
from training.search.excerpts import accuracy, excerpts, legible
from training.search.fitness import Probe, ready
from training.search.readers import Tesseract
from training.search.texts import PARTS, text_of

REFERENCE = RenderConfig.preset("reference")


def asked_for(request):
    return " ".join(
        part["text"]
        for message in request["messages"]
        if isinstance(message["content"], list)
        for part in message["content"]
        if part["type"] == "text"
    )


def test_the_parts_of_a_text_share_no_paragraph(text):
    parts = [set(text_of(str(text), part, 100_000 // 20).split("\n\n")[:-1]) for part in PARTS]
    assert all(parts)
    assert len(set.union(*parts)) == sum(map(len, parts))


def test_too_little_text_is_refused_before_anything_is_measured(text):
    with pytest.raises(InputError, match="give a longer file"):
        text_of(str(text), "search", 1_000_000)
    with pytest.raises(InputError, match="one of prose, code, chinese or a file"):
        text_of("no such file", "search", 100)


@pytest.mark.parametrize("source", ["prose", "code"])
def test_texts_come_with_python(source):
    first, second = (text_of(source, part, 5000) for part in ("search", "confirm"))
    assert len(first) == len(second) == 5000
    assert first[:500] not in second


def test_an_excerpt_shows_the_same_words_in_every_look(text):
    content = text_of(str(text), "search", 6000)
    shown = []
    for dpi, page_size in ((72, (595, 842)), (96, (420, 595))):
        config = REFERENCE.model_copy(update={"dpi": dpi, "page_size": page_size})
        found = excerpts(render(content, config), config, 3, 300)
        assert len(found) == 3
        for one in found:
            assert one.pixels.shape[0] < one.page.size_px[1]
            assert one.pixels.min() < 100  # there is ink
            assert (one.pixels[0] == 255).all()
        shown.append([set(one.drawn.split()) for one in found])
    for first, second in zip(*shown, strict=True):
        assert len(first & second) > len(first | second) / 2


def test_white_space_and_forms_of_chars_do_not_count_as_read_wrong():
    assert accuracy("a  b\nc", "a b c") == 1
    assert legible("日 志，\n文件 vim 中") == legible("日志，文件vim中") == "日志,文件vim中"
    assert accuracy("ab", "abcd") == 0.5


def test_density_is_text_tokens_over_visual_tokens_with_the_counter_named(text):
    with ScriptedServer(answer("x")) as server:
        probe = Probe(text=str(text), chars=6000, reader="server", base_url=server.base_url)
        with ready(probe) as fitness:
            measured = fitness.of(REFERENCE)
            assert fitness.tokenizer == EstimateCounter.name
    content = text_of(str(text), "search", 6000)
    tokens = sum(page.visual_tokens + PAGE_MARKS for page in render(content, REFERENCE))
    expected = EstimateCounter().count(content) / tokens
    assert measured.measures["compression_ratio"] == pytest.approx(expected)
    assert measured.measures["visual_tokens"] == tokens
    assert len(measured.accuracies) == 4


def test_a_server_that_reads_everything_has_full_marks(text):
    config = REFERENCE
    content = text_of(str(text), "search", 3000)
    [excerpt] = excerpts(render(content, config), config, 1, 300)
    usage = {"prompt_tokens": 70, "completion_tokens": 30, "total_tokens": 100}
    with ScriptedServer(answer(excerpt.drawn, usage=usage)) as server:
        probe = Probe(
            text=str(text),
            chars=3000,
            excerpts=1,
            excerpt_chars=300,
            reader="server",
            base_url=server.base_url,
        )
        with ready(probe) as fitness:
            measured = fitness.of(config)
    assert measured.measures["ocr_accuracy"] == 1
    assert measured.llm_tokens == 100
    scalar = 1000 / measured.measures["visual_tokens"]
    assert measured.measures["per_visual_token"] == pytest.approx(scalar)


def test_questions_about_the_text_are_a_measure_of_their_own(text, tmp_path):
    file = tmp_path / "questions.jsonl"
    rows = [
        {"question": "Which entry?", "answer": "Entry 7"},
        {"question": "Who?", "answer": "Ada"},
    ]
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    with ScriptedServer(answer("It is entry 7.")) as server:
        probe = Probe(
            text=str(text), chars=3000, excerpts=0, questions=str(file), base_url=server.base_url
        )
        with ready(probe) as fitness:
            measured = fitness.of(REFERENCE)
        assert "Which entry?" in asked_for(server.requests[0])
    assert measured.measures["task_accuracy"] == measured.measures["accuracy"] == 0.5
    assert "ocr_accuracy" not in measured.measures
    with pytest.raises(ConfigError, match="objective 'ocr_accuracy' is not measured"):
        measured.point(("ocr_accuracy",))


def test_a_judge_grades_what_no_comparison_of_strings_would(text, tmp_path):
    file = tmp_path / "questions.jsonl"
    rows = [{"question": f"Who? {number}", "answer": "Ada"} for number in range(2)]
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    with ScriptedServer(answer("Lovelace")) as server, ScriptedServer(answer("8")) as judge:
        probe = Probe(
            text=str(text),
            chars=3000,
            excerpts=0,
            questions=str(file),
            base_url=server.base_url,
            judge_url=judge.base_url,
            judge_model="scripted",
        )
        with ready(probe) as fitness:
            assert fitness.of(REFERENCE).measures["task_accuracy"] == 0.8
        assert judge.calls == 2
    with pytest.raises(ConfigError, match="belong together"):
        Probe(judge_url="http://127.0.0.1:9/v1")


@pytest.mark.parametrize(
    "line", ["{", '{"question": "a"}', '{"question": "a", "answer": 3}', '["a", "b"]']
)
def test_a_line_that_is_no_question_is_named(text, tmp_path, line):
    file = tmp_path / "questions.jsonl"
    file.write_text(f'{{"question": "a", "answer": "b"}}\n{line}\n', encoding="utf-8")
    with (
        ScriptedServer() as server,
        pytest.raises(InputError, match="line 2 of"),
        ready(Probe(text=str(text), chars=3000, questions=str(file), base_url=server.base_url)),
    ):
        pass


def test_a_probe_that_measures_nothing_is_refused():
    with pytest.raises(ConfigError, match="at least 1 where no questions"):
        Probe(excerpts=0)
    with pytest.raises(ConfigError, match="chars must be"):
        Probe(chars=0)


def test_tesseract_reads_a_page_of_the_reference(text):
    try:
        reader = Tesseract("eng")
    except ConfigError as error:
        pytest.skip(str(error))
    config = REFERENCE.model_copy(update={"dpi": 96})
    content = text_of(str(text), "search", 1500)
    read = reader.read(excerpts(render(content, config), config, 1, 200), config)
    assert read.accuracies[0] > 0.9
    with pytest.raises(ConfigError, match="apt install tesseract-ocr-xx-yy"):
        Tesseract("xx_yy")


def test_the_embedded_reader_reads_its_own_look_and_refuses_others(tmp_path):
    file = tmp_path / "plain.txt"
    lines = (
        "The harbour was closed for a week.",
        "Nobody had seen the captain since.",
        "A letter came with the morning post.",
    )
    # Each line thrice, once for each part of the text.
    file.write_text("\n\n".join(line for line in lines for _ in PARTS), encoding="utf-8")
    probe = Probe(text=str(file), chars=100, excerpts=1, excerpt_chars=50, reader="embedded")
    with ready(probe) as fitness:
        measured = fitness.of(RenderConfig.preset("reader"))
        with pytest.raises(ServerError, match="theta"):
            fitness.of(REFERENCE)
    assert measured.measures["ocr_accuracy"] > 0.9
