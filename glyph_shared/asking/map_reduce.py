"""Reads a document window by window and makes one answer of what the windows say.

All questions about a window are asked before the next window, so that a server reads its pages
once and answers further questions from its cache. Two ways to one answer:

- ``best_supported``: the most probable reply as a whole; refusals rank below any
  answer. For models that can read but not weigh texts against each other.
- ``summarise``: a further request puts the windows' replies together. If it fails, they are the
  answer as they are, and ``Answer.overflow_note`` says so.

A window that fails is listed in ``Answer.left_out`` with its error, as are those not tried after
``FAILURES_IN_A_ROW`` or at the end of ``time_budget``; only if no window could be read, the first
error is raised. Cancelling, and Ctrl-C, ends the requests under way and gives no answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from glyph_shared.asking.answer import Answer, LeftOut, Usage, WindowReading
from glyph_shared.asking.asker import Asker, answer_of
from glyph_shared.asking.options import Progress
from glyph_shared.asking.prompts import combine_messages
from glyph_shared.asking.reply import Reply
from glyph_shared.asking.window_request import Inquiry
from glyph_shared.errors import EmptyResponse, ServerError

FAILURES_IN_A_ROW = 3
"""After so many failed requests without a success between them, no further window is tried."""
_PARALLEL_WINDOWS = 4
_NAME_CHARS = 40

_Part = tuple[int, int, str]


@dataclass
class _Reading:
    """What one question got from the windows so far."""

    question: str
    replies: dict[int, Reply | None] = field(default_factory=dict)
    failures: dict[int, ServerError] = field(default_factory=dict)


class WindowReader:
    """Asks questions about every window of a material."""

    def __init__(self, asker: Asker, inquiry: Inquiry, questions: Sequence[str]) -> None:
        self._asker = asker
        self._inquiry = inquiry
        self._setting = inquiry.setting
        self._windows = inquiry.material.windows
        self._readings = [_Reading(question) for question in questions]
        self._pending: Iterator[int] = iter(range(len(self._windows)))
        self._failures_in_a_row = 0
        self._windows_done = 0
        self._pages_done = 0
        budget = inquiry.setting.options.time_budget
        self._end = time.monotonic() + budget if budget is not None else None

    async def answers(self) -> list[Answer]:
        """Reads the windows and returns one answer per question.

        Raises:
            ServerError: No window could be read.
        """
        await self._read_all()
        return [await self._answer(reading) for reading in self._readings]

    async def _read_all(self) -> None:
        workers = self._setting.options.concurrency or (
            1 if self._setting.combine == "best_supported" else _PARALLEL_WINDOWS
        )
        tasks = [asyncio.create_task(self._work()) for _ in range(workers)]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self) -> None:
        while self._may_go_on() and (number := next(self._pending, None)) is not None:
            for reading in self._readings:
                await self._read(reading, number)
            self._report(number)

    def _may_go_on(self) -> bool:
        if self._failures_in_a_row >= FAILURES_IN_A_ROW:
            return False
        return self._end is None or time.monotonic() < self._end

    async def _read(self, reading: _Reading, number: int) -> None:
        try:
            reading.replies[number] = await self._asker.ask_window(
                self._inquiry, reading.question, self._windows[number]
            )
        except EmptyResponse:
            # The pages were read; a small model that finds nothing may end at once.
            reading.replies[number] = None
        except ServerError as error:
            reading.failures[number] = error
            self._failures_in_a_row += 1
            return
        self._failures_in_a_row = 0

    def _report(self, number: int) -> None:
        start, stop = self._windows[number]
        self._windows_done += 1
        self._pages_done += stop - start
        if self._setting.options.progress is not None:
            self._setting.options.progress(
                Progress(
                    windows_done=self._windows_done,
                    windows_total=len(self._windows),
                    pages_done=self._pages_done,
                    pages_total=len(self._inquiry.material.pages),
                )
            )

    async def _answer(self, reading: _Reading) -> Answer:
        if not reading.replies and reading.failures:
            raise reading.failures[min(reading.failures)]
        numbers = sorted(reading.replies)
        windows = tuple(self._window_reading(reading, number) for number in numbers)
        answered = self._answering(windows)
        usage = sum((reply.usage for reply in reading.replies.values() if reply), Usage())
        answer = await self._one_answer(reading, [numbers[i] for i in answered], usage)
        answer = answer.model_copy(
            update={
                "windows": windows,
                "answered_by": answered,
                "left_out": tuple(self._left_out(reading)),
                "exact_left_out": self._inquiry.material.exact_left_out,
            }
        )
        if answer.refused:
            return answer
        material = self._inquiry.material
        spans = [material.char_span(self._windows[numbers[i]]) for i in answered]
        return await self._asker.with_citations(self._inquiry, reading.question, answer, spans)

    def _answering(self, windows: Sequence[WindowReading]) -> tuple[int, ...]:
        """Returns the positions of the windows that the answer is made of."""
        answered = [i for i, window in enumerate(windows) if not window.refused]
        if answered and self._setting.combine == "best_supported":
            return (max(answered, key=lambda i: _support(windows[i])),)
        return tuple(answered)

    async def _one_answer(self, reading: _Reading, numbers: Sequence[int], usage: Usage) -> Answer:
        replies = [(number, reply) for number in numbers if (reply := reading.replies[number])]
        if not replies:
            model = self._setting.card.id
            return Answer(text=self._setting.refusal, refused=True, usage=usage, model=model)
        follows = self._setting.options.answer_schema is not None
        if len(replies) == 1 and not (follows and self._setting.combine == "summarise"):
            return answer_of(replies[0][1], usage)
        try:
            return await self._combine(reading.question, replies, usage)
        except ServerError as error:
            if follows:
                raise
            return self._side_by_side(replies, usage, error)

    def _side_by_side(
        self, replies: Sequence[tuple[int, Reply]], usage: Usage, error: ServerError
    ) -> Answer:
        """Returns the windows' answers as they are: what was read is not lost at the last step."""
        named = ((_pages_name(*self._windows[number]), reply.text) for number, reply in replies)
        return Answer(
            text="\n\n".join(f"From {name}:\n{text}" for name, text in named),
            usage=usage,
            model=self._setting.card.id,
            overflow_note="map_reduce: the parts' answers stand side by side, because the request "
            f"that combines them failed: {error}",
        )

    def _window_reading(self, reading: _Reading, number: int) -> WindowReading:
        start, stop = self._windows[number]
        reply = reading.replies[number]
        return WindowReading(
            start_page=start,
            stop_page=stop,
            text=reply.text if reply else "",
            logprob=reply.logprob if reply else None,
            refused=reply is None or not reply.text or self._setting.is_refusal(reply.text),
            truncated=reply.truncated if reply else False,
        )

    def _left_out(self, reading: _Reading) -> Iterator[LeftOut]:
        for number, (start, stop) in enumerate(self._windows):
            if number in reading.replies:
                continue
            if error := reading.failures.get(number):
                reason = str(error)
            elif self._failures_in_a_row >= FAILURES_IN_A_ROW:
                reason = f"not tried after {FAILURES_IN_A_ROW} failures in a row"
            else:
                reason = f"the time budget of {self._setting.options.time_budget:g} s was used up"
            yield LeftOut(start_page=start, stop_page=stop, reason=reason)

    async def _combine(
        self, question: str, replies: Sequence[tuple[int, Reply]], usage: Usage
    ) -> Answer:
        """Has the model put the windows' answers together, in rounds if they are too long."""
        parts = [(*self._windows[number], reply.text) for number, reply in replies]
        room = self._setting.window - self._setting.max_tokens
        while True:
            combined: list[_Part] = []
            groups = _groups(parts, room)
            for group in groups:
                notes = [(_pages_name(start, stop), text) for start, stop, text in group]
                system = self._setting.options.system
                messages = combine_messages(question, notes, system=system)
                reply = await self._asker.ask_messages(
                    self._inquiry, messages, is_last=len(groups) == 1
                )
                usage += reply.usage
                combined.append((group[0][0], group[-1][1], reply.text))
            if len(combined) == 1:
                return answer_of(reply, usage)
            parts = combined


def _support(window: WindowReading) -> tuple[bool, float]:
    """Orders answers: a reply that came to its end stands above one that was cut off."""
    return not window.truncated, window.logprob if window.logprob is not None else float("-inf")


def _pages_name(start: int, stop: int) -> str:
    return f"page {stop}" if stop - start == 1 else f"pages {start + 1} to {stop}"


def _groups(parts: Sequence[_Part], room: int) -> list[list[_Part]]:
    """Cuts the parts into groups that fit, at least two in each so that rounds come to an end.

    A char is counted as a token: too careful for most scripts, never too little.
    """
    groups: list[list[_Part]] = []
    size = 0
    for part in parts:
        length = len(part[2]) + _NAME_CHARS
        if not groups or (size + length > room and len(groups[-1]) > 1):
            groups.append([])
            size = 0
        groups[-1].append(part)
        size += length
    return groups
