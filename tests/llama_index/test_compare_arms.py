"""Arms show what they promise, and rows tell what came of it."""

from __future__ import annotations

import asyncio
import csv
import json
import re
import threading
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from llama_index.core.bridge.pydantic import Field
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.llms import CompletionResponse, CustomLLM, LLMMetadata
from llama_index.core.llms.callbacks import llm_completion_callback

from glyph_shared import (
    AsyncGlyphClient,
    ConfigError,
    Document,
    InputError,
    RenderConfig,
    render,
)
from glyph_shared.asking import Endpoint
from glyph_shared.planning import EstimateCounter
from llama_index_glyph.compare import (
    FullContext,
    Gold,
    Hybrid,
    Judge,
    PageAnswerer,
    Passage,
    Prices,
    Question,
    Rag,
    Reading,
    TextAnswerer,
    bm25_retriever,
    chunks,
    compare,
)
from llama_index_glyph.compare.answerers import BRIEFLY
from llama_index_glyph.compare.arms import embedding_retriever
from llama_index_glyph.compare.demo_corpus import demo_corpus
from llama_index_glyph.compare.reading import ShownPage
from llama_index_glyph.compare.setup import Settings, make_arms
from llama_index_glyph.compare.verdicts import most_held
from tests.scripted_server import ScriptedServer, streamed

FACT = "The access code of the Oslo office is AB-4711."
FILLER = "It rained all day, and the river rose. " * 6
DOCUMENTS = [
    Document.from_text(f"{FILLER}\n\n{FACT} {FILLER}", "a.txt"),
    Document.from_text(f"Nobody knows anything here. {FILLER}", "b.txt"),
]
START = DOCUMENTS[0].text.index(FACT)
ASKED = Question(
    "q1",
    "What is the access code of the Oslo office?",
    ("AB-4711",),
    (Gold("a.txt", START, START + len(FACT)),),
)
LOST = Question("q2", "What is the budget of the Riga mill?", ())


class Answerer:
    """Says always the same and notes what it was shown."""

    def __init__(self, answer="AB-4711"):
        self.said = answer
        self.shown = []

    async def answer(self, question, passages):
        self.shown.append([(passage.document, passage.start) for passage in passages])
        stretches = tuple((one.document, one.start, one.end) for one in passages)
        return Reading(self.said, shown=stretches, total_s=1.0)


class Model(CustomLLM):
    """Says always the same, and keeps the last prompt."""

    said: str = "AB-4711"
    window: int = 4000
    prompts: list[str] = Field(default_factory=list)

    @property
    def metadata(self):
        return LLMMetadata(context_window=self.window, num_output=100, model_name="parrot")

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **_: Any):
        self.prompts.append(prompt)
        return CompletionResponse(text=self.said)

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **_: Any):
        self.prompts.append(prompt)
        yield CompletionResponse(text=self.said, delta=self.said)


def ask(arm, question=ASKED):
    return asyncio.run(arm(question))


def rag(answerer, top_k=1, size=64, documents=DOCUMENTS, overlap=0):
    return Rag(bm25_retriever(chunks(documents, size, overlap), top_k), answerer)


def run(folder, arms, questions=(ASKED,), **options):
    return asyncio.run(compare(DOCUMENTS, questions, arms, folder, **options))


