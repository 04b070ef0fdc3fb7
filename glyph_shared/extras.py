"""What to install where a part of the distribution needs more than the core brings."""

from __future__ import annotations

from importlib.util import find_spec


def check_installed(extra: str, *modules: str) -> None:
    """Refuses to go on without the modules that an extra installs.

    Raises:
        ModuleNotFoundError: One of them is absent; the message says what to install.
    """
    for module in modules:
        if not _is_installed(module):
            raise ModuleNotFoundError(
                f'{module} is not installed; pip install "glyph-context[{extra}]"', name=module
            )


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # a package above it is absent
        return False
