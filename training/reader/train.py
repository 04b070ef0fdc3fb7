"""Trains the embedded reader from nothing: `python -m training.reader.train`.

Stages, each resumable from its checkpoint:
1. vision: a throw-away linear head reads the four chars of each visual token;
2. copy: short snippets continued from four-line pages, with pointers; reading emerges here;
3. read_small: copies, questions and refusals on eight-line pages;
4. ask: questions alone; a model that learns to refuse first never looks for the answer;
5. read: questions, refusals, copies and whole-page transcripts;
6. pages: the same over one, two and four pages, with the learning rate run down;
7. practice: on at a constant, lower rate, with more transcripts;
8. cool: the learning rate run down for good, with more refusals.

Algorithm: Muon on matrices, AdamW on the rest, bfloat16 autocast, cross-entropy on answers only,
and pointer supervision (cross-entropy of one attention head towards the visual token that holds
the next char). Left out: weight decay, dropout and augmentation; the reader is tied to one θ.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from safetensors.torch import load_file
from torch import Tensor, nn

from glyph_shared.reader.vocabulary import PROMPT_PREFIX, TOKEN_IDS, encode_text
from training.reader.conversion import restore
from training.reader.corpus import Corpus, load_corpus
from training.reader.looks import OWN
from training.reader.model import Frame, ModelConfig, Pointers, ReaderModel
from training.reader.optim import Muon
from training.reader.pages import GridPage, make_page
from training.reader.segments import KINDS, Batch, Mix, make_batch


@dataclass(frozen=True)
class Stage:
    """One stage: how many steps, and which mixes it draws from with what weight."""

    name: str
    steps: int
    mixes: tuple[tuple[float, Mix], ...]
    pointer_weight: float = 1.0
    cooldown: float = 0.0  # last share of the steps over which the learning rate falls to 2 %
    warmup: int = 30
    peak: float = 1.0  # learning rates are multiplied by this


SHORT = Mix(prompts=6, segments=12, copy=0.4, absent=0.2)
FIND = replace(SHORT, copy=0.12, absent=0.07, alike=0.1)
TRANSCRIPT = Mix(prompts=5, segments=1, transcript=True)


def _pages(one: float, two: float, four: float, absent: float) -> tuple[tuple[float, Mix], ...]:
    """Returns questions over one, two and four pages by their weights; the rest transcripts."""
    several = Mix(segments=12, copy=0.15, absent=0.15, alike=0.25)
    return (
        (one, replace(SHORT, copy=0.2, absent=absent, alike=0.25)),
        (two, replace(several, prompts=3, pages=2)),
        (four, replace(several, prompts=2, pages=4)),
        (1 - one - two - four, TRANSCRIPT),
    )


STAGES = (
    Stage("copy", 750, ((1.0, replace(SHORT, prompts=8, copy=1.0, rows=4)),)),
    Stage("read_small", 500, ((1.0, replace(SHORT, prompts=8, rows=8)),)),
    Stage("ask", 250, ((1.0, replace(FIND, prompts=9, absent=0.0, rows=6)),)),
    Stage("read", 620, ((0.88, replace(FIND, rows=16)), (0.12, TRANSCRIPT))),
    Stage("pages", 700, _pages(0.62, 0.10, 0.05, 0.15), cooldown=1.0),
    Stage("practice", 2000, _pages(0.50, 0.08, 0.04, 0.15), peak=0.6),
    Stage("cool", 1200, _pages(0.56, 0.10, 0.05, 0.20), peak=0.6, cooldown=1.0),
)
STAGES_DEBUG = tuple(replace(s, steps=2, mixes=s.mixes[-1:], warmup=1) for s in STAGES)
VISION_STEPS, VISION_STEPS_DEBUG = 160, 2
CHARS_SEEN = 8
"""Chars that a visual token of the own θ shows: two rows of four."""

MUON_LR, ADAM_LR = 0.015, 2.5e-3


def main(arguments: list[str] | None = None) -> None:
    """Runs the stages that the checkpoint has not yet seen."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("runs/reader"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--weights", type=Path, help="start from a folder that export wrote")
    parser.add_argument("--debug", action="store_true", help="two steps a stage, to see it run")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(options.out, options.seed)
    if options.weights and not trainer.done:
        trainer.start_from(options.weights)
    with _stopped_by_interrupt(trainer):
        trainer.vision(VISION_STEPS_DEBUG if options.debug else VISION_STEPS)
        for stage in STAGES_DEBUG if options.debug else STAGES:
            trainer.run(stage)


@contextmanager
def _stopped_by_interrupt(trainer: Trainer) -> Iterator[None]:
    """Lets Ctrl-C end the run after the step at hand, with a checkpoint to go on from."""

    def stop(_signal: int, _frame: object) -> None:
        trainer.stopping = True

    previous = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


