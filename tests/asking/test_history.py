"""The older turns of a chat become pages, and a growing chat never changes the pages it has."""

from __future__ import annotations

import copy
import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glyph_shared.asking import pages_of_history, question_and_history
from glyph_shared.asking.history import closed_chunks
from glyph_shared.errors import ConfigError, InputError, OverLengthError
from glyph_shared.planning import PAGE_MARKS
from glyph_shared.rendering import PageStore, RenderConfig, Renderer, render

SMALL = RenderConfig(page_size=(560, 280))
IMAGE = {
    "type": "image_url",
    "image_url": {"url": render("A picture.", SMALL)[0].data_url()},
}
CALL = {
    "id": "call-1",
    "type": "function",
    "function": {"name": "get_weather", "arguments": '{"city": "Lisbon <|user|>"}'},
}


class Words:
    """Counts words, so that a test can do the sums."""

    name = "words"

    def count(self, text):
        return len(text.split())


def user(text):
    return {"role": "user", "content": text}


def assistant(text, **more):
    return {"role": "assistant", "content": text, **more}


def result(text, call="call-1"):
    return {"role": "tool", "tool_call_id": call, "content": text}


def chat(turns, words=20):
    """A chat of so many turns, the user's and the assistant's by turns, a few words each."""
    says = (f"Turn {number} says " + "more and more " * (words // 3) for number in range(turns))
    return [(user, assistant)[number % 2](text) for number, text in enumerate(says)]


def paged(messages, **options):
    options = {"config": SMALL, "counter": Words(), "threshold_tokens": 100, **options}
    return pages_of_history(messages, **options)


def flat(messages):
    """All parts of a request in order, each with the role that says it."""
    return [(message["role"], part) for message in messages for part in message["content"] or ()]


def image_urls(messages):
    return [p["image_url"]["url"] for _, p in flat(messages) if p["type"] == "image_url"]


def texts(messages):
    return [part["text"] for _, part in flat(messages) if part["type"] == "text"]


def drawn(made):
    return "".join(line for page in made.pages for line in page.line_texts)


def test_a_short_chat_stays_text():
    messages = [{"role": "system", "content": "Be brief."}, *chat(7)]
    made = paged(messages, threshold_tokens=1000)
    assert (made.pages, made.turns_drawn, made.turns_kept) == ((), 0, 7)
    assert [message["role"] for message in made.messages] == [m["role"] for m in messages]
    assert texts(made.messages) == [message["content"] for message in messages]


def test_older_turns_are_drawn_once_their_sum_passes_the_threshold():
    messages = chat(9)
    sizes = [1 + len(message["content"].split()) for message in messages]
    before = paged(messages, threshold_tokens=sum(sizes[:5]) + 1)
    assert before.turns_drawn == 0
    made = paged(messages, threshold_tokens=sum(sizes[:5]))
    assert (made.turns_drawn, made.turns_kept) == (5, 4)
    assert made.drawn_text_tokens == sum(sizes[:5])
    assert "User: Turn 0 says" in drawn(made)
    assert "Assistant: Turn 3 says" in drawn(made)
    assert "Turn 5" not in drawn(made)
    assert texts(made.messages)[1:] == [message["content"] for message in messages[5:]]


@given(st.lists(st.integers(0, 50), max_size=60), st.integers(1, 90), st.integers(1, 6))
@settings(max_examples=100, deadline=None)
def test_chunks_of_a_longer_chat_begin_with_those_of_a_shorter_one(sizes, threshold, keep):
    chunks = closed_chunks(sizes, threshold, keep)
    for length in range(len(sizes)):
        shorter = closed_chunks(sizes[:length], threshold, keep)
        assert chunks[: len(shorter)] == shorter
    stop = chunks[-1][1] if chunks else 0
    older = sizes[stop : max(stop, len(sizes) - keep)]
    assert sum(older) < threshold
    assert len(sizes) - stop >= min(keep, len(sizes))


def test_adding_a_turn_leaves_the_pages_before_it_byte_identical():
    messages, before, moves = chat(61), None, 0
    for length in range(1, len(messages) + 1):
        made = paged(messages[:length])
        if before is not None:
            old, new = image_urls(before.messages), image_urls(made.messages)
            assert new[: len(old)] == old
            moves += len(new) > len(old)
            if len(new) == len(old):
                # All of the request before is the beginning of this one.
                assert flat(made.messages)[:-1] == flat(before.messages)
        before = made
    assert len(before.pages) > 10
    # 22 words a turn: every fifth turn brings a chunk to 100.
    assert moves == before.turns_drawn // 5 == 11


def test_a_turn_that_is_added_draws_only_new_pages(tmp_path, monkeypatch):
    store, messages, pages = PageStore(tmp_path / "pages"), chat(41), []
    draw = Renderer._draw
    monkeypatch.setattr(Renderer, "_draw", lambda *given: pages.append(0) or draw(*given))
    whole = paged(messages[:-6], store=store)
    assert len(pages) == len(whole.pages)
    grown = paged(messages, store=store)
    assert len(grown.pages) > len(whole.pages)
    assert len(pages) == len(grown.pages)


def test_pages_stand_at_the_head_of_the_first_user_message_that_stays_text():
    made = paged(chat(21), keep_last=1, threshold_tokens=20)
    [only] = made.messages
    *images, note, question = only["content"]
    assert [part["type"] for part in images] == ["image_url"] * len(made.pages)
    assert [part["uuid"] for part in images] == [page.digest for page in made.pages]
    assert "earlier turns of this conversation" in note["text"]
    assert question["text"].startswith("Turn 20")


@pytest.mark.parametrize("keep_last", [1, 2, 3, 4, 5])
def test_roles_alternate_wherever_the_text_begins(keep_last):
    made = paged(chat(21), keep_last=keep_last, threshold_tokens=20)
    roles = [message["role"] for message in made.messages]
    assert roles[0] == "user"
    assert all(one != other for one, other in pairwise(roles))
    assert made.messages[0]["content"][0]["type"] == "image_url"


def test_system_messages_stay_text_at_the_start():
    messages = [{"role": "system", "content": "Be brief."}, *chat(21)]
    messages.insert(5, {"role": "developer", "content": "Be kind."})
    made = paged(messages)
    assert [message["role"] for message in made.messages[:3]] == ["system", "developer", "user"]
    assert "Be kind." not in drawn(made)
    assert "Turn 4 says" in drawn(made)


@pytest.mark.parametrize("keep_last", range(1, 9))
def test_a_tools_result_is_never_apart_from_its_call(keep_last):
    called = [assistant(None, tool_calls=[CALL]), result("Rain."), result("Wind.")]
    messages = [*chat(4), user("And now?"), *called, assistant("It rains."), *chat(4)]
    made = paged(messages, keep_last=keep_last, threshold_tokens=20)
    roles = [message["role"] for message in made.messages]
    is_drawn = "calls get_weather" in drawn(made)
    assert roles.count("tool") == (0 if is_drawn else 2)
    assert sum("tool_calls" in message for message in made.messages) == (0 if is_drawn else 1)
    assert ("Tool get_weather: Wind." in drawn(made)) == is_drawn


def test_a_result_that_comes_late_keeps_all_since_its_call_together():
    late = [assistant("Asking.", tool_calls=[CALL]), user("Well?"), result("Rain.")]
    made = paged([*chat(4), *late, *chat(2)], keep_last=3, threshold_tokens=20)
    assert made.turns_drawn == 4
    assert [message["role"] for message in made.messages[-5:-2]] == ["assistant", "user", "tool"]


def test_images_of_older_turns_stay_images_in_their_place():
    messages = chat(21)
    seen = [{"type": "text", "text": "Before it."}, IMAGE, {"type": "text", "text": "Behind it."}]
    messages[2] = {"role": "user", "content": seen}
    made = paged(messages)
    urls = image_urls(made.messages)
    own = urls.index(IMAGE["image_url"]["url"])
    assert urls[:own] + urls[own + 1 :] == [page.data_url() for page in made.pages]
    before = "".join("".join(page.line_texts) for page in made.pages[:own])
    assert before.rstrip(" \\n").endswith("User: [image]")
    assert "Behind it." in "".join(made.pages[own].line_texts)
    cost = render("A picture.", SMALL)[0].visual_tokens + PAGE_MARKS
    pages = sum(page.visual_tokens + PAGE_MARKS for page in made.pages)
    assert (made.images, made.visual_tokens) == (1, pages + cost)


def test_control_tokens_are_literal_on_pages_and_neutralised_in_text():
    messages = [user("Old <|image|>"), *chat(6), user("New <|image|>")]
    calling = assistant(None, tool_calls=[CALL])
    made = paged([*messages, calling, result("[gMASK]")], threshold_tokens=20)
    assert "Old <|image|>" in drawn(made)
    assert "New ‹|image|›" in texts(made.messages)
    sent = json.dumps(made.messages[-2:], ensure_ascii=False)
    assert "Lisbon ‹|user|›" in sent
    assert "⟦gMASK⟧" in sent


def test_earlier_thinking_is_neither_drawn_nor_sent():
    thought = "<think>Hm, the secret.</think>\n<answer>Yes.</answer>"
    made = paged([user("So?"), assistant(thought), *chat(6), user("So?"), assistant(thought)])
    made_short = paged(
        [user("So?"), assistant(thought), *chat(12), user("So?"), assistant(thought)],
        threshold_tokens=50,
    )
    for one in (made, made_short):
        assert "secret" not in drawn(one) + "".join(texts(one.messages))
    assert "Assistant: <answer>Yes.</answer>" in drawn(made_short)
    assert texts(made.messages)[-1] == "‹answer›Yes.‹/answer›"


def test_turns_that_are_drawn_together_have_the_look_of_their_kind():
    code = "def day(number):\n    return {number: True}\n" * 30
    messages = [user(code), assistant(code), *chat(20)]
    made = paged(messages, config="auto")
    hashes = [page.theta_hash for page in made.pages]
    assert hashes[0] == RenderConfig.preset("code").theta_hash
    assert hashes[-1] == RenderConfig.preset("en").theta_hash


def test_exact_strings_of_drawn_turns_go_along_as_text():
    code = "5f0c6d1e-8a57-4f0e-9d0c-2b7c0a1d9e42"
    messages = [user(f"The code is {code}."), *chat(21)]
    made = paged(messages)
    assert code in made.sidecar.text
    assert any(code in text for text in texts(made.messages))
    assert not any(code in text for text in texts(paged(messages, exact_text_tokens=0).messages))


def test_the_messages_given_are_not_changed():
    messages = [{"role": "system", "content": "Be brief."}, *chat(21), assistant("x")]
    given = copy.deepcopy(messages)
    paged(messages)
    assert messages == given


def test_a_chat_beyond_the_window_is_refused_with_its_numbers():
    messages = chat(41)
    whole = paged(messages)
    fits = whole.prompt_tokens + 50
    assert paged(messages, window=fits, max_tokens=50).pages
    with pytest.raises(OverLengthError) as caught:
        paged(messages, window=fits - 1, max_tokens=50)
    assert (caught.value.needed, caught.value.limit) == (fits - 50, fits - 51)
    for said in (whole.visual_tokens, whole.kept_text_tokens, whole.drawn_text_tokens, fits - 1):
        assert f"{said:,}" in str(caught.value)
    with pytest.raises(OverLengthError, match="max_pages=2"):
        paged(messages, max_pages=2)


def test_every_char_of_the_older_turns_is_on_a_page():
    made = paged(chat(41))
    last = 0
    for start, stop in made.page_spans:
        assert not made.text[last:start].strip()
        last = stop
    assert not made.text[last:].strip()
    assert [
        number for number in range(made.turns_drawn) if f"Turn {number} " not in made.text
    ] == []


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        ([], "needs a message of the user"),
        ([{"role": "system", "content": "x"}], "needs a message of the user"),
        ([{"role": "robot", "content": "x"}], "robot"),
        (["x"], "message 0 must be a mapping"),
        ([user("x"), user(3)], "content of message 1"),
        ([user(["x"])], "parts with a type"),
        ([user([{"type": "text"}])], "parts with a type"),
        ([assistant("x", tool_calls=[{"id": "1"}])], "tool_calls of message 0"),
    ],
)
def test_what_is_no_chat_is_refused(messages, message):
    with pytest.raises(InputError, match=message):
        paged(messages)


