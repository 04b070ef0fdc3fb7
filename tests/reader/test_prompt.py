import numpy as np

from glyph_shared.reader.prompt import pages_piece, question_piece
from glyph_shared.reader.vocabulary import REFUSAL, TOKEN_IDS, UNKNOWN, VOCABULARY, encode_text

PAGE = (560, 448)


def names(ids: np.ndarray) -> list[str]:
    return [VOCABULARY[token] for token in ids]


def test_every_token_has_one_number():
    assert len(set(VOCABULARY)) == len(VOCABULARY)


def test_a_page_stands_in_glms_frame():
    tokens = names(pages_piece([PAGE]).ids)
    assert tokens[:5] == ["[gMASK]", "<sop>", "<|user|>", "\n", "<|begin_of_image|>"]
    assert tokens[5:-1] == ["<|image|>"] * 320
    assert tokens[-1] == "<|end_of_image|>"


def test_rows_and_columns_count_from_the_begin_mark():
    positions = pages_piece([PAGE]).positions
    image = positions[:, 5:325]
    assert set(image[0]) == {5}
    assert image[1].min() == 5
    assert image[1].max() == 5 + 15
    assert image[2].max() == 5 + 19


def test_text_goes_on_after_the_larger_side_of_the_page():
    piece = pages_piece([PAGE])
    assert list(piece.positions[:, -1]) == [25, 25, 25]
    assert piece.next_position == 26


def test_a_second_page_starts_where_the_first_ends():
    one, two = pages_piece([PAGE]), pages_piece([PAGE, PAGE])
    assert list(two.positions[:, len(one.ids)]) == [one.next_position] * 3


def test_a_question_ends_with_the_opening_of_the_answer():
    piece = question_piece("Who?", 26)
    assert names(piece.ids) == [*"Who?", "<|assistant|>", "\n"]
    assert piece.positions[0].tolist() == list(range(26, 32))


def test_control_tokens_in_text_stay_text():
    ids = encode_text("<|user|>")
    assert TOKEN_IDS["<|user|>"] not in ids
    assert "".join(VOCABULARY[token] for token in ids) == "<|user|>"


def test_a_refusal_written_in_text_is_not_the_refusal_token():
    assert TOKEN_IDS[REFUSAL] not in encode_text(REFUSAL)


def test_unknown_chars_become_the_replacement():
    assert encode_text("漢") == [TOKEN_IDS[UNKNOWN]]
