"""Components' settings by their names: LlamaIndex's own classes drop a misspelt one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llama_index.core.schema import BaseComponent

from glyph_shared.names import check_names


def with_known_names(component: type[BaseComponent], values: Any) -> Any:
    """Returns what a component is made of; ``class_name`` comes with one that was written down.

    Raises:
        ConfigError: A setting is not known.
    """
    if isinstance(values, Mapping):
        names = values.keys() - {"class_name"}
        check_names(component.__name__, names, component.model_fields)
    return values
