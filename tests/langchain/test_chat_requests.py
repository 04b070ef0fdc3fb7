"""What a request has in it, and what a model keeps to itself."""

from __future__ import annotations

import base64
import pickle
from copy import deepcopy

import pytest
from langchain.agents import create_agent
from langchain_core.caches import InMemoryCache
from langchain_core.load import dumps
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.runnables import ConfigurableField
from obliging_model import oblige
from pydantic import BaseModel
from test_chat_ways import LONG, STORY, images, scripted

from glyph_shared import ConfigError, InputError, RenderConfig, render
from glyph_shared.asking import page_link
from glyph_shared.rendering import image_folder, keep_image
from langchain_glyph import ChatGlyph
from tests.documents.sheets import pdf, prose
from tests.scripted_server import ScriptedServer, answer


def texts(request):
    parts = [part for message in request["messages"] for part in message["content"] or ()]
    return "".join(part["text"] for part in parts if part["type"] == "text")


def encoded(data):
    return base64.b64encode(data).decode()


def asked(server, *blocks, **settings):
    content = [*blocks, {"type": "text", "text": "What is it?"}]
    ChatGlyph(base_url=server.base_url, **settings).invoke([HumanMessage(content)])
    return server.requests[-1]


@pytest.fixture
def server():
    with scripted("yes") as running:
        yield running


# ---- blocks ----


@pytest.mark.parametrize(
    "block",
    [
        {"type": "text", "text": LONG},
        {"type": "text-plain", "text": LONG, "mime_type": "text/plain", "title": "ship.txt"},
        {"type": "text-plain", "base64": encoded(LONG.encode()), "mime_type": "text/plain"},
        {"type": "file", "base64": encoded(LONG.encode()), "mime_type": "text/plain"},
        {"type": "file", "source_type": "base64", "data": encoded(LONG.encode())},
        {
            "type": "file",
            "file": {
                "filename": "ship.txt",
                "file_data": f"data:text/plain;base64,{encoded(LONG.encode())}",
            },
        },
    ],
)
def test_a_long_text_in_any_block_goes_on_pages(server, block):
    request = asked(server, block)
    assert len(images(request)) > 2
    assert texts(request).endswith("What is it?")


def test_a_pdf_goes_as_its_text_under_its_name(server):
    data = encoded(pdf(prose))
    block = {"type": "file", "base64": data, "mime_type": "application/pdf", "filename": "a.pdf"}
    request = asked(server, block)
    assert texts(request).startswith("=== a.pdf ===\n")
    assert len(texts(request)) > 100
    assert not images(request)


@pytest.mark.parametrize("form", ["image", "image_url", "flat"])
def test_a_ready_page_goes_as_it_is(server, form):
    page = render(STORY)[0]
    block = {
        "image": {"type": "image", "base64": encoded(page.png), "mime_type": "image/png"},
        "image_url": {"type": "image_url", "image_url": {"url": page.data_url()}},
        "flat": {"type": "image_url", "image_url": page.data_url()},
    }[form]
    [image] = images(asked(server, block))
    assert image["image_url"]["url"] == page.data_url()


@pytest.mark.parametrize("form", ["image", "image_url"])
def test_a_page_that_is_named_by_its_digest_goes_as_the_page(server, form):
    page = render(STORY)[0]
    keep_image(page, image_folder(None))
    url = page_link(page.digest)
    block = {"image": {"url": url}, "image_url": {"image_url": {"url": url}}}[form]
    [image] = images(asked(server, {"type": form, **block}))
    assert image["image_url"]["url"] == page.data_url()
    model = ChatGlyph(base_url=server.base_url)
    counted = model.get_num_tokens_from_messages([HumanMessage([{"type": form, **block}])])
    assert page.visual_tokens < counted < page.visual_tokens + 20


@pytest.mark.parametrize("place", ["http://10.0.0.1/a.png", "file:///etc/passwd", "ftp://a/b"])
@pytest.mark.parametrize("kind", ["image", "file", "text-plain", "image_url"])
def test_an_address_is_never_fetched(server, kind, place):
    url = {"image_url": {"url": place}} if kind == "image_url" else {"url": place}
    with pytest.raises(InputError, match="is not fetched"):
        asked(server, {"type": kind, **url})
    assert not server.calls


