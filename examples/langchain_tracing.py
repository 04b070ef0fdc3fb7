"""LangChain: what traces hold of a question about a hundred pages: their names, and no bytes.

Needs ``pip install ".[langchain]"`` in a checkout, and a server, for example ``glyph serve
--embedded`` in another terminal.
"""

from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.load import dumps
from langchain_core.messages import HumanMessage

from glyph_shared import GlyphClient, RenderConfig
from langchain_glyph import ChatGlyph, GlyphPageTransformer, page_blocks


class Payloads(BaseCallbackHandler):
    """Keeps what a tracer would send."""

    def __init__(self) -> None:
        self.kept: list[str] = []

    def on_chat_model_start(self, serialized: Any, messages: Any, **more: Any) -> None:
        self.kept.append(dumps([serialized, messages, more["invocation_params"]]))

    def on_llm_end(self, response: Any, **_: Any) -> None:
        self.kept.append(dumps(response))


days = [f"On day {day} it rained, and nobody went out to the mill.\n" for day in range(1700)]
days[850] = "The access code of the Lisbon office is 4711.\n"
reads_chars = GlyphClient().model_entry().reads_chars(None)
theta = RenderConfig.preset("reader" if reads_chars else "en")

pages = GlyphPageTransformer(config=theta).transform_documents([Document("".join(days))])
question = {"type": "text", "text": "What is the access code of the Lisbon office?"}
message = HumanMessage([*page_blocks(pages), question])

payloads = Payloads()
answer = ChatGlyph(callbacks=[payloads]).invoke([message])
print(answer.text)
print(f"{len(pages)} pages, {sum(len(page.page_content) for page in pages):,} chars")
print(f"largest payload: {max(map(len, payloads.kept)) / 1000:.1f} KB")
