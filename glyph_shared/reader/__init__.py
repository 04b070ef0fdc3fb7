"""The embedded reader: a small trained model that reads rendered pages, run by onnxruntime."""

from glyph_shared.reader.engine import Reader, ReaderToken
from glyph_shared.reader.vocabulary import REFUSAL, unknown_letters_share

__all__ = ["REFUSAL", "Reader", "ReaderToken", "unknown_letters_share"]
