r"""Where a pattern can begin: a text is cut into words once, for all rules.

A pattern that begins with a choice of words costs the engine a try of all of them at every
character. Such a pattern is an `Anchored` one: it says with which words its matches begin (or that
they begin with a number or a sign), and is tried there and nowhere else.

    >>> called = Anchored(r"\b(?:called|named) (?P<name>[A-Z]\w+)", ["called", "named"])
    >>> [match["name"] for match in called.find(words_of("A dog called Rex, a cat named Tom."))]
    ['Rex', 'Tom']
"""

import re
from bisect import bisect_left
from collections.abc import Iterable
from itertools import compress
from operator import itemgetter
from typing import NamedTuple

from langchain_privacy.detection.once import once
from langchain_privacy.values.fold import lowered

_LATIN_WORD = re.compile(r"[a-z\u00df-\u024f\u0370-\u052f]+")
# Blanks for all that is in no word: to split at them is twice as fast as to search for words.
_ASCII_WORDS = bytes(c if chr(c).islower() and c < 128 else ord(" ") for c in range(256))
_DIGITS = re.compile("[0-9][0-9]*")  # one class first: the engine looks for nothing else
# What patterns without regard to case take for an ASCII letter, and `str.lower` does not.
_ASCII_LOOKALIKES = {0x17F: "s", 0x131: "i", 0x130: "i"}
_ANY_LOOKALIKE = re.compile("[\u017f\u0131\u0130]")
_whole = itemgetter(0)


class Stretch(NamedTuple):
    """A stretch of a text: where it begins and stops, and what in it patterns may begin with.

    Attributes:
        begin: Its first character.
        stop: One past its last.
        said: The words that begin in it, in lower case.
        places: Where they begin.
        numbers: Where runs of digits begin.
    """

    begin: int
    stop: int
    said: list[str]
    places: list[int]
    numbers: list[int]


class Words:
    """The words and numbers of a text, and where they begin.

    Attributes:
        text: Normal form, see `values.fold.normal`.
        lower: The same in lower case, character for character.
        known: The words in Latin, Greek or Cyrillic letters that occur, in lower case.
        numbers: Where runs of digits begin and end.
        whole: The text as one stretch.
    """

    def __init__(self, text: str) -> None:
        self.text, self.lower = text, lowered(text)
        lookalikes = not text.isascii() and _ANY_LOOKALIKE.search(self.lower) is not None
        said = self.lower.translate(_ASCII_LOOKALIKES) if lookalikes else self.lower
        cut, places = _cut(said)
        self._where: dict[str, list[int]] = {}  # which of them a word is
        for number, word in enumerate(cut):
            if word in self._where:
                self._where[word].append(number)
            else:
                self._where[word] = [number]
        self.known = frozenset(self._where)
        if lookalikes:
            self.known |= frozenset(_LATIN_WORD.findall(self.lower))
        self.numbers = [match.span() for match in _DIGITS.finditer(text)]
        self.whole = Stretch(0, len(text), cut, places, [start for start, _ in self.numbers])

    def at(self, place: int) -> str:
        """Return the word that begins at an offset."""
        return self.whole.said[bisect_left(self.whole.places, place)]

    def places(self, words: frozenset[str], then: frozenset[str] = frozenset()) -> list[int]:
        """Return where words of a set begin, in order: all, or those with some word behind."""
        _, _, said, places, _ = self.whole
        numbers = [n for word in words & self.known for n in self._where.get(word, ())]
        if then:
            last = len(said) - 1
            numbers = [n for n in numbers if n == last or said[n + 1] in then]
        numbers.sort()
        return [places[n] for n in numbers]

    def within(self, begin: int = 0, stop: int | None = None) -> Stretch:
        """Return a stretch of the text."""
        stop = len(self.text) if stop is None else stop
        _, _, said, places, numbers = self.whole
        first, last = bisect_left(places, begin), bisect_left(places, stop)
        digits = numbers[bisect_left(numbers, begin) : bisect_left(numbers, stop)]
        return Stretch(begin, stop, said[first:last], places[first:last], digits)


def _cut(said: str) -> tuple[list[str], list[int]]:
    """Return the words of a text in lower case, and where they begin."""
    if not said.isascii():
        found = list(_LATIN_WORD.finditer(said))
        return list(map(_whole, found)), [match.start() for match in found]
    words: list[str] = []
    places: list[int] = []
    at = 0
    for word in said.encode().translate(_ASCII_WORDS).decode().split(" "):
        if word:
            words.append(word)
            places.append(at)
        at += len(word) + 1
    return words, places


