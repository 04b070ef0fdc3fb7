from pathlib import Path

import pytest

from glyph_shared.reader import Reader
from training.reader.corpus import Corpus, load_corpus


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return load_corpus(Path(tmp_path_factory.mktemp("corpus")), held_out=True)


@pytest.fixture(scope="session")
def reader() -> Reader:
    return Reader.load()
