"""Which numbers are public in strict mode: a stated table, and no other number crosses.

A number is public when one of the kinds in `public.KINDS` describes it; a builder chooses the kinds
(`MaskingPolicy(public_numbers=...)`). Ages, days of a calendar, sums of money, what a label names
("room 12") and everything longer is private.

    >>> from langchain_privacy.detection.vocabulary.public import PUBLIC_NUMBERS
    >>> text = "Take 20 mg at 10:30, call 4471923, born 2 March 1985."
    >>> [text[a:b] for a, b in private_numbers(text, PUBLIC_NUMBERS)]
    ['4471923', '2 March 1985']
"""

import re
from collections.abc import Collection, Iterator

from langchain_privacy.words import load

Span = tuple[int, int]

_I = re.IGNORECASE
_FORMS: dict[str, re.Pattern[str]] = {
    "small": re.compile(r"[-+#]?\d{1,2}"),
    "ordinal": re.compile(r"\d{1,2}(?:st|nd|rd|th)", _I),
    "percent": re.compile(r"\d{1,3}(?:[.,]\d{1,3})?%"),
    "decimal": re.compile(r"[-+]?\d{0,2}(?:\.\d{1,4}|,\d{1,2})"),
    "round": re.compile(r"[1-9]0{1,8}|[1-9]0{0,2}(?:,000){1,3}|\d{1,2}[kM]"),
    "time": re.compile(r"\d{1,2}(?::\d\d){1,2}(?:am|pm)?|\d{1,2}(?:am|pm)", _I),
    "version": re.compile(r"v\d{1,2}(?:\.\d{1,3}){0,3}|\d{1,2}(?:\.\d{1,2}){1,2}", _I),
    "year": re.compile(r"(?:19|20)\d\d(?:s|'s)?"),
}
_UNITS = "|".join(sorted(load("units"), key=len, reverse=True))
_QUANTITY = re.compile(
    rf"(?:\d{{1,2}}|\d{{1,2}}00?|\d0{{2,4}})(?:[.,]\d{{1,3}})?[- ]?(?:{_UNITS})(?![^\W_])", _I
)
_PLAIN = re.compile(r"\d{1,4}(?:[.,]\d{1,3})?")
_LETTER_CODE = re.compile(r"[A-Za-z]\d{1,2}|([A-Za-z]{2,})-?\d{1,3}|\d{1,2}([A-Za-z]+)")
_PAIR = re.compile(r"(.+?)(?:[-–/:x×]|\.\.\.?)(.+)")
_DOMAINS = ("english_everyday", "public_it", "public_medicine", "public_business")

# ---- numbers that are private whatever their form

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b"
)
_CURRENCY = r"(?:usd|eur|gbp|krw|inr|cad|aud|jpy|cny|chf|ksh|ngn|php|rs\.?)"
_CURRENCIES = r"(?:dollars?|euros?|pounds?|won|rupees|yen|yuan|bucks|pesos?|naira|francs?)"
_SCALE = r"(?:k|m|bn|million|billion|thousand|lakh|crore)"
_AGED = (
    r"(?:aged?|turned|turning|turns|age of|age:"
    r"|(?:i'?m|i am|he'?s|she'?s|he is|she is|they're)(?: (?:over|nearly|almost|about|only|just))?)"
)
_LABEL = (
    r"(?:no|nr|num|number|room|flat|apt|unit|suite|house|roll|ward|bed|seat|case|file|acct|account"
    r"|ref|invoice|order|ticket|id|code|pin|badge|gate|platform|bus|route|highway|motorway)"
)
_COUNTED = r"\s?(?:%|of\b|\w+s\b)"
_ALWAYS = re.compile(
    "|".join([
        # a day, or a month of a year
        rf"\b\d{{1,2}}(?:st|nd|rd|th)?(?:\sof)?[ -]{_MONTH}\.?(?:,?[ -]\d{{4}}\b)?",
        rf"\b{_MONTH}\.?,?\s(?:19|20)\d\d\b",
        rf"\b{_MONTH}\.?\s\d{{1,2}}(?:st|nd|rd|th)?\b(?!:)(?:,?\s\d{{4}}\b)?",
        r"\b(?:(?:19|20)\d\d[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d\d))\b"
        r"(?:,?\s(?:at\s)?\d{1,2}:\d\d(?::\d\d)?)?",
        r"(?<=\bthe )\d{1,2}(?:st|nd|rd|th)(?=[.,;:!?)\n]|\s(?:of (?:this|next|last)|and|or)\b|\Z)",
        # an age
        rf"\b{_AGED}\s(?P<age>\d{{1,3}})\b"
        r"(?!\s?[%:.]\d|\s(?:days|weeks|months|minutes|hours|cm|kg|km|miles|percent))",
        r"\b\d{1,3}(?=[- ]?(?:years?|yrs?|months?)?[- ]?(?:old|of age|y/?o)\b)",
        r"\b\d{1,2}(?=\s?[,(]?\s?(?:[mf]\b(?!\s?[/.'\w])|(?:fe)?male\b))",
        # money
        rf"(?:[$€£¥₩₹₦₱]|\b{_CURRENCY})\s?\d[\d,.]*(?<=\d)(?:\s?{_SCALE}\b)?",
        rf"\b\d[\d,.]*(?:\s?[$€£¥₩₹]|{_SCALE}?\s?(?:{_CURRENCIES}|{_CURRENCY})\b)",
        # what a label names
        rf"(?:\b{_LABEL}\b[.:]?\s?|#)(?:is\s)?(?P<labelled>\d+[a-z]?)\b(?!{_COUNTED})",
    ]),
    _I,
)  # fmt: skip
_BEHIND = re.compile(r"(?:, ?| \()(\d{1,2})(?=[,;.)]| and\b|\Z)")

