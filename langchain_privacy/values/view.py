r"""What a text says: its escapes decoded, its encoded parts read, its fields beside their labels.

The masker and the guard look at the same view, so that neither knows less than the other. A tool
that returns `json.dumps(record)` writes Korean as escapes; a form in a state is a mapping, whose
numbers say nothing without their keys. A view is a text for detectors to read, with the way back
from its offsets to the places that hold what they found.

    >>> view = fields([("passport_number", "M12345678"), ("note", "fine")])
    >>> view.text
    'passport number: M12345678\nnote: fine\n'
    >>> view.places(17, 26)  # leaf 0, characters 0 to 9
    [(0, 0, 9)]
    >>> unescaped(r'\uae40\ubbfc\uc218').text
    '김민수'

Encoders are RFC 4648 base64 and base64url (sections 4 and 5, any alignment, line-wrapped or not),
base16, percent-encoding (RFC 3986 section 2.1), quoted-printable (RFC 2045 section 6.7), JSON and
Python escapes, HTML character references.
"""

import binascii
import html
import json
import quopri
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import unquote

from langchain_privacy.values.fold import HARD, SOFT


class View:
    """A text for detectors to read, made of pieces of others."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self._starts: list[int] = []
        self.origins: list[tuple[int, int, int]] = []
        self._size = 0

    def __repr__(self) -> str:
        return f"<View of {self._size} characters>"

    @property
    def text(self) -> str:
        """What it says."""
        return "".join(self.pieces)

    def label(self, text: str) -> None:
        """Add text that stands nowhere, such as the name of a field."""
        self._add(text, -1, 0, 0)

    def copy(self, text: str, leaf: int, start: int) -> None:
        """Add text that stands so at `start` of a leaf."""
        if text:
            self._add(text, leaf, start, 0)

    def decoded(self, text: str, leaf: int, start: int, end: int) -> None:
        """Add text that the characters `start` to `end` of a leaf say together."""
        if text:
            self._add(text, leaf, start, end)

    def _add(self, text: str, leaf: int, start: int, end: int) -> None:
        self.pieces.append(text)
        self._starts.append(self._size)
        self.origins.append((leaf, start, end))
        self._size += len(text)

    def copy_to(self, other: "View", start: int, end: int) -> None:
        """Add `text[start:end]` to another view, with its places."""
        at = bisect_right(self._starts, start) - 1
        while at < len(self._starts) and self._starts[at] < end:
            begin, piece = self._starts[at], self.pieces[at]
            leaf, first, last = self.origins[at]
            a, b = max(start - begin, 0), min(end - begin, len(piece))
            if last:
                other.decoded(piece[a:b], leaf, first, last)
            else:
                other.copy(piece[a:b], leaf, first + a)
            at += 1

    def places(self, start: int, end: int) -> list[tuple[int, int, int]]:
        """Return `(leaf, start, end)` of what stands at `text[start:end]`, one a leaf."""
        found: dict[int, tuple[int, int]] = {}
        at = bisect_right(self._starts, start) - 1
        while at < len(self._starts) and self._starts[at] < end:
            leaf, first, last = self.origins[at]
            begin = self._starts[at]
            if leaf >= 0:
                if not last:  # a copy, character by character
                    length = len(self.pieces[at])
                    last = first + min(end - begin, length)
                    first += max(start - begin, 0)
                known = found.get(leaf, (first, last))
                found[leaf] = min(known[0], first), max(known[1], last)
            at += 1
        return [(leaf, *span) for leaf, span in found.items()]

    def where(self, start: int, end: int) -> list[tuple[int, int]]:
        """Return where in `text` stands what `start` to `end` of the first leaf says."""
        found = []
        for begin, piece, (leaf, first, last) in zip(
            self._starts, self.pieces, self.origins, strict=True
        ):
            if leaf != 0:
                continue
            a, b = (first, last) if last else (max(first, start), min(first + len(piece), end))
            if last and start < b and a < end:
                found.append((begin, begin + len(piece)))
            elif not last and a < b:
                found.append((begin + a - first, begin + b - first))
        return found


# ---- fields beside their labels

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NO_WORD = re.compile(r"[\s_.\-/]+")


def words_of(key: str) -> str:
    """Return the words of a field's name: `dateOfBirth` and `date_of_birth` alike."""
    return _NO_WORD.sub(" ", _HUMP.sub(" ", key)).strip()


def fields(items: Iterable[tuple[str, str]]) -> View:
    """Write fields as lines `name: value`; leaf n is the value of item n."""
    view = View()
    for leaf, (name, value) in enumerate(items):
        view.label(f"{words_of(name)}: ")
        view.copy(value, leaf, 0)
        view.label("\n")
    return view


_JSON_TOKEN = re.compile(
    r'"(?P<s>(?:[^"\\]|\\.)*)"|(?P<n>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<p>[{}\[\]:,])', re.DOTALL
)
_JSON_ESCAPE = re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u....|\\.", re.DOTALL)


