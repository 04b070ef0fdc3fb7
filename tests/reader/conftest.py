from pathlib import Path

import pytest

from glyph_shared.reader import Reader
from training.reader.corpus import Corpus, load_corpus


@pytest.fixture(scope="session")
def corpus_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="session")
def corpus(corpus_folder: Path) -> Corpus:
    return load_corpus(corpus_folder, held_out=True)


@pytest.fixture(scope="session")
def reader() -> Reader:
    return Reader.load()
