"""The child process that reads one PDF: bytes on standard input, JSON lines on standard output.

It is run as a script so that it imports pypdf and nothing of this project: less to load, less to
be limited. Each page gives ``{"page": 1, "text": "...", "images": false}``; the last line is
``{"done": 3}`` or ``{"problem": reason, "detail": "..."}``.
"""

from __future__ import annotations

import io
import json
import logging
import sys
from typing import Any, BinaryIO


class Refused(Exception):
    """The document is beyond a limit or cannot be opened; carries the reason."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def main(limits: dict[str, int]) -> None:
    """Reads the PDF and writes its pages; what pypdf foresees is a line, the rest a traceback."""
    limit_process(limits["memory_bytes"], limits["cpu_seconds"])
    out = sys.stdout
    sys.stdout = sys.stderr  # a library that prints must not break the lines
    logging.disable(logging.CRITICAL)
    try:
        pages = _write_pages(sys.stdin.buffer, out, limits)
        last: dict[str, Any] = {"done": pages}
    except MemoryError:
        last = {"problem": "limit", "detail": f"more than memory_bytes={limits['memory_bytes']}"}
    except RecursionError:
        last = {"problem": "broken", "detail": "its structure refers to itself"}
    except Refused as refused:
        last = {"problem": refused.reason, "detail": refused.detail}
    out.write(json.dumps(last) + "\n")
    out.flush()


def limit_process(memory_bytes: int, cpu_seconds: int) -> None:
    """Takes memory, CPU time and files away from this process, where the system knows how."""
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _write_pages(source: BinaryIO, out: Any, limits: dict[str, int]) -> int:
    from pypdf import errors

    try:
        return _read(source, out, limits)
    except errors.LimitReachedError as error:
        raise Refused("limit", f"pypdf's own limit: {error}") from error
    except (errors.FileNotDecryptedError, errors.WrongPasswordError) as error:
        raise Refused("encrypted", "a password is needed") from error
    except errors.DependencyError as error:
        detail = f"{error}; pip install 'pypdf[crypto]' to read it if it opens without a password"
        raise Refused("encrypted", detail) from error
    except errors.PyPdfError as error:
        raise Refused("broken", f"{type(error).__name__}: {error}"[:300]) from error


def _read(source: BinaryIO, out: Any, limits: dict[str, int]) -> int:
    from pypdf import PasswordType, PdfReader

    reader = PdfReader(io.BytesIO(source.read()))
    if reader.is_encrypted and reader.decrypt("") == PasswordType.NOT_DECRYPTED:
        raise Refused("encrypted", "a password is needed")
    count = len(reader.pages)
    if count > limits["max_pages"]:
        raise Refused("limit", f"{count} pages, allowed are max_pages={limits['max_pages']}")
    chars = 0
    for number, page in enumerate(reader.pages, start=1):
        text = page.extract_text()
        chars += len(text)
        if chars > limits["max_chars"]:
            raise Refused("limit", f"more than max_chars={limits['max_chars']} chars")
        line = {"page": number, "text": text, "images": not text.strip() and _has_images(page)}
        out.write(json.dumps(line) + "\n")
    return count


def _has_images(page: Any) -> bool:
    """Tells whether a page without text draws anything that may hold some."""
    resources = page.get("/Resources")
    return bool(resources and resources.get_object().get("/XObject"))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
