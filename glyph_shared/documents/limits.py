"""What reading one file may take."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

from glyph_shared.errors import ConfigError


@dataclass(frozen=True, slots=True)
class PdfLimits:
    """What reading one PDF, or drawing its source pages, may take.

    Attributes:
        max_pages: Source pages; a small file can claim any number by repeating one.
        max_chars: Chars of extracted text.
        memory_bytes: Address space of the child process.
        cpu_seconds: CPU time of the child process; one draws up to 200 source pages.
        wall_seconds: Time on the clock that is spent waiting for a child process.
    """

    max_pages: int = 2000
    max_chars: int = 50_000_000
    memory_bytes: int = 1 << 30
    cpu_seconds: int = 60
    wall_seconds: float = 120.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not 0 < value < math.inf:
                raise ConfigError(f"{name} must be positive; got {value}")


DEFAULT_LIMITS = PdfLimits()
