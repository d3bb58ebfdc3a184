"""Restoring a JSON object while it is written, such as the arguments of a tool call.

Each string is decoded and restored on its own: no decoration reaches over a quote, an escaped
particle is a particle, and what comes out is JSON again.
"""

import json
import re
from collections.abc import Callable

from langchain_privacy.masking.grammar import FLOATING, INTEGER, PLACEHOLDER
from langchain_privacy.masking.stream import StreamRestorer
from langchain_privacy.masking.tolerant import Lookup

_OBJECT = re.compile(r'\s*\{\s*"')
_MAY_BE_OBJECT = re.compile(r"\s*(?:\{\s*)?")
_HIGH = r"\\u[dD][89aAbB][0-9a-fA-F]{2}"
_RUN = re.compile(
    r'(?:[^"\\]++|\\["\\/bfnrt]|\\u(?![dD][89aAbB])[0-9a-fA-F]{4}'
    rf"|{_HIGH}(?=[^\\]|\\[^u]|\\u[0-9a-fA-F]{{4}}))*+"
)
"""What of a string is settled: no half escape, and no half surrogate pair."""
_HALF = re.compile(rf"(?:\\(?:u[0-9a-fA-F]{{0,3}})?|{_HIGH}(?:\\(?:u[0-9a-fA-F]{{0,3}})?)?)?")
_MARKS = re.compile(r'["\\]')
_NUMBER = re.compile(r"\[[A-Z0-9_]*\]?")
_SURROGATE = re.compile("[\ud800-\udfff]")
_UNSAFE = re.compile('["\\\\\x00-\x1f\ud800-\udfff]')


class JsonRestorer:
    """Like `StreamRestorer`, for a stream that is JSON source.

    Args:
        restorer: Makes a restorer of one decoded string.
        source: Restores source that is no object, or only a piece of one.
        lookup: Resolves a type and a code, for numbers.
    """

    def __init__(
        self, restorer: Callable[[], StreamRestorer], source: StreamRestorer, lookup: Lookup
    ) -> None:
        self._restorer = restorer
        self._source: StreamRestorer | None = source
        self._lookup = lookup
        self._decided = False
        self._held = ""
        self._start: str | None = None
        self._string: StreamRestorer | None = None

    def __repr__(self) -> str:
        return "<JsonRestorer>"

    def feed(self, text: str) -> str:
        """Take the next piece and return what is certain by now."""
        if self._string and self._start is None and not self._held and not _MARKS.search(text):
            return _escaped(self._string.feed(text))
        text, self._held = self._held + text, ""
        if not self._decided:
            if _MAY_BE_OBJECT.fullmatch(text):
                self._held = text
                return ""
            self._decided = True
            if _OBJECT.match(text):
                self._source = None
        if self._source:
            return self._source.feed(text)
        out: list[str] = []
        at = 0
        while at < len(text):
            if self._string is None:
                at = self._outside(text, at, out)
                continue
            end = _RUN.match(text, at).end()  # type: ignore[union-attr]
            run = text[at:end]
            if "\\" in run:
                run = json.loads(f'"{run}"', strict=False)
            self._inside(run, out)
            at = end
            if text[at : at + 1] == '"':
                self._close(out)
                at += 1
            elif _HALF.fullmatch(text, at):
                self._held = text[at:]
                break
            else:
                # no JSON after all: a bad escape goes through as it is
                self._open(out)
                out.append(_escaped(self._string.flush()) + text[at : at + 2])
                at += 2
        return "".join(out)

    def flush(self) -> str:
        """Return what is left at the end of the stream."""
        held, self._held = self._held, ""
        if self._source:
            return self._source.feed(held) + self._source.flush()
        out: list[str] = []
        if self._string is not None:
            self._open(out)
            out.append(_escaped(self._string.flush()))
            self._string = None
        return "".join([*out, held])

    def _outside(self, text: str, at: int, out: list[str]) -> int:
        quote = text.find('"', at)
        if quote < 0:
            out.append(text[at:])
            return len(text)
        out.append(text[at:quote])
        self._string, self._start = self._restorer(), ""
        return quote + 1

    def _inside(self, decoded: str, out: list[str]) -> None:
        assert self._string is not None
        if self._start is not None:
            # a placeholder of a number loses its quotes with its brackets
            self._start += decoded
            if not _NUMBER.fullmatch(self._start):
                self._open(out)
            return
        out.append(_escaped(self._string.feed(decoded)))

    def _open(self, out: list[str]) -> None:
        if self._start is not None and self._string is not None:
            out.append('"' + _escaped(self._string.feed(self._start)))
            self._start = None

    def _close(self, out: list[str]) -> None:
        assert self._string is not None
        match = PLACEHOLDER.fullmatch(self._start or "")
        entry = match and match[1].endswith((INTEGER, FLOATING)) and self._lookup(*match.groups())
        if entry:
            out.append(entry.value)
        else:
            self._open(out)
            out.append(_escaped(self._string.flush()) + '"')
        self._string = None


def _escaped(text: str) -> str:
    if not _UNSAFE.search(text):
        return text
    written = json.dumps(text, ensure_ascii=False)[1:-1]
    return _SURROGATE.sub(lambda lone: f"\\u{ord(lone[0]):04x}", written)