@pytest.mark.parametrize("name", ["threshold_tokens", "keep_last"])
@pytest.mark.parametrize("value", [0, -1, 1.5, True, None])
def test_impossible_limits_are_refused(name, value):
    with pytest.raises(ConfigError, match=name):
        paged(chat(3), **{name: value})


def test_question_and_history_are_the_last_user_message_and_all_else():
    messages = [{"role": "system", "content": "Be brief."}, *chat(2), user("Who?")]
    question, history = question_and_history(messages)
    assert question == "Who?"
    assert history.startswith("User: Turn 0 says")
    assert "Assistant: Turn 1 says" in history
    assert question_and_history([user("Who?")]) == ("Who?", "")


@pytest.mark.parametrize("messages", [[assistant("x")], [user(" ")], [user([IMAGE]), user("So?")]])
def test_there_is_no_question_in_images_or_in_an_answer(messages):
    with pytest.raises(InputError, match=r"question|image_url|is empty"):
        question_and_history(messages)


def test_what_stands_before_a_question_in_its_message_is_history():
    asked = user("The code is 4711.\n\nWhat is the code?")
    assert question_and_history([asked]) == ("What is the code?", "The code is 4711.")


@pytest.mark.fault(1)
@pytest.mark.parametrize("content", ["", " \n", None, [], [{"type": "text", "text": ""}]])
def test_a_last_message_that_says_nothing_is_refused(content):
    with pytest.raises(InputError, match="last message of the chat is empty"):
        paged([*chat(4), user(content)])
    assert paged([*chat(4), user([{"type": "text", "text": ""}, IMAGE])]).images == 1
