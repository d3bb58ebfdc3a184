"""What stands around a Korean name: roles before it, titles and ages behind it."""

# ruff: noqa: E501 - a pattern or a table reads better whole

import re

from langchain_privacy.detection.gazetteer import load
from langchain_privacy.detection.korean_words import TITLE_STARTS, is_title

ROLES = load("korean_roles")
_RANKS = ("총괄", "수석", "명예", "선임", "부")
_TITLE_OR_AGE_STARTS = TITLE_STARTS | {word[0] for word in (*_RANKS, "전", "현")} | {"("}
_NEXT_WORD = re.compile(r"[ ]?(?P<word>[가-힣]+)")
_OFFICE = re.compile(r"(?:[ ]?\([^()\n]{1,12}\))?[ ]?(?:[가-힣]{2,6}[ ])?(?P<word>[가-힣]+)")
_ROLE_BEFORE = re.compile(r"(?P<role>[가-힣]{1,8})(?P<particle>은|는|이|가|인|의|:|)[ ]{0,2}(?P<mark>[:：=|(\[>-]?)[ \t\"'*]{0,3}\Z")  # fmt: skip
_SPEAKER = re.compile(
    rf"(?:^|[\s·-])[{''.join(s for s in load('korean_surnames') if len(s) == 1)}][ ][가-힣]{{2,4}}\Z"
)
AGE = re.compile(r"[ ]?\((?:\d{1,3}(?:세|살)?|남|여|\d{2}년생|만[ ]?\d+세)[,)·]")
SOMEBODY = re.compile(r"[ ]?(?:\([^()\n]{1,12}\)|씨|양|군|전 )")


def may_title_follow(t: str, end: int) -> bool:
    """Say whether what follows begins as a title or an age does: a look before the long one."""
    first = end + t.startswith(" ", end)
    return t[first : first + 1] in _TITLE_OR_AGE_STARTS


def title_near(t: str, end: int) -> bool:
    """Say whether the next word is a title: "서지훈 부장", "박 전 의원", "신 총괄회장"."""
    following = _NEXT_WORD.match(t, end)
    if following is None:
        return False
    word = following["word"]
    if word in ("전", "현") and (following := _NEXT_WORD.match(t, following.end())):
        word = following["word"]
    return is_title(word) or (
        word.startswith(_RANKS)
        and any(word.startswith(r) and is_title(word.removeprefix(r)) for r in _RANKS)
    )


def title_after_office(t: str, end: int) -> bool:
    """Say whether a title follows with an office before it: "홍길동 영업 과장", "홍길동(통일) 의원"."""
    match = _OFFICE.match(t, end)
    return match is not None and is_title(match["word"])


def role_before(t: str, start: int) -> tuple[bool, bool]:
    """Say whether a role stands before an offset, and whether a mark makes it a label."""
    match = _ROLE_BEFORE.search(t, max(0, start - 14), start)
    if match is None:
        return False, False
    role, mark = match["role"], bool(match["mark"]) or match["particle"] == ":"
    known = (
        role in ROLES
        or role.removesuffix("명") in ROLES
        or (role.endswith(("성명", "이름", "인", "주치의", "담당자")) and role[-3:] in ROLES)
    )
    if not known and len(role) > 1 and role[-1] in "은는이가인의":
        known = role[:-1] in ROLES
    if known and mark and _SPEAKER.search(t[max(0, match.start() - 4) : match.end("role")]):
        return False, False  # "변 위원: 최근 3년": somebody's words follow, no name
    return known, known and mark and match["mark"] not in ("-", ">")
