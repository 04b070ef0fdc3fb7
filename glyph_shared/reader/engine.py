"""Runs the embedded reader's two graphs: pixels → visual embeddings, tokens → next token."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from glyph_shared.errors import ConfigError, InputError
from glyph_shared.reader.card import FILE, PRESET, ReaderCard
from glyph_shared.reader.prompt import Piece, pages_piece, question_piece, text_piece
from glyph_shared.reader.vocabulary import REFUSAL, STOP_IDS, VOCABULARY
from glyph_shared.rendering import RenderConfig

WEIGHTS = Path(__file__).parent / "weights"
MEMORY_BYTES = 256 * 2**20
"""Keys and values of prompts that stay in memory, some 80 pages: the next question is cheap."""

LONGEST_ANSWER = 1600
"""In tokens: a page's transcript, of 16 lines of 79 chars and their ends, and some room."""

_FILES = (
    "vision.onnx",
    "language.onnx",
    "model.safetensors",
    "config.json",
    "tokenizer.json",
    FILE,
)

GreyPage = NDArray[np.uint8]


@dataclass(frozen=True)
class ReaderToken:
    """One generated token.

    Attributes:
        id: Its number in the vocabulary.
        text: What it writes; empty for the token that ends the answer.
        logprob: Natural logarithm of its probability.
        finish_reason: Why the answer ends with it; None before the last.
    """

    id: int
    text: str
    logprob: float
    finish_reason: Literal["stop", "length"] | None = None


@dataclass
class _Memory:
    """Keys and values of everything read so far, (layers, heads, S, head size) each."""

    keys: NDArray[np.float32]
    values: NDArray[np.float32]
    next_position: int

    @property
    def size_bytes(self) -> int:
        """What it takes."""
        return self.keys.nbytes + self.values.nbytes


