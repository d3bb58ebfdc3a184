r"""What escapes and encoded parts of a text say.

`unescaped` decodes what programs escape, character by character, with the way back to each place;
`encoded_parts` and `decodings` read base64 and the like as wholes. Detection, masking and the guard
read the same.

    >>> unescaped(r'\\uae40\\ubbfc\\uc218').text
    '김민수'

Encoders are RFC 4648 base64 and base64url (sections 4 and 5, any alignment, line-wrapped or not),
base16, percent-encoding (RFC 3986 section 2.1), quoted-printable (RFC 2045 section 6.7), JSON and
Python escapes, HTML character references. Days as Python writes them in a row of a database
(`datetime.date(1987, 3, 14)`) are read as days.
"""

import binascii
import html
import quopri
import re
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple
from urllib.parse import unquote

from langchain_privacy.values.fold import HARD, SOFT, Skeleton
from langchain_privacy.values.tables import table_fields
from langchain_privacy.values.view import View, json_fields

# ---- escapes, character by character

_ESCAPED = re.compile(
    r"[\\%=&d](?:"  # one class first: the engine looks for nothing else
    r"(?<=\\)(?P<u>\\{0,3}u[dD][89abAB][0-9a-fA-F]{2}\\{1,4}u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|\\{0,3}u[0-9a-fA-F]{4}|u\{(?:0?[0-9a-fA-F]{1,5}|10[0-9a-fA-F]{4})\}"
    r"|U00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{4})"  # no character has a higher number
    r"|(?<=\\)(?P<x>\\?x[0-9a-fA-F]{2}(?:\\{1,2}x[0-9a-fA-F]{2})*)"
    r"|(?<=%)(?P<p>[0-9a-fA-F]{2}(?:%[0-9a-fA-F]{2})*)"
    r"|(?<==)(?P<q>[0-9A-F]{2}(?:=\r?\n)?(?:=[0-9A-F]{2}(?:=\r?\n)?)+)"
    r"|(?<=&)(?P<h>\#\d{1,7}|\#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});"
    r"|(?<=\\)\\{0,2}(?P<c>[\"'/nrt])"
    r"|(?<=\bd)atetime\.(?P<d>date(?:time)?\(\d{4}, \d\d?, \d\d?[^()\n]{0,60}\)))"
)
_UNIT = re.compile(r"[0-9a-fA-F]{4,8}|(?<=\{)[0-9a-fA-F]+")
_BYTE = re.compile(r"[0-9a-fA-F]{2}")
_NUMBER = re.compile(r"\d+")
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t"}
_ROUNDS = 2


def unescaped(text: str) -> View | None:
    """Decode the escapes of a text, also twice; `None` when it has none."""
    view = _once(text)
    if view is None:
        return None
    again = _once(view.text)
    return view if again is None else _through(again, view)


def _once(text: str) -> View | None:
    if not (
        "\\" in text or "%" in text or "&" in text or "=" in text or "datetime." in text
    ) or not _ESCAPED.search(text):
        return None
    view, at = View(), 0
    for match in _ESCAPED.finditer(text):
        view.copy(text[at : match.start()], 0, at)
        at = match.end()
        kind, written = match.lastgroup, match[match.lastgroup or 0]
        if kind == "u":
            code = "".join(chr(int(unit, 16)) for unit in _UNIT.findall(written))
            code = code.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            view.decoded(code, 0, *match.span())
        elif kind == "h":
            view.decoded(html.unescape(match[0]), 0, *match.span())
        elif kind == "c":
            view.decoded(_CONTROLS.get(written, written), 0, *match.span())
        elif kind == "d":
            year, month, day = map(int, _NUMBER.findall(written)[:3])
            view.decoded(f"{year:04}-{month:02}-{day:02}", 0, *match.span())
        else:
            _bytes_of(view, match[0], match.start())
    view.copy(text[at:], 0, at)
    return view


