"""Waits for work that has so much time: what they cut short, and what they let end."""

from __future__ import annotations

import asyncio

import pytest

from glyph_shared.waiting import TimeIsUp, within


async def _until_cancelled(ended: list[str]) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        # Connections are closed step by step.
        await asyncio.sleep(0)
        ended.append("closed")


def test_work_that_ends_in_time_gives_its_result() -> None:
    async def run() -> int:
        return await within(asyncio.sleep(0, 7), 60)

    assert asyncio.run(run()) == 7


def test_an_error_of_the_work_is_the_callers() -> None:
    async def work() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        asyncio.run(within(work(), 60))


@pytest.mark.parametrize("seconds", [0.0, 0.01])
def test_work_is_closed_before_the_time_is_called_up(seconds: float) -> None:
    ended: list[str] = []

    async def run() -> None:
        with pytest.raises(TimeIsUp):
            await within(_until_cancelled(ended), seconds)

    asyncio.run(run())
    assert ended == (["closed"] if seconds else [])


def test_a_caller_that_is_cancelled_stops_although_its_work_ends_just_then() -> None:
    async def run() -> None:
        work: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        caller = asyncio.create_task(within(work, 60))
        await asyncio.sleep(0)
        work.set_result(7)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller

    asyncio.run(run())


def test_a_clock_that_passes_ends_work_that_goes_on_under_a_longer_one() -> None:
    """The inner work ends in the very moment in which the outer clock passes."""

    async def run() -> None:
        first: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def work() -> None:
            await within(first, 60)
            await within(asyncio.Event().wait(), 60)

        outer = asyncio.ensure_future(work())
        await asyncio.sleep(0)
        first.set_result(None)
        with pytest.raises(TimeIsUp):
            await asyncio.wait_for(within(outer, 0), 5)

    asyncio.run(run())


def test_an_error_that_comes_as_the_caller_is_cancelled_is_not_left_lying(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def run() -> None:
        work: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        caller = asyncio.create_task(within(work, 60))
        await asyncio.sleep(0)
        work.set_exception(ValueError("broken"))
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller

    asyncio.run(run())
    assert "never retrieved" not in caplog.text


def test_a_second_interruption_does_not_cut_the_closing_short() -> None:
    ended: list[str] = []

    async def run() -> None:
        caller = asyncio.create_task(within(_until_cancelled(ended), 60))
        for _ in range(2):
            await asyncio.sleep(0)
        caller.cancel()
        await asyncio.sleep(0)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        assert ended == ["closed"]

    asyncio.run(run())
