"""Where the model server is, with which key, and for how long to wait: checked once."""

from __future__ import annotations

import math
import os
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit, urlunsplit

from pydantic import SecretStr

from glyph_shared.errors import ConfigError

DEFAULT_BASE_URL = "http://127.0.0.1:8000/v1"
"""Where ``glyph serve`` and ``vllm serve`` listen unless told otherwise."""


@dataclass(frozen=True)
class Endpoint:
    """A checked server address with its credentials and limits.

    Attributes:
        base_url: Without credentials, without a trailing slash, with a path.
        model: The served model's name; None asks the server.
        api_key: Never shown by ``repr``.
        basic_auth: ``user:password`` found in the address; sent as a header, never shown.
        timeout: Seconds from sending a request to its last byte, retries included.
        max_retries: Further calls after a failure that another call may cure.
        backoff: Seconds before the second call; doubles after that.
    """

    base_url: str
    model: str | None
    api_key: SecretStr | None
    basic_auth: SecretStr | None
    timeout: float
    max_retries: int
    backoff: float

    @classmethod
    def resolve(
        cls,
        *,
        base_url: str | None,
        model: str | None,
        api_key: str | SecretStr | None,
        timeout: float,
        max_retries: int,
        backoff: float,
    ) -> Endpoint:
        """Fills absent settings from ``GLYPH_BASE_URL``, ``GLYPH_MODEL`` and ``GLYPH_API_KEY``.

        Raises:
            ConfigError: A setting is impossible, or two credentials were given.
        """
        address = base_url or os.environ.get("GLYPH_BASE_URL") or DEFAULT_BASE_URL
        bare_url, userinfo = normalise_base_url(address)
        key = _secret(api_key) or _secret(os.environ.get("GLYPH_API_KEY"))
        if userinfo and key:
            raise ConfigError(
                f"two credentials for {bare_url}: an API key and user:password in the address; "
                "remove one of them"
            )
        return cls(
            base_url=bare_url,
            model=model or os.environ.get("GLYPH_MODEL") or None,
            api_key=key,
            basic_auth=userinfo,
            timeout=checked_seconds("timeout", timeout),
            max_retries=_checked_retries(max_retries),
            backoff=checked_seconds("backoff", backoff),
        )

    @property
    def host(self) -> str:
        """The server as errors may name it."""
        return urlsplit(self.base_url).netloc

    @property
    def basic_header(self) -> str | None:
        """The ``Authorization`` header that ``basic_auth`` makes, or None."""
        if self.basic_auth is None:
            return None
        return "Basic " + b64encode(self.basic_auth.get_secret_value().encode()).decode("ascii")

    def scrub(self, text: str) -> str:
        """Replaces every credential in a text that came from elsewhere by ``***``."""
        for secret in self._secrets():
            text = text.replace(secret, "***")
        return text

    def _secrets(self) -> Iterator[str]:
        """Yields what must not be shown, the longest form of a credential first."""
        if self.api_key is not None:
            yield self.api_key.get_secret_value()
        if self.basic_auth is not None and self.basic_header is not None:
            yield self.basic_header.partition(" ")[2]
            yield self.basic_auth.get_secret_value()
            if password := self.basic_auth.get_secret_value().partition(":")[2]:
                yield password


def normalise_base_url(url: str) -> tuple[str, SecretStr | None]:
    """Returns the address without credentials and trailing slash, and the credentials.

    An address without a path gets ``/v1``, where OpenAI-compatible servers keep their API.

    Raises:
        ConfigError: There is no http(s) scheme, no host, or a query that would be lost.
    """
    parts = urlsplit(url.strip())
    shown = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    if parts.scheme not in ("http", "https") or not shown.netloc:
        masked = url.strip().rpartition("@")[2]
        raise ConfigError(
            f"base_url must begin with http:// or https:// and name a host; got {masked!r}; "
            f"an example is {DEFAULT_BASE_URL}"
        )
    if not _has_usable_port(shown.netloc) or parts.query or parts.fragment:
        raise ConfigError(
            f"base_url must be scheme://host[:port]/path without a query; got {urlunsplit(shown)!r}"
        )
    bare = urlunsplit(shown._replace(path=parts.path.rstrip("/") or "/v1"))
    return bare, _secret(unquote(parts.netloc.rpartition("@")[0]))


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


def _has_usable_port(netloc: str) -> bool:
    port = netloc.rpartition(":")[2] if ":" in netloc.rpartition("]")[2] else "80"
    return port.isdigit() and 0 < int(port) < 65536


def _secret(value: str | SecretStr | None) -> SecretStr | None:
    plain = value.get_secret_value() if isinstance(value, SecretStr) else value
    return SecretStr(plain) if plain else None
