"""The report: every figure stands in it, and nothing that a document or a model says can act."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
from html.parser import HTMLParser

import pytest
from PIL import Image

from glyph_shared import InputError
from llama_index_glyph.compare.report import write_report
from llama_index_glyph.compare.report_figures import intervals
from llama_index_glyph.compare.report_numbers import count, money, signed
from llama_index_glyph.compare.report_rows import Details, marks, questions, utf16_units
from llama_index_glyph.compare.thumbnails import WIDTH_PX, embedded
from llama_index_glyph.compare.verdict_signs import SIGNS, sign_of
from tests.llama_index.report_sample import make_sample, write_summary

ATTACKS = (
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    "<!--<script>",
    "<svg onload=alert(3)><animate onbegin=alert(4)></svg>",
    "<img src=x onerror=alert(5)>",
    '"><a href="javascript:alert(6)">here</a>',
    "{{ 7 * 7 }}{% raw %}",
    "\u2028\u2029\ud800 &lt;b&gt;",
)


class Parsed(HTMLParser):
    """A page's elements, and the text of its scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: dict[str, str] = {}
        self._script: str | None = None
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._script = dict(attrs).get("id", "code") if tag == "script" else None

    def handle_endtag(self, tag):
        self._script = None

    def handle_data(self, data):
        if self._script is not None:
            self.scripts[self._script] = self.scripts.get(self._script, "") + data

    def of(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    return make_sample(tmp_path_factory.mktemp("sample"), questions=12)


@pytest.fixture(scope="module")
def page(sample):
    return Parsed(write_report(sample).read_text(encoding="utf-8"))


def rows_of(folder):
    lines = (folder / "results.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def poisoned(value, attack):
    """Puts an attack behind every text of a row or summary that may be anything."""
    fixed = {"arm", "verdict", "image", "holds_gold", "question_id", "outcome", "metric"}
    if isinstance(value, dict):
        return {
            key: item if key in fixed else poisoned(item, attack) for key, item in value.items()
        }
    if isinstance(value, list):
        return [poisoned(item, attack) for item in value]
    return value + attack if isinstance(value, str) else value


def poisoned_report(sample, folder, attack):
    lines = [json.dumps(poisoned(row, attack)) + "\n" for row in rows_of(sample)[:6]]
    (folder / "results.jsonl").write_text("".join(lines), encoding="utf-8")
    summary = json.loads((sample / "summary.json").read_text(encoding="utf-8"))
    write_summary(folder, poisoned(summary, attack))
    return write_report(folder).read_text(encoding="utf-8")


def test_a_question_stands_with_every_arm_s_answer_and_verdict(sample, page):
    island = json.loads(page.scripts["data"])
    row = rows_of(sample)[4]
    shown = island["questions"][1]["results"][island["arms"].index(row["arm"])]
    assert (shown["answer"], shown["verdict"]) == (row["answer"], row["verdict"])
    assert [island["texts"][chunk["text"]] for chunk in shown["retrieved"]] == [
        chunk["text"] for chunk in row["retrieved"]
    ]


def test_every_figure_that_an_arm_has_stands_in_the_table(sample):
    html = write_report(sample).read_text(encoding="utf-8")
    for label in (
        "Exact match",
        "F1",
        "Prompt tokens",
        "Visual tokens",
        "Output tokens",
        "Pages",
        "Rendering",
        "First token, p95",
        "Total, p50",
        "Cost, USD",
        "Failed",
    ):
        assert label in html


def test_a_figure_that_no_arm_has_takes_no_line(sample):
    assert "Cached among them" not in write_report(sample).read_text(encoding="utf-8")


@pytest.mark.fault(73)
@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_that_documents_or_models_say_becomes_an_element(sample, page, tmp_path, attack):
    attacked = Parsed(poisoned_report(sample, tmp_path, attack))
    assert {tag for tag, _ in attacked.tags} <= {tag for tag, _ in page.tags}
    assert len(attacked.of("script")) == 3
    handlers = [name for _, found in attacked.tags for name in found if name.startswith("on")]
    assert not handlers
    assert {found["href"] for _, found in attacked.tags if "href" in found} == {"data:,"}


@pytest.mark.fault(73)
@pytest.mark.parametrize("attack", ATTACKS)
def test_what_the_script_reads_is_the_text_itself(sample, tmp_path, attack):
    island = json.loads(Parsed(poisoned_report(sample, tmp_path, attack)).scripts["data"])
    assert island["questions"][0]["question"].endswith(attack)


@pytest.mark.fault(73)
def test_the_policy_names_the_hash_of_the_only_script_and_forbids_all_else(page):
    policy = next(found["content"] for found in page.of("meta") if "http-equiv" in found)
    digest = hashlib.sha256(page.scripts["code"].encode("utf-8")).digest()
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["script-src"] == f"'sha256-{base64.b64encode(digest).decode()}'"
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"


@pytest.mark.fault(73)
def test_the_script_never_has_html_parsed(page):
    parsing = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function"
    assert not re.search(parsing, page.scripts["code"])


def test_nothing_is_fetched_from_elsewhere(page):
    addresses = [found.get(name) for _, found in page.tags for name in ("src", "href", "data")]
    assert {address for address in addresses if address} == {"data:,"}


def test_a_page_is_embedded_once_however_many_rows_show_it(page):
    island = json.loads(page.scripts["data"])
    shown = [
        found["image"]
        for question in island["questions"]
        for result in question["results"]
        for found in result["pages"]
    ]
    images = json.loads(page.scripts["images"])
    pages = {name for name in images if name.endswith(".png")}
    assert pages == set(shown)
    assert len(pages) < len(shown)


def test_a_thumbnail_is_grey_and_small(sample):
    name = next(row["pages"][0]["image"] for row in rows_of(sample) if row["pages"])
    data = base64.b64decode(embedded(sample, name).partition(",")[2])
    with Image.open(io.BytesIO(data)) as image:
        assert image.width == WIDTH_PX
    assert len(data) < 30_000


def test_the_gold_on_a_page_is_shown_in_full_size(tmp_path):
    page = Image.new("L", (800, 400), 255)
    page.paste(0, (700, 390, 800, 400))
    page.save(tmp_path / "page.png")
    data = base64.b64decode(embedded(tmp_path, "page.png", (700, 390, 100, 10)).partition(",")[2])
    with Image.open(io.BytesIO(data)) as image:
        assert image.size == (110, 20)


def test_a_part_beside_the_page_leaves_its_place_empty(tmp_path):
    Image.new("L", (40, 40)).save(tmp_path / "page.png")
    assert embedded(tmp_path, "page.png", (90, 90, 10, 10)) is None


@pytest.mark.parametrize("name", ["../outside.png", "pages/absent.png", "pages/broken.png", "."])
def test_an_image_outside_the_folder_missing_or_broken_leaves_its_place_empty(tmp_path, name):
    folder = tmp_path / "run"
    (folder / "pages").mkdir(parents=True)
    Image.new("L", (40, 40)).save(tmp_path / "outside.png")
    (folder / "pages" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    assert embedded(folder, name) is None


def test_gold_is_marked_where_a_chunk_holds_it_in_units_of_the_browser():
    chunk = {"document": "a", "start": 10, "end": 16, "text": "😀bcdef"}
    gold = {"document": "a", "start": 12, "end": 14}
    assert marks(chunk, [gold]) == [(3, 5)]
    assert utf16_units("😀b") == 3


@pytest.mark.parametrize(
    "gold",
    [
        {"document": "b", "start": 12, "end": 14},
        {"document": "a", "start": 16, "end": 20},
        {"document": "a", "start": None, "end": None},
    ],
)
def test_gold_elsewhere_is_not_marked(gold):
    assert marks({"document": "a", "start": 10, "end": 16, "text": "abcdef"}, [gold]) == []


def test_a_chunk_whose_text_is_not_its_stretch_is_not_marked():
    chunk = {"document": "a", "start": 10, "end": 90, "text": "abc"}
    assert marks(chunk, [{"document": "a", "start": 11, "end": 12}]) == []


def test_a_chunk_that_many_questions_retrieve_is_kept_once():
    details = Details(draw=lambda name, part: None)
    assert [details.text("one"), details.text("two"), details.text("one")] == [0, 1, 0]


def test_of_a_long_gold_the_first_and_the_last_lines_are_cut_out(sample, tmp_path):
    drawn = []
    details = Details(draw=lambda name, part: drawn.append(part))
    row = next(row for row in rows_of(sample) if row["pages"])
    lines = [[0, 10 * number, 100, 10] for number in range(9)]
    row["pages"] = [{**row["pages"][0], "evidence_px": lines}]
    questions([row], {"questions": []}, [row["arm"]], details)
    assert [part[1] for part in drawn if part] == [0, 10, 70, 80]


def test_verdicts_are_told_apart_without_colour():
    signs = [look.sign for look in SIGNS.values()]
    assert len(set(signs)) == len(signs)
    assert sign_of("quite new").sign == "Q"


def test_an_interval_is_drawn_to_scale_and_clear_only_without_zero():
    pair = {"a": "x", "b": "y", "metric": "f1", "difference": 0.1, "low": 0.05, "high": 0.2}
    pairs, reach = intervals([pair, {**pair, "low": -0.05}])
    drawn, other = pairs["x − y"]
    assert reach == 0.25
    assert (drawn.low_x, drawn.x, drawn.high_x) == (96, 112, 144)
    assert drawn.clear
    assert not other.clear


def test_an_interrupted_run_has_a_report_too(sample, tmp_path):
    rows = rows_of(sample)[:4]
    (tmp_path / "results.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "summary.json").write_bytes((sample / "summary.json").read_bytes())
    island = json.loads(Parsed(write_report(tmp_path).read_text(encoding="utf-8")).scripts["data"])
    assert [result["verdict"] for result in island["questions"][1]["results"]][1:] == [
        "not asked",
        "not asked",
    ]


def test_the_last_row_of_a_question_and_arm_counts(sample, tmp_path):
    row = rows_of(sample)[0]
    later = {**row, "answer": "later"}
    (tmp_path / "results.jsonl").write_text(json.dumps(row) + "\n" + json.dumps(later) + "\n")
    (tmp_path / "summary.json").write_bytes((sample / "summary.json").read_bytes())
    island = json.loads(Parsed(write_report(tmp_path).read_text(encoding="utf-8")).scripts["data"])
    assert island["questions"][0]["results"][0]["answer"] == "later"


@pytest.mark.parametrize(
    ("rows", "message"),
    [(None, "results.jsonl is missing"), ('{"arm": ', "line 1: not JSON"), ("[1]", "got list")],
)
def test_a_missing_or_broken_file_is_named(tmp_path, rows, message):
    if rows is not None:
        (tmp_path / "results.jsonl").write_text(rows, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        write_report(tmp_path)


def test_the_same_folder_gives_the_same_bytes(sample):
    os.utime(sample / "results.jsonl", (0, 0))
    first = write_report(sample).read_bytes()
    assert write_report(sample).read_bytes() == first
    assert b"1970-01-01 00:00 UTC" in first


@pytest.mark.parametrize(
    ("created", "shown"),
    [
        ("2026-03-01T23:30:00+00:00", "2026-03-01 23:30 UTC"),
        ("2026-03-02T00:30:00+01:00", "2026-03-01 23:30 UTC"),
        ("last <week>", "last &lt;week&gt;"),
    ],
)
def test_the_report_is_dated_as_its_summary_says(sample, tmp_path, created, shown):
    (tmp_path / "results.jsonl").write_bytes((sample / "results.jsonl").read_bytes())
    summary = json.loads((sample / "summary.json").read_text(encoding="utf-8"))
    write_summary(tmp_path, {**summary, "created": created})
    assert f" · {shown}\n" in write_report(tmp_path).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("value", "shown"), [(0.213, "+0.21"), (-0.05, "−0.05"), (-0.001, "±0.00"), (0, "±0.00")]
)
def test_a_difference_carries_its_sign(value, shown):
    assert signed(value) == shown


@pytest.mark.parametrize(
    ("form", "value", "shown"),
    [
        (count, 12400, "12,400"),
        (count, 9.66, "9.7"),
        (count, 3.0, "3"),
        (money, 0.00123, "0.0012"),
        (money, 12.5, "12.50"),
        (count, None, "–"),
    ],
)
def test_numbers_have_as_many_digits_as_help(form, value, shown):
    assert form(value) == shown
