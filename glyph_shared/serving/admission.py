"""Decides what of a request reaches the reader, and what the answer may cost."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from jinja2 import Template
from jinja2.sandbox import ImmutableSandboxedEnvironment

from glyph_shared.rendering import count_visual_tokens
from glyph_shared.serving.api_errors import ApiError, too_long, too_many_pages, unknown_model
from glyph_shared.serving.chat_reply import PromptCost
from glyph_shared.serving.chat_request import (
    ChatRequest,
    Conversation,
    ImagePart,
    TokenizeRequest,
    parse_body,
)
from glyph_shared.serving.generation import Prompt
from glyph_shared.serving.kept_pages import KeptPages
from glyph_shared.serving.page_images import PageGate, Pixels
from glyph_shared.serving.reader_protocol import PageReader
from glyph_shared.serving.vllm_command import CHAT_TEMPLATE


@dataclass(frozen=True)
class Admitted:
    """A chat request that will be answered."""

    asked: ChatRequest
    prompt: Prompt
    cost: PromptCost


class Admission:
    """Checks requests against one reader."""

    def __init__(self, reader: PageReader) -> None:
        self._reader = reader
        self._gate = PageGate(reader.render_config, reader.accepted_thetas)
        self._kept = KeptPages(self._gate)
        self._page_tokens = count_visual_tokens(self._gate.size_px)

    def chat(self, body: bytes) -> Admitted:
        """Reads a chat request.

        Raises:
            ApiError: It is malformed, too long, not for this model, or has other pages.
        """
        asked = parse_body(ChatRequest, body)
        self._check_model(asked.model)
        asked.refuse_unanswerable()
        question = asked.question
        pages = self._pages(asked.images)
        cost = self._cost(pages, question)
        max_tokens = self._max_tokens(asked, cost)
        return Admitted(asked, Prompt(pages, question, max_tokens, asked.stops), cost)

    def tokens(self, body: bytes) -> list[int]:
        """Returns the reader's tokens of a text, or of messages in its chat format.

        Raises:
            ApiError: The request is malformed or not for this model.
        """
        asked = parse_body(TokenizeRequest, body)
        self._check_model(asked.model)
        text = self._chat_text(asked.conversation) if asked.prompt is None else asked.prompt
        return self._reader.tokenizer.encode(text, add_special_tokens=False).ids

    def _chat_text(self, conversation: Conversation) -> str:
        images = [{"type": "image"} for _ in conversation.images]
        question = {"type": "text", "text": conversation.question}
        text = _chat_template().render(
            messages=[{"role": "user", "content": [*images, question]}], add_generation_prompt=True
        )
        return text.replace("<|image|>", "<|image|>" * self._page_tokens)

    def _pages(self, images: list[ImagePart]) -> list[Pixels]:
        limit = self._reader.max_pages
        if len(images) > limit:
            raise too_many_pages(limit)
        return [self._kept.read(image, number) for number, image in enumerate(images, 1)]

    def _cost(self, pages: list[Pixels], question: str) -> PromptCost:
        prompt_tokens = self._reader.prompt_tokens(pages, question)
        # Without pages the reader is not asked, so no length is too long.
        if pages and prompt_tokens >= self._reader.max_model_len:
            raise too_long(prompt_tokens, self._reader.max_model_len)
        cached_tokens = self._reader.cached_tokens(pages) if pages else 0
        return PromptCost(prompt_tokens, len(pages) * self._page_tokens, cached_tokens)

    def _max_tokens(self, asked: ChatRequest, cost: PromptCost) -> int:
        """Returns the answer's limit, clamped to the window's rest as vLLM does."""
        limit, window = asked.token_limit, self._reader.max_model_len
        if limit is not None and limit > window:
            raise ApiError(
                f"max_tokens={limit} is more than the whole window of {window} tokens; lower it",
                param="max_tokens",
            )
        rest = window - cost.prompt_tokens
        return rest if limit is None else min(limit, rest)

    def _check_model(self, name: str | None) -> None:
        if name is not None and name != self._reader.name:
            raise unknown_model(name, self._reader.name)


@cache
def _chat_template() -> Template:
    source = CHAT_TEMPLATE.read_text(encoding="utf-8")
    # The options under which transformers and vLLM run chat templates.
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(source)