def rows(folder):
    lines = (folder / "results.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_full_context_shows_all_documents():
    answerer = Answerer()
    reading = ask(FullContext(DOCUMENTS, answerer))
    assert answerer.shown == [[("a.txt", 0), ("b.txt", 0)]]
    assert reading.retrieved is None


def test_rag_shows_the_chunks_that_share_the_words_of_the_question():
    reading = ask(rag(Answerer()))
    [hit] = reading.retrieved
    assert FACT in hit.content.text
    assert DOCUMENTS[0].text[hit.start : hit.end] == hit.content.text
    assert reading.total_s > 1.0


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # bm25s divides by their number first
def test_documents_without_words_to_look_for_are_told():
    with pytest.raises(InputError, match="leave the arms with BM25 out"):
        rag(Answerer(), documents=[Document.from_text("a b c", "a.txt")])


def test_hybrid_shows_the_whole_documents_of_the_hits_once():
    answerer = Answerer()
    retriever = bm25_retriever(chunks(DOCUMENTS, 32, 0), 2)
    reading = ask(Hybrid(DOCUMENTS, retriever, answerer))
    assert answerer.shown[0][0] == ("a.txt", 0)
    assert len(answerer.shown[0]) == len({hit.document for hit in reading.retrieved})


def test_chunks_of_a_repetitive_text_know_where_they_stand():
    for node in chunks([Document.from_text("Ja. " * 500, "ja.txt")], 20, 5)[1:]:
        assert node.start_char_idx > 0


def test_embeddings_are_any_of_llama_index():
    from llama_index.core.embeddings import MockEmbedding

    retriever = embedding_retriever(chunks(DOCUMENTS, 64, 0), MockEmbedding(embed_dim=3), 2)
    assert len(ask(Rag(retriever, Answerer())).retrieved) == 2


class WordCounts(BaseEmbedding):
    """Counts words: an embedding that needs no hub."""

    def _get_text_embedding(self, text):
        counts = Counter(crc32(word.encode()) % 512 for word in re.findall(r"\w+", text.lower()))
        return [float(counts[place]) for place in range(512)]

    def _get_query_embedding(self, query):
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query):
        return self._get_text_embedding(query)


def embedding_arm(name, model=None):
    settings = Settings(
        arms=("rag-embedding",), chunk_size=64, chunk_overlap=0, top_k=1, embedding=name
    )
    with ScriptedServer(streamed("AB-4711")) as server:

        async def work():
            endpoint = Endpoint.resolve(base_url=server.base_url)
            async with AsyncGlyphClient.at(endpoint) as client:
                arms = await make_arms(DOCUMENTS, settings, endpoint, client, embedding=model)
                return await arms["rag-embedding"](ASKED)

        return asyncio.run(work())


WORD_COUNTS = WordCounts()


@pytest.mark.parametrize("name", ["WordCounts", "WORD_COUNTS"])
def test_an_embedding_is_named_by_where_it_is_or_given(name):
    for reading in (embedding_arm(f"{__name__}:{name}"), embedding_arm(None, WORD_COUNTS)):
        [hit] = reading.retrieved
        assert FACT in hit.content.text
        assert 0 < hit.score <= 1


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("no_such_module:model", "No module named 'no_such_module'"),
        (f"{__name__}:Nothing", "Nothing"),
        (f"{__name__}:FACT", "it is a str, not one of LlamaIndex's embeddings"),
    ],
)
def test_an_embedding_that_is_none_is_told(name, told):
    with pytest.raises(ConfigError, match=re.escape(told)):
        embedding_arm(name)


def test_a_chunk_cannot_overlap_all_of_itself():
    with pytest.raises(ConfigError, match=r"chunk_overlap .* got 64 and 64"):
        chunks(DOCUMENTS, 64, 64)


def test_text_that_fills_the_window_is_cut_and_that_is_told():
    model = Model(window=800)
    answerer = TextAnswerer(model, EstimateCounter())
    long = [Passage.whole(Document.from_text("word " * 5000, "long.txt"))]
    reading = asyncio.run(answerer.answer("Who?", [*long, *map(Passage.whole, DOCUMENTS)]))
    assert "cut to" in reading.note
    [(document, start, end)] = reading.shown
    assert (document, start) == ("long.txt", 0)
    assert 0 < end < 5000
    assert model.prompts[-1].count("word") < 800


def test_text_that_fits_goes_whole_and_before_the_question():
    model = Model()
    reading = ask(FullContext(DOCUMENTS, TextAnswerer(model, EstimateCounter())))
    assert reading.note == ""
    assert FACT in model.prompts[-1]
    assert model.prompts[-1].index(FACT) < model.prompts[-1].index(ASKED.question)
    assert (reading.answer, reading.model) == ("AB-4711", "parrot")


def test_a_model_that_finds_nothing_says_the_agreed_sentence():
    model = Model(said="Not on these pages.")
    assert ask(FullContext(DOCUMENTS, TextAnswerer(model, EstimateCounter()))).refused


def test_a_window_without_room_is_refused():
    answerer = TextAnswerer(Model(window=500), EstimateCounter())
    with pytest.raises(ConfigError, match="leaves no room for text"):
        ask(FullContext(DOCUMENTS, answerer))


def test_pages_may_not_retrieve_in_secret():
    with pytest.raises(ConfigError, match="arm of its own"):
        PageAnswerer(AsyncGlyphClient("http://127.0.0.1:9/v1"), bare=True, overflow="hybrid")


