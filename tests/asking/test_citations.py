from __future__ import annotations

import pytest

from glyph_shared.asking import Source, cited_pages, find_citations
from glyph_shared.asking.evidence import find_evidence
from glyph_shared.documents import Document

OFFICES = (
    "The access code of the Porto office is 1234.\n"
    "The access code of the Lisbon office is 4711.\n"
    "It rained all day, and 4711 people stayed at home, as they had done before.\n"
    "Bertha Mason was the first wife of Mr Rochester; she was kept in the attic of Thornfield.\n"
)
FILLER = "nothing of note was said by anybody there on that long afternoon.\n" * 60


@pytest.mark.parametrize(
    ("answer", "numbers"),
    [
        ("Lisbon [page 3].", [3]),
        ("[Page 3] and [page 5], again [page 3]", [3, 5]),
        ("[pages 2, 4 and 7]", [2, 4, 7]),
        ("[pages 5-7]", [5, 6, 7]),
        ("[p. 4] [pp. 8–9]", [4, 8, 9]),
        ("答案 [第3页]", [3]),
        ("[pages 9-2]", [9]),
        ("[pages 1-100000]", [1]),
        ("page 3, x[3], [see page 3]", []),
    ],
)
def test_cited_pages_are_read_from_the_answer(answer: str, numbers: list[int]) -> None:
    assert cited_pages(answer) == numbers


def _quotes(answer: str, question: str = "", text: str = OFFICES) -> list[str]:
    return [text[slice(*place.char_span)] for place in find_evidence(answer, question, text)]


@pytest.mark.parametrize(
    ("answer", "question", "quotes"),
    [
        ("4711", "What is the access code of the Lisbon office?", ["4711"]),
        ("1234.", "What is the access code of the Porto office?", ["1234"]),
        ("BERTHA  mason", "Who was the first wife?", ["Bertha Mason"]),
        ("9999", "What is the access code of the Lisbon office?", []),
        ("No.", "Is there a code?", []),
        ("", "What?", []),
    ],
)
def test_a_short_answer_is_found_word_for_word(
    answer: str, question: str, quotes: list[str]
) -> None:
    assert _quotes(answer, question, FILLER + OFFICES + FILLER) == quotes


def test_of_equal_words_the_place_near_the_question_is_taken() -> None:
    question = "What is the access code of the Lisbon office?"
    [place] = find_evidence("4711", question, FILLER + OFFICES)
    line = (FILLER + OFFICES)[: place.char_span[0]].rpartition("\n")[2]
    assert line == "The access code of the Lisbon office is "


def test_a_sentence_in_other_words_is_found_by_its_rare_ones() -> None:
    [quote] = _quotes("Mr Rochester kept his wife Bertha Mason in the attic at Thornfield.")
    assert quote.startswith("Bertha Mason")
    assert quote.endswith("Thornfield")


def test_a_sentence_with_made_up_words_is_not_found() -> None:
    assert _quotes("Napoleon crossed frozen mountains toward distant Moscow.") == []


def test_each_statement_has_its_own_place_and_the_best_comes_first() -> None:
    answer = (
        "The access code of the Porto office is 1234. Bertha Mason was the first wife, I believe."
    )
    places = find_evidence(answer, "", FILLER + OFFICES)
    assert len(places) == 2
    assert places[0].score >= places[1].score


def test_a_title_does_not_end_a_statement() -> None:
    text = FILLER + "Then St. John Rivers left for India, and Mr. Brocklehurst stayed."
    assert _quotes("St. John Rivers left for India.", "", text) == [
        "St. John Rivers left for India"
    ]


def test_a_common_word_alone_is_no_evidence() -> None:
    assert _quotes("Afternoon.", "Was it a long afternoon?", FILLER) == []


def test_only_the_given_part_of_the_text_is_searched() -> None:
    text = OFFICES + FILLER + OFFICES
    span = (len(OFFICES), len(text))
    [place] = find_evidence("4711", "access code of the Lisbon office", text, span)
    assert place.char_span[0] > span[0]
    assert text[slice(*place.char_span)] == "4711"


def test_chinese_is_searched_char_by_char() -> None:
    text = "天气很好。里斯本办公室的密码是四七一一。我们出去了。"
    assert _quotes("密码是四七一一", "里斯本的密码?", text) == ["密码是四七一一"]


def test_each_citation_says_who_found_it_and_where() -> None:
    document = Document.from_text(OFFICES, "offices.txt")
    middle = OFFICES.index("It rained")
    source = Source(OFFICES, ((0, middle), (middle, len(OFFICES))), document.locate)
    answer = "Bertha Mason was the first wife of Mr Rochester [page 2] [page 9]."
    cited, found = find_citations(answer, "Who was she?", source)
    assert (cited.found_by, cited.page_index, cited.score) == ("model", 1, 1.0)
    assert cited.char_span == (middle, len(OFFICES))
    assert (found.found_by, found.page_index, found.line) == ("text", 1, 4)
    assert found.quote == "Bertha Mason was the first wife of Mr Rochester"
    assert str(found) == "page 2 (offices.txt:4)"


def test_neutralised_tokens_are_found_in_the_source_as_they_stood() -> None:
    source = Source("A turn opens with <|user|> and a line break.", ((0, 44),))
    [found] = find_citations("A turn opens with ‹|user|› and a line break.", "", source)
    assert "<|user|>" in found.quote
