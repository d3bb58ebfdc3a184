"""Placeholders out, real values back."""

from langchain_privacy.masking.masker import Masker, MaskingPolicy, MaskingSession
from langchain_privacy.masking.stream import JsonRestorer, StreamRestorer

__all__ = ["JsonRestorer", "Masker", "MaskingPolicy", "MaskingSession", "StreamRestorer"]