def _bytes_of(view: View, written: str, start: int) -> None:
    """Decode a run of escaped bytes as UTF-8, each character with the escapes it came from."""
    places = [match.span() for match in _BYTE.finditer(written)]
    raw = bytes(int(written[a:b], 16) for a, b in places)
    at, begin = 0, start
    for character in raw.decode("utf-8", "replace"):
        size = len(character.encode()) if character != "\ufffd" else 1
        at = min(at + size, len(places))
        end = start + places[at - 1][1]
        view.decoded(character, 0, begin, end)
        begin = end


def _through(outer: View, inner: View) -> View:
    """Return the outer view with its places in what the inner one was made of."""
    view = View()
    for piece, (leaf, first, last) in zip(outer.pieces, outer.origins, strict=True):
        if leaf < 0:
            view.label(piece)
        elif last:
            [(_, start, end)] = inner.places(first, last)
            view.decoded(piece, 0, start, end)
        else:
            inner.copy_to(view, first, first + len(piece))
    return view


def views_of(text: str) -> Iterator[View]:
    """Yield what a text says: its escapes decoded, its fields and cells beside their names."""
    plain = unescaped(text)
    if plain is not None:
        yield plain
    if (table := table_fields(plain.text if plain else text)) is not None:
        yield _through(table, plain) if plain else table
    if len(text) > _MOST_FIELDS:
        return
    if (view := json_fields(text)) is not None:
        yield view
    elif plain is not None and (view := json_fields(_unquoted(plain.text))) is not None:
        yield _through(view, plain)  # JSON that travels as a string of JSON


def _unquoted(text: str) -> str:
    """Return a text with blanks in place of the marks around it, so that offsets stay."""
    bare = text.strip()
    return text.replace('"', " ", 1)[::-1].replace('"', " ", 1)[::-1] if bare[:1] == '"' else text


_MOST_FIELDS = 262_144
"""Characters of a JSON text up to which its fields are read beside their names."""


class Reading:
    """A text and what it says, each worked out once for all who ask.

    Attributes:
        text: The text.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def folded(self) -> Skeleton:
        """The text's skeleton."""
        return Skeleton(self.text)

    @cached_property
    def views(self) -> list[tuple[View, Skeleton]]:
        """What `views_of` yields, and the skeleton of each view's text."""
        return [(view, Skeleton(view.text)) for view in views_of(self.text)]

    @cached_property
    def encoded(self) -> list[tuple[int, int, Skeleton]]:
        """What `encoded_parts` yields, with the skeleton of each meaning."""
        return [(start, end, Skeleton(said)) for start, end, said in encoded_parts(self.text)]


# ---- encoded parts


class Decoded(NamedTuple):
    """A decoded part of a text: how it was encoded, where, and what it says."""

    form: str
    start: int
    end: int
    text: str


