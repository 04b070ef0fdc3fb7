"""LangChain: map-reduce over a folder; each file is asked about itself, then all they said.

Needs ``pip install ".[langchain]"`` in a checkout, and a server, for example ``glyph serve
--embedded`` in another terminal.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from langchain_core.documents import Document
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda, RunnablePassthrough

from langchain_glyph import ChatGlyph, GlyphLoader

codes = {"Lisbon": 4711, "Porto": 8812, "Oslo": 2093}
with TemporaryDirectory() as folder:
    for office, code in codes.items():
        text = f"The office has a garden.\nThe access code of the {office} office is {code}.\n"
        Path(folder, f"{office}.txt").write_text(text, encoding="utf-8")
    documents = GlyphLoader(folder).load()

model = ChatGlyph() | StrOutputParser()
about_a_file = ChatPromptTemplate.from_template(
    "{text}\nWhat is the access code of the {office} office?"
)
about_all = ChatPromptTemplate.from_template("{lines}\n{question}")


def as_input(document: Document) -> dict[str, str]:
    return {"text": document.page_content, "office": Path(document.metadata["source"]).stem}


def in_lines(found: list[dict[str, str]]) -> str:
    return "\n".join(
        f"The access code of the {one['office']} office is {one['code']}." for one in found
    )


each_file = RunnableLambda(as_input) | RunnablePassthrough.assign(code=about_a_file | model)
lines = (each_file.map() | in_lines).invoke(documents)
print(lines)

question = "What is the access code of the Oslo office?"
print((about_all | model).invoke({"lines": lines, "question": question}))
