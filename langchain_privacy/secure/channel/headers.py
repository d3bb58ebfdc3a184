"""Headers as pairs: which of them are meant for the other end, and how one is read.

Used on both sides: by the exchanges of a client and by the gateway.
"""

from collections.abc import Iterable

Pairs = list[tuple[str, str]]

# Headers that belong to one connection, or that only the sealing side can know.
_HOP = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


def end_to_end(headers: Iterable[tuple[str, str]]) -> Pairs:
    """The headers that are meant for the other end."""
    return [(name, value) for name, value in headers if name.lower() not in _HOP]


def first(headers: Pairs, name: str) -> str:
    """The first value of a header, or nothing; `name` in lower case."""
    for key, value in headers:
        if key.lower() == name:
            return value
    return ""


def media_type(headers: Pairs) -> str:
    """The content type without its parameters."""
    return first(headers, "content-type").split(";")[0].strip().lower()
