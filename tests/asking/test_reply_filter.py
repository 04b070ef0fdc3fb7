from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glyph_shared.asking.reply_filter import ReplyFilter
from glyph_shared.asking.special_tokens import SPECIAL_TOKENS, neutralise, restore


def _filtered(pieces: list[str]) -> tuple[ReplyFilter, str]:
    reply = ReplyFilter()
    shown = "".join([reply.feed(piece) for piece in pieces]) + reply.end()
    return reply, shown


@pytest.mark.parametrize(
    ("output", "text", "thinking", "unclosed"),
    [
        ("42", "42", "", False),
        ("<think>hm</think>\n\n42\n", "42", "hm", False),
        ("hm</think>42", "42", "hm", False),
        ("<think>only this", "", "only this", True),
        ("<think></think>", "", "", False),
        ("<answer>42</answer><|user|>", "42", "", False),
        ("a <|begin_of_box|>b<|end_of_box|> c", "a b c", "", False),
        ("<|us<|user|>er|>42", "42", "", False),
        ("<|us<think>hm</think>er|>42", "42", "hm", False),
        ("a <think>1</think>b <think>2</think>c", "a b c", "12", False),
        ("if a < b and x[1] > 2: <thin", "if a < b and x[1] > 2: <thin", "", False),
        ("<b>bold</b> [page 3]", "<b>bold</b> [page 3]", "", False),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_output_is_parted_the_same_however_it_is_cut(
    output: str, text: str, thinking: str, unclosed: bool, size: int
) -> None:
    reply, _ = _filtered([output[i : i + size] for i in range(0, len(output), size)])
    assert (reply.text, reply.thinking, reply.inside_thinking) == (text, thinking, unclosed)


_PIECES = st.lists(
    st.sampled_from(
        ["<", "[", "<|us", "er|>", " ", "\n", "a", "b", "|>", "<think>", *SPECIAL_TOKENS]
    ).filter(lambda piece: piece != "</think>")
    | st.text(alphabet="<|>[]/ abuser", max_size=6)
)


@given(_PIECES)
def test_shown_pieces_joined_are_the_text_and_hold_no_token(pieces: list[str]) -> None:
    reply, shown = _filtered(pieces)
    assert shown == reply.text
    assert not any(token in shown for token in SPECIAL_TOKENS)


@pytest.mark.parametrize("token", SPECIAL_TOKENS)
def test_each_token_is_neutralised_visibly_and_restored(token: str) -> None:
    inert = neutralise(f"before {token} after")
    assert token not in inert
    assert token[1:-1] in inert
    assert restore(inert) == f"before {token} after"


@given(st.text(alphabet="<|>[]/ gMASKuserthink", max_size=60))
def test_neutralised_text_holds_no_token_and_keeps_its_length(text: str) -> None:
    inert = neutralise(text)
    assert len(inert) == len(text)
    assert not any(token in inert for token in SPECIAL_TOKENS)


@pytest.mark.parametrize("text", ["<b>", "a <| b |> c", "x[MASKED]", "<thinking>", "[g]", "1 < 2"])
def test_other_brackets_are_left_alone(text: str) -> None:
    assert neutralise(text) == text


def test_lone_surrogates_are_replaced() -> None:
    assert neutralise("a\ud800b") == "a\ufffdb"
