r"""Korean particles behind words in Latin letters and numbers, set apart and taken off.

Python's `\b` and `\w` know one kind of letter, so `10.20.30.41이고` ends in the middle of a word,
and "all but white space" takes `이고` into a password. `detection.detect` lets detectors look at a
text with a space before each of these particles; no rule and no model has to know.

    >>> particles = Particles("메일은 ada@example.org로 주세요.")
    >>> particles.apart().text
    '메일은 ada@example.org 로 주세요.'
    >>> particles.end_without(4, 20)  # of "ada@example.org로"
    19
"""

from langchain_privacy.values.view import View
from langchain_privacy.words.korean import PARTICLE_BEHIND_LATIN

_QUOTES = ('"', "'", "`")


class Particles:
    """The particles behind Latin words and numbers of a text; false where it has none."""

    def __init__(self, text: str) -> None:
        found = () if text.isascii() else PARTICLE_BEHIND_LATIN.finditer(text)
        self._text = text
        self._starts = {match.end(): match.start() for match in found}

    def __bool__(self) -> bool:
        return bool(self._starts)

    def apart(self) -> View:
        """Return the text with a space before each of them."""
        view, at = View(), 0
        for start in self._starts.values():
            view.copy(self._text[at:start], 0, at)
            view.label(" ")
            at = start
        view.copy(self._text[at:], 0, at)
        return view

    def end_without(self, start: int, end: int) -> int:
        """Return where a span of the text ends without the particle that it ends with.

        What stands alone between two quotes is kept whole: a password may end like a word.
        """
        if (
            start
            and self._text[start - 1] in _QUOTES
            and self._text[start - 1] == self._text[end : end + 1]
        ):
            return end
        return self._starts.get(end, end)