_NUMBER = re.compile(
    r"[-+]?[^\W\d_]{0,20}\d[^\W_]*(?:[.,:/'’×–-]{1,3}[^\W_]*\d[^\W_]*)*%?|[-+]?\.\d+"
)
_JOINTS = ("", " ", "-", ") ", ")", " - ", "/", " (", "+")


def private_numbers(
    text: str,
    kinds: Collection[str],
    declared: Collection[str] = frozenset(),
    names: Collection[int] = frozenset(),
) -> Iterator[Span]:
    """Yield the spans of numbers that are not public, in order, without overlaps.

    Args:
        text: Normal form, see `values.fold.normal`.
        kinds: Names of `public.KINDS` that are public.
        declared: Words with digits that the application declares public.
        names: Where private words end: a small number behind one is an age: "Rajesh, 38, …".
    """
    taken: list[Span] = []
    found: list[Span] = []
    for begin, stop in _around_digits(text):
        taken += [m.span(m.lastgroup or 0) for m in _ALWAYS.finditer(text, begin, stop)]
        behind = _BEHIND.finditer(text, begin, stop)
        taken += [m.span(1) for m in behind if m.start() in names]
        found += [m.span() for m in _NUMBER.finditer(text, begin, stop)]
    taken.sort()
    numbers = [(start, end, False) for start, end in taken]
    at = 0
    for start, end in found:
        while at < len(taken) and taken[at][1] <= start:
            at += 1
        if at == len(taken) or taken[at][0] >= end:
            numbers.append((start, end, _is_public(text, start, end, kinds, declared)))
    numbers.sort()
    first = last = -1
    for index, (start, end, public) in enumerate(numbers):
        if public and not _continues(text, numbers, index):
            continue
        if last >= 0 and text[last:start] in _JOINTS:
            last = end
            continue
        if last >= 0:
            yield first, last
        first, last = start, end
    if last >= 0:
        yield first, last


def _around_digits(text: str) -> Iterator[Span]:
    """Yield where numbers and the words that belong to them can stand; prose has few."""
    begin = stop = -1
    for match in _DIGITS.finditer(text):
        if match.start() - _REACH > stop:
            if stop >= 0:
                yield max(0, begin), stop
            begin = match.start() - _REACH
        stop = match.end() + _REACH
    if stop >= 0:
        yield max(0, begin), stop


_DIGITS = re.compile(r"\d+")
_REACH = 32


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


def _is_public(
    text: str, start: int, end: int, kinds: Collection[str], declared: Collection[str]
) -> bool:
    word = text[start:end]
    if word in declared or word.lower() in declared:
        return True
    if any(kind in kinds and form.fullmatch(word) for kind, form in _FORMS.items()):
        return True
    if "quantity" in kinds:
        quantity = _QUANTITY.match(text, start)
        if quantity and quantity.end() >= end:
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