@once
def words_of(text: str) -> Words:
    """Return the words of a text in normal form, without cutting it twice."""
    return Words(text)


class Anchored:
    """A pattern that is tried only where one of its matches can begin."""

    def __init__(
        self,
        pattern: str | re.Pattern[str],
        begins: Iterable[str] = (),
        *,
        whole: bool = True,
        flags: int = 0,
        needs: Iterable[str] = (),
        then: Iterable[str] = (),
        numbers: bool = False,
        reach: int = 0,
        signs: str = "",
        in_lower: bool = False,
        any_case: bool = False,
    ) -> None:
        r"""Take a pattern and where its matches begin.

        Args:
            pattern: No match is empty, and in front of each stands no letter or digit unless it
                begins with a sign: `\b` or what says more stands at its beginning.
            begins: Words in lower case; a match begins with one of them, or anywhere if there are
                none of these, no signs and no `numbers`.
            whole: Whether they are whole words; a match may begin with a part of one if not.
            flags: Of the pattern.
            needs: Words of which a text has at least one if it has a match.
            then: Words of which one comes next in each match that begins with a word, whatever
                stands between the two; any word if there are none. Asked of a whole text only.
            numbers: Whether a match may begin with a number.
            reach: How many characters before a number a match may begin as well.
            signs: Characters that a match may begin with.
            in_lower: Whether the pattern reads the text in lower case.
            any_case: Whether a capital letter is as good as a small one. The pattern is written in
                small letters, and so is what it finds in a text that is ASCII.
        """
        flags |= re.IGNORECASE if any_case else 0
        self.pattern = re.compile(pattern, flags) if isinstance(pattern, str) else pattern
        self._any_case = any_case
        self._small: re.Pattern[str] | None = None
        assert not any_case or not re.search(
            "[A-Z]", re.sub(r"\\.|\(\?P<", "", self.pattern.pattern)
        )
        self._begins = frozenset(begins)
        self._parts = () if whole else tuple(self._begins)
        self._then = frozenset(then)
        self._numbers = numbers
        self._before = range(reach, 0, -1)
        self._signs = re.compile(f"[{re.escape(signs)}]") if signs else None
        self.in_lower = in_lower
        self._anywhere = not (self._begins or numbers or signs)
        # Of these a text has one at least if it has a match, see `rules.announced_by`.
        begins = frozenset([*self._begins, *signs, *(["0"] if numbers else [])])
        self.signs = frozenset(needs) or (begins if whole else frozenset())
        self._words = self.signs if needs or not (numbers or signs) else frozenset()

    def find(
        self, words: Words, begin: int = 0, stop: int | None = None
    ) -> Iterable[re.Match[str]]:
        """Return what `finditer` of the pattern yields, for a stretch of the text."""
        whole = not begin and stop is None
        return self.find_in(words, words.whole if whole else words.within(begin, stop))

    def find_in(self, words: Words, stretch: Stretch) -> Iterable[re.Match[str]]:
        """Return the same for a stretch that was cut out before."""
        if self._words and self._words.isdisjoint(words.known):
            return ()
        pattern, text = self.pattern, words.lower if self.in_lower else words.text
        if self._any_case and text.isascii():
            if self._small is None:  # compiled when it is needed: to compare both cases costs twice
                self._small = re.compile(pattern.pattern, pattern.flags & ~re.IGNORECASE)
            pattern, text = self._small, words.lower
        begin, end, said, places, numbers = stretch
        if self._anywhere:
            return pattern.finditer(text, begin, end)
        starts: list[int] = []
        if self._parts:
            starts = [
                at for at, word in zip(places, said, strict=True) if word.startswith(self._parts)
            ]
        elif stretch is words.whole:
            starts = words.places(self._begins, self._then)
        elif self._begins:
            starts = list(compress(places, map(self._begins.__contains__, said)))
        if self._numbers or self._signs:
            starts += numbers if self._numbers else ()
            if self._before:
                starts += [
                    at - back for at in numbers for back in self._before if at - back >= begin
                ]
            if self._signs is not None:
                starts += [found.start() for found in self._signs.finditer(words.text, begin, end)]
            starts.sort()
        if not starts:
            return ()
        match, done, matches = pattern.match, 0, []
        for at in starts:
            if at >= done and (found := match(text, at, end)):
                done = found.end()
                matches.append(found)
        return matches
