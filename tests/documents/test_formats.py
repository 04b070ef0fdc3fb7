"""HTML, JSON and tables become readable text whose lines are known."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glyph_shared.documents import read_document


def read(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content.encode())
    return read_document(path)


def lines_of(document):
    """Returns each word with the source line it is said to come from."""
    offsets = [i for i, char in enumerate(document.text) if not char.isspace()]
    return {document.text[i]: document.locate(i).line for i in offsets}


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>one\n two</p><p>three", "one two\n\nthree"),
        ("<h2>Head <b>line</b></h2>text", "## Head line\n\ntext"),
        ("a<script>alert('<p>')</script>b<style>p{}</style>c", "abc"),
        ("<ul><li><p>a</p></li><li>b<ul><li>c</ul></ul>d", "- a\n- b\n  - c\n\nd"),
        ("<ol><li>a<li>b</ol>", "1. a\n2. b"),
        ("<table><tr><th>a</th> <th>b</th></tr><tr><td>1<td>2</table>", "a | b\n1 | 2"),
        ("<table><tr><td></td><td>b</td><td></td><td>d</td></tr></table>", "| b | | d"),
        ("x<pre>\n  if a:\n\n      b</pre>y", "x\n\n  if a:\n\n      b\n\ny"),
        ("a<br>b<br/><br>c", "a\nb\n\nc"),
        ("fish &amp; chips &lt;b&gt; AT&T", "fish & chips <b> AT&T"),
        ("a&nbsp;b", "a\u00a0b"),
        ("<h1></h1><li></li>text", "text"),
        ("<img alt='a  cat' src='http://127.0.0.1/x'>", "[image: a cat]"),
        ("</p></ul></b>stray", "stray"),
        ("1 < 2", "1 < 2"),
        ("a <![if x]>b<!-- c -->d <!-- e", "a bd <!-- e"),
        ("<!DOCTYPE html><?xml version='1.0'?>text", "text"),
        ("<p title='a > b' class=\"x\">text</p>", "text"),
        ("<p title='a>text</p>", "text"),
        ("<SCRIPT>if (a < b) x('</p>')</Script >text", "text"),
        ("text<script>never closed", "text"),
        ("<svg/><p>text", "text"),
        ("a <b", "a <b"),
        ("a\r\nb<pre>c\r\nd</pre>", "a b\n\nc\nd"),
    ],
)
def test_html_reads_as_its_page_does(tmp_path, source, text):
    assert read(tmp_path, "a.html", source).text.strip("\n") == text


def test_html_knows_the_line_of_each_word(tmp_path):
    document = read(tmp_path, "a.html", "<p>A\nB <b>C\n</b>D</p>\n\n<pre>\nE\n\nF</pre>")
    assert lines_of(document) == {"A": 1, "B": 2, "C": 2, "D": 3, "E": 6, "F": 8}


@pytest.mark.parametrize(
    "piece",
    ["<", "</", "<!--", "<a ", "&", '<a "', "<a '>' ", "<![CDATA[", "<table><tr><td>", "<li>"],
)
def test_hostile_html_takes_linear_time(tmp_path, piece):
    def cost(repeats):
        source = "x" + piece * repeats
        start = time.process_time()
        read(tmp_path, "a.html", source)
        return time.process_time() - start

    # Quadratic time would make the ratio 64; noise may double what linear time gives.
    assert cost(80_000) < 32 * max(cost(10_000), 0.01)


@given(st.text(alphabet="<>/!-'\"ab p\n&;=", max_size=60))
def test_any_html_reads_without_an_error_and_tiles(tmp_path_factory, source):
    document = read(tmp_path_factory.mktemp("html"), "a.html", "x" + source)
    lines = source.count("\n") + 1
    assert all(1 <= document.locate(i).line <= lines for i in range(len(document.text)))


def test_json_is_laid_out_one_member_per_line(tmp_path):
    source = '{"a":[1,2.50],"b":{},"c":[{"x":"\\u4e2d\\n"},[]],"d":[[1]]}'
    expected = (
        '{\n  "a": [1, 2.50],\n  "b": {},\n  "c": [\n    {\n      "x": "中\\n"\n    },\n    []\n'
        '  ],\n  "d": [\n    [1]\n  ]\n}\n'
    )
    assert read(tmp_path, "a.json", source).text == expected


def test_json_keeps_what_a_parser_would_lose(tmp_path):
    source = '{"k": 1e400, "k": 123456789012345678901234567890.10, "h": "\\ud800"}'
    text = read(tmp_path, "a.json", source).text
    assert text.split() == [
        *("{", '"k":', "1e400,", '"k":', "123456789012345678901234567890.10,"),
        *('"h":', '"\\ud800"', "}"),
    ]


def test_json_knows_its_lines(tmp_path):
    document = read(tmp_path, "a.json", '{"A":\n1,\n"B":\n2}')
    lines = lines_of(document)
    assert [lines[char] for char in "A1B2"] == [1, 2, 3, 4]


@pytest.mark.parametrize("source", ["{'a': 1}", '{"a": 1', "[" * 100_000, "1 2"])
def test_what_is_not_json_stays_as_it_is(tmp_path, source):
    assert read(tmp_path, "a.json", source).text == source


values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(values, st.booleans(), st.sampled_from([None, 1, 4]))
def test_laid_out_json_means_the_same(tmp_path_factory, value, ascii_only, indent):
    folder = tmp_path_factory.mktemp("json")
    source = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    assert json.loads(read(folder, "a.json", source).text) == value


@pytest.mark.parametrize(
    ("name", "source", "text"),
    [
        ("a.csv", "name,age\nAnn,30\n", "name | age\nAnn | 30\n"),
        ("a.csv", 'a;b\n"x;y";"2,5"\n', "a | b\nx;y | 2,5\n"),
        ("a.tsv", "a\tb\n1\t2", "a | b\n1 | 2\n"),
        ("a.csv", 'a,b\n"two\nlines",p|q\n', "a | b\ntwo lines | p\\|q\n"),
        ("a.csv", "a,b,c\n1,,3\n", "a | b | c\n1 |  | 3\n"),
        ("a.csv", "a,b\n=1+1,x\n", "a | b\n=1+1 | x\n"),
    ],
)
def test_tables_read_as_rows(tmp_path, name, source, text):
    assert read(tmp_path, name, source).text == text


def test_a_row_knows_its_line_after_cells_with_line_breaks(tmp_path):
    document = read(tmp_path, "a.csv", 'A,b\n"c\nd\ne",f\nG,h\n')
    assert lines_of(document)["G"] == 5
    assert lines_of(document)["A"] == 1


def test_a_cell_beyond_the_csv_limit_leaves_the_file_as_it_is(tmp_path):
    source = 'a,b\n"' + "x" * 200_000
    assert read(tmp_path, "a.csv", source).text == source
