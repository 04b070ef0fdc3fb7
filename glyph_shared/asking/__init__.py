"""Pages and a question become a request; the request an answer with the places it rests on."""

from glyph_shared.asking.answer import (
    Answer,
    Citation,
    LeftOut,
    SecondLook,
    TokenCountWarning,
    Usage,
    WindowReading,
)
from glyph_shared.asking.async_client import AsyncGlyphClient
from glyph_shared.asking.chat import ChatOptions
from glyph_shared.asking.chat_reply import ChatPiece, ChatReply
from glyph_shared.asking.citations import cited_pages, find_citations
from glyph_shared.asking.client import GlyphClient
from glyph_shared.asking.connections import Connections
from glyph_shared.asking.endpoint import Endpoint
from glyph_shared.asking.history import pages_of_history, question_and_history
from glyph_shared.asking.options import AskOptions, Progress, Refine
from glyph_shared.asking.page_links import is_page_link, page_link
from glyph_shared.asking.paged_chat import PagedChat
from glyph_shared.asking.prompts import combine_messages, page_messages, text_messages
from glyph_shared.asking.reply import Reply, ReplyCollector
from glyph_shared.asking.reply_filter import ReplyFilter
from glyph_shared.asking.sampling import Sampling
from glyph_shared.asking.source import Source
from glyph_shared.asking.special_tokens import SPECIAL_TOKENS, neutralise, restore
from glyph_shared.asking.streams import AnswerStream, AsyncAnswerStream
from glyph_shared.asking.watching import Watch
from glyph_shared.asking.wire import GlyphEntry, ModelEntry
from glyph_shared.planning import normalise_base_url

__all__ = [
    "SPECIAL_TOKENS",
    "Answer",
    "AnswerStream",
    "AskOptions",
    "AsyncAnswerStream",
    "AsyncGlyphClient",
    "ChatOptions",
    "ChatPiece",
    "ChatReply",
    "Citation",
    "Connections",
    "Endpoint",
    "GlyphClient",
    "GlyphEntry",
    "LeftOut",
    "ModelEntry",
    "PagedChat",
    "Progress",
    "Refine",
    "Reply",
    "ReplyCollector",
    "ReplyFilter",
    "Sampling",
    "SecondLook",
    "Source",
    "TokenCountWarning",
    "Usage",
    "Watch",
    "WindowReading",
    "cited_pages",
    "combine_messages",
    "find_citations",
    "is_page_link",
    "neutralise",
    "normalise_base_url",
    "page_link",
    "page_messages",
    "pages_of_history",
    "question_and_history",
    "restore",
    "text_messages",
]
