"""A server under test: where it is, what it serves, and how it is asked."""

from __future__ import annotations

import http.client
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from glyph_shared.asking import AsyncGlyphClient, GlyphClient, Sampling
from glyph_shared.rendering import Page, RenderConfig, render

FILLER = "The rain had stopped by noon, and the clerks went back to their ledgers. "
QUESTION = "What is the access code of the Lisbon office?"
CODE = "4711"
FACT = f"The access code of the Lisbon office is {CODE}. "

_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Reply:
    """An answer over HTTP, whatever its status."""

    status: int
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def message(self) -> str:
        error = self.json["error"]
        return error if isinstance(error, str) else error["message"]


@dataclass(frozen=True)
class Served:
    """One server under test.

    Attributes:
        config: The look of the pages that its model reads.
        window: All tokens a request may have.
        max_pages: Pages one request may have, as the server was told.
        running: How many answers it is writing just now.
        options: What every question about its pages is asked with.
        corpus_options: The same for more pages than its model was trained on at once.
    """

    base_url: str
    model: str
    api_key: str
    config: RenderConfig
    window: int
    max_pages: int
    running: Callable[[], int]
    sampling: Sampling = field(default_factory=Sampling)
    options: dict[str, Any] = field(default_factory=dict)
    corpus_options: dict[str, Any] = field(default_factory=dict)

    def client(self, **settings: Any) -> GlyphClient:
        return GlyphClient(**self._settings | settings)

    def async_client(self, **settings: Any) -> AsyncGlyphClient:
        return AsyncGlyphClient(**self._settings | settings)

    @property
    def _settings(self) -> dict[str, Any]:
        return {
            "base_url": self.base_url,
            "model": self.model,
            "api_key": self.api_key,
            "sampling": self.sampling,
        }

    def pages(self, text: str) -> list[Page]:
        return render(text, self.config)

    def page_with_fact(self) -> Page:
        return self.pages(FILLER * 5 + FACT + FILLER * 5)[0]

    def notes(self) -> str:
        """Returns a text with the fact in it, long enough to be drawn when it stands in a chat."""
        # The reader is shown any text as pages, and was trained on few; others take short as text.
        around = FILLER * (12 if self.config == RenderConfig.preset("reader") else 250)
        return f"{around}{FACT}{around}"

    def post(self, path: str, body: dict[str, Any]) -> Reply:
        request = urllib.request.Request(
            self.base_url.removesuffix("/v1") + path,
            data=json.dumps({"model": self.model, **body}).encode(),
            headers={
                "Content-Type": "application/json",
                "Authorization": f"Bearer {self.api_key}",
            },
        )
        try:
            with _OPENER.open(request, timeout=300) as reply:
                return Reply(reply.status, reply.read())
        except urllib.error.HTTPError as error:
            with error:
                return Reply(error.code, error.read())

    def chat(self, *parts: dict[str, Any], question: str = QUESTION, **settings: Any) -> Reply:
        """Asks with the images as they are, so that broken ones can be sent too."""
        content = [*parts, {"type": "text", "text": question}]
        body = {"messages": [{"role": "user", "content": content}], "temperature": 0}
        return self.post("/v1/chat/completions", {**body, "max_tokens": 20, **settings})

    def prompt_ids(self, *messages: dict[str, Any]) -> list[int]:
        return list(self.post("/tokenize", {"messages": list(messages)}).json["tokens"])


def image(url: str | None, **more: Any) -> dict[str, Any]:
    return {"type": "image_url", "image_url": None if url is None else {"url": url}, **more}


def page_image(page: Page) -> dict[str, Any]:
    return image(page.data_url(), uuid=page.digest)


def running_in_vllm(base_url: str) -> int:
    """Reads from vLLM's metrics how many answers are being written."""
    with _OPENER.open(base_url.removesuffix("/v1") + "/metrics", timeout=10) as reply:
        found = re.findall(rb"^vllm:num_requests_running\{.*\} ([\d.]+)$", reply.read(), re.M)
    return round(sum(map(float, found)))


def is_answering(base_url: str) -> bool:
    try:
        with _OPENER.open(base_url.removesuffix("/v1") + "/health", timeout=2):
            return True
    except (OSError, http.client.HTTPException):
        return False


def comes_true(claim: Callable[[], bool], *, seconds: float = 20.0) -> bool:
    """Waits for something that another process does in its own time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if claim():
            return True
        time.sleep(0.1)
    return False
