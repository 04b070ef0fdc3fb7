"""Training data: styles of pages, corpora, and examples whose pages are drawn when asked for."""
