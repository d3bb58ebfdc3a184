"""Values in Chinese and Japanese text that a label announces.

Nobody here reads these languages: what stands behind a label in a form, a mail or a sentence is
found by the label, which gives the type, and by its shape. The labels are in
`words/east_asian_labels.txt`.

    >>> from langchain_privacy.detection.folded import NOT_ASCII, fold
    >>> text = "电话 13917204468，身份证号码：310104198807124315"
    >>> found = find_east_asian_values(fold(text))
    >>> [(f.entity_type, text[f.start : f.end]) for f in found]
    [('PHONE', '13917204468'), ('ID', '310104198807124315')]
"""

# ruff: noqa: E501 - a pattern reads better whole

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping

from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import NOT_ASCII, FoldedText
from langchain_privacy.detection.rules import announced_by, span
from langchain_privacy.values.fold import normal
from langchain_privacy.words import load_by_kind

_KIND_OF: Mapping[str, str] = {
    normal(label).text: {"LOCATION": "ADDRESS", "ADDRESS": "POSTCODE"}.get(kind, kind)
    for label, kind in load_by_kind("east_asian_labels").items()
}
_HERE = re.compile(r"[\u3005-\u30ff\u3400-\u9fff〒]")
_LABEL = re.compile(
    f"(?=[{''.join(sorted({re.escape(label[0]) for label in _KIND_OF}))}])(?:"
    + "|".join(map(re.escape, sorted(_KIND_OF, key=len, reverse=True)))
    + ")"
)
# Between a label and its value: a remark in brackets, "is", a mark, the last of a long number.
_LINK = (
    r"[ \t]*(?:[(（\[](?![+\d])[^)）\]\n]{0,20}[)）\]])?[ \t]*(?:号码|號碼|番号|号|號|编号|編號|(?i:no\.?))?"
    r"(?:尾号|尾號|后四位|後四碼|末四位|下4桁|下四桁)?[ \t]*"
    r"(?:[:：=|は]|是|為|为|就是|が|→|->|-)?[ \t]*(?:[:：])?[ \t\n]{0,4}[「『\"'【]?"
)
_NUMBER = re.compile(
    _LINK
    + r"(?P<value>\+?\(?[A-Za-z]{0,4}[- ]?\(?\d(?:[\dA-Za-z]|[-./()](?=[\dA-Za-z(])|\) ?(?=\d)"
    r"|[ ](?=\d)){2,39}(?:\(\w\))?)"
)
_PLATE = re.compile(
    _LINK
    + r"(?P<value>(?:[\u3040-\u9fff]{1,4}[ ·]?)?[A-Za-z0-9][A-Za-z0-9\u3040-\u30ff· -]{2,12}[0-9])"
)
_DATE = re.compile(
    _LINK + r"(?P<value>(?:(?:明治|大正|昭和|平成|令和|民國|民国)?(?:\d{1,4}|元)年"
    r"\s?\d{1,2}月(?:\s?\d{1,2}[日号號])?|\d{2,4}[-./]\d{1,2}[-./]\d{1,4}|(?:19|20)\d{6}))"
)
_MARKED = r"[ \t]*(?:[(（](?![+\d])[^)）\n]{0,20}[)）])?[ \t]*(?:[:：=|\t]|は|是|為|为)[ \t]*"
_NAME = re.compile(
    _MARKED + r"(?P<value>[\u3005-\u30ff\u3400-\u9fff·]{1,12}(?:[ \u3000]"
    r"[\u3005-\u30ff\u3400-\u9fff·]{1,8}(?=[\s,，。、;；(（)）]|\Z)){0,2}|[A-Z][A-Za-z'.-]*(?: [A-Z][A-Za-z'.-]*){0,4})"
)
# What is a word as well announces only before a colon.
_NAMED = re.compile(
    r"[ \t]*(?:[(（][^)）\n]{0,20}[)）])?[ \t]*:[ \t]*" + _NAME.pattern.removeprefix(_MARKED)
)
_CALLED = re.compile(
    r"[ \t]*(?:叫做?|是|为)?[ \t]*:?[ \t]*[「『\"'“]?(?P<value>[\u3400-\u9fff·]{1,4})(?=[\s,，。、;；!！?？)）」』\"'”]|\Z)"
)
_AGE = re.compile(_MARKED + r"(?P<value>\d{1,3})(?!\d)")
_HEALTH = re.compile(_MARKED + r"(?P<value>(?![无無不未なし])[^\s,，。;；|:][^\n,，。;；|]{0,39})")
_MONEY = re.compile(
    _MARKED
    + r"(?P<value>(?:[¥￥$]|人民币|NT\$)?[ ]?\d[\d,.]*[ ]?[万萬億亿千]?(?:元|円|圓|块|塊|kr?)?)"
)
_SECRET = re.compile(
    rf"(?:{_MARKED}|[ \t]*(?:→|->|[-–](?=[ ])|\n|[ ])[ \t]*(?=[!-~]*[\d!@#$%^&*]))"
    r"(?P<value>[^\W_][!-~]{3,63}|(?=\D{1,2}\d)[^\W_][!-~]{2}(?![!-~]))"
)
_ADDRESS = re.compile(_MARKED + r"(?P<value>[^\s,，。;；、|][^\n,，。;；|]{2,80})")
_POSTCODE = re.compile(_LINK + r"(?P<value>\d{3}-?\d{2,4})")
# Of what anybody may say these are private in a text that names a person.
_WHEN = re.compile(
    r"[ \t]*:[ \t]*(?P<value>[^\s,，;；|:][^\n,，;；|]{0,40}[月日号號\d][^\n,，;；|。]{0,24})"
)
_QUOTE = "「『“\"'"
_WHERE = re.compile(r"[ \t]*:[ \t]*(?P<value>[^\s,，。;；|:][^\n,，。;；|]{1,40})")
_FIRM = re.compile(
    rf"[ \t]*(?::[ \t]*[{_QUOTE}]?|(?:是|为|為|は|叫)[ \t]*[{_QUOTE}])"
    rf"(?P<value>[^\s,，。、;；|:」』”{_QUOTE}]{{2,30}})"
)
# 担当：小鳥遊、五十嵐ゆかり、ケンさん
_NEXT_NAME = re.compile(
    r"(?:さん|様|氏|先生)?、[ ]?(?P<value>[\u3005-\u30ff\u3400-\u9fff·]{2,12}?)"
    r"(?=(?:さん|様|氏|先生)?(?:[、\n]|\Z))"
)
_UNIT_AFTER = re.compile(r"\s?(?:[元円圓年月日万萬億亿個个名人次件岁歳位点點%分]|小时|時間)")
_IN_A_WORD = re.compile(r"(?![的の])[A-Za-z\u4e00-\u9fff]")
_PLACE = re.compile(r"(?!.*://)(?:.*\d|.*[省市区區县縣州路街巷镇鎮乡鄉村里都道府郡町丁])")
_NAMES_NOBODY = re.compile(r"(?:で|に|を|の|と|が|或|和|及|不|未|必|请|請|如|在|以)")

