"""``python -m llama_index_glyph.compare``: RAG against full context, on your own documents."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from glyph_shared import AsyncGlyphClient
from glyph_shared.asking import Endpoint
from glyph_shared.cli.ask import Overflow
from glyph_shared.cli.console import note
from glyph_shared.cli.options import BaseUrl, ModelName, Paths, ThetaFile, theta
from glyph_shared.cli.program import told_in_a_line
from llama_index_glyph.compare.comparison import compare
from llama_index_glyph.compare.console import Told, run_with_bar, tell
from llama_index_glyph.compare.documents import read_documents
from llama_index_glyph.compare.judge import Judge
from llama_index_glyph.compare.questions import read_questions
from llama_index_glyph.compare.report import write_report
from llama_index_glyph.compare.rows import read_prices
from llama_index_glyph.compare.setup import DEFAULT_ARMS, Settings, checked_arms, make_arms
from llama_index_glyph.llm import GlyphLLM

_DEFAULTS = Settings()

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command()
def main(
    paths: Paths,
    *,
    questions: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help='JSONL: {"question": "...", "answers": ["..."], "gold": [{"document": "a.txt", '
            '"text": "..."}]}; answers [] where there is none, gold if it is known.',
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Where results and report go.")
    ] = Path("comparison"),
    arm: Annotated[
        list[str] | None,
        typer.Option(
            help="glyph (all as pages), rag-bm25, rag-embedding, hybrid (documents of the hits as "
            "pages) or text (all as text); repeatable.",
            show_default=" and ".join(DEFAULT_ARMS),
        ),
    ] = None,
    base_url: BaseUrl = None,
    model: ModelName = None,
    preset: Annotated[
        str | None, typer.Option(metavar="NAME", help="θ instead of the server's own.")
    ] = None,
    config: ThetaFile = None,
    chunk_size: Annotated[int, typer.Option(help="Text tokens of a chunk.")] = _DEFAULTS.chunk_size,
    chunk_overlap: Annotated[
        int, typer.Option(help="Text tokens that chunks share.")
    ] = _DEFAULTS.chunk_overlap,
    top_k: Annotated[int, typer.Option(help="Chunks retrieved.")] = _DEFAULTS.top_k,
    embedding: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="For rag-embedding, as LlamaIndex names it: local:/models/bge-small-en-v1.5; or "
            "any other, by where it is: my_app.embeddings:model. There is no default, for it would "
            "come from a hub.",
        ),
    ] = None,
    overflow: Annotated[
        Overflow | None, typer.Option(help="What pages do beyond the window; not hybrid here.")
    ] = None,
    max_pages: Annotated[int | None, typer.Option(help="The most pages of one request.")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="The longest answer.")] = None,
    window: Annotated[
        int | None, typer.Option(help="Tokens that the text arm may use; else the server's.")
    ] = None,
    judge: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="A model of the server that judges answers."),
    ] = None,
    prices: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help='JSON, per million tokens: {"prompt": 0.5, "completion": 1.5, "cached": 0.1, '
            '"currency": "USD"}.',
        ),
    ] = None,
    concurrency: Annotated[int, typer.Option(help="Answers awaited at once.")] = 1,
    timeout: Annotated[
        float | None, typer.Option(help="Seconds an arm has for a question.")
    ] = None,
    repeat_failed: Annotated[
        bool, typer.Option("--repeat-failed", help="Ask again what failed in a run before.")
    ] = False,
) -> None:
    """Compare retrieval with full context: the same questions, documents and model.

    Interrupt it when you like: the same command goes on where it stopped. The output folder holds
    report.html, results.jsonl, results.csv and summary.json.
    """
    with told_in_a_line():
        documents, skipped = read_documents(paths)
        for left in skipped:
            note(f"left out {left.path}: {left.reason}")
        asked = read_questions(questions, documents)
        is_chosen = preset is not None or config is not None
        settings = Settings(
            arms=checked_arms(arm or DEFAULT_ARMS),
            chunk_size=chunk_size,
            chunk_overlap=chunk_overlap,
            top_k=top_k,
            embedding=embedding,
            config=theta(preset, config) if is_chosen else None,
            overflow=overflow.value if overflow is not None else None,
            max_pages=max_pages,
            max_tokens=max_tokens,
            window=window,
        )
        endpoint = Endpoint.resolve(base_url=base_url, model=model)
        table = read_prices(prices) if prices is not None else None
        judging = _judge(judge, endpoint)

        async def work(told: Told) -> dict[str, Any]:
            async with AsyncGlyphClient.at(endpoint) as client:
                arms = await make_arms(documents, settings, endpoint, client)
                served = (await client.model_entry()).id
                return await compare(
                    documents,
                    asked,
                    arms,
                    output,
                    settings={**settings.values(), "model": served},
                    judge=judging,
                    prices=table,
                    concurrency=concurrency,
                    timeout=timeout,
                    repeat_failed=repeat_failed,
                    progress=told,
                )

        summary = run_with_bar(work)
        tell(summary, write_report(output))
        if any(told["failed"] for told in summary["arms"].values()):
            note("--repeat-failed asks again what failed")


def _judge(model: str | None, endpoint: Endpoint) -> Judge | None:
    if model is None:
        return None
    llm = GlyphLLM(endpoint.base_url, model=model, api_key=endpoint.api_key, draws_pages=False)
    return Judge(llm)


if __name__ == "__main__":
    app(prog_name="python -m llama_index_glyph.compare")
