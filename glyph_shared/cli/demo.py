"""``glyph demo``."""

from __future__ import annotations

import math
import random
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from glyph_shared.asking import Citation
from glyph_shared.asking import Progress as Reading
from glyph_shared.cli.console import err, out, progress, say
from glyph_shared.cli.options import AsJson
from glyph_shared.demo import DEMO_SECONDS, DemoResult, Outcome, run_demo
from glyph_shared.documents import read_document
from glyph_shared.planning import counted
from glyph_shared.reader import Reader

_HIGHEST_SEED = 1_000_000

_SPARE = 1.2
_ROUND_SECONDS = 100
"""What is advised after a cut reading: a fifth more than its speed needs, in whole hundreds."""


def demo(
    *,
    seed: Annotated[
        int | None, typer.Option(help="Decides the facts and where they stand; else random.")
    ] = None,
    path: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Your own document; else Python's documentation."),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Where one page is kept.")
    ] = Path("demo-output"),
    seconds: Annotated[
        float, typer.Option(help="What the demo may take; then it stops reading.")
    ] = DEMO_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Plant three made-up facts in a long document and let the embedded reader find them.

    The reader is a small model in this package. It sees the pixels of the pages and nothing else,
    over the same HTTP API that a large model has. Needs no GPU and no network.
    """
    chosen = seed if seed is not None else random.SystemRandom().randrange(_HIGHEST_SEED)
    with progress("reading pages", None, count=True) as (bar, task):

        def reading(done: Reading) -> None:
            bar.start()
            bar.update(task, completed=done.pages_done, total=done.pages_total)

        def tell(line: str) -> None:
            # A bar and a line would share the terminal's last row.
            bar.stop()
            # JSON for programs stays alone on standard output.
            (err if as_json else out).print(line, markup=False, highlight=False, soft_wrap=True)

        result = run_demo(
            Reader.load(),
            seed=chosen,
            output=output,
            document=read_document(path) if path else None,
            seconds=seconds,
            say=tell,
            progress=reading,
        )
    if as_json:
        out.print_json(data={"seed": chosen, **_values(result)})
    else:
        _print(result, chosen, seconds, path)


def _print(result: DemoResult, seed: int, seconds: float, path: str | None) -> None:
    for outcome in result.outcomes:
        say("")
        say(f"{outcome.fact.question}")
        say(f"  the reader: {_reply(outcome, is_own=path is None)}")
        say(f"  the truth:  {outcome.fact.truth}  (page {outcome.page_index + 1:,})")
        say(f"  {_VERDICTS[outcome.verdict]}")
    pages = counted(result.pages, "page")
    share = "all" if result.pages_read == result.pages else f"{result.pages_read:,} of"
    say("")
    say(
        f"{_tally(result.outcomes)} Read {share} {pages} in {result.seconds:.0f} s, "
        f"{counted(len(result.outcomes), 'question')} on each."
    )
    say(
        "This reader looks up plainly written facts and transcribes pages of its own look. It "
        "errs, and it does not reason: open questions need zai-org/Glyph (glyph serve)."
    )
    given = f" --path {shlex.quote(path)}" if path else ""
    if result.pages_read == result.pages:
        say(f"The same facts again: glyph demo --seed {seed}{given}")
    else:
        again = f"glyph demo --seed {seed} --seconds {_enough(result, seconds)}{given}"
        say(
            f"This machine was too slow or busy for {pages} in {seconds:g} s; `{again}` reads them "
            "all."
        )


_VERDICTS = {"right": "right", "wrong": "wrong", "unread": "not read"}


def _reply(outcome: Outcome, *, is_own: bool) -> str:
    if outcome.verdict == "unread":
        return f"(page {outcome.page_index + 1:,} was not reached)"
    places = [_place(citation, is_own=is_own) for citation in outcome.answer.citations[:1]]
    return outcome.answer.text + "".join(f"  ({place})" for place in places)


def _place(citation: Citation, *, is_own: bool) -> str:
    """Names the place; the demo's own text is no file that an editor could open at a line."""
    if is_own and citation.page_index is not None:
        return f"page {citation.page_index + 1:,}, line {citation.line} of {citation.path}"
    return str(citation)


def _tally(outcomes: tuple[Outcome, ...]) -> str:
    verdicts = [outcome.verdict for outcome in outcomes]
    right, unread = verdicts.count("right"), verdicts.count("unread")
    read = len(verdicts) - unread
    if not unread:
        return f"{right} of {read} right."
    late = f"{unread} {'was' if unread == 1 else 'were'} not reached in time."
    if not read:
        return f"None was read; {late}"
    return f"{right} of the {read} read {'is' if right == 1 else 'are'} right; {late}"


def _enough(result: DemoResult, seconds: float) -> int:
    """Returns the seconds that would do at the speed of this run."""
    needed = _SPARE * seconds * result.pages / max(1, result.pages_read)
    return _ROUND_SECONDS * math.ceil(needed / _ROUND_SECONDS)


def _values(result: DemoResult) -> dict[str, Any]:
    return {
        "document": result.document.name,
        "chars": len(result.document.text),
        "page_file": str(result.page_file),
        "text_tokens": result.default.text_tokens,
        "tokenizer": result.default.tokenizer,
        "visual_tokens": result.default.visual_tokens,
        "compression_ratio": round(result.default.ratio, 3),
        "reader_visual_tokens": result.readers.visual_tokens,
        "reader_compression_ratio": round(result.readers.ratio, 3),
        "pages": result.pages,
        "pages_read": result.pages_read,
        "seconds": round(result.seconds, 1),
        "facts": [_fact_values(outcome) for outcome in result.outcomes],
    }


def _fact_values(outcome: Outcome) -> dict[str, Any]:
    return {
        "question": outcome.fact.question,
        "truth": outcome.fact.truth,
        "page": outcome.page_index + 1,
        "answer": outcome.answer.text,
        "verdict": outcome.verdict,
        "logprob": outcome.answer.logprob,
        "citations": [citation.model_dump() for citation in outcome.answer.citations],
    }
