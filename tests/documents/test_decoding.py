"""Bytes become text by the stated rule."""

from __future__ import annotations

import pytest

from glyph_shared.documents.decoding import decode, looks_binary
from glyph_shared.errors import InputError

TEXT = "Größe 中文 €"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_is_read_and_its_mark_dropped(encoding):
    data = TEXT.encode(encoding)
    assert decode(data, name="a") == TEXT
    assert not looks_binary(data)


@pytest.mark.parametrize("order", ["le", "be"])
def test_both_byte_orders_are_known_by_their_mark(order):
    assert decode(("\ufeff" + TEXT).encode(f"utf-16-{order}"), name="a") == TEXT


def test_other_bytes_are_windows_1252():
    assert decode("naïve – “quoted” €5".encode("cp1252"), name="a") == "naïve – “quoted” €5"


def test_bytes_windows_1252_lacks_are_latin_1_and_none_is_lost():
    data = bytes(range(1, 256))
    assert decode(data, name="a").encode("latin-1") == data


@pytest.mark.parametrize(
    ("declaration", "encoding"),
    [
        ('<meta charset="gb18030">', "gb18030"),
        ("<meta http-equiv=Content-Type content='text/html; charset=Shift_JIS'>", "shift_jis"),
        ("<?xml version='1.0' encoding='Big5'?>", "big5"),
        ("# -*- coding: euc-jp -*-", "euc-jp"),
    ],
)
def test_a_files_own_declaration_counts(declaration, encoding):
    text = declaration + "\n中文"
    assert decode(text.encode(encoding), name="a") == text


@pytest.mark.parametrize("declared", ["utf-8", "gb99", "unicode_escape", "big5"])
def test_a_declaration_that_does_not_hold_is_passed_over(declared):
    data = f"charset={declared} é\\u0041 ".encode("cp1252") + b"\xff"
    assert decode(data, name="a") == f"charset={declared} é\\u0041 ÿ"


def test_the_callers_encoding_wins():
    assert decode("中文".encode("gb18030"), name="a", encoding="gb18030") == "中文"


@pytest.mark.parametrize(
    ("data", "encoding", "said"),
    [
        (b"\xff\xfea", None, "byte order mark"),
        (b"\xff", "utf-8", "a.txt is not valid utf-8"),
        (b"a", "klingon", "no encoding is named 'klingon'"),
    ],
)
def test_a_contradiction_is_an_error_that_says_so(data, encoding, said):
    with pytest.raises(InputError, match=said):
        decode(data, name="a.txt", encoding=encoding)


def test_nul_bytes_mean_binary():
    assert looks_binary(b"\x7fELF\0\0")
    assert not looks_binary(b"plain")
