"""The table of faults and the tests that carry their numbers agree."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

FOLDER = Path(__file__).parent
ROW = re.compile(r"\| (\d+) \| ([^|]+) \| ([^|]+) \|")


def rows():
    lines = (FOLDER / "faults.md").read_text(encoding="utf-8").splitlines()
    return [match for line in lines if (match := ROW.fullmatch(line))]


def marked():
    """Counts the tests of each number."""
    return Counter(
        number
        for path in FOLDER.rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.fault"
        for number in map(ast.literal_eval, decorator.args)
    )


def test_each_fault_of_the_table_has_a_test():
    untested = {int(row[1]): row[2] for row in rows()}.keys() - marked().keys()
    assert not untested


def test_each_number_that_a_test_carries_stands_in_the_table():
    assert marked().keys() <= {int(row[1]) for row in rows()}


def test_the_table_counts_on():
    assert [int(row[1]) for row in rows()] == list(range(1, 77))
