"""Documents become page nodes: deterministic, with their places, and at home in a pipeline."""

from __future__ import annotations

import asyncio
import pickle
import weakref
from itertools import pairwise
from pathlib import Path

import pytest
from llama_index.core import Document, MockEmbedding, VectorStoreIndex
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import ImageDocument, ImageNode, MetadataMode, NodeRelationship
from llama_index.core.storage.docstore import SimpleDocumentStore
from llama_index.core.vector_stores import SimpleVectorStore
from PIL import Image

from glyph_shared import RenderConfig
from glyph_shared.errors import ConfigError, InputError
from glyph_shared.rendering import Renderer
from llama_index_glyph import GlyphNodeParser

SMALL = RenderConfig(page_size=(560, 280))
# Each line stands there twelve times, so that looking for a page's text finds other places.
LINES = "\n".join(f"On day {number // 12} it rained, and nobody went out." for number in range(300))


def document(text=LINES, **fields):
    return Document(text=text, id_="diary", metadata={"file_name": "diary.txt"}, **fields)


def parsed(*documents, **settings):
    return GlyphNodeParser(config=SMALL, **settings).get_nodes_from_documents(documents)


def ids(nodes):
    return [node.node_id for node in nodes]


def test_the_pages_texts_tile_the_document():
    pages = parsed(document())
    assert len(pages) > 2
    assert "".join(page.text for page in pages) == LINES
    for page in pages:
        assert page.text == LINES[page.start_char_idx : page.end_char_idx]
    for one, other in pairwise(pages):
        assert one.end_char_idx == other.start_char_idx
        assert one.relationships[NodeRelationship.NEXT].node_id == other.node_id


def test_a_page_is_an_image_node_that_knows_where_it_is_from():
    page = parsed(document())[1]
    assert isinstance(page, ImageNode)
    assert page.ref_doc_id == "diary"
    assert page.metadata["file_name"] == "diary.txt"
    assert (page.metadata["page"], page.metadata["theta"]) == (2, SMALL.theta_hash)
    assert Path(page.image_path).stem == page.metadata["digest"]
    with Image.open(page.image_path) as image:
        assert image.size == next(iter(Renderer(SMALL).render(page.text))).size_px
    assert page.image is None


def test_neither_model_nor_embedding_is_told_of_digests():
    page = parsed(document(excluded_llm_metadata_keys=["file_name"]))[0]
    assert page.get_content(MetadataMode.EMBED).startswith("file_name: diary.txt\n\nOn day 0")
    assert page.get_content(MetadataMode.LLM).startswith("On day 0")


def test_ids_depend_on_document_text_and_look_alone():
    pages = ids(parsed(document()))
    assert pages == ids(parsed(document()))
    assert not set(pages) & set(ids(parsed(document(LINES.upper()))))
    assert not set(pages) & set(ids(parsed(Document(text=LINES, id_="another"))))
    assert not set(pages) & set(ids(GlyphNodeParser()([document()])))


def test_a_function_for_ids_is_asked():
    pages = parsed(document(), id_func=lambda index, node: f"{node.node_id}-{index}")
    assert ids(pages)[:2] == ["diary-0", "diary-1"]


def test_blank_documents_give_no_node():
    assert parsed(Document(text=""), Document(text=" \n")) == []


def test_one_page_at_a_time_is_held_in_memory(monkeypatch):
    alive = []
    render = Renderer.render

    def spy(renderer, text):
        for page in render(renderer, text):
            assert sum(one() is not None for one in alive) <= 1
            alive.append(weakref.ref(page))
            yield page
            del page

    monkeypatch.setattr(Renderer, "render", spy)
    assert len(parsed(document())) == len(alive) > 2


def test_an_image_without_text_stays_an_image(tmp_path):
    Image.new("RGB", (60, 40)).save(tmp_path / "scan.png")
    scan = ImageDocument(image_path=str(tmp_path / "scan.png"), id_="scan")
    [node] = parsed(scan)
    assert isinstance(node, ImageNode)
    assert (node.image_path, node.ref_doc_id) == (str(tmp_path / "scan.png"), "scan")
    assert [node.node_id] == ids(parsed(scan))


def test_metadata_of_documents_can_be_left_out():
    assert set(parsed(document(), include_metadata=False)[0].metadata) == {
        "page", "pages", "digest", "theta",
    }  # fmt: skip


def test_the_pages_of_chunks_know_their_place_in_the_document():
    chunks = SentenceSplitter(chunk_size=400, chunk_overlap=0)([document()])
    pages = GlyphNodeParser(config=SMALL)(chunks)
    assert {page.ref_doc_id for page in pages} == {"diary"}
    for page in pages:
        assert page.text == LINES[page.start_char_idx : page.end_char_idx]


