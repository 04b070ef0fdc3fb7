"""The head that tells which chars each visual token shows."""

import pytest

torch = pytest.importorskip("torch")

from glyph_shared.reader.vocabulary import VOCABULARY  # noqa: E402
from training.reader.looks import OWN, look  # noqa: E402
from training.reader.pages import GridPage  # noqa: E402
from training.reader.reading_head import ACROSS, DOWN, ReadingHead, chars_shown  # noqa: E402


def test_a_visual_token_shows_four_chars():
    shown = chars_shown([GridPage(["abcdefg", "ABCD"])])
    assert shown.shape == (1, OWN.tokens, ACROSS * DOWN)
    texts = ["".join(VOCABULARY[i] for i in token) for token in shown[0].tolist()]
    assert texts[:3] == ["abcd", "efg ", "    "]
    assert texts[20] == "ABCD"
    assert set(texts[21:]) == {" " * 4}


def test_shifted_chars_are_where_their_ink_is():
    seen = look(shift_px=(4, 0))
    shown = chars_shown([GridPage(["abcdefgh"], seen)])
    texts = ["".join(VOCABULARY[i] for i in token) for token in shown[0].tolist()]
    assert [text[:4] for text in texts[:3]] == [" abc", "defg", "h   "]


def test_the_head_learns_what_visual_tokens_show():
    torch.manual_seed(0)
    shown = chars_shown([GridPage(["abcdefgh", "ABCDEFGH"])])
    visual = torch.randn(1, OWN.tokens, 32)
    head = ReadingHead(32, len(VOCABULARY))
    adam = torch.optim.Adam(head.parameters(), lr=0.1)
    losses = []
    for _ in range(60):
        loss, right = head.loss(visual, shown)
        losses.append(loss.item())
        loss.backward()
        adam.step()
        adam.zero_grad()
    assert losses[-1] < 0.1 * losses[0]
    assert right == 1
