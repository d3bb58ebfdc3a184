"""Strict forms of JSON, base64 and hex: evidence has one spelling, or it is refused.

Everything in this room that reads text from outside reads it here: documents and tokens, heads of
sealed exchanges, policy files. What is refused raises `EvidenceInvalidError`.

```python
content = members(strict_json(document, "report"), "report", required=("nonce", "quote"))
quote = from_hex(content["quote"], "report")
```
"""

import base64
import binascii
import datetime as dt
import json
import re
from collections.abc import Collection
from typing import Any

from langchain_privacy.errors import EvidenceInvalidError

MAX_DOCUMENT = 2 * 1024 * 1024
"""Bytes of an evidence document; eight GPUs with their chains need about a tenth."""

_SPACE = re.compile(r"[ \t\n\r]*")
_MAX_DEPTH = 64
"""Levels of nesting; evidence has about ten."""

LATEST = 253402300799
"""The last second of the year 9999."""

_HEX = re.compile(r"(?:[0-9a-f]{2})*\Z")


def _invalid(what: str, why: str) -> EvidenceInvalidError:
    return EvidenceInvalidError(f"{what}: {why}", check="parsing")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        msg = "duplicate member"
        raise ValueError(msg)
    return members


def _no_constant(_: str) -> Any:
    msg = "NaN and Infinity are not JSON"
    raise ValueError(msg)


_STRICT = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)


def strict_json(data: bytes | str, what: str, *, limit: int = MAX_DOCUMENT) -> Any:
    """Parse JSON; duplicate members, NaN, trailing bytes and oversize are refused."""
    if len(data) > limit:
        raise _invalid(what, f"longer than {limit} bytes")
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
        content = _STRICT.decode(text)
    except (ValueError, RecursionError):
        raise _invalid(what, "not strict JSON") from None
    # Short of that many brackets nothing is nested deeply, and only an escape makes a surrogate out
    # of UTF-8: so most texts need no walk.
    shallow = text.count("{") + text.count("[") < _MAX_DEPTH and "\\u" not in text
    if not (shallow and isinstance(data, bytes)) and not _is_plain(content):
        raise _invalid(what, "nested too deeply, or text in it is not Unicode")
    return content


def _is_plain(content: Any) -> bool:
    """Whether whoever walks or encodes this runs into neither depth nor lone surrogates."""
    level = [content]
    for _ in range(_MAX_DEPTH):
        if not level:
            return True
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                below += value.keys()
                below += value.values()
            elif isinstance(value, list):
                below += value
            elif isinstance(value, str) and not value.isascii():
                try:
                    value.encode("utf-8")
                except UnicodeEncodeError:
                    return False
        level = below
    return False


def raw_member(document: bytes, name: str) -> bytes | None:
    """The bytes of a member's value as they stand in an object, or `None` when it has none.

    For hashes over what was sent; a document that is parsed and written again may differ.

    Args:
        document: UTF-8 text that `strict_json` has accepted as an object.
        name: Name of a member of the object itself.
    """
    source = document.decode("utf-8")
    at = source.index("{") + 1
    while True:
        at = _SPACE.match(source, at).end()  # type: ignore[union-attr]
        if source[at] == "}":
            return None
        key, at = _STRICT.raw_decode(source, at)
        at = _SPACE.match(source, source.index(":", at) + 1).end()  # type: ignore[union-attr]
        start = at
        _, at = _STRICT.raw_decode(source, at)
        if key == name:
            return source[start:at].encode("utf-8")
        at = _SPACE.match(source, at).end()  # type: ignore[union-attr]
        at += source[at] == ","


def members(
    value: Any, what: str, *, required: Collection[str], optional: Collection[str] = ()
) -> dict[str, Any]:
    """An object with exactly these members; unknown ones are refused, not ignored."""
    if not isinstance(value, dict):
        raise _invalid(what, "must be a JSON object")
    if missing := set(required) - set(value):
        raise _invalid(what, f"member {min(missing)!r} is missing")
    if set(value) - set(required) - set(optional):
        raise _invalid(what, "has an unknown member")
    return value


def text(value: Any, what: str) -> str:
    """A string."""
    if not isinstance(value, str):
        raise _invalid(what, "must be a string")
    return value


def integer(value: Any, what: str) -> int:
    """An integer; `true` is not one."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise _invalid(what, "must be an integer")
    return value


def moment(value: Any, what: str) -> dt.datetime:
    """Seconds since 1970 as a time, up to the end of the year 9999."""
    seconds = integer(value, what)
    if not 0 <= seconds <= LATEST:
        raise _invalid(what, "not a time")
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def from_base64(value: Any, what: str, *, urlsafe: bool = False) -> bytes:
    """Canonical base64 only: one text per byte string. URL-safe text carries no padding."""
    encoded = text(value, what)
    try:
        if urlsafe:
            data = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
            again = base64.urlsafe_b64encode(data).rstrip(b"=")
        else:
            data = base64.b64decode(encoded, validate=True)
            again = base64.b64encode(data)
        canonical = again == encoded.encode("ascii")
    except (ValueError, binascii.Error):
        raise _invalid(what, "not base64") from None
    if not canonical:
        raise _invalid(what, "not canonical base64")
    return data


def from_hex(value: Any, what: str, *, size: int | None = None) -> bytes:
    """Lowercase hex, of exactly `size` bytes when given."""
    encoded = text(value, what)
    if not _HEX.match(encoded) or (size is not None and len(encoded) != 2 * size):
        wanted = "lowercase hex" if size is None else f"{2 * size} lowercase hex digits"
        raise _invalid(what, f"must be {wanted}")
    return bytes.fromhex(encoded)
