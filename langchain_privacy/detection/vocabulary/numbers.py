"""Which numbers are public in strict mode: a stated table, and no other number crosses.

A number is public when one of the kinds in `public.KINDS` describes it; a builder chooses the kinds
(`MaskingPolicy(public_numbers=...)`). Ages, days of a calendar, sums of money, what a label names
("room 12") and everything longer is private.

    >>> from langchain_privacy.detection.vocabulary.declared import PUBLIC_NUMBERS
    >>> text = "Take 20 mg at 10:30, call 4471923, born 2 March 1985."
    >>> [text[a:b] for a, b in private_numbers(text, PUBLIC_NUMBERS)]
    ['4471923', '2 March 1985']
"""

import re
from collections.abc import Collection, Iterator
from functools import cache

from langchain_privacy.detection.ages import ages, bodies
from langchain_privacy.detection.anchors import Anchored, Stretch, words_of
from langchain_privacy.detection.dates import (
    DAY_BEGINS,
    DAYS,
    KOREAN_MONEY,
    MONEY,
    MONEY_BEGINS,
    MONEY_SIGNS,
    MONTH_OF_YEAR_BEGINS,
    MONTHS_OF_YEAR,
    NTH,
    around_digits,
    behind,
)
from langchain_privacy.words import load

Span = tuple[int, int]

_FORMS = {
    "small": r"[-+#]?\d{1,2}",
    "ordinal": r"(?i:\d{1,2}(?:st|nd|rd|th))",
    "percent": r"\d{1,3}(?:[.,]\d{1,3})?%",
    "decimal": r"[-+]?\d{0,2}(?:\.\d{1,4}|,\d{1,2})",
    "round": r"[1-9]0{1,8}|[1-9]0{0,2}(?:,000){1,3}|\d{1,2}[kM]",
    "time": r"(?i:\d{1,2}(?::\d\d){1,2}(?:am|pm)?|\d{1,2}(?:am|pm))",
    "version": r"(?i:v\d{1,2}(?:\.\d{1,3}){0,3}|\d{1,2}(?:\.\d{1,2}){1,2})",
    "decade": r"(?:(?:19|20)?\d0)['’]?s",
    "year": r"(?:19|20)\d\d",
}
_QUANTITY = re.compile(
    r"(?:\d{1,2}|\d{1,2}00?|\d0{2,4})(?:[.,]\d{1,3})?[- ]?(?P<unit>°?[^\W\d_]*)(?![^\W_])"
)
_UNITS = frozenset(map(str.casefold, load("units")))
# Korean counters; not of ages (세, 살, 대), days of a month (일), doors (층, 호) or classes (반).
_KOREAN_QUANTITY = re.compile(
    r"(?:\d{1,2}|[1-9]0{1,5}|[1-9]0{0,2}(?:,000)+)(?:\.\d)?\s?"
    r"(?:회|차례|가지|개월|개|건|명|분|시간|초|주일|주간|박스|상자|장|권|배|병|잔|마리|쪽|페이지|글자|줄|단계"
    r"|주(?=\s?(?:전|후|간|동안|이내|뒤))|[일년](?=\s?(?:전|후|간|동안|이내|이상|마다|뒤)))"
)
_KOREAN_TIME = re.compile(
    r"\d{1,2}(?=시(?!설|장|험|립))|(?<=시 )\d{1,2}(?=분)|(?<=시)\d{1,2}(?=분)"
)
_PLAIN = re.compile(r"\d{1,4}(?:[.,]\d{1,3})?")
_LETTER_CODE = re.compile(r"[A-Za-z]\d{1,2}|([A-Za-z]{2,})-?\d{1,3}|\d{1,2}([A-Za-z]+)")
_PAIR = re.compile(r"(.+?)(?:[-–/:x×]|\.\.\.?)(.+)")
_DOMAINS = ("english_everyday", "public_it", "public_medicine", "public_business")

# ---- numbers that are private whatever their form

