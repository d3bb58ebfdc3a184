"""Placeholders out, real values back."""

from langchain_privacy.masking.json_stream import JsonRestorer
from langchain_privacy.masking.masker import Masker, MaskingSession
from langchain_privacy.masking.policy import MaskingPolicy
from langchain_privacy.masking.stream import StreamRestorer

__all__ = ["JsonRestorer", "Masker", "MaskingPolicy", "MaskingSession", "StreamRestorer"]
