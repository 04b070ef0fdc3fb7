"""A record: one text to make examples of, and what a data set says beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from glyph_shared.errors import ConfigError
from glyph_shared.planning.kinds import text_kind

FIELDS = ("text", "summary", "instruction", "response")
"""What a row of a data set may say; an instruction triple is instruction, text and response."""

_EXCERPT = 80


@dataclass(frozen=True)
class Record:
    """A text with what is known of it.

    Attributes:
        name: Where it is from.
        text: What is shown on pages.
        kind: ``prose``, ``code``, ``table`` or ``cjk``.
        summary: Its summary; empty if there is none.
        instruction: What a model is told to do with the text; empty if there is nothing.
        response: What a model shall write then.
    """

    name: str
    text: str
    kind: str
    summary: str = ""
    instruction: str = ""
    response: str = ""


@dataclass(frozen=True)
class BadRow:
    """A row, or a file, that is no record.

    Attributes:
        file: Where it stands.
        line: Its number there, from 1; 0 means the whole file.
        reason: What is wrong, and what was expected.
        row: Its beginning.
    """

    file: str
    line: int
    reason: str
    row: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.reason}" + (f"; got {self.row}" if self.row else "")


Report = Callable[[BadRow], None]


@dataclass(frozen=True)
class Columns:
    """Which column of a data set holds which field, where they have other names.

    Example:
        >>> Columns({"text": "article"}).of("text")
        'article'
    """

    names: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = set(self.names) - set(FIELDS)
        if unknown:
            raise ConfigError(
                f"columns are named for the fields {', '.join(FIELDS)}; got {sorted(unknown)[0]!r}"
            )

    def of(self, name: str) -> str:
        """Returns the column of a field."""
        return self.names.get(name, name)

    def record(self, row: object, name: str) -> Record:
        """Reads one row.

        Raises:
            ValueError: The row is no record; the message says why.
        """
        if not isinstance(row, Mapping):
            raise ValueError(f"a row is an object; got {type(row).__name__}")
        values = {field_name: self._value(row, field_name) for field_name in FIELDS}
        if not values["text"].strip():
            raise ValueError(f"{self.of('text')!r} is empty")
        if bool(values["instruction"]) != bool(values["response"]):
            lacking = "response" if values["instruction"] else "instruction"
            raise ValueError(
                f"an instruction goes with a response; {self.of(lacking)!r} is absent or empty"
            )
        return Record(name, kind=text_kind(values["text"], name), **values)

    def _value(self, row: Mapping[Any, Any], name: str) -> str:
        value = row.get(self.of(name))
        if isinstance(value, list) and all(isinstance(part, str) for part in value):
            value = "\n\n".join(value)  # a text in parts, as of one page each
        if value is None and name != "text":
            return ""
        if not isinstance(value, str):
            raise ValueError(f"{self.of(name)!r} must be a text; got {type(value).__name__}")
        return value


def shown(row: object) -> str:
    """Returns the beginning of a row, for people to recognise it."""
    text = row if isinstance(row, str) else repr(row)
    return text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}…"