class Trainer:
    """Model, optimisers and progress; everything a checkpoint holds."""

    def __init__(self, out: Path, seed: int) -> None:
        self.out, self.seed = out, seed
        self.corpus = load_corpus(out, held_out=False)
        self.model = ReaderModel(ModelConfig())
        matrices, others = _split_parameters(self.model)
        self.others = others
        self.muon = Muon(matrices, MUON_LR)
        self.adam = torch.optim.AdamW(others, lr=ADAM_LR, betas=(0.9, 0.95), weight_decay=0.0)
        self.done: dict[str, int] = {}
        self.seconds = 0.0
        self.stopping = False
        self.held_out = HeldOut(load_corpus(out, held_out=True))
        self._restore()

    def start_from(self, weights: Path) -> None:
        """Takes exported weights instead of random ones, and goes straight to the last stage."""
        restore(self.model, load_file(weights / "model.safetensors"))
        self.done = {"vision": VISION_STEPS} | {stage.name: stage.steps for stage in STAGES[:-1]}

    # ---- stage 1 -------------------------------------------------------------------------------

    def vision(self, steps: int) -> None:
        """Teaches the vision part which four chars each visual token shows."""
        if self.done.get("vision", 0) >= steps:
            return
        blank = TOKEN_IDS[" "]
        head = nn.Linear(self.model.c.hidden, CHARS_SEEN * self.model.c.vocabulary)
        parameters = [*self.model.vision.parameters(), *head.parameters()]
        adam = torch.optim.AdamW(parameters, lr=3e-3, betas=(0.9, 0.95), weight_decay=0.0)
        rng = random.Random(self.seed)
        for step in range(steps):
            made = [make_page(rng, self.corpus, 2) for _ in range(6)]
            pages = torch.from_numpy(np.stack([page.look.draw(page.lines) for page in made]))
            with torch.autocast("cpu", torch.bfloat16):
                logits = head(self.model.vision(pages)).float()
            logits = logits.unflatten(-1, (CHARS_SEEN, -1))
            target = torch.from_numpy(np.stack([_token_chars(page, blank) for page in made]))
            loss = F.cross_entropy(logits.flatten(0, 2), target.flatten())
            loss.backward()
            scale = min(1.0, (step + 1) / 20) * min(1.0, (steps - step) / (0.4 * steps))
            adam.param_groups[0]["lr"] = 3e-3 * scale
            adam.step()
            adam.zero_grad(set_to_none=True)
            if step % 20 == 19:
                right = (logits.argmax(-1) == target).float().mean().item()
                self._report(stage="vision", step=step + 1, loss=loss.item(), right=right)
        self.done["vision"] = steps
        self._save()

    # ---- stages 2 to 4 -------------------------------------------------------------------------

    def run(self, stage: Stage) -> None:
        """Trains one stage from where its checkpoint stands."""
        started, before = time.perf_counter(), self.seconds
        totals: dict[str, list[float]] = defaultdict(list)
        for step in range(self.done.get(stage.name, 0), stage.steps):
            rng = random.Random(f"{self.seed} {stage.name} {step}")
            weights, mixes = zip(*stage.mixes, strict=True)
            batch = make_batch(rng, self.corpus, rng.choices(mixes, weights)[0])
            for name, value in self._step(batch, stage, step).items():
                totals[name].append(value)
            self.done[stage.name] = step + 1
            self.seconds = before + time.perf_counter() - started
            if (step + 1) % 50 == 0:
                means = {name: sum(values) / len(values) for name, values in totals.items()}
                self._report(stage=stage.name, step=step + 1, **means)
                totals.clear()
            if (step + 1) % 250 == 0 or step + 1 == stage.steps:
                self._report(stage=stage.name, step=step + 1, **self.held_out.measure(self.model))
                self._save()
            if self.stopping:
                self._save()
                raise SystemExit(f"stopped after step {step + 1} of {stage.name}; run again")

    def _step(self, batch: Batch, stage: Stage, step: int) -> dict[str, float]:
        with torch.autocast("cpu", torch.bfloat16):
            hidden, pointer_losses = run_batch(self.model, batch, pointers=True)
            loss, right = answer_loss(self.model, hidden, batch)
        pointer = torch.stack(pointer_losses).mean()
        (loss + stage.pointer_weight * pointer).backward()
        nn.utils.clip_grad_norm_(self.others, 1.0)
        scale = _schedule(stage, step)
        self.adam.param_groups[0]["lr"] = ADAM_LR * scale
        self.adam.step()
        self.adam.zero_grad(set_to_none=True)
        self.muon.step(scale)
        kind = "transcript" if batch.kinds[0, 0] == KINDS.index("transcript") else "short"
        return {
            f"loss_{kind}": loss.item(),
            f"right_{kind}": right,
            "pointer": pointer.item(),
            "finding": pointer_losses[-1].item(),
        }

    # ---- bookkeeping ---------------------------------------------------------------------------

    def _report(self, **row: object) -> None:
        row["minutes"] = round(self.seconds / 60, 2)
        shown = {k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}
        line = json.dumps(shown)
        print(line, flush=True)
        with (self.out / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(line + "\n")

    def _save(self) -> None:
        state = {
            "model": self.model.state_dict(),
            "muon": self.muon.state_dict(),
            "adam": self.adam.state_dict(),
            "done": self.done,
            "seconds": self.seconds,
        }
        fresh = self.out / "checkpoint.pt.new"
        torch.save(state, fresh)
        fresh.replace(self.out / "checkpoint.pt")

    def _restore(self) -> None:
        path = self.out / "checkpoint.pt"
        if not path.exists():
            return
        state = torch.load(path, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.muon.load_state_dict(state["muon"])
        self.adam.load_state_dict(state["adam"])
        self.done, self.seconds = state["done"], state["seconds"]


class HeldOut:
    """A fixed set of unseen words, texts and question wordings, measured during training."""

    def __init__(self, corpus: Corpus) -> None:
        rng = random.Random(999)
        short = Mix(prompts=8, segments=12, copy=0.25, absent=0.25)
        two = Mix(prompts=4, pages=2, segments=12, copy=0.25, absent=0.25)
        self.batches = {
            "1p": [make_batch(rng, corpus, short, held_out=True) for _ in range(3)],
            "2p": [make_batch(rng, corpus, two, held_out=True)],
            "tr": [make_batch(rng, corpus, Mix(prompts=4, transcript=True))],
        }

    @torch.no_grad()
    def measure(self, model: ReaderModel) -> dict[str, float]:
        """Returns exact match per kind and char accuracy, teacher-forced (= greedy, if exact)."""
        found: dict[str, list[float]] = defaultdict(list)
        for name, batches in self.batches.items():
            for batch in batches:
                right, counted = _right_answers(model, batch)
                exact = (right | ~counted).all(-1)
                for index, kind in enumerate(KINDS):
                    chosen = torch.from_numpy(batch.kinds == index)
                    if chosen.any():
                        found[f"{name}_{kind}"] += exact[chosen].float().tolist()
                        chars = right[chosen][counted[chosen]]
                        found[f"{name}_{kind}_chars"] += chars.float().tolist()
        return {name: sum(values) / len(values) for name, values in sorted(found.items())}


def run_batch(model: ReaderModel, batch: Batch, *, pointers: bool) -> tuple[Tensor, list[Tensor]]:
    """Draws a batch's pages and runs the model over them."""
    pages = np.stack([page.look.draw(page.lines) for prompt in batch.pages for page in prompt])
    targets = pointer_targets(batch) if pointers else None
    return model(torch.from_numpy(pages), frame(), torch.from_numpy(batch.ids), targets)


def pointer_targets(batch: Batch) -> Pointers:
    """Returns where the heads should point."""
    return Pointers(torch.from_numpy(batch.points_at), torch.from_numpy(batch.finds))


def answer_loss(model: ReaderModel, hidden: Tensor, batch: Batch) -> tuple[Tensor, float]:
    """Returns the cross-entropy on answers, and the share of answer tokens predicted right."""
    learn = torch.from_numpy(batch.learn[:, :, 1:])
    target = torch.from_numpy(batch.ids[:, :, 1:])[learn]
    logits = model.logits(hidden[:, :, :-1][learn])
    right = (logits.argmax(-1) == target).float().mean().item()
    return F.cross_entropy(logits, target), right


def frame() -> Frame:
    """Returns the ids that stand around the pages of every prompt."""

    def ids(*tokens: str) -> Tensor:
        return torch.tensor([[TOKEN_IDS[token] for token in tokens]])

    return Frame(ids(*PROMPT_PREFIX), ids("<|begin_of_image|>"), ids("<|end_of_image|>"))


def _right_answers(model: ReaderModel, batch: Batch) -> tuple[Tensor, Tensor]:
    with torch.autocast("cpu", torch.bfloat16):
        hidden, _ = run_batch(model, batch, pointers=False)
        guess = model.logits(hidden[:, :, :-1]).argmax(-1)
    counted = torch.from_numpy(batch.learn[:, :, 1:])
    return (guess == torch.from_numpy(batch.ids[:, :, 1:])) & counted, counted


def _split_parameters(model: ReaderModel) -> tuple[list[Tensor], list[Tensor]]:
    by_adam = ("embed.", "head.", "vision.patch.", "vision.positions")
    matrices, others = [], []
    for name, parameter in model.named_parameters():
        group = matrices if parameter.ndim == 2 and not name.startswith(by_adam) else others
        group.append(parameter)
    return matrices, others


def _schedule(stage: Stage, step: int) -> float:
    scale = stage.peak * min(1.0, (step + 1) / stage.warmup)
    if stage.cooldown:
        left = (stage.steps - step) / (stage.cooldown * stage.steps)
        scale *= min(1.0, max(0.02, left))
    return scale


def _token_chars(page: GridPage, blank: int) -> np.ndarray:
    """Returns the ids (visual tokens, 8) of the chars that each visual token shows."""
    grid = np.full((OWN.rows, OWN.tokens_per_row * 4), blank, np.int64)
    for row, line in enumerate(page.lines):
        grid[row, : len(line)] = encode_text(line)
    return grid.reshape(OWN.rows // 2, 2, -1, 4).transpose(0, 2, 1, 3).reshape(-1, CHARS_SEEN)


if __name__ == "__main__":
    main()
