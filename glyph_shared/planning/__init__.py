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
from glyph_shared.planning.denser import LEGIBILITY_FLOOR_PX
from glyph_shared.planning.drawing import drawn_pages
from glyph_shared.planning.exact import ExactString, find_exact_strings
from glyph_shared.planning.hybrid import LeftOutText
from glyph_shared.planning.kinds import Kind, document_kind
from glyph_shared.planning.picture_pages import (
    PICTURE_DPI,
    PICTURE_FLOOR_DPI,
    PICTURE_VISUAL_TOKENS,
)
from glyph_shared.planning.plan import Plan, PlannedDocument
from glyph_shared.planning.planner import (
    DEFAULT_MAX_TOKENS,
    DEFAULT_WINDOW,
    Context,
    Overflow,
    check_overflow,
    plan,
)
from glyph_shared.planning.report import CompressionReport
from glyph_shared.planning.server_api import TokenServer
from glyph_shared.planning.sidecar import (
    DEFAULT_EXACT_TEXT_TOKENS,
    Sidecar,
    SidecarMaker,
    checked_exact_text_tokens,
    divide_with_sidecars,
)
from glyph_shared.planning.stretches import Placed, Stretch, join_parts
from glyph_shared.planning.survey import KEEP_LINES, SurveyPart, SurveyRow, default_configs, survey
from glyph_shared.planning.thetas import (
    AUTO,
    PRESET_OF_KIND,
    ConfigChoice,
    Thetas,
    check_choice,
    preset_of_kind,
)
from glyph_shared.planning.wording import counted
from glyph_shared.rendering import count_visual_tokens

__all__ = [
    "AUTO",
    "CHAT_FRAME",
    "DEFAULT_BASE_URL",
    "DEFAULT_EXACT_TEXT_TOKENS",
    "DEFAULT_MAX_TOKENS",
    "DEFAULT_WINDOW",
    "KEEP_LINES",
    "LEGIBILITY_FLOOR_PX",
    "PAGE_MARKS",
    "PICTURE_DPI",
    "PICTURE_FLOOR_DPI",
    "PICTURE_VISUAL_TOKENS",
    "PRESET_OF_KIND",
    "Budget",
    "CompressionReport",
    "ConfigChoice",
    "Context",
    "EstimateCounter",
    "ExactString",
    "FileTokenCounter",
    "Kind",
    "LeftOutText",
    "Overflow",
    "Placed",
    "Plan",
    "PlannedDocument",
    "ServerAddress",
    "ServerTokenCounter",
    "Sidecar",
    "SidecarMaker",
    "Stretch",
    "SurveyPart",
    "SurveyRow",
    "TextTokenCounter",
    "Thetas",
    "TiktokenCounter",
    "TokenServer",
    "Window",
    "check_choice",
    "check_overflow",
    "checked_exact_text_tokens",
    "count_visual_tokens",
    "counted",
    "default_configs",
    "divide",
    "divide_with_sidecars",
    "document_kind",
    "drawn_pages",
    "find_exact_strings",
    "join_parts",
    "normalise_base_url",
    "pick_counter",
    "plan",
    "preset_of_kind",
    "survey",
]
