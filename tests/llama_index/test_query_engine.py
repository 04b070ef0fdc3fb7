"""Questions about whole documents, answered by the embedded reader over HTTP."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from llama_index.core import (
    Document,
    MockEmbedding,
    Settings,
    VectorStoreIndex,
)
from llama_index.core.llms import ChatMessage, MockLLM
from llama_index.core.prompts import ChatPromptTemplate, PromptTemplate
from llama_index.core.schema import ImageDocument, NodeWithScore, QueryBundle, TextNode
from PIL import Image

from glyph_shared import RenderConfig
from glyph_shared.errors import ConfigError, InputError, OverLengthError
from glyph_shared.rendering import Renderer
from llama_index_glyph import (
    GlyphCorpusRetriever,
    GlyphLLM,
    GlyphNodeParser,
    GlyphQueryEngine,
    GlyphSynthesizer,
)
from tests.scripted_server import ScriptedServer, answer, as_json

LISBON = "What is the access code of the Lisbon office?"
FACT = "The access code of the {} office is {}."
DOCUMENTS = [
    Document(text=FACT.format("Lisbon", 4711), id_="a", metadata={"file_name": "a.txt"}),
    Document(text=FACT.format("Porto", 8812), id_="b", metadata={"file_name": "b.txt"}),
]
SMALL = RenderConfig(page_size=(560, 280))
DIARY = "\n".join(f"On day {number} it rained, and nobody went out." for number in range(300))


@pytest.fixture
def engine(reader_url):
    return GlyphQueryEngine.from_documents(DOCUMENTS, llm=GlyphLLM(reader_url))


def assert_about_lisbon(response):
    assert str(response) == "4711"
    [source] = response.source_nodes
    assert (source.node.ref_doc_id, source.text) == ("a", DOCUMENTS[0].text)
    assert (source.node.start_char_idx, source.node.end_char_idx) == (0, len(source.text))
    assert source.score == 1.0
    assert response.metadata["pages"] == 2
    [citation] = response.metadata["citations"]
    assert (citation["file"], citation["quote"], citation["page"]) == ("a.txt", "4711", 1)
    assert source.text[slice(*citation["char_span"])] == "4711"


def test_a_query_engine_from_documents_answers(engine):
    assert_about_lisbon(engine.query(LISBON))
    assert_about_lisbon(engine.query(QueryBundle(LISBON)))


def test_it_answers_in_one_event_loop_after_the_other(engine):
    for _ in range(3):
        assert_about_lisbon(asyncio.run(engine.aquery(LISBON)))


def test_threads_share_an_engine(engine):
    with ThreadPoolExecutor(4) as pool:
        for response in pool.map(engine.query, [LISBON] * 4):
            assert_about_lisbon(response)


def test_a_stream_brings_its_sources_at_its_end(reader_url):
    engine = GlyphQueryEngine.from_documents(DOCUMENTS, GlyphLLM(reader_url), streaming=True)
    response = engine.query(LISBON)
    assert response.source_nodes == []
    assert "".join(response.response_gen) == "4711"
    response.response_txt = "4711"
    assert_about_lisbon(response)


def test_an_asynchronous_stream_brings_its_sources_at_its_end(reader_url):
    engine = GlyphQueryEngine.from_documents(DOCUMENTS, GlyphLLM(reader_url), streaming=True)

    async def ask():
        response = await engine.aquery(LISBON)
        return await response.get_response()

    for _ in range(2):
        assert_about_lisbon(asyncio.run(ask()))


def test_the_llm_of_the_settings_is_taken_else_that_of_the_environment(reader_url, monkeypatch):
    monkeypatch.setattr(Settings, "_llm", GlyphLLM(reader_url))
    assert str(GlyphQueryEngine.from_documents(DOCUMENTS).query(LISBON)) == "4711"
    monkeypatch.setattr(Settings, "_llm", None)
    monkeypatch.setenv("GLYPH_BASE_URL", reader_url)
    assert str(GlyphQueryEngine.from_documents(DOCUMENTS).query(LISBON)) == "4711"


def test_another_llm_and_impossible_options_are_errors(reader_url):
    with pytest.raises(ConfigError, match="MockLLM"):
        GlyphSynthesizer(MockLLM())
    with pytest.raises(ConfigError, match="MockLLM"):
        GlyphSynthesizer(MockLLM().as_structured_llm(Document))
    with pytest.raises(ConfigError, match="response_mode"):
        GlyphQueryEngine.from_documents(DOCUMENTS, GlyphLLM(reader_url), response_mode="compact")
    with pytest.raises(ConfigError, match=r"GlyphQueryEngine has no .*\(did you mean 'streaming'"):
        GlyphQueryEngine.from_documents(DOCUMENTS, GlyphLLM(reader_url), streamin=True)
    with pytest.raises(ConfigError, match=r"GlyphSynthesizer has no .*\(did you mean 'output_cls'"):
        GlyphSynthesizer(GlyphLLM(reader_url), output_class=Document)
    with pytest.raises(ConfigError, match=r"GlyphLLM has no .*\(did you mean 'keep_last'"):
        GlyphLLM(reader_url, keep_lst=2)
    with pytest.raises(InputError, match="nothing to retrieve"):
        GlyphQueryEngine.from_documents([], GlyphLLM(reader_url))
    with pytest.raises(InputError, match="got a str"):
        GlyphQueryEngine.from_documents(["text"], GlyphLLM(reader_url))


def test_documents_without_text_give_the_empty_response(reader_url):
    blank = [Document(text=" ")]
    llm = GlyphLLM(reader_url)
    assert str(GlyphQueryEngine.from_documents(blank, llm).query(LISBON)) == "Empty Response"
    streaming = GlyphQueryEngine.from_documents(blank, llm, streaming=True)
    assert str(streaming.query(LISBON)) == "Empty Response"

    async def ask():
        response = await streaming.aquery(LISBON)
        return [piece async for piece in response.response_gen]

    assert asyncio.run(ask()) == ["Empty Response"]


def test_an_index_answers_with_the_synthesizer(reader_url):
    index = VectorStoreIndex.from_documents(DOCUMENTS, embed_model=MockEmbedding(embed_dim=4))
    llm = GlyphLLM(reader_url)
    engine = index.as_query_engine(
        llm, response_synthesizer=GlyphSynthesizer(llm), similarity_top_k=2
    )
    response = engine.query(LISBON)
    assert str(response) == "4711"
    [source] = response.source_nodes
    assert source.node_id in index.docstore.docs


def test_the_synthesizer_answers_texts_and_messages(reader_url):
    synthesizer = GlyphSynthesizer(GlyphLLM(reader_url))
    texts = [document.text for document in DOCUMENTS]
    messages = [ChatMessage(role="user", content=text) for text in texts]
    assert synthesizer.get_response(LISBON, texts) == "4711"
    assert asyncio.run(synthesizer.aget_response(LISBON, texts)) == "4711"
    assert synthesizer.get_response_from_messages(LISBON, messages) == "4711"
    asked = synthesizer.aget_response_from_messages(LISBON, messages)
    assert asyncio.run(asked) == "4711"


def test_pages_of_a_parser_are_read_as_the_text_they_show(reader_url):
    pages = GlyphNodeParser()(DOCUMENTS)
    engine = GlyphQueryEngine.from_documents(pages, GlyphLLM(reader_url))
    [source] = engine.query(LISBON).source_nodes
    assert source.node == pages[0]


def test_the_engine_over_another_retriever_is_the_same_engine(engine):
    other = engine.with_retriever(GlyphCorpusRetriever(DOCUMENTS[1:]))
    assert isinstance(other, GlyphQueryEngine)
    assert str(other.query("What is the access code of the Porto office?")) == "8812"


def scripted(server, documents, **settings):
    return GlyphQueryEngine.from_documents(documents, GlyphLLM(server.base_url), **settings)


def parts(request):
    return request["messages"][-1]["content"]


def question_of(request):
    return parts(request)[-1]["text"]


def test_a_second_question_draws_nothing_and_its_request_begins_alike(monkeypatch):
    drawn, draw = [], Renderer._draw

    def counting(self, index, layout):
        drawn.append(index)
        return draw(self, index, layout)

    monkeypatch.setattr(Renderer, "_draw", counting)
    with ScriptedServer() as server:
        engine = scripted(server, [Document(text=DIARY)], config=SMALL)
        engine.query("Did it rain?")
        before = len(drawn)
        engine.query("Who went out?")
        first, second = server.requests
    assert len(drawn) == before == sum(part["type"] == "image_url" for part in parts(first)) > 2
    assert parts(first)[:-1] == parts(second)[:-1]
    assert question_of(first) != question_of(second)


@pytest.mark.parametrize("way", ["query", "aquery"])
def test_a_server_that_keeps_pages_is_sent_none_twice(way):
    models = as_json({"object": "list", "data": [{"id": "scripted", "owned_by": "vllm"}]})
    with ScriptedServer(models=models, version=as_json({"version": "0.32.0"})) as server:
        engine = scripted(server, [Document(text=DIARY)], config=SMALL)
        for question in ("Did it rain?", "Who went out?"):
            asked = getattr(engine, way)(question)
            _ = asyncio.run(asked) if way == "aquery" else asked
        first, second = (
            [part["image_url"] for part in parts(request)[:-1]] for request in server.requests
        )
    assert all(first)
    assert second == [None] * len(first)


def test_a_long_document_is_cited_by_its_pages():
    with ScriptedServer(answer("It rained [page 3].")) as server:
        response = scripted(server, [Document(text=DIARY, id_="diary")], config=SMALL).query(
            "Rain?"
        )
    first = response.source_nodes[0].node
    assert first.metadata["page"] == 3
    assert first.text == DIARY[first.start_char_idx : first.end_char_idx]
    assert 0 < first.start_char_idx < first.end_char_idx < len(DIARY)
    pages = GlyphNodeParser(config=SMALL)([Document(text=DIARY, id_="diary")])
    assert (first.text, first.metadata["digest"]) == (pages[2].text, pages[2].metadata["digest"])


def test_what_an_overflow_policy_leaves_out_is_told_and_places_stay_right():
    days = [f"On day {number} the {number % 7} guests ate fish." for number in range(700)]
    days[350] = "The captain found a chest of silver."
    diary = "\n".join(days)
    document = Document(text=diary, id_="diary", metadata={"file_name": "diary.txt"})
    with ScriptedServer(answer("A chest of silver.")) as server:
        llm = GlyphLLM(server.base_url)
        with pytest.raises(OverLengthError):
            GlyphQueryEngine.from_documents([document], llm, config=SMALL, max_pages=2).query(
                "Who?"
            )
        engine = GlyphQueryEngine.from_documents(
            [document], llm, config=SMALL, max_pages=2, overflow="hybrid"
        )
        response = engine.query("What did the captain find?")
    assert "hybrid" in response.metadata["overflow_note"]
    assert response.metadata["left_out"][0]["document"] == "diary.txt"
    cited = response.source_nodes[0].node
    assert "chest of silver" in cited.text
    assert cited.text == diary[cited.start_char_idx : cited.end_char_idx]


def test_source_pages_of_a_file_share_drawn_pages_and_are_cited_by_their_number():
    source = [
        Document(text=f"Chapter {number} tells of fish {number}.", id_=f"p{number}", metadata={
            "file_name": "book.pdf", "file_path": "/books/book.pdf", "page_label": str(number),
        })
        for number in range(1, 6)
    ]  # fmt: skip
    with ScriptedServer(answer("Chapter 4 tells of fish 4.")) as server:
        response = scripted(server, source, cite=False).query("Which?")
    assert response.metadata["pages"] + (response.metadata["mode"] == "text") == 1
    assert response.metadata["citations"][0]["source_page"] == 4
    assert response.source_nodes[0].node.ref_doc_id == "p4"


def test_the_question_s_prompt_can_be_overridden():
    with ScriptedServer() as server:
        engine = scripted(server, DOCUMENTS, cite=False)
        own = PromptTemplate("Be brief. {query_str}")
        engine.update_prompts({"response_synthesizer:text_qa_template": own})
        engine.query("Who?")
        chat = ChatPromptTemplate.from_messages([("system", "Be kind."), ("user", "{query_str}")])
        scripted(server, DOCUMENTS, cite=False, text_qa_template=chat).query("Who?")
        first, second = server.requests
    assert str(first["messages"]).count("Be brief. Who?") == 1
    assert (second["messages"][0]["role"], "Be kind." in str(second["messages"][0])) == (
        "system",
        True,
    )


def test_images_without_text_are_shown_as_they_are(tmp_path):
    Image.new("RGB", (600, 400), "white").save(tmp_path / "scan.png")
    image = ImageDocument(image_path=str(tmp_path / "scan.png"))
    with ScriptedServer(answer("White [page 1].")) as server:
        response = scripted(server, [image]).query("Which colour?")
    assert parts(server.requests[0])[0]["type"] == "image_url"
    assert [source.node for source in response.source_nodes] == [image]


def test_sources_that_the_caller_adds_come_last(reader_url):
    synthesizer = GlyphSynthesizer(GlyphLLM(reader_url))
    more = NodeWithScore(node=TextNode(text="more"))
    given = [NodeWithScore(node=document) for document in DOCUMENTS]
    response = synthesizer.synthesize(LISBON, given, additional_source_nodes=[more])
    assert [source.text for source in response.source_nodes] == [DOCUMENTS[0].text, "more"]
