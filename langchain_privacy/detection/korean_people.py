"""Names of people in Korean: family name, likely syllables, and the words around them."""

# ruff: noqa: E501 - a pattern or a table reads better whole

import re
from collections.abc import Iterator

from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import FoldedText
from langchain_privacy.detection.gazetteer import load
from langchain_privacy.detection.korean_words import PARTICLES, TITLES, is_title
from langchain_privacy.detection.rules import finding

_FAMILY = load("korean_surnames")
_FIRST = load("korean_given_first")
_LAST = load("korean_given_last")
_ROLES = load("korean_roles")
_NOT_NAMES = load("korean_not_names")
_FOREIGN = load("korean_foreign_names")
_PLACES = load("korean_regions")
# Family names that are seldom anything else at the start of a word.
_SURE_FAMILY = frozenset(
    [
        "김",
        "박",
        "최",
        "윤",
        "임",
        "권",
        "홍",
        "곽",
        "심",
        "황",
        "류",
        "엄",
        "노",
        "문",
        "백",
        "허",
        "손",
        "강",
        "송",
        "유",
        "한",
        "오",
        "서",
        "신",
        "안",
        "배",
        "남",
        "공",
        "남궁",
        "황보",
        "제갈",
        "선우",
        "독고",
    ]
)
# Syllables that end a name less often than they are a particle or an ending.
_ENDINGS = frozenset("은이의도가인만과와을를는에로한하된될할적들다고며면지서나라자기시해요음")

# Family names that, alone before a title, are more often a word: "전 대통령", "현 시장", "차 사장".
_WORDS_AS_WELL = frozenset(
    [
        "전",
        "현",
        "구",
        "신",
        "원",
        "주",
        "모",
        "당",
        "두",
        "본",
        "방",
        "양",
        "장",
        "사",
        "명",
        "단",
        "반",
        "부",
        "편",
        "탁",
        "피",
        "감",
        "좌",
        "상",
        "제",
        "시",
        "점",
        "예",
        "갈",
        "판",
        "대",
        "초",
        "아",
    ]
)
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

_WORD = re.compile(r"[가-힣]+")
# What people write behind a name without a space, besides particles.
_STUCK = ("씨", "님", "때문", "때매", "땜", "역", "표", "출연", "연기", "주연", "형", "누나", "언니", "오빠", "엄마", "아빠", "말고", "덕", "보는", "나오", "사단", "스럽", "게임")  # fmt: skip
_TITLES = frozenset(TITLES)
_RANKS = ("총괄", "수석", "명예", "선임", "부")
# Particles of place and time: people take 에게 and 한테, "옥수동에" is no person.
_OF_PLACES = frozenset({"에", "에서", "까지", "부터", "에서는", "에는", "에도", "에서도"})
# What can stand behind a family name of one syllable: a given name, nothing, "씨".
_SECOND = _FIRST | {"", "씨", "모"}
_FOREIGN_STARTS = frozenset(name[0] for name in _FOREIGN)
_SOMEBODY = re.compile(r"[ ]?(?:\([^()\n]{1,12}\)|씨|양|군|전 )")
_AGE = re.compile(r"[ ]?\((?:\d{1,3}(?:세|살)?|남|여|\d{2}년생|만[ ]?\d+세)[,)·]")
_NEXT_WORD = re.compile(r"[ ]?(?P<word>[가-힣]+)")
_OFFICE = re.compile(r"(?:[ ]?\([^()\n]{1,12}\))?[ ]?(?:[가-힣]{2,6}[ ])?(?P<word>[가-힣]+)")
_ROLE_BEFORE = re.compile(r"(?P<role>[가-힣]{1,8})(?P<particle>은|는|이|가|인|의|:|)[ ]{0,2}(?P<mark>[:：=|(\[>-]?)[ \t\"'*]{0,3}\Z")  # fmt: skip


def find_korean_people(text: FoldedText) -> Iterator[Finding]:
    """Find Korean names, and foreign ones in Korean spelling."""
    t = text.text
    for match in _WORD.finditer(t):
        word = match[0]
        named = word[0] in _FAMILY and (word[1:2] in _SECOND or _marked(t, match.start()))
        if named or word[0] in _FOREIGN_STARTS or word[:2] in _FAMILY:
            found = _name_in(t, match.start(), match.end())
            if found is not None:
                start, end, score = found
                yield finding(start, end, "PERSON", score, "korean_people")


def _name_in(t: str, start: int, end: int) -> tuple[int, int, float] | None:
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
            found = _with_family(t, start, end, family)
            if found is not None:
                return found
    return None


