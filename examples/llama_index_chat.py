"""LlamaIndex: chats. The older turns of a long one travel as pages; memory and traces keep text.

Needs ``pip install ".[llama-index]"`` in a checkout, and a server, for example ``glyph serve
--embedded`` in another terminal.
"""

from llama_index.core import Document
from llama_index.core.chat_engine import CondenseQuestionChatEngine, SimpleChatEngine
from llama_index.core.llms import ChatMessage

from llama_index_glyph import GlyphLLM, GlyphQueryEngine

llm = GlyphLLM()
question = "What is the access code of the Lisbon office?"

said = [
    ChatMessage(role="user", content="The access code of the Lisbon office is 4711."),
    ChatMessage(role="assistant", content="Noted."),
]
chat = SimpleChatEngine.from_defaults(llm=llm, chat_history=said)
print(chat.chat(question))

# Each question is first rewritten so that it can be understood without the chat.
documents = [Document(text="The access code of the Porto office is 8812.")]
engine = GlyphQueryEngine.from_documents(documents, llm)
chat_about_documents = CondenseQuestionChatEngine.from_defaults(engine, llm=llm)
print(chat_about_documents.chat("What is the access code of the Porto office?"))
