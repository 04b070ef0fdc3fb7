"""A comparison that runs anywhere: the embedded reader, and facts in a corpus made for it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from glyph_shared import AsyncGlyphClient
from glyph_shared.asking import Endpoint
from glyph_shared.cli.console import say
from glyph_shared.cli.program import told_in_a_line
from glyph_shared.reader import Reader
from glyph_shared.serving import running_embedded
from llama_index_glyph.compare.comparison import compare
from llama_index_glyph.compare.console import Told, run_with_bar, tell
from llama_index_glyph.compare.demo_corpus import demo_corpus
from llama_index_glyph.compare.report import write_report
from llama_index_glyph.compare.setup import Settings, make_arms

SETTINGS = Settings(
    arms=("glyph", "rag-bm25", "hybrid"),
    chunk_size=256,
    chunk_overlap=20,
    max_pages=1,
    overflow="map_reduce",
    max_tokens=32,
)
"""Chunks of some 1,000 chars, of which LlamaIndex's default retrieves two. The reader is surest on
a single page."""


def run_demo(folder: Path, seed: int = 0) -> Path:
    """Runs the comparison against the embedded reader and returns the report's path.

    The documents and questions are left in the folder too. A second run of the same goes on where
    the first was interrupted.

    Raises:
        ConfigError: The folder holds the results of something else.
    """
    corpus = demo_corpus(seed)
    corpus.write(folder / "corpus")
    reader = Reader.load()
    say(
        f"Asking {len(corpus.questions)} questions about {len(corpus.documents)} documents in "
        f"{len(SETTINGS.arms)} ways; about a minute."
    )
    with running_embedded(reader) as base_url:
        endpoint = Endpoint.resolve(base_url=base_url, model=reader.name)

        async def work(told: Told) -> dict[str, Any]:
            async with AsyncGlyphClient.at(endpoint) as client:
                arms = await make_arms(corpus.documents, SETTINGS, endpoint, client)
                settings = {**SETTINGS.values(), "seed": seed, "model": reader.name}
                return await compare(
                    corpus.documents,
                    corpus.questions,
                    arms,
                    folder,
                    settings=settings,
                    progress=told,
                )

        summary = run_with_bar(work)
    report = write_report(folder)
    tell(summary, report)
    return report


def main(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Where results and report go.")
    ] = Path("compare-demo"),
    seed: Annotated[int, typer.Option(help="Decides the facts and where they stand.")] = 0,
) -> None:
    """Compare RAG with full context on made-up facts, with the embedded reader."""
    with told_in_a_line():
        run_demo(output, seed)


if __name__ == "__main__":
    typer.run(main)
