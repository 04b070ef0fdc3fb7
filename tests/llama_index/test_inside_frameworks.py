"""The engine at work inside LlamaIndex's other parts, against a server that plays their model."""

from __future__ import annotations

import asyncio
import json

import pytest
from llama_index.core import (
    Document,
    MockEmbedding,
    Settings,
    VectorStoreIndex,
    get_response_synthesizer,
)
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.chat_engine import CondenseQuestionChatEngine, SimpleChatEngine
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.query_engine import (
    RetrieverQueryEngine,
    RouterQueryEngine,
    SubQuestionQueryEngine,
)
from llama_index.core.question_gen import LLMQuestionGenerator
from llama_index.core.selectors import LLMSingleSelector
from llama_index.retrievers.bm25 import BM25Retriever

from glyph_shared import RenderConfig
from glyph_shared.rendering import default_images
from llama_index_glyph import (
    GlyphCorpusRetriever,
    GlyphLLM,
    GlyphNodeParser,
    GlyphQueryEngine,
    GlyphRenderPostprocessor,
    GlyphSynthesizer,
)
from tests.llama_index.recording import old_recorder
from tests.scripted_server import ScriptedServer, answer, streamed

LISBON = "What is the access code of the Lisbon office?"
FACT = "The access code of the {} office is {}."
LISBON_FACT, PORTO_FACT = FACT.format("Lisbon", 4711), FACT.format("Porto", 8812)
RIVER = "The office is by the river, behind the old mill, and its door is green and heavy."
READER_LOOK = RenderConfig.preset("reader")


