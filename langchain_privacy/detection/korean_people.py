"""Names of people in Korean: family name, likely syllables, and the words around them."""

# ruff: noqa: E501 - a pattern or a table reads better whole

import re
from collections.abc import Iterator

from langchain_privacy.detection.cues import Cues
from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import FoldedText
from langchain_privacy.detection.gazetteer import load
from langchain_privacy.detection.korean_context import (
    AGE,
    ROLES,
    SOMEBODY,
    may_title_follow,
    role_before,
    title_after_office,
    title_near,
)
from langchain_privacy.detection.korean_readings import (
    FAMILY,
    NOT_NAMES,
    STARTS,
    Reading,
    Stem,
    Word,
    read,
)
from langchain_privacy.detection.rules import finding

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

_MYSELF = frozenset({"나", "회원님", "알 수 없음"})
_BETWEEN_NAMES = frozenset({"·", ", ", "/", ",", "・", "ㆍ"})
_FORM_LABELS = Cues(
    [f"{first}{' ' * gap}{second}" for first, second in ("성명", "이름") for gap in range(4)]
    + ["성함", "예금주", "환자명", "고객명", "영문명", "작성자", "자(갑) ", "자(을) ", "자(병) "]
    + [f"{party}{mark}" for party in "갑을병" for mark in (" ", ":", "'", '"', ")")]
    + ["의뢰인", "환자", "고객", "근로자", "내담자", "신청인", "회원", "임차인", "임대인", "피보험자", "직원", "사원"]
)  # fmt: skip
# A field for a name holds one, whatever its syllables; so does what stands between a role and 님.
_FORM_NAME = re.compile(
    r"(?:성[ ]{0,3}명|이[ ]{0,2}름|성함|예금주명?|환자명|고객명|영문명)[ ]?(?:\([^()\n]{1,8}\))?[ ]?[:|\t=][ \t|]{0,4}"
    r"(?P<name>[가-힣]{1,6}(?:[ ][가-힣]{1,6}){1,3}|[가-힣]{2,6})(?=[ ]{0,3}(?:[|\n\t(,/]|님|\Z))"
    r"|(?:[(]?[갑을병]['\")]{0,2}[ :]{1,3}|(?<=[가-힣])자\([갑을병]\)[ ]|작성자[ :]{1,3})(?P<party>[가-힣]{2,4}(?:[ ][가-힣]{1,5}){1,2}|[가-힣]{3})(?=[는은와과]?[ ]{1,2}(?:주민|외국인|생년|\()|[ ]?\n|[는은]?[ ]다음|\Z)"
    r"|(?:의뢰인|환자|고객|근로자|내담자|신청인|회원|임차인|임대인|피보험자|직원|사원)[ :]{1,2}"
    r"(?P<titled>[가-힣]{1,5}(?:[ ][가-힣]{1,5}){1,3})[ ]?(?:님|씨)(?=[ \n(,.은는이가의을를과와께도에])"
)
# "[진아름] [오후 2:14]": who wrote a line, as messengers export it.
_WRITERS = re.compile(r"(?m)^\[(?P<name>[가-힣][가-힣 ]{0,11})\] \[오[전후] \d{1,2}:\d\d\]")
# Particles of place and time: people take 에게 and 한테, "옥수동에" is no person.
_OF_PLACES = frozenset({"에", "에서", "까지", "부터", "에서는", "에는", "에도", "에서도"})
_FIRSTS = "".join(sorted({start[0] for start in FAMILY | STARTS}))
# Words that begin as a name may: the engine passes the others by.
_WORD = re.compile(rf"[{_FIRSTS}](?<![가-힣].)[가-힣]*")
# What can make a label of the word before it, up to the word behind it.
_MARK = re.compile(r"[:：=|(\[][ \t\"'*]?(?=[가-힣])")


def find_korean_people(text: FoldedText) -> Iterator[Finding]:
    """Find Korean names, and foreign ones in Korean spelling."""
    t = text.text
    if not text.hangul:
        return
    yield from _in_forms(text)
    yield from _writers(t)
    marked = {match.end() for match in _MARK.finditer(t)}
    last = -9  # where the person before ended: "변아람·설지안·명노을"
    for match in _WORD.finditer(t):
        start = match.start()
        word = read(match[0])
        listed = start - last in (1, 2) and t[last:start] in _BETWEEN_NAMES
        if not (word.by_itself or listed or start in marked) and (
            word.never or not may_title_follow(t, match.end())
        ):
            continue
        found = _name_in(t, match, word, listed=listed, marked=start in marked)
        if found is not None:
            last, score = found
            yield finding(start, last, "PERSON", score, "korean_people")


def _in_forms(text: FoldedText) -> Iterator[Finding]:
    for start, _ in _FORM_LABELS.find(text):
        match = _FORM_NAME.match(text.text, start)
        group = (match and match.lastgroup) or "name"
        if match and match[group] not in NOT_NAMES and match[group] not in ROLES:
            yield finding(*match.span(group), "PERSON", 0.7, "korean_people")


def _writers(t: str) -> Iterator[Finding]:
    for match in _WRITERS.finditer(t) if "] [오" in t else ():
        if match["name"] not in NOT_NAMES and match["name"] not in _MYSELF:
            yield finding(*match.span("name"), "PERSON", 0.7, "korean_people")


def _name_in(
    t: str, match: re.Match[str], word: Word, *, listed: bool, marked: bool
) -> tuple[int, float] | None:
    """Return where the name in a word ends and its score."""
    start, end = match.span()
    if word.excluded or (start and t[start - 1].isdecimal()):
        return None  # "3천여명"
    if word.foreign:
        return start + word.foreign, 0.5
    for reading in word.readings:
        found = _with_family(t, start, end, word, reading, listed=listed, marked=marked)
        if found is not None:
            return start + found[0], found[1]
    return None


def _with_family(
    t: str, start: int, end: int, word: Word, reading: Reading, *, listed: bool, marked: bool
) -> tuple[int, float] | None:
    """Return the length of the name, if this reading is one, and its score."""
    family = reading.family
    if not (reading.given or marked):
        # No given name begins so: only a title can make this a person.
        return (family, 0.7) if t[start + family] == "씨" else None
    if reading.somebody and SOMEBODY.match(t, end):
        return family, 0.6
    if reading.titled:
        return reading.titled, 0.7
    role = label = False
    if reading.likely or marked:
        role, label = role_before(t, start)
    if label and not word.label:
        for stem in reading.stems:
            length = len(stem.text)
            if stem.plausible or (length == family + 2 and end - start - length < 3):
                return length, 0.8
    for stem in reading.stems:
        if score := _score(t, start, end, stem, family, role=role or listed, label=label):
            return len(stem.text), score
    return None


def _score(
    t: str, start: int, end: int, stem: Stem, family: int, *, role: bool, label: bool
) -> float:
    """Say how likely a stem is a name, from what it is made of and what stands around it."""
    rest = start + len(stem.text)
    whole = rest == end
    if whole and stem.plausible:
        if AGE.match(t, end):
            return 0.75
        if title_near(t, end):
            return 0.7
    elif whole and len(stem.text) == family and title_near(t, end):
        return 0.7 if stem.text not in _WORDS_AS_WELL or t[end : end + 2] == " 씨" else 0.0
    if whole and stem.likely and title_after_office(t, end):
        return 0.65
    if not whole and t[rest:end] in _OF_PLACES:
        return 0.0
    if not stem.likely or (
        not label and not whole and t[rest] in _VERB_AFTER.get(stem.text[-1], "")
    ):
        return 0.0
    if role:
        return 0.65
    return 0.5 if stem.alone else 0.0
