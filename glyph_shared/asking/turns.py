"""A chat's messages as turns, and a turn as it is written on a page.

A turn is a user's message, or an assistant's with the results of the tools it calls: what belongs
together is never divided between pages and text. Messages are those of the OpenAI API, as plain
mappings; they are read and never changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any

from glyph_shared.asking.prompts import text_part
from glyph_shared.asking.special_tokens import neutralise
from glyph_shared.errors import InputError

Message = Mapping[str, Any]
Part = Mapping[str, Any]

BETWEEN_PIECES = "\n\n"
SYSTEM_ROLES = ("system", "developer")
_RESULT = ("tool", "function")
_ROLES = (*SYSTEM_ROLES, "user", "assistant", *_RESULT)
_TEXT_KEYS = {"text": "text", "input_text": "text", "output_text": "text", "refusal": "refusal"}
_END_OF_THINKING = "</think>"


@dataclass(frozen=True)
class Turn:
    """Messages that belong together.

    Attributes:
        messages: At least one. A system message that came within the turn is among them.
    """

    messages: tuple[Message, ...]

    @property
    def is_users(self) -> bool:
        """Whether the user speaks first."""
        return bool(self.messages[0]["role"] == "user")

    @property
    def system(self) -> tuple[Message, ...]:
        """The system messages among them."""
        return tuple(message for message in self.messages if message["role"] in SYSTEM_ROLES)

    @cached_property
    def pieces(self) -> tuple[str | Part, ...]:
        """What is drawn, and the parts that are no text, in order; system messages left out."""
        names = _called(self.messages)
        return tuple(
            piece
            for message in self.messages
            if message["role"] not in SYSTEM_ROLES
            for piece in _pieces(message, names)
        )

    @property
    def media(self) -> tuple[Part, ...]:
        """The parts that are no text: images, in order."""
        return tuple(piece for piece in self.pieces if not isinstance(piece, str))

    @property
    def text(self) -> str:
        """What is drawn, as one text."""
        return BETWEEN_PIECES.join(piece for piece in self.pieces if isinstance(piece, str))


def split_turns(messages: Sequence[Message]) -> tuple[list[Message], list[Turn]]:
    """Returns the system messages that open a chat, and its turns.

    Raises:
        InputError: It has no turn, or a message is not one of the OpenAI API.
    """
    opening: list[Message] = []
    turns: list[list[Message]] = []
    for position, message in enumerate(messages):
        role = _checked_role(message, position)
        if role in SYSTEM_ROLES and not turns:
            opening.append(message)
        elif role in ("user", "assistant") or not turns:
            turns.append([message])
        else:
            start = _caller(turns, message) if role in _RESULT else len(turns) - 1
            turns[start:] = [[*(one for turn in turns[start:] for one in turn), message]]
    if not turns:
        raise InputError(
            f"a chat needs a message of the user; got {len(opening)} of the system and no other"
        )
    made = [Turn(tuple(turn)) for turn in turns]
    if made[-1].is_users and not any(_says_something(one) for one in made[-1].messages):
        raise InputError(
            f"the last message of the chat is empty; got {made[-1].messages[0].get('content')!r}, "
            "ask something"
        )
    return opening, made


def _says_something(message: Message) -> bool:
    return any(not isinstance(run, str) or run.strip() for run in message_runs(message))


def wire_message(message: Message) -> dict[str, Any]:
    """Returns a message as it is sent: its text in parts and neutralised, all else as it is.

    An assistant's earlier thinking is left out, as GLM-4.1V's chat template leaves it out; it
    could not find it once the marks around it are neutralised.
    """
    sent = dict(message)
    if message.get("content") is not None:
        sent["content"] = [
            text_part(part) if isinstance(part, str) else dict(part)
            for part in message_runs(message)
        ]
    if message.get("tool_calls"):
        sent["tool_calls"] = [_inert_call(call) for call in message["tool_calls"]]
    return sent


def message_text(message: Message) -> str:
    """Returns the text of a message, without what it calls or refuses."""
    return "".join(part for part in message_runs(message) if isinstance(part, str))


def wire_text(message: Message) -> str:
    """Returns all text of a message, the arguments of its calls included, for counting."""
    functions = [call["function"] for call in message.get("tool_calls") or ()]
    called = (f"{one['name']} {one.get('arguments', '')}" for one in functions)
    return "\n".join([message_text(message), *called])


def _pieces(message: Message, names: Mapping[str, str]) -> Iterator[str | Part]:
    label = _label(message, names)
    calls = [call["function"] for call in message.get("tool_calls") or ()]
    runs = list(message_runs(message))
    if message.get("refusal"):
        runs.append(message["refusal"])
    if not runs and not calls:
        yield f"{label}:"
    for run in runs:
        if isinstance(run, str):
            yield f"{label}: {run}"
        else:
            yield f"{label}: [{run['type'].removesuffix('_url')}]"
            yield run
    for call in calls:
        yield f"{label} calls {call['name']}: {call.get('arguments', '')}"


def message_runs(message: Message) -> Iterator[str | Part]:
    """Yields a message's texts, neighbours joined as servers join them, and its other parts."""
    content = message.get("content")
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content or ()
    for is_text, group in groupby(parts, key=lambda part: part["type"] in _TEXT_KEYS):
        if not is_text:
            yield from group
            continue
        text = "".join(part[_TEXT_KEYS[part["type"]]] for part in group)
        if message["role"] == "assistant" and _END_OF_THINKING in text:
            text = text.rpartition(_END_OF_THINKING)[2].lstrip("\n")
        if text:
            yield text


