"""LangChain: map-reduce over a folder: a fact out of each file, then a question about them all.

Needs ``pip install ".[langchain]"`` in a checkout, and a server, for example ``glyph serve
--embedded`` in another terminal. The embedded reader looks facts up; zai-org/Glyph would as well
sum each file up, and then the summaries.
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

map_prompt = ChatPromptTemplate.from_template(
    "{text}\nWhat is the access code of the {office} office?"
)
reduce_prompt = ChatPromptTemplate.from_template("{facts}\n{question}")
model = ChatGlyph() | StrOutputParser()


def as_input(document: Document) -> dict[str, str]:
    return {"text": document.page_content, "office": Path(document.metadata["source"]).stem}


def in_lines(found: list[dict[str, str]]) -> str:
    return "\n".join(
        f"The access code of the {one['office']} office is {one['code']}." for one in found
    )


# Map: the files go to the model side by side.
each_file = RunnableLambda(as_input) | RunnablePassthrough.assign(code=map_prompt | model)
facts = (each_file.map() | in_lines).invoke(documents)
print(facts)

# Reduce: what they said goes to it together.
question = "What is the access code of the Oslo office?"
print((reduce_prompt | model).invoke({"facts": facts, "question": question}))
