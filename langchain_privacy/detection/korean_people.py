"""Names of people in Korean: family name, likely syllables, and the words around them."""

# ruff: noqa: E501 - a pattern or a table reads better whole

import re
from collections.abc import Iterator
from functools import lru_cache

from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import FoldedText
from langchain_privacy.detection.gazetteer import load
from langchain_privacy.detection.korean_context import (
    AGE,
    ROLES,
    SOMEBODY,
    marked,
    role_before,
    title_after_office,
    title_near,
)
from langchain_privacy.detection.korean_words import PARTICLES, TITLES, has_hangul, is_title
from langchain_privacy.detection.rules import finding

_FAMILY = load("korean_surnames")
_FIRST = load("korean_given_first")
_WHOLE = load("korean_given_whole")
_LAST = load("korean_given_last")
_NOT_NAMES = load("korean_not_names")
_FOREIGN = load("korean_foreign_names")
_PLACES = load("korean_regions")
# Family names that are seldom anything else at the start of a word.
_SURE_FAMILY = load("korean_sure_surnames")
# Syllables that end a name less often than they are a particle or an ending.
_ENDINGS = frozenset("은이의도가인만과와을를는에로한하된될할적들다고며면지서나라자기시해요음")

# Family names that, alone before a title, are more often a word: "전 대통령", "현 시장", "차 사장".
_WORDS_AS_WELL = load("korean_surnames_words_as_well")
# What follows the stem of a verb or of 이다, where a name is followed by the same syllable's look.
_VERB_AFTER = {
    "하": "는고며지길다라여였면게던",
    "한": "다",
    "된": "다",
    "해": "야서도",
    "이": "다며고라지었나란므",
    "지": "는고며만다",
    "오": "는고며지다",
    "나": "는오온",
}

_BETWEEN_NAMES = frozenset({"·", ", ", "/", ",", "・", "ㆍ"})
# A field for a name holds one, whatever its syllables; so does what stands between a role and 님.
_FORM_NAME = re.compile(
    r"(?:성[ ]{0,3}명|이[ ]{0,2}름|성함|예금주명?|환자명|고객명|영문명)[ ]?(?:\([^()\n]{1,8}\))?[ ]?[:|\t=][ \t|]{0,4}"
    r"(?P<name>[가-힣]{1,6}(?:[ ][가-힣]{1,6}){1,3}|[가-힣]{2,6})(?=[ ]{0,3}(?:[|\n\t(,/]|님|\Z))"
    r"|(?:[(]?[갑을병]['\")]{0,2}[ :]{1,3}|[가-힣]자\([갑을병]\)[ ]|작성자[ :]{1,3})(?P<party>[가-힣]{2,4}(?:[ ][가-힣]{1,5}){1,2}|[가-힣]{3})(?=[는은와과]?[ ]{1,2}(?:주민|외국인|생년|\()|[ ]?\n|[는은]?[ ]다음|\Z)"
    r"|(?:의뢰인|환자|고객|근로자|내담자|신청인|회원|임차인|임대인|피보험자|직원|사원)[ :]{1,2}"
    r"(?P<titled>[가-힣]{1,5}(?:[ ][가-힣]{1,5}){1,3})[ ]?(?:님|씨)(?=[ \n(,.은는이가의을를과와께도에])"
)
# What people write behind a name without a space, besides particles.
_STUCK = ("씨", "님", "때문", "때매", "땜", "역", "표", "출연", "연기", "주연", "형", "누나", "언니", "오빠", "엄마", "아빠", "말고", "덕", "보는", "나오", "사단", "스럽", "게임")  # fmt: skip
_TITLES = frozenset(TITLES)
_REMEMBERED = 8192  # words: what a word alone may be is asked again at every place where it stands
# Particles of place and time: people take 에게 and 한테, "옥수동에" is no person.
_OF_PLACES = frozenset({"에", "에서", "까지", "부터", "에서는", "에는", "에도", "에서도"})
_FOREIGN_STARTS = frozenset(name[:2] for name in _FOREIGN if len(name) > 1)
_STARTS = _FOREIGN_STARTS | {name for name in _FAMILY if len(name) > 1}
_FIRSTS = "".join(sorted({start[0] for start in _FAMILY | _STARTS}))
# Words that begin as a name may: the engine passes the others by.
_WORD = re.compile(rf"(?<![가-힣])[{_FIRSTS}][가-힣]*")


def find_korean_people(text: FoldedText) -> Iterator[Finding]:
    """Find Korean names, and foreign ones in Korean spelling."""
    t = text.text
    if not has_hangul(t):
        return
    yield from _in_forms(t)
    last = -9  # where the person before ended: "변아람·설지안·명노을"
    for match in _WORD.finditer(t):
        word = match[0]
        if word[0] not in _FAMILY and word[:2] not in _STARTS:
            continue
        listed = match.start() - last in (1, 2) and t[last : match.start()] in _BETWEEN_NAMES
        if _never_a_name(word) and not listed and not marked(t, match.start()):
            continue
        found = _name_in(t, match.start(), match.end(), listed=listed)
        if found is not None:
            start, end, score = found
            last = end
            yield finding(start, end, "PERSON", score, "korean_people")


def _in_forms(t: str) -> Iterator[Finding]:
    for match in _FORM_NAME.finditer(t):
        group = match.lastgroup or "name"
        if match[group] not in _NOT_NAMES and match[group] not in ROLES:
            yield finding(*match.span(group), "PERSON", 0.7, "korean_people")


