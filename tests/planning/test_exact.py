"""Exact strings are found whole, each once, in linear time."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from glyph_shared.errors import ConfigError
from glyph_shared.planning.exact import find_exact_strings
from glyph_shared.planning.sidecar import (
    LONGEST_EXACT_STRING,
    Sidecar,
    SidecarMaker,
    checked_exact_text_tokens,
)

UUID = "550e8400-e29b-41d4-a716-446655440000"


def found(text):
    return [(one.kind, one.text) for one in find_exact_strings(text)]


@pytest.mark.parametrize(
    ("text", "kind", "exact"),
    [
        (f"The token is {UUID}.", "uuid", UUID),
        (f"{{{UUID.upper()}}}", "uuid", UUID.upper()),
        (f"编号{UUID}。", "uuid", UUID),
        (f"file_{UUID}.bin", "uuid", UUID),
        ("commit 3f2a9bc1 broke it", "hex", "3f2a9bc1"),
        ("at 0xDEADBEEF it stopped", "hex", "0xDEADBEEF"),
        ("sha256:e3b0c44298fc1c149afbf4c8996fb924", "hex", "e3b0c44298fc1c149afbf4c8996fb924"),
        ("Pay DE89370400440532013000 now", "iban", "DE89370400440532013000"),
        ("DE89 3704 0044 0532 0130 00 IS MINE", "iban", "DE89 3704 0044 0532 0130 00"),
        ("BE68 5390 0754 7034 FROM HERE", "iban", "BE68 5390 0754 7034"),
        ("NO93\xa08601\xa01117\xa0947", "iban", "NO93\xa08601\xa01117\xa0947"),
        ("a mistyped GB00 WEST 1234 5698 7654 32", "iban", "GB00 WEST 1234 5698 7654 32"),
        ("order 471108", "number", "471108"),
        ("1,234,567.89 dollars", "number", "1,234,567.89"),
        ("1.234.567,89 Euro", "number", "1.234.567,89"),
        ("pi is 3.14159265.", "number", "3.14159265"),
        ("invoice INV20240017-B", "number", "INV20240017"),
        ("رقم ٣٤٥٦٧٨", "number", "٣٤٥٦٧٨"),
        ("单号123456。", "number", "123456"),
        ("write to a.b+c@x-y.co.uk.", "email", "a.b+c@x-y.co.uk"),
        ("<jörg@müller.example>", "email", "jörg@müller.example"),
        ("邮箱foo@bar.com的", "email", "foo@bar.com"),
        ("mailto:123456789@example.org", "email", "123456789@example.org"),
        ("(see https://x.org/wiki/A_(b)).", "url", "https://x.org/wiki/A_(b)"),
        ("见https://a.cn/x，然后", "url", "https://a.cn/x"),
        ("https://x.org/Köln?q=1,2#id!", "url", "https://x.org/Köln?q=1,2#id"),
        (f"<https://me@x.org/{UUID}/123456>", "url", f"https://me@x.org/{UUID}/123456"),
        ('"HTTP://X.ORG/[a]",', "url", "HTTP://X.ORG/[a]"),
        ("read www.example.org, please", "url", "www.example.org"),
    ],
)
def test_each_kind_is_found_whole_and_alone(text, kind, exact):
    assert found(text) == [(kind, exact)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Nothing of the kind on 21 November 2026, at 12:30.",
        "12345 and deadbee",
        "1,2,3,4,5,6,7",
        "2024-11-21 192.168.100.12",
        "AB12 CDEF GHIJ KLMN",
        "a@b @c.de x@ @",
        "https:// http://). www.",
        "a name_of@decorator",
    ],
)
def test_what_only_looks_like_one_is_left_alone(text):
    assert found(text) == []


def test_the_strings_come_in_the_order_of_the_text():
    text = f"https://x.org {UUID} a@b.de 0123456789 cafe0123"
    assert [kind for kind, _ in found(text)] == ["url", "uuid", "email", "number", "hex"]


SEEDS = ["DE89 3704 0044 0532 0130 00", UUID, "a.b@c.de", "https://", "0xcafe0123", "123456", "中"]


@given(st.lists(st.sampled_from([*SEEDS, *"-.,@/ ()aF1é\n\ud800"]), max_size=30).map("".join))
@example("")
@settings(max_examples=200, deadline=None)
def test_every_span_is_its_string_and_no_two_overlap(text):
    end = 0
    for one in find_exact_strings(text):
        start, stop = one.char_span
        assert end <= start < stop
        assert one.text == text[start:stop]
        end = stop


@pytest.mark.parametrize(
    "piece",
    ["1", "a@", "a.", "a@a.", "f", "1,", "DE12 ", "DE12", "http://", ")", "a-", "550e8400-", "www.",
     "a1b2c3", "12345a", "'", "中a@", "12345678 ", "a@a-"],
)  # fmt: skip
def test_hostile_text_takes_time_in_proportion_to_its_length(piece):
    def seconds(chars):
        text = piece * (chars // len(piece))
        begun = time.process_time()
        for hostile in (text, f"http://{text}g", f"{text}!"):
            find_exact_strings(hostile)
        return time.process_time() - begun

    # A quadratic search would take 64 times as long, and 8 is what the length alone explains.
    # The best of three: a collection of the process's garbage may fall into any one.
    once = min(seconds(10_000) for _ in range(3))
    assert min(seconds(80_000) for _ in range(3)) < 30 * once + 0.05


def test_a_megabyte_of_digits_is_one_string():
    assert [len(one.text) for one in find_exact_strings("1" * 1_000_000)] == [1_000_000]


class Chars:
    """Counts a token per char, so that a test can do the sums."""

    name = "chars"

    def __init__(self):
        self.calls = 0

    def count(self, text):
        self.calls += 1
        return len(text)


def maker(*pages):
    """Returns the maker for the texts of these pages."""
    spans, end = [], 0
    for page in pages:
        spans.append((end, end + len(page)))
        end += len(page)
    return SidecarMaker("".join(pages), spans, Chars())


def test_a_sidecar_names_the_page_of_each_string():
    made = maker("a 471108 ", "nothing ", f"{UUID} a@b.de ").make((0, 3), 1000)
    header, *lines = made.text.split("\n")
    assert header == "Exact strings on the pages above, as text:"
    assert lines == ["page 1: 471108", f"page 3: {UUID} | a@b.de"]
    assert (made.sent, made.left_out, made.text_tokens) == (3, 0, len(made.text))


def test_a_string_that_stands_on_several_pages_is_sent_once_with_the_first():
    made = maker("471108 471108 ", "471108 815815 ").make((0, 2), 1000)
    assert made.text.split("\n")[1:] == ["page 1: 471108", "page 2: 815815"]
    assert made.sent == 2


def test_a_string_across_a_page_end_is_whole_and_belongs_to_the_page_of_its_begin():
    made = maker("begin 550e8400-e29b-41d4", "-a716-446655440000 end").make((0, 2), 1000)
    assert made.text.split("\n")[1:] == [f"page 1: {UUID}"]


def test_a_sidecar_holds_the_strings_of_its_own_window_alone():
    pages = maker("471108 ", "815815 ", "471108 ")
    assert pages.make((1, 3), 1000).text.split("\n")[1:] == ["page 2: 815815", "page 3: 471108"]


def test_no_strings_make_no_text():
    assert maker("nothing here").make((0, 1), 1000) == Sidecar()


def test_no_cap_is_exceeded_and_what_does_not_fit_is_counted():
    pages = maker(*(f"{number:06d} " for number in range(100)))
    whole = pages.make((0, 100), 10_000)
    assert whole.sent == 100
    before = -1
    for most in (0, 50, 100, 500, 1000, whole.text_tokens - 1):
        made = pages.make((0, 100), most)
        assert made.text_tokens == len(made.text) <= most
        assert made.sent + made.left_out == 100
        assert before <= made.sent < 100
        before = made.sent
    assert made.text.startswith("Some of the exact strings on the pages above, as text:\n")


def test_what_a_reader_cannot_guess_goes_first():
    pages = maker("https://x.org/a-page a@b.de 471108 ", f"{UUID} ")
    made = pages.make((0, 2), 110)
    assert made.text.split("\n")[1:] == [f"page 2: {UUID}"]
    assert made.left_out == 3


def test_a_string_too_long_to_be_asked_for_does_not_keep_others_out():
    made = maker("1" * (LONGEST_EXACT_STRING + 1), " 471108").make((0, 2), 100_000)
    assert made.text.split("\n")[1:] == ["page 2: 471108"]
    assert (made.sent, made.left_out) == (1, 1)


def test_a_counter_is_asked_a_few_times_however_many_strings_there_are():
    counter = Chars()
    text = " ".join(f"{number:06d}" for number in range(20_000))
    made = SidecarMaker(text, [(0, len(text))], counter).make((0, 1), 2048)
    assert 200 < made.sent < 20_000
    assert counter.calls < 20


@pytest.mark.parametrize("value", [-1, 1.5, True, "1", None])
def test_an_impossible_cap_is_refused(value):
    with pytest.raises(ConfigError, match="exact_text_tokens"):
        checked_exact_text_tokens(value)
