"""What a context costs and what fits, before anything is sent."""

from glyph_shared.planning.address import DEFAULT_BASE_URL, ServerAddress, normalise_base_url
from glyph_shared.planning.budget import CHAT_FRAME, PAGE_MARKS, Budget, Window, divide
from glyph_shared.planning.counters import (
    EstimateCounter,
    FileTokenCounter,
    ServerTokenCounter,
    TextTokenCounter,
    TiktokenCounter,
    pick_counter,
)
from glyph_shared.planning.plan import Plan, PlannedDocument
from glyph_shared.planning.planner import DEFAULT_MAX_TOKENS, DEFAULT_WINDOW, Context, plan
from glyph_shared.planning.report import CompressionReport
from glyph_shared.planning.survey import KEEP_LINES, SurveyRow, default_configs, survey
from glyph_shared.planning.wording import counted
from glyph_shared.rendering import count_visual_tokens

__all__ = [
    "CHAT_FRAME",
    "DEFAULT_BASE_URL",
    "DEFAULT_MAX_TOKENS",
    "DEFAULT_WINDOW",
    "KEEP_LINES",
    "PAGE_MARKS",
    "Budget",
    "CompressionReport",
    "Context",
    "EstimateCounter",
    "FileTokenCounter",
    "Plan",
    "PlannedDocument",
    "ServerAddress",
    "ServerTokenCounter",
    "SurveyRow",
    "TextTokenCounter",
    "TiktokenCounter",
    "Window",
    "count_visual_tokens",
    "counted",
    "default_configs",
    "divide",
    "normalise_base_url",
    "pick_counter",
    "plan",
    "survey",
]
