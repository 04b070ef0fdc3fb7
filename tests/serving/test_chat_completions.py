import json

import openai
import pytest
from scripted_reader import FRAME_TOKENS, PAGE_TOKENS, WINDOW, data_url, image_part, page_png, user

from glyph_shared.rendering import RenderConfig, render

QUESTION = "What is the access code of the Lisbon office?"


def test_pages_and_a_question_are_answered(call, reader, page):
    reply = call.chat(user(page, QUESTION), model="glyph-reader", max_tokens=20)
    assert reply.status == 200
    (choice,) = reply.json["choices"]
    assert choice["message"] == {"role": "assistant", "content": "4711"}
    assert choice["finish_reason"] == "stop"
    assert reader.asked == [(1, QUESTION, 20)]


def test_usage_counts_frame_pages_question_and_answer(call, page):
    usage = call.chat(user(page, page, QUESTION)).json["usage"]
    prompt = FRAME_TOKENS + 2 * (PAGE_TOKENS + 2) + len(QUESTION)
    assert usage["prompt_tokens"] == prompt
    assert usage["completion_tokens"] == len("4711") + 1  # the end of the turn is a token too
    assert usage["total_tokens"] == prompt + 5
    assert usage["prompt_tokens_details"]["multimodal_tokens"] == {"image": 2 * PAGE_TOKENS}


def test_the_reader_gets_the_pixels_of_the_pages_in_order(call, reader):
    parts = [image_part(data_url(page_png(reader.render_config, ink=ink))) for ink in (255, 0, 255)]
    assert call.chat(user(*parts, QUESTION)).status == 200
    assert reader.ink == [0.0, 1.0, 0.0]


def test_a_page_of_the_renderer_is_taken(call, reader):
    page = render("The access code of the Lisbon office is 4711.", reader.render_config)[0]
    assert call.chat(user(image_part(page.data_url()), QUESTION)).status == 200
    assert 0 < reader.ink[0] < 0.1


def test_the_last_user_message_is_the_question_and_all_pages_count(call, reader, page):
    call.chat(
        {"role": "system", "content": "Be brief."},
        user(page, "Who?"),
        {"role": "assistant", "content": "Jane."},
        user(page, "And when?"),
    )
    assert [asked[:2] for asked in reader.asked] == [(2, "And when?")]


def test_a_stream_carries_role_pieces_reason_and_end(call, page):
    *events, done = call.events(user(page, QUESTION))
    chunks = [json.loads(event) for event in events]
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    reasons = [chunk["choices"][0]["finish_reason"] for chunk in chunks]
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert [delta["content"] for delta in deltas] == ["", "4", "7", "1", "1", ""]
    assert reasons == [None] * 5 + ["stop"]
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert done == "[DONE]"


def test_a_stream_ends_with_the_usage_when_asked(call, page):
    *_, usage, done = call.events(user(page, QUESTION), stream_options={"include_usage": True})
    assert json.loads(usage)["choices"] == []
    assert json.loads(usage)["usage"]["completion_tokens"] == 5
    assert done == "[DONE]"


@pytest.mark.parametrize("top_logprobs", [None, 0, 5])
def test_logprobs_come_with_every_token(call, page, top_logprobs):
    reply = call.chat(user(page, QUESTION), logprobs=True, top_logprobs=top_logprobs)
    entries = reply.json["choices"][0]["logprobs"]["content"]
    assert [entry["token"] for entry in entries] == ["4", "7", "1", "1", ""]
    assert [entry["logprob"] for entry in entries] == [0, -0.25, -0.5, -0.75, -0.5]
    assert entries[0]["bytes"] == [ord("4")]
    assert len(entries[0]["top_logprobs"]) == (1 if top_logprobs else 0)


def test_streamed_logprobs_are_those_of_the_whole_answer(call, page):
    whole = call.chat(user(page, QUESTION), logprobs=True).json["choices"][0]["logprobs"]
    _, *pieces, _ = call.events(user(page, QUESTION), logprobs=True)
    streamed = [json.loads(piece)["choices"][0]["logprobs"]["content"] for piece in pieces]
    assert [entry for entries in streamed for entry in entries] == whole["content"]


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_an_answer_cut_at_its_limit_says_so(call, page, name):
    reply = call.chat(user(page, QUESTION), **{name: 2})
    (choice,) = reply.json["choices"]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("47", "length")


def test_max_tokens_is_clamped_to_the_rest_of_the_window(call, reader, page):
    rest = WINDOW - FRAME_TOKENS - (PAGE_TOKENS + 2) - len(QUESTION)
    call.chat(user(page, QUESTION), max_tokens=WINDOW)
    call.chat(user(page, QUESTION))
    assert [asked[2] for asked in reader.asked] == [rest, rest]


@pytest.mark.parametrize("stop", ["1", ["x", "71"]])
def test_a_stop_string_ends_the_answer(call, reader, page, stop):
    reply = call.chat(user(page, QUESTION), stop=stop)
    (choice,) = reply.json["choices"]
    assert choice["message"]["content"] == ("47" if stop == "1" else "4")
    assert choice["finish_reason"] == "stop"
    assert reader.closed.wait(5)


def test_a_request_without_pages_is_told_what_the_reader_is(call, reader):
    reply = call.chat(user("What is the capital of France?"), model="glyph-reader")
    assert reply.status == 200
    assert "reads page images" in reply.json["choices"][0]["message"]["content"]
    assert reply.json["choices"][0]["finish_reason"] == "stop"
    assert reader.asked == []


def test_the_openai_client_reads_answers_and_streams(call, page):
    with openai.OpenAI(base_url=call.base_url, api_key="unused") as client:
        messages = [user(page, QUESTION)]
        whole = client.chat.completions.create(model="glyph-reader", messages=messages)
        chunks = list(
            client.chat.completions.create(
                model="glyph-reader",
                messages=messages,
                stream=True,
                stream_options={"include_usage": True},
                temperature=0.8,
                seed=7,
            )
        )
        with pytest.raises(openai.NotFoundError, match="`gpt-4` does not exist"):
            client.chat.completions.create(model="gpt-4", messages=messages)
    assert whole.choices[0].message.content == "4711"
    assert "".join(c.choices[0].delta.content for c in chunks if c.choices) == "4711"
    assert chunks[-1].usage == whole.usage


def test_models_tell_how_to_draw_pages(call, reader):
    (entry,) = call("/v1/models").json["data"]
    assert (entry["id"], entry["max_model_len"]) == ("glyph-reader", WINDOW)
    config = RenderConfig.model_validate(entry["glyph"]["render_config"])
    assert config == reader.render_config
    assert entry["glyph"]["theta"] == [config.theta_hash]
    assert entry["glyph"]["refusal"] == "Not on these pages."
    assert entry["glyph"]["max_pages"] == reader.max_pages
    assert entry["glyph"]["combine"] == "best_supported"
    assert entry["glyph"]["text_gate"] is False
    assert entry["glyph"]["tokenizer"] == "character"


def test_tokenize_counts_chars(call):
    reply = call("/tokenize", {"model": "glyph-reader", "prompt": "Jane\nEyre"}).json
    assert reply["count"] == len(reply["tokens"]) == 9
    assert reply["max_model_len"] == WINDOW


def test_tokenize_of_messages_counts_as_the_answer_does(call, page):
    message = user(page, page, QUESTION)
    count = call("/tokenize", {"messages": [message]}).json["count"]
    assert count == call.chat(message).json["usage"]["prompt_tokens"]


def test_health_answers_without_a_body(call):
    assert call("/health").status == 200
