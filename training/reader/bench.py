"""What is measured of a reader: each measurement is a row of figures.

Shares of right and wrong have Wilson's interval of 95 % beside them.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from glyph_shared.demo import python_documentation
from glyph_shared.metrics import character_accuracy, wilson_interval
from glyph_shared.planted_facts import insert_sentences, sentence_ends
from glyph_shared.reader.engine import LONGEST_ANSWER
from glyph_shared.rendering import Renderer
from glyph_shared.serving import PageReader
from training.reader.chains import chain_pages
from training.reader.corpus import Corpus
from training.reader.facts import random_fact
from training.reader.looks import OWN, Look
from training.reader.pages import GridPage, absent_fact, make_page
from training.reader.segments import TRANSCRIBE

Row = dict[str, object]
Pages = Sequence[NDArray[np.uint8]]

DENSE = 0.8
"""The share of its room that a page to be transcribed fills at least."""

LONGEST_VALUE = 64
"""Where an answer to a lookup is cut: no value is half as long."""

QUESTIONS_PER_PAGES = 3


@dataclass(frozen=True)
class Reply:
    """What the reader said, and the log-probability of all of it."""

    text: str
    logprob: float


@dataclass
class Tally:
    """Counts the answers to questions with a true answer, and to questions without one."""

    refusal: str
    right: int = 0
    refused: int = 0
    wrong: int = 0
    absent: int = 0
    answered_absent: int = 0

    @property
    def asked(self) -> int:
        """Questions with a true answer."""
        return self.right + self.refused + self.wrong

    def present(self, answer: str, truth: str) -> None:
        """Counts the answer to a question that the pages answer."""
        self.right += answer == truth
        self.refused += answer == self.refusal != truth
        self.wrong += answer not in (truth, self.refusal)

    def missing(self, answer: str) -> None:
        """Counts the answer to a question that the pages do not answer."""
        self.absent += 1
        self.answered_absent += answer != self.refusal

    def row(self) -> Row:
        """Returns the shares and their intervals."""
        return {
            "questions": self.asked,
            **share("exact_match", self.right, self.asked),
            **share("refused_although_present", self.refused, self.asked),
            **share("wrong", self.wrong, self.asked),
            **share("unanswerable_answered", self.answered_absent, self.absent),
        }


def share(name: str, hits: int, total: int) -> Row:
    """Returns a share and the ends of its interval."""
    found = wilson_interval(hits, total)
    ends = [round(found.low, 4), round(found.high, 4)]
    return {name: round(found.mean, 4), f"{name}_interval": ends}


@dataclass
class Bench:
    """A reader, the held-out text its pages are made of, and how far a measurement has come.

    Attributes:
        reader: The model.
        corpus: Filler and words.
        tell: Told what is measured, how many are done, and how many there are to be.
    """

    reader: PageReader
    corpus: Corpus
    tell: Callable[[str, int, int], None] = lambda measure, done, total: None

    def transcripts(self, rng: random.Random, count: int, name: str, look: Look = OWN) -> Row:
        """Transcribes dense pages of ordinary text."""
        accuracies: list[float] = []
        chars = 0
        while len(accuracies) < count:
            self.tell(f"transcripts, {name}", len(accuracies), count)
            page = make_page(rng, self.corpus, rng.randint(0, 3), look)
            text = "\n".join(page.lines).strip("\n")
            if len(text) < DENSE * look.rows * look.columns:
                continue
            page = GridPage(text.split("\n"), look)
            reply = self.ask(drawn([page]), TRANSCRIBE, LONGEST_ANSWER)
            accuracies.append(character_accuracy(reply.text, text))
            chars += len(text)
        return {
            "measure": "transcript",
            "look": name,
            "pages": count,
            "chars_per_page": chars // count,
            "chars_per_visual_token": round(chars / count / look.tokens, 2),
            "character_accuracy": round(statistics.fmean(accuracies), 4),
            "worst_page": round(min(accuracies), 4),
        }

    def lookups(
        self, rng: random.Random, count: int, pages: int, name: str, look: Look = OWN
    ) -> Row:
        """Asks for facts that are on the pages, and as often for facts that are not."""
        tally = Tally(self.reader.refusal)
        while tally.asked < count:
            self.tell(f"lookups, {pages} pages, {name}", tally.asked, count)
            made = [make_page(rng, self.corpus, rng.randint(1, 5), look) for _ in range(pages)]
            stated = [item.fact for page in made for item in page.planted]
            shown = drawn(made)
            most = min(QUESTIONS_PER_PAGES, len(stated), count - tally.asked)
            for fact in rng.sample(stated, most):
                question = fact.question(rng, held_out=True)
                tally.present(self.ask(shown, question).text, fact.value)
                absent = absent_fact(rng, self.corpus, stated)
                tally.missing(self.ask(shown, absent.question(rng, held_out=True)).text)
        return {"measure": "lookup", "look": name, "pages_per_question": pages, **tally.row()}

    def chains(self, rng: random.Random, count: int, pages: int, *, alike: bool) -> Row:
        """Asks for what two facts say together, and for what lacks the second of its facts."""
        tally = Tally(self.reader.refusal)
        while tally.asked < count:
            self.tell(f"two-hop lookups, {pages} pages", tally.asked, count)
            made = chain_pages(rng, self.corpus, pages, alike=alike)
            shown = drawn(made.pages)
            for fact in made.stated:
                answer = self.ask(shown, fact.question(rng, held_out=True)).text
                tally.present(answer, fact.value)
            tally.missing(self.ask(shown, made.broken.question(rng, held_out=True)).text)
        return {
            "measure": "two_hop",
            "pages_per_question": pages,
            "alike": alike,
            **tally.row(),
        }

    def speed(self, rng: random.Random, count: int) -> Row:
        """Times the first question on a page, which reads the page, and the second."""
        first: list[float] = []
        second: list[float] = []
        while len(first) < count:
            self.tell("times of an answer", len(first), count)
            page = make_page(rng, self.corpus, 5)
            if len(page.planted) < 2:
                continue
            shown = drawn([page])
            for item, times in zip(page.planted, (first, second), strict=False):
                question = item.fact.question(rng, held_out=True)
                started = time.process_time()
                self.ask(shown, question)
                times.append(time.process_time() - started)
        return {
            "measure": "speed",
            "pages": count,
            "first_question_cpu_seconds": round(statistics.median(first), 3),
            "second_question_cpu_seconds": round(statistics.median(second), 3),
        }

    def document(self, rng: random.Random, facts: int = 3) -> Row:
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
        for page in Renderer(self.reader.render_config).render(text):
            pages += 1
            for index, question in enumerate(questions):
                reply = self.ask([page.pixels], question)
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

    def ask(self, pages: Pages, question: str, max_tokens: int = LONGEST_VALUE) -> Reply:
        """Asks one question."""
        tokens = list(self.reader.generate(pages, question, max_tokens=max_tokens))
        return Reply("".join(token.text for token in tokens), sum(t.logprob for t in tokens))


def drawn(pages: Sequence[GridPage]) -> Pages:
    """Returns the pixels of pages."""
    return [page.look.draw(page.lines) for page in pages]
