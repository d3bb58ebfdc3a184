"""Placeholders in the place of private values, and the values back.

- `masker`: `Masker`, its policy, and a session's `mask` and `restore`;
- `text`: masking one text; `link_targets`: a URL that holds a value is a value as a whole;
- `scalars`, `structures`, `seen`: numbers and dates, large structures, messages seen before;
- `restore`, `tolerant`: putting values back, also where a model has changed a placeholder;
- `stream`: the same for a text that comes in pieces; `particles`: Korean particles behind a value;
- `cells`: the cells of query results, which have tokens of their own.
"""

from langchain_privacy.masking.masker import Masker, MaskingPolicy, MaskingSession
from langchain_privacy.masking.stream import JsonRestorer, StreamRestorer

__all__ = ["JsonRestorer", "Masker", "MaskingPolicy", "MaskingSession", "StreamRestorer"]
