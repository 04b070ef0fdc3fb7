"""The table of the standard suites tells what they came to; it runs after them."""

from __future__ import annotations

import pytest
from langchain_tests import integration_tests, unit_tests

from tests.langchain import suite_table
from tests.langchain.suite_table import SUITES, differing, read, written

SUITE_CLASSES = {**vars(integration_tests), **vars(unit_tests)}


def test_the_table_tells_what_the_suites_came_to(outcomes_of_suites):
    assert not differing(outcomes_of_suites)


@pytest.mark.parametrize("suite", SUITES)
def test_no_row_is_of_a_test_that_is_gone(suite):
    tests = {test.partition("[")[0] for name in SUITES[suite] for test in read()[name]}
    assert tests
    assert tests <= set(dir(SUITE_CLASSES[suite]))


def test_another_outcome_is_told():
    told = read()
    told["TestUnit"]["test_init"] = "failed"
    assert differing(told) == ["TestUnit::test_init: failed; standard_suites.md says passed"]


def test_what_is_written_is_read(tmp_path, monkeypatch):
    told = read()
    monkeypatch.setattr(suite_table, "FILE", tmp_path / "suites.md")
    suite_table.FILE.write_text(written(told), encoding="utf-8")
    assert read() == told