def test_without_a_cache_folder_images_need_one_of_their_own(monkeypatch, tmp_path):
    monkeypatch.setenv("GLYPH_CACHE_DIR", "off")
    with pytest.raises(ConfigError, match="folder="):
        parsed(document())
    [page, *_] = parsed(document(), folder=str(tmp_path / "images"))
    assert Path(page.image_path).parent == tmp_path / "images"


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path):
    (tmp_path / "images").write_text("a file", encoding="utf-8")
    with pytest.raises(InputError, match=r"cannot be written to .*images.*folder="):
        parsed(document(), folder=str(tmp_path / "images"))


def test_the_parser_is_written_down_and_pickled_with_its_look():
    parser = GlyphNodeParser(config=SMALL)
    assert parser.to_dict()["config"] == SMALL.model_dump()
    assert ids(pickle.loads(pickle.dumps(parser))([document()])) == ids(parsed(document()))


def test_a_pipeline_takes_pages_from_its_cache(monkeypatch):
    pipeline = IngestionPipeline(transformations=[GlyphNodeParser(config=SMALL)])
    first = pipeline.run(documents=[document()])
    monkeypatch.setattr(Renderer, "render", None)
    again = pipeline.run(documents=[document()])
    assert [(type(page), page.node_id, page.image_path, page.start_char_idx) for page in again] == [
        (ImageNode, page.node_id, page.image_path, page.start_char_idx) for page in first
    ]


def test_a_pipeline_with_a_document_store_draws_only_what_has_changed():
    vectors = SimpleVectorStore()
    pipeline = IngestionPipeline(
        transformations=[GlyphNodeParser(config=SMALL), MockEmbedding(embed_dim=4)],
        docstore=SimpleDocumentStore(),
        vector_store=vectors,
    )
    other = Document(text="It snowed.", id_="other")
    assert pipeline.run(documents=[document(), other])
    assert pipeline.run(documents=[document(), other]) == []
    changed = pipeline.run(documents=[document(), Document(text="It hailed.", id_="other")])
    assert [page.text for page in changed] == ["It hailed."]
    assert set(vectors.data.embedding_dict) == {*ids(parsed(document())), *ids(changed)}


def test_pipelines_run_in_event_loops_and_in_several_processes():
    documents = [document(), Document(text="It snowed.", id_="other")]
    plain = ids(IngestionPipeline(transformations=[GlyphNodeParser(config=SMALL)]).run(
        documents=documents
    ))  # fmt: skip
    pipeline = IngestionPipeline(transformations=[GlyphNodeParser(config=SMALL)])
    assert ids(asyncio.run(pipeline.arun(documents=documents))) == plain
    parallel = IngestionPipeline(transformations=[GlyphNodeParser(config=SMALL)])
    assert ids(parallel.run(documents=documents, num_workers=2)) == plain


def test_an_index_takes_pages_in_place_of_chunks():
    index = VectorStoreIndex.from_documents(
        [document()],
        transformations=[GlyphNodeParser(config=SMALL)],
        embed_model=MockEmbedding(embed_dim=4),
    )
    [hit] = index.as_retriever(similarity_top_k=1).retrieve("When did it rain?")
    assert isinstance(hit.node, ImageNode)
    assert hit.node.text == LINES[hit.node.start_char_idx : hit.node.end_char_idx]


@pytest.mark.parametrize("setting", [{"chunk_size": 256}, {"dpi": 4}, {"foldr": "x"}])
def test_a_setting_that_there_is_not_is_refused(setting):
    [name] = setting
    with pytest.raises(ConfigError, match=f"GlyphNodeParser has no option '{name}'.*'folder'"):
        GlyphNodeParser(**setting)
    written = {**GlyphNodeParser(config=SMALL).to_dict(), **setting}
    with pytest.raises(ConfigError, match=name):
        GlyphNodeParser.from_dict(written)


def test_what_was_written_down_is_read_with_the_name_of_its_class():
    made = GlyphNodeParser(config=SMALL, folder="pages")
    # LlamaIndex writes the function for ids down in a form that it does not read itself.
    written = {name: value for name, value in made.to_dict().items() if name != "id_func"}
    read = GlyphNodeParser.from_dict(written)
    checked = GlyphNodeParser.model_validate(written)
    for copy in (read, checked, pickle.loads(pickle.dumps(made))):
        assert (copy.config, copy.folder) == (SMALL, "pages")


def test_a_pipeline_that_was_kept_draws_nothing_again(tmp_path, monkeypatch):
    pipeline = IngestionPipeline(transformations=[GlyphNodeParser(config=SMALL)])
    first = pipeline.run(documents=[document()])
    pipeline.persist(str(tmp_path))
    again = IngestionPipeline(transformations=[GlyphNodeParser(config=SMALL)])
    again.load(str(tmp_path))
    monkeypatch.setattr(GlyphNodeParser, "_parse_nodes", None)
    assert ids(again.run(documents=[document()])) == ids(first)
