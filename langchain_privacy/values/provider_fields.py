"""What messages of providers hold in which field: the one list to change for a new provider.

A walk (`values.walk`) masks and restores every text, wherever it stands; streams (`edge.streams`)
restore every text that comes in pieces. Neither needs to know a field, with these exceptions:
fields that a machine filled, whose texts stay as they are; fields that hold JSON source; blocks
that hold an image or a file, which nobody reads; lists of tokens with their probabilities.

| A provider streams | what to do |
|---|---|
| text in a field or block of its own | nothing |
| JSON source in a field of its own | add it to `JSON_KEYS` |
| an id or a state in a field of its own | add it to `IDENTIFIERS` |
| a picture, sound or file in a block of its own | add its type to `_MEDIA` |

    >>> is_media({"type": "image", "base64": "iVBORw0KGgo="})
    True
    >>> text_of({"type": "output_text", "text": "Dear [PERSON_7K2Q]"})
    'Dear [PERSON_7K2Q]'
"""

import re
from collections.abc import Mapping
from typing import Any

IDENTIFIERS = frozenset({
    "id", "type", "index", "role", "status", "mime_type", "media_type", "format", "detail",
    "encoding", "file_id", "call_id", "tool_call_id", "tool_use_id", "chunk_position", "signature",
    "thought_signature", "encrypted_content", "encrypted_index", "source_type",
})  # fmt: skip
"""Keys of messages and content blocks whose values a provider or the framework made."""

PROVIDER_NAMES = frozenset({
    "model", "model_name", "model_provider", "model_id", "finish_reason", "stop_reason",
    "done_reason", "system_fingerprint", "service_tier", "object", "created_at",
})  # fmt: skip
"""Keys of a message's response metadata whose values a provider made. Read as a field of a person's
data, `model_name: gpt-4o-mini` looks like an address to a model that finds names."""

JSON_KEYS = frozenset(("arguments", "partial_json"))
"""Keys whose texts are JSON source."""

WHOLE_KEYS = IDENTIFIERS | {"name"}
"""Keys whose texts stream in one piece."""

SOURCE_KEYS = JSON_KEYS | {"args"}
"""Keys whose texts are pieces of a JSON text in a stream; LangChain's chunks say `args`."""

BY_MACHINE = re.compile(r"[A-Za-z0-9_.:/+=\-]*")
"""What a name that a machine made consists of."""


# ---- Content blocks


def is_token_list(x: object) -> bool:
    """Say whether a list holds the tokens of a text with their log probabilities."""
    return (
        isinstance(x, list)
        and bool(x)
        and all(
            isinstance(each, dict)
            and isinstance(each.get("token"), str)
            and any("log" in key.lower() for key in each if isinstance(key, str))
            for each in x
        )
    )


def with_token(element: dict[str, Any], token: str) -> dict[str, Any]:
    """Return an element of a token list with another token.

    What would tell the token that was there goes: its bytes and number, what else was likely.
    """
    if token == element["token"]:
        return element
    kept = {key: value for key, value in element.items() if isinstance(value, float)}
    more = {"bytes": list(token.encode("utf-8", "replace"))} if element.get("bytes") else {}
    empty: dict[str, Any] = {key: [] for key, value in element.items() if isinstance(value, list)}
    new = {"token": token, **kept, **empty, **more}
    return {key: new[key] for key in element if key in new}


def text_of(block: Any) -> str | None:
    """Return the text of a plain text block, `None` for any other block."""
    if isinstance(block, str):
        return block
    if isinstance(block, dict) and isinstance(kind := block.get("type"), str) and kind in _TEXTUAL:
        text = block.get("text")
        return text if isinstance(text, str) else None
    return None


_TEXTUAL = frozenset(("text", "input_text", "output_text"))


_MEDIA = frozenset({
    "image", "image_url", "input_image", "audio", "input_audio", "video", "video_url", "file",
    "input_file", "media", "document", "document_url",
})  # fmt: skip
_DATA_KEYS = ("base64", "data", "file_data", "image_data")
_URL_KEYS = ("url", "image_url", "video_url", "file_url", "document_url", "uri", "file_uri")
_ALWAYS = ("base64", "b64_json", "inline_data", "file_data", "image_data")
"""Keys of inline data in blocks of any kind, also of kinds that are not known yet."""
_NESTED = ("source", "image_url", "video_url", "input_audio", "file", "image", "audio", "video")
_TELLS_SOMETHING = re.compile(
    r"""
    ^\s*data:   # the data itself
    | [?\#]     # a query or a fragment
    | //[^/]*@  # credentials
    """,
    re.IGNORECASE | re.VERBOSE,
)


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
