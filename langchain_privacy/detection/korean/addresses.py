r"""Korean addresses: by the region they begin with, by the road and its number, or by a label.

    >>> from langchain_privacy.detection.folded import fold
    >>> text = "대전광역시 유성구 하늘로25번길 7에 산다."
    >>> [text[f.start : f.end] for f in find_korean_addresses(fold(text))]
    ['대전광역시 유성구 하늘로25번길 7']

`defaults` puts the rule into a detector.
"""

import re
from collections.abc import Iterator

from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import HANGUL, FoldedText
from langchain_privacy.detection.rules import Cues, announced_by, finding, numbers, span
from langchain_privacy.words import load
from langchain_privacy.words.korean import PARTICLE_APART

_BY_START: dict[str, list[str]] = {}
for _region in sorted(load("korean_regions"), key=len):
    _BY_START.setdefault(_region[:2], []).append(_region)
# Where a word begins as the name of a region does.
_FIRST, _SECOND = ("".join(sorted({start[at] for start in _BY_START})) for at in (0, 1))
_WORD_START = re.compile(rf"[{_FIRST}](?=[{_SECOND}])(?<![가-힣].)")

# "경기도", "성남시", "분당구"; "역삼동", "구름리"
_AREA = r"[가-힣]{1,6}(?:특별자치시|특별자치도|특별시|광역시|도|시|군|구)"
_VILLAGE = r"[가-힣]{1,6}\d{0,2}(?:읍|면|동|리|가)"
_NO_AMOUNT = r"(?!\d|[%년월개원명])"
# Road names (도로명주소법): 대로, 로 or 길, branches numbered "12번길", then the building's number.
_ROAD = (
    r"[가-힣][가-힣\d·.]{0,14}?(?:대로|로|길)(?:[ ]?\d{1,4}(?:번|가|나|다)?길)?[ ]?"
    rf"(?:지하[ ]?)?\d{{1,4}}(?:-\d{{1,4}})?{_NO_AMOUNT}"
)
# The lot of a village: "역삼동 123-45번지".
_LOT = rf"{_VILLAGE}[ ](?:산[ ]?)?\d{{1,4}}(?:-\d{{1,4}})?(?:번지)?{_NO_AMOUNT}"
_BUILDINGS = (
    r"(?:아파트|빌라|오피스텔|타워|빌딩|맨션|하이츠|캐슬|자이|힐스테이트|푸르지오|래미안|상가|센터|플라자|프라자|스퀘어|팰리스"
    r"|빌리지|코아|연립|주택|빌|파크)"
)
_DETAIL = (
    r"(?:[ ]?,?[ ]?(?:"
    r"\([가-힣\d ,·]{1,30}\)"  # "(역삼동, 한빛센터)"
    r"|지하[ ]?\d{1,2}층"
    r"|\d{1,4}[ ]?(?:동|층|호)(?:실|수)?(?![가-힣]{2})"  # "3동", "405호"
    r"|[A-Za-z]동"
    # the name of a building
    rf"|(?<!,)[가-힣A-Za-z\d]{{2,14}}{_BUILDINGS}(?=[ ,\d(]|[ ]?$)"
    r"))"
)
_FULL = re.compile(
    rf"(?:(?:{_AREA}|[가-힣]{{2}})[ ])?(?:{_AREA}[ ]){{0,2}}(?:{_VILLAGE}[ ]){{0,2}}"
    rf"(?:{_ROAD}|{_LOT}|{_VILLAGE}(?![가-힣]{{2}})){_DETAIL}{{0,5}}"
)
_REGION_ONLY = re.compile(rf"{_AREA}(?:[ ]{_AREA}){{1,2}}(?:[ ]{_VILLAGE})?(?![가-힣]{{3}})")
_BARE_ROAD = re.compile(
    # a road with something behind its number: "테헤란로 152 한빛센터"
    rf"(?<![가-힣\d]){_ROAD}{_DETAIL}{{1,5}}"
    # or with a number alone: "하늘로25번길 7"
    r"|(?<![가-힣\d])[가-힣]{2,10}(?:대로|(?<!으)로|길)(?:[ ]?\d{1,4}번길)?[ ]\d{1,4}(?:-\d{1,4})?"
    r"(?![\d%년월개원명가-힣-])"
)
_ROAD_BEFORE_NUMBER = re.compile(r"[로길][ ]?(?:지하[ ]?)?\d")
# A house and a door in it, without the street: "푸른솔아파트 103동 802호", "하늘채빌라 B01호".
# A floor alone is no door: "쇼핑센터 3층".
_HOUSE_AND_DOOR = re.compile(
    rf"[가-힣A-Za-z\d]{{1,14}}{_BUILDINGS}[ ]?"
    r"(?:(?:\d{1,4}동[ ]?)?(?:지하[ ]?)?[A-Za-z]?\d{1,4}호(?:실)?|\d{1,4}동(?![가-힣]{2}))"
)
_LABELS = Cues(
    ["주소", "거주지", "소재지", "주소지", "자택", "본적", "등록기준지", "배송지", "사는 곳",
     "근무지", "목적물", "물건지", "장소", "모임 장소", "집결지"]
)  # fmt: skip
_AFTER_LABEL = re.compile(
    r"(?:는|은|가|:|[ ]?\([^()\n]{1,10}\)[ ]?:)?+[ ]{0,3}"
    r"(?P<value>(?:\(?\d{5}\)?[ ])?[가-힣A-Z][가-힣A-Za-z\d ,.()·-]{4,80})"
)
# What ends the value of a label: a verb, a particle, the next field.
_VALUE_END = re.compile(
    r"(?:입니다|이다|이며|이고|에[ ]|에서|으로|로[ ](?!\d)|인[ ]|(?<!마)을[ ]|를[ ]"
    r"|이에요|예요|이야|인데|거든"
    r"|(?<=[층호동실지])(?:이|에|로|으로|은|을|인|입|고)(?=[가-힣]{0,4}(?:[ .,!?]|$))"  # "12층이라"
    r"|,[ ]?(?:연락|전화|주민|생년|성명|휴대)|[.](?=[ \n]|$)|\n)"
)
_IN_ADDRESSES = re.compile(
    r"[가-힣]{2}(?:시|군|구)(?![가-힣])|(?:로|길|동|리|가|읍|면)[ ]?\d|\d[ ]?(?:동|호|층|번지)"
)
_POSTCODE = re.compile(
    r"(?:우편번호|우[ ]?\)|\(우\)|〒)[ ]?:?[ ]?(?P<code>\d{5}|\d{3}-\d{3})(?!\d)"
)


