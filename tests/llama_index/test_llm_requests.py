"""What a request has in it, and what a response tells."""

from __future__ import annotations

import asyncio
import base64
import json

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel
from ways import WAYS, ask, text_of

from glyph_shared import RenderConfig, render
from glyph_shared.asking import Sampling
from glyph_shared.rendering import png_theta_hash
from llama_index_glyph import GlyphLLM
from tests.scripted_server import ScriptedServer, answer, as_json, streamed

STORY = "The ship had left the harbour at dawn, and nobody on the quay spoke of it.\n"
LONG = STORY * 400
SHORT = STORY * 3


def parts(request, kind=None):
    found = [
        part
        for message in request["messages"]
        for part in message["content"] or ()
        if not isinstance(part, str)
    ]
    return [part for part in found if kind is None or part["type"] == kind]


def images(request):
    return parts(request, "image_url")


def texts(request):
    return "".join(part["text"] for part in parts(request, "text"))


def user(*blocks):
    return ChatMessage(role="user", blocks=[*blocks])


def calling(name, **arguments):
    """A reply that calls a tool."""
    function = {"name": name, "arguments": json.dumps(arguments)}
    call = {"id": "call-1", "type": "function", "function": function}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    return as_json({"id": "1", "model": "scripted", "choices": [choice]})


def streamed_call(name, **arguments):
    """The same in chunks: the arguments come in two pieces."""
    whole = json.dumps(arguments)
    head = {"index": 0, "id": "call-1", "type": "function"}
    pieces = ({"name": name, "arguments": whole[:4]}, {"arguments": whole[4:]})
    chunks = [
        {"choices": [{"index": 0, "delta": {"tool_calls": [call]}}], "model": "scripted"}
        for call in ({**head, "function": pieces[0]}, {"index": 0, "function": pieces[1]})
    ]
    return streamed(
        *({"id": "1", "object": "chat.completion.chunk", "created": 0, **one} for one in chunks),
        finish_reason="tool_calls",
    )


@pytest.fixture
def server():
    with ScriptedServer() as running:
        yield running


# ---- what is drawn ----


def test_a_short_text_stays_text(server):
    response = GlyphLLM(server.base_url).complete(SHORT)
    assert parts(server.requests[0]) == [{"type": "text", "text": SHORT}]
    assert response.additional_kwargs["pages"] == 0
    assert "compression_ratio" not in response.additional_kwargs


def test_no_text_is_drawn_where_that_is_switched_off(server):
    llm = GlyphLLM(server.base_url, draws_pages=False)
    llm.chat([ChatMessage(role=role, content=LONG) for role in ("user", "assistant", "user") * 4])
    assert not images(server.requests[0])
    assert texts(server.requests[0]) == LONG * 12


def test_what_counts_as_long_may_be_said(server):
    GlyphLLM(server.base_url, long_text_tokens=20).complete(f"{STORY * 20}Who?")
    assert len(images(server.requests[0])) == 1


def test_the_older_turns_of_a_long_chat_are_drawn(server):
    said = [ChatMessage(role=role, content=STORY * 12) for role in ("user", "assistant") * 6]
    messages = [
        ChatMessage(role="system", content="Be brief."),
        *said,
        user(TextBlock(text="Who?")),
    ]
    GlyphLLM(server.base_url, threshold_tokens=400, keep_last=3).chat(messages)
    [request] = server.requests
    assert request["messages"][0]["role"] == "system"
    assert images(request)
    assert texts(request).count(STORY) == 24


def test_pages_are_drawn_as_the_llm_is_told_to(server):
    code = RenderConfig.preset("code")
    GlyphLLM(server.base_url, config=code).complete(LONG)
    png = base64.b64decode(images(server.requests[0])[0]["image_url"]["url"].partition(",")[2])
    assert png_theta_hash(png) == code.theta_hash


def test_exact_strings_of_the_pages_go_along_as_text(server):
    number = "8b0f5e3a-1d2c-4f6b-9a7e-0c1d2e3f4a5b"
    response = GlyphLLM(server.base_url).complete(f"{LONG}{number}\n{LONG}Who?")
    assert number in texts(server.requests[0])
    assert response.additional_kwargs["exact_text_tokens"] > 10
    GlyphLLM(server.base_url, exact_text_tokens=0).complete(f"{LONG}{number}\n{LONG}Who?")
    assert number not in texts(server.requests[1])


