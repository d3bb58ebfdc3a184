"""Restoring a text that arrives in pieces."""

import re
from collections.abc import Callable

from langchain_privacy.masking.cells import Arrived
from langchain_privacy.masking.grammar import PLACEHOLDER
from langchain_privacy.masking.restore import Restoring

_PIECE = re.compile(
    r"(?:[^\[({<&%\\_\x80-\uabff\ud7a4-\U0010ffff]*[^\w\[({<&%\\\x80-\U0010ffff])?"
    r"([A-Za-z0-9가-힣]*)(?:(\[[A-Z0-9_]*+)(\][^\[]*)?)?"
).fullmatch
"""Text without grammar, the word it ends in, a placeholder as issued and what follows it."""

_GRAMMAR = re.compile(r"[\[({<&%\\_]").search
_NO_WORD = re.compile(r"[^A-Za-z0-9]")

_SPEAKS_ON = frozenset(" .,:;!?\n0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
"""What follows a word without being a particle or a mark before one."""
_REMEMBERED = 512


class StreamRestorer:
    """Restores one stream of text.

    What comes out is what restoring the whole text would have given, however the text is cut.
    Only the beginning of a possible placeholder is held back, and a Korean particle that follows a
    restored value until its end is known; everything else comes out of the `feed` it went into.
    """

    def __init__(
        self, restoring: Restoring, cells: Callable[[str, bool], Arrived] | None = None
    ) -> None:
        self._restoring = restoring
        self._cells = cells
        self._held = ""
        self._passed: list[str] = []
        self._before = ""
        self._names: frozenset[str] | None = None

    def __repr__(self) -> str:
        return f"<StreamRestorer holding {len(self._held)} characters>"

    def feed(self, text: str) -> str:
        """Take the next piece and return what is certain by now."""
        names = self._names
        if names is None:
            if self._held or text[:1] not in _SPEAKS_ON:
                return self._engine(text)
            self._restoring.end_word()
            names = self._names = self._restoring.names()
            if names is None:
                return self._engine(text)
        # most of a stream is prose and placeholders as issued: neither needs the engine
        if self._held:
            text, self._held = self._held + text, ""
        if not text.isascii() or (not text.isalnum() and _GRAMMAR(text)):
            piece = _PIECE(text)
            if piece is None:
                return self._engine(text)
            if piece.lastindex != 1:
                return self._placeholder(text, *piece.groups())
            word = piece[1]
        elif not text[-1:].isalnum():
            self._before = ""
            self._passed.append(text)
            return text
        else:
            word = text
            if not text.isalnum() and not (word := text.rpartition(" ")[2]).isalnum():
                word = _NO_WORD.split(word)[-1]
            if word.upper() not in names:
                self._before = word
                self._passed.append(text)
                return text
        if word and (kept := self._kept(word, text, names)):
            self._held = text[-kept:]
            text = text[:-kept]
            word = ""
        if text:
            self._before = word
            self._passed.append(text)
        if len(self._passed) > _REMEMBERED:
            self._catch_up()
        return text

    def flush(self) -> str:
        """Return what is left at the end of the stream."""
        self._catch_up()
        self._names = None
        held, self._held = self._held, ""
        found = self._cells(held, True).found if self._cells else ()
        return self._restoring.run(held, final=True, others=found)[0]

    def _kept(self, word: str, text: str, names: frozenset[str]) -> int:
        """Return how many characters of the last word may begin a bare placeholder."""
        before = self._before if len(word) == len(text) else ""
        plain = word.isascii()
        # what continues a word that was none of the names' beginnings is none either
        if word.upper() in names and not (before and (before[-1].isascii() or not plain)):
            return len(word)
        if not plain and word[-1].isascii():
            tail = next(n for n, c in enumerate(reversed(word)) if not c.isascii())
            return tail if word[-tail:].upper() in names else 0
        return 0

    def _placeholder(self, text: str, _word: str, token: str, rest: str | None) -> str:
        """Restore a placeholder as issued, or hold what may become one."""
        if rest is None:
            forms = self._restoring.forms()
            if forms is None or not forms.opens(token):
                return self._engine(text)
            self._held = token
            text = text[: -len(token)]
            if text:
                self._before = ""
                self._passed.append(text)
            return text
        exact = PLACEHOLDER.fullmatch(token + "]")
        entry = exact and self._restoring.lookup(exact[1], exact[2])
        if not exact or not entry:
            return self._engine(text)
        head = text[: len(text) - len(token) - len(rest)]
        self._passed.append(head)
        self._catch_up()
        value = self._restoring.place(entry, exact[0])
        self._names, self._before = self._restoring.names(), ""
        return head + value + (self.feed(rest[1:]) if len(rest) > 1 else "")

    def _engine(self, text: str) -> str:
        if not text:
            return ""
        self._catch_up()
        text = self._held + text
        end, found = self._cells(text, False) if self._cells else Arrived(len(text))
        restored, held = self._restoring.run(text[:end], final=False, others=found)
        self._held = held + text[end:]
        self._names = None if self._held else self._restoring.names()
        self._before = self._restoring.word_before
        return restored

    def _catch_up(self) -> None:
        if self._passed:
            self._restoring.read("".join(self._passed))
            self._passed.clear()
