"""A client sends only so much at a time, in order, and loses no room when a question is dropped."""

from __future__ import annotations

import asyncio

import pytest

from glyph_shared.asking import AsyncGlyphClient
from glyph_shared.asking.in_flight import MOST_BYTES, InFlight
from glyph_shared.errors import ServerError
from glyph_shared.rendering import RenderConfig, render
from tests.scripted_server import Scripted, ScriptedServer, answer

TEXT = "\n".join(f"On day {number} it rained, and nobody went out." for number in range(200))
SMALL = RenderConfig(page_size=(560, 280))


async def hold(in_flight, size, log, release):
    async with in_flight.hold(size):
        log.append(size)
        await release.wait()


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


def test_what_fits_goes_at_once_and_the_rest_waits_in_order():
    async def run():
        in_flight, log, release = InFlight(10), [], asyncio.Event()
        tasks = [asyncio.create_task(hold(in_flight, size, log, release)) for size in (4, 5, 6, 1)]
        await settle()
        first = list(log)
        release.set()
        await asyncio.gather(*tasks)
        return first, log

    assert asyncio.run(run()) == ([4, 5], [4, 5, 6, 1])


def test_a_request_larger_than_the_room_goes_alone():
    async def run():
        in_flight, log, release = InFlight(10), [], asyncio.Event()
        tasks = [asyncio.create_task(hold(in_flight, size, log, release)) for size in (99, 1)]
        await settle()
        alone = list(log)
        release.set()
        await asyncio.gather(*tasks)
        return alone

    assert asyncio.run(run()) == [99]


@pytest.mark.parametrize("dropped", [0, 1, 2])
def test_a_question_that_is_dropped_leaves_its_room_to_the_next(dropped):
    async def run():
        in_flight, log, release = InFlight(10), [], asyncio.Event()
        tasks = [asyncio.create_task(hold(in_flight, 8, log, release)) for _ in range(3)]
        await settle()
        tasks[dropped].cancel()
        await settle()
        release.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with in_flight.hold(10):
            return len(log)

    assert asyncio.run(asyncio.wait_for(run(), 10)) == (3 if dropped == 0 else 2)


def test_a_turn_that_comes_just_as_its_question_is_dropped_is_handed_on():
    async def run():
        in_flight, log, release = InFlight(10), [], asyncio.Event()
        async with in_flight.hold(10):
            tasks = [asyncio.create_task(hold(in_flight, 10, log, release)) for _ in range(2)]
            await settle()
        tasks[0].cancel()  # its turn has come, but it has not run since
        release.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        return log

    assert asyncio.run(asyncio.wait_for(run(), 10)) == [10]


@pytest.mark.fault(58)
def test_many_questions_at_once_are_sent_a_few_at_a_time():
    pages = render(TEXT, SMALL)
    size = sum(len(page.png) for page in pages)
    now = most = 0

    async def run(server):
        nonlocal now, most
        async with AsyncGlyphClient(server.base_url) as client:
            complete = client._asker.exchange.complete

            async def counted(*given):
                nonlocal now, most
                now += 1
                most = max(most, now)
                done = await complete(*given)
                now -= 1
                return done

            client._asker.exchange.complete = counted
            client._asker.in_flight = InFlight(3 * size)
            asked = (client.ask(f"Day {number}?", pages) for number in range(20))
            return [one.text for one in await asyncio.gather(*asked)]

    with ScriptedServer(Scripted((0.05, *answer("yes").pieces))) as server:
        assert asyncio.run(run(server)) == ["yes"] * 20
    assert 1 < most <= 3


def test_a_chat_waits_for_its_turn_no_longer_than_it_has_time():
    async def run(server):
        async with AsyncGlyphClient(server.base_url) as client:
            async with client._asker.in_flight.hold(MOST_BYTES):
                with pytest.raises(ServerError, match=r"within 0\.3 s"):
                    await client.complete([{"role": "user", "content": "Is it?"}], timeout=0.3)
            reply = await client.complete([{"role": "user", "content": "Is it?"}], timeout=60)
            return reply.replies[0].text

    with ScriptedServer(answer("yes")) as server:
        assert asyncio.run(asyncio.wait_for(run(server), 30)) == "yes"
    assert server.calls == 1
