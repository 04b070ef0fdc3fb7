"""``config="auto"`` gives each document the look of its kind."""

from __future__ import annotations

import inspect
import json
import random

import pytest

from glyph_shared.documents import Document, read_document
from glyph_shared.errors import ConfigError, OverLengthError
from glyph_shared.planning import (
    PRESET_OF_KIND,
    EstimateCounter,
    Plan,
    document_kind,
    kinds,
    plan,
)
from glyph_shared.planning.budget import page_cost
from glyph_shared.planning.denser import LEGIBILITY_FLOOR_PX, em_px
from glyph_shared.planning.kinds import text_kind
from glyph_shared.rendering import RenderConfig, png_theta_hash
from glyph_shared.rendering.preset_files import install_preset

PROSE = "\n".join(
    f"On day {number} it rained (as it often did), and nobody went out; “so be it,” she said."
    for number in range(200)
)
CODE = inspect.getsource(inspect)
CHINESE = "第一天下雨，没有人出门。她说：“就这样吧。”第二天也下雨，大家都在家里看书。\n" * 60
ROWS = [
    (number, f"Person {number}", random.Random(number).choice(["Lisbon", "Oslo", "Cairo"]), 7.5)
    for number in range(200)
]
CSV = "\n".join(",".join(map(str, row)) for row in ROWS)
COLUMNS = "\n".join("  ".join(f"{value!s:<12}" for value in row) for row in ROWS)
MARKDOWN = f"""# A letter

It rained for days, and nobody went out. This is how the days were counted:

| day | rain |
|-----|------|
| 1   | yes  |
| 2   | yes  |

```python
def day(number):
    return {{"rain": True}}
```

{PROSE[:3000]}
"""
TEXTS = {"prose": PROSE, "code": CODE, "cjk": CHINESE, "table": CSV}


def preset(kind):
    return RenderConfig.preset(PRESET_OF_KIND[kind])


def planned(context, **settings):
    return plan(context, **{"config": "auto", "counter": EstimateCounter(), **settings})


def thetas_drawn(made: Plan):
    return [png_theta_hash(page.png) for page in made.pages]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (PROSE, "prose"),
        (PROSE.replace("\n", " "), "prose"),
        (MARKDOWN, "prose"),
        ("It rained.", "prose"),
        ("a, b, c", "prose"),
        (CODE, "code"),
        (json.dumps([{"day": day, "rain": [True, None]} for day in range(99)], indent=2), "code"),
        ("int main(void) {\n    return f(x[0]);\n}\n" * 9, "code"),
        (CHINESE, "cjk"),
        ("これは日本語の文章です。雨が降りました。" * 9, "cjk"),
        ("비가 왔다. 아무도 나가지 않았다. " * 9, "cjk"),
        (f"{PROSE[:2000]}{CHINESE[:200]}", "prose"),
        (CSV, "table"),
        (CSV.replace(",", "\t"), "table"),
        (CSV.replace(",", " | "), "table"),
        (COLUMNS, "table"),
    ],
)
def test_the_kind_of_a_text_is_told_by_the_text(text, kind):
    assert text_kind(text) == kind


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("src/main.py", "code"),
        ("Main.JAVA", "code"),
        ("people.csv", "table"),
        ("book.txt", "prose"),
        ("README.md", "prose"),
        ("", "prose"),
    ],
)
def test_a_files_suffix_goes_before_its_text_where_it_decides(path, kind):
    assert text_kind(PROSE, path) == kind


def test_the_kind_of_a_long_text_is_told_by_a_sample():
    text = "x" * 10 + PROSE * 50
    assert len(kinds._sample(text)) < len(text) / 3
    assert text_kind(text) == "prose"


def test_each_document_of_a_plan_has_the_look_of_its_kind():
    made = planned(list(TEXTS.values()), text_gate=False)
    assert [planned.kind for planned in made.documents] == list(TEXTS)
    drawn = thetas_drawn(made)
    for part in made.documents:
        assert part.config == preset(part.kind)
        assert part.stop_page > part.start_page
        of_part = slice(part.start_page, part.stop_page)
        assert set(drawn[of_part]) == {part.config.theta_hash}
        assert made.config_of(part.start_page) == made.config_of(part.stop_page - 1) == part.config
    with pytest.raises(IndexError, match="page"):
        made.config_of(len(made.pages))


def test_the_plan_names_every_theta_once():
    made = planned(list(TEXTS.values()), text_gate=False)
    assert set(made.configs) == {preset(kind) for kind in TEXTS}
    assert made.config == made.configs[0] == preset("prose")
    told = made.summary()
    assert told["theta"] == preset("prose").theta_hash
    assert told["thetas"] == [config.theta_hash for config in made.configs]


