"""Postal addresses in Latin script: a street, a unit or a box, and what belongs to it."""

import re
from collections.abc import Iterator

from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import UPPER, FoldedText
from langchain_privacy.detection.rules import Cues, finding, numbers
from langchain_privacy.words import load

# ---- The parts of a postal address in Latin script, and how far one reaches.

# ruff: noqa: E501 - a pattern or a table reads better whole


_PLACES = load("places")

CAP = rf"(?:(?:[ldLD]')?[{UPPER}][^\W\d_]*\.?(?:['-][^\W\d_]+)*)"
SMALL = r"(?:(?:de|da|do|dos|das|del|della|di|la|le|les|los|las|el|du|des|van|von|der|den|het|of|the|am|an|im|zum|zur|y|e|ter|ten|op|au|aux|sur|sous|en)\b|u\.|St\.)"
NUMBER = r"\d{1,6}[A-Za-z]?(?:[-/](?:\d{1,4}[A-Za-z]?|[IVX]{1,4}\b))?"
UNIT = r"(?:(?:apt|apartment|suite|ste|unit|flat|room|rm|floor|bldg|building|lot|(?:p\.? ?o\.? ?)?box|rr|postbox|postfach|apartado|piso|apto|appt|dpto|depto|lgh|blk|plot)\b\.?[ ]?\#?[ ]?(?:[A-Z]{1,2}-?)?\d{1,5}[A-Za-z]?\b|\#\d{1,5}\b|\d{1,2}\.?[ºª°][ ]?(?:(?:[A-H]|dcha|izda|izq|int)\b)?)"
STATE = r"(?:A[KLRZAEP]|C[AOT]|D[CE]|FL|G[AU]|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|P[AR]|RI|S[CD]|T[NX]|UT|V[AIT]|W[AIVY]|NSW|VIC|QLD|ON|QC|BC|AB)"
POSTCODE = r"(?:\d{5}(?:-\d{3,4})?|\d{2}-\d{3}|\d{4}(?:-\d{3})?|\d{3} ?\d{2}|\d{6}|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|[A-Z]\d[A-Z] ?\d[A-Z]\d|[A-Z]{1,2}-\d{4,5}|\d{4} ?[A-Z]{2}|\d{3}(?=[ ][A-ZÁÉÍÓÚÞÆÖ][a-zà-ÿ]{3}))(?![\w]|[.,]\d)"

_SEPARATOR = re.compile(
    r"[ ]?(?:,[ ]{0,3}\n?[ ]{0,4}|[ ]?-[ ](?=[A-Z]{2}\b)|\n{1,2}[ >?]{0,5},?[ ]{0,4})?"
)
# A word that digits go on is a postcode: "Norwich NR4 6AA".
_WORDS = rf"(?P<words>{CAP}(?:[ ](?:{CAP}(?!\w)|(?:{SMALL}|and)(?=[ ]))){{0,4}})"
_PART = re.compile(
    rf"(?P<unit>(?i:{UNIT}))|(?P<post>(?:{STATE}|nan|[A-Z]{{2}}),?\s{{1,3}}{POSTCODE}|{POSTCODE}|[A-Z]{{2}}\b(?=\n| \n|\Z))|{_WORDS}"
)
_LOWER_PART = re.compile(
    rf"(?P<unit>(?i:{UNIT}))|(?P<post>(?:[a-z]{{2,3}} )?{POSTCODE})|(?P<words>[^\W\d_]+(?:[ '-][^\W\d_]+){{0,3}}(?=[\n,]|[ ]\d|\Z))"
)
_STOP = re.compile(r"[ ]?(?:[.;)\n]|,(?!\d)|\Z|and\b|including\b|since\b|to\b)")
_MOST_PARTS = 6
_CODE_BEFORE = re.compile(r"[,\n][ ]{0,2}(?:\d{3,6}|\d{2}-\d{3})\Z")


def end_of_address(text: str, end: int, *, lower: bool) -> int:
    """Return where an address ends that is known up to `end`: its unit, city, country follow."""
    part = _LOWER_PART if lower else _PART
    for _ in range(_MOST_PARTS):
        taken = _next_part(text, end, part)
        if taken == end:
            break
        end = taken
    return end


