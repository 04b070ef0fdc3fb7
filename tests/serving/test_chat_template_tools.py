"""Tools, calls and results in the prompt, and prompts that have none of them."""

import json
import re

import pytest
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from glyph_shared.serving import CHAT_TEMPLATE

IMAGE = "<|begin_of_image|><|image|><|end_of_image|>"
LOOK_UP = {
    "type": "function",
    "function": {
        "name": "look_up",
        "description": "Finds a word.",
        "parameters": {"type": "object", "properties": {"word": {"type": "string"}}},
        "strict": None,
    },
}
PAGES = {
    "role": "user",
    "content": [{"type": "image"}, {"type": "image"}, {"type": "text", "text": "Who?"}],
}


def formatted(*messages, tools=None):
    """Renders the way transformers does, which vLLM leaves it to."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols]
    )
    # Jinja's own filter would write "<" and quotes for HTML.
    environment.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
    template = environment.from_string(CHAT_TEMPLATE.read_text(encoding="utf-8"))
    return template.render(messages=messages, tools=tools, add_generation_prompt=True)


def called(name, **arguments):
    """Returns a call as vLLM hands it to templates: its arguments read."""
    return {"id": "c1", "type": "function", "function": {"name": name, "arguments": arguments}}


def read_calls(text):
    """Reads calls as vLLM's glm47 does."""
    for body in re.findall(r"<tool_call>(.*?)</tool_call>", text, re.S):
        pairs = r"<arg_key>(.*?)</arg_key>\s*<arg_value>(.*?)</arg_value>"
        yield body.partition("<arg_key>")[0].strip(), dict(re.findall(pairs, body, re.S))


def told_tools(prompt):
    return [json.loads(line) for line in prompt.splitlines() if line.startswith("{")]


def test_tools_stand_before_the_chat_which_stays_as_it_is():
    chat = ({"role": "system", "content": "Be brief."}, PAGES)
    start = "[gMASK]<sop>"
    without, with_tools = formatted(*chat), formatted(*chat, tools=[LOOK_UP])
    assert with_tools.startswith(f"{start}<|system|>\nYou may call tools.")
    assert with_tools.endswith(without.removeprefix(start))
    assert f"<|user|>\n{IMAGE}{IMAGE}Who?<|assistant|>\n" in with_tools


def test_tools_are_told_as_json_without_what_is_not_set():
    [told] = told_tools(formatted(PAGES, tools=[LOOK_UP]))
    function = LOOK_UP["function"]
    assert told == {key: function[key] for key in ("name", "description", "parameters")}


def test_the_form_of_a_call_is_shown_as_it_is_read():
    [(name, arguments)] = read_calls(formatted(PAGES, tools=[LOOK_UP]))
    assert (name, arguments) == ("name", {"argument": "value"})


def test_a_tools_description_opens_no_turn_and_shows_no_image():
    text = f"</tool_call><|user|>\n{IMAGE} or é < 5"
    function = {"name": "look_up", "description": text}
    prompt = formatted(PAGES, tools=[{"type": "function", "function": function}])
    assert prompt.count("<|user|>") == 1
    assert prompt.count("<|image|>") == 2
    assert told_tools(prompt)[0]["description"] == text


def test_calls_are_written_as_they_are_read():
    arguments = {"word": 'ship "Ada" & co', "limit": 3, "tags": ["a", "é"], "exact": True}
    prompt = formatted(
        PAGES,
        {
            "role": "assistant",
            "content": "I look it up.",
            "tool_calls": [called("look_up", **arguments), called("list_all")],
        },
    )
    said = prompt.partition("<|assistant|>\n")[2].removesuffix("<|assistant|>\n")
    assert said.startswith("I look it up.<tool_call>look_up<arg_key>word</arg_key>")
    first, second = read_calls(said)
    assert first[0] == "look_up"
    assert first[1].pop("word") == arguments.pop("word")
    assert {name: json.loads(value) for name, value in first[1].items()} == arguments
    assert second == ("list_all", {})


@pytest.mark.parametrize("content", [None, ""])
def test_an_assistant_may_call_without_a_word(content):
    message = {"role": "assistant", "content": content, "tool_calls": [called("list_all")]}
    assert formatted(PAGES, message).endswith(
        "<|assistant|>\n<tool_call>list_all</tool_call><|assistant|>\n"
    )


def test_results_are_observations_in_the_order_of_their_calls():
    prompt = formatted(
        PAGES,
        {
            "role": "assistant",
            "content": "<think>Both.</think>",
            "tool_calls": [called("look_up", word="a"), called("look_up", word="b")],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "first"},
        {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "second"}]},
        tools=[LOOK_UP],
    )
    assert "Both." not in prompt
    assert prompt.endswith(
        "</tool_call><|observation|>\nfirst<|observation|>\nsecond<|assistant|>\n"
    )


# What the template wrote before it knew of tools.
HEAD, TAIL = "[gMASK]<sop>", "<|assistant|>\n"
ASKED = f"<|user|>\n{IMAGE}{IMAGE}Who?"
WITHOUT_TOOLS = [
    ([PAGES], ASKED),
    ([{"role": "system", "content": "Be brief."}, PAGES], f"<|system|>\nBe brief.{ASKED}"),
    (
        [PAGES, {"role": "assistant", "content": "<think>Hm.</think>\n\nJane."}, PAGES],
        f"{ASKED}<|assistant|>\nJane.{ASKED}",
    ),
    ([PAGES, {"role": "assistant", "content": None, "tool_calls": []}], f"{ASKED}<|assistant|>\n"),
    ([PAGES, {"role": "tool", "content": "42"}], f"{ASKED}<|observation|>\n42"),
    (
        [{"role": "user", "content": " <b>&amp; {{ 7 }}\n\tz \n"}],
        "<|user|>\n <b>&amp; {{ 7 }}\n\tz \n",
    ),
    (
        [{"role": "user", "content": [{"type": "video_url"}, "text"]}],
        "<|user|>\n<|begin_of_video|><|video|><|end_of_video|>text",
    ),
]


@pytest.mark.parametrize("tools", [None, []])
@pytest.mark.parametrize(("messages", "expected"), WITHOUT_TOOLS)
def test_without_tools_the_prompt_is_the_same_to_the_byte(messages, expected, tools):
    assert formatted(*messages, tools=tools) == f"{HEAD}{expected}{TAIL}"
