"""``standard_suites.md``: what each test of langchain-tests came to on which server.

    python -m tests.langchain.suite_table           runs the suites and writes it (half a minute)
    python -m tests.langchain.suite_table --vllm    with the column of vLLM, which else stays

Wherever the suites run, a test that follows them holds the file against what they came to.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

import pytest

FILE = Path(__file__).with_name("standard_suites.md")
TESTS = Path(__file__).parents[1]

# Each suite of langchain-tests, and the classes here that run it, by what they run on.
SUITES = {
    "ChatModelUnitTests": {"TestUnit": "no server"},
    "ChatModelIntegrationTests": {
        "TestOnAScriptedServer": "scripted server",
        "TestOnTheEmbeddedReader": "embedded reader",
        "TestOnVllm": "vLLM, reader's weights",
        "TestBeforeChatOpenAI": "pages before a ChatOpenAI, scripted server",
    },
    "RetrieversIntegrationTests": {"TestStandard": "no server"},
}
HEAD = """# The standard suites of langchain-tests

What each test came to on which server; `python -m tests.langchain.suite_table --vllm` writes this
file, and the suites fail where they come to something else.

- scripted server: real HTTP, answers made from the request's tools and schemas
- embedded reader: the small model, which looks facts up and does nothing else
- vLLM: the same weights in a real vLLM, which holds them to a form (`make test-vllm`)

The suite for tools is not run: `langchain_glyph` offers no tool. A retriever becomes one by
LangChain's own `create_retriever_tool`.
"""

Outcomes = dict[str, dict[str, str]]
"""Of each class, what each of its tests came to."""


class Recorder:
    """A plugin of pytest that keeps what the tests of these suites come to."""

    def __init__(self) -> None:
        self.seen: Outcomes = {name: {} for suite in SUITES.values() for name in suite}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        _, *inner = report.nodeid.split("::")
        if len(inner) == 2 and inner[0] in self.seen and (report.when == "call" or report.skipped):
            self.seen[inner[0]][inner[1]] = _outcome(report)


def _outcome(report: pytest.TestReport) -> str:
    if "wasxfail" in vars(report):
        reason = str(vars(report)["wasxfail"]).removeprefix("reason: ")
        not_run, _, why = reason.rpartition("[NOTRUN] ")
        return f"{'not run' if not_run or why != reason else 'refused'}: {why}"
    if report.skipped:
        return f"skipped: {report.longrepr[2].removeprefix('Skipped: ').rstrip('.')}"
    return report.outcome


def read() -> Outcomes:
    """Returns what the file tells."""
    told: Outcomes = {}
    for suite in re.split("^## ", FILE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        rows = [line.strip("| ").split(" | ") for line in suite.splitlines() if line[:1] == "|"]
        for column, name in enumerate(SUITES[suite.split()[0]], start=1):
            told[name] = {row[0]: row[column] for row in rows[2:] if row[column] != "-"}
    return told


def differing(seen: Outcomes) -> list[str]:
    """Returns where the file tells something else of a test that ran."""
    told = read()
    return [
        f"{name}::{test}: {outcome}; {FILE.name} says {told[name].get(test)}"
        for name, outcomes in seen.items()
        for test, outcome in outcomes.items()
        if told[name].get(test) != outcome
    ]


def written(told: Outcomes) -> str:
    """Returns the file's text."""
    return HEAD + "".join(_section(suite, columns, told) for suite, columns in SUITES.items())


def _section(suite: str, columns: dict[str, str], told: Outcomes) -> str:
    heads = [f"{server} ({_counted(told[name])})" for name, server in columns.items()]
    tests = sorted({test for name in columns for test in told[name]})
    rows = [[test, *(told[name].get(test, "-") for name in columns)] for test in tests]
    table = [["test", *heads], ["---"] * (1 + len(heads)), *rows]
    lines = "".join(f"| {' | '.join(row)} |\n" for row in table)
    return f"\n## {suite}\n\n{lines}"


def _counted(outcomes: dict[str, str]) -> str:
    counted = Counter(outcome.partition(":")[0] for outcome in outcomes.values())
    order = sorted(counted, key=lambda outcome: (outcome != "passed", outcome))
    return ", ".join(f"{counted[outcome]} {outcome}" for outcome in order)


def main(arguments: list[str]) -> None:
    recorder = Recorder()
    langchain = TESTS / "langchain"
    names = ("standard_suites", "drawing_model", "retrievers")
    files = [str(langchain / f"test_{name}.py") for name in names]
    pytest.main([*files, "-k", "Test"], [recorder])
    if "--vllm" in arguments:
        file = TESTS / "served" / "test_langchain_suite.py"
        pytest.main([str(file), "-m", "server and not glyph", "-k", "Test"], [recorder])
    else:
        recorder.seen["TestOnVllm"] = read()["TestOnVllm"]
    FILE.write_text(written(recorder.seen), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