def _next_part(text: str, end: int, part: re.Pattern[str]) -> int:
    gap, match = _follow(text, end, part)
    if match is None:
        return end
    if match.lastgroup != "words":
        return match.end()
    words = match["words"].lower().rstrip(".")
    if (
        gap == " "
        and text[end - 1].isdecimal()
        and _CODE_BEFORE.search(text[max(0, end - 8) : end])
    ):
        return match.end()  # "80337 München": behind a code stands its city
    place = _place_at_start(words)
    _, after = _follow(text, match.end(), part)
    posted = after is not None and after.lastgroup == "post"
    if "\n\n" in gap:  # a new paragraph, unless it is the country's own line
        return match.end() if place and posted else end
    if place:
        return match.start() + place
    if posted or (after is not None and after["words"] and _place_at_start(after["words"].lower())):
        return match.end()
    if "," in gap and "\n" not in gap and len(words) > 2 and _STOP.match(text, match.end()):
        return match.end()
    ends_in_place = any(words[i + 1 :] in _PLACES for i, c in enumerate(words) if c == " ")
    return match.end() if ends_in_place else end


def _follow(text: str, end: int, part: re.Pattern[str]) -> tuple[str, re.Match[str] | None]:
    gap = _SEPARATOR.match(text, end)
    if gap is None or not gap[0]:
        return "", None
    return gap[0], part.match(text, gap.end())


def _place_at_start(words: str) -> int:
    """Return the length of the place that a string begins with, 0 when it begins with none."""
    while words:
        if words in _PLACES:
            return len(words)
        words = words.rpartition(" ")[0]
    return 0


# ruff: noqa: E501 - a pattern or a table reads better whole


# "12 Oak Street": what stands before one of these words.
_SUFFIXES = Cues(load("street_words"))
_PLAIN = load("street_words_plain")
_BEFORE_SUFFIX = re.compile(
    rf"(?:(?P<number>{NUMBER}),?[ ])?(?:(?:{CAP}|{SMALL}|\d{{1,3}}(?:st|nd|rd|th))[ ]){{1,5}}\Z"
)
_NO_STREET = r"(?!(?:a|an|and|cents|dollars|euros|month|months|per|percent|pounds|won|year|years|at|by|days|for|from|her|his|hours|in|more|my|of|on|other|our|per|that|the|this|to|your)\b)"
_BEFORE_LOWER_SUFFIX = re.compile(
    rf"(?P<number>{NUMBER}),?[ ](?:{_NO_STREET}[^\W\d_]{{2,20}}[ ]){{1,3}}\Z"
)

# "Hauptstraße 5": a word that ends in one of these, and a number.
_ENDINGS = tuple(sorted(load("street_endings")))
_BEFORE_NUMBER = re.compile(r"(?P<dot>\.?),?[ ](?=\d)")
_NUMBER = re.compile(rf"{NUMBER}\b")
_BEFORE_ENDING = re.compile(
    rf"(?:{NUMBER}[ ])?(?:(?:{CAP}|{SMALL})[ ]){{0,3}}[^\W\d_][^\W\d_-]{{0,24}}\Z"
)

# "Rua das Gaivotas 31": one of these, capital words, and mostly a number behind or before.
_PREFIXES = Cues(load("street_prefixes"))
_AFTER_PREFIX = re.compile(
    rf"\.?[ ]?(?:(?:{CAP}|{SMALL})[ ]?){{1,6}}(?P<number>(?:(?<=[ ])|,[ ]?)(?:n[.ºo°]+[ ]?)?{NUMBER}\b)?"
)
_NUMBER_BEFORE = re.compile(rf"(?<![\w.]){NUMBER},?[ ](?:{NUMBER},?[ ])?\Z")

_MONTH = r"(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?"
_MONTH_IN = re.compile(rf"\b{_MONTH}[ ](?:19|20)\d\d\b")
# "No. 12, 3rd Cross, Indiranagar, Bengaluru 560038": a house, what lies around it, a code.
_HOUSE_WORDS = Cues(["no", "plot", "house", "h", "door", "villa", "blk", "block", "lot"])
_HOUSE = re.compile(
    rf"\b(?:No|Plot|House|H\.[ ]?No|Door|Villa|Blk|Block|Lot)\b\.?[ ]?(?:No\.?[ ]?)?{NUMBER},?[ ]"
    rf"(?:(?:\d{{1,3}}(?:st|nd|rd|th)|{CAP}|{SMALL})[ ,]{{1,2}}){{1,10}}\d{{3}}[ ]?\d{{2,3}}(?!\d)"
)
_HOUSE_BEFORE = re.compile(
    rf"\b(?:No|Plot|House|Door|Villa|Blk|Block|Lot|Shop|Unit|Flat|Suite|Apt|Apartment)\b\.?[ ]?(?:No\.?[ ]?)?(?:[A-Z]?{NUMBER},[ ])?\Z"
)
_FRAMED = re.compile(
    rf"(?<![\w.,])(?!(?:19|20)\d\d\b)(?!\d+ {_MONTH}[ ])\d{{1,4}}[A-Za-z]?[ ](?=(?:{SMALL}[ ]){{0,2}}(?:{CAP}|C/))(?:(?:{CAP}|{SMALL}|C/)[ ]){{1,5}}\d{{1,4}}\b\.?(?![,.]\d)"
)

