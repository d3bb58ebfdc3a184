"""Restoring a text that arrives in pieces."""

import re
from collections.abc import Callable

from langchain_privacy.masking.cells import Arrived
from langchain_privacy.masking.grammar import PLACEHOLDER
from langchain_privacy.masking.restore import Restoring
from langchain_privacy.masking.tolerant import Forms

_GRAMMAR = re.compile(r"[\[({<&%\\_\x80-\uabff\ud7a4-\U0010ffff]").search
"""What prose does without, and no decorated placeholder or cell can be without."""

_NO_WORD = re.compile(r"[^A-Za-z0-9가-힣]")
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
        self._forms: Forms | None = None
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
            names = self._names = self._prose()
        # most of a stream is prose and placeholders as issued: neither needs the engine
        if self._held:
            text = self._held + text
            self._held = ""
        if _GRAMMAR(text):
            return self._placeholder(text)
        word = text.rpartition(" ")[2]
        if word:
            if not word.isalnum():
                word = _NO_WORD.split(word)[-1]
            if word.upper() in names or (not word.isascii() and word[-1].isascii()):
                return self._ends_in(word, text, names)
        passed = self._passed
        passed.append(text)
        if len(passed) > _REMEMBERED:
            self._catch_up()
        return text

    def flush(self) -> str:
        """Return what is left at the end of the stream."""
        self._catch_up()
        self._names = None
        held, self._held = self._held, ""
        found = self._cells(held, True).found if self._cells else ()
        return self._restoring.run(held, final=True, others=found)[0]

    def _prose(self) -> frozenset[str]:
        """Return what a bare placeholder of the session can begin with."""
        if self._forms is None:
            self._forms = self._restoring.forms()
        return self._forms.bare_prefixes if self._forms else frozenset()

    def _ends_in(self, word: str, text: str, names: frozenset[str]) -> str:
        """Hold the last word of a text back if it may be the beginning of a bare placeholder."""
        begins = word.upper() in names
        if begins and len(word) == len(text):
            # what continues a word that was none of the names' beginnings is none either
            before = self._last()
            begins = not before.isalnum() or (word.isascii() and not before.isascii())
        if not begins and not word.isascii() and word[-1].isascii():
            word = word[-next(n for n, c in enumerate(reversed(word)) if not c.isascii()) :]
            begins = word.upper() in names
        if begins:
            self._held = word
            text = text[: -len(word)]
        self._passed.append(text)
        return text

    def _last(self) -> str:
        return next((piece[-1] for piece in reversed(self._passed) if piece), self._restoring.last)

    def _placeholder(self, text: str) -> str:
        """Restore a placeholder as issued, or hold what may become one."""
        at = text.find("[")
        head, token = text[:at], text[at:]
        if at < 0 or self._forms is None or (head and _GRAMMAR(head)):
            return self._engine(text)
        if "]" not in token:
            if not self._forms.opens(token):
                return self._engine(text)
            self._held = token
            self._passed.append(head)
            return head
        exact = PLACEHOLDER.match(token)
        entry = exact and self._restoring.lookup(exact[1], exact[2])
        if not exact or not entry:
            return self._engine(text)
        before = "".join(self._passed) + head
        self._passed.clear()
        value = self._restoring.place(before, entry, exact[0])
        self._names = None
        rest = token[exact.end() :]
        return head + value + self.feed(rest) if rest else head + value

    def _engine(self, text: str) -> str:
        if not text:
            return ""
        self._catch_up()
        text = self._held + text
        end, found = self._cells(text, False) if self._cells else Arrived(len(text))
        restored, held = self._restoring.run(text[:end], final=False, others=found)
        self._held = held + text[end:]
        self._forms = self._restoring.forms()
        self._names = None if self._held or self._restoring.after_word else self._prose()
        return restored

    def _catch_up(self) -> None:
        if self._passed:
            self._restoring.read("".join(self._passed))
            self._passed.clear()