def test_the_server_may_fetch_images_from_where_that_is_allowed(server):
    allowed = ("https://images.example.org/a/",)
    url = "https://images.example.org/a/b.png"
    request = asked(server, {"type": "image", "url": url}, allowed_urls=allowed)
    assert images(request)[0]["image_url"]["url"] == url
    for other in (
        "https://images.example.org.evil.net/a/b",
        "https://images.example.org/c",
        "https://images.example.org/a/../c",
        "https://images.example.org/a/%2E%2e/c",
        "http://[::1/a/",
    ):
        with pytest.raises(InputError, match="is not fetched"):
            asked(server, {"type": "image", "url": other}, allowed_urls=allowed)


@pytest.mark.parametrize(
    "url", ["https://example.org", "file:///srv/", "example.org/", "https:///"]
)
def test_an_allowed_place_has_a_host_and_ends_with_a_slash(url):
    with pytest.raises(ConfigError, match="end with a slash"):
        ChatGlyph(allowed_urls=(url,))


@pytest.mark.parametrize(
    "block", [{"type": "audio", "base64": "AAAA", "mime_type": "audio/wav"}, {"type": "smell"}]
)
def test_what_the_model_cannot_see_is_refused(server, block):
    with pytest.raises(InputError, match="cannot see"):
        asked(server, block)


@pytest.mark.parametrize("image", [None, 5, {"url": None}, {}])
def test_an_image_without_an_address_is_told(server, image):
    with pytest.raises(InputError, match="needs its address or bytes"):
        asked(server, {"type": "image_url", "image_url": image})


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ({"file_data": "http://10.0.0.1/a.pdf"}, r"10\.0\.0\.1/a\.pdf', which is not fetched"),
        ({"file_id": "f1"}, "'f1', which is not fetched"),
        ({"filename": "a.pdf"}, r"'a\.pdf' has no content"),
    ],
)
def test_a_file_without_its_content_is_told(server, file, told):
    with pytest.raises(InputError, match=told):
        asked(server, {"type": "file", "file": file})
    assert not server.calls


def test_a_file_that_is_no_base64_is_told_by_its_name(server):
    with pytest.raises(InputError, match=r"'a\.txt' is no base64"):
        asked(server, {"type": "file", "base64": "?", "filename": "a.txt"})


# ---- the chat ----


def test_the_messages_that_were_given_stay_as_they_were(server):
    block = {"type": "text-plain", "text": LONG, "mime_type": "text/plain"}
    messages = [SystemMessage(LONG), HumanMessage([block]), AIMessage("Yes."), HumanMessage("Who?")]
    before = deepcopy(messages)
    ChatGlyph(base_url=server.base_url).invoke(messages)
    assert messages == before


def test_the_older_turns_of_a_long_chat_are_drawn(server):
    said = [kind(STORY * 12) for kind in (HumanMessage, AIMessage) * 6]
    model = ChatGlyph(base_url=server.base_url, threshold_tokens=400, keep_last=3)
    model.invoke([SystemMessage("Be brief."), *said, HumanMessage("Who?")])
    [request] = server.requests
    assert request["messages"][0]["role"] == "system"
    assert images(request)
    assert texts(request).count(STORY) == 24


def test_no_text_is_drawn_where_that_is_switched_off(server):
    ChatGlyph(base_url=server.base_url, draws_pages=False).invoke(LONG)
    assert texts(server.requests[0]) == LONG


def test_settings_and_then_the_call_go_before_the_published_way(server):
    more = {"top_k": 7, "min_p": 0.1}
    model = ChatGlyph(base_url=server.base_url, temperature=0.3, max_tokens=50, extra_body=more)
    model.invoke("Is it?")
    model.invoke("Is it?", temperature=0.9, max_tokens=9, extra_body={"top_k": 3}, model="other")
    names = ("model", "temperature", "max_tokens", "top_k", "min_p", "repetition_penalty")
    sent = [[request[name] for name in names] for request in server.requests]
    assert sent == [["scripted", 0.3, 50, 7, 0.1, 1.1], ["other", 0.9, 9, 3, 0.1, 1.1]]


class Code(BaseModel):
    """An access code."""

    office: str
    code: int


def test_a_structured_answer_follows_its_schema():
    with ScriptedServer(answer('{"office": "Lisbon", "code": 4711}')) as server:
        model = ChatGlyph(base_url=server.base_url).with_structured_output(Code)
        assert model.invoke(f"{LONG}Which code?") == Code(office="Lisbon", code=4711)
    [request] = server.requests
    assert request["response_format"]["json_schema"]["schema"]["required"] == ["office", "code"]
    assert images(request)