def _with_family(t: str, start: int, end: int, family: int) -> tuple[int, int, float] | None:
    word = t[start:end]
    if len(word) > family and word[family] not in _FIRST and not _marked(t, start):
        # No given name begins so: only a title can make this a person, "박의원".
        return (
            (start, start + family, 0.7)
            if word[family] == "씨" and _before_title(word, family, family)
            else None
        )
    if word[family:] == "모" and _SOMEBODY.match(t, end):
        return start, start + family, 0.6
    for at in (family + 2, family + 1, family):
        if at < len(word) and is_title(word[at:]) and (named := _before_title(word, at, family)):
            return start, start + named, 0.7
    stems = list(_stems(word, family))
    if not stems:
        return None
    if not any(_likely(stem, family) for stem in stems) and not _marked(t, start):
        role, label = False, False
    else:
        role, label = _role_before(t, start)
    if label and word not in _ROLES:
        for stem in stems:
            if _plausible(stem, family) or (len(stem) == family + 2 and len(word) - len(stem) < 3):
                return start, start + len(stem), 0.8
    for stem in stems:
        if score := _score(t, start, end, stem, family, role=role, label=label):
            return start, start + len(stem), score
    return None


def _marked(t: str, start: int) -> bool:
    """Say whether a mark stands before an offset that can make a label of the word before it."""
    before = t[max(0, start - 4) : start].rstrip(" \t\"'*")
    return before[-1:] in ":：=|(["


def _score(
    t: str, start: int, end: int, stem: str, family: int, *, role: bool, label: bool
) -> float:
    """Say how likely a stem is a name, from what it is made of and what stands around it."""
    rest = start + len(stem)
    whole, likely = rest == end, _likely(stem, family)
    if whole and (likely or len(stem) == family or _plausible(stem, family)):
        if _plausible(stem, family):
            if _AGE.match(t, end):
                return 0.75
            if _title_near(t, end):
                return 0.7
        elif len(stem) == family and _title_near(t, end):
            return 0.7 if stem not in _WORDS_AS_WELL or t[end : end + 2] == " 씨" else 0.0
        if likely and _title_after_office(t, end):
            return 0.65
    if not whole and t[rest:end] in _OF_PLACES:
        return 0.0
    if not likely or (not label and not whole and t[rest] in _VERB_AFTER.get(stem[-1], "")):
        return 0.0
    if role:
        return 0.65
    return 0.5 if _alone(stem, family, whole=whole) else 0.0


def _title_near(t: str, end: int) -> bool:
    """Say whether the next word is a title: "서지훈 부장", "박 전 의원", "신 총괄회장"."""
    following = _NEXT_WORD.match(t, end)
    if following is None:
        return False
    word = following["word"]
    if word in ("전", "현") and (following := _NEXT_WORD.match(t, following.end())):
        word = following["word"]
    return is_title(word) or any(
        word.startswith(r) and is_title(word.removeprefix(r)) for r in _RANKS
    )


def _title_after_office(t: str, end: int) -> bool:
    """Say whether a title follows with an office before it: "홍길동 영업 과장", "홍길동(통일) 의원"."""
    match = _OFFICE.match(t, end)
    return match is not None and is_title(match["word"])


def _stems(word: str, family: int) -> Iterator[str]:
    """Yield what a word may be without its particle, the longer first."""
    for length in (family + 2, family + 1):
        rest = word[length:]
        if len(word) >= length and (
            rest in PARTICLES or (rest.startswith(_STUCK) and len(rest) < 11)
        ):
            yield word[:length]
    if len(word) == family:
        yield word


def _plausible(stem: str, family: int) -> bool:
    given = stem[family:]
    if not given or given[0] not in _FIRST or given[-1] not in _LAST or len(given) > 2:
        return False
    return not (stem in _NOT_NAMES or stem in _ROLES or stem in _PLACES or stem in _TITLES)


def _likely(stem: str, family: int) -> bool:
    return len(stem) == family + 2 and _plausible(stem, family)


def _alone(stem: str, family: int, *, whole: bool) -> bool:
    """Say whether a likely name may count with no word beside it that says so."""
    if family == 2:
        return True
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


def _role_before(t: str, start: int) -> tuple[bool, bool]:
    """Say whether a role stands before an offset, and whether a mark makes it a label."""
    match = _ROLE_BEFORE.search(t, max(0, start - 14), start)
    if match is None:
        return False, False
    role, mark = match["role"], bool(match["mark"]) or match["particle"] == ":"
    known = (
        role in _ROLES
        or role.removesuffix("명") in _ROLES
        or (role.endswith(("성명", "이름", "인", "주치의", "담당자")) and role[-3:] in _ROLES)
    )
    if not known and len(role) > 1 and role[-1] in "은는이가인의":
        known = role[:-1] in _ROLES
    return known, known and mark and match["mark"] not in ("-", ">")


def _foreign(word: str) -> int:
    """Return the length of the foreign name that a word begins with, or 0."""
    if word[0] in _FOREIGN_STARTS:
        for length in range(min(len(word), 7), 1, -1):
            rest = word[length:]
            if word[:length] in _FOREIGN and (rest in PARTICLES or rest.startswith(_STUCK)):
                return length
    return 0
