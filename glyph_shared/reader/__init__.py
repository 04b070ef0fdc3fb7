"""The embedded reader: a small trained model that reads rendered pages, run by onnxruntime."""

from glyph_shared.reader.engine import Reader, ReaderToken
from glyph_shared.reader.vocabulary import REFUSAL

__all__ = ["REFUSAL", "Reader", "ReaderToken"]