def test_the_reader_reads_pages_and_the_row_shows_where_the_answer_stands(reader_url, tmp_path):
    async def work():
        async with AsyncGlyphClient(reader_url) as client:
            pages = PageAnswerer(client, bare=True, max_tokens=32)
            arms = {"glyph": FullContext(DOCUMENTS, pages), "rag": rag(pages)}
            return await compare(DOCUMENTS, [ASKED], arms, tmp_path)

    summary = asyncio.run(work())
    glyph, retrieved = rows(tmp_path)
    assert (glyph["answer"], glyph["verdict"]) == ("AB-4711", "right")
    assert glyph["usage"]["visual_tokens"] > 0
    assert glyph["page_count"] >= 2
    held = [page for page in glyph["pages"] if page["evidence_px"]]
    assert held
    assert all(page["end"] > START and page["start"] <= START + len(FACT) for page in held)
    assert all((tmp_path / page["image"]).read_bytes()[:4] == b"\x89PNG" for page in held)
    assert [hit["holds_gold"] for hit in retrieved["retrieved"]] == ["whole"]
    assert 0 < retrieved["first_token_s"] <= retrieved["total_s"]
    assert summary["arms"]["glyph"]["right"]["mean"] == 1.0


def test_the_same_page_may_be_kept_by_many_answers_at_once(tmp_path, monkeypatch):
    config = RenderConfig.preset("reader")
    page = render(FACT, config)[0]
    reading = Reading("AB-4711", pages=(ShownPage(page, config, "a.txt", 0, cited=True),))
    all_written, move = threading.Barrier(4), Path.replace

    def wait_and_move(file, target):
        if file.parent.name == "pages":
            all_written.wait(timeout=60)
        return move(file, target)

    async def arm(_):
        return reading

    monkeypatch.setattr(Path, "replace", wait_and_move)
    questions = [replace(ASKED, id=f"q{number}", gold=()) for number in range(4)]
    run(tmp_path, {"pages": arm}, questions, concurrency=4)
    assert [row["error"] for row in rows(tmp_path)] == [None] * 4
    assert [file.suffix for file in (tmp_path / "pages").iterdir()] == [".png"]


def parts(request):
    return [part for message in request["messages"] for part in message["content"]]


def test_another_model_reads_chunks_as_text_and_all_arms_ask_it_the_same():
    long = [Document.from_text(f"{FILLER * 40}{FACT} {FILLER * 40}", "long.txt")]
    settings = Settings(
        arms=("glyph", "rag-bm25", "hybrid", "text"), chunk_size=64, chunk_overlap=0
    )
    usage = {"prompt_tokens": 1150, "completion_tokens": 5}
    with ScriptedServer(streamed("AB-", "4711", usage=usage)) as server:

        async def work():
            endpoint = Endpoint.resolve(base_url=server.base_url)
            async with AsyncGlyphClient.at(endpoint) as client:
                arms = await make_arms(long, settings, endpoint, client)
                return {name: await arm(ASKED) for name, arm in arms.items()}

        readings = asyncio.run(work())
    kinds = [{part["type"] for part in parts(request)} for request in server.requests]
    assert kinds == [{"image_url", "text"}, {"text"}, {"image_url", "text"}, {"text"}]
    texts = ["".join(part.get("text", "") for part in parts(one)) for one in server.requests]
    assert all(f"{ASKED.question}\n\n{BRIEFLY}" in text for text in texts)
    assert [FACT in text for text in texts] == [False, True, False, True]
    assert len(texts[1]) < len(texts[3]) / 10
    for reading in readings.values():
        assert (reading.answer, reading.usage.prompt_tokens) == ("AB-4711", 1150)
        assert 0 < reading.first_token_s <= reading.total_s


def test_a_comparison_goes_on_where_it_stopped(tmp_path):
    answerer = Answerer()
    arms = {"full": FullContext(DOCUMENTS, answerer)}
    first = run(tmp_path, arms, (ASKED, LOST))
    assert run(tmp_path, arms, (ASKED, LOST)) == first
    assert len(answerer.shown) == 2


