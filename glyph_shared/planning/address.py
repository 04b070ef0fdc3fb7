"""A server's address and credentials, checked once for everybody who asks it something."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from pydantic import SecretStr

from glyph_shared.errors import ConfigError

DEFAULT_BASE_URL = "http://127.0.0.1:8000/v1"
"""Where ``glyph serve`` and ``vllm serve`` listen unless told otherwise."""


@dataclass(frozen=True)
class ServerAddress:
    """A checked server address with its credentials.

    Attributes:
        base_url: Without credentials, without a trailing slash, with a path.
        api_key: Never shown by ``repr``.
        basic_auth: ``user:password`` found in the address; sent as a header, never shown.
    """

    base_url: str
    api_key: SecretStr | None
    basic_auth: SecretStr | None

    @classmethod
    def of(cls, url: str, api_key: str | SecretStr | None = None) -> ServerAddress:
        """Checks an address and the key that goes with it.

        Raises:
            ConfigError: One of them is impossible, or two credentials were given.
        """
        bare_url, userinfo = normalise_base_url(url)
        key = checked_key(api_key)
        if userinfo and key:
            raise ConfigError(
                f"two credentials for {bare_url}: an API key and user:password in the address; "
                "remove one of them"
            )
        return ServerAddress(bare_url, key, userinfo)

    def __getstate__(self) -> dict[str, object]:
        """Leaves the credentials out of pickles; who loads one gives them anew."""
        return {**vars(self), "api_key": None, "basic_auth": None}

    @property
    def host(self) -> str:
        """The server as errors may name it."""
        return urlsplit(self.base_url).netloc

    @property
    def is_loopback(self) -> bool:
        """Whether the server is on this machine, where no proxy of the environment leads."""
        name = urlsplit(self.base_url).hostname or ""
        try:
            return ip_address(name).is_loopback
        except ValueError:
            return name == "localhost"

    @property
    def basic_header(self) -> str | None:
        """The ``Authorization`` header that ``basic_auth`` makes, or None."""
        if self.basic_auth is None:
            return None
        return "Basic " + b64encode(self.basic_auth.get_secret_value().encode()).decode("ascii")

    @property
    def authorization(self) -> str | None:
        """The ``Authorization`` header of either credential, or None."""
        if self.api_key is not None:
            return f"Bearer {self.api_key.get_secret_value()}"
        return self.basic_header

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
    if not isinstance(url, str):
        raise ConfigError(
            f"base_url must be an address such as {DEFAULT_BASE_URL!r}; got {type(url).__name__}"
        )
    parts = _split(url.strip())
    shown = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    if parts.scheme not in ("http", "https") or not shown.netloc:
        raise ConfigError(
            "base_url must begin with http:// or https:// and name a host; "
            f"got {_masked(url)!r}; an example is {DEFAULT_BASE_URL}"
        )
    if not _has_usable_port(shown.netloc) or parts.query or parts.fragment:
        raise ConfigError(
            f"base_url must be scheme://host[:port]/path without a query; got {urlunsplit(shown)!r}"
        )
    bare = urlunsplit(shown._replace(path=parts.path.rstrip("/") or "/v1"))
    userinfo = unquote(parts.netloc.rpartition("@")[0])
    return bare, SecretStr(userinfo) if userinfo else None


def checked_key(value: str | SecretStr | None) -> SecretStr | None:
    """Returns a key that a header can carry, without white space around it; None for an empty one.

    Raises:
        ConfigError: It has other chars, such as a letter of another script pasted along.
    """
    plain = value.get_secret_value() if isinstance(value, SecretStr) else value
    plain = (plain or "").strip()
    # A header that cannot be sent would be shown by the error about it, key and all.
    if not (plain.isascii() and plain.isprintable()):
        raise ConfigError(
            f"the API key must be printable ASCII; the one given, of {len(plain)} chars, is not: "
            "copy it anew"
        )
    return SecretStr(plain) if plain else None


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        problem = _masked(url)
    raise ConfigError(
        f"base_url must be an address such as {DEFAULT_BASE_URL}; got {problem!r}, whose host "
        "is none"
    )


def _masked(url: str) -> str:
    return url.strip().rpartition("@")[2]


def _has_usable_port(netloc: str) -> bool:
    port = netloc.rpartition(":")[2] if ":" in netloc.rpartition("]")[2] else "80"
    return port.isdigit() and 0 < int(port) < 65536
