r"""Numbers that are known by how they are written: a table of kinds, and one rule that reads it.

Cards, accounts, telephones, numbers of states: each kind is a `Number`, a row that says how it is
written and what makes one believable (its check digits, a word beside it). The rows stand in the
files that are named after what they find; `defaults` makes one rule of all of them, which goes once
over the stretches around digits and tries only what has few enough of them.

    >>> from langchain_privacy.detection.folded import fold
    >>> judge = beside(re.compile("room"), "ROOM", 0.6)
    >>> room = Number("room", re.compile(r"\b[0-9]{3}\b"), 3, judge)
    >>> [finding.start for finding in find_any_of(room)(fold("She lies in room 417."))]
    [17]
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial, update_wrapper
from typing import NamedTuple

from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import FoldedText, digits
from langchain_privacy.detection.rules import Rule, announced_by, near, span

Verdict = tuple[str, float] | None
"""The type of what matched, and the score; `None` if it is nothing."""

Judge = Callable[[FoldedText, re.Match[str]], Verdict]
"""Says what a match is."""


class Number(NamedTuple):
    """A kind of number.

    Attributes:
        name: What its findings are signed with.
        pattern: How it is written; between two of its digits stand four characters at most.
        digits: The least number of digits in a match.
        judge: What a match is: `always` the same, only `beside` a word, or what its digits say.
        behind_letter: Whether a letter stands directly before a digit of each match.
    """

    name: str
    pattern: re.Pattern[str]
    digits: int
    judge: Judge
    behind_letter: bool = False

    @property
    def has_spaces(self) -> bool:
        """Whether a space may stand in a match: if not, all of its digits are of one word."""
        return any(space in self.pattern.pattern for space in (" ", r"\s"))


# Judges and rules are made of functions with a name: a masker can be pickled.


def always(entity_type: str, score: float) -> Judge:
    """Believe the shape."""
    return partial(_always, (entity_type, score))


def _always(verdict: Verdict, _text: FoldedText, _match: re.Match[str]) -> Verdict:
    return verdict


def beside(words: re.Pattern[str], entity_type: str, score: float, *, reach: int = 40) -> Judge:
    """Believe what has one of some words near it, see `rules.near`."""
    return partial(_beside, words, (entity_type, score), reach)


def _beside(
    words: re.Pattern[str], verdict: Verdict, reach: int, text: FoldedText, match: re.Match[str]
) -> Verdict:
    return verdict if near(text, *match.span(), words, reach=reach) else None


def digits_of(match: re.Match[str]) -> str:
    """Return the digits of a match without what stands between them."""
    return "".join(filter(str.isdecimal, match[0]))


_BEHIND_LETTER = re.compile(r"[A-Za-z]\d")
_FEW = 5  # digits: hardly any kind has as few, and most numbers in prose have no more


def find_any_of(*numbers: Number) -> Rule:
    """Make one rule of all these kinds of numbers."""
    kinds = sorted(numbers, key=lambda kind: kind.digits)
    rule = update_wrapper(
        partial(_find_numbers, kinds, [kind.has_spaces for kind in kinds]), _find_numbers
    )
    return announced_by(digits(kinds[0].digits))(rule)


def _find_numbers(
    kinds: Sequence[Number], has_spaces: Sequence[bool], text: FoldedText
) -> Iterator[Finding]:
    t, done, least = text.text, [0] * len(kinds), kinds[0].digits
    for start, end, count in text.islands[0]:
        if count < least:
            continue
        behind_letter = _BEHIND_LETTER.search(t, start, end) is not None
        words = t[start:end].split() if count > _FEW else ()
        in_one_word = max((sum(map(str.isdecimal, word)) for word in words), default=count)
        for place, kind in enumerate(kinds):
            if kind.digits > count:
                break
            if kind.digits > in_one_word and not has_spaces[place]:
                continue
            if kind.behind_letter and not behind_letter:
                continue
            for match in kind.pattern.finditer(t, max(start, done[place]), end):
                done[place] = match.end()
                if verdict := kind.judge(text, match):
                    yield span(match, *verdict, kind.name)
