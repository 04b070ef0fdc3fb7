"""A JSONL file of examples, read at random without holding its texts in memory."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import overload

from glyph_shared.errors import InputError
from training.tasks.example import Example, from_row, to_row


class ExampleFile(Sequence[Example]):
    """The examples of a file, each read when it is asked for; workers may share it by pickling.

    A last line that was cut off, by whatever ended its writer, is left out.
    """

    def __init__(self, path: str | Path) -> None:
        """Finds where each line starts.

        Raises:
            InputError: The file cannot be read.
        """
        self.path = Path(path)
        self._starts = array("q")
        self._end = 0
        hasher = hashlib.sha256()
        try:
            with self.path.open("rb") as file:
                for line in file:
                    if line.endswith(b"\n"):
                        self._starts.append(self._end)
                        self._end += len(line)
                        hasher.update(line)
        except OSError as error:
            raise InputError(f"cannot read examples from {str(path)!r}: {error}") from None
        self.digest = hasher.hexdigest()

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, index: int) -> Example: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Example]: ...

    def __getitem__(self, index: int | slice) -> Example | Sequence[Example]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        start = self._starts[index]
        with self.path.open("rb") as file:
            file.seek(start)
            line = file.readline()
        try:
            return from_row(json.loads(line))
        except (InputError, ValueError) as error:
            number = index % len(self) + 1
            raise InputError(f"line {number} of {str(self.path)!r}: {error}") from None


def example_line(example: Example) -> bytes:
    """Returns an example as a line of JSONL."""
    text = json.dumps(to_row(example), ensure_ascii=False) + "\n"
    return text.encode("utf-8", "backslashreplace")


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file anew, so that an interruption leaves the old one or the new one."""
    draft = path.with_name(f"{path.name}.draft")
    draft.write_bytes(content)
    draft.replace(path)


def write_examples(path: Path, examples: Iterable[Example]) -> None:
    """Writes a file of examples anew."""
    with path.open("wb") as file:
        for example in examples:
            file.write(example_line(example))
