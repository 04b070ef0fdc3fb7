"""Measures a reader on fresh random facts: `python -m training.reader.evaluate`.

Everything is drawn by the renderer at the reader's own θ, every fact is new, and every question
is asked in a wording that training never showed. Runs on the core dependencies, without torch.

`--demos 20` runs `glyph demo` with 20 seeds instead and counts what it found: up to three minutes
a seed.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from glyph_shared.demo import python_documentation, run_demo
from glyph_shared.documents import Document
from glyph_shared.metrics import character_accuracy
from glyph_shared.planted_facts import insert_sentences, sentence_ends
from glyph_shared.reader import Reader
from glyph_shared.rendering import Renderer
from glyph_shared.serving import PageReader
from training.reader.corpus import Corpus, load_corpus
from training.reader.facts import random_fact
from training.reader.pages import GridPage, absent_fact, make_page
from training.reader.segments import TRANSCRIBE

MIN_TRANSCRIPT_CHARS = 1000


@dataclass(frozen=True)
class Reply:
    """What the reader said, and the log-probability of all of it."""

    text: str
    logprob: float


def main(arguments: list[str] | None = None) -> None:
    """Prints one JSON line per measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, help="folder that export wrote; the shipped one")
    parser.add_argument("--cache", type=Path, default=Path("runs/reader"))
    parser.add_argument("--seed", type=int, default=20261)
    parser.add_argument("--transcripts", type=int, default=20, help="pages transcribed whole")
    parser.add_argument("--lookups", type=int, default=300, help="questions per page count")
    parser.add_argument("--documents", type=int, default=3, help="long documents read whole")
    parser.add_argument("--demos", type=int, default=0, help="seeds of glyph demo; nothing else")
    options = parser.parse_args(arguments)
    reader = Reader.load(options.weights)
    if options.demos:
        for row in demos(reader, options.demos):
            _show(row)
        return
    bench = Bench(reader, load_corpus(options.cache, held_out=True))
    rng = random.Random(options.seed)
    if options.transcripts:
        _show(bench.transcripts(rng, options.transcripts))
    for pages in (1, 2, 4):
        if options.lookups:
            _show(bench.lookups(rng, options.lookups, pages))
    for index in range(options.documents):
        _show(bench.document(random.Random(f"{options.seed} {index}")))


