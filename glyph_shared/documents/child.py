"""What all child processes that read files have in common: how they start, how they fail."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import BinaryIO

from glyph_shared.documents.limits import PdfLimits
from glyph_shared.errors import PdfError

_OUT_OF_TIME = ("SIGXCPU", "SIGKILL")  # by name: Windows has neither


def command(script: str, *arguments: str) -> list[str]:
    """Returns the command that runs a script of this folder."""
    return [sys.executable, str(Path(__file__).with_name(script)), *arguments]


def environment() -> dict[str, str]:
    """Returns the child's environment: its own folder never stands before the standard library."""
    return {**os.environ, "PYTHONSAFEPATH": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def spool(*parts: bytes) -> BinaryIO:
    """Returns bytes as an open temporary file, which a child process can have as its input."""
    stream = tempfile.TemporaryFile()  # noqa: SIM115  (the caller closes it)
    stream.writelines(parts)
    stream.seek(0)
    return stream


def killed_by(returncode: int) -> str:
    """Names the signal that ended a child; empty where it ended by itself."""
    return signal.Signals(-returncode).name if returncode < 0 else ""


def out_of_cpu_time(returncode: int) -> bool:
    """Tells whether the system ended a child for the CPU time it took."""
    return killed_by(returncode) in _OUT_OF_TIME


def clock_limit(path: str, limits: PdfLimits) -> PdfError:
    """Returns the error of a child that took too long."""
    return pdf_problem(path, "limit", f"more than wall_seconds={limits.wall_seconds:g}")


def pdf_problem(path: str, reason: str, detail: str) -> PdfError:
    """Returns the error of a PDF that cannot be read, with what to do about it."""
    advice = {
        "encrypted": "save a copy without a password",
        "limit": "raise the limit in PdfLimits if you trust the file, or split it",
        "broken": "open it in a viewer and save it again",
    }
    said = {"encrypted": "is encrypted", "limit": "needs too much", "broken": "is not a sound PDF"}
    return PdfError(f"{path} {said[reason]} ({detail}); {advice[reason]}", reason=reason)
