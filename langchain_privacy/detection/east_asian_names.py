"""Names in Chinese and Japanese text, by what they are made of or stand beside.

No dictionary cuts these texts into words here. What a form of address follows ("鵜飼 様", "王老师"),
what a legal form stands before or behind ("有限会社つきのわ製畳") and what ends in a kind of house
("ひかり工房", "明德小学") is a name as far as letters of its kind go. The closed classes are in
`words/east_asian_names.txt`; what a label announces is found by `east_asian`.

    >>> from langchain_privacy.detection.folded import fold
    >>> text = "株式会社みずほろ製作所の榊原 様へ。お客様にも伝えます。王老师在明德小学。"
    >>> [text[f.start : f.end] for f in find_east_asian_names(fold(text))]
    ['榊原', '王', '株式会社みずほろ製作所', '明德小学']
"""

# ruff: noqa: E501 - a pattern reads better whole

import re
from collections.abc import Iterator

from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import NOT_ASCII, FoldedText
from langchain_privacy.detection.rules import announced_by, span
from langchain_privacy.words import load_by_kind

_SCORE = 0.5
_RULE = "east_asian_names"
_WORDS: dict[str, list[str]] = {}
for _word, _kind in load_by_kind("east_asian_names").items():
    _WORDS.setdefault(_kind, []).append(_word)


def _any_of(kind: str) -> str:
    return "|".join(map(re.escape, sorted(_WORDS[kind], key=len, reverse=True)))


_HAN = r"\u3005\u3400-\u4dbf\u4e00-\u9fff"
_HIRAGANA = r"\u3041-\u3096"
_KATAKANA = r"\u30a1-\u30fa\u30fc"
_HERE = re.compile(f"[{_HAN}{_HIRAGANA}{_KATAKANA}]")

# 鵜飼 様, 早乙女 凛様, ミゲル・アセベドさん
_ADDRESSED = re.compile(
    rf"(?<![{_HAN}{_KATAKANA}おご])(?P<name>[{_HAN}]{{1,4}}(?: [{_HAN}]{{1,4}})?"
    rf"|[{_KATAKANA}]{{2,10}}(?:・[{_KATAKANA}]{{2,10}})?)(?P<gap>[ ]?)(?:{_any_of('ADDRESS_JA')})(?![{_HAN}])"
)
_NOBODY = frozenset(_WORDS["NOBODY"])
_TRADES = tuple(_WORDS["TRADE"])

# 王老师, 欧阳晓雨女士; behind a particle or what is no Chinese letter
_PARTICLES = "的是和与跟找问请给叫对让被向在由从了有到去住来为把于或及,，。、；：？！"
_TITLED = re.compile(
    rf"(?:(?<![{_HAN}])|(?<=[{_PARTICLES}]))(?P<name>(?!(.)\2)(?:{_any_of('SURNAME')})[{_HAN}]{{0,2}}?)(?:{_any_of('ADDRESS_ZH')})(?!傅)"
)
# 老谭, 小王, alone between marks
_FAMILIAR = re.compile(rf"(?<![{_HAN}])(?P<name>[老小阿](?:{_any_of('SURNAME')}))(?![{_HAN}])")

# 有限会社つきのわ製畳, アカツキ工業株式会社; of hiragana only what begins or ends the name
_FIRM = re.compile(
    rf"(?:{_any_of('FORM')})[ ]?(?:[{_HIRAGANA}]{{2,8}}(?=[{_HAN}{_KATAKANA}]))?[A-Za-z0-9{_HAN}{_KATAKANA}・&]{{1,16}}"
    rf"|(?:[{_HIRAGANA}]{{2,8}}(?=[{_HAN}]))?[A-Za-z{_HAN}{_KATAKANA}・&]{{2,16}}(?:{_any_of('FORM')})"
    rf"|(?:(?<![{_HAN}])|(?<=[{_PARTICLES}]))(?!股份|有限|责任)[^\W{_PARTICLES}]{{2,16}}?(?:{_any_of('FORM_BEHIND')})"
)
# ひかり工房, 民宿かもめ荘: from a mark on, for a particle is a letter of names as well
_HOUSE = re.compile(
    rf"(?<![\w・])(?P<name>[{_HAN}{_HIRAGANA}{_KATAKANA}]{{2,10}}?)(?:{_any_of('HOUSE_JA')})(?![{_HAN}{_KATAKANA}])"
)
_JOINS = ("な", "い", "る", "た", "が", "に", "は", "で", "を", "と", "も", "へ")
_HOUSE_ZH = re.compile(
    rf"(?:(?<![{_HAN}])|(?<=[{_PARTICLES}]))(?P<name>和?[^\W\d_{_PARTICLES}]{{1,8}}?(?<=\w\w))(?:{_any_of('HOUSE_ZH')})(?![生校部])"
)
_COMMON, _FORMS = tuple(_WORDS["COMMON"]), tuple(_WORDS["FORM"])
# 東京都渋谷区神南1-2-3; 湖北省恩施市舞阳坝, 徐汇区漕溪北路88号
_PLACE_JA = re.compile(
    rf"(?:東京都|北海道|大阪府|京都府|[{_HAN}]{{2,3}}県)[{_HAN}{_KATAKANA}]{{1,8}}?[市区郡町村]"
    rf"(?:[{_HAN}{_KATAKANA}ヶのノ]{{1,10}}?(?=\d)|[{_HAN}]{{1,6}}[町村])?(?:\d{{1,4}}(?:丁目|番地|番|号|-)?){{0,4}}"
)
_PLACE_ZH = re.compile(
    rf"(?:(?<![{_HAN}])|(?<=[{_PARTICLES}]))(?![日月年号達达])(?:[{_HAN}]{{2,3}}(?:省|自治区))?[^\W\d_{_PARTICLES}]{{2,5}}?[市州区县縣]"
    rf"(?:[{_HAN}]{{1,6}}?[市区县區縣鎮镇乡])?[{_HAN}]{{1,8}}?(?:路|街|巷|弄|胡同|大道|道)(?:\d{{1,5}}[号號弄]){{1,2}}(?:\d{{1,4}}[室楼幢栋单元]{{1,2}}){{0,3}}"
)


@announced_by(NOT_ASCII)
def find_east_asian_names(text: FoldedText) -> Iterator[Finding]:
    """Find people, firms and houses; texts without these letters cost nothing."""
    t = text.text
    if t.isascii() or not _HERE.search(t):
        return
    for match in _ADDRESSED.finditer(t):
        name = match["name"]
        if name in _NOBODY or match[0] in _NOBODY or (not match["gap"] and name.endswith(_TRADES)):
            continue
        yield span(match, "PERSON", _SCORE, _RULE, "name")
    for pattern in (_TITLED, _FAMILIAR):
        for match in pattern.finditer(t):
            yield span(match, "PERSON", _SCORE, _RULE, "name")
    for match in _FIRM.finditer(t):
        yield span(match, "ORGANIZATION", _SCORE, _RULE)
    for match in _HOUSE.finditer(t):
        name = match["name"]
        if (
            "の" not in name
            and not t.startswith(_FORMS, match.start())
            and not name.endswith((*_JOINS, *_COMMON))
        ):
            yield span(match, "ORGANIZATION", _SCORE, _RULE)
    for match in _HOUSE_ZH.finditer(t):
        if not match["name"].endswith(_COMMON) and not match["name"].startswith(_COMMON):
            yield span(match, "ORGANIZATION", _SCORE, _RULE)
    for pattern in (_PLACE_JA, _PLACE_ZH):
        for match in pattern.finditer(t):
            yield span(match, "ADDRESS", _SCORE, _RULE)
