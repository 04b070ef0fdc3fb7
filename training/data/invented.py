"""Text that nobody wrote: prose and code from our own words and sentences, for runs offline.

Words and sentences are split, so a test reads nothing that training wrote. It is no language to
learn from, but its facts stand nowhere else: reading it takes the page.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from training.data.records import Record

_WORDS: dict[str, Any] = json.loads(
    Path(__file__).with_name("words.json").read_text(encoding="utf-8")
)


def words(kind: str, *, held_out: bool) -> Sequence[str]:
    """Returns the words of one kind and one split."""
    chosen: Sequence[str] = _WORDS["held_out" if held_out else "train"][kind]
    return chosen


def invented_records(
    count: int, *, seed: int = 0, held_out: bool = False, chars: int = 6000
) -> list[Record]:
    """Invents documents, every fourth of them Python code."""
    rng = random.Random(f"invented {seed} {held_out}")
    records = []
    for number in range(count):
        kind = "code" if number % 4 == 3 else "prose"
        make = module_text if kind == "code" else prose
        text = make(rng, chars, held_out=held_out)
        records.append(Record(f"invented-{kind}-{number}", text, kind))
    return records


def prose(rng: random.Random, chars: int, *, held_out: bool = False) -> str:
    """Invents paragraphs under headings, of at least ``chars`` chars."""
    parts: list[str] = []
    length = 0
    while length < chars:
        if rng.random() < 0.2:
            parts.append(_filled(rng, "headings", held_out))
        sentences = (sentence(rng, held_out=held_out) for _ in range(rng.randint(3, 8)))
        parts.append(" ".join(sentences))
        length += len(parts[-1]) + 2
    return "\n\n".join(parts)


def sentence(rng: random.Random, *, held_out: bool = False) -> str:
    """Invents one sentence."""
    return _filled(rng, "sentences", held_out)


def module_text(rng: random.Random, chars: int, *, held_out: bool = False) -> str:
    """Invents Python functions, of at least ``chars`` chars."""
    parts: list[str] = []
    while sum(map(len, parts)) < chars:
        verb, noun = (rng.choice(words(kind, held_out=held_out)) for kind in ("verbs", "nouns"))
        parts.append(_function(rng, f"{verb}_{noun}_{len(parts)}"))
    return "\n\n\n".join(parts) + "\n"


def _function(rng: random.Random, name: str) -> str:
    limit, rate = rng.randint(2, 900), rng.randint(1, 99)
    shape = rng.choice(_SHAPES)
    return shape.format(name=name, limit=limit, rate=rate, other=rng.randint(2, 60))


_SHAPES = (
    'def {name}(items):\n    """Sums what is above {limit}."""\n'
    "    total = sum(item for item in items if item > {limit})\n    return total * 0.{rate:02}",
    "def {name}(weight, distance={other}):\n    if weight > {limit}:\n"
    "        return round(weight * distance / {rate}, 2)\n    return {other}",
    "class {name}:\n    limit = {limit}\n\n    def __call__(self, value):\n"
    "        # More than {other} is never asked for.\n"
    "        return min(value, self.limit) % {other}",
    "def {name}(path, retries={other}):\n    for attempt in range(retries):\n"
    "        rows = [line.split(';') for line in open(path)]\n        if len(rows) >= {limit}:\n"
    "            return rows[: -{rate}]\n    raise ValueError('fewer than {limit} rows')",
)


def _filled(rng: random.Random, kind: str, held_out: bool) -> str:
    text = rng.choice(words(kind, held_out=held_out)).format_map(_slots(rng, held_out))
    return text[0].upper() + text[1:]


def _slots(rng: random.Random, held_out: bool) -> Mapping[str, object]:
    persons = rng.sample(words("persons", held_out=held_out), 2)
    cities = rng.sample(words("cities", held_out=held_out), 2)
    lists = ("job", "thing", "place", "adjective", "reason")
    return {
        **{name: rng.choice(words(f"{name}s", held_out=held_out)) for name in lists},
        "person": persons[0],
        "person2": persons[1],
        "city": cities[0],
        "city2": cities[1],
        "month": rng.choice(_WORDS["months"]),
        "day": rng.randint(1, 28),
        "year": rng.randint(1850, 1990),
        "number": rng.randint(20, 9999),
        "small": rng.randint(2, 19),
    }