# A building and a door, as people in blocks of flats write them: "203-1107".
_DOOR = re.compile(
    r"(?<![\d-])\d{2,4}-\d{3,4}(?:호(?![가-힣]{2})|(?![\d-])(?="
    r"[ ]?(?:에서?|으?로|엔|에는)?[ ]?(?:살|사는|사시|사셔|거주|입주|이사|배달|배송|방문|현관)))"
    r"|(?:동[ ·,-]?호수|아파트|빌라|오피스텔|단지|맨션)(?:는|은|:)?[ ]?"
    r"(?P<door>\d{2,4}-\d{3,4})(?![\d-])"
)


@announced_by(HANGUL)
def find_korean_addresses(text: FoldedText) -> Iterator[Finding]:
    """Find Korean addresses with a road or lot number, and what stands behind the word for one."""
    if text.hangul:
        yield from _by_region(text.text)
        yield from _by_road(text)
        yield from _by_label(text)
        for match in numbers(_DOOR, text, digits=5):
            yield span(match, "ADDRESS", 0.6, "korean_address", "door" if match["door"] else 0)
        for match in numbers(_HOUSE_AND_DOOR, text):
            yield span(match, "ADDRESS", 0.6, "korean_address")
        for match in _POSTCODE.finditer(text.text):
            yield span(match, "ADDRESS", 0.7, "korean_address", "code")


def _by_region(t: str) -> Iterator[Finding]:
    done = 0
    for start in _regions(t):
        if start < done:
            continue
        match = _FULL.match(t, start) or _REGION_ONLY.match(t, start)
        if match and any(c.isdecimal() for c in match[0]):
            yield span(match, "ADDRESS", 0.75, "korean_address")
            done = match.end()
        elif match and " " in match[0]:
            yield span(match, "LOCATION", 0.5, "korean_address")
            done = match.end()


def _regions(t: str) -> Iterator[int]:
    """Yield where a word begins with the name of a region."""
    for match in _WORD_START.finditer(t):
        start = match.start()
        if any(t.startswith(region, start) for region in _BY_START.get(t[start : start + 2], ())):
            yield start


def _by_road(text: FoldedText) -> Iterator[Finding]:
    t = text.text
    for start, end, _ in text.islands[0]:
        if _ROAD_BEFORE_NUMBER.search(t, start, end):
            for match in _BARE_ROAD.finditer(t, max(0, start - 12), min(len(t), end + 20)):
                yield span(match, "ADDRESS", 0.55, "korean_address")


def _by_label(text: FoldedText) -> Iterator[Finding]:
    for _, end in _LABELS.find(text):
        match = _AFTER_LABEL.match(text.text, end)
        if match is None:
            continue
        value = match["value"]
        for ending in (PARTICLE_APART, _VALUE_END):
            stop = ending.search(value)
            value = value[: stop.start() if stop else None]
        value = value.rstrip(" ,(")
        if any(c.isdecimal() for c in value) and _IN_ADDRESSES.search(value):
            start = match.start("value")
            yield finding(start, start + len(value), "ADDRESS", 0.7, "korean_address")
