"""Collects one reply, whole or in chunks, and judges whether it is complete."""

from __future__ import annotations

from dataclasses import dataclass

from glyph_shared.asking.answer import Usage
from glyph_shared.asking.reply_filter import ReplyFilter
from glyph_shared.asking.wire import Choice, Completion, WireUsage
from glyph_shared.errors import EmptyResponse, IncompleteStream


@dataclass(frozen=True)
class Reply:
    """A complete reply to one request."""

    text: str
    thinking: str
    only_thinking: bool
    finish_reason: str
    usage: Usage
    logprob: float | None
    model: str | None

    @property
    def truncated(self) -> bool:
        """Whether the model was cut off by ``max_tokens``."""
        return self.finish_reason == "length"


class ReplyCollector:
    """Takes a completion, or the chunks of one in order.

    Args:
        host: Who replies.
        streamed: Whether the reply comes in chunks.
        may_call: Whether calls of tools alone are a reply; not where no tools were offered.
    """

    def __init__(self, host: str, *, streamed: bool, may_call: bool = True) -> None:
        self._host = host
        self._streamed = streamed
        self._may_call = may_call
        self._filter = ReplyFilter()
        self._separated_thinking = ""
        self._finish_reason: str | None = None
        self._usage = Usage(requests=1)
        self._logprobs: list[float] = []
        self._model: str | None = None
        self._called = False

    @property
    def text(self) -> str:
        """The answer so far."""
        return self._filter.text

    @property
    def thinking(self) -> str:
        """The thinking so far, whether the server separated it or not."""
        return "\n".join(filter(None, (self._separated_thinking, self._filter.thinking)))

    def take(self, completion: Completion) -> str:
        """Takes the next chunk, or the whole; returns the answer's chars that it settles."""
        self._model = completion.model or self._model
        if completion.usage is not None:
            self._usage = read_usage(completion.usage)
        if not completion.choices:
            return ""
        return self._take_choice(completion.choices[0])

    def end(self) -> str:
        """Returns the last chars of the answer, held back until now."""
        return self._filter.end()

    def reply(self) -> Reply:
        """Returns the reply, once ``end`` was called.

        Raises:
            IncompleteStream: The server never said that the reply was finished.
            EmptyResponse: It is finished, but has neither answer nor thinking nor calls that it may
                make.
        """
        thinking = self.thinking
        if self._finish_reason is None and (self._streamed or self.text):
            raise IncompleteStream(
                f"{self._host} ended its reply without a finish_reason after "
                f"{len(self.text)} chars; they are in partial_text. Ask again",
                partial_text=self.text,
            )
        if not (self.text or thinking or (self._called and self._may_call)):
            raise EmptyResponse(
                f"{self._host} sent no answer (finish_reason {self._finish_reason!r}); "
                "ask again, or raise max_tokens",
                status=200,
            )
        return Reply(
            text=self.text,
            thinking=thinking,
            only_thinking=not self.text,
            finish_reason=self._finish_reason or "",
            usage=self._usage,
            logprob=sum(self._logprobs) if self._logprobs else None,
            model=self._model,
        )

    def _take_choice(self, choice: Choice) -> str:
        self._finish_reason = choice.finish_reason or self._finish_reason
        if choice.logprobs is not None and choice.logprobs.content:
            self._logprobs += [token.logprob for token in choice.logprobs.content]
        message = choice.message or choice.delta
        if message is None:
            return ""
        self._separated_thinking += message.thought
        self._called = self._called or bool(message.tool_calls)
        return self._filter.feed(message.content or message.refusal or "")


def read_usage(usage: WireUsage) -> Usage:
    """Reads the token counts of one request."""
    details = usage.prompt_tokens_details
    by_kind = details.multimodal_tokens if details is not None else None
    return Usage(
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens or 0,
        cached_tokens=details.cached_tokens if details is not None else None,
        visual_tokens=by_kind.get("image") if by_kind else None,
        requests=1,
    )
