"""Runs questions through arms into a JSONL file that an interruption leaves valid and resumable.

An arm is any coroutine function that takes an item and returns a mapping of JSON values; what it
raises becomes a row too. Nothing here knows what is asked or how it is answered.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from glyph_shared.errors import ConfigError, InputError
from glyph_shared.waiting import TimeIsUp, within

Row = dict[str, Any]
Item = TypeVar("Item")
Arm = Callable[[Item], Awaitable[Mapping[str, Any]]]
Pair = tuple[str, str]

LONGEST_MESSAGE = 1000
"""Chars of an error's message that a row keeps; some libraries put a whole response into it."""


def nothing(_item: object) -> Mapping[str, Any]:
    """Tells nothing about an item."""
    return {}


async def run(
    items: Mapping[str, Item],
    arms: Mapping[str, Arm[Item]],
    path: Path,
    *,
    concurrency: int = 4,
    timeout: float | None = None,
    repeat_failed: bool = False,
    about: Callable[[Item], Mapping[str, Any]] = nothing,
    progress: Callable[[int, int], None] | None = None,
) -> list[Row]:
    """Runs every item through every arm, one arm after the other, and returns the rows in order.

        rows = await run({"q1": "Who wrote it?"}, {"mine": answer}, Path("results.jsonl"))

    A row is appended, whole, when its arm has answered: ``arm``, ``question_id``, what ``about``
    tells of the item, what the arm returned, and ``error``, which is None or has ``type`` and
    ``message``. Pairs that have a row are not run again. An interruption, whenever it comes, loses
    only the answers that were on their way. One process at a time may write a file.

    Args:
        items: What is asked, by a name of its own.
        arms: Who answers, by name.
        path: The file; it and its folder are made if they are not there.
        concurrency: How many answers are awaited at once.
        timeout: Seconds an arm has for an item; then the row is a failed one.
        repeat_failed: Whether pairs whose row is a failed one are run again.
        about: What a row tells of its item, also where the arm fails.
        progress: Told after each row how many of all are done.

    Raises:
        ConfigError: ``concurrency`` or ``timeout`` is impossible.
        InputError: The file is not one of this function's, or cannot be written.
    """
    _check(concurrency, timeout)
    finished = _resume(path, repeat_failed=repeat_failed)
    pairs = [(arm, item) for arm in arms for item in items]
    unfinished = [pair for pair in pairs if pair not in finished]
    pending, done = iter(unfinished), count(len(pairs) - len(unfinished) + 1)
    with _told_of(path):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    async def work() -> None:
        for arm, name in pending:
            row = await _row(arm, name, items[name], arms[arm], about, timeout)
            with _told_of(path):
                _append(file, row)
            finished[arm, name] = row
            if progress is not None:
                progress(next(done), len(pairs))

    try:
        await _together([asyncio.ensure_future(work()) for _ in range(concurrency)])
    finally:
        os.close(file)
    return [finished[pair] for pair in pairs]


def read_rows(path: Path) -> list[Row]:
    """Returns the rows of a file; a last line that was cut off is left out.

    Raises:
        InputError: A line is no row.
    """
    return list(_rows(path))


def _check(concurrency: int, timeout: float | None) -> None:
    if concurrency < 1:
        raise ConfigError(f"concurrency must be at least 1; got {concurrency}")
    if timeout is not None and not timeout > 0:
        raise ConfigError(f"timeout must be a positive number of seconds; got {timeout}")


async def _together(tasks: list[asyncio.Future[None]]) -> None:
    """Waits for all tasks; where one fails, or the caller is cancelled, none runs on."""
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _row(
    arm: str,
    name: str,
    item: Item,
    answer: Arm[Item],
    about: Callable[[Item], Mapping[str, Any]],
    timeout: float | None,
) -> Row:
    row: Row = {"arm": arm, "question_id": name, **about(item), "error": None}
    try:
        values = await within(answer(item), timeout)
        json.dumps(values, allow_nan=False)
    except Exception as error:  # noqa: BLE001 - an arm is anybody's code; its failure is a row
        row["error"] = {"type": type(error).__name__, "message": _message(error, timeout)}
        return row
    return {**row, **values}


def _message(error: Exception, timeout: float | None) -> str:
    if timeout is not None and isinstance(error, TimeIsUp):
        return f"no answer within {timeout:g} s"
    return str(error)[:LONGEST_MESSAGE]


def _append(file: int, row: Row) -> None:
    line = (json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n").encode(
        "utf-8", "backslashreplace"
    )
    while line:
        line = line[os.write(file, line) :]


def _resume(path: Path, *, repeat_failed: bool) -> dict[Pair, Row]:
    """Returns the rows that stay, by arm and item, and leaves no others in the file."""
    with _told_of(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        size = path.stat().st_size if path.exists() else 0
    kept: dict[Pair, Row] = {}
    for row in _rows(path) if size else ():
        if not (repeat_failed and row["error"]):
            kept[row["arm"], row["question_id"]] = row
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in kept.values())
    content = lines.encode("utf-8", "backslashreplace")
    if len(content) != size:
        with _told_of(path):
            replace_file(path, content)
    return kept


@contextmanager
def _told_of(path: Path) -> Iterator[None]:
    """Names the file that cannot be written; rows that are in it stay."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{str(path)!r} cannot be written: {error.strerror or error}; make room or rights "
            "there and go on, or choose another"
        ) from None


def replace_file(path: Path, content: bytes) -> None:
    """Writes a file anew, so that an interruption leaves the old one or the new one."""
    draft = path.with_name(f"{path.name}.draft")
    draft.write_bytes(content)
    draft.replace(path)


def _rows(path: Path) -> Iterator[Row]:
    with _told_of(path):
        *whole, _cut = path.read_bytes().split(b"\n")
    for number, line in enumerate(whole, start=1):
        yield _parsed(line, f"line {number} of {str(path)!r}")


def _parsed(line: bytes, where: str) -> Row:
    try:
        row = json.loads(line)
        is_row = {"arm", "question_id", "error"} <= row.keys()
    except (ValueError, AttributeError):
        is_row = False
    if not is_row:
        raise InputError(
            f"{where} is no result of a run; got {line[:40].decode('utf-8', 'replace')!r}; "
            "choose another file, or delete this one"
        )
    return dict(row)
