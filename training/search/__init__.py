"""LLM-driven genetic search of θ: density against legibility, measured on real pages."""
