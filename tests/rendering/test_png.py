import io

import numpy as np
import pytest
from PIL import Image

from glyph_shared.rendering import RenderConfig, Renderer, png_theta_hash
from glyph_shared.rendering.png import decode_png, encode_png


@pytest.mark.parametrize("channels", [1, 3])
def test_a_png_holds_the_pixels_and_thetas_hash(channels):
    rows = np.random.default_rng(0).integers(0, 256, (7, 1 + 5 * channels), np.uint8)
    rows[:, 0] = 0
    png = encode_png(rows, channels, "0123456789abcdef")
    with Image.open(io.BytesIO(png)) as image:
        image.load()
        assert image.text == {"glyph-theta": "0123456789abcdef"}
        assert np.asarray(image).reshape(7, -1).tolist() == rows[:, 1:].tolist()
    assert png_theta_hash(png) == "0123456789abcdef"
    assert decode_png(png, channels, (5, 7)).tolist() == rows.tolist()


def test_another_png_has_no_hash():
    plain = io.BytesIO()
    Image.new("L", (3, 3)).save(plain, "PNG")
    assert png_theta_hash(plain.getvalue()) is None


@pytest.mark.parametrize(
    "content", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"\x89PNG\r\n\x1a\n\0\0"]
)
def test_what_is_no_png_has_no_hash(content):
    assert png_theta_hash(content) is None


def test_a_page_keeps_its_pixels_when_its_png_is_made():
    [page] = Renderer().render("Reader, I married him.")
    before = page.pixels.copy()
    digest = page.digest
    assert page.png.startswith(b"\x89PNG")
    assert page._rows is None
    assert (page.pixels == before).all()
    assert page.digest == digest


def test_every_page_carries_its_configurations_hash():
    config = RenderConfig.preset("reader")
    [page] = Renderer(config).render("text")
    assert png_theta_hash(page.png) == page.theta_hash == config.theta_hash
    assert page.data_url().startswith("data:image/png;base64,iVBOR")
