"""``report.html``: one file with a comparison's figures, answers, chunks and pages.

Answers, chunks and names come from documents and models, so nothing in them may act: jinja2 escapes
what it writes, the JSON that the script reads has no ``<``, the script makes text nodes only, and
the content security policy lets no script run but the one whose hash it names.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from glyph_shared.errors import InputError
from llama_index_glyph.compare.report_figures import (
    DRAWING_WIDTH,
    figure_groups,
    intervals,
    outcome_counts,
    verdict_counts,
)
from llama_index_glyph.compare.report_head import facts, last_answer
from llama_index_glyph.compare.report_rows import Details, Row, arm_names, questions
from llama_index_glyph.compare.thumbnails import embedded
from llama_index_glyph.compare.verdict_signs import sign_of

REPORT_NAME = "report.html"

_ASSETS = Path(__file__).parent / "report_assets"
_HARMLESS = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def write_report(folder: Path) -> Path:
    """Writes the report of a finished or interrupted comparison, and returns its path.

    Args:
        folder: Holds ``results.jsonl``, ``summary.json`` and the page images that rows name. An
            image that is missing leaves its place empty.

    Raises:
        InputError: A file is missing or broken, or the report cannot be written.
    """
    rows = _read_rows(folder / "results.jsonl")
    summary = _read_json(folder / "summary.json")
    details = Details(draw=partial(embedded, folder))
    html = _page(summary, rows, details, last_answer(summary, folder / "results.jsonl"))
    path = folder / REPORT_NAME
    try:
        # Half of a surrogate pair, which JSON may hold, is no UTF-8.
        path.write_bytes(html.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from None
    return path


def _page(summary: Mapping[str, Any], rows: list[Row], details: Details, ended: str) -> str:
    arms = arm_names(rows, summary)
    asked = questions(rows, summary, arms, details)
    drawn, reach = intervals(summary["pairs"])
    script = _asset("report.js")
    return _template().render(
        policy=_policy(script),
        style=Markup(_asset("report.css")),
        script=Markup(script),
        data=_island({"arms": arms, "questions": asked, "texts": list(details.texts)}),
        images=_island(details.images),
        ended=ended,
        judge=summary["judge"],
        facts=facts(summary, rows),
        arms=arms,
        groups=figure_groups(summary, arms),
        counts=verdict_counts(asked, arms),
        outcomes=outcome_counts(asked),
        intervals=drawn,
        reach=reach,
        width=DRAWING_WIDTH,
        questions=asked,
        sign_of=sign_of,
    )


def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_ASSETS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2")


def _policy(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    return (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


def _island(value: Any) -> Markup:
    """Returns JSON that ends no script element and opens no comment."""
    return Markup(json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(_HARMLESS))


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


def _read_rows(path: Path) -> list[Row]:
    lines = _read_text(path).split("\n")
    return [_parsed(line, f"{path}, line {n}") for n, line in enumerate(lines, 1) if line.strip()]


def _read_json(path: Path) -> dict[str, Any]:
    return _parsed(_read_text(path), str(path))


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path} is missing; run the comparison into this folder first") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from None


def _parsed(text: str, place: str) -> dict[str, Any]:
    try:
        # NaN and Infinity, which Python writes, are no JSON to a browser.
        value = json.loads(text, parse_constant=lambda _: None)
    except ValueError as error:
        raise InputError(f"{place}: not JSON ({error})") from None
    if not isinstance(value, dict):
        raise InputError(f"{place}: an object is expected, got {type(value).__name__}")
    return value
