"""Numbers that a label names: accounts, licences, records, policies, members, cases.

Forms say what a value is ("Account number: 4028-7719-3305", "사번은 30977이며"). The label decides,
not the shape, so formats that nobody has listed are found as well.
"""

# ruff: noqa: E501 - a pattern or a table reads better whole

import re
from collections.abc import Iterator

from langchain_privacy.detection.cues import Cues
from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import FoldedText
from langchain_privacy.detection.gazetteer import load
from langchain_privacy.detection.rules import finding

# A number of at least four characters with at least three digits, in groups: "AF-220914",
# "84726 15390", "GB29NWBK", "12-3140-0171323-50". A group after a space must begin with a digit.
_VALUE = r"(?P<value>(?:[A-Za-z]{1,3}[ ]|(?-i:[A-Z]{4,6}[ ])|(?:[A-Za-z]{1,6}[-/.]?){0,2})\d[A-Za-z0-9]*(?:[-/][A-Za-z0-9]+|[ .]\d[A-Za-z0-9]*|(?-i:[ ][A-Z]{1,3}\d[A-Z\d]*)){0,6})"
_LINK = (
    r"(?:[ \t]?(?:number|num|no|nr|id|code|ref|reference)s?\b\.?)?[ \t]?(?:\([^()\n]{0,24}\))?"
    r"[ \t]{0,2}(?:is|was|are|stays|remains|will be|:|=|\#|-|\||\.{2,60}|ending in)?[ \t]{0,3}(?:\n[ \t]{0,3})?[#:]?[ ]?"
)
_KIND_OF = {
    label: kind
    for kind, name in (
        ("BANK_ACCOUNT", "labels_account"),
        ("PASSPORT", "labels_passport"),
        ("DRIVER_LICENSE", "labels_licence"),
        ("TAX_ID", "labels_tax"),
        ("MEDICAL_ID", "labels_medical"),
        ("ID", "labels_id"),
    )
    for label in load(name)
}
_LABELS = Cues(_KIND_OF)
_AFTER_LABEL = re.compile(rf"(?P<link>{_LINK}){_VALUE}", re.IGNORECASE)
_DIGIT = re.compile(r"\d")
_FURTHEST_DIGIT = 160  # behind everything that the pattern may take before the first digit
_NUMBER_WORD = re.compile(r"num|no\b|nr|id\b|code|ref|#|:|=", re.IGNORECASE)

_KOREAN_LABELS = Cues(["번호", "코드", "아이디", "사번", "학번", "군번", "여권", "면허증", "사건"])
_KOREAN_NUMBERED = re.compile(r"[가-힣]{1,10}[ ]?(?:ID|No\.?)(?=[ ]?[:=은는])")
_KOREAN_BEFORE = re.compile(r"(?:[가-힣]{1,10}[ ]?)?\Z")
_AFTER_KOREAN_LABEL = re.compile(
    r"(?:\s?\([^()\n]{0,12}\))?\s?(?:는|은|가|이|:|=|\||-)?\s{0,3}"
    r"(?:(?P<filed>(?:19|20)\d{2}-?(?!년)[가-힣]{1,4}-?\d{2,8}(?:-\d{1,8})?)|" + _VALUE + ")"
)
_KOREAN_KINDS = (
    ("계좌", "BANK_ACCOUNT"), ("여권", "KR_PASSPORT"), ("면허", "KR_DRIVER_LICENSE"), ("주민", "KR_RRN"),
    ("외국인", "KR_FRN"), ("사업자", "KR_BRN"), ("법인", "KR_CRN"), ("전화", "PHONE"), ("휴대", "PHONE"),
    ("연락", "PHONE"), ("팩스", "PHONE"), ("카드", "CREDIT_CARD"), ("우편", "ADDRESS"), ("차량", "KR_PLATE"),
    ("환자", "MEDICAL_ID"), ("보험", "KR_HEALTH_INSURANCE"), ("통관", "KR_CUSTOMS_CODE"),
)  # fmt: skip
_OF_THINGS = re.compile(
    r"주문|송장|상품|제품|모델|품목|품번|바코드|일련|문서|공고|고시|조문|페이지|우편함|인증"
)
_DATE = re.compile(r"(?:19|20)\d{2}[-./ ]\d{1,2}([-./ ]\d{1,2})?|\d{1,2}[-./]\d{1,2}[-./]\d{2,4}")
_AMOUNT_AFTER = re.compile(
    r"\s?(?:%|percent|dollars?|usd|eur|pounds?|won|원|만|억|명|days?|months?|years?|hours?|,\d{3}|일\b|개월)"
)


def find_labelled_numbers(text: FoldedText) -> Iterator[Finding]:
    """Find numbers by their English or Korean label; the label gives the type."""
    for start, end in _LABELS.find(text):
        if not _DIGIT.search(text.text, end, end + _FURTHEST_DIGIT):
            continue
        match = _AFTER_LABEL.match(text.text, end)
        if match is None:
            continue
        kind = _KIND_OF[text.lower[start:end]]
        explicit = kind in ("PASSPORT", "DRIVER_LICENSE") or _NUMBER_WORD.search(match["link"])
        first, last = match.span("value")
        head, space, _ = match["value"].partition(" ")
        if space and head.isalpha() and not head.isupper():
            first += len(head) + 1  # "card in 4411": a word, not a prefix of the number
        dated = kind != "BANK_ACCOUNT" and _DATE.fullmatch(match["value"]) is not None
        if not dated and _private_number(text, match, 4 if explicit else 6):
            yield finding(first, last, kind, 0.75 if explicit else 0.6, "label")
    for start, end in _korean_labels(text):
        match = _AFTER_KOREAN_LABEL.match(text.text, end)
        label = text.text[start:end]
        if (
            match is None
            or _OF_THINGS.search(label)
            or (label[-2:] == "사건" and not match["filed"])
        ):
            continue
        if match["filed"]:  # "2025가단10432": a court's or an office's file
            yield finding(*match.span("filed"), "ID", 0.7, "label")
            continue
        if _DATE.fullmatch(match["value"]):
            continue
        if _private_number(text, match, 4):
            kind = next((k for word, k in _KOREAN_KINDS if word in label), "ID")
            yield finding(*match.span("value"), kind, 0.7, "label")


def _korean_labels(text: FoldedText) -> Iterator[tuple[int, int]]:
    for start, end in _KOREAN_LABELS.find(text):
        before = _KOREAN_BEFORE.search(text.text[max(0, start - 12) : start])
        yield start - (len(before[0]) if before else 0), end
    if text.hangul and ("ID" in text.text or "No" in text.text):
        for match in _KOREAN_NUMBERED.finditer(text.text):
            yield match.span()


def _private_number(text: FoldedText, match: re.Match[str], least: int) -> bool:
    value = match["value"]
    digits = sum(c.isdigit() for c in value)
    if digits < 3 or sum(c.isalnum() for c in value) < least:
        return False
    if _AMOUNT_AFTER.match(text.lower, match.end("value")):
        return False
    return not re.fullmatch(r"(?:19|20)\d{2}", value)
