"""LangChain: an agent with a checkpointer. Its model reads pages; state and checkpoints are text.

Needs ``pip install ".[langchain]"`` in a checkout, and a server, which GLYPH_BASE_URL names:
``glyph serve --tools`` for an agent that looks chapters up, or ``glyph serve --embedded`` in
another terminal. The embedded reader calls no tools, so it is told the handbook.
"""

from langchain.agents import create_agent
from langgraph.checkpoint.memory import InMemorySaver

from glyph_shared import GlyphClient
from langchain_glyph import ChatGlyph, GlyphMiddleware

CODES = {"Lisbon": 4711, "Porto": 8812}
RULE = "Doors are locked at seven, and whoever leaves last turns the lights off.\n"


def handbook(city: str) -> str:
    """Returns the chapter of the handbook about an office."""
    fact = f"The access code of the {city} office is {CODES[city]}.\n"
    return RULE * 150 + fact + RULE * 150


told, tools = "", [handbook]
if GlyphClient().model_entry().reads_chars(None):
    told, tools = "".join(map(handbook, CODES)), []

# ChatGlyph draws by itself; before any other model that sees images, GlyphMiddleware does.
agent = create_agent(
    ChatGlyph(), tools, middleware=[GlyphMiddleware()], checkpointer=InMemorySaver()
)
thread = {"configurable": {"thread_id": "offices"}}
for city in CODES:
    question = f"What is the access code of the {city} office?"
    state = agent.invoke({"messages": [("human", told + question)]}, thread)
    print(state["messages"][-1].text)
    told = ""
