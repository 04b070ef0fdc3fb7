"""What a reader's weights say of themselves, in reader.json beside them."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from glyph_shared.errors import ConfigError
from glyph_shared.reader import Reader
from glyph_shared.reader.card import FILE, AcceptedLook, ReaderCard, look_config
from glyph_shared.reader.engine import WEIGHTS
from glyph_shared.rendering import RenderConfig
from glyph_shared.serving.embedded_app import model_entry

OWN = RenderConfig.preset("reader")
CARD = ReaderCard(
    name="small-reader", version=2, max_pages=7, max_model_len=900, source="python -m made.up"
)


def card_with(*thetas: dict[str, Any]) -> ReaderCard:
    return CARD.model_copy(update={"accepted": tuple(AcceptedLook(theta=one) for one in thetas)})


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return Path(shutil.copytree(WEIGHTS, tmp_path / "weights"))


def test_a_card_is_read_as_it_was_written(tmp_path: Path):
    look = AcceptedLook(theta={"font-size": 12.5}, measured={"exact_match": 0.98})
    card = CARD.model_copy(update={"accepted": (look,)})
    card.save(tmp_path)
    assert ReaderCard.load(tmp_path) == card


def test_the_reader_and_its_server_say_what_the_card_says(weights: Path):
    card_with({"font-size": 12.5}, {"font-path": "DejaVuSansMono-Bold.ttf"}).save(weights)
    reader = Reader.load(weights)
    assert (reader.name, reader.max_pages, reader.max_model_len) == ("small-reader", 7, 900)
    larger = OWN.model_copy(update={"font_size": 12.5})
    bold = OWN.model_copy(update={"font_path": "DejaVuSansMono-Bold.ttf"})
    hashes = [OWN.theta_hash, larger.theta_hash, bold.theta_hash]
    assert list(reader.accepted_thetas) == hashes
    entry = model_entry(reader)
    assert (entry["id"], entry["max_model_len"]) == ("small-reader", 900)
    assert entry["glyph"]["max_pages"] == 7
    assert entry["glyph"]["theta"] == hashes


def test_the_shipped_weights_have_a_card():
    card = ReaderCard.load(WEIGHTS)
    assert card.name == "glyph-reader"
    assert card.thetas()[0] == OWN.theta_hash


def test_a_look_whose_font_is_absent_is_left_out():
    card = card_with({"font-path": "NoSuchFontAnywhere.ttf"}, {"font-size": 10})
    smaller = OWN.model_copy(update={"font_size": 10})
    assert card.thetas() == (OWN.theta_hash, smaller.theta_hash)


@pytest.mark.parametrize("theta", [{"page-size": "595,842"}, {"dpi": 96}])
def test_looks_of_another_page_size_are_refused(theta: dict[str, Any]):
    with pytest.raises(ConfigError, match="the reader accepts has page-size"):
        look_config(theta)


def test_an_impossible_look_is_refused(weights: Path):
    card_with({"font-sise": 12}).save(weights)
    with pytest.raises(ConfigError, match=r"font.sise"):
        Reader.load(weights)


def test_a_folder_without_a_card_is_named(weights: Path):
    (weights / FILE).unlink()
    with pytest.raises(ConfigError, match=r"lacks reader\.json; install glyph-context again"):
        Reader.load(weights)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_pages": 0}, "max_pages: Input should be greater than or equal to 1"),
        ({"max_page": 4}, "max_page: Extra inputs are not permitted"),
        ({"accepted": [{"theta": {}}]}, "accepted.0.theta: Dictionary should have at least 1"),
    ],
)
def test_a_wrong_card_is_an_error_that_names_the_field(
    tmp_path: Path, change: dict[str, Any], message: str
):
    content = json.loads(CARD.save(tmp_path).read_text(encoding="utf-8"))
    (tmp_path / FILE).write_text(json.dumps({**content, **change}), encoding="utf-8")
    with pytest.raises(ConfigError, match=f"{message}.*export trained weights"):
        ReaderCard.load(tmp_path)


def test_a_torn_card_is_an_error_that_names_the_file(tmp_path: Path):
    file = CARD.save(tmp_path)
    file.write_bytes(file.read_bytes()[:40])
    with pytest.raises(ConfigError, match=r"reader\.json' cannot be used \(Invalid JSON"):
        ReaderCard.load(tmp_path)
