"""The one place where pages and a question become a request's messages.

Pages come first and the question last: the order the model was trained with (arXiv 2510.17800),
and the one that lets a server's prefix cache serve the next question about the same pages. All
text is neutralised, so a document that mentions ``<|user|>`` stays a document.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Sequence
from itertools import chain
from typing import Any

from glyph_shared.asking.special_tokens import neutralise
from glyph_shared.errors import InputError
from glyph_shared.rendering import Page

NOT_ON_PAGES = "Not on these pages."
"""What a model is asked to reply when a window of pages lacks the answer."""

Messages = list[dict[str, Any]]

_REFUSE = f"If these pages do not hold the answer, reply only: {NOT_ON_PAGES}"


class _DataUrl(str):
    """A page's data URL that shows its digest where a log or traceback shows the request."""

    digest: str

    def __new__(cls, url: str, digest: str) -> _DataUrl:
        made = super().__new__(cls, url)
        made.digest = digest
        return made

    def __repr__(self) -> str:
        return f"<page {self.digest}, {len(self)} chars>"


def page_messages(
    question: str,
    pages: Sequence[Page],
    *,
    exact_strings: str = "",
    numbers: tuple[int, int] | None = None,
    may_refuse: bool = False,
    system: str | None = None,
    named: bool = True,
    held: Container[str] = (),
) -> Messages:
    """Returns the messages that ask a question about pages.

    Args:
        question: What is asked.
        pages: The pages to show, in reading order.
        exact_strings: Strings of the pages as text, see ``Sidecar``. They stand behind the pages
            and before the question, so that they belong to what a server's prefix cache serves.
        numbers: The number of the first page and of the document's last, both from 1; asks the
            model to cite pages by these numbers. None asks the question alone, as small models
            need it.
        may_refuse: Asks for ``NOT_ON_PAGES`` if the pages lack the answer.
        system: A system prompt.
        named: Whether each page goes with its digest as vLLM's ``uuid``, by which a server may
            keep it.
        held: Digests of the pages that the server has, which go without their bytes.

    Raises:
        InputError: There is no page, or no question.
    """
    if not pages:
        raise InputError("there are no pages to ask about; render a text that is not empty")
    parts = [
        _held_part(page.digest) if page.digest in held else page_part(page, named) for page in pages
    ]
    if exact_strings:
        # The parts are joined without anything between them.
        parts.append(text_part(f"{exact_strings}\n\n"))
    asked = page_question(question, len(pages), numbers=numbers, may_refuse=may_refuse)
    parts.append(text_part(asked))
    return _with_system(system, parts)


def page_question(
    question: str, count: int, *, numbers: tuple[int, int] | None, may_refuse: bool
) -> str:
    """Returns the text that stands behind ``count`` pages; see ``page_messages``.

    Raises:
        InputError: There is no question.
    """
    asked = [_checked(question)]
    if numbers is not None:
        asked.append(_numbering(numbers, count))
    if may_refuse:
        asked.append(_REFUSE)
    return "\n\n".join(asked)


def closer_messages(
    question: str,
    looks: Sequence[tuple[int, Sequence[Page]]],
    *,
    total: int,
    exact_strings: str = "",
    cite: bool = True,
    system: str | None = None,
) -> Messages:
    """Returns the messages that ask a question about single pages, drawn larger.

    Args:
        question: What is asked.
        looks: The number of each page, from 1, and the images that show it now.
        total: How many pages the document has.
        exact_strings: Strings of these pages as text, see ``Sidecar``.
        cite: Asks the model to cite pages by their numbers.
        system: A system prompt.
    """
    # Not named: some servers refuse names, and what is looked at closely is rarely asked twice.
    parts = [page_part(image, named=False) for _, images in looks for image in images]
    if exact_strings:
        parts.append(text_part(f"{exact_strings}\n\n"))
    alone = sum(len(images) for _, images in looks) == 1
    shown = "The image above is" if alone else "The images above are"
    names = [
        f"page {number}" + (f" (in {len(images)} images)" if len(images) > 1 else "")
        for number, images in looks
    ]
    which = f"{shown} {_listed(names)} of {total}, drawn larger."
    parts.append(text_part(_asked_closer(question, which, looks[-1][0] if cite else None)))
    return _with_system(system, parts)


def page_text_messages(
    question: str,
    texts: Sequence[tuple[int, str]],
    *,
    total: int,
    cite: bool = True,
    system: str | None = None,
) -> Messages:
    """Returns the messages that ask a question about the text of single pages.

    Args:
        question: What is asked.
        texts: The number of each page, from 1, and its text.
        total: How many pages the document has.
        cite: Asks the model to cite pages by their numbers.
        system: A system prompt.
    """
    parts = [text_part(f"Page {number}:\n{text}\n\n") for number, text in texts]
    names = _listed([f"page {number}" for number, _ in texts])
    which = f"The text above is that of {names} of {total}."
    parts.append(text_part(_asked_closer(question, which, texts[-1][0] if cite else None)))
    return _with_system(system, parts)


def text_messages(question: str, text: str, *, system: str | None = None) -> Messages:
    """Returns the messages that ask a question about text that goes along as text.

    Raises:
        InputError: The text or the question is empty.
    """
    if not text.strip():
        raise InputError("there is no text to ask about; it is empty or white space alone")
    # The parts are joined without anything between them.
    parts = [text_part(f"{text}\n\n"), text_part(_checked(question))]
    return _with_system(system, parts)


