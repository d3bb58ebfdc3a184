r"""Values of fields, by the name of the field: forms, settings, records, cells under a header.

A label decides, not the shape: `Paik` and `de la Cruz` are names where `last_name` says so, digits
are a resident number in the column 주민등록번호 whatever their check digit says. Tables, JSON and
YAML come here as lines `label: value` (`values.view`); `words.labels` says what a label names.

    >>> from langchain_privacy.detection.folded import fold
    >>> text = "last_name: de la Cruz\nbirth_dt: 19870314"
    >>> [(f.entity_type, text[f.start : f.end]) for f in find_fields(fold(text))]
    [('PERSON', 'de la Cruz'), ('DATE_OF_BIRTH', '19870314')]
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import FoldedText
from langchain_privacy.detection.rules import announced_by, finding
from langchain_privacy.words import load
from langchain_privacy.words.korean import CASE_BEHIND, PARTICLE_APART, is_hangul, is_title
from langchain_privacy.words.labels import (
    ABOUT,
    HEALTH,
    MAYBE_NAME,
    MONEY,
    NAME,
    TRAIT,
    ZIP,
    is_said_of_people,
    kind_of_label,
)
from langchain_privacy.words.signs import SIGNS

_COMMON = load("common_words")
_KNOWN = load("given_names") | load("surnames")
_ORGANISATION = load("organisation_words")

_MARK = re.compile(r"[:=](?<![:=!<>].)(?![:=/])")
_DOTS = re.compile(r"\.{4,60}:?")
_BEFORE_LABEL = re.compile(r"[\n,;{(\[&?<|\"'`*>\t=:#•]|[ ]{2}")
_AROUND_LABEL = " \t\"'`]*"
_REACH = 64
_VALUE = re.compile(
    r"[*]{0,2}[ \t]{0,8}[|]?[ \t]{0,4}(?:"
    r"\"(?P<d>[^\"\n]{1,120})\"|'(?P<s>[^'\n]{1,120})'(?!\w)"
    r"|(?P<bare>[^\s\"'`{\[(<|][^\n\t|;&<>\"{}\[\]]{0,118}?)"
    r"(?=[\"'`]|[ \t]*(?:\Z|[\n\t|;&<>{}\[\]])|[ ]{2}"
    r"|,?[ ]{1,3}(?:[\w./-]|[ ](?![ ])){1,32}[:=]|,[\w-]{1,32}[:=]))"  # the next field
)
_NOTHING = load("field_no_values")
_LETTER = rf"(?:[^\W\d_]|[{SIGNS}])"
_NAME_LIKE = re.compile(rf"[^\W\d_]{_LETTER}*(?:[ .,'’()·-]{{1,3}}[^\W\d_]{_LETTER}*){{0,6}}[.)]?")
_USER_LIKE = re.compile(r"@?[\w][\w.@+-]{1,63}")
_DATE = re.compile(r"(?:19|20)?\d\d(?:[-./ ]\d{1,2}){2}.*")
# The day alone; behind it a Korean sentence goes on: "생년월일: 1985-03-02 입니다 확인해 주세요".
_DAY_ITSELF = re.compile(
    r"(?:(?:19|20)?\d\d(?:\s?[-./년월]\s?\d{1,2}){2}|\d{1,2}[-./]\d{1,2}[-./]\d{2,4})"
    r"(?:\s?일생?)?(?=[ ][가-힣])"
)
_YEAR = re.compile(r"(?:19|20)\d\d")
_OFFICE = re.compile(r"(?:팀|부서|센터|은행|회사|지점|본부|상사|학교|병원)\Z")
_SENTENCE = re.compile(r"(?<=[^\W\d_]{4})\.[ ]+(?=[A-Z])|(?<=\w)\.[ ]+(?=[가-힣])")
# "PPS number: 9804821MA. Tax class unchanged"; not "12. April".
_NEXT = re.compile(r"(?:(?<=\d)|(?<=\d[A-Z])|(?<=\d[A-Z]{2}))\.[ ]+(?=[A-Z][a-z]+ [a-z])")
_IN_WORDS = frozenset(
    (NAME, MAYBE_NAME, ABOUT, MONEY, HEALTH, TRAIT, "ADDRESS", "LOCATION", "DATE_OF_BIRTH",
     "USERNAME")
)  # fmt: skip
_NUMBER = re.compile(r"[A-Za-z]{0,6}[A-Za-z0-9*xX.#/() +-]{3,48}")
_CODE = re.compile(r"[\w.]+\(|[\w]+\[|[{<$%]|self\.|this\.")
_PATH = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")


class _Field(NamedTuple):
    """A value and what its label says.

    Attributes:
        start: First character of the value.
        end: One past the last.
        kind: Kind of its label.
        plain: It is quoted or stands behind a colon: no assignment in code.
        record: Its label or it is quoted, or they fill a line: as in what a program wrote.
        of_people: Things have no field of this name.
    """

    start: int
    end: int
    kind: str
    plain: bool
    record: bool
    of_people: bool


@announced_by(parts=[":", "=", "...."])
def find_fields(text: FoldedText) -> Iterator[Finding]:
    """Find values by the names of their fields."""
    fields = list(_fields(text))
    for index, (start, end, kind, plain, record, of_people) in enumerate(fields):
        value = text.text[start:end]
        if not value or value.lower() in _NOTHING or _is_code(value, plain=plain):
            continue
        if kind in (NAME, MAYBE_NAME) and is_hangul(value[0]):
            end = start + _korean_name(value)
            value = text.text[start:end]
        if kind == "DATE_OF_BIRTH" and (day := _DAY_ITSELF.match(value)):
            end = start + day.end()
            value = text.text[start:end]
        if kind == NAME:
            if _is_name(value, plain=plain):
                yield finding(start, end, "PERSON", 0.7, "field")
        elif kind == MAYBE_NAME:
            if _is_name(value, plain=plain) and _of_a_person(fields, index, value):
                yield finding(start, end, "PERSON", 0.6, "field")
        elif kind in _FACTS:
            of_somebody = (record and of_people) or _of_somebody(fields, index)
            if of_somebody and _is_fact(kind, value):
                yield finding(start, end, kind, 0.6, "field")
        elif kind != ABOUT and (
            _fits(kind, value) or (record and _is_misplaced(value) and _of_somebody(fields, index))
        ):
            yield finding(start, end, "ADDRESS" if kind == ZIP else kind, 0.7, "field")


def _fields(text: FoldedText) -> Iterator[_Field]:
    t = text.text
    for mark in (*_MARK.finditer(t), *(_DOTS.finditer(t) if "...." in t else ())):
        first = max(0, mark.start() - _REACH)
        before = t[first : mark.start()].rstrip(_AROUND_LABEL)
        label = _BEFORE_LABEL.split(before)[-1].strip(" -")
        kind = _kind(label) if label else ""
        if not kind:
            continue
        value = _VALUE.match(t, mark.end())
        if value is None:
            yield _Field(mark.end(), mark.end(), ABOUT, True, False, True)
            continue
        group = value.lastgroup or "bare"
        start, end = value.span(group)
        end = start + len(t[start:end].rstrip(" \t,.;:*"))
        if group == "bare" and kind == "ADDRESS" and (stop := _SENTENCE.search(t, start, end)):
            end = stop.start()
        if group == "bare" and kind not in _IN_WORDS and (stop := _NEXT.search(t, start, end)):
            end = stop.start()
        if group == "bare" and text.hangul and (stop := PARTICLE_APART.search(t, start, end)):
            end = stop.start()
        if t[start:end].lower() != label.lower():
            quoted = group != "bare"
            record = quoted or t[mark.start() - 1 : mark.start()] in ('"', "'")
            record = record or _fills_its_line(t, mark.start() - len(label), end)
            of_people = kind in _OF_PEOPLE or (kind in _FACTS and is_said_of_people(label))
            yield _Field(start, end, kind, quoted or mark[0] != "=", record, of_people)


def _fills_its_line(t: str, start: int, end: int) -> bool:
    """Say whether a label and its value are all that a line says."""
    return t[start - 1 : start] in ("\n", "") and t[end : end + 1] in ("\n", "")


def _kind(label: str) -> str:
    """Return the kind of a label, of its last words where a sentence stands before it."""
    words = label.strip().split(" ")
    for first in range(max(0, len(words) - 3), len(words)):
        if kind := kind_of_label(" ".join(words[first:])):
            return kind
    return ""


def _is_code(value: str, *, plain: bool) -> bool:
    if _CODE.match(value):
        return True
    dotted = _PATH.fullmatch(value) is not None
    return dotted and (not plain or bool(kind_of_label(value.rpartition(".")[2])))


def _korean_name(value: str) -> int:
    """Return the length of the name that a value begins with: titles are none of it."""
    words = value.partition(",")[0].split(" ")
    while len(words) > 1 and is_title(words[-1]):
        words.pop()
    if is_title(words[-1]) or words[-1] in load("korean_roles"):
        return 0  # 받는 사람: 팀장
    name = " ".join(words)
    return len(name) if len(words) < 4 and len(name) < 10 and not _OFFICE.search(name) else 0


def _is_name(value: str, *, plain: bool) -> bool:
    if not _NAME_LIKE.fullmatch(value) or len(value) > 60 or CASE_BEHIND.search(value):
        return False
    words = re.findall(r"[^\W\d_]+", value.lower())
    if _COMMON.issuperset(words) and (len(words) > 2 or not (plain or value[0].isupper())):
        return False  # "Please write in capitals", `surname = args`
    return not (len(words) == 1 and words[0] in _NOTHING)


def _of_a_person(fields: list[_Field], index: int, value: str) -> bool:
    """Say whether a thing's name can be excluded: other fields of a person stand beside it."""
    words = re.findall(r"[^\W\d_]+", value.lower())
    if value.islower() or not _ORGANISATION.isdisjoint(words):
        return False
    if len(words) == 1 and (value.isupper() or words[0] in _COMMON) and words[0] not in _KNOWN:
        return False  # "STATUS", "Search"
    return any(field.of_people for field in _near(fields, index))


