"""How the shipped reader runs; how well it reads is measured in test_accuracy.py."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from glyph_shared.errors import ConfigError, InputError
from glyph_shared.reader import Reader
from glyph_shared.rendering import render

QUESTION = "What is the access code of the Lisbon office?"
TEXT = "The access code of the Lisbon office is 4711."


def page_of(reader: Reader, text: str) -> np.ndarray:
    return render(text, reader.render_config)[0].pixels


def answer(reader: Reader, pages: list[np.ndarray], question: str, **settings: int) -> str:
    return "".join(token.text for token in reader.generate(pages, question, **settings))


def test_the_second_question_gives_the_same_as_a_fresh_reader(reader: Reader):
    page = page_of(reader, TEXT)
    answer(reader, [page], "Transcribe this page.", max_tokens=4)
    assert answer(reader, [page], QUESTION) == answer(Reader.load(), [page], QUESTION)


def test_a_prompt_in_memory_is_not_read_again(reader: Reader):
    page = page_of(reader, "Nothing was asked about this page before.")
    assert reader.cached_tokens([page]) == 0
    answer(reader, [page], QUESTION)
    assert 322 <= reader.cached_tokens([page]) < reader.prompt_tokens([page], QUESTION)


def test_prompts_beyond_the_memory_are_forgotten_oldest_first(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
):
    pages = [page_of(reader, f"This is page {number} of three.") for number in range(3)]
    monkeypatch.setattr("glyph_shared.reader.engine.MEMORY_BYTES", 2 * 4 * 2**20)
    for number in (0, 1, 0, 2):
        answer(reader, [pages[number]], QUESTION, max_tokens=1)
    assert [reader.cached_tokens([page]) > 0 for page in pages] == [True, False, True]


def test_threads_do_not_disturb_each_other(reader: Reader):
    pages = [
        page_of(reader, f"The access code of the Lisbon office is {n}.") for n in range(70, 76)
    ]
    alone = [answer(reader, [page], QUESTION) for page in pages]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda page: answer(reader, [page], QUESTION), pages * 3))
    assert together == alone * 3


def test_logprobs_are_those_of_a_distribution(reader: Reader):
    tokens = list(reader.generate([page_of(reader, TEXT)], QUESTION))
    assert all(token.logprob <= 0 for token in tokens)
    assert [token.finish_reason for token in tokens[:-1]] == [None] * (len(tokens) - 1)
    assert tokens[-1].finish_reason == "stop"


def test_an_answer_that_is_cut_says_so(reader: Reader):
    tokens = list(reader.generate([page_of(reader, TEXT)], "Transcribe this page.", max_tokens=1))
    assert [token.finish_reason for token in tokens] == ["length"]


def test_a_folder_without_weights_is_named(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"lacks vision\.onnx, language\.onnx"):
        Reader.load(tmp_path)


def test_prompt_tokens_are_page_marks_frame_and_chars(reader: Reader):
    page = page_of(reader, TEXT)
    assert reader.prompt_tokens([page], "Who?") == 322 + 6 + 4
    assert reader.prompt_tokens([page, page], "Who?") == 2 * 322 + 6 + 4


def test_the_tokenizer_file_agrees_with_the_vocabulary(reader: Reader):
    ids = reader.tokenizer.encode("Who?\n", add_special_tokens=False).ids
    assert reader.tokenizer.decode(ids) == "Who?\n"
    assert reader.count_tokens("Who?\n") == len(ids)


@pytest.mark.parametrize("beyond", [False, True])
def test_too_few_or_too_many_pages_are_refused(reader: Reader, beyond: bool):
    count = reader.max_pages + 1 if beyond else 0
    with pytest.raises(InputError, match=f"1 to {reader.max_pages} pages at a time; got {count}"):
        reader.generate([page_of(reader, TEXT)] * count, QUESTION)


def test_a_page_of_another_size_is_refused(reader: Reader):
    with pytest.raises(InputError, match=r"560x448 px; got uint8 of shape \(28, 56\)"):
        reader.generate([np.zeros((28, 56), np.uint8)], QUESTION)


def test_an_empty_question_is_refused(reader: Reader):
    with pytest.raises(InputError, match="the question is empty"):
        reader.generate([page_of(reader, TEXT)], "  ")
