"""Restoring a text that arrives in pieces."""

import re

from langchain_privacy.masking.restore import Restoring

_PROSE = re.compile(
    r"(?:[^\[({<&%\\_\x80-\uabff\ud7a4-\U0010ffff]*[^\w\[({<&%\\\x80-\U0010ffff])?([A-Za-z0-9]*)"
)
"""Text without grammar, up to the word it ends in."""
_REMEMBERED = 512


class StreamRestorer:
    """Restores one stream of text.

    What comes out is what restoring the whole text would have given, however the text is cut.
    Only the beginning of a possible placeholder is held back, and a Korean particle that follows a
    restored value until its end is known; everything else comes out of the `feed` it went into.
    """

    def __init__(self, restoring: Restoring) -> None:
        self._restoring = restoring
        self._held = ""
        self._passed: list[str] = []
        self._inside_word = False
        self._names: frozenset[str] | None = None

    def __repr__(self) -> str:
        return f"<StreamRestorer holding {len(self._held)} characters>"

    def feed(self, text: str) -> str:
        """Take the next piece and return what is certain by now."""
        names = self._names
        # most of a stream is prose between placeholders: nothing of it needs the engine
        if names is not None and (prose := _PROSE.fullmatch(text)):
            word = prose[1]
            continued = self._inside_word and len(word) == len(text)
            if continued or not word or word.upper() not in names:
                self._inside_word = word != ""
                self._passed.append(text)
                if len(self._passed) > _REMEMBERED:
                    self._catch_up()
                return text
        if not text:
            return ""
        self._catch_up()
        restored, self._held = self._restoring.run(self._held + text, final=False)
        self._names = None if self._held else self._restoring.names()
        self._inside_word = self._restoring.inside_word
        return restored

    def flush(self) -> str:
        """Return what is left at the end of the stream."""
        self._catch_up()
        self._names = None
        held, self._held = self._held, ""
        return self._restoring.run(held, final=True)[0]

    def _catch_up(self) -> None:
        if self._passed:
            self._restoring.read("".join(self._passed))
            self._passed.clear()
