"""BM25 ranks passages by the words they share with a question."""

from __future__ import annotations

import math

import pytest

from glyph_shared.planning.bm25 import K1, B, bm25_matches, bm25_scores, words


def test_a_score_is_the_published_formula():
    passages = ["red red apple", "green pear", "red plum tree in bloom"]
    scores = bm25_scores("red", passages)
    weight = math.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    mean = (3 + 2 + 5) / 3
    for score, count, length in zip(scores, (2, 0, 1), (3, 2, 5), strict=True):
        norm = K1 * (1 - B + B * length / mean)
        assert score == pytest.approx(weight * count * (K1 + 1) / (count + norm))


def test_a_rare_word_outweighs_a_common_one():
    passages = ["the code", *["the rain"] * 8]
    scores = bm25_scores("the code", passages)
    assert scores[0] > 3 * scores[1] > 0


def test_of_two_passages_with_a_word_the_shorter_ranks_first():
    short, long = bm25_scores("code", ["code here", "code " + "and rain " * 30])
    assert short > long


def test_a_passage_without_a_shared_word_scores_nothing():
    assert bm25_scores("access code", ["it rained", ""]) == [0.0, 0.0]
    assert bm25_scores("access code", []) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The CODE, of “Lisbon”!", ["the", "code", "of", "lisbon"]),
        ("cafe\u0301 STRASSE straße", ["café", "strasse", "strasse"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("里斯本办公室", ["里斯", "斯本", "本办", "办公", "公室"]),
        ("第7页 page", ["第", "7", "页", "page"]),
        ("snake_case", ["snake", "case"]),
        (" \n…", []),
    ],
)
def test_words_are_unicode_words_and_pairs_where_a_script_has_no_spaces(text, found):
    assert list(words(text)) == found


def test_chinese_questions_find_chinese_passages():
    scores = bm25_scores(
        "里斯本办公室的门禁码是多少？", ["今天下雨了。", "里斯本办公室的门禁码是4711。"]
    )
    assert scores[0] == 0 < scores[1]


def test_a_word_that_most_passages_hold_tells_nothing():
    passages = ["the code", "the rain", "the sun", "wind"]
    matches = bm25_matches("the code of the rain", passages)
    assert [match.telling for match in matches] == [True, True, False, False]
    assert matches[2].score > 0


def test_where_all_words_are_common_they_tell_what_there_is_to_tell():
    matches = bm25_matches("the rain", ["the rain", "the rain", "the sun", "wind"])
    assert [match.telling for match in matches] == [True, True, False, False]
    matches = bm25_matches("the", ["the rain", "the rain", "the sun", "wind"])
    assert [match.telling for match in matches] == [True, True, True, False]
