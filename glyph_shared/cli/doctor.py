"""``glyph doctor``."""

from __future__ import annotations

from dataclasses import asdict

import typer
from rich.table import Table

from glyph_shared.cli.console import out, printable
from glyph_shared.cli.options import AsJson, BaseUrl
from glyph_shared.doctor import examine

_MARKS = {"ok": "[green]ok", "absent": "[yellow]absent", "broken": "[red]broken"}


def doctor(*, base_url: BaseUrl = None, as_json: AsJson = False) -> None:
    """Check versions, scripts that can be drawn, token counting, the reader and the server.

    What is absent is not needed, or not by everybody; what is broken ends in exit code 1.
    """
    findings = examine(base_url)
    if as_json:
        out.print_json(data=[asdict(finding) for finding in findings])
    else:
        table = Table(box=None, show_header=False, pad_edge=False)
        for finding in findings:
            table.add_row(_MARKS[finding.state], finding.name, printable(finding.detail))
        out.print(table, highlight=False)
    if any(finding.state == "broken" for finding in findings):
        raise typer.Exit(1)