def test_a_summary_tells_when_the_last_answer_came(tmp_path):
    before = datetime.now(timezone.utc) - timedelta(seconds=2)  # clocks of files are coarser
    told = run(tmp_path, {"full": FullContext(DOCUMENTS, Answerer())})["created"]
    assert before <= datetime.fromisoformat(told) <= datetime.now(timezone.utc)
    assert told.endswith("+00:00")
    assert json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))["created"] == told


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"settings": {"top_k": 3}}, "other settings"),
        ({"questions": (LOST,)}, "other corpus"),
        ({"prices": Prices(prompt=1, completion=1)}, "other prices"),
    ],
)
def test_results_of_another_run_are_not_mixed_in(tmp_path, change, told):
    arms = {"full": FullContext(DOCUMENTS, Answerer())}
    run(tmp_path, arms)
    before = (tmp_path / "results.jsonl").read_bytes()
    with pytest.raises(ConfigError, match=told):
        run(tmp_path, arms, **{"questions": (ASKED,), **change})
    assert (tmp_path / "results.jsonl").read_bytes() == before


def test_a_failed_row_is_as_complete_as_any(tmp_path):
    async def broken(_):
        raise RuntimeError("no")

    run(tmp_path, {"good": FullContext(DOCUMENTS, Answerer()), "bad": broken})
    good, bad = rows(tmp_path)
    assert good.keys() == bad.keys()
    assert (bad["verdict"], bad["error"]["message"]) == ("failed", "no")


@pytest.mark.fault(73)
def test_the_table_is_read_by_spreadsheets_and_runs_no_formula(tmp_path):
    arms = {"full": FullContext(DOCUMENTS, Answerer("=HYPERLINK(1)"))}
    run(tmp_path, arms)
    with (tmp_path / "results.csv").open(encoding="utf-8", newline="") as stream:
        [row] = csv.DictReader(stream)
    assert row["answer"] == "'=HYPERLINK(1)"
    assert row["verdict"] == "wrong"


def test_nothing_to_compare_is_refused(tmp_path):
    with pytest.raises(InputError, match="at least one"):
        run(tmp_path, {})


@pytest.mark.parametrize(("score", "verdict"), [("4.5", "right"), ("2.0", "wrong")])
def test_a_judge_decides_and_is_named(tmp_path, score, verdict):
    judge = Judge(Model(said=f"{score}\nbecause."))
    arms = {"full": FullContext(DOCUMENTS, Answerer("the code that begins with AB"))}
    summary = run(tmp_path, arms, judge=judge)
    [row] = rows(tmp_path)
    assert (row["verdict"], row["judge"]) == (verdict, float(verdict == "right"))
    assert "parrot" in summary["judge"]


def test_an_answer_outlives_its_judge(tmp_path):
    class Broken(Model):
        async def apredict(self, *_, **__):
            raise RuntimeError("the judge is ill")

    arms = {"full": FullContext(DOCUMENTS, Answerer())}
    run(tmp_path, arms, judge=Judge(Broken()))
    [row] = rows(tmp_path)
    assert (row["verdict"], row["judge"], row["error"]) == ("right", None, None)
    assert row["note"] == "the judge failed: RuntimeError: the judge is ill"


def test_the_demo_asks_what_its_documents_hold_and_what_they_do_not():
    corpus = demo_corpus(0)
    assert corpus.questions == demo_corpus(0).questions != demo_corpus(1).questions
    texts = {document.name: document.text for document in corpus.documents}
    for question in corpus.questions:
        subject = question.question.removeprefix("What is ").removesuffix("?")
        place = subject.rpartition(" ")[2]
        stated = f"{subject[0].upper()}{subject[1:]} is "
        assert len(question.gold) == len(question.answers)
        assert sum(stated in text for text in texts.values()) <= len(question.gold)
        for gold in question.gold:
            told = texts[gold.document][gold.start : gold.end]
            assert told.endswith(f" of the {place} is {question.answers[0]}.") or (
                told == f"{stated}{question.answers[0]}."
            )
    assert sum(question.unanswerable for question in corpus.questions) == 4


def held_by_two_chunks(corpus):
    """Tells of each gold place of the demo how much of it the demo's RAG retrieves."""
    arm = rag(Answerer(), top_k=2, size=256, overlap=20, documents=corpus.documents)
    asked = [question for question in corpus.questions if question.gold]
    return [most_held(question.gold, ask(arm, question).shown) for question in asked]


def test_the_demo_has_golds_that_two_chunks_hold_miss_and_split():
    assert set(held_by_two_chunks(demo_corpus(0))) == {"whole", "none", "part"}