def combine_messages(
    question: str, partial_answers: Sequence[tuple[str, str]], *, system: str | None = None
) -> Messages:
    """Returns the messages that make one answer of several parts' answers.

    Args:
        question: What was asked of every part.
        partial_answers: A name for each part ("pages 1 to 40") and what it answered.
        system: A system prompt.
    """
    notes = "\n\n".join(f"From {name}:\n{answer}" for name, answer in partial_answers)
    return text_messages(
        f"{_checked(question)}\n\nThe notes above were made from parts of one document, in its "
        "order. Answer from them alone. Keep page citations such as [page 3] as they are.",
        notes,
        system=system,
    )


def request_bytes(messages: Messages) -> int:
    """Returns about how many bytes the messages take on the wire; pages are nearly all of it."""
    return sum(
        len(part.get("text", "")) if part["type"] != "image_url" else _image_bytes(part)
        for part in _parts(messages)
    )


def text_bytes(messages: Messages) -> int:
    """Returns the number of UTF-8 bytes of text, which bounds the text tokens from above."""
    texts = (part["text"] for part in _parts(messages) if part["type"] == "text")
    calls = (json.dumps(message.get("tool_calls", "")) for message in messages)
    return sum(len(text.encode()) for text in chain(texts, calls))


def image_count(messages: Messages) -> int:
    """Returns how many parts are images."""
    return sum(part["type"] == "image_url" for part in _parts(messages))


def page_digests(messages: Messages) -> tuple[str, ...]:
    """Returns the digests of the pages that messages show, in order."""
    return tuple(digest for part in _parts(messages) if (digest := _digest(part)))


def with_pages_named(messages: Messages) -> Messages:
    """Returns messages with a line of text in place of each page or image, for those who watch."""

    def told(part: dict[str, Any]) -> dict[str, Any]:
        if part["type"] == "text":
            return part
        digest = _digest(part) or part.get("uuid")
        return {"type": "text", "text": f"[page {digest}]\n" if digest else "[image]\n"}

    return [
        {**message, "content": [told(part) for part in message.get("content") or ()]}
        for message in messages
    ]


def sent_by_name(messages: Messages, *, named: bool, held: Container[str]) -> Messages:
    """Returns messages, whose pages are named, as a server takes them; see ``page_messages``."""

    def sent(part: dict[str, Any]) -> dict[str, Any]:
        digest = _digest(part)
        if not digest:
            return part
        if digest in held:
            return _held_part(digest)
        return part if named else {name: part[name] for name in part if name != "uuid"}

    return [
        {**message, "content": [sent(part) for part in message["content"]]}
        if message.get("content")
        else message
        for message in messages
    ]


def _digest(part: dict[str, Any]) -> str:
    """Returns the digest of the page that a part shows; empty where it shows none."""
    address = (part.get("image_url") or {}).get("url")
    return address.digest if isinstance(address, _DataUrl) else ""


def _parts(messages: Messages) -> Iterator[dict[str, Any]]:
    """Yields all parts; an assistant that only calls tools has none."""
    for message in messages:
        yield from message.get("content") or ()


def _numbering(numbers: tuple[int, int], count: int) -> str:
    first, total = numbers
    last = first + count - 1
    which = f"page {first}" if count == 1 else f"pages {first} to {last} in order"
    whole = f" of {total}" if total > count else ""
    shown = "The image above is" if count == 1 else "The images above are"
    return f"{shown} {which}{whole}. {_cite_like(last)}"


def _asked_closer(question: str, which: str, example: int | None) -> str:
    numbering = which if example is None else f"{which} {_cite_like(example)}"
    return "\n\n".join((_checked(question), numbering, _REFUSE))


def _cite_like(number: int) -> str:
    return f"After each statement cite its page like this: [page {number}]."


def _listed(names: Sequence[str]) -> str:
    """Joins names as people do: ``page 3, page 7 and page 9``."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def page_part(page: Page, named: bool = True) -> dict[str, Any]:
    """Returns the part of a message that shows a page, ``named`` for a server's image cache."""
    url = _DataUrl(page.data_url(), page.digest)
    part: dict[str, Any] = {"type": "image_url", "image_url": {"url": url}}
    # vLLM keys its image cache by uuid; a digest of the pixels cannot name other pixels.
    return {**part, "uuid": page.digest} if named else part


def _held_part(digest: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": None, "uuid": digest}


def _image_bytes(part: dict[str, Any]) -> int:
    return len(part["image_url"]["url"]) if part["image_url"] else 0


def text_part(text: str) -> dict[str, Any]:
    """Returns the part of a message that holds a text, neutralised."""
    return {"type": "text", "text": neutralise(text)}


def _with_system(system: str | None, parts: list[dict[str, Any]]) -> Messages:
    # As parts, not as a string: with GLM-4.1V's own chat template a system message given as a
    # string reaches the model as a Python list (seen with vLLM 0.32).
    messages: Messages = [{"role": "user", "content": parts}]
    if system:
        messages.insert(0, {"role": "system", "content": [text_part(system)]})
    return messages


def _checked(question: str) -> str:
    if not question.strip():
        raise InputError(f"the question is empty; say what you want to know; got {question!r}")
    return question