def _of_somebody(fields: list[_Field], index: int) -> bool:
    """Say whether other fields beside one are a person's, an account among them."""
    return any(
        f.kind in _OF_ACCOUNTS or (f.of_people and (f.record or f.kind not in _FACTS))
        for f in _near(fields, index)
    )


def _near(fields: list[_Field], index: int) -> Iterator[_Field]:
    start = fields[index].start
    for field in fields[max(0, index - 5) : index] + fields[index + 1 : index + 6]:
        if abs(field.start - start) < 4 * _REACH:
            yield field


_OF_PEOPLE = frozenset(
    {NAME, ABOUT, "DATE_OF_BIRTH", "PHONE", "ADDRESS", "US_SSN", "KR_RRN", "USERNAME", "MEDICAL_ID"}
)
_OF_ACCOUNTS = frozenset({"BANK_ACCOUNT", "CREDIT_CARD", "IBAN", "TAX_ID"})
_FACTS = frozenset({MONEY, HEALTH, TRAIT})
_MOST_WORDS = 8
_NEGATIVE = re.compile(
    r"(?:no|none|not|nil|nkda|never|unknown|see|same|please|to be|as above|없음|무|추후|별도)\b",
    re.IGNORECASE,
)


def _is_fact(kind: str, value: str) -> bool:
    """Say whether a value can be a sum, or a few words on somebody's health or traits."""
    if kind == MONEY:
        sum_of = sum(map(str.isdecimal, value)) > 1 or "만" in value
        return sum_of and len(value) < 32 and not (_YEAR.fullmatch(value) or _DATE.fullmatch(value))
    if len(value.split()) > _MOST_WORDS or (value.isascii() and "_" in value):
        return False
    return any(map(str.isalpha, value)) and _NEGATIVE.match(value) is None


