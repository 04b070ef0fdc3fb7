"""Chinese, Japanese and Korean in ordinary pages: line ends, widths, and the fonts of preset zh."""

import pytest

from glyph_shared.errors import FontError
from glyph_shared.rendering import RenderConfig, Renderer, font_files, shapes
from glyph_shared.rendering.font_files import find_font, system_fonts
from glyph_shared.rendering.shapes import shape_table
from tests.benchmarks.script_texts import SAMPLES

NOTO, ZEN_HEI = "Noto Sans CJK SC", "WenQuanYi Zen Hei"
CLOSING, OPENING = "，。、；：？！”’）】》」』…ーっゃゅょ", "“‘（【《「『"
MIXED = (
    "我们用 Python 3.11 写程序（很短），然后运行“hello world”，得到结果：42%！"
    "真的吗？当然——试试看……好。"
)

families = {family for font in system_fonts() for family in font.families}
installed = pytest.mark.parametrize(
    "font",
    [
        pytest.param(
            name,
            marks=pytest.mark.skipif(name not in families, reason=f"{name} is not installed"),
        )
        for name in (NOTO, ZEN_HEI)
    ],
)


def narrow(font, width):
    return RenderConfig(
        font_path=font,
        page_size=(width, 420),
        margin_x=0,
        margin_y=0,
        frame_padding=0,
        newline_markup="<br/>",
    )


def lines_of(text, config):
    return [line for page in Renderer(config).render(text) for line in page.line_texts]


@pytest.fixture
def no_system_fonts(monkeypatch):
    for module in (shapes, font_files):
        monkeypatch.setattr(module, "system_fonts", lambda: ())
    shape_table.cache_clear()
    yield
    shape_table.cache_clear()


@installed
@pytest.mark.parametrize("width", [80, 101, 140, 233])
def test_punctuation_stays_with_what_it_closes_or_opens(font, width):
    texts = [sample.text for sample in SAMPLES if sample.script in ("Chinese", "Japanese")]
    for text in (*texts, MIXED * 4):
        lines = lines_of(text, narrow(font, width))
        assert "".join(lines) == text
        assert len(lines) > 4
        assert not [line for line in lines if line[0] in CLOSING.replace("…", "")]
        assert not [line for line in lines if line[-1] in OPENING]


@installed
def test_words_between_ideographs_stay_whole(font):
    for width in range(70, 200, 13):
        lines = lines_of(MIXED, narrow(font, width))
        for word in ("Python", "3.11", "hello", "world", "42%", "——", "……"):
            assert any(word in line for line in lines), (width, word)


@installed
def test_an_ideograph_is_an_em_wide(font):
    assert lines_of("天地玄黄宇宙洪荒" * 2, narrow(font, 45)) == [
        *["天地玄黄宇", "宙洪荒天地", "玄黄宇宙洪", "荒"]
    ]


@installed
def test_ideographs_are_drawn_with_any_chinese_font(font):
    [page] = Renderer(narrow(font, 112)).render("天地玄黄")
    assert (page.pixels < 128).sum() > 60
    assert page.replaced == 0


@pytest.mark.skipif(not families & {NOTO, ZEN_HEI}, reason="no Chinese font is installed")
def test_preset_zh_takes_the_first_of_its_fonts_that_is_installed():
    config = RenderConfig.preset("zh")
    assert config.font_path is not None
    best = NOTO if NOTO in families else ZEN_HEI
    assert find_font(config.font_path) == find_font(best)
    assert config.theta_hash == config.model_copy(update={"font_path": best}).theta_hash


def test_without_a_chinese_font_preset_zh_draws_latin_and_names_both_packages(no_system_fonts):
    renderer = Renderer(RenderConfig.preset("zh"))
    assert list(renderer.render("Latin is drawn with DejaVu Sans."))
    with pytest.raises(FontError, match=r"fonts-noto-cjk.*fonts-wqy-zenhei"):
        renderer.render("天地玄黄")


@pytest.mark.parametrize(
    "names", ["Nowhere Sans, DejaVu Sans Mono", "DejaVu Sans Mono,DejaVu Sans"]
)
def test_the_first_installed_of_several_names_counts(names):
    assert find_font(RenderConfig(font_path=names).font_path).path.name == "DejaVuSansMono.ttf"


def test_names_of_which_none_is_installed_are_refused():
    with pytest.raises(FontError, match="Nowhere Sans, Nowhere Serif"):
        RenderConfig(font_path="Nowhere Sans, Nowhere Serif")