# What stands in no plain word begins a match, so that prose is passed at C speed; the lower-case
# letters before it are taken in afterwards. The capital of a word of prose begins none, and what
# has none before it is no shorter than what is looked for.
_SHORTEST = 7  # five bytes; nothing shorter is looked for in disguise
_BASE64 = re.compile(
    rf"[A-Z0-9+/_=-](?:(?<=[a-z].)|(?=[A-Za-z0-9+/_=-]{{{_SHORTEST - 1}}})"
    r"(?:(?<![A-Z])|(?![a-z]*(?![A-Za-z0-9+/_=-]))))"
    r"(?:(?<!=)[A-Za-z0-9+/_-]*={0,2}|(?<==)=?)",
    re.DOTALL,
)
_BETWEEN_LINES = re.compile(rf"(?:[\s{SOFT}]|\\[nr])*={{0,2}}")
_FULL_LINE = 20
# Nearly every byte of text has a digit in its hexadecimal form, and a search that begins with one
# passes prose at C speed; the letters before the first digit are taken in afterwards.
_HEX = re.compile(r"[0-9](?:[\s:,-]?\s?(?:\\x|0x|=)?[0-9a-fA-F]){5,}")
_BEFORE_HEX = re.compile(r"(?<![A-WYZa-wyz])[a-fA-F]{1,3}[\s:,-]?\s?(?:\\x|0x|=)?$")
_NOT_HEX = re.compile(r"\\x|0x|[^0-9a-fA-F]")
# Both begin where a run of characters begins: from each of its places, a long one takes a time that
# grows with its square.
_PERCENT = re.compile(r"(?<![^\s%])[^\s%]*+(?:%[0-9a-fA-F]{2}[^\s%]*+)+")
_QUOTED_PRINTABLE = re.compile(r"(?<![^\s=])[^\s=]*+(?:(?:=[0-9A-F]{2}|=\r?\n)[^\s=]*+){2,}")
_ESCAPE = re.compile(
    r"\\u([0-9a-fA-F]{4})|\\u\{([0-9a-fA-F]{1,6})\}|\\U([0-9a-fA-F]{8})|\\x([0-9a-fA-F]{2})"
)
_REFERENCE = re.compile(r"&(?:#\d+|#[xX][0-9a-fA-F]+|[a-zA-Z]{2,8});?")
_ALL_ALIGNMENTS = 4096
_SEPARATOR = HARD.encode()
_NOISE = r"\x00-\x08\x0e-\x1f\x7f-\x9f\ufffd"
_CONTROL = re.compile(f"[{_NOISE}]")


def decodings(text: str) -> Iterator[Decoded]:
    """Yield what the encoded parts of `text` say; parts that decode to noise are left out."""
    yield from _base64(text)
    yield from _hex(text)
    if "%" in text:
        for match in _PERCENT.finditer(text):
            decoded = unquote(match.group(), errors="replace")
            yield Decoded("url", match.start(), match.end(), decoded)
    if "=" in text:
        for match in _QUOTED_PRINTABLE.finditer(text):
            raw = quopri.decodestring(match[0].encode("utf-8", "replace"))
            yield Decoded("quoted", match.start(), match.end(), raw.decode("utf-8", "replace"))
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


def encoded_parts(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and meaning of base64 and hexadecimal that is readable text."""
    for part in (*_base64(text), *_hex(text)):
        if _SOME_TEXT.search(part.text) is None:
            continue  # noise, as most words of code are
        # A word beside it may be taken for a part of it: the rest is readable still.
        said = max(_CONTROL.split(part.text), key=len)
        if len(said) >= max(_SHORTEST_TEXT, len(part.text) // 2) and _LETTERS.search(said):
            yield part.start, part.end, said


_SHORTEST_TEXT = 6
_SOME_TEXT = re.compile(f"[^{_NOISE}]{{{_SHORTEST_TEXT}}}")
_LETTERS = re.compile(r"[^\W\d_]{2}|\d{6}")


def _base64_runs(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and characters of what may be base64; encoders wrap lines.

    A plain word is all lower case, capitalised or all capitals.
    """
    start = end = 0
    run: list[str] = []
    for match in _BASE64.finditer(text):
        first, last = match.span()
        while first and "a" <= text[first - 1] <= "z":
            first -= 1
        token = text[first:last].rstrip("=")
        if len(token) < _SHORTEST or (
            text[last - 1] != "=" and token.isalpha() and (token[1:].islower() or token.isupper())
        ):
            continue
        if run and not (len(run[-1]) >= _FULL_LINE and _BETWEEN_LINES.fullmatch(text, end, first)):
            yield start, end, "".join(run)
            run = []
        if not run:
            start = first
        run.append(token)
        end = last
    if run:
        yield start, end, "".join(run)


def _base64(text: str) -> Iterator[Decoded]:
    spans: list[tuple[int, int]] = []
    raws: list[bytes] = []
    for start, end, run in _base64_runs(text):
        data = run.replace("-", "+").replace("_", "/")
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