def test_costs_and_spans_are_those_of_the_pages():
    made = planned(list(TEXTS.values()), text_gate=False)
    assert made.visual_tokens == made.report.visual_tokens == sum(map(page_cost, made.pages))
    for text, part in zip(TEXTS.values(), made.documents, strict=True):
        spans = [page.char_span for page in made.pages[part.start_page : part.stop_page]]
        assert (spans[0][0], spans[-1][1]) == (0, len(text))


def test_a_plan_is_the_same_every_time():
    one, other = (planned(list(TEXTS.values()), text_gate=False) for _ in range(2))
    assert [page.png for page in one.pages] == [page.png for page in other.pages]
    assert one.summary() == other.summary()


def test_a_document_drawn_alone_has_the_same_pages_as_among_others():
    among = planned([PROSE, CODE], text_gate=False)
    alone = planned(CODE, text_gate=False)
    part = among.documents[1]
    pages = among.pages[part.start_page : part.stop_page]
    assert [page.digest for page in pages] == [page.digest for page in alone.pages]


def test_a_folder_is_divided_where_the_kind_of_its_files_changes(tmp_path):
    files = {"a.py": CODE[:9000], "b.py": CODE[:9000], "c.txt": PROSE, "d.csv": CSV, "e.md": PROSE}
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    document = read_document(tmp_path)
    made = planned(document, text_gate=False)
    parts = [(part.document.name, part.kind) for part in made.documents]
    assert parts == [
        ("a.py and 1 file more", "code"),
        ("c.txt", "prose"),
        ("d.csv", "table"),
        ("e.md", "prose"),
    ]
    assert "".join(part.document.text for part in made.documents) == document.text
    offset = made.text.index("Person 7")
    assert str(made.locate(offset)) == "d.csv:8"


def test_with_one_theta_a_folder_stays_whole(tmp_path):
    for name, text in {"a.py": CODE, "c.txt": PROSE}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    made = planned(read_document(tmp_path), config=None, text_gate=False)
    assert [part.kind for part in made.documents] == [None]


def test_most_of_a_documents_chars_decide_where_it_is_not_divided():
    assert document_kind(Document.joined([Document.from_text(CODE), Document.from_text("x")]))


def test_denser_goes_down_every_documents_own_ladder():
    whole = planned([PROSE, CODE], text_gate=False)
    window = round(whole.visual_tokens * 0.48) + 106
    made = planned([PROSE, CODE], window=window, max_tokens=100, overflow="denser")
    asked = [part.config for part in whole.documents]
    got = [part.config for part in made.documents]
    assert all(one.dpi <= other.dpi for one, other in zip(got, asked, strict=True))
    assert all(em_px(config) >= LEGIBILITY_FLOOR_PX for config in got)
    assert set(thetas_drawn(made)) == {config.theta_hash for config in got}
    assert made.visual_tokens <= made.budget.context
    assert "dpi instead of 72" in made.overflow_note
    assert "line breaks drawn as marks" in made.overflow_note
    with pytest.raises(OverLengthError, match="floor"):
        planned([PROSE, CODE], window=window // 4, max_tokens=100, overflow="denser")


def test_hybrid_draws_each_excerpt_in_its_own_look():
    window = planned([PROSE * 4, CODE], text_gate=False).visual_tokens // 2
    made = planned(
        [PROSE * 4, CODE],
        window=window,
        max_tokens=100,
        overflow="hybrid",
        question="What does getsource do on day 7 when it rained?",
    )
    assert made.left_out
    assert set(thetas_drawn(made)) <= {preset("prose").theta_hash, preset("code").theta_hash}
    assert [part.config for part in made.documents] == [
        preset(part.kind) for part in made.documents
    ]


def test_windows_may_hold_pages_of_several_looks():
    made = planned([PROSE, CODE], window=3000, max_tokens=100, overflow="map_reduce")
    assert len(made.windows) > 1
    assert made.windows[-1].stop_page == len(made.pages)


@pytest.mark.parametrize("choice", ["en", "AUTO", 3, b"auto"])
def test_what_is_no_theta_is_refused(choice):
    with pytest.raises(ConfigError, match="auto"):
        plan(PROSE, config=choice)


def test_a_preset_alone_cannot_be_auto_and_says_where_it_can():
    with pytest.raises(ConfigError, match=r"plan .* client.* glyph count"):
        RenderConfig.preset("auto")


def test_what_the_users_own_search_found_for_a_kind_is_its_look():
    found = RenderConfig.preset("en").model_copy(update={"dpi": 66})
    install_preset("found-prose", found.model_dump_json(by_alias=True))
    assert planned(PROSE).config == found
    assert planned(CODE).config == preset("code")
    install_preset("found-table", found.model_dump_json(by_alias=True))
    assert planned(CSV).config == found