_MILITARY = Cues(
    ["apo aa", "apo ae", "apo ap", "fpo aa", "fpo ae", "fpo ap", "dpo aa", "dpo ae", "dpo ap"]
)
_BEFORE_MILITARY = re.compile(
    r"\b(?:psc|unit|cmr|uss|usns|uscgc|usnv)[ ][\w.' -]{1,24}(?:,?[ ]box[ ]\d{1,6})?,?\s{1,4}\Z"
)
_AFTER_MILITARY = re.compile(r"[ ]\d{5}(?!\d)")

_UNIT_WORDS = Cues(load("unit_words"))
_BEFORE_BOX = re.compile(r"(?:(?<!\w)P\.? ?O\.? )?\Z", re.IGNORECASE)
_UNITS = re.compile(UNIT, re.IGNORECASE)
_SURE_UNITS = ("apt", "apartment", "suite", "postbox", "po box", "p.o. box")

_STATE_ZIP = re.compile(rf"(?<![A-Za-z]){STATE}[ ]\d{{5}}(?:-\d{{4}})?(?!\d)")
_CITY_BEFORE = re.compile(rf"{CAP}(?:[ ]{CAP}){{0,3}},?[ ]\Z")
_UK_POSTCODE = re.compile(
    r"(?<![A-Za-z0-9])[A-PR-UWYZ][A-HK-Y]?\d[A-Z\d]? ?\d[ABD-HJLNP-UW-Z]{2}(?![A-Za-z0-9])"
)
_ZIP_WORDS = Cues(
    ["zip", "zipcode", "zip code", "zip-code", "post code", "postcode", "postal code"]
)
_ZIP = re.compile(
    r"\W{0,3}(?:is\W{1,3})?(?P<code>\d{4,6}(?:-\d{3,4})?|[A-Za-z]{1,2}\d[A-Za-z\d]? ?\d[A-Za-z]{2})\b"
)

_LABELS = Cues(load("address_labels"))
_AFTER_LABEL = re.compile(
    rf"(?: of [^\n:]{{1,40}}?)?(?: is(?: now)?| to|:| -|)[ \t\n]{{0,8}}(?=[{UPPER}\d#])"
)
_LABELLED = re.compile(
    rf"(?:(?:{CAP}|{SMALL}|and|{NUMBER}\.?|[^\W\d_]{{2,24}}(?=[ ]\d)|[,#])[ ,]{{0,2}}){{1,14}}"
)


def find_addresses(text: FoldedText) -> Iterator[Finding]:
    """Find postal addresses and take the unit, city, state, country and postcode along."""
    lower_only = text.text == text.lower
    for start, end, score in _anchors(text, lower_only=lower_only):
        house = _left(_HOUSE_BEFORE, text.text, start, 24)
        first = start - len(house[0]) if house else start
        last = end_of_address(text.text, end, lower=lower_only)
        yield finding(first, last, "ADDRESS", score, "address")
    for match in numbers(_UK_POSTCODE, text, digits=2, letters=True):
        yield finding(match.start(), match.end(), "ADDRESS", 0.5, "address")
    for _, end in _ZIP_WORDS.find(text):
        if code := _ZIP.match(text.text, end):
            yield finding(*code.span("code"), "ADDRESS", 0.7, "address")