@lru_cache(maxsize=_REMEMBERED)
def _never_a_name(word: str) -> bool:
    """Say whether a word is no name, whatever stands around it, unless a mark before it does."""
    if word in _NOT_NAMES or word in _PLACES or word[:3] in _NOT_NAMES:
        return True
    for family in (2, 1):
        if word[:family] not in _FAMILY:
            continue
        if any(len(stem) == family or _plausible(stem, family) for stem in _stems(word, family)):
            return False
        if any(is_title(word[at:]) for at in range(family, family + 3) if at < len(word)):
            return False
    return not _foreign(word) and word[1:2] not in ("씨", "모")


def _name_in(t: str, start: int, end: int, *, listed: bool) -> tuple[int, int, float] | None:
    word = t[start:end]
    if word in _NOT_NAMES or word in _PLACES or (len(word) > 2 and word[:3] in _NOT_NAMES):
        return None
    if start and t[start - 1].isdecimal():
        return None  # "3천여명"
    foreign = _foreign(word)
    if foreign:
        return start, start + foreign, 0.5
    for family in (2, 1):  # "선우경" may be 선우 경 or 선 우경
        if word[:family] in _FAMILY and (family == 1 or len(word) > 2):
            found = _with_family(t, start, end, family, listed=listed)
            if found is not None:
                return found
    return None


def _with_family(
    t: str, start: int, end: int, family: int, *, listed: bool
) -> tuple[int, int, float] | None:
    word = t[start:end]
    if (
        len(word) > family
        and word[family] not in _FIRST
        and word[family : family + 2] not in _WHOLE
        and not marked(t, start)
    ):
        # No given name begins so: only a title can make this a person, "박의원".
        return (
            (start, start + family, 0.7)
            if word[family] == "씨" and _before_title(word, family, family)
            else None
        )
    if word[family:] == "모" and SOMEBODY.match(t, end):
        return start, start + family, 0.6
    for at in (family + 2, family + 1, family):
        if at < len(word) and is_title(word[at:]) and (named := _before_title(word, at, family)):
            return start, start + named, 0.7
    stems = _stems(word, family)
    if not stems:
        return None
    if not any(_likely(stem, family) for stem in stems) and not marked(t, start):
        role, label = False, False
    else:
        role, label = role_before(t, start)
        role = role or listed
    if label and word not in ROLES and not is_title(word):
        for stem in stems:
            if _plausible(stem, family) or (len(stem) == family + 2 and len(word) - len(stem) < 3):
                return start, start + len(stem), 0.8
    for stem in stems:
        if score := _score(t, start, end, stem, family, role=role, label=label):
            return start, start + len(stem), score
    return None


def _score(
    t: str, start: int, end: int, stem: str, family: int, *, role: bool, label: bool
) -> float:
    """Say how likely a stem is a name, from what it is made of and what stands around it."""
    rest = start + len(stem)
    whole, likely = rest == end, _likely(stem, family)
    if whole and (likely or len(stem) == family or _plausible(stem, family)):
        if _plausible(stem, family):
            if AGE.match(t, end):
                return 0.75
            if title_near(t, end):
                return 0.7
        elif len(stem) == family and title_near(t, end):
            return 0.7 if stem not in _WORDS_AS_WELL or t[end : end + 2] == " 씨" else 0.0
        if likely and title_after_office(t, end):
            return 0.65
    if not whole and t[rest:end] in _OF_PLACES:
        return 0.0
    if not likely or (not label and not whole and t[rest] in _VERB_AFTER.get(stem[-1], "")):
        return 0.0
    if role:
        return 0.65
    return 0.5 if _alone(stem, family, whole=whole) else 0.0


@lru_cache(maxsize=_REMEMBERED)
def _stems(word: str, family: int) -> tuple[str, ...]:
    """Return what a word may be without its particle, the longer first."""
    stems = []
    for length in (family + 2, family + 1):
        rest = word[length:]
        if len(word) >= length and (
            rest in PARTICLES or (rest.startswith(_STUCK) and len(rest) < 11)
        ):
            stems.append(word[:length])
    if len(word) == family:
        stems.append(word)
    return tuple(stems)


@lru_cache(maxsize=_REMEMBERED)
def _plausible(stem: str, family: int) -> bool:
    given = stem[family:]
    listed = given in _WHOLE
    if not given or len(given) > 2:
        return False
    if not listed and (given[0] not in _FIRST or given[-1] not in _LAST):
        return False
    return not (stem in _NOT_NAMES or stem in ROLES or stem in _PLACES or stem in _TITLES)


def _likely(stem: str, family: int) -> bool:
    return (
        len(stem) in (family + 2, 3)
        and len(stem) > family
        and (family == 2 or len(stem) == 3)
        and _plausible(stem, family)
    )


def _alone(stem: str, family: int, *, whole: bool) -> bool:
    """Say whether a likely name may count with no word beside it that says so."""
    if family == 2:
        return len(stem) > 3
    if stem[-1] in _ENDINGS and whole:
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


@lru_cache(maxsize=_REMEMBERED)
def _foreign(word: str) -> int:
    """Return the length of the foreign name that a word begins with, or 0."""
    if word[:2] in _FOREIGN_STARTS:
        for length in range(min(len(word), 7), 1, -1):
            rest = word[length:]
            if word[:length] in _FOREIGN and (rest in PARTICLES or rest.startswith(_STUCK)):
                return length
    return 0