class Reader:
    """A GLM-4.1V-architecture model of a few million parameters that reads pages of its own θ.

    It transcribes a page and looks up facts written on up to `max_pages` pages; it knows nothing
    that is not on them. Several threads may call `generate` at once.

    Attributes:
        card: Its limits and the looks it reads, from the weights' folder.
        accepted_thetas: Hashes of the θ it reads.

    Example:
        >>> reader = Reader.load()
        >>> page = render("The access code of the Lisbon office is 4711.", reader.render_config)[0]
        >>> question = "What is the access code of the Lisbon office?"
        >>> "".join(token.text for token in reader.generate([page.pixels], question))
        '4711'
    """

    refusal = REFUSAL

    def __init__(self, directory: Path) -> None:
        absent = [name for name in _FILES if not (directory / name).is_file()]
        if absent:
            raise ConfigError(
                f"the reader's folder {str(directory)!r} lacks {', '.join(absent)}; install "
                "glyph-context again, or export trained weights with training.reader.export"
            )
        self.card = ReaderCard.load(directory)
        self.accepted_thetas = self.card.thetas()
        options = onnxruntime.SessionOptions()
        # Requests run side by side; more threads for one small matrix would only wait.
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        providers = ["CPUExecutionProvider"]
        self._vision, self._language = (
            onnxruntime.InferenceSession(directory / name, options, providers=providers)
            for name in ("vision.onnx", "language.onnx")
        )
        config = json.loads((directory / "config.json").read_text(encoding="utf-8"))["text_config"]
        heads = config["num_attention_heads"]
        self._empty_shape = (config["num_hidden_layers"], heads, 0, config["hidden_size"] // heads)
        self._hidden = config["hidden_size"]
        self._directory = directory
        self._prompts: OrderedDict[str, _Memory] = OrderedDict()
        self._lock = threading.Lock()

    @classmethod
    def load(cls, directory: Path | None = None) -> Reader:
        """Loads the shipped weights, or those of another folder that the recipe exported.

        Raises:
            ConfigError: The folder lacks a file, or the card in it is damaged.
        """
        return cls(directory or WEIGHTS)

    @property
    def name(self) -> str:
        """What clients call it."""
        return self.card.name

    @property
    def max_pages(self) -> int:
        """The most pages of a prompt."""
        return self.card.max_pages

    @property
    def max_model_len(self) -> int:
        """Its window in tokens, prompt and answer together."""
        return self.card.max_model_len

    @cached_property
    def render_config(self) -> RenderConfig:
        """The θ it reads best, which clients draw."""
        return RenderConfig.preset(PRESET)

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The character-level tokenizer, as vLLM and transformers load it."""
        return Tokenizer.from_file(str(self._directory / "tokenizer.json"))

    def count_tokens(self, text: str) -> int:
        """Counts text tokens: one per char."""
        return len(text)

    def prompt_tokens(self, pages: Sequence[GreyPage], question: str) -> int:
        """Counts a prompt's tokens, pages and frame included."""
        prefix = pages_piece(_sizes(pages))
        return len(prefix.ids) + len(question_piece(question, 0).ids)

    def cached_tokens(self, pages: Sequence[GreyPage]) -> int:
        """Counts the tokens of a prompt on these pages that are still in memory."""
        digest = _digest(pages)
        with self._lock:
            memory = self._prompts.get(digest)
        return memory.keys.shape[2] if memory is not None else 0

    def generate(
        self, pages: Sequence[GreyPage], question: str, *, max_tokens: int = LONGEST_ANSWER
    ) -> Iterator[ReaderToken]:
        """Answers greedily, token by token.

        Args:
            pages: One to `max_pages` pages of an accepted θ, grey uint8 of its size each.
            question: Plain text; control tokens written in it stay text.
            max_tokens: Where to stop an answer that does not end.

        Raises:
            InputError: No page, too many, or a page of another size.
        """
        self._check(pages, question)
        return self._tokens(pages, question, max_tokens)

    def _tokens(
        self, pages: Sequence[GreyPage], question: str, max_tokens: int
    ) -> Iterator[ReaderToken]:
        memory = self._read_pages(pages)
        piece = question_piece(question, memory.next_position)
        for step in range(max_tokens):
            logits, memory = self._extend(memory, piece, None)
            token = int(logits.argmax())
            logprob = float(logits[token] - _log_sum_exp(logits))
            if token in STOP_IDS:
                yield ReaderToken(token, "", logprob, "stop")
                return
            last = step + 1 == max_tokens
            yield ReaderToken(token, VOCABULARY[token], logprob, "length" if last else None)
            piece = text_piece([token], piece.next_position)

    def _read_pages(self, pages: Sequence[GreyPage]) -> _Memory:
        digest = _digest(pages)
        with self._lock:
            if digest in self._prompts:
                self._prompts.move_to_end(digest)
                return self._prompts[digest]
        (visual,) = self._vision.run(None, {"pages": np.stack(pages)})
        empty = np.zeros(self._empty_shape, np.float32)
        piece = pages_piece(_sizes(pages))
        _, memory = self._extend(_Memory(empty, empty, 0), piece, visual.reshape(-1, self._hidden))
        with self._lock:
            self._prompts[digest] = memory
            while sum(kept.size_bytes for kept in self._prompts.values()) > MEMORY_BYTES:
                self._prompts.popitem(last=False)
        return memory

    def _extend(
        self, memory: _Memory, piece: Piece, visual: NDArray[np.float32] | None
    ) -> tuple[NDArray[np.float32], _Memory]:
        """Reads one piece; returns the logits after it and the longer memory."""
        feed = {
            "ids": piece.ids,
            "visual": np.zeros((1, self._hidden), np.float32) if visual is None else visual,
            "positions": piece.positions,
            "past_keys": memory.keys,
            "past_values": memory.values,
        }
        logits, keys, values = self._language.run(None, feed)
        return logits, _Memory(keys, values, piece.next_position)

    def _check(self, pages: Sequence[GreyPage], question: str) -> None:
        if not 1 <= len(pages) <= self.max_pages:
            raise InputError(
                f"the embedded reader reads 1 to {self.max_pages} pages at a time; got {len(pages)}"
            )
        width, height = (round(side) for side in self.render_config.page_size)
        for index, page in enumerate(pages):
            if page.shape != (height, width) or page.dtype != np.uint8:
                raise InputError(
                    f"page {index} must be grey uint8 of {width}x{height} px; got {page.dtype} of "
                    f"shape {page.shape}: render it with Reader.render_config"
                )
        if not question.strip():
            raise InputError("the question is empty; ask something")


def _digest(pages: Sequence[GreyPage]) -> str:
    return hashlib.sha256(b"".join(page.tobytes() for page in pages)).hexdigest()


def _sizes(pages: Sequence[GreyPage]) -> list[tuple[int, int]]:
    return [(page.shape[1], page.shape[0]) for page in pages]


def _log_sum_exp(logits: NDArray[np.float32]) -> float:
    top = float(logits.max())
    return top + float(np.log(np.exp(logits - top).sum()))
