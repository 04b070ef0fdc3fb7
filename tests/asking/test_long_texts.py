from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glyph_shared.asking import pages_of_history
from glyph_shared.asking.long_texts import EDGE_TOKENS, middle
from glyph_shared.errors import ConfigError
from glyph_shared.planning import EstimateCounter
from glyph_shared.rendering import RenderConfig, render

SMALL = RenderConfig(page_size=(300, 200))


class WordCounter:
    """A word is a token."""

    name = "words"

    def count(self, text):
        return len(text.split())


def lines(count, word="word"):
    return "".join(f"{word} {number} ends here\n" for number in range(count))


def paged(messages, **options):
    options = {"config": SMALL, "counter": WordCounter(), "long_text_tokens": 1000, **options}
    return pages_of_history(messages, **options)


def shape(messages):
    return [(one["role"], [part["type"] for part in one["content"]]) for one in messages]


def test_a_long_text_goes_on_pages_but_for_its_ends():
    made = paged([{"role": "user", "content": "Read this.\n" + lines(500) + "Who was it?"}])
    [message] = made.messages
    *pages, text = message["content"]
    assert [part["uuid"] for part in pages] == [page.digest for page in made.pages]
    assert text["text"].startswith("Read this.\nword 0 ends here\n")
    assert text["text"].endswith("word 499 ends here\nWho was it?")
    assert len(text["text"].split()) < 2 * EDGE_TOKENS + 20
    assert made.turns_drawn == 0
    assert made.long_text_tokens > 1700


def test_what_is_drawn_and_what_stays_tile_the_text():
    text = "Read this.\n" + lines(500) + "Who was it?"
    start, stop = middle(text, WordCounter(), 1000)
    assert paged([{"role": "user", "content": text}]).text.strip() == text[start:stop].strip()
    assert 0 < start < stop < len(text)


@given(st.text(alphabet="ab \n", max_size=400))
@settings(deadline=None)
def test_only_texts_that_are_long_enough_are_divided(text):
    counter = EstimateCounter()
    start, stop = middle(text, counter, 40)
    assert 0 <= start <= stop <= len(text)
    assert (start < stop) == (counter.count(text) >= 40 and bool(text.strip()))


def test_a_short_text_stays_text():
    message = {"role": "user", "content": lines(200)}
    made = paged([message])
    assert made.messages == [{"role": "user", "content": [{"type": "text", "text": lines(200)}]}]
    assert (made.pages, made.long_text_tokens) == ((), 0)


def test_a_text_of_one_line_is_drawn_whole():
    made = paged([{"role": "user", "content": "word " * 2000}])
    assert made.text.split() == ["word"] * 2000
    assert made.messages[0]["content"][-1]["text"].strip() == (
        "[What stands here is on the images above.]"
    )


@pytest.mark.parametrize("role", ["system", "tool"])
def test_an_image_of_another_role_is_shown_in_the_next_message_of_the_user(role):
    image = {"type": "image_url", "image_url": {"url": render("Look!", SMALL)[0].data_url()}}
    system = {"role": role, "content": [{"type": "text", "text": "Look:"}, image]}
    made = paged([system, {"role": "user", "content": "What is it?"}])
    first, second = made.messages
    assert [part["type"] for part in first["content"]] == ["text"]
    assert first["content"][0]["text"].startswith("Look:")
    assert [part["type"] for part in second["content"]] == ["image_url", "text"]
    assert made.images == 1
    assert made.visual_tokens > 0


def test_pages_of_a_system_message_stand_in_the_users():
    made = paged(
        [{"role": "system", "content": lines(500)}, {"role": "user", "content": "Who was it?"}]
    )
    (role, system), (asked, parts) = shape(made.messages)
    assert (role, system, asked) == ("system", ["text"], "user")
    assert parts == ["image_url"] * len(made.pages) + ["text"]
    assert "on images in the next user message" in made.messages[0]["content"][0]["text"]


def test_pages_of_a_tools_result_stand_behind_all_results():
    call = {"id": "1", "type": "function", "function": {"name": "read", "arguments": "{}"}}
    other = {**call, "id": "2"}
    made = paged(
        [
            {"role": "user", "content": "Read them."},
            {"role": "assistant", "content": None, "tool_calls": [call, other]},
            {"role": "tool", "tool_call_id": "1", "content": lines(500)},
            {"role": "tool", "tool_call_id": "2", "content": "Nothing."},
        ]
    )
    assert [one["role"] for one in made.messages] == ["user", "assistant", "tool", "tool", "user"]
    assert shape(made.messages[-1:]) == [("user", ["image_url"] * len(made.pages) + ["text"])]


def test_pages_of_a_result_come_before_what_the_assistant_says_to_it():
    call = {"id": "1", "type": "function", "function": {"name": "read", "arguments": "{}"}}
    made = paged(
        [
            {"role": "user", "content": "Read it."},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "1", "content": lines(500)},
            {"role": "assistant", "content": "I read it."},
            {"role": "user", "content": "And?"},
        ]
    )
    roles = [one["role"] for one in made.messages]
    assert roles == ["user", "assistant", "tool", "user", "assistant", "user"]


def test_exact_strings_stand_between_the_pages_and_the_text():
    code = "5f0c6d1e-8a57-4f0e-9d0c-2b7c0a1d9e42"
    text = lines(250) + f"The code is {code}.\n" + lines(250) + "Which code?"
    made = paged([{"role": "user", "content": text}])
    *pages, strings, rest = made.messages[0]["content"]
    assert {part["type"] for part in pages} == {"image_url"}
    assert code in strings["text"]
    assert code not in rest["text"]


def test_older_turns_come_before_the_pages_of_a_long_text():
    turns = [
        {"role": role, "content": f"{role} {number} says a few words more"}
        for number in range(20)
        for role in ("user", "assistant")
    ]
    made = paged(
        [*turns, {"role": "user", "content": lines(500)}], threshold_tokens=100, keep_last=1
    )
    assert made.turns_drawn > 10
    last = made.messages[-1]
    own = [part["uuid"] for part in last["content"] if part["type"] == "image_url"]
    everywhere = [
        part["uuid"]
        for message in made.messages
        for part in message["content"]
        if part["type"] == "image_url"
    ]
    assert everywhere == [page.digest for page in made.pages]
    assert everywhere[-len(own) :] == own
    assert len(made.text) == made.page_spans[-1][1] + len("\n\n")


@pytest.mark.parametrize("value", [0, -1, True, 1.5, "many"])
def test_a_limit_that_is_no_count_is_refused(value):
    with pytest.raises(ConfigError, match="long_text_tokens must be a whole number"):
        paged([{"role": "user", "content": "Hello"}], long_text_tokens=value)
