"""``render_pages``: any model's messages, with pages in place of what is long."""

from __future__ import annotations

import asyncio
import base64
import json
import pickle
import threading
from copy import deepcopy

import pytest
from chat_ways import WAYS, ask
from langchain_core.documents import Document
from langchain_core.exceptions import ContextOverflowError
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from langchain_openai import ChatOpenAI
from test_chat_ways import LONG, STORY, images, scripted

from glyph_shared import ConfigError, InputError, RenderConfig, Renderer, pages_of_history, render
from langchain_glyph import ChatGlyph, GlyphPageTransformer, page_blocks, render_pages
from langchain_glyph import drawing as drawing_module
from tests.documents.sheets import pdf, prose

PROMPT = ChatPromptTemplate([("system", "Be brief."), ("human", "{text}{question}")])
ASKED = {"text": LONG, "question": "Who spoke of it?"}
CALL = {"name": "look_up", "args": {"office": "Lisbon"}, "id": "c1", "type": "tool_call"}


@pytest.fixture
def server():
    with scripted("Nobody", " spoke.") as running:
        yield running


def other_model(server, **settings):
    return ChatOpenAI(base_url=server.base_url, api_key="sk-other", model="other", **settings)


def drawn(given, **options):
    return render_pages(**options).invoke(given)


def kinds(message):
    blocks = [message.content] if isinstance(message.content, str) else message.content
    return ["text" if isinstance(block, str) else block["type"] for block in blocks]


def shown(message):
    return [block["image_url"]["url"] for block in message.content if "image_url" in block]


@pytest.mark.parametrize("way", WAYS)
def test_another_model_gets_a_long_text_as_pages_in_every_way(server, way):
    chain = PROMPT | render_pages() | other_model(server)
    assert ask(chain, way, ASKED).text == "Nobody spoke."
    [request] = server.requests
    assert len(images(request)) > 2
    assert {frozenset(image) for image in images(request)} == {frozenset({"type", "image_url"})}
    assert request["messages"][-1]["content"][-1]["text"].endswith("Who spoke of it?")
    assert request["messages"][0]["content"] == "Be brief."


def test_a_page_that_is_shown_is_the_page_that_is_drawn():
    [message] = drawn(LONG)
    paged = pages_of_history([{"role": "user", "content": LONG}])
    assert shown(message) == [page.data_url() for page in paged.pages]


@pytest.mark.parametrize("form", ["prompt", "messages", "tuples", "message", "text"])
def test_every_form_of_a_prompt_is_taken(form):
    given = {
        "prompt": PROMPT.invoke(ASKED),
        "messages": [HumanMessage(LONG)],
        "tuples": [("human", LONG)],
        "message": HumanMessage(LONG),
        "text": LONG,
    }[form]
    assert len(shown(drawn(given)[-1])) > 2


def test_the_same_input_gives_the_same_bytes_and_the_input_stays():
    given = [SystemMessage(LONG), HumanMessage(STORY), AIMessage("Yes."), HumanMessage("Who?")]
    before = deepcopy(given)
    first, second = drawn(given), asyncio.run(render_pages().ainvoke(given))
    assert pickle.dumps(first) == pickle.dumps(second)
    assert given == before


def test_what_is_short_stays_the_message_it_was():
    blocks = [{"type": "text", "text": "Hi.", "cache_control": {"type": "ephemeral"}}]
    audio = {"type": "audio", "base64": "AAAA", "mime_type": "audio/wav"}
    upload = {"type": "file", "file_id": "file-7"}
    given = [
        SystemMessage("Be brief."),
        HumanMessage(blocks, id="h"),
        AIMessage("Calling.", tool_calls=[CALL]),
        ToolMessage("4711", tool_call_id="c1", artifact={"raw": 1}),
        HumanMessage([audio, upload, {"type": "text", "text": "Who?"}]),
    ]
    for before, after in zip(given, drawn(given, threshold_tokens=10_000), strict=True):
        assert after == before


def test_pages_of_a_tools_long_result_stand_in_the_next_message_of_the_user():
    given = [
        HumanMessage("Which code?"),
        AIMessage("", tool_calls=[CALL]),
        ToolMessage(LONG, tool_call_id="c1", artifact={"raw": 1}, id="t"),
    ]
    *_, called, result, pages = drawn(given)
    assert called.tool_calls == [CALL]
    assert (result.id, result.tool_call_id, result.artifact) == ("t", "c1", {"raw": 1})
    assert len(result.text) < 2000
    assert pages.type == "human"
    assert len(shown(pages)) > 2


