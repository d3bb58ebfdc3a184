"""Where in a text rules could find anything: they are run there only.

A structured private value has two digits in a row, an at sign, a long token, or a label before
it. Masked prose has few of these, so that most of a payload is passed over at C speed.
"""

import re
from typing import NamedTuple

_DIGITS = re.compile(r"[0-9０-９]\W?[0-9０-９]")
_ASCII_DIGITS = re.compile(r"[0-9]\W?[0-9]")
_LONG = 16
# A picture's base64 holds any string of digits by chance.
_BLOB_SIZE = 256
_BLOB = re.compile(rf"[A-Za-z0-9+/_=-]{{{_BLOB_SIZE},}}")
_LABELS = (
    *("pass", "pwd", "secret", "key", "token", "credential", "otp", "pin", "bearer", "basic"),
    *("code", "@", "://", "＠", "비밀번호", "암호", "비번", "패스워드", "인증", "토큰"),
)
_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
_REACH = 100
_SNAP = 40


class Windows(NamedTuple):
    """The parts of a text that are worth a look, joined, and the way back."""

    text: str
    starts: list[tuple[int, int]]

    def original(self, position: int) -> int:
        """Return where a position of `text` is in the original."""
        begin, source = next(s for s in reversed(self.starts) if s[0] <= position)
        return source + position - begin


def blank(match: re.Match[str]) -> str:
    """Return spaces in place of a match, so that positions stay true."""
    return " " * len(match[0])


def windows_of(text: str) -> Windows:
    """Cut out what stands around digits, signs, tokens and labels; ends at white space."""
    tokens = text.split()
    if max(map(len, tokens), default=0) >= _BLOB_SIZE:
        text = _BLOB.sub(blank, text)
        tokens = text.split()
    digits = _ASCII_DIGITS if text.isascii() else _DIGITS
    marks = [match.start() for match in digits.finditer(text)]
    at = 0
    for token in tokens:
        if len(token) >= _LONG:
            at = text.index(token, at)
            marks += range(at, at + len(token), _LONG)
            at += len(token)
    # Character by character, so that positions stay true; a few letters change their length.
    lower = text.lower()
    if len(lower) != len(text):
        lower = text.translate(_LOWER)
    for label in _LABELS:
        at = lower.find(label)
        while at >= 0:
            marks.append(at)
            at = lower.find(label, at + len(label))
    spans: list[list[int]] = []
    for mark in sorted(marks):
        if spans and mark - _REACH <= spans[-1][1]:
            spans[-1][1] = mark + _REACH
        else:
            spans.append([mark - _REACH, mark + _REACH])
    parts, starts, at = [], [], 0
    for begin, end in spans:
        start = _snap(text, max(0, begin), -1)
        part = text[start : _snap(text, min(len(text), end), 1)]
        starts.append((at, start))
        parts.append(part)
        at += len(part) + 2
    return Windows("\n\n".join(parts), starts)


def _snap(text: str, position: int, step: int) -> int:
    limit = position + step * _SNAP
    while 0 < position < len(text) and position != limit:
        if text[position if step > 0 else position - 1].isspace():
            break
        position += step
    return position