def _anchors(text: FoldedText, *, lower_only: bool) -> Iterator[tuple[int, int, float]]:
    """Yield the spans that an address grows from, with their scores."""
    yield from _streets(text, lower_only=lower_only)
    t = text.text
    for match in numbers(_FRAMED, text, letters=True):
        if not re.search(r"(?:19|20)\d\d\.?\Z", match[0]):
            yield match.start(), match.end(), 0.45
    for start, _ in _HOUSE_WORDS.find(text):
        if house := _HOUSE.match(t, start):
            yield start, house.end(), 0.6
    for start, end in _MILITARY.find(text):
        before, after = (
            _left(_BEFORE_MILITARY, text.lower, start, 48),
            _AFTER_MILITARY.match(t, end),
        )
        if before and after:
            yield start - len(before[0]), after.end(), 0.8
    for start, _ in _UNIT_WORDS.find(text):
        box = _BEFORE_BOX.search(t[max(0, start - 6) : start])
        unit = _UNITS.match(t, start - (len(box[0]) if box else 0))
        if unit is None:
            continue
        first = _street_before(t, unit.start())
        if _MONTH_IN.search(t, first, unit.start()):
            continue  # "12 May 2025, Room 4"
        if not lower_only and not unit[0].lower().startswith(_SURE_UNITS) and first == unit.start():
            continue  # "Room 4, floor 12"
        sure = unit[0].lower().startswith(_SURE_UNITS)
        if (
            first < unit.start()
            or sure
            or end_of_address(t, unit.end(), lower=lower_only) > unit.end()
        ):
            yield first, unit.end(), 0.6
    for _, end in _LABELS.find(text):
        label = _AFTER_LABEL.match(t, end)
        value = label and _LABELLED.match(t, label.end())
        if value and any(c.isdecimal() for c in value[0]):
            yield value.start(), value.start() + len(value[0].rstrip(" ,.")), 0.7
    for match in numbers(_STATE_ZIP, text, digits=5, letters=True):
        city = _left(_CITY_BEFORE, t, match.start(), 64)
        yield match.start() - (len(city[0]) if city else 0), match.end(), 0.7


def _streets(text: FoldedText, *, lower_only: bool) -> Iterator[tuple[int, int, float]]:
    t = text.text
    pattern = _BEFORE_LOWER_SUFFIX if lower_only else _BEFORE_SUFFIX
    for start, end in _SUFFIXES.find(text):
        if not (lower_only or t[start].isupper()):
            continue
        before = _left(pattern, t, start, 72)
        if before and (before["number"] or t[start:end].lower() in _PLAIN):
            yield start - len(before[0]), end, 0.75 if before["number"] else 0.45
    for gap in numbers(_BEFORE_NUMBER, text, letters=True):
        for end in {gap.start(), gap.end("dot")}:  # "Hauptstraße. 5", "Hauptstr. 5"
            if not text.lower.endswith(_ENDINGS, 0, end):
                continue
            number = _NUMBER.match(t, gap.end())
            for ending in _ENDINGS:
                before = _left(_BEFORE_ENDING, t, end - len(ending), 72)
                if number and before and text.lower.endswith(ending, 0, end):
                    yield end - len(ending) - len(before[0]), number.end(), 0.7
    for start, end in _PREFIXES.find(text):
        after = _AFTER_PREFIX.match(t, end)
        before = _left(_NUMBER_BEFORE, t, start, 14)
        shortened = t.startswith(".", end) and not t.endswith(
            "et ", 0, start
        )  # "ul.", not "et al."
        if after and (before or (after["number"] and (t[start].isupper() or shortened))):
            yield (
                start - (len(before[0]) if before else 0),
                start + len(t[start : after.end()].rstrip()),
                0.7,
            )


def _left(pattern: re.Pattern[str], text: str, end: int, reach: int) -> re.Match[str] | None:
    """Match a pattern that ends at an offset, within `reach` characters."""
    return pattern.search(text[max(0, end - reach) : end])


_NUMBERED_LINE = re.compile(
    rf"(?:(?<=\s)|^){NUMBER}[ .,](?:{_NO_STREET}[^\s\d]+[ ,]+){{1,6}}(?:{NUMBER}[ .,]*)?\Z"
)
_NUMBERED_WORDS = re.compile(rf"(?:(?:{CAP}|{SMALL}|\d{{1,5}}\.?)[ ,]{{1,2}}){{1,6}}\Z")


def _street_before(text: str, start: int) -> int:
    """Return where the street begins that stands before a unit, on its line or the line above."""
    offset = max(0, start - 72)
    window = text[offset:start].rstrip("\n >?")
    line = window.rfind("\n") + 1
    street = _NUMBERED_LINE.search(window, line) or _NUMBERED_WORDS.search(
        window.rstrip(",") + " ", line
    )
    if street is None or not any(c.isdecimal() for c in street[0]):
        return start
    return offset + street.start()
