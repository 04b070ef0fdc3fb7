"""What ``config="auto"`` costs and keeps beside preset ``en``, on a corpus of four kinds.

    python -m tests.benchmarks.auto_looks

A line is kept if it begins a line of its page; only then can columns and indents stand below each
other. Code is Python's own library and prose its help topics; table and Chinese text are made here.
"""

from __future__ import annotations

import random
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from pydoc_data.topics import topics

from glyph_shared.planning import EstimateCounter, Plan, plan

_MODULES = ("argparse", "ast", "calendar", "inspect", "textwrap")
_CHINESE = (
    "那天下了一整天的雨，没有人出门。",
    "她坐在窗边看书，直到天色暗下来。",
    "“明天也许会放晴，”他说，“我们再去看船。”",
    "港口里停着三艘船，都要到春天才会离开。",
)


@dataclass(frozen=True)
class Row:
    """What one text costs in one look.

    Attributes:
        kind: What ``auto`` takes the text for.
        text_tokens: By the estimate.
        visual_tokens: The pages' cost, marks included.
        kept: The share of the text's lines that begin a line of a page.
    """

    kind: str
    text_tokens: int
    visual_tokens: int
    kept: float


def corpus() -> dict[str, str]:
    """Returns a text of each kind, named by it."""
    chance = random.Random(1)
    library = Path(sysconfig.get_paths()["stdlib"])
    modules = ((library / f"{name}.py").read_text(encoding="utf-8") for name in _MODULES)
    rows = (
        f"{number:<6}{chance.choice(('Ada', 'Bob', 'Cleo')):<10}"
        f"{chance.choice(('Lisbon', 'Oslo', 'Cairo')):<12}{chance.randrange(10**6) / 100:>10.2f}"
        for number in range(3000)
    )
    chinese = (
        "".join(chance.choice(_CHINESE) for _ in range(chance.randint(2, 9))) for _ in range(600)
    )
    return {
        "prose": "\n".join(text for _, text in sorted(topics.items())),
        "code": "\n".join(modules),
        "table": "\n".join(rows),
        "cjk": "\n".join(chinese),
    }


def measure(text: str, config: str | None) -> Row:
    """Draws a text with ``auto``, or None for preset ``en``."""
    made = plan(
        text,
        1 << 22,
        config="auto" if config == "auto" else None,
        counter=EstimateCounter(),
        text_gate=False,
        exact_text_tokens=0,
    )
    kind = made.documents[0].kind or ""
    return Row(kind, made.report.text_tokens, made.visual_tokens, _kept(made, text))


def _kept(made: Plan, text: str) -> float:
    begun = {start for page in made.pages for start, _ in page.lines}
    starts = [0, *accumulate(len(line) for line in text.splitlines(keepends=True))][:-1]
    return sum(start in begun for start in starts) / len(starts)


def report() -> Iterator[str]:
    """Yields a line for each text, and one for all."""
    yield f"{'':8}{'text tokens':>12}{'en':>9}{'lines kept':>12}{'auto':>9}{'lines kept':>12}"
    pairs = []
    for name, text in corpus().items():
        plain, auto = measure(text, None), measure(text, "auto")
        pairs.append((plain, auto))
        yield (
            f"{name:8}{plain.text_tokens:12,}{plain.visual_tokens:9,}{plain.kept:12.0%}"
            f"{auto.visual_tokens:9,}{auto.kept:12.0%}"
        )
    text_tokens = sum(plain.text_tokens for plain, _ in pairs)
    english = sum(plain.visual_tokens for plain, _ in pairs)
    chosen = sum(auto.visual_tokens for _, auto in pairs)
    yield f"{'all':8}{text_tokens:12,}{english:9,}{'':12}{chosen:9,}"


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in report())
