"""What an LLM is set to holds for pages too, each request is told, and answers may be objects."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest
from llama_index.core import Document, VectorStoreIndex
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.prompts import ChatMessage, ChatPromptTemplate
from llama_index.core.rate_limiter import BaseRateLimiter
from llama_index.core.types import BaseOutputParser
from pydantic import BaseModel

from glyph_shared import ConfigError, RenderConfig
from glyph_shared.errors import BadResponse, ServerError
from llama_index_glyph import GlyphLLM, GlyphQueryEngine, GlyphSynthesizer
from tests.llama_index.recording import recorded
from tests.scripted_server import ScriptedServer, answer, failure, streamed

SMALL = RenderConfig(page_size=(560, 280))
TEXT = "\n".join(f"On day {number} it rained, and nobody went out." for number in range(300))
IN_WINDOWS = {"config": SMALL, "overflow": "map_reduce", "max_pages": 1}
DOCUMENTS = [Document(text=TEXT, id_="diary")]
USAGE = {"prompt_tokens": 250, "completion_tokens": 2}
WAYS = ("query", "aquery")


class Weather(BaseModel):
    """What a day was like."""

    day: int
    rain: bool


WET = '{"day": 7, "rain": true}'


def asked(engine, way="query", question="Who went out on day 7?"):
    made = getattr(engine, way)(question)
    return asyncio.run(made) if way == "aquery" else made


def told_system(request):
    [part] = request["messages"][0]["content"]
    return request["messages"][0]["role"], part["text"]


# ---- settings of the LLM ----


@pytest.mark.parametrize("way", WAYS)
def test_the_system_prompt_of_the_llm_stands_before_that_of_the_template(way):
    template = ChatPromptTemplate(
        [
            ChatMessage(role="system", content="Answer in French."),
            ChatMessage(role="user", content="{query_str}"),
        ]
    )
    with ScriptedServer(answer("Personne.")) as server:
        llm = GlyphLLM(server.base_url, system_prompt="Be brief.")
        asked(GlyphQueryEngine.from_documents(DOCUMENTS, llm), way)
        asked(GlyphQueryEngine.from_documents(DOCUMENTS, llm, text_qa_template=template), way)
    first, second = map(told_system, server.requests)
    assert first == ("system", "Be brief.")
    assert second == ("system", "Be brief.\n\nAnswer in French.")


def test_the_embedded_reader_answers_beside_a_system_prompt(reader_url):
    llm = GlyphLLM(reader_url, system_prompt="Be brief.")
    fact = Document(text="The access code of the Lisbon office is 4711.")
    engine = GlyphQueryEngine.from_documents([fact], llm)
    assert str(engine.query("What is the access code of the Lisbon office?")) == "4711"


class Shout(BaseOutputParser):
    """Asks for little, and makes much of it."""

    def parse(self, output):
        return output.upper()

    def format(self, query):
        return f"{query} One word."


def test_the_output_parser_of_the_llm_asks_and_reads():
    with ScriptedServer(answer("nobody")) as server:
        llm = GlyphLLM(server.base_url, output_parser=Shout())
        response = asked(GlyphQueryEngine.from_documents(DOCUMENTS, llm))
        with pytest.raises(ConfigError, match="output_parser"):
            GlyphSynthesizer(llm, streaming=True)
    assert str(response) == "NOBODY"
    assert server.requests[0]["messages"][-1]["content"][-1]["text"].startswith(
        "Who went out on day 7? One word."
    )


class Limiter(BaseRateLimiter):
    """Lets all pass, and counts them."""

    def __init__(self):
        self.passed = 0

    def acquire(self, num_tokens=0):
        self.passed += 1

    async def async_acquire(self, num_tokens=0):
        self.passed += 1


@pytest.mark.parametrize("way", WAYS)
def test_each_request_passes_the_rate_limiter_of_the_llm(way):
    def reply(request):
        return streamed("Nobody.") if request.get("stream") else answer("Nobody.")

    limiter = Limiter()
    with ScriptedServer(reply) as server:
        llm = GlyphLLM(server.base_url, rate_limiter=limiter)
        asked(GlyphQueryEngine.from_documents(DOCUMENTS, llm, **IN_WINDOWS), way)
        assert limiter.passed == server.calls > 3
        engine = GlyphQueryEngine.from_documents(DOCUMENTS, llm, streaming=True)
        assert "".join(engine.query("Who?").response_gen)
        assert limiter.passed == server.calls


# ---- events ----


@pytest.mark.parametrize("way", WAYS)
def test_each_request_is_an_event_of_its_own(way):
    counter = TokenCountingHandler(tokenizer=str.split)
    with ScriptedServer(answer("Nobody.", usage=USAGE)) as server, recorded() as new:
        llm = GlyphLLM(server.base_url, callback_manager=CallbackManager([counter]))
        response = asked(GlyphQueryEngine.from_documents(DOCUMENTS, llm, **IN_WINDOWS), way)
    pages = response.metadata["pages"]
    assert pages > 3
    started, ended = new.named("LLMChatStartEvent"), new.named("LLMChatEndEvent")
    assert len(started) == len(ended) == server.calls == pages + 1
    assert [text.count("[page ") for text in started[:pages]] == [2] * pages
    assert counter.prompt_llm_token_count == 250 * server.calls
    spans = {json.loads(text)["span_id"] for text in started}
    assert None not in spans
    assert "base64" not in "".join(started + ended)


def test_a_second_look_is_an_event_too():
    with ScriptedServer(answer("Nobody [page 1].")) as server, recorded() as new:
        llm = GlyphLLM(server.base_url)
        engine = GlyphQueryEngine.from_documents(DOCUMENTS, llm, config=SMALL, refine="hidpi")
        asked(engine)
    assert len(new.named("LLMChatEndEvent")) == server.calls == 2
    assert "drawn larger" in new.named("LLMChatStartEvent")[1]


def test_a_window_that_failed_is_told_as_failed():
    def reply(request):
        with lock:
            return failure(400, "no") if server.calls == 2 else answer("Nobody.")

    lock = threading.Lock()
    with ScriptedServer(reply) as server, recorded() as new:
        response = asked(
            GlyphQueryEngine.from_documents(DOCUMENTS, GlyphLLM(server.base_url), **IN_WINDOWS)
        )
    assert len(response.metadata["pages_left_out"]) == 1
    assert len(new.named("LLMChatStartEvent")) == len(new.named("LLMChatEndEvent")) + 1


# ---- answers as objects ----


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("how", ["output_cls", "structured llm"])
def test_a_response_may_be_an_object(way, how):
    with ScriptedServer(answer(WET)) as server, recorded() as new:
        llm = GlyphLLM(server.base_url)
        if how == "output_cls":
            engine = GlyphQueryEngine.from_documents(DOCUMENTS, llm, output_cls=Weather)
        else:
            engine = GlyphQueryEngine.from_documents(DOCUMENTS, llm.as_structured_llm(Weather))
        response = asked(engine, way)
    assert response.response == Weather(day=7, rain=True)
    assert response.metadata["pages"] > 0
    [request] = server.requests
    described = request["response_format"]["json_schema"]
    assert described["schema"] == Weather.model_json_schema()
    assert "cite" not in json.dumps(request["messages"][-1]["content"][-1])
    assert WET.replace('"', "").replace(" ", "") in new.named("QueryEndEvent")[0].replace(
        '\\"', ""
    ).replace(" ", "")


def test_an_index_gives_objects_from_pages_too():
    index = VectorStoreIndex.from_documents(DOCUMENTS, embed_model=MockEmbedding(embed_dim=4))
    with ScriptedServer(answer(WET)) as server:
        llm = GlyphLLM(server.base_url)
        synthesizer = GlyphSynthesizer(llm, output_cls=Weather)
        response = asked(index.as_query_engine(llm, response_synthesizer=synthesizer))
    assert response.response == Weather(day=7, rain=True)
    assert (response.day, response.rain) == (7, True)


def test_texts_give_an_object_as_well():
    with ScriptedServer(answer(WET)) as server:
        synthesizer = GlyphSynthesizer(GlyphLLM(server.base_url), output_cls=Weather)
        made = synthesizer.get_response("What was day 7 like?", [TEXT])
        later = asyncio.run(synthesizer.aget_response("What was day 7 like?", [TEXT]))
    assert made == later == Weather(day=7, rain=True)


def test_windows_answer_in_words_and_what_sums_them_up_is_the_object():
    def reply(request):
        return answer(WET if "response_format" in request else "It rained on day 7.")

    with ScriptedServer(reply) as server:
        llm = GlyphLLM(server.base_url)
        engine = GlyphQueryEngine.from_documents(DOCUMENTS, llm, output_cls=Weather, **IN_WINDOWS)
        response = asked(engine)
    assert response.response == Weather(day=7, rain=True)
    follows = ["response_format" in request for request in server.requests]
    assert follows == [False] * (len(follows) - 1) + [True]


def test_one_window_that_knows_is_put_into_the_object_too():
    knowing = iter([answer("It rained.")])

    def script(request):
        if "response_format" in request:
            return answer(WET)
        with lock:
            return next(knowing, answer("Not on these pages."))

    lock = threading.Lock()
    with ScriptedServer(script) as server:
        engine = GlyphQueryEngine.from_documents(
            DOCUMENTS, GlyphLLM(server.base_url), output_cls=Weather, **IN_WINDOWS
        )
        assert asked(engine).response == Weather(day=7, rain=True)


def test_where_no_window_knows_there_is_no_object():
    with ScriptedServer(answer("Not on these pages.")) as server:
        engine = GlyphQueryEngine.from_documents(
            DOCUMENTS, GlyphLLM(server.base_url), output_cls=Weather, **IN_WINDOWS
        )
        response = asked(engine)
    assert response.response is None
    assert response.metadata["refused"]


def test_an_object_that_cannot_be_summed_up_is_an_error():
    def reply(request):
        return failure(400, "no schemas") if "response_format" in request else answer("It rained.")

    with ScriptedServer(reply) as server:
        engine = GlyphQueryEngine.from_documents(
            DOCUMENTS, GlyphLLM(server.base_url), output_cls=Weather, **IN_WINDOWS
        )
        with pytest.raises(ServerError, match="no schemas"):
            asked(engine)


def test_an_answer_that_is_no_object_is_told_with_its_beginning():
    with ScriptedServer(answer("It rained.")) as server:
        engine = GlyphQueryEngine.from_documents(
            DOCUMENTS, GlyphLLM(server.base_url), output_cls=Weather
        )
        with pytest.raises(BadResponse, match=r"no Weather .* 'It rained\.'"):
            asked(engine)


def test_a_stream_of_an_object_is_refused():
    with pytest.raises(ConfigError, match="output_cls=Weather"):
        GlyphSynthesizer(GlyphLLM("http://127.0.0.1:9/v1"), streaming=True, output_cls=Weather)


def test_the_embedded_reader_makes_no_objects(reader_url):
    engine = GlyphQueryEngine.from_documents(DOCUMENTS, GlyphLLM(reader_url), output_cls=Weather)
    with pytest.raises(ConfigError, match="embedded reader"):
        asked(engine)


def test_a_streamed_answer_is_told_piece_by_piece_by_the_request_it_is_of():
    with ScriptedServer(streamed("No", "body.")) as server, recorded() as new:
        engine = GlyphQueryEngine.from_documents(
            DOCUMENTS, GlyphLLM(server.base_url), streaming=True
        )
        assert "".join(asked(engine).response_gen) == "Nobody."
    kinds = [kind for kind, _ in new.events if kind.startswith("LLM")]
    assert kinds == ["LLMChatStartEvent", *["LLMChatInProgressEvent"] * 2, "LLMChatEndEvent"]
