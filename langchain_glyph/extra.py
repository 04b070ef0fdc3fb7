"""Says what to install where LangChain is absent; the door imports it before all else."""

from glyph_shared.extras import check_installed

check_installed("langchain", "langchain_core", "langchain_openai", "langchain")
