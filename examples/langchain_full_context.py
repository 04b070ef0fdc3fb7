"""LangChain: a RAG chain that reads all its documents, by one changed line.

Needs ``pip install ".[langchain]"`` in a checkout, and a server, for example ``glyph serve
--embedded`` in another terminal; GLYPH_BASE_URL names one that is elsewhere.
"""

from langchain_core.documents import Document
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnablePassthrough

from langchain_glyph import ChatGlyph, GlyphCorpusRetriever

codes = {"Lisbon": 4711, "Porto": 8812, "Faro": 2093, "Braga": 6650}
documents = [
    Document(
        f"The access code of the {place} office is {code}.",
        metadata={"source": f"{place.lower()}.txt"},
    )
    for place, code in codes.items()
]

# Before: retriever = InMemoryVectorStore.from_documents(documents, embeddings).as_retriever()
retriever = GlyphCorpusRetriever(documents=documents)


def in_full(documents: list[Document]) -> str:
    return "\n\n".join(document.page_content for document in documents)


prompt = ChatPromptTemplate([("human", "{context}\n\n{question}")])
context = {"context": retriever | in_full, "question": RunnablePassthrough()}
chain = context | prompt | ChatGlyph() | StrOutputParser()

print(chain.invoke("What is the access code of the Lisbon office?"))

# The second question draws nothing again, and pages that the server keeps are not sent again.
for piece in chain.stream("What is the access code of the Braga office?"):
    print(piece, end="")
print()