def _label(message: Message, names: Mapping[str, str]) -> str:
    role = "tool" if message["role"] in _RESULT else message["role"]
    name = message.get("name") or names.get(message.get("tool_call_id", ""), "")
    return f"{role.capitalize()} {name}".rstrip()


def _called(messages: Sequence[Message]) -> dict[str, str]:
    """Returns the tools that messages call, by the number of the call."""
    calls = (call for message in messages for call in message.get("tool_calls") or ())
    return {call["id"]: call["function"]["name"] for call in calls}


def _caller(turns: Sequence[Sequence[Message]], result: Message) -> int:
    """Returns the turn that called for a tool's result; the last one if none did."""
    wanted = result.get("tool_call_id")
    for number in reversed(range(len(turns))):
        if wanted in _called(turns[number]):
            return number
    return len(turns) - 1


def _inert_call(call: Mapping[str, Any]) -> dict[str, Any]:
    function = call["function"]
    arguments = neutralise(function.get("arguments", ""))
    return {**call, "function": {**function, "arguments": arguments}}


def _checked_role(message: Message, position: int) -> str:
    """Returns the role of a message that has the shape the API gives it.

    Raises:
        InputError: It has another.
    """
    role = message.get("role") if isinstance(message, Mapping) else None
    if role not in _ROLES:
        raise InputError(
            f"message {position} must be a mapping whose role is one of {', '.join(_ROLES)}; "
            f"got {role if isinstance(message, Mapping) else type(message).__name__!r}"
        )
    content = message.get("content")
    parts = () if content is None or isinstance(content, str) else content
    if not isinstance(parts, Sequence) or not all(map(_is_part, parts)):
        raise InputError(
            f"the content of message {position} must be a text or a list of parts with a type; "
            f"got a {type(content).__name__}"
        )
    if not all(map(_is_call, message.get("tool_calls") or ())):
        raise InputError(
            f"each of tool_calls of message {position} must have an id and a function with a name "
            "and, as text, its arguments"
        )
    return str(role)


def _is_part(part: object) -> bool:
    if not isinstance(part, Mapping) or not isinstance(part.get("type"), str):
        return False
    key = _TEXT_KEYS.get(part["type"])
    return key is None or isinstance(part.get(key), str)


def _is_call(call: object) -> bool:
    function = call.get("function") if isinstance(call, Mapping) else None
    return (
        isinstance(function, Mapping)
        and isinstance(function.get("name"), str)
        and isinstance(function.get("arguments", ""), str)
        and isinstance(call, Mapping)
        and isinstance(call.get("id"), str)
    )
