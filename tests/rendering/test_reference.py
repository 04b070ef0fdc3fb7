"""The reference look, held against the pipeline that it comes from: reportlab and poppler.

Needs poppler's ``pdftoppm``; the other half of the oracle comes with the dev dependencies.
"""

from __future__ import annotations

import pytest
from reportlab.lib.textsplit import ALL_CANNOT_START

from glyph_shared.rendering import RenderConfig, Renderer
from glyph_shared.rendering.compat_cjk import CANNOT_START
from tests.benchmarks import texts
from tests.rendering.fidelity import CASES, CHINESE, LATIN, agreement, grey
from tests.rendering.oracle import chinese_font, missing_tool, oracle_pages

pytestmark = pytest.mark.skipif(bool(missing_tool()), reason=f"needs {missing_tool()}")

needs_chinese = pytest.mark.skipif(
    not chinese_font(), reason="needs a Chinese TrueType font (Debian package fonts-wqy-zenhei)"
)
every_case = pytest.mark.parametrize(
    "case", [*LATIN, *(pytest.param(case, marks=needs_chinese) for case in CHINESE)]
)


@every_case
def test_pages_have_the_references_number_and_sizes(case):
    found = agreement(case)
    assert found.ours == found.theirs


@every_case
def test_hardly_a_pixel_differs_from_the_reference(case):
    found = agreement(case)
    # Coloured shapes that overlap may be a grey level or two off; lines may not be.
    assert sum(found.differing_px) <= found.pixels / 1_000


def test_nearly_every_page_is_the_references_to_the_pixel():
    found = [agreement(case) for case in (CASES if chinese_font() else LATIN)]
    pages = sum(len(one.theirs) for one in found)
    assert sum(one.identical for one in found) >= 0.9 * pages
    assert sum(sum(one.differing_px) for one in found) <= sum(one.pixels for one in found) / 10_000


@needs_chinese
@pytest.mark.parametrize("case", CHINESE)
def test_every_page_with_ideographs_is_the_references_to_the_pixel(case):
    assert not any(agreement(case).differing_px)


def test_the_chars_that_hang_into_the_margin_are_reportlabs():
    assert set(CANNOT_START) == set(ALL_CANNOT_START)


def test_the_oracle_tells_different_looks_apart(tmp_path):
    text = texts.prose(2_000)
    config = RenderConfig.preset("reference").model_copy(update={"font_path": None})
    [page] = Renderer(config, compat=True).render(text)
    other = config.model_copy(update={"font_size": 8.9})
    [theirs] = oracle_pages(text, other, tmp_path)
    assert page.pixels.shape != theirs.shape[:2] or (page.pixels != grey(theirs)).any()