def _is_misplaced(value: str) -> bool:
    """Say whether words stand where a number should: a note in the field of another."""
    words = len(value.split())
    letters = sum(map(str.isalpha, value))
    return 1 < words <= _MOST_WORDS < letters and _NEGATIVE.match(value) is None


def _fits(kind: str, value: str) -> bool:
    """Say whether a value can be what its field says."""
    digits = sum(map(str.isdecimal, value))
    if kind == "USERNAME":
        plain = value.lower() in _COMMON or kind_of_label(value)
        user = _USER_LIKE.fullmatch(value) and not _DATE.fullmatch(value) and digits < len(value)
        return bool(user) and not plain
    if kind == "ADDRESS":
        words = re.findall(r"[^\W\d_]+", value)
        capital = sum(not word.islower() for word in words)
        return bool(words) and len(words) < 16 and (digits > 0 or 1 < len(words) <= 2 * capital)
    if kind == ZIP:
        return digits > 1 and len(value) < 11
    if kind == "LOCATION":
        return not value[:1].islower() and not digits
    if kind == "DATE_OF_BIRTH":
        return digits >= 4 and len(value) < 32
    if kind == "PHONE":
        return digits >= 5 and digits * 2 >= len(value)
    if _YEAR.fullmatch(value):  # "Employee No.: 2022" would hide that year all over a report
        return False
    long = digits >= 3 and sum(map(str.isalnum, value)) >= 4
    return long and _NUMBER.fullmatch(value) is not None and not _DATE.fullmatch(value)