def json_fields(text: str) -> View | None:
    """Write the fields of a JSON document as lines `name: value`.

    A name comes after that of what holds it: `passport number`.

    Returns:
        A view whose only leaf is the document, or `None` when it is no JSON object or array.
    """
    if text.lstrip()[:1] not in {"{", "["}:
        return None
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return None
    view = View()
    names: list[str] = []
    holds: list[bool] = []  # whether each open container is an object
    name, is_key = "", False
    for match in _JSON_TOKEN.finditer(text):
        sign = match["p"]
        if sign in ("{", "["):
            names.append(name)
            holds.append(sign == "{")
            name, is_key = "", sign == "{"
        elif sign in ("}", "]"):
            name = names.pop()
            holds.pop()
        elif sign == ",":
            is_key = bool(holds) and holds[-1]
        elif sign == ":":
            is_key = False
        elif is_key:
            name = words_of(json.loads(match[0], strict=False))
        else:
            path = " ".join(dict.fromkeys(filter(None, [*names[-2:], name])))
            view.label(f"{path}: " if path else "")
            start, end = match.span("s" if match["s"] is not None else "n")
            _json_string(view, text, start, end)
            view.label("\n")
    return view


def _json_string(view: View, text: str, start: int, end: int) -> None:
    at = start
    for match in _JSON_ESCAPE.finditer(text, start, end):
        view.copy(text[at : match.start()], 0, at)
        view.decoded(json.loads(f'"{match[0]}"', strict=False), 0, *match.span())
        at = match.end()
    view.copy(text[at:end], 0, at)


# ---- escapes, character by character

_ESCAPED = re.compile(
    r"(?P<u>\\{1,4}u[dD][89abAB][0-9a-fA-F]{2}\\{1,4}u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|\\{1,4}u[0-9a-fA-F]{4}|\\u\{[0-9a-fA-F]{1,6}\}|\\U[0-9a-fA-F]{8})"
    r"|(?P<x>(?:\\{1,2}x[0-9a-fA-F]{2})+)"
    r"|(?P<p>(?:%[0-9a-fA-F]{2})+)"
    r"|(?P<q>(?:=[0-9A-F]{2}(?:=\r?\n)?){2,})"
    r"|&(?P<h>\#\d{1,7}|\#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});"
    r"|\\{1,3}(?P<c>[\"'/nrt])"
)
_UNIT = re.compile(r"[0-9a-fA-F]{4,8}|(?<=\{)[0-9a-fA-F]+")
_BYTE = re.compile(r"[0-9a-fA-F]{2}")
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
    if not any(sign in text for sign in "\\%&=") or _ESCAPED.search(text) is None:
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
        else:
            _bytes_of(view, written, match.start())
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
    """Yield what a text says: its escapes decoded, its fields beside their names."""
    plain = unescaped(text)
    if plain is not None:
        yield plain
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


# ---- encoded parts


class Decoded(NamedTuple):
    """A decoded part of a text: how it was encoded, where, and what it says."""

    form: str
    start: int
    end: int
    text: str


# What stands in no plain word begins a match, so that prose is passed at C speed; the lower-case
# letters before it are taken in afterwards.
_BASE64 = re.compile(r"[A-Z0-9+/_=-](?:(?<!=)[A-Za-z0-9+/_-]*={0,2}|(?<==)=?)")
_BETWEEN_LINES = re.compile(rf"(?:[\s{SOFT}]|\\[nr])*={{0,2}}")
_FULL_LINE = 20
_SHORTEST = 7  # five bytes; nothing shorter is looked for in disguise
# Nearly every byte of text has a digit in its hexadecimal form, and a search that begins with one
# passes prose at C speed; the letters before the first digit are taken in afterwards.
_HEX = re.compile(r"[0-9](?:[\s:,-]?\s?(?:\\x|0x|=)?[0-9a-fA-F]){5,}")
_BEFORE_HEX = re.compile(r"(?<![A-WYZa-wyz])[a-fA-F]{1,3}[\s:,-]?\s?(?:\\x|0x|=)?$")
_NOT_HEX = re.compile(r"\\x|0x|[^0-9a-fA-F]")
_PERCENT = re.compile(r"[^\s%]*(?:%[0-9a-fA-F]{2}[^\s%]*)+")
_QUOTED_PRINTABLE = re.compile(r"[^\s=]*(?:(?:=[0-9A-F]{2}|=\r?\n)[^\s=]*){2,}")
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
        # A letter before it may be taken for a digit of it: the rest is readable still.
        said = max(_CONTROL.split(part.text), key=len)
        if len(said) >= max(_SHORTEST_TEXT, len(part.text) - 2) and _LETTERS.search(said):
            yield part.start, part.end, said


_SHORTEST_TEXT = 6
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