_LABELS = (
    *("no", "nr", "num", "number", "room", "flat", "apt", "unit", "suite", "house", "roll", "ward"),
    *("bed", "yr", "seat", "store", "grade", "class", "case", "file", "acct", "account", "ref"),
    *("invoice", "order", "ticket", "id"),
    *("code", "pin", "badge", "gate", "platform", "bus", "route", "highway", "motorway"),
)
_COUNTED = r"\s?(?:%|of\b|\w+s\b)"
_PRIVATE = [
    *DAYS,
    *MONTHS_OF_YEAR,
    NTH,
    MONEY,
    KOREAN_MONEY,
    # 2억 3천: a sum, mostly, without its unit
    r"(?<![\d.,-])\d{1,5}(?:[.,]\d{1,3})*\s?(?:[십백천]?[만억]|조(?=\s?(?:\d|[가-힣]{0,2}(?:원|달러))))"
    r"(?:\s?\d[\d,]*+\s?[십백천]?[만억]?)*(?![가-힣]*짜리)",
    # what a label behind it names in Korean: 101동 1203호, 3통 2반, 15번지
    r"(?<!\d)\d[\d-]*(?=\s?(?:동\s?\d|호(?![가-힣]*선)|번지|번길|호실|통\s?\d))",
    # an age, a floor, a class, a month, a day of a month: 30대, 3층, 2학년 3반, 3월, 25일에
    r"(?<!\d)(?:[1-9]0대|\d{1,2}\s?(?:세(?!대)|살|층|반(?!응|복|환)|학년|월)"
    r"|\d{1,2}\s?일(?!\s?(?:전|후|간|동안|이내|이상|마다|뒤)))",
    # how old something is, for it may be somebody: "Patient, 88 years old, fell", "died at 94."
    r"\b\d{1,3}(?=[\s-](?:years?|yrs?|months?|weeks?)[\s-]olds?\b)",
    r"(?<=\bat )\d{2}(?=\s?[.,;!?)\n]|\s?\Z"
    r"|\s(?:to|and|or|but|i|he|she|we|they|with|after|because|who|when)\b)",
    r"(?<=\bof )\d{1,3}(?=\s(?:who|whose)\b)",
    # a year in short: in '48; not the '90s
    r"(?<=(?<!\w)['’])\d{2}\b(?!['’])",
    # what somebody was given or measured: GPA 3.61, an IQ of 121, a final mark of 74
    behind(
        *("gpa", "gpa is", "gpa of", "bmi", "bmi is", "bmi of", "iq of", "a1c", "a1c of"),
        *("mark", "mark of", "mark is", "mark was", "marks of", "grade of", "grade was"),
    )
    + r"\d{1,3}(?:\.\d+)?(?:/\d(?:\.\d+)?)?",
    r"\d\.\d+(?:/\d(?:\.\d+)?)?(?=\sgpa\b)",
    # a code of a shop: code SUMMER20
    r"\bcode (?P<coded>[a-z]{2,}\d+[a-z\d]*)\b",
    # the class of somebody at school
    r"\b\d{1,2}(?:st|nd|rd|th)(?=\s(?:grade|form|class)(?:rs?)?\b)",
    # what a label names
    rf"(?!\d)(?:\b(?:{'|'.join(_LABELS)})\b[.:]?\s?|#)(?:is\s)?(?P<by_label>[a-z]?\d+[a-z]?)\b(?!{_COUNTED})",
]


def _any_of(forms: Collection[str]) -> Anchored:
    return Anchored(
        "|".join(forms),
        DAY_BEGINS.union(MONTH_OF_YEAR_BEGINS, MONEY_BEGINS, _LABELS),
        numbers=True,
        signs=MONEY_SIGNS + "#",
        any_case=True,
    )


_BY_LABEL = frozenset({"by_label", "coded"})
_ALWAYS = _any_of(_PRIVATE)
_ALWAYS_IN_ASCII = _any_of([form for form in _PRIVATE if not re.search("[가-힣]", form)])

# A Korean counter, particle or verb behind a number is a word of its own: 20명입니다, 5678로.
_LETTER, _SIGN = r"[^\W\d_가-힣]", r"[^\W_가-힣]"
_NUMBER = re.compile(
    rf"[-+]?{_LETTER}{{0,20}}\d{_SIGN}*(?:[.,:/'’×–-]{{1,3}}{_SIGN}*\d{_SIGN}*)*%?|[-+]?\.\d+"
)
_JOINTS = ("", " ", "-", ") ", ")", " - ", "/", " (", "+")