def test_the_older_turns_of_a_long_chat_become_pages_with_their_tools():
    turn = [
        HumanMessage(STORY * 5),
        AIMessage("", tool_calls=[CALL]),
        ToolMessage(STORY * 5, tool_call_id="c1"),
    ]
    said = drawn([*turn * 3, HumanMessage("Who?")], threshold_tokens=50, keep_last=1)
    assert [message.type for message in said] == ["human"]
    assert kinds(said[0])[-2:] == ["text", "text"]
    assert shown(said[0])


def test_thinking_and_other_blocks_of_an_answer_stay_in_their_place():
    thinking = {"type": "thinking", "thinking": "Hm.", "signature": "s"}
    use = {"type": "tool_use", "id": "c1", "name": "look_up", "input": {}}
    answer = AIMessage([thinking, {"type": "text", "text": LONG}, use], tool_calls=[CALL])
    given = [HumanMessage("Go."), answer, ToolMessage("1", tool_call_id="c1"), HumanMessage("So?")]
    _, after, _, asked = drawn(given)
    assert kinds(after) == ["thinking", "text", "tool_use"]
    assert after.content[0] == thinking
    assert len(shown(asked)) > 2


def test_files_whose_content_is_there_are_read():
    plain = base64.b64encode(LONG.encode()).decode()
    sheet = base64.b64encode(pdf(prose)).decode()
    blocks = [
        {"type": "file", "base64": plain, "mime_type": "text/plain"},
        {"type": "file", "base64": sheet, "mime_type": "application/pdf", "filename": "a.pdf"},
    ]
    [message] = drawn([HumanMessage([*blocks, {"type": "text", "text": "Who?"}])])
    assert len(shown(message)) > 2
    assert {*kinds(message)} == {"image_url", "text"}


# ---- documents ----


def test_documents_become_one_message_under_their_names():
    files = [Document(LONG, metadata={"source": "ship.txt"}), Document("Short.")]
    [message] = drawn(files)
    assert len(shown(message)) > 2
    text = "".join(block["text"] for block in message.content if "text" in block)
    assert text.startswith("=== ship.txt ===\n")
    assert text.endswith("Short.\n")
    assert drawn(Document("Short."))[0].text == "Short.\n"
    assert drawn([]) == []


def test_page_documents_are_shown_as_they_are():
    pages = GlyphPageTransformer().transform_documents([Document(LONG)])
    [message] = drawn(pages)
    assert shown(message) == [page.data_url() for page in render(LONG)]


def test_a_page_whose_image_was_removed_is_drawn_again(tmp_path):
    theta = RenderConfig()
    pages = GlyphPageTransformer(config=theta).transform_documents([Document(STORY)])
    for page in tmp_path.parent.glob(f"cache-*/page-images/{pages[0].metadata['digest']}.png"):
        page.unlink()
    [message] = drawn(pages)
    assert shown(message) == [page.data_url() for page in render(STORY)]


def test_retrieved_documents_are_a_part_of_a_prompt(server):
    retriever = RunnableLambda(lambda _: [Document(LONG, metadata={"source": "ship.txt"})])
    prompt = ChatPromptTemplate([MessagesPlaceholder("pages"), ("human", "{question}")])
    chain = {"pages": retriever | render_pages(), "question": RunnablePassthrough()} | prompt
    assert (chain | other_model(server)).invoke("Who spoke of it?").text == "Nobody spoke."
    [request] = server.requests
    assert len(images(request)) > 2
    assert request["messages"][-1]["content"] == "Who spoke of it?"


def test_blocks_of_pages_are_read_for_any_model(server, tmp_path):
    folder = str(tmp_path / "elsewhere")
    pages = GlyphPageTransformer(folder=folder).transform_documents([Document(LONG)])
    blocks = page_blocks(pages)
    assert len(json.dumps(blocks)) < 180 * len(pages)
    message = HumanMessage([*blocks, {"type": "text", "text": "Who?"}])
    chain = render_pages() | other_model(server)
    assert chain.invoke([message]).text == "Nobody spoke."
    assert ChatGlyph(base_url=server.base_url).invoke([message]).text == "Nobody spoke."
    urls = [page.data_url() for page in render(LONG)]
    for request in server.requests:
        assert [image["image_url"]["url"] for image in images(request)] == urls


