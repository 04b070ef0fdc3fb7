"""The runner: a row for each item and arm, whatever happens in between."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from glyph_shared.errors import ConfigError, InputError
from glyph_shared.runner import LONGEST_MESSAGE, read_rows, run

ITEMS = {"q1": "one", "q2": "two", "q3": "three"}


class Arm:
    """Answers in capitals and counts how often it is asked."""

    def __init__(self, broken=()):
        self.broken = set(broken)
        self.asked = []

    async def __call__(self, item):
        self.asked.append(item)
        await asyncio.sleep(0)
        if item in self.broken:
            raise ValueError(f"cannot answer {item}")
        return {"answer": item.upper()}


def do(path, arms, items=ITEMS, **options):
    return asyncio.run(run(items, arms, path, **options))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "new" / "results.jsonl"


def test_each_item_and_arm_has_a_row_in_order(path):
    rows = do(path, {"a": Arm(), "b": Arm()}, concurrency=4)
    assert [(row["arm"], row["question_id"]) for row in rows] == [
        (arm, item) for arm in "ab" for item in ITEMS
    ]
    assert [row["answer"] for row in rows[:3]] == ["ONE", "TWO", "THREE"]
    written = sorted(read_rows(path), key=lambda row: (row["arm"], row["question_id"]))
    assert written == rows


def test_a_second_run_asks_nothing_again(path):
    arm = Arm()
    first = do(path, {"a": arm})
    content = path.read_bytes()
    assert do(path, {"a": arm}) == first
    assert len(arm.asked) == len(ITEMS)
    assert path.read_bytes() == content


def test_new_items_and_arms_are_added_to_a_file(path):
    arm = Arm()
    do(path, {"a": arm}, {"q1": "one"})
    do(path, {"a": arm, "b": Arm()})
    assert arm.asked == ["one", "two", "three"]
    assert len(read_rows(path)) == 2 * len(ITEMS)


def test_a_failure_is_a_row_and_the_others_are_answered(path):
    rows = do(path, {"a": Arm(broken=["two"])}, about=lambda item: {"question": item})
    assert [row["error"] is None for row in rows] == [True, False, True]
    assert rows[1] == {
        "arm": "a",
        "question_id": "q2",
        "question": "two",
        "error": {"type": "ValueError", "message": "cannot answer two"},
    }


def test_failures_are_repeated_only_on_request_and_leave_no_second_row(path):
    arm = Arm(broken=["two"])
    do(path, {"a": arm})
    arm.broken.clear()
    assert do(path, {"a": arm})[1]["error"]
    rows = do(path, {"a": arm}, repeat_failed=True)
    assert rows[1]["answer"] == "TWO"
    assert arm.asked.count("two") == 2
    assert arm.asked.count("one") == 1
    assert len(read_rows(path)) == len(ITEMS)


def test_what_is_no_json_is_a_failure(path):
    async def odd(item):
        return {"answer": {1, 2} if item == "one" else float("nan")}

    rows = do(path, {"a": odd})
    assert [row["error"]["type"] for row in rows] == ["TypeError", "ValueError", "ValueError"]


def test_an_arm_that_hangs_is_given_up(path):
    async def hang(item):
        if item == "two":
            await asyncio.sleep(3600)
        return {}

    rows = do(path, {"a": hang}, timeout=0.05)
    assert [bool(row["error"]) for row in rows] == [False, True, False]
    assert "within 0.05 s" in rows[1]["error"]["message"]


def test_long_messages_are_cut(path):
    async def talk(_):
        raise RuntimeError("x" * 10 * LONGEST_MESSAGE)

    assert len(do(path, {"a": talk})[0]["error"]["message"]) == LONGEST_MESSAGE


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_no_more_than_the_limit_are_awaited_at_once(path, limit):
    running, most = 0, 0

    async def count(_):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1
        return {}

    do(path, {"a": count}, {str(number): number for number in range(20)}, concurrency=limit)
    assert most == limit


def test_progress_counts_what_was_done_before(path):
    do(path, {"a": Arm()}, {"q1": "one"})
    told = []
    do(path, {"a": Arm()}, progress=lambda done, total: told.append((done, total)))
    assert told == [(2, 3), (3, 3)]


@pytest.mark.fault(60)
@pytest.mark.parametrize("left", [1, 20, -1])
def test_a_line_that_was_cut_off_is_written_again(path, left):
    do(path, {"a": Arm()})
    *whole, last = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(whole) + last[:left])
    arm = Arm()
    assert len(do(path, {"a": arm})) == len(ITEMS)
    assert arm.asked == ["three"]
    assert [json.loads(line)["question_id"] for line in path.read_text().splitlines()] == [*ITEMS]


@pytest.mark.fault(60)
def test_a_run_that_is_cancelled_keeps_what_was_answered(path):
    async def stop_at_two(item):
        if item == "two":
            raise asyncio.CancelledError
        return {}

    with pytest.raises(asyncio.CancelledError):
        do(path, {"a": stop_at_two}, concurrency=1)
    assert [row["question_id"] for row in read_rows(path)] == ["q1"]


@pytest.mark.parametrize("timeout", [None, 60])
def test_a_run_that_is_cancelled_as_an_answer_comes_asks_nothing_more(path, timeout):
    asked = []

    async def run_and_cancel():
        answered = asyncio.get_running_loop().create_future()

        def arm(item):
            asked.append(item)
            return answered

        running = asyncio.create_task(run(ITEMS, {"a": arm}, path, concurrency=1, timeout=timeout))
        while not asked:
            await asyncio.sleep(0)
        for _ in range(3):
            await asyncio.sleep(0)
        answered.set_result({})
        running.cancel()
        await running

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(asyncio.wait_for(run_and_cancel(), 10))
    assert len(asked) == 1


PROGRAM = """
import asyncio, sys
from pathlib import Path
from glyph_shared.runner import run

async def slow(item):
    await asyncio.sleep(0.02)
    return {"answer": "x" * 5000}

def told(done, total):
    print(done, flush=True)

items = {str(number): number for number in range(2000)}
asyncio.run(run(items, {"a": slow}, Path(sys.argv[1]), concurrency=8, progress=told))
"""


@pytest.mark.fault(60)
@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_ctrl_c_leaves_a_file_of_whole_rows_that_is_gone_on_with(tmp_path):
    path = tmp_path / "results.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[1],
    )
    with process:
        for _ in range(20):
            process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.stdout.read()
    lines = path.read_text().splitlines()
    names = [json.loads(line)["question_id"] for line in lines]
    assert 20 <= len(names) == len(set(names)) < 2000
    arm = Arm()
    items = {name: name for name in [*names, "new"]}
    assert len(do(path, {"a": arm}, items)) == len(items)
    assert arm.asked == ["new"]


@pytest.mark.parametrize("content", [b"hello\n", b"[1]\n", b'{"arm": "a"}\n', b"\xff\n"])
def test_a_file_of_something_else_is_left_alone(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"line 1 of .* is no result"):
        do(path, {"a": Arm()})
    assert path.read_bytes() == content


@pytest.mark.parametrize("options", [{"concurrency": 0}, {"timeout": 0}, {"timeout": -1.0}])
def test_impossible_settings_are_refused(path, options):
    with pytest.raises(ConfigError, match="got"):
        do(path, {"a": Arm()}, **options)
    assert not path.exists()


def test_texts_that_utf8_cannot_write_do_not_stop_the_run(path):
    async def odd(_):
        return {"answer": "half \ud83d"}

    assert len(do(path, {"a": odd})) == len(ITEMS)
    assert len(read_rows(path)) == len(ITEMS)