def private_numbers(
    text: str,
    kinds: Collection[str],
    declared: Collection[str] = frozenset(),
    names: Collection[int] = frozenset(),
    *,
    sums: bool = True,
) -> Iterator[Span]:
    """Yield the spans of numbers that are not public, in order, without overlaps.

    Args:
        text: Normal form, see `values.fold.normal`.
        kinds: Names of `public.KINDS` that are public.
        declared: Words with digits that the application declares public.
        names: Where private words end: a small number behind one is an age: "Rajesh, 38, …".
        sums: Whether to yield sums, ages, days and measures, too, whose forms tell what they are.
    """
    kinds = frozenset(kinds)
    taken: list[Span] = [*ages(text, names), *bodies(text)]
    labelled: set[Span] = set()
    found: list[Span] = []
    words = words_of(text)
    always = _ALWAYS_IN_ASCII if text.isascii() else _ALWAYS
    for stretch in around_digits(text):
        for match in always.find_in(words, stretch):
            taken.append(match.span(match.lastgroup or 0))
            if match.lastgroup in _BY_LABEL:
                labelled.add(taken[-1])
        found += _numbers_in(text, stretch)
    taken.sort()
    numbers = [(start, end, False) for start, end in taken]
    at = 0
    for start, end in found:
        while at < len(taken) and taken[at][1] <= start:
            at += 1
        if at == len(taken) or taken[at][0] >= end:
            numbers.append((start, end, _is_public(text, start, end, kinds, declared)))
    numbers.sort()
    told = frozenset() if sums else frozenset(taken) - labelled
    first = last = -1
    for index, (start, end, public) in enumerate(numbers):
        if (start, end) in told or (public and not _continues(text, numbers, index)):
            continue
        if last >= 0 and text[last:start] in _JOINTS:
            last = end
            continue
        if last >= 0:
            yield first, last
        first, last = start, end
    if last >= 0:
        yield first, last


def _numbers_in(text: str, stretch: Stretch) -> Iterator[Span]:
    """Yield the numbers of a stretch with the letters and the sign before them."""
    begin, stop = stretch.begin, stretch.stop
    for at in stretch.numbers:
        if at < begin:
            continue  # in the number before
        apart = at == begin or text[at - 1] in " \n"  # as most are
        before = None if apart else _BEFORE_NUMBER.search(text, max(begin, at - _REACH), at)
        if number := _NUMBER.match(text, before.start() if before else at, stop):
            yield number.span()
            begin = number.end()


_REACH = 21  # a sign and letters
_BEFORE_NUMBER = re.compile(rf"[-+]?(?:{_LETTER}{{1,20}}|\.)\Z|[-+]\Z")


def _continues(text: str, numbers: list[tuple[int, int, bool]], index: int) -> bool:
    """Say whether a public number is a piece of a longer one that is not: 01 4589 40."""
    start, end, _ = numbers[index]
    if not text[start:end].isdigit():
        return False
    for beside in (index - 1, index + 1):
        if 0 <= beside < len(numbers) and not numbers[beside][2]:
            other_start, other_end, _ = numbers[beside]
            gap = text[other_end:start] if beside < index else text[end:other_start]
            if gap in _JOINTS and text[other_start:other_end].replace("-", "").isdigit():
                return True
    return False


@cache
def _form_of(kinds: frozenset[str]) -> re.Pattern[str]:
    """Return how a number of one of some kinds is written by itself."""
    return re.compile("|".join(form for kind, form in _FORMS.items() if kind in kinds) or "(?!)")


def _is_public(
    text: str, start: int, end: int, kinds: frozenset[str], declared: Collection[str]
) -> bool:
    word = text[start:end]
    if word in declared or word.lower() in declared or _form_of(kinds).fullmatch(word):
        return True
    if "quantity" in kinds:
        quantity = _QUANTITY.match(text, start)
        if not quantity or quantity["unit"].casefold() not in _UNITS:
            quantity = _KOREAN_QUANTITY.match(text, start)
        if quantity and quantity.end() >= end:
            return True
    if "time" in kinds and _KOREAN_TIME.match(text, start, end + 2):
        return True
    if "percent" in kinds and _PLAIN.fullmatch(word) and text[end : end + 2].strip()[:1] == "%":
        return True
    pair = _PAIR.fullmatch(word)
    if "code" in kinds:
        code = _LETTER_CODE.fullmatch(word)
        if code:
            return _is_code(code[1] or code[2], declared)
        if pair and _is_word(pair[1], declared) and _is_word(pair[2], declared):
            return True
    if pair and len(word) <= _LONGEST_PAIR:
        middle, second = start + len(pair[1]), end - len(pair[2])
        return _is_public(text, start, middle, kinds, declared) and _is_public(
            text, second, end, kinds, declared
        )
    return False


_LONGEST_PAIR = 9


def _is_code(letters: str | None, declared: Collection[str]) -> bool:
    """Say whether digits beside these letters are public: not those of a name (Jet2)."""
    if letters is None:
        return True
    return (letters.islower() or letters.isupper()) and _is_word(letters, declared)


def _is_word(letters: str, declared: Collection[str]) -> bool:
    lower = letters.lower()
    return lower in declared or any(lower in load(domain) for domain in _DOMAINS)
