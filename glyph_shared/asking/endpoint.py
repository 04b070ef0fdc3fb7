"""Where the model server is, with which key, and for how long to wait: checked once."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

from pydantic import SecretStr

from glyph_shared.errors import ConfigError
from glyph_shared.planning import DEFAULT_BASE_URL, ServerAddress


@dataclass(frozen=True)
class Endpoint(ServerAddress):
    """A checked server address with its credentials and limits.

    Attributes:
        model: The served model's name; None asks the server.
        timeout: Seconds from sending a request to its last byte, retries included.
        max_retries: Further calls after a failure that another call may cure.
        backoff: Seconds before the second call; doubles after that.
    """

    model: str | None
    timeout: float
    max_retries: int
    backoff: float

    @classmethod
    def resolve(
        cls,
        *,
        base_url: str | None = None,
        model: str | None = None,
        api_key: str | SecretStr | None = None,
        timeout: float = 600.0,
        max_retries: int = 2,
        backoff: float = 0.5,
    ) -> Endpoint:
        """Fills absent settings from ``GLYPH_BASE_URL``, ``GLYPH_MODEL`` and ``GLYPH_API_KEY``.

        Raises:
            ConfigError: A setting is impossible, or two credentials were given.
        """
        address = ServerAddress.of(
            base_url or os.environ.get("GLYPH_BASE_URL") or DEFAULT_BASE_URL,
            api_key or os.environ.get("GLYPH_API_KEY"),
        )
        return cls(
            base_url=address.base_url,
            api_key=address.api_key,
            basic_auth=address.basic_auth,
            model=model or os.environ.get("GLYPH_MODEL") or None,
            timeout=checked_seconds("timeout", timeout),
            max_retries=_checked_retries(max_retries),
            backoff=checked_seconds("backoff", backoff),
        )


def checked_seconds(name: str, value: float) -> float:
    """Returns a duration that is a positive, finite number of seconds.

    Raises:
        ConfigError: It is not.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError(f"{name} must be a number of seconds; got {value!r}")
    if value <= 0 or not math.isfinite(value):
        raise ConfigError(f"{name} must be a positive, finite number of seconds; got {value!r}")
    return float(value)


def _checked_retries(value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ConfigError(f"max_retries must be 0 or a positive whole number; got {value!r}")
    return value