def test_an_answer_beside_its_schema_is_kept_with_the_error():
    with ScriptedServer(answer("4711")) as server:
        model = ChatGlyph(base_url=server.base_url)
        made = model.with_structured_output(Code, include_raw=True).invoke("Which code?")
    assert made["raw"].text == "4711"
    assert made["parsed"] is None
    assert made["parsing_error"]


def test_an_agent_reads_a_tools_long_result_on_pages():
    def look_up(office: str) -> str:
        """Looks an access code up."""
        return f"{office}: 4711. {LONG}"

    with ScriptedServer(oblige) as server:
        agent = create_agent(ChatGlyph(base_url=server.base_url), [look_up])
        state = agent.invoke({"messages": [HumanMessage("Which code has 'Lisbon'?")]})
    assert [message.type for message in state["messages"]] == ["human", "ai", "tool", "ai"]
    assert LONG in state["messages"][2].text
    first, second = server.requests
    assert images(second)
    assert not images(first)


# ---- counting, caches, secrets ----


def test_messages_are_counted_as_they_would_be_sent(monkeypatch):
    monkeypatch.setattr("socket.socket.connect", None)
    model = ChatGlyph(base_url="http://127.0.0.1:9/v1")
    counted = model.get_num_tokens_from_messages([HumanMessage(LONG)])
    assert 2.5 * counted < model.get_num_tokens(LONG)
    assert model.get_num_tokens_from_messages([SystemMessage("Be brief.")]) < 30
    assert model.get_num_tokens_from_messages([]) < 10
    told = model.get_num_tokens_from_messages([HumanMessage("Hi")], tools=[Code])
    assert told > model.get_num_tokens_from_messages([HumanMessage("Hi")]) + 20
    with pytest.raises(ConfigError, match="vocabulary"):
        model.get_token_ids("Is it?")


def test_a_cached_answer_is_for_one_look_alone(server):
    cache = InMemoryCache()
    for config in (None, None, RenderConfig.preset("code")):
        ChatGlyph(base_url=server.base_url, cache=cache, config=config).invoke(LONG)
    assert server.calls == 2
    assert "iVBOR" not in repr(cache._cache)


def test_no_form_of_a_model_holds_its_key(server):
    url = server.base_url.replace("//", "//me:sk-word@")
    for model in (
        ChatGlyph(base_url=server.base_url, api_key="sk-word"),
        ChatGlyph(base_url=url),
    ):
        forms = (repr(model), str(model), dumps(model), model.model_dump_json())
        forms += (repr(model._get_invocation_params()), repr(model._identifying_params))
        assert not [form for form in forms if "sk-word" in form]
        assert b"sk-word" not in pickle.dumps(model)


def test_copies_of_a_model_keep_its_key_and_pickles_do_not(server):
    model = ChatGlyph(base_url=server.base_url, api_key="sk-word")
    for one in (model, model.model_copy(), deepcopy(model), pickle.loads(pickle.dumps(model))):
        one.invoke("Is it?")
    sent = [head for head in server.headers if int(head.get("content-length", 0))]
    assert [head["authorization"] for head in sent] == ["Bearer sk-word"] * 3 + ["Bearer none"]


def test_a_setting_may_be_left_to_the_call(server):
    model = ChatGlyph(base_url=server.base_url, api_key="sk-word").configurable_fields(
        max_tokens=ConfigurableField("longest")
    )
    model.with_config(configurable={"longest": 7}).invoke("Is it?")
    assert server.requests[0]["max_tokens"] == 7
    assert server.headers[-1]["authorization"] == "Bearer sk-word"


def test_settings_of_openai_go_nowhere(server, monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROXY", "LC_OUTPUT_VERSION"):
        monkeypatch.setenv(name, "sk-openai")
    monkeypatch.setenv("LC_OUTPUT_VERSION", "responses/v1")
    monkeypatch.setenv("OPENAI_API_BASE", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("GLYPH_BASE_URL", server.base_url)
    assert ChatGlyph().invoke("Is it?").text == "yes"
    assert not [head for head in server.headers if "sk-openai" in repr(head)]


@pytest.mark.parametrize(
    "settings",
    [
        {"top_k": 5},
        {"default_headers": {"a": "b"}},
        {"use_responses_api": True},
        {"base_url": "nowhere"},
    ],
)
def test_a_setting_without_effect_is_refused(settings):
    with pytest.raises(ConfigError):
        ChatGlyph(**settings)
