"""Postal addresses in Korean: by the region they begin with, or by the road and its number."""

import re
from collections.abc import Iterator

from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import FoldedText
from langchain_privacy.detection.rules import Cues, finding
from langchain_privacy.words import load

# ruff: noqa: E501 - a pattern or a table reads better whole


_REGIONS = load("korean_regions")

_BY_START: dict[str, list[str]] = {}
for _region in sorted(_REGIONS, key=len):
    _BY_START.setdefault(_region[:2], []).append(_region)
_FIRST, _SECOND = ("".join(sorted({start[at] for start in _BY_START})) for at in (0, 1))
_WORD_START = re.compile(rf"[{_FIRST}](?=[{_SECOND}])(?<![가-힣].)")

_AREA = r"[가-힣]{1,6}(?:특별자치시|특별자치도|특별시|광역시|도|시|군|구)"
_VILLAGE = r"[가-힣]{1,6}\d{0,2}(?:읍|면|동|리|가)"
# Road names (도로명주소법): 대로, 로 or 길, branches numbered "12번길", then the building's number.
_ROAD = r"[가-힣][가-힣\d·.]{0,14}?(?:대로|로|길)(?:[ ]?\d{1,4}(?:번|가|나|다)?길)?[ ]?(?:지하[ ]?)?\d{1,4}(?:-\d{1,4})?(?!\d|[%년월개원명])"
_LOT = rf"{_VILLAGE}[ ](?:산[ ]?)?\d{{1,4}}(?:-\d{{1,4}})?(?:번지)?(?!\d|[%년월개원명])"
_DETAIL = (
    r"(?:[ ]?,?[ ]?(?:\([가-힣\d ,·]{1,30}\)|지하[ ]?\d{1,2}층|\d{1,4}[ ]?(?:동|층|호)(?:실|수)?(?![가-힣]{2})"
    r"|[A-Za-z]동|(?<!,)[가-힣A-Za-z\d]{2,14}(?:아파트|빌라|오피스텔|타워|빌딩|맨션|하이츠|캐슬|자이|힐스테이트|푸르지오|래미안|상가|센터|플라자|프라자|스퀘어|팰리스|빌리지|코아|연립|주택|빌|파크)(?=[ ,\d(]|[ ]?$)))"
)
_FULL = re.compile(
    rf"(?:(?:{_AREA}|[가-힣]{{2}})[ ])?(?:{_AREA}[ ]){{0,2}}(?:{_VILLAGE}[ ]){{0,2}}(?:{_ROAD}|{_LOT}|{_VILLAGE}(?![가-힣]{{2}})){_DETAIL}{{0,5}}"
)
_REGION_ONLY = re.compile(rf"{_AREA}(?:[ ]{_AREA}){{1,2}}(?:[ ]{_VILLAGE})?(?![가-힣]{{3}})")
_BARE_ROAD = re.compile(
    rf"(?<![가-힣\d]){_ROAD}{_DETAIL}{{1,5}}|(?<![가-힣\d])[가-힣]{{2,10}}(?:대로|로|길)(?:[ ]?\d{{1,4}}번길)?[ ]\d{{1,4}}(?:-\d{{1,4}})?(?![\d%년월개원명가-힣-])"
)
_ROAD_BEFORE_NUMBER = re.compile(r"[로길][ ]?(?:지하[ ]?)?\d")
_LABEL = Cues(
    [
        "주소",
        "거주지",
        "소재지",
        "주소지",
        "자택",
        "본적",
        "등록기준지",
        "배송지",
        "사는 곳",
        "근무지",
        "목적물",
    ]
)
_AFTER_LABEL = re.compile(
    r"(?:는|은|가|:|[ ]?\([^()\n]{1,10}\)[ ]?:)?[ ]{0,3}(?P<value>(?:\(?\d{5}\)?[ ])?[가-힣][가-힣A-Za-z\d ,.()·-]{4,80})"
)
_VALUE_END = re.compile(
    r"(?:입니다|이다|이며|이고|에[ ]|에서|으로|로[ ](?!\d)|인[ ]|을[ ]|를[ ]|,[ ]?(?:연락|전화|주민|생년|성명|휴대)|[.](?=[ \n]|$)|\n)"
)
_POSTCODE = re.compile(
    r"(?:우편번호|우[ ]?\)|\(우\)|〒)[ ]?:?[ ]?(?P<code>\d{5}|\d{3}-\d{3})(?!\d)"
)


def _regions(t: str) -> Iterator[int]:
    """Yield where a word begins with the name of a region."""
    for match in _WORD_START.finditer(t):
        start = match.start()
        for region in _BY_START.get(t[start : start + 2], ()):
            if t.startswith(region, start):
                yield start
                break


def find_korean_addresses(text: FoldedText) -> Iterator[Finding]:
    """Find Korean addresses with a road or lot number, and what stands behind the word for one."""
    t = text.text
    if not text.hangul:
        return
    done = 0
    for start in _regions(t):
        if start < done:
            continue
        match = _FULL.match(t, start) or _REGION_ONLY.match(t, start)
        if match and any(c.isdecimal() for c in match[0]):
            yield finding(start, match.end(), "ADDRESS", 0.75, "korean_address")
            done = match.end()
        elif match and " " in match[0]:
            yield finding(start, match.end(), "LOCATION", 0.5, "korean_address")
            done = match.end()
    for start, end, _ in text.islands:
        if not _ROAD_BEFORE_NUMBER.search(t, start, end):
            continue
        for match in _BARE_ROAD.finditer(t, max(0, start - 12), min(len(t), end + 20)):
            yield finding(match.start(), match.end(), "ADDRESS", 0.55, "korean_address")
    for _, end in _LABEL.find(text):
        match = _AFTER_LABEL.match(t, end)
        if match and any(c.isdecimal() for c in match["value"]):
            stop = _VALUE_END.search(match["value"])
            value = match["value"][: stop.start()] if stop else match["value"]
            value = value.rstrip(" ,(")
            if any(c.isdecimal() for c in value) and re.search(
                r"[가-힣](?:로|길|동|리|가|읍|면|구|시|군)", value
            ):
                yield finding(
                    match.start("value"),
                    match.start("value") + len(value),
                    "ADDRESS",
                    0.7,
                    "korean_address",
                )
    for match in _POSTCODE.finditer(t):
        yield finding(*match.span("code"), "ADDRESS", 0.7, "korean_address")