_PATTERNS = {
    "PLATE": _PLATE,
    "DATE_OF_BIRTH": _DATE,
    "SECRET": _SECRET,
    "PERSON": _NAME,
    "ADDRESS": _ADDRESS,
    "POSTCODE": _POSTCODE,
    "NAMED": _NAMED,
    "CALLED": _CALLED,
    "AGE": _AGE,
    "HEALTH": _HEALTH,
    "MONEY": _MONEY,
    "WHEN": _WHEN,
    "WHERE": _WHERE,
    "FIRM": _FIRM,
}
_TYPE = {
    "PLATE": "ID", "POSTCODE": "ADDRESS", "NAMED": "PERSON", "CALLED": "PERSON",
    "WHEN": "DATE_TIME", "WHERE": "LOCATION", "FIRM": "ORGANIZATION",
}  # fmt: skip
_OF_SOMEBODY = frozenset({"AGE", "HEALTH", "MONEY", "DATE_TIME", "LOCATION", "ORGANIZATION"})
_OF_PEOPLE = frozenset({"PERSON", "DATE_OF_BIRTH", "MEDICAL_ID"})
_NEAR = 400  # characters between what names a person and what is said of that person
_LEAST_DIGITS = 4


@announced_by(NOT_ASCII)
def find_east_asian_values(text: FoldedText) -> Iterator[Finding]:
    """Find what Chinese and Japanese labels announce; texts without their script cost nothing."""
    if text.text.isascii() or not _HERE.search(text.text):
        return
    found = list(_labelled(text))
    people = sorted(f.start for f in found if f.entity_type in _OF_PEOPLE)
    for value in found:
        if value.entity_type in _OF_SOMEBODY:
            after = bisect_right(people, value.start - _NEAR)
            if after == len(people) or people[after] >= value.start + _NEAR:
                continue
        yield value


def _labelled(text: FoldedText) -> Iterator[Finding]:
    for label in _LABEL.finditer(text.text):
        kind = _KIND_OF[label[0]]
        match = _PATTERNS.get(kind, _NUMBER).match(text.text, label.end())
        if match is None or (label[0].isascii() and text.text[label.start() - 1 :][:1].isalpha()):
            continue
        value = match["value"]
        if value in _KIND_OF:
            continue  # the next column's head
        if kind not in _PATTERNS and (
            sum(map(str.isdigit, value)) < _LEAST_DIGITS
            or _UNIT_AFTER.match(text.text, match.end())
        ):
            continue
        if _TYPE.get(kind, kind) == "PERSON" and _NAMES_NOBODY.match(value):
            continue
        before = text.text[max(0, label.start() - 1) : label.start()]
        if kind == "ADDRESS" and (_IN_A_WORD.match(before) or not _PLACE.search(value)):
            continue  # "IP地址是...", "地址不详"
        yield span(match, _TYPE.get(kind, kind), 0.75, "east_asian", "value")
        while kind in ("PERSON", "NAMED") and (match := _NEXT_NAME.match(text.text, match.end())):
            yield span(match, "PERSON", 0.7, "east_asian", "value")