def test_the_next_question_on_a_text_repeats_the_pages_byte_for_byte(server):
    llm = GlyphLLM(server.base_url)
    said = [ChatMessage(role="user", content=LONG), ChatMessage(role="assistant", content="I see.")]
    for question in ("Who?", "Where?"):
        llm.chat([*said, ChatMessage(role="user", content=question)])
    first, second = (request["messages"] for request in server.requests)
    assert images(server.requests[0])
    assert first[:-1] == second[:-1]


# ---- images ----


def test_an_image_goes_as_it_is(server, tmp_path):
    page = render(SHORT)[0]
    (tmp_path / "page.png").write_bytes(page.png)
    blocks = (ImageBlock(image=page.png), ImageBlock(path=tmp_path / "page.png"))
    GlyphLLM(server.base_url).chat([user(*blocks, TextBlock(text="What is it?"))])
    urls = [part["image_url"]["url"] for part in images(server.requests[0])]
    assert urls == [page.data_url()] * 2


def test_the_image_of_a_system_message_reaches_the_model_in_the_users(server):
    image = ImageBlock(image=render(SHORT)[0].png)
    system = ChatMessage(role="system", blocks=[TextBlock(text="Look:"), image])
    GlyphLLM(server.base_url).chat([system, ChatMessage(role="user", content="What is it?")])
    first, second = server.requests[0]["messages"]
    assert first["content"] == [{"type": "text", "text": "Look:"}]
    assert [part["type"] for part in second["content"]] == ["image_url", "text"]


