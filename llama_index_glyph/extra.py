"""Says what to install where LlamaIndex is absent; the door imports it before all else."""

from glyph_shared.extras import check_installed

check_installed("llama-index", "llama_index.core", "llama_index.llms.openai_like")
