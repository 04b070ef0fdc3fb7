"""A scripted model that does what a request asks for: calls tools, fills schemas, else says hello.

Its arguments and values are made from the schema, and from what stands in quotes in the question.
"""

from __future__ import annotations

import json
import re
from typing import Any

from tests.scripted_server import Scripted, as_json, streamed

USAGE = {"prompt_tokens": 900, "completion_tokens": 3, "total_tokens": 903}


def oblige(request: dict[str, Any]) -> Scripted:
    message = _message(request)
    finish_reason = "tool_calls" if "tool_calls" in message else "stop"
    if not request.get("stream"):
        choice = {"index": 0, "message": message, "finish_reason": finish_reason}
        return as_json({"id": "1", "model": request["model"], "choices": [choice], "usage": USAGE})
    head = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": request["model"]}
    chunks = [{**head, "choices": [{"index": 0, "delta": one}]} for one in _deltas(message)]
    return streamed(*chunks, finish_reason=finish_reason, usage=USAGE, model=request["model"])


def _message(request: dict[str, Any]) -> dict[str, Any]:
    said = json.dumps(request["messages"][-1]["content"], ensure_ascii=False)
    quoted = re.search(r"'(.+?)'", said)
    word = quoted[1] if quoted else "word"
    described = request.get("response_format")
    if described is not None:
        schema = described.get("json_schema", {}).get("schema") or _JOKE
        return _answer(json.dumps(_value(schema, schema, word), ensure_ascii=False))
    tools = [tool["function"] for tool in request.get("tools") or ()]
    done = any(message["role"] == "tool" for message in request["messages"])
    if not tools or done or request.get("tool_choice") == "none":
        return _answer("Hello there, what is it?")
    wanted = request.get("tool_choice")
    name = wanted["function"]["name"] if isinstance(wanted, dict) else tools[0]["name"]
    [tool] = [tool for tool in tools if tool["name"] == name]
    arguments = json.dumps(_value(tool["parameters"], tool["parameters"], word))
    call = {"id": "c1", "type": "function", "function": {"name": name, "arguments": arguments}}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


_JOKE = {"type": "object", "properties": {"setup": {}, "punchline": {}}}


def _answer(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def _deltas(message: dict[str, Any]) -> list[dict[str, Any]]:
    if "tool_calls" not in message:
        text = message["content"]
        return [{"content": text[:5]}, {"content": text[5:]}]
    [call] = message["tool_calls"]
    arguments = call["function"]["arguments"]
    first = {**call, "index": 0, "function": {**call["function"], "arguments": arguments[:3]}}
    rest = {"index": 0, "function": {"arguments": arguments[3:]}}
    return [{"tool_calls": [first]}, {"tool_calls": [rest]}]


def _value(schema: dict[str, Any], root: dict[str, Any], word: str) -> Any:
    if "$ref" in schema:
        return _value(root["$defs"][schema["$ref"].rpartition("/")[2]], root, word)
    if "anyOf" in schema:
        return _value(schema["anyOf"][0], root, word)
    kind = schema.get("type", "string")
    if kind == "object":
        properties = schema.get("properties", {})
        return {name: _value(one, root, word) for name, one in properties.items()}
    if kind == "array":
        return [_value(schema["items"], root, word)]
    return {"integer": 3, "number": 3.5, "boolean": True, "null": None}.get(kind, word)
