"""Questions about source pages that are shown as pictures, and answers that name them."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from glyph_shared.asking import GlyphClient
from glyph_shared.documents import Document, read_document
from glyph_shared.errors import InputError
from glyph_shared.planning import plan
from glyph_shared.reader import Reader
from glyph_shared.rendering import RenderConfig
from tests.documents import sheets
from tests.scripted_server import Scripted, ScriptedServer, answer, as_json

QUESTION = "Which code has the office in Bergen?"


@pytest.fixture
def report(tmp_path: Path) -> Document:
    path = tmp_path / "report.pdf"
    path.write_bytes(sheets.pdf(sheets.prose, sheets.scan, sheets.ruled_table, sheets.prose))
    return read_document(path, source_pages="auto")


def _models(window: int, **glyph: Any) -> Scripted:
    return as_json({"data": [{"id": "scripted", "max_model_len": window, "glyph": glyph or None}]})


def _images(request: dict[str, Any]) -> list[Image.Image]:
    parts = request["messages"][-1]["content"]
    urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    return [Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) for url in urls]


def test_pictures_and_drawn_text_go_into_one_prompt_in_order(report: Document) -> None:
    with (
        ScriptedServer(answer("56-33 [page 3]."), models=_models(20_000)) as server,
        GlyphClient(server.base_url) as client,
    ):
        client.ask(QUESTION, report)
        [request] = server.requests
    first, scan, table, last = _images(request)
    assert scan.size == table.size == (784, 1120)
    assert first.width == last.width == 588
    assert "pages 1 to 4 in order" in request["messages"][-1]["content"][-1]["text"]


def test_a_cited_page_is_the_source_page_of_its_file(report: Document) -> None:
    with (
        ScriptedServer(answer("56-33 [page 3], as on [page 2]."), models=_models(20_000)) as server,
        GlyphClient(server.base_url) as client,
    ):
        made = client.ask(QUESTION, report)
    table, scan = (place for place in made.citations if place.found_by == "model")
    assert (table.path, table.source_page, table.page_index) == ("report.pdf", 3, 2)
    assert str(table) == "page 3 (report.pdf p. 3)"
    assert (scan.path, scan.source_page) == ("report.pdf", 2)


def test_words_of_a_picture_are_found_in_its_text_layer(report: Document) -> None:
    with (
        ScriptedServer(answer("56-33"), models=_models(20_000)) as server,
        GlyphClient(server.base_url) as client,
    ):
        [found] = client.ask(QUESTION, report).citations
    assert (found.found_by, found.source_page, found.quote) == ("text", 3, "56-33")


def test_what_was_shown_smaller_to_fit_is_told(report: Document) -> None:
    with (
        ScriptedServer(answer("yes"), models=_models(2_700)) as server,
        GlyphClient(server.base_url) as client,
    ):
        made = client.ask(QUESTION, report, max_tokens=500)
        heights = [image.height for image in _images(server.requests[0])]
    assert "dpi instead of 96 to fit" in made.overflow_note
    assert 840 <= heights[1] < 1120


def test_windows_are_divided_between_pages(report: Document) -> None:
    with (
        ScriptedServer(answer("Not on these pages."), models=_models(3_000)) as server,
        GlyphClient(server.base_url) as client,
    ):
        made = client.ask(QUESTION, report, overflow="map_reduce", max_tokens=300)
        sizes = [[image.size for image in _images(request)] for request in server.requests]
    assert made.refused
    assert sum(map(len, sizes)) == 4
    assert sum(size == (784, 1120) for window in sizes for size in window) == 2


def test_a_picture_never_reaches_a_server_that_reads_one_look_only(report: Document) -> None:
    pages = plan(report).pages
    with (
        ScriptedServer(models=_models(20_000, theta=["0" * 16])) as server,
        GlyphClient(server.base_url) as client,
    ):
        for given in (report, [report, "More."], plan(report), pages, pages[1]):
            with pytest.raises(InputError, match=r"source pages? as pictures.*ocrmypdf"):
                client.ask(QUESTION, given)
        assert client.ask(QUESTION, pages[0]).text == "yes"
    assert server.calls == 1


def test_the_plan_of_a_mixed_document_is_plain_values(report: Document) -> None:
    told = json.loads(json.dumps(plan(report, config=RenderConfig()).summary()))
    assert (told["pages"], told["pictures"], told["picture_dpi"]) == (4, 2, 96)
    assert told["source_pages"] == [
        {"path": "report.pdf", "number": 2, "kind": "picture", "reason": "no text layer"},
        {
            "path": "report.pdf",
            "number": 3,
            "kind": "picture",
            "reason": "table: 9 rules across, 5 down",
        },
    ]


def test_a_second_look_never_draws_a_picture_as_text(report: Document) -> None:
    cites = answer("56-33 [page 3] [page 2].")
    with (
        ScriptedServer(cites, models=_models(20_000)) as server,
        GlyphClient(server.base_url) as client,
    ):
        made = client.ask(QUESTION, report, refine="hidpi")
        assert server.calls == 1
        assert made.refined is not None
        assert "other than source pages as pictures" in made.refined.note
        client.ask(QUESTION, report, refine="text")
        sent = json.dumps(server.requests[-1]["messages"])
    assert "56-33" in sent
    assert "\\ufffc" not in sent


def test_the_embedded_reader_names_its_own_look() -> None:
    # What the refusal rests on.
    assert Reader.load().accepted_thetas