@pytest.fixture(autouse=True)
def _closed_loop():
    """Closes the event loop that LlamaIndex's blocking chats make and leave behind."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


def replies(choose):
    """Plays a model: ``choose`` tells its reply by all that was said to it."""

    def reply(request):
        text = choose(json.dumps(request["messages"]))
        return streamed(text) if request.get("stream") else answer(text)

    return reply


def engine_of(server, fact, **settings):
    return GlyphQueryEngine.from_documents(
        [Document(text=fact)], GlyphLLM(server.base_url), **settings
    )


def test_a_tool_of_the_engine_answers_by_itself(reader_url):
    engine = GlyphQueryEngine.from_documents([Document(text=LISBON_FACT)], GlyphLLM(reader_url))
    tool = engine.as_tool("codes", "Knows access codes.")
    assert (tool.metadata.name, tool.metadata.description) == ("codes", "Knows access codes.")
    assert tool.call(LISBON).content == "4711"
    assert asyncio.run(tool.acall(input=LISBON)).content == "4711"


def test_an_agent_calls_the_engine_as_a_tool(reader_url):
    def model(request):
        said = request["messages"]
        if said[-1]["role"] == "tool":
            return streamed("It is 4711." if "4711" in str(said[-1]) else "I do not know.")
        call = {
            "index": 0, "id": "call-1", "type": "function",
            "function": {"name": "codes", "arguments": json.dumps({"input": LISBON})},
        }  # fmt: skip
        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "scripted"}
        delta = {"role": "assistant", "content": None, "tool_calls": [call]}
        choice = {"index": 0, "delta": delta, "finish_reason": None}
        return streamed({**chunk, "choices": [choice]}, finish_reason="tool_calls")

    engine = GlyphQueryEngine.from_documents([Document(text=LISBON_FACT)], GlyphLLM(reader_url))
    tool = engine.as_tool("codes", "Knows access codes.")

    async def run(llm):
        return await FunctionAgent(tools=[tool], llm=llm).run("Which code opens Lisbon?")

    with ScriptedServer(model) as server:
        said = asyncio.run(run(GlyphLLM(server.base_url)))
    assert str(said) == "It is 4711."
    assert [tool["function"]["name"] for tool in server.requests[0]["tools"]] == ["codes"]


def test_sub_questions_are_answered_by_engines():
    subquestions = [
        {"sub_question": "What opens Lisbon?", "tool_name": "lisbon"},
        {"sub_question": "What opens Porto?", "tool_name": "porto"},
    ]

    def choose(said):
        if "sub_question" in said:
            return json.dumps({"items": subquestions})
        if "image_url" in said:
            return "4711" if "Lisbon" in said else "8812"
        return "4711 and 8812"

    with ScriptedServer(replies(choose)) as server:
        llm = GlyphLLM(server.base_url)
        engine = SubQuestionQueryEngine.from_defaults(
            [
                engine_of(server, LISBON_FACT).as_tool("lisbon", "Knows Lisbon."),
                engine_of(server, PORTO_FACT).as_tool("porto", "Knows Porto."),
            ],
            llm=llm,
            question_gen=LLMQuestionGenerator.from_defaults(llm),
            response_synthesizer=get_response_synthesizer(llm),
            verbose=False,
        )
        response = engine.query("What opens the offices?")
    assert str(response) == "4711 and 8812"
    assert {"4711", "8812"} <= {
        node.text.rpartition(" ")[2].strip() for node in response.source_nodes
    }


def test_a_router_chooses_among_engines():
    def choose(said):
        if "choices" in said:
            return json.dumps([{"choice": 2, "reason": "It is about Porto."}])
        return "8812" if "image_url" in said else "?"

    with ScriptedServer(replies(choose)) as server:
        router = RouterQueryEngine(
            LLMSingleSelector.from_defaults(GlyphLLM(server.base_url)),
            [
                engine_of(server, LISBON_FACT).as_tool("lisbon", "Knows Lisbon."),
                engine_of(server, PORTO_FACT).as_tool("porto", "Knows Porto."),
            ],
            llm=GlyphLLM(server.base_url),
            summarizer=object(),
        )
        response = router.query("What opens Porto?")
    assert str(response) == "8812"
    assert response.metadata["selector_result"].ind == 1


def condensing(server, **settings):
    llm = GlyphLLM(server.base_url)
    return CondenseQuestionChatEngine.from_defaults(
        engine_of(server, LISBON_FACT, **settings), llm=llm
    )


def condense_or_answer(said):
    if "image_url" in said:
        return "4711"
    return "What is the access code of the Lisbon office, in figures?"


@pytest.mark.parametrize("way", ["chat", "achat", "stream_chat", "astream_chat"])
def test_condensed_questions_of_a_chat_are_answered(way):
    with ScriptedServer(replies(condense_or_answer)) as server:
        chat = condensing(server)
        chat.chat(LISBON)
        if way == "chat":
            said = chat.chat("In figures?").response
        elif way == "stream_chat":
            said = "".join(chat.stream_chat("In figures?").response_gen)
        elif way == "achat":
            said = asyncio.run(chat.achat("In figures?")).response
        else:
            said = asyncio.run(_astream(chat, "In figures?"))
    assert said == "4711"
    assert "in figures?" in json.dumps(server.requests[-1]["messages"])


async def _astream(chat, text):
    response = await chat.astream_chat(text)
    return "".join([piece async for piece in response.async_response_gen()])


def test_a_simple_chat_remembers_what_was_said():
    def choose(said):
        return "Ada, as you said." if "I am Ada" in said and "Who am I" in said else "Hello."

    with ScriptedServer(replies(choose)) as server:
        chat = SimpleChatEngine.from_defaults(llm=GlyphLLM(server.base_url))
        chat.chat("I am Ada.")
        assert "".join(chat.stream_chat("Who am I?").response_gen) == "Ada, as you said."


@pytest.mark.parametrize("way", ["achat", "astream_chat"])
def test_a_simple_chat_remembers_in_an_event_loop_too(way):
    def choose(said):
        return "Ada, as you said." if "I am Ada" in said and "Who am I" in said else "Hello."

    async def talk(chat):
        await chat.achat("I am Ada.")
        if way == "achat":
            return (await chat.achat("Who am I?")).response
        return await _astream(chat, "Who am I?")

    with ScriptedServer(replies(choose)) as server:
        chat = SimpleChatEngine.from_defaults(llm=GlyphLLM(server.base_url))
        assert asyncio.run(talk(chat)) == "Ada, as you said."


def test_stock_engines_take_the_llm_of_the_settings_and_tell_its_callbacks(monkeypatch):
    recorder, callbacks = old_recorder()
    long = "\n".join(f"On day {day} it rained in the hills." for day in range(1200))
    with ScriptedServer(answer("Rain.")) as server:
        monkeypatch.setattr(Settings, "_llm", GlyphLLM(server.base_url))
        monkeypatch.setattr(Settings, "_callback_manager", callbacks)
        index = VectorStoreIndex.from_documents(
            [Document(text=long)],
            transformations=[SentenceSplitter(chunk_size=20_000)],
            embed_model=MockEmbedding(embed_dim=4),
        )
        assert str(index.as_query_engine().query("What was the weather?")) == "Rain."
    # Its prompt was long text, which went as pages and is text in what callbacks are told.
    assert "image_url" in json.dumps(server.requests[0]["messages"])
    assert any("On day 1199" in told and "llm" in told.lower() for told in recorder.started)


@pytest.mark.parametrize("whole", [False, True])
def test_hits_of_bm25_are_read_as_pages(reader_url, whole):
    documents = [
        Document(text=f"{LISBON_FACT}\n\n{RIVER}", id_="lisbon"),
        Document(text="The bakery opens at seven.", id_="bakery"),
        Document(text="A train to the coast leaves at noon.", id_="train"),
    ]
    nodes = SentenceSplitter(chunk_size=20, chunk_overlap=0)(documents)
    engine = GlyphQueryEngine.from_args(
        BM25Retriever.from_defaults(nodes=nodes, similarity_top_k=1),
        GlyphLLM(reader_url),
        node_postprocessors=[
            GlyphRenderPostprocessor(config=READER_LOOK, parents=documents if whole else None)
        ],
    )
    response = engine.query(LISBON)
    assert str(response) == "4711"
    [source] = response.source_nodes
    assert source.node.ref_doc_id == "lisbon"
    assert source.text == (documents[0].text if whole else LISBON_FACT)


def test_a_stock_engine_takes_the_synthesizer(reader_url):
    nodes = [Document(text=LISBON_FACT), Document(text="The bakery opens at seven.")]
    retriever = BM25Retriever.from_defaults(nodes=SentenceSplitter()(nodes), similarity_top_k=2)
    synthesizer = GlyphSynthesizer(GlyphLLM(reader_url))
    assert str(RetrieverQueryEngine(retriever, synthesizer).query(LISBON)) == "4711"


def test_a_stock_multimodal_engine_shows_the_pages_of_the_corpus():
    documents = [Document(text=LISBON_FACT), Document(text=PORTO_FACT)]
    with ScriptedServer(answer("4711")) as server:
        engine = RetrieverQueryEngine.from_args(
            GlyphCorpusRetriever.from_documents(documents),
            llm=GlyphLLM(server.base_url),
            multimodal=True,
        )
        assert str(engine.query(LISBON)) == "4711"
    assert json.dumps(server.requests[0]["messages"]).count("image_url") == 4


@pytest.mark.parametrize("way", ["query", "aquery"])
def test_images_that_were_cleared_are_drawn_again_for_a_stock_engine(way):
    documents = [Document(text=LISBON_FACT), Document(text=PORTO_FACT)]
    with ScriptedServer(answer("4711")) as server:
        engine = RetrieverQueryEngine.from_args(
            GlyphCorpusRetriever.from_documents(documents),
            llm=GlyphLLM(server.base_url),
            multimodal=True,
        )
        assert default_images().clear().entries == 2
        asked = getattr(engine, way)(LISBON)
        assert str(asyncio.run(asked) if way == "aquery" else asked) == "4711"
    assert json.dumps(server.requests[0]["messages"]).count("image_url") == 4


def test_cleared_images_of_an_index_are_drawn_again_by_the_postprocessor():
    index = VectorStoreIndex.from_documents(
        [Document(text=LISBON_FACT), Document(text=PORTO_FACT)],
        transformations=[GlyphNodeParser()],
        embed_model=MockEmbedding(embed_dim=4),
    )
    default_images().clear()
    with ScriptedServer(answer("4711")) as server:
        engine = index.as_query_engine(
            GlyphLLM(server.base_url),
            multimodal=True,
            similarity_top_k=2,
            node_postprocessors=[GlyphRenderPostprocessor()],
        )
        assert str(engine.query(LISBON)) == "4711"
    assert json.dumps(server.requests[0]["messages"]).count("image_url") == 4
    assert default_images().usage().entries == 2


def test_the_synthesizer_reads_pages_whose_images_are_gone(reader_url):
    pages = GlyphNodeParser()([Document(text=LISBON_FACT), Document(text=PORTO_FACT)])
    default_images().clear()
    engine = GlyphQueryEngine.from_documents(pages, GlyphLLM(reader_url))
    assert str(engine.query(LISBON)) == "4711"