def test_exact_strings_of_pages_go_along_as_text():
    uuid = "3f2b8c1e-9d4a-4e77-8a52-6c1d0b9e7f43"
    files = [Document(f"{STORY * 40}The key is {uuid}.\n{STORY * 200}", metadata={"source": "a"})]
    pages = GlyphPageTransformer().transform_documents(files)
    [*links, strings] = page_blocks(pages)
    assert len(links) == len(pages) > 1
    assert strings["text"] == f"Exact strings on the pages above, as text:\npage 1: {uuid}\n\n"
    assert page_blocks(pages, exact_text_tokens=0) == links
    [message] = drawn([*pages, Document("Short.")])
    assert kinds(message) == ["image_url"] * len(links) + ["text"]
    assert message.content[-1]["text"] == strings["text"] + "Short.\n"
    assert shown(drawn(pages, exact_text_tokens=0)[0]) == shown(message)


def test_a_string_that_a_page_end_cuts_is_whole_and_files_are_not_joined():
    def page(text, span, source):
        [made] = GlyphPageTransformer().transform_documents([Document(text)])
        return made.model_copy(
            update={"metadata": {**made.metadata, "char_span": span, "source": source}}
        )

    texts = ["Call 3f2b8c1e-9d4a-4e77-", "8a52-6c1d0b9e7f43 now."]
    joined = [page(texts[0], (0, 24), "a"), page(texts[1], (24, 46), "a")]
    apart = [page(texts[0], (0, 24), "a"), page(texts[1], (24, 46), "b")]
    assert "3f2b8c1e-9d4a-4e77-8a52-6c1d0b9e7f43" in page_blocks(joined)[-1]["text"]
    assert "3f2b8c1e-9d4a-4e77-8a52-6c1d0b9e7f43" not in str(page_blocks(apart))


def test_a_block_is_made_of_a_page_only():
    with pytest.raises(InputError, match=r"'a\.txt' is no page; draw it with GlyphPageTransformer"):
        page_blocks([Document("x", metadata={"source": "a.txt"})])


def test_a_document_that_names_another_file_reads_none(tmp_path):
    [page] = GlyphPageTransformer().transform_documents([Document("Something short.")])
    secret = tmp_path / f"{page.metadata['digest']}.png"
    secret.write_text("secret")
    page.metadata["image_path"] = str(secret)
    with pytest.raises(InputError, match="cannot be read"):
        page_blocks([page])
    page.metadata["digest"] = "../secret"
    with pytest.raises(InputError, match="is a sha256"):
        page_blocks([page])


def test_nothing_is_drawn_twice_for_a_model_that_draws_itself(server):
    (render_pages() | ChatGlyph(base_url=server.base_url)).invoke(LONG)
    ChatGlyph(base_url=server.base_url).invoke(LONG)
    first, second = ([image["image_url"] for image in images(one)] for one in server.requests)
    assert first == second


def test_a_batch_about_one_text_draws_it_once(monkeypatch):
    drawings = []
    inside = Renderer.render

    def spy(renderer, text):
        drawings.append(text)
        return inside(renderer, text)

    monkeypatch.setattr(Renderer, "render", spy)
    made = render_pages().batch([f"{LONG}What is the number {number}?" for number in range(6)])
    assert len({tuple(shown(messages[0])) for messages in made}) == 1
    assert len(drawings) == 1


# ---- limits ----


def test_what_does_not_fit_is_langchains_overflow():
    with pytest.raises(ContextOverflowError, match="window of 2,048"):
        drawn(LONG, context_window=2048)


@pytest.mark.parametrize("options", [{"keep_last": 0}, {"long_text_tokens": "x"}])
def test_an_option_that_makes_no_sense_is_refused(options):
    with pytest.raises(ConfigError, match=f"{next(iter(options))}.*got"):
        render_pages(**options)


@pytest.mark.parametrize("make", [render_pages, ChatGlyph])
def test_an_option_that_there_is_not_is_refused_with_the_one_that_was_meant(make):
    with pytest.raises(ConfigError, match=r"'keep_lst' \(did you mean 'keep_last'"):
        make(keep_lst=2)


def test_a_message_that_no_model_is_sent_is_told():
    from langchain_core.messages import RemoveMessage

    with pytest.raises(InputError, match="message 1 is a RemoveMessage"):
        drawn([HumanMessage("Hi."), RemoveMessage("1")])


def test_pages_are_drawn_outside_the_event_loop(monkeypatch):
    threads = []
    inside = drawing_module.pages_of_history

    def spy(*args, **kwargs):
        threads.append(threading.current_thread())
        return inside(*args, **kwargs)

    monkeypatch.setattr(drawing_module, "pages_of_history", spy)
    asyncio.run(render_pages().ainvoke(LONG))
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()
