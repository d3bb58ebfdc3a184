"""Names of people in Korean: family name, likely syllables, and the words around them."""

# ruff: noqa: E501 - a pattern or a table reads better whole

import re
from collections.abc import Iterator

from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import FoldedText
from langchain_privacy.detection.gazetteer import load
from langchain_privacy.detection.korean_words import HONORIFIC, PARTICLE, TITLES
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
    "하": "는고며지길다라여면게던",
    "이": "다며고라지었나란므",
    "지": "는고며만다",
    "오": "는고며지다",
    "나": "는오온",
}

_WORD = re.compile(r"[가-힣]+")
_TITLE = "|".join(sorted(TITLES, key=len, reverse=True))
# What people write behind a name without a space, besides particles.
_STUCK = "씨|님|때문|때매|땜|역|표|출연|연기|주연|형|누나|언니|오빠|엄마|아빠|말고|덕|보는|나오|사단|스럽|게임"
_TAIL = re.compile(rf"(?:{PARTICLE}|(?:{_STUCK})[가-힣]{{0,8}})\Z")
_SUFFIX = re.compile(rf"(?P<title>{HONORIFIC}|{_TITLE})(?:님)?(?:{PARTICLE})?\Z")
_NEXT_TITLE = re.compile(
    rf"(?:[ ]?\([^()\n]{{1,12}}\))?[ ]?(?:전[ ]|현[ ]|신임[ ]|[가-힣]{{2,6}}[ ])?(?:총괄|수석|명예|선임)?(?P<title>{HONORIFIC}|{_TITLE})(?:님)?(?:{PARTICLE})?(?![가-힣])"
)
_NEAR_TITLE = re.compile(
    rf"[ ]?(?:(?:전|현)[ ])?(?:총괄|수석|명예|선임|부)?(?:{HONORIFIC}|{_TITLE})(?:님)?(?:{PARTICLE})?(?![가-힣])"
)
_SOMEBODY = re.compile(r"[ ]?(?:\([^()\n]{1,12}\)|씨|양|군|전 )")
_AGE = re.compile(r"[ ]?\((?:\d{1,3}(?:세|살)?|남|여|\d{2}년생|만[ ]?\d+세)[,)·]")
_ROLE_BEFORE = re.compile(r"(?P<role>[가-힣]{1,8})(?P<particle>은|는|이|가|인|의|:|)[ ]{0,2}(?P<mark>[:：=|(\[>-]?)[ \t\"'*]{0,3}\Z")  # fmt: skip


def find_korean_people(text: FoldedText) -> Iterator[Finding]:
    """Find Korean names, and foreign ones in Korean spelling."""
    t = text.text
    for match in _WORD.finditer(t):
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
    foreign = _foreign(t, start, end)
    if foreign:
        return start, foreign, 0.5
    family = 2 if word[:2] in _FAMILY and len(word) > 2 else 1
    if word[:family] not in _FAMILY:
        return None
    role, label = _role_before(t, start)
    if word[family:] == "모" and _SOMEBODY.match(t, end):
        return start, start + family, 0.6
    title = _SUFFIX.search(word, 1)
    stems = list(_stems(word, family))
    if not stems and not title:
        return None
    if label and word not in _ROLES:
        for stem in stems:
            if _plausible(stem, family) or (len(stem) == family + 2 and len(word) - len(stem) < 3):
                return start, start + len(stem), 0.8
    if title and (with_title := _before_title(word, title.start("title"), family)):
        return start, start + with_title, 0.7
    for stem in stems:
        rest = start + len(stem)
        strong = _likely(stem, family)
        if rest == end:
            if _AGE.match(t, end) and _plausible(stem, family):
                return start, rest, 0.75
            if _NEAR_TITLE.match(t, end) and (
                _plausible(stem, family)
                or (
                    len(stem) == family
                    and (stem not in _WORDS_AS_WELL or t[end : end + 2] == " 씨")
                )
            ):
                return start, rest, 0.7
            if strong and _NEXT_TITLE.match(t, end):
                return start, rest, 0.65
        if not label and rest < end and t[rest] in _VERB_AFTER.get(stem[-1], ""):
            continue
        if role and strong:
            return start, rest, 0.65
        if strong and _alone(stem, family, whole=rest == end):
            return start, rest, 0.5
    return None


def _stems(word: str, family: int) -> Iterator[str]:
    """Yield what a word may be without its particle, the longer first."""
    for length in (family + 2, family + 1):
        if len(word) == length or (len(word) > length and _TAIL.fullmatch(word, length)):
            yield word[:length]
    if len(word) == family:
        yield word


def _plausible(stem: str, family: int) -> bool:
    given = stem[family:]
    if stem in _NOT_NAMES or stem in _ROLES or stem in _PLACES or stem in TITLES:
        return False
    if len(given) == 1:
        return given in _FIRST and given in _LAST
    return len(given) == 2 and given[0] in _FIRST and given[1] in _LAST


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
            and stem[:2] not in TITLES
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


def _foreign(t: str, start: int, end: int) -> int:
    """Return the end of a foreign name that a word begins with, or 0."""
    word = t[start:end]
    for length in range(min(len(word), 7), 1, -1):
        if word[:length] in _FOREIGN and (len(word) == length or _TAIL.fullmatch(word, length)):
            return start + length
    return 0
