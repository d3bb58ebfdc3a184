"""Which content blocks carry media that cannot be read: images, audio, video, files."""

import re
from collections.abc import Mapping
from typing import Any

_MEDIA = frozenset({
    "image", "image_url", "input_image", "audio", "input_audio", "video", "video_url", "file",
    "input_file", "media", "document", "document_url",
})  # fmt: skip
_DATA_KEYS = ("base64", "data", "file_data", "image_data")
_URL_KEYS = ("url", "image_url", "video_url", "file_url", "document_url", "uri", "file_uri")
_ALWAYS = ("base64", "b64_json", "inline_data", "file_data", "image_data")
"""Keys of inline data in blocks of any kind, also of kinds that are not known yet."""
_NESTED = ("source", "image_url", "video_url", "input_audio", "file", "image", "audio", "video")
_TELLS_SOMETHING = re.compile(r"^\s*data:|[?#]|//[^/]*@", re.IGNORECASE)


def is_media(block: Mapping[Any, Any]) -> bool:
    """Say whether a mapping is a content block whose media would cross unread.

    That is inline data (also a `data:` URL, or bytes), or a URL that carries a query, a fragment
    or credentials. A reference by file id or plain URL is text like any other, and so is the text
    of a text document.
    """
    kind = block.get("type")
    if isinstance(kind, str) and kind in _MEDIA:
        return _carries(block, 0)
    if kind is None:
        inner = block.get("inline_data")  # Gemini's own form
        return isinstance(inner, Mapping) and bool(inner.get("data"))
    return isinstance(kind, str) and any(block.get(key) for key in _ALWAYS)


def _carries(block: Mapping[Any, Any], depth: int) -> bool:
    if block.get("type") == "text" or (
        isinstance(kind := block.get("source_type"), str) and kind == "text"
    ):
        return False
    for key in _DATA_KEYS:
        if isinstance(value := block.get(key), (str, bytes, bytearray)) and value:
            return True
    for key in _URL_KEYS:
        if isinstance(value := block.get(key), str) and _TELLS_SOMETHING.search(value):
            return True
    return depth < 3 and any(
        isinstance(inner := block.get(key), Mapping) and _carries(inner, depth + 1)
        for key in _NESTED
    )