class Bench:
    """A reader and the held-out text its pages are made of."""

    def __init__(self, reader: Reader, corpus: Corpus) -> None:
        self.reader, self.corpus = reader, corpus
        self.renderer = Renderer(reader.render_config)

    def transcripts(self, rng: random.Random, count: int) -> dict[str, object]:
        """Transcribes pages of ordinary prose of at least 1,000 chars each."""
        accuracies: list[float] = []
        chars = 0
        while len(accuracies) < count:
            text = "\n".join(make_page(rng, self.corpus, rng.randint(0, 3)).lines).strip("\n")
            if len(text) < MIN_TRANSCRIPT_CHARS:
                continue
            reply = self.ask([self.draw(text)], TRANSCRIBE)
            accuracies.append(character_accuracy(reply.text, text))
            chars += len(text)
        mean = sum(accuracies) / count
        return {
            "measure": "transcript",
            "pages": count,
            "chars_per_page": chars // count,
            "character_accuracy": round(mean, 4),
            "worst_page": round(min(accuracies), 4),
        }

    def lookups(self, rng: random.Random, count: int, pages: int) -> dict[str, object]:
        """Asks for facts that are on the pages, and as often for facts that are not."""
        right = asked = wrong_absent = refused = 0
        while asked < count:
            made = [make_page(rng, self.corpus, rng.randint(1, 5)) for _ in range(pages)]
            planted = [item.fact for page in made for item in page.planted]
            if not planted:
                continue
            drawn = [self.draw_page(page) for page in made]
            for fact in rng.sample(planted, min(3, len(planted))):
                reply = self.ask(drawn, fact.question(rng, held_out=True))
                asked += 1
                right += reply.text == fact.value
                refused += reply.text == self.reader.refusal
                absent = absent_fact(rng, self.corpus, planted)
                answer = self.ask(drawn, absent.question(rng, held_out=True))
                wrong_absent += answer.text != self.reader.refusal
        return {
            "measure": "lookup",
            "pages_per_question": pages,
            "questions": asked,
            "exact_match": round(right / asked, 4),
            "refused_although_present": round(refused / asked, 4),
            "unanswerable_answered": round(wrong_absent / asked, 4),
        }

    def document(self, rng: random.Random, facts: int = 3) -> dict[str, object]:
        """Plants facts in Python's documentation and reads all of it page by page."""
        planted = [random_fact(rng, self.corpus.words) for _ in range(facts)]
        absent = [random_fact(rng, self.corpus.words) for _ in range(facts)]
        unplanted = python_documentation()
        statements = [fact.statement(rng)[0] for fact in planted]
        text, _ = insert_sentences(unplanted.text, sentence_ends(unplanted, rng, facts), statements)
        questions = [fact.question(rng, held_out=True) for fact in [*planted, *absent]]
        best = [Reply(self.reader.refusal, float("-inf"))] * len(questions)
        answered = [0] * len(questions)
        started, pages = time.perf_counter(), 0
        for page in self.pages(text):
            pages += 1
            for index, question in enumerate(questions):
                reply = self.ask([page], question)
                if reply.text != self.reader.refusal:
                    answered[index] += 1
                    best[index] = max(best[index], reply, key=lambda r: r.logprob)
        found = sum(r.text == f.value for r, f in zip(best, planted, strict=False))
        return {
            "measure": "document",
            "pages": pages,
            "chars": len(text),
            "facts_found": f"{found}/{facts}",
            "unanswerable_answered": f"{sum(n > 0 for n in answered[facts:])}/{facts}",
            "answering_pages_per_question": answered,
            "answers": [[r.text, round(r.logprob, 3)] for r in best],
            "truth": [fact.value for fact in planted],
            "seconds": round(time.perf_counter() - started, 1),
        }

    def draw_page(self, page: GridPage) -> np.ndarray:
        """Draws a page's lines."""
        return self.draw("\n".join(page.lines))

    def draw(self, text: str) -> np.ndarray:
        """Draws a text that fits one page."""
        return next(self.pages(text if text.strip() else "-"))

    def pages(self, text: str) -> Iterator[np.ndarray]:
        """Draws a text of any length."""
        return (page.pixels for page in self.renderer.render(text))

    def ask(self, pages: list[np.ndarray], question: str) -> Reply:
        """Asks one question."""
        tokens = list(self.reader.generate(pages, question, max_tokens=1400))
        return Reply("".join(token.text for token in tokens), sum(t.logprob for t in tokens))


def demos(
    reader: PageReader, count: int, *, document: Document | None = None
) -> Iterator[dict[str, object]]:
    """Runs the demo with the seeds from 0 on; yields a row for each and one for all."""
    right = asked = all_right = 0
    for seed in range(count):
        with tempfile.TemporaryDirectory() as folder:
            result = run_demo(
                reader,
                seed=seed,
                output=Path(folder),
                document=document,
                say=lambda line: None,
                progress=lambda done: None,
            )
        found = sum(outcome.verdict == "right" for outcome in result.outcomes)
        right, asked = right + found, asked + len(result.outcomes)
        all_right += found == len(result.outcomes)
        yield {
            "measure": "demo",
            "seed": seed,
            "facts_found": f"{found}/{len(result.outcomes)}",
            "verdicts": [outcome.verdict for outcome in result.outcomes],
            "answers": [outcome.answer.text for outcome in result.outcomes],
            "truth": [outcome.fact.truth for outcome in result.outcomes],
            "pages_read": f"{result.pages_read}/{result.pages}",
            "seconds": round(result.seconds, 1),
        }
    yield {
        "measure": "demos",
        "seeds": count,
        "facts_found": f"{right}/{asked}",
        "hit_rate": round(right / asked, 4),
        "seeds_all_right": f"{all_right}/{count}",
    }


def _show(row: dict[str, object]) -> None:
    print(json.dumps(row, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
