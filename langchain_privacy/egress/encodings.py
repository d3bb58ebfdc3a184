"""What a text says once its encoded parts are decoded.

Encoders are RFC 4648 base64 and base64url (sections 4 and 5, any alignment, line-wrapped or not),
base16, percent-encoding (RFC 3986 section 2.1), JSON and Python escapes, HTML character references.
"""

import binascii
import html
import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote

from langchain_privacy.egress.fold import HARD, SOFT


class Decoded(NamedTuple):
    """A decoded part of a text: how it was encoded, where, and what it says."""

    form: str
    start: int
    end: int
    text: str


_BASE64 = re.compile(r"(?:[A-Za-z0-9+/_-]{20,}(?:\n|\\n))*[A-Za-z0-9+/_-]{7,}={0,2}")
_WRAP = re.compile(r"\n|\\n|=")
_SHORTEST = 7  # five bytes; nothing shorter is looked for in disguise
_PUNCTUATION = ".,;:!?()[]{}<>'\"*"
# Nearly every byte of text has a digit in its hexadecimal form, and a search that begins with one
# passes prose at C speed; the letters before the first digit are taken in afterwards.
_HEX = re.compile(r"[0-9](?:[\s:,-]?\s?(?:\\x|0x|=)?[0-9a-fA-F]){5,}")
_BEFORE_HEX = re.compile(r"[a-fA-F]{1,3}[\s:,-]?\s?(?:\\x|0x|=)?$")
_NOT_HEX = re.compile(r"\\x|0x|[^0-9a-fA-F]")
_PERCENT = re.compile(r"[^\s%]*(?:%[0-9a-fA-F]{2}[^\s%]*)+")
_ESCAPE = re.compile(
    r"\\u([0-9a-fA-F]{4})|\\u\{([0-9a-fA-F]{1,6})\}|\\U([0-9a-fA-F]{8})|\\x([0-9a-fA-F]{2})"
)
_REFERENCE = re.compile(r"&(?:#\d+|#[xX][0-9a-fA-F]+|[a-zA-Z]{2,8});?")
_ALL_ALIGNMENTS = 4096
_SEPARATOR = HARD.encode()
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufffd]")


def decodings(text: str) -> Iterator[Decoded]:
    """Yield what the encoded parts of `text` say; parts that decode to noise are left out."""
    yield from _base64(text)
    yield from _hex(text)
    if "%" in text:
        for match in _PERCENT.finditer(text):
            decoded = unquote(match.group(), errors="replace")
            yield Decoded("url", match.start(), match.end(), decoded)
    if "\\" in text and (span := _span(_ESCAPE, text)):
        yield Decoded("escaped", *span, _ESCAPE.sub(_character, text[span[0] : span[1]]))
    if "&" in text and (span := _span(_REFERENCE, text)):
        yield Decoded("html", *span, html.unescape(text[span[0] : span[1]]))


def _span(pattern: re.Pattern[str], text: str) -> tuple[int, int] | None:
    matches = list(pattern.finditer(text))
    if not matches:
        return None
    # A little more on both sides: the plain rest of a value that was encoded in part.
    return max(0, matches[0].start() - 64), min(len(text), matches[-1].end() + 64)


def _character(match: re.Match[str]) -> str:
    code = int(next(filter(None, match.groups())), 16)
    return chr(code) if code <= 0x10FFFF and not 0xD800 <= code < 0xE000 else "\ufffd"


def _candidates(text: str) -> str:
    """Keep what may be base64: a plain word is all lower case, capitalised or all capitals.

    Neighbours stay neighbours, because encoders wrap lines.
    """
    kept, last = [], -2
    for i, token in enumerate(text.replace(SOFT, "").split()):
        if len(token) < _SHORTEST or (token.islower() and token.isalpha()):
            continue
        word = token.strip(_PUNCTUATION)
        if word.isascii() and not (word.isalpha() and (word[1:].islower() or word.isupper())):
            kept += ["\n" if i == last + 1 else HARD, token]
            last = i
    return "".join(kept)


def _base64(text: str) -> Iterator[Decoded]:
    spans: list[tuple[int, int]] = []
    raws: list[bytes] = []
    for match in _BASE64.finditer(_candidates(text)):
        run = match.group()
        start = max(0, text.find(run[:_SHORTEST]))
        end = min(start + len(run), len(text))
        data = _WRAP.sub("", run).replace("-", "+").replace("_", "/")
        for skip in range(4) if len(data) <= _ALL_ALIGNMENTS else (0,):
            size = len(data) - skip
            part = data[skip:] if size % 4 != 1 else data[skip:-1]
            try:
                raw = binascii.a2b_base64(part + "=" * (-size % 4))
            except binascii.Error:
                continue
            if _is_utf16(raw):
                yield Decoded("base64", start, end, _readable(raw))
            else:
                spans.append((start, end))
                raws.append(raw.replace(_SEPARATOR, b" "))
    # All at once: identifiers and paths look like base64, and a page of code is full of them.
    texts = _SEPARATOR.join(raws).decode("utf-8", "replace").split(HARD) if raws else ()
    for (start, end), said in zip(spans, texts, strict=True):
        yield Decoded("base64", start, end, said)


def _hex(text: str) -> Iterator[Decoded]:
    for match in _HEX.finditer(text):
        start = match.start()
        if before := _BEFORE_HEX.search(text, max(0, start - 8), start):
            start = before.start()
        digits = _NOT_HEX.sub("", text[start : match.end()])
        for skip in (0, 1):
            part = digits[skip:]
            if decoded := _readable(bytes.fromhex(part[: len(part) // 2 * 2])):
                yield Decoded("hex", start, match.end(), decoded)


def _is_utf16(raw: bytes) -> bool:
    return raw.count(0) * 3 > len(raw)


def _readable(raw: bytes) -> str:
    """Decode UTF-8 or UTF-16; empty when it is noise throughout."""
    if _is_utf16(raw):
        text = raw.decode("utf-16-le" if raw[1:2] == b"\0" else "utf-16-be", "replace")
    else:
        text = raw.decode("utf-8", "replace")
    # Noise between readable parts stays: an archive or a picture may carry a name in clear.
    return "" if len(_CONTROL.findall(text)) * 10 > len(text) * 9 else text
