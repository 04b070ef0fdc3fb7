"""A reader that says what a test tells it to, pages it accepts, and a caller of its server."""

from __future__ import annotations

import base64
import io
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

from glyph_shared.rendering import RenderConfig

CONTROL_TOKENS = (
    "<unknown>", "[gMASK]", "<sop>", "<|user|>", "<|assistant|>", "<|system|>",
    "<|begin_of_image|>", "<|image|>", "<|end_of_image|>",
)  # fmt: skip
FRAME_TOKENS = 6
PAGE_TOKENS = 320
WINDOW = 2048


def character_tokenizer() -> Tokenizer:
    vocabulary = [*CONTROL_TOKENS, "\n", *(chr(code) for code in range(32, 127))]
    tokenizer = Tokenizer(models.WordLevel({t: i for i, t in enumerate(vocabulary)}, "<unknown>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens(list(CONTROL_TOKENS))
    return tokenizer


@dataclass(frozen=True)
class ScriptedToken:
    id: int
    text: str
    logprob: float
    finish_reason: str | None = None


@dataclass
class ScriptedReader:
    """Answers ``answer`` one char at a time, and remembers what it was asked."""

    answer: str = "4711"
    name: str = "glyph-reader"
    max_model_len: int = WINDOW
    max_pages: int = 4
    refusal: str = "Not on these pages."
    render_config: RenderConfig = field(default_factory=lambda: RenderConfig.preset("reader"))
    tokenizer: Tokenizer = field(default_factory=character_tokenizer)
    asked: list[tuple[int, str, int]] = field(default_factory=list)
    ink: list[float] = field(default_factory=list)
    cached: int = 0
    step: threading.Semaphore | None = None
    """If given, every token waits for it."""
    running: int = 0
    most_running: int = 0
    closed: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def accepted_thetas(self) -> tuple[str, ...]:
        return (self.render_config.theta_hash,)

    def prompt_tokens(self, pages, question: str) -> int:
        return FRAME_TOKENS + len(pages) * (PAGE_TOKENS + 2) + len(question)

    def cached_tokens(self, pages) -> int:
        return self.cached

    def count_tokens(self, text: str) -> int:
        return len(text)

    def generate(self, pages, question, *, max_tokens) -> Iterator[ScriptedToken]:
        self.asked.append((len(pages), question, max_tokens))
        self.ink = [float(np.mean(page < 128)) for page in pages]
        with self.lock:
            self.running += 1
            self.most_running = max(self.most_running, self.running)
        try:
            yield from self._tokens(max_tokens)
        finally:
            with self.lock:
                self.running -= 1
            self.closed.set()

    def _tokens(self, max_tokens: int) -> Iterator[ScriptedToken]:
        written = self.answer[:max_tokens]
        for index, char in enumerate(written):
            if self.step is not None:
                assert self.step.acquire(timeout=30)
            last = index + 1 == max_tokens
            yield ScriptedToken(ord(char), char, -0.25 * index, "length" if last else None)
        if len(written) < max_tokens:
            yield ScriptedToken(3, "", -0.5, "stop")


def page_png(config: RenderConfig, *, size=(560, 448), ink: int = 255, theta: str | None = None):
    marks = PngInfo()
    marks.add_text("glyph-theta", theta or config.theta_hash)
    stream = io.BytesIO()
    Image.new("L", size, ink).save(stream, "PNG", pnginfo=marks)
    return stream.getvalue()


def data_url(png: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(png).decode()}"


def image_part(url: str) -> dict:
    return {"type": "image_url", "image_url": {"url": url}}


def user(*content) -> dict:
    parts = [{"type": "text", "text": c} if isinstance(c, str) else c for c in content]
    return {"role": "user", "content": parts}


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes
    headers: dict

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self) -> dict:
        return self.json["error"]


class Caller:
    """Sends requests as they are, so that broken ones can be sent too."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def __call__(self, path: str, body=None, *, headers: dict | None = None) -> Reply:
        data = (
            json.dumps(body).encode() if body is not None and not isinstance(body, bytes) else body
        )
        request = urllib.request.Request(
            self.base_url.removesuffix("/v1") + path,
            data=data,
            headers={"Content-Type": "application/json", **(headers or {})},
        )
        try:
            with self._opener.open(request, timeout=30) as reply:
                return Reply(reply.status, reply.read(), dict(reply.headers))
        except urllib.error.HTTPError as error:
            with error:
                return Reply(error.code, error.read(), dict(error.headers))

    def chat(self, *messages: dict, **settings) -> Reply:
        return self("/v1/chat/completions", {"messages": list(messages), **settings})

    def events(self, *messages: dict, **settings) -> list:
        reply = self.chat(*messages, stream=True, **settings)
        lines = reply.body.decode().split("\n\n")
        assert lines.pop() == ""
        assert all(line.startswith("data: ") for line in lines)
        return [line.removeprefix("data: ") for line in lines]
