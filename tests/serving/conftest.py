from collections.abc import Iterator

import pytest
from scripted_reader import Caller, ScriptedReader, data_url, image_part, page_png

from glyph_shared.serving import running_embedded


@pytest.fixture(scope="session")
def shared_reader() -> ScriptedReader:
    return ScriptedReader()


@pytest.fixture(scope="session")
def shared_server(shared_reader: ScriptedReader) -> Iterator[str]:
    with running_embedded(shared_reader) as base_url:
        yield base_url


@pytest.fixture
def reader(shared_reader: ScriptedReader) -> ScriptedReader:
    """The reader as new: one server for all tests saves a second for each."""
    shared_reader.__dict__.clear()
    shared_reader.__init__()
    return shared_reader


@pytest.fixture
def page(reader: ScriptedReader) -> dict:
    return image_part(data_url(page_png(reader.render_config)))


@pytest.fixture
def call(reader: ScriptedReader, shared_server: str) -> Caller:
    return Caller(shared_server)
