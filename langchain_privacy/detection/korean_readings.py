"""What a Korean word may be as a name, by itself: family name, given syllables, particles, titles.

Nothing here depends on where a word stands, so the answer is kept: the same words come again.
"""

# ruff: noqa: E501 - a pattern or a table reads better whole

from functools import lru_cache
from typing import NamedTuple

from langchain_privacy.detection.gazetteer import load
from langchain_privacy.detection.korean_context import ROLES
from langchain_privacy.detection.korean_words import PARTICLES, TITLES, is_title

FAMILY = load("korean_surnames")
NOT_NAMES = load("korean_not_names")
_FIRST = load("korean_given_first")
_WHOLE = load("korean_given_whole")
_LAST = load("korean_given_last")
_FOREIGN = load("korean_foreign_names")
_PLACES = load("korean_regions")
_TITLES = frozenset(TITLES)
# Family names that are seldom anything else at the start of a word.
_SURE_FAMILY = load("korean_sure_surnames")
# Syllables that end a name less often than they are a particle or an ending.
_ENDINGS = frozenset("은이의도가인만과와을를는에로한하된될할적들다고며면지서나라자기시해요음중술")
# What people write behind a name without a space, besides particles.
_STUCK = ("씨", "님", "때문", "때매", "땜", "역", "표", "출연", "연기", "주연", "형", "누나", "언니", "오빠", "엄마", "아빠", "말고", "덕", "보는", "나오", "사단", "스럽", "게임")  # fmt: skip
_FOREIGN_STARTS = frozenset(name[:2] for name in _FOREIGN if len(name) > 1)
STARTS = _FOREIGN_STARTS | {name for name in FAMILY if len(name) > 1}
"""What the names begin with whose first syllable alone is no family name."""

_RARE_FAMILY = load("korean_surnames_rare")
_REMEMBERED = 8192


class Stem(NamedTuple):
    """What a word is without its particle.

    Attributes:
        plausible: It is made of syllables of names.
        likely: Besides, it has the usual length.
        alone: It is likely enough to count with no word beside it that says so.
    """

    text: str
    plausible: bool
    likely: bool
    alone: bool


class Reading(NamedTuple):
    """One way to cut a word into a family name and the rest.

    Attributes:
        family: Syllables of the family name.
        titled: Length of the name in front of a title in the same word ("박의원"), or 0.
        given: Whether a given name may begin behind the family name.
        somebody: "윤모": a family name and the word for somebody.
        may_be: Whether it can be a name without a mark before it.
        likely: Whether a stem is likely a name.
        stems: The word without its particle, the longer first.
    """

    family: int
    titled: int
    given: bool
    somebody: bool
    may_be: bool
    likely: bool
    stems: tuple[Stem, ...]


class Word(NamedTuple):
    """A word, with all its readings.

    Attributes:
        never: No name, whatever stands around it, unless a mark before it says so.
        by_itself: It may be a name whatever follows it.
        excluded: No name even behind a mark.
        foreign: Length of the foreign name that it begins with, or 0.
        label: A role or a title, which a mark makes no name of.
    """

    never: bool
    by_itself: bool
    excluded: bool
    foreign: int
    label: bool
    readings: tuple[Reading, ...]


_NO_NAME = Word(never=True, by_itself=False, excluded=True, foreign=0, label=True, readings=())


@lru_cache(maxsize=_REMEMBERED)
def read(word: str) -> Word:
    """Return what a word may be."""
    if word in NOT_NAMES or word in _PLACES or word[:3] in NOT_NAMES:
        return _NO_NAME
    readings = tuple(
        _reading(word, family)
        for family in (2, 1)  # "선우경" may be 선우 경 or 선 우경
        if word[:family] in FAMILY and (family == 1 or len(word) > 2)
    )
    foreign = _foreign(word)
    by_itself = (
        foreign > 0
        or word[1:2] in ("씨", "모")
        or any(r.likely or r.titled or r.somebody for r in readings)
    )
    never = not (by_itself or any(r.may_be for r in readings))
    return Word(never, by_itself, False, foreign, word in ROLES or is_title(word), readings)


def _reading(word: str, family: int) -> Reading:
    given = len(word) == family or word[family] in _FIRST or word[family : family + 2] in _WHOLE
    titled, title = 0, False
    for at in range(min(len(word) - 1, family + 2), family - 1, -1):
        if is_title(word[at:]):
            title = True
            titled = titled or _before_title(word, at, family)
    stems = tuple(_stem(stem, family, word) for stem in _stems(word, family))
    may_be = title or any(stem.plausible or len(stem.text) == family for stem in stems)
    likely = any(stem.likely for stem in stems)
    return Reading(family, titled, given, word[family:] == "모", may_be, likely, stems)


def _stem(stem: str, family: int, word: str) -> Stem:
    plausible = _plausible(stem, family)
    likely = plausible and len(stem) in (family + 2, 3) and (family == 2 or len(stem) == 3)
    return Stem(stem, plausible, likely, likely and _alone(stem, family, word))


def _stems(word: str, family: int) -> list[str]:
    stems = []
    for length in (family + 2, family + 1):
        rest = word[length:]
        if len(word) >= length and (
            rest in PARTICLES or (rest.startswith(_STUCK) and len(rest) < 11)
        ):
            stems.append(word[:length])
    return [*stems, word] if len(word) == family else stems


def _plausible(stem: str, family: int) -> bool:
    given = stem[family:]
    listed = given in _WHOLE
    if not given or len(given) > 2:
        return False
    if not listed and (given[0] not in _FIRST or given[-1] not in _LAST):
        return False
    return not (stem in NOT_NAMES or stem in ROLES or stem in _PLACES or stem in _TITLES)


def _alone(stem: str, family: int, word: str) -> bool:
    if family == 2:
        return len(stem) > 3
    if stem[0] in _RARE_FAMILY:
        return False
    if stem[-1] in _ENDINGS and stem == word:
        return (
            stem[0] in _SURE_FAMILY
            and stem[-1] in "은이의인하지서자기시"
            and stem[:2] not in _TITLES
        )
    return True


def _before_title(word: str, at: int, family: int) -> int:
    stem = word[:at]
    if len(stem) == family and word[at:][:1] in "씨모":
        return family
    return at if _plausible(stem, family) and len(stem) > family + 1 else 0


def _foreign(word: str) -> int:
    """Return the length of the foreign name that a word begins with, or 0."""
    if word[:2] in _FOREIGN_STARTS:
        for length in range(min(len(word), 7), 1, -1):
            rest = word[length:]
            if word[:length] in _FOREIGN and (rest in PARTICLES or rest.startswith(_STUCK)):
                return length
    return 0
