"""The servers that one set of end-to-end tests is run against.

========  ========================================================================================
embedded  the embedded reader's server, in every test run
vllm      the reader's weights in a real vLLM on this machine's CPU, started by ``glyph serve``
          with ``--tools``: ``make test-vllm``; starting takes a minute and three gigabytes
glyph     a served zai-org/Glyph that GLYPH_BASE_URL names, started by ``glyph serve`` with its
          defaults: ``make test-glyph``
========  ========================================================================================

``tests/stacks/vllm.sh`` makes vLLM's environment, GLYPH_VLLM names another program of that name;
GLYPH_READER_WEIGHTS names another exported folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from glyph_shared.asking import Sampling
from glyph_shared.reader import Reader
from glyph_shared.rendering import RenderConfig
from glyph_shared.serving import running_embedded
from tests.langchain.suite_table import Outcomes, Recorder
from tests.served.launch import MAX_PAGES, NAME, WEIGHTS, WINDOW, glyph_serve
from tests.served.server import Served, is_answering, running_in_vllm

# Read before the fixture that keeps a developer's environment out of the tests.
GIVEN = {name: os.environ.get(f"GLYPH_{name}") for name in ("BASE_URL", "API_KEY", "MODEL")}

KEY = "sk-canary-0123456789"
# The client's defaults are made for Glyph: its stop tokens are none of the reader's, and in a
# vocabulary of chars every answer repeats tokens.
GREEDY = Sampling(temperature=0, repetition_penalty=1, stop_token_ids=(), max_tokens=60)
BY_WINDOWS = {"overflow": "map_reduce", "max_pages": 4, "combine": "best_supported"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what needs a server unless it is asked for by its mark."""
    asked = config.option.markexpr or ""
    for item in items:
        if item.get_closest_marker("glyph") and "glyph" not in asked:
            item.add_marker(pytest.mark.skip(reason="asks a served Glyph: run `make test-glyph`"))
        elif item.get_closest_marker("server") and not ("server" in asked or "glyph" in asked):
            item.add_marker(pytest.mark.skip(reason="starts vLLM: run `make test-vllm`"))


class WatchedReader(Reader):
    """Counts the answers that are being written."""

    running = 0

    def generate(self, *arguments: Any, **settings: Any) -> Any:
        tokens = super().generate(*arguments, **settings)

        def counted() -> Any:
            self.running += 1
            try:
                yield from tokens
            finally:
                self.running -= 1

        return counted()


@pytest.fixture(scope="session")
def reader() -> WatchedReader:
    return WatchedReader(WEIGHTS)


@pytest.fixture(scope="session")
def embedded(reader: WatchedReader) -> Iterator[Served]:
    with running_embedded(reader, api_key=KEY) as base_url:
        yield Served(
            base_url,
            reader.name,
            KEY,
            RenderConfig.preset("reader"),
            reader.max_model_len,
            reader.max_pages,
            lambda: reader.running,
            GREEDY,
            {"cite": False},
        )


@pytest.fixture(scope="session")
def vllm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    log = tmp_path_factory.mktemp("vllm") / "serve.log"
    with glyph_serve(log, api_key=KEY) as base_url:
        yield Served(
            base_url,
            NAME,
            KEY,
            RenderConfig.preset("reader"),
            WINDOW,
            MAX_PAGES,
            lambda: running_in_vllm(base_url),
            GREEDY,
            {"cite": False},
            BY_WINDOWS,
        )
    assert not is_answering(base_url), "glyph serve left its vLLM behind"


@pytest.fixture(scope="session")
def glyph() -> Served:
    base_url = GIVEN["BASE_URL"]
    if base_url is None:
        pytest.skip("set GLYPH_BASE_URL to a served zai-org/Glyph (and GLYPH_API_KEY, GLYPH_MODEL)")
    return Served(
        base_url,
        GIVEN["MODEL"] or "glyph",
        GIVEN["API_KEY"] or "none",
        RenderConfig.preset("en"),
        131_072,
        512,
        lambda: running_in_vllm(base_url),
        Sampling(),
        {"exact_text_tokens": 0},
    )


_VLLM = pytest.param("vllm", marks=pytest.mark.server)
_GLYPH = pytest.param("glyph", marks=[pytest.mark.server, pytest.mark.glyph])


@pytest.fixture(scope="session", params=["embedded", _VLLM, _GLYPH])
def served(request: pytest.FixtureRequest) -> Served:
    """Each server in turn."""
    server: Served = request.getfixturevalue(request.param)
    return server


@pytest.fixture(scope="session", params=[_VLLM, _GLYPH])
def a_vllm(request: pytest.FixtureRequest) -> Served:
    """Each vLLM in turn: for what its processor and its cache do."""
    server: Served = request.getfixturevalue(request.param)
    return server


_recorder = Recorder()
pytest_runtest_logreport = _recorder.pytest_runtest_logreport


@pytest.fixture
def outcomes_of_suites() -> Outcomes:
    """What LangChain's suite came to, which ran before."""
    return _recorder.seen