def test_the_image_of_a_tool_reaches_the_model_behind_its_message(server):
    image = ImageBlock(image=render(SHORT)[0].png)
    call = {"id": "a", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    messages = [
        ChatMessage(role="user", content="Look!"),
        ChatMessage(role="assistant", content="", additional_kwargs={"tool_calls": [call]}),
        ChatMessage(role="tool", blocks=[image], additional_kwargs={"tool_call_id": "a"}),
    ]
    GlyphLLM(server.base_url).chat(messages)
    sent = server.requests[0]["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "tool", "user"]
    assert [part["type"] for part in sent[-1]["content"]] == ["image_url"]


# ---- the fields of a request ----


def test_tokens_are_chosen_as_published(server):
    GlyphLLM(server.base_url).complete("Is it?")
    published = Sampling().payload()
    expected = {**published, **published.pop("extra_body")}
    del expected["extra_body"]
    [request] = server.requests
    assert {name: request[name] for name in expected} == expected
    assert request["model"] == "scripted"


def test_settings_and_then_the_call_go_before_that(server):
    more = {"top_p": 0.5, "extra_body": {"top_k": 7, "min_p": 0.1}}
    llm = GlyphLLM(
        server.base_url, model="mine", temperature=0.3, max_tokens=50, additional_kwargs=more
    )
    llm.complete("Is it?")
    llm.complete("Is it?", temperature=0.9, max_tokens=9, extra_body={"top_k": 3})
    first, second = server.requests
    names = ("model", "temperature", "max_tokens", "top_p", "top_k", "min_p")
    assert [first[name] for name in names] == ["mine", 0.3, 50, 0.5, 7, 0.1]
    assert [second[name] for name in names] == ["mine", 0.9, 9, 0.5, 3, 0.1]


def test_the_ground_client_is_set_as_the_llm_is(server):
    llm = GlyphLLM(server.base_url, temperature=0.3, max_tokens=50, exact_text_tokens=0)
    options = llm.ask_options()
    llm.pages_client().ask("Is it?", SHORT, **options)
    request = server.requests[0]
    assert (request["temperature"], request["max_tokens"]) == (0.3, 50)
    assert llm.pages_client() is llm.pages_client()
    llm.temperature = 0.7
    asyncio.run(llm.async_pages_client().ask("Is it?", SHORT, **llm.ask_options()))
    assert server.requests[1]["temperature"] == 0.7


def test_the_window_is_what_the_server_says_unless_it_is_told():
    models = as_json({"data": [{"id": "scripted", "max_model_len": 32_768}]})
    with ScriptedServer(models=models) as server:
        llm = GlyphLLM(server.base_url)
        assert (llm.metadata.context_window, llm.metadata.num_output) == (32_768, 4096)
        assert llm.metadata.model_name == "scripted"
        assert server.model_calls == 1
        llm.complete("Is it?")
        assert server.requests[0]["max_tokens"] == 4096
        for said, window in ((9000, 9000), (99_000, 32_768)):
            llm = GlyphLLM(server.base_url, context_window=said)
            assert llm.metadata.context_window == window


def test_a_server_that_is_away_is_asked_for_its_window_again():
    with ScriptedServer() as server:
        url = server.base_url
    llm = GlyphLLM(url)
    assert (llm.metadata.context_window, llm.metadata.model_name) == (131_072, "")
    models = as_json({"data": [{"id": "scripted", "max_model_len": 32_768}]})
    with ScriptedServer(models=models) as server:
        llm._connections = GlyphLLM(server.base_url)._connections
        assert llm.metadata.context_window == 32_768


def test_address_key_and_model_come_from_the_environment(server, monkeypatch):
    for name, value in {
        "OPENAI_API_KEY": "sk-openai",
        "OPENAI_API_BASE": "http://127.0.0.1:9/v1",
        "OPENAI_ORG_ID": "org",
        "GLYPH_BASE_URL": server.base_url,
        "GLYPH_MODEL": "mine",
    }.items():
        monkeypatch.setenv(name, value)
    for way in WAYS:
        ask(GlyphLLM(), way, "Is it?") if "stream" not in way else None
    monkeypatch.setenv("GLYPH_API_KEY", "sk-mine")
    GlyphLLM(api_base=server.base_url).complete("Is it?")
    sent = [head for head in server.headers if int(head.get("content-length", 0))]
    assert [head["authorization"] for head in sent] == ["Bearer none"] * 4 + ["Bearer sk-mine"]
    assert not any("openai-organization" in head for head in sent)
    assert {request["model"] for request in server.requests} == {"mine"}


def test_credentials_in_the_address_go_as_a_header(server):
    url = server.base_url.replace("//", "//me:secret@")
    llm = GlyphLLM(url)
    llm.complete("Is it?")
    asyncio.run(llm.acomplete("Is it?"))
    told = {head["authorization"] for head in server.headers}
    assert told == {"Basic " + base64.b64encode(b"me:secret").decode()}
    assert llm.api_base == server.base_url


# ---- what a response tells ----


@pytest.mark.parametrize("way", WAYS)
def test_thinking_and_control_tokens_are_kept_out_of_the_answer(way):
    pieces = ("<thi", "nk>Hm.</think><answer><|begin_of_box|>4", "711<|end_of_box|></answer>")

    def reply(request):
        return streamed(*pieces) if request.get("stream") else answer("".join(pieces))

    with ScriptedServer(reply) as server:
        responses = ask(GlyphLLM(server.base_url), way, "What is the code?")
    assert text_of(responses[-1]) == "4711"
    if "chat" in way:
        assert responses[-1].message.blocks[0].content == "Hm."
    if "stream" in way:
        assert "".join(response.delta for response in responses) == "4711"


def test_thinking_that_the_server_keeps_apart_is_told_too():
    with ScriptedServer(answer("4711", reasoning="Hm.")) as server:
        message = GlyphLLM(server.base_url).chat([user(TextBlock(text="Which?"))]).message
    assert [block.block_type for block in message.blocks] == ["thinking", "text"]
    assert message.content == "4711"


def test_a_response_tells_what_it_cost():
    usage = {
        "prompt_tokens": 900,
        "completion_tokens": 3,
        "total_tokens": 903,
        "prompt_tokens_details": {"cached_tokens": 640},
    }
    with ScriptedServer(answer("yes", usage=usage)) as server:
        told = GlyphLLM(server.base_url).complete(LONG).additional_kwargs
    assert (told["prompt_tokens"], told["cached_tokens"]) == (900, 640)
    assert told["pages"] == len(images(server.requests[0]))
    assert told["visual_tokens"] > 500 * told["pages"]
    assert told["compression_ratio"] == round(told["text_tokens"] / told["visual_tokens"], 2)
    assert told["tokenizer"]
    assert told["finish_reason"] == "stop"


# ---- structured answers and tools ----


class Code(BaseModel):
    """An access code."""

    office: str
    code: int


def test_a_structured_answer_follows_its_schema():
    with ScriptedServer(answer('{"office": "Lisbon", "code": 4711}')) as server:
        llm = GlyphLLM(server.base_url)
        prompt = PromptTemplate("{book}Which code?")
        made = llm.structured_predict(Code, prompt, book=LONG)
        later = asyncio.run(llm.astructured_predict(Code, prompt, book=SHORT))
        wrapped = llm.as_structured_llm(Code).complete(SHORT)
    assert made == later == wrapped.raw == Code(office="Lisbon", code=4711)
    assert images(server.requests[0])
    assert server.requests[0]["response_format"]["json_schema"]["name"] == "Code"


def test_a_structured_answer_may_be_streamed():
    with ScriptedServer(streamed('{"office": "Lis', 'bon", "code": 4711}')) as server:
        llm = GlyphLLM(server.base_url)
        made = list(llm.stream_structured_predict(Code, PromptTemplate("Which code?")))
    assert made[-1] == Code(office="Lisbon", code=4711)


def look_up(office: str) -> str:
    """Looks an access code up."""
    return f"{office}: 4711. {LONG}"


def test_a_tool_is_called_and_its_long_result_goes_on_pages():
    script = (calling("look_up", office="Lisbon"), answer("It is 4711."))
    with ScriptedServer(*script) as server:
        llm = GlyphLLM(server.base_url)
        tool = FunctionTool.from_defaults(look_up)
        response = llm.chat_with_tools([tool], "Which code has Lisbon?", chat_history=[])
        [call] = llm.get_tool_calls_from_response(response)
        assert (call.tool_name, call.tool_kwargs) == ("look_up", {"office": "Lisbon"})
        said = [
            ChatMessage(role="user", content="Which code has Lisbon?"),
            response.message,
            ChatMessage(
                role="tool",
                content=str(tool(**call.tool_kwargs)),
                additional_kwargs={"tool_call_id": call.tool_id},
            ),
        ]
        assert llm.chat(said).message.content == "It is 4711."
    asked, told = server.requests
    assert asked["tools"][0]["function"]["name"] == "look_up"
    assert [message["role"] for message in told["messages"]] == [
        "user",
        "assistant",
        "tool",
        "user",
    ]
    assert told["messages"][1]["tool_calls"][0]["id"] == "call-1"
    assert images(told)


def test_a_call_may_come_in_pieces():
    with ScriptedServer(streamed_call("look_up", office="Lisbon")) as server:
        llm = GlyphLLM(server.base_url)
        tool = FunctionTool.from_defaults(look_up)
        responses = list(llm.stream_chat_with_tools([tool], "Which code?", chat_history=[]))
        [call] = llm.get_tool_calls_from_response(responses[-1])
    assert (call.tool_name, call.tool_kwargs) == ("look_up", {"office": "Lisbon"})


def test_an_agent_calls_a_tool_and_answers():
    script = (streamed_call("look_up", office="Lisbon"), streamed("It is ", "4711."))
    with ScriptedServer(*script) as server:
        agent = FunctionAgent(llm=GlyphLLM(server.base_url), tools=[look_up])

        async def run():
            return await agent.run("Which code has Lisbon?")

        assert str(asyncio.run(run())) == "It is 4711."
    assert images(server.requests[1])


@pytest.mark.parametrize("stream", [False, True])
def test_a_chat_engine_remembers_text_and_sends_older_turns_as_pages(stream):
    def reply(request):
        return streamed(STORY * 12) if request.get("stream") else answer(STORY * 12)

    with ScriptedServer(reply) as server:
        llm = GlyphLLM(server.base_url, threshold_tokens=300, keep_last=2)
        memory = ChatMemoryBuffer.from_defaults(token_limit=10**6, tokenizer_fn=str.split)
        engine = SimpleChatEngine.from_defaults(llm=llm, memory=memory)
        for number in range(4):
            if stream:
                assert "".join(engine.stream_chat(f"{number}?").response_gen).strip()
            else:
                assert engine.chat(f"{number}?").response.strip() == (STORY * 12).strip()
        history = engine.chat_history
    assert [len(images(request)) for request in server.requests] == [0, 0, 0, 1]
    assert len(history) == 8
    assert {block.block_type for message in history for block in message.blocks} == {"text"}


def test_a_client_may_be_made_for_each_request(server):
    llm = GlyphLLM(server.base_url, reuse_client=False)
    assert [llm.complete("Is it?").text for _ in range(2)] == ["yes"] * 2
    assert [asyncio.run(llm.acomplete("Is it?")).text for _ in range(2)] == ["yes"] * 2
