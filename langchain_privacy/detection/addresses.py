r"""Postal addresses in Latin script: what an address is known by, and how far it reaches.

An address is known by one part, its anchor: a street ("18 Larkspur Lane", "Hauptstraße 5"), a unit
or a box, a house with a postcode, a label. From there it grows to the right, part by part, as long
as a unit, a postcode or a place follows, and takes a house number on its left along.

    >>> from langchain_privacy.detection.folded import fold
    >>> text = "Send it to 18 Larkspur Lane, Apt 4C, Boise, ID 83702. Thanks"
    >>> found = [f for rule in ADDRESSES for f in rule(fold(text)) if f.score > 0.7]
    >>> [text[f.start : f.end] for f in found]
    ['18 Larkspur Lane, Apt 4C, Boise, ID 83702']

`defaults` puts the rules into a detector; Korean addresses have a file of their own.
"""

import re
from collections.abc import Callable, Iterator
from functools import wraps
from itertools import pairwise

from langchain_privacy.detection.anchors import Anchored
from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import UPPER, FoldedText, digits
from langchain_privacy.detection.rules import Cues, Rule, announced_by, finding, numbers, span
from langchain_privacy.words import load

_Anchor = tuple[int, int, float]
"""Start, end and score of what an address grows from."""

# The parts of an address

_PLACES = load("places")
# A word with a capital letter: "Oak", "d'Arc", "Saint-Denis", "Hauptstr."
_CAP = rf"(?:(?:[ldLD]')?[{UPPER}][^\W\d_]*\.?(?:['-][^\W\d_]+)*)"
# The same in what follows a street. There a full stop ends the address, but for "St. Ives".
_NEXT_CAP = rf"(?:(?:[ldLD]')?(?:[{UPPER}][^\W\d_]{{0,2}}\.|[{UPPER}][^\W\d_]*(?:['-][^\W\d_]+)*))"
# What stands in small letters between such words.
_SMALL = (
    r"(?:(?:de|da|do|dos|das|del|della|di|la|le|les|los|las|el|du|des|van|von|der|den|het|of|the"
    r"|am|an|im|zum|zur|y|e|ter|ten|op|au|aux|sur|sous|en)\b|u\.|St\.)"
)
# A house's number: "12", "12b", "12-14", "12/IV".
_NUMBER = r"\d{1,6}[A-Za-z]?(?:[-/](?:\d{1,4}[A-Za-z]?|[IVX]{1,4}\b))?"
_UNIT = (
    r"(?:"
    # "Apt 4C", "P.O. Box 118", "Suite #A-12"
    r"(?:apt|apartment|suite|ste|unit|flat|room|rm|floor|bldg|building|lot|(?:p\.? ?o\.? ?)?box|rr"
    r"|postbox|postfach|apartado|piso|apto|appt|dpto|depto|lgh|blk|plot)\b"
    r"\.?[ ]?\#?[ ]?(?:[A-Z]{1,2}-?)?\d{1,5}[A-Za-z]?\b"
    # "#12"
    r"|\#\d{1,5}\b"
    # "2º A", "3º dcha"
    r"|\d{1,2}\.?[ºª°][ ]?(?:(?:[A-H]|dcha|izda|izq|int|esq|dto|dta|fte|puerta)\b\.?)?)"
)
_STATE = (  # of the United States, Australia and Canada
    r"(?:A[KLRZAEP]|C[AOT]|D[CE]|FL|G[AU]|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|P[AR]"
    r"|RI|S[CD]|T[NX]|UT|V[AIT]|W[AIVY]|NSW|VIC|QLD|ON|QC|BC|AB)"
)
_POSTCODE = (
    r"(?:\d{5}(?:-\d{3,4})?"  # "83702", "83702-1234", and many countries
    r"|\d{2}-\d{3}"  # Poland
    r"|\d{4}(?:-\d{3})?"  # "1200-109": Portugal; "1010"
    r"|\d{3} ?\d{2}"  # Sweden, Czechia
    r"|\d{6}"  # India, China
    r"|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}"  # United Kingdom
    r"|[A-Z]\d[A-Z] ?\d[A-Z]\d"  # Canada
    r"|[A-Z]{1,2}-\d{4,5}"  # "D-80337"
    r"|\d{4} ?[A-Z]{2}"  # Netherlands
    r"|\d{3}(?=[ ][A-ZÁÉÍÓÚÞÆÖ][a-zà-ÿ]{3})"  # Iceland
    r")(?![\w]|[.,]\d)"
)

# How far an address reaches

_MOST_PARTS = 6
_SEPARATOR = re.compile(
    r"[ ]?(?:,[ ]{0,3}\n?[ ]{0,4}"  # a comma, perhaps at the end of a line
    r"|[ ]?-[ ](?=[A-Z]{2}\b)"  # " - TX"
    r"|\n{1,2}[ >?]{0,5},?[ ]{0,4}"  # a new line, perhaps of a quoted mail
    r")?"
)
# A word that digits go on is a postcode: "Norwich NR4 6AA".
_WORDS = rf"(?P<words>{_NEXT_CAP}(?:[ ](?:{_NEXT_CAP}(?!\w)|(?:{_SMALL}|and)(?=[ ]))){{0,4}})"
_PART = re.compile(
    rf"(?P<unit>(?i:{_UNIT}))"
    rf"|(?P<post>(?:{_STATE}|nan|[A-Z]{{2}}),?\s{{1,3}}{_POSTCODE}"
    rf"|{_POSTCODE}|[A-Z]{{2}}\b(?=\n| \n|\Z))"
    rf"|{_WORDS}"
)
_NO_STREET = (
    r"(?!(?:a|an|and|cents|dollars|euros|month|months|per|percent|pounds|won|year|years|at|by|days"
    r"|for|from|her|his|hours|in|more|my|of|on|other|our|per|that|the|this|to|your)\b)"
)
_LOWER_PART = re.compile(
    rf"(?P<unit>(?i:{_UNIT}))|(?P<post>(?:[a-z]{{2,3}} )?{_POSTCODE})"
    rf"|(?P<words>{_NO_STREET}[^\W\d_]+(?:[ '-]{_NO_STREET}[^\W\d_]+){{0,3}}(?=[\n,]|[ ]\d|\Z))"
)
_STOP = re.compile(
    r"[ ]?(?:[.;)\n]|,(?!\d)|\Z|and\b|including\b|since\b|to\b"
    r"|is\b|was\b|has\b|for\b|with\b|by\b|on\b|at\b)"
)
_CODE_BEFORE = re.compile(r"[,\n][ ]{0,2}(?:\d{3,6}|\d{2}-\d{3})\Z")


def _end_of_address(text: str, end: int, *, lower: bool) -> int:
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


# The rule

_HOUSE_BEFORE = re.compile(
    r"(?i)\b(?:No|Plot|House|Door|Villa|Blk|Block|Lot|Shop|Unit|Flat|Suite|Apt|Apartment)\b"
    rf"\.?[ ]?(?:No\.?[ ]?)?(?:[A-Z]?{_NUMBER},[ ])?\Z"
)
_UK_POSTCODE = re.compile(
    r"(?<![A-Za-z0-9])[A-PR-UWYZ][A-HK-Y]?\d[A-Z\d]? ?\d[ABD-HJLNP-UW-Z]{2}(?![A-Za-z0-9])"
)
# "18 Fennel R0ad, Derby DE1 2AB": a number and words in capitals, whatever a scanner made of them.
_BEFORE_POSTCODE = re.compile(
    rf"(?<![\w.,/-])\d{{1,4}}[A-Za-z]?,?[ ](?:[{UPPER}][\w'’-]*[ ,]{{1,2}}){{1,6}}\Z"
)
_ZIP_WORDS = Cues(
    ["zip", "zipcode", "zip code", "zip-code", "post code", "postcode", "postal code"]
)
_ZIP = re.compile(
    r"\W{0,3}(?:is\W{1,3})?"
    r"(?P<code>\d{4,6}(?:-\d{3,4})?|[A-Za-z]{1,2}\d[A-Za-z\d]? ?\d[A-Za-z]{2})\b"
)


def _grown(find: Callable[[FoldedText], Iterator[_Anchor]]) -> Rule:
    """Make a rule of what finds anchors: it takes unit, city, state, country and postcode along."""

    @wraps(find)
    def rule(text: FoldedText) -> Iterator[Finding]:
        for start, end, score in find(text):
            house = _left(_HOUSE_BEFORE, text.text, start, 24)
            last = _end_of_address(text.text, end, lower=_is_lower(text))
            yield finding(start - house, last, "ADDRESS", score, "address")

    return rule


def _is_lower(text: FoldedText) -> bool:
    """Say whether a text has no capitals."""
    return text.text == text.lower


@announced_by(digits(2, letters=True))
def _postcodes(text: FoldedText) -> Iterator[Finding]:
    t = text.text
    for digit, _ in text.said.numbers:
        first = _UK_POSTCODE.match(t, max(0, digit - 2)) or _UK_POSTCODE.match(t, digit - 1)
        if digit and first:
            house = _left(_BEFORE_POSTCODE, t, first.start(), 72)
            yield finding(first.start() - house, first.end(), "ADDRESS", 0.5, "address")


@announced_by(_ZIP_WORDS)
def _named_codes(text: FoldedText) -> Iterator[Finding]:
    for _, end in _ZIP_WORDS.find(text):
        if code := _ZIP.match(text.text, end):
            yield span(code, "ADDRESS", 0.7, "address", "code")


def _left(pattern: re.Pattern[str], text: str, end: int, reach: int) -> int:
    """Return the length of what a pattern takes that ends at an offset, within `reach`, or 0."""
    match = pattern.search(text[max(0, end - reach) : end])
    return len(match[0]) if match else 0


# Streets

# "12 Oak Street": what stands before one of these words.
_SUFFIXES = Cues(load("street_words"))
_PLAIN = load("street_words_plain")
_BEFORE_SUFFIX = re.compile(
    rf"(?:(?P<number>{_NUMBER}),?[ ])?(?:(?:{_CAP}|{_SMALL}|\d{{1,3}}(?:st|nd|rd|th))[ ]){{1,5}}\Z"
)
_ANY_DIGIT = re.compile(r"\d")
_NO_NAME = "|".join(sorted(load("not_street_names")))
_BEFORE_LOWER_SUFFIX = re.compile(
    rf"(?P<number>{_NUMBER}),?[ ](?:{_NO_STREET}[^\W\d_]{{2,20}}[ ]){{0,2}}"
    rf"{_NO_STREET}(?!(?:{_NO_NAME})[ ])[^\W\d_]{{2,20}}[ ]\Z"
)
_SURE = load("street_words_sure")
# In small letters among capitals: "I moved to 17 larch grove", not "a 4 lane road".
_BEFORE_SURE_SUFFIX = re.compile(
    rf"(?<![\w.,])(?P<number>\d{{1,4}}[a-z]?),?[ ](?:{_NO_STREET}[^\W\d_]{{2,20}}[ ]){{0,1}}"
    rf"{_NO_STREET}(?!(?:{_NO_NAME})[ ])[^\W\d_]{{2,20}}[ ]\Z"
)
# "Rose Cottage": a house that has a name.
_HOUSES = Cues(load("house_words"))
_HOUSE_NAME = re.compile(
    rf"(?:(?!The|A|An|My|Our|Your|His|Her|Their|This|That)(?:{_CAP}) ){{1,2}}\Z"
)


# "The Old Forge, Church Lane": before a street without a number, at the start of a line.
_HOUSE_ABOVE = re.compile(
    rf"(?:(?<=\n)|(?<=: ))(?:(?:The )?{_CAP}(?: {_CAP}){{1,2}}|The {_CAP}), \Z"
)


@announced_by(_HOUSES)
@_grown
def _named_houses(text: FoldedText) -> Iterator[_Anchor]:
    for start, end in _HOUSES.find(text):
        if text.text[start].isupper() and (name := _left(_HOUSE_NAME, text.text, start, 40)):
            yield start - name, end, 0.5


@announced_by(_SUFFIXES)
@_grown
def _streets_by_suffix(text: FoldedText) -> Iterator[_Anchor]:
    t, lower = text.text, _is_lower(text)
    for start, end in _SUFFIXES.find(text):
        pattern = _BEFORE_SUFFIX
        if not t[start].isupper():
            pattern = _BEFORE_LOWER_SUFFIX if lower else _BEFORE_SURE_SUFFIX
            if not lower and t[start:end] not in _SURE:
                continue
        # A street also without a number; in small letters it needs one.
        plain = pattern is _BEFORE_SUFFIX and t[start:end].lower() in _PLAIN
        window = t[max(0, start - 72) : start].rpartition("\n")[2]
        before = pattern.search(window) if plain or _ANY_DIGIT.search(window) else None
        if before and (before["number"] or plain):
            first = start - len(before[0])
            if not before["number"]:
                first += _small_words_in_capitals(before[0])
                first -= _left(_HOUSE_ABOVE, t, first, 56)
            yield first, end, 0.75 if before["number"] else 0.45


def _small_words_in_capitals(run: str) -> int:
    """Return where the name of a street begins in capitals: I LIVE ON LARCH AVENUE."""
    if not run.isupper():
        return 0
    words = run.split(" ")
    last = max((i for i, word in enumerate(words) if word.lower() in _FUNCTION), default=-1)
    return sum(len(word) + 1 for word in words[: last + 1])


_FUNCTION = load("english_function")


# "Hauptstraße 5": a word that ends in one of these, and a number.
_ENDINGS: dict[str, tuple[str, ...]] = {}  # by their last letter
for _ending in sorted(load("street_endings")):
    _ENDINGS[_ending[-1]] = (*_ENDINGS.get(_ending[-1], ()), _ending)
_HOUSE_NUMBER = re.compile(rf"{_NUMBER}\b")
_BEFORE_ENDING = re.compile(
    rf"(?:{_NUMBER}[ ])?(?:(?:{_CAP}|{_SMALL})[ ]){{0,3}}[^\W\d_][^\W\d_-]{{0,24}}\Z"
)

_WORDS_BEFORE = re.compile(rf"(?:(?:{_CAP}|{_SMALL})[ ]){{1,3}}\Z")


@announced_by(digits(1, letters=True))
@_grown
def _streets_by_ending(text: FoldedText) -> Iterator[_Anchor]:
    t = text.text
    for at, _ in text.said.numbers:
        if not t.endswith(" ", 0, at):
            continue
        gap = at - 2 if t.endswith(", ", 0, at) else at - 1
        for end in {gap, gap - t.endswith(".", 0, gap)}:  # "Hauptstr. 5", "Hauptstraße. 5"
            for ending in _ENDINGS.get(text.lower[end - 1 : end], ()):
                if text.lower.endswith(ending, 0, end) and (number := _HOUSE_NUMBER.match(t, at)):
                    start = end - len(ending)
                    whole = t[start].isupper() and t.endswith(" ", 0, start)  # "Kölner Straße 5"
                    if before := _left(_WORDS_BEFORE if whole else _BEFORE_ENDING, t, start, 72):
                        yield start - before, number.end(), 0.7


# "Rua das Gaivotas 31": one of these, capital words, and mostly a number behind or before.
_PREFIXES = Cues(load("street_prefixes"))
_COMMON = load("common_words") | {"r", "cl", "al"}
_AFTER_PREFIX = re.compile(
    rf"\.?[ ]?(?:\d{{1,2}}[ ]de[ ])?(?:(?:{_CAP}|{_SMALL})[ ]?){{1,6}}"
    rf"(?P<number>(?:(?<=[ ])|,[ ]?)(?:n[.ºo°]+[ ]?)?{_NUMBER}\b)?"
)
_NUMBER_BEFORE = re.compile(rf"(?<![\w.]){_NUMBER},?[ ](?:(?:{_NUMBER}|bis|ter|quater),?[ ])?\Z")


@announced_by(_PREFIXES)
@_grown
def _streets_by_prefix(text: FoldedText) -> Iterator[_Anchor]:
    t = text.text
    for start, end in _PREFIXES.find(text):
        after = _AFTER_PREFIX.match(t, end)
        before = _left(_NUMBER_BEFORE, t, start, 18)
        # "ul.", not "et al."
        shortened = t.startswith(".", end) and not t.endswith("et ", 0, start)
        sure = shortened or t[start].isupper() or text.lower[start:end] not in _COMMON
        if after and (before or (after["number"] and sure)):
            yield start - before, start + len(t[start : after.end()].rstrip()), 0.7


# "14 Gaivotas Baixo 2": capital words between two numbers, no day of a month.
_MONTH = r"(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?"
_FRAMED = re.compile(
    rf"(?<![\w.,:-])(?!(?:19|20)\d\d\b)(?!\d+ {_MONTH}[ ])\d{{1,4}}[A-Za-z]?[ ]"
    rf"(?=(?:{_SMALL}[ ]){{0,2}}(?:{_CAP}|C/))(?:(?:{_CAP}|{_SMALL}|C/)[ ]){{1,5}}"
    r"\d{1,4}\b\.?(?![,.]\d)"
)
_CLOSE = 10  # characters between two numbers
_YEAR_AT_END = re.compile(r"(?:19|20)\d\d\.?\Z")


@announced_by(digits(1, letters=True))
@_grown
def _between_numbers(text: FoldedText) -> Iterator[_Anchor]:
    t, done = text.text, 0
    for (start, end), (after, _) in pairwise(text.said.numbers):
        if start < done or after - end >= _CLOSE:
            continue
        match = _FRAMED.match(t, start)
        if match and not _YEAR_AT_END.search(match[0]):
            yield start, match.end(), 0.45
        done = match.end() if match else done


# "Leoforos Kifisias 44, 151 25 Marousi": words in capitals, a number, and a code with its city.
_CODE_AND_CITY = Anchored(
    rf"\d{{1,4}}[A-Za-z]?(?:[/-]\d{{1,4}})?,[ ](?!(?:19|20)\d\d\b)(?:[A-Z]{{1,2}}-)?"
    rf"(?:\d{{4,5}}|\d{{3}}[ ]\d{{2}})[ ]{_NEXT_CAP}",
    numbers=True,
)
_MONTH_AT_END = re.compile(rf"\b{_MONTH}[ ]\Z")


@announced_by(digits(4, letters=True))
@_grown
def _before_cities(text: FoldedText) -> Iterator[_Anchor]:
    t = text.text
    for match in _CODE_AND_CITY.find(text.said):
        words = _left(_WORDS_BEFORE, t, match.start(), 72)
        if words and not _MONTH_AT_END.search(t, match.start() - words, match.start()):
            yield match.start() - words, match.end(), 0.7


# "21 Poseok-ro 1050beon-gil", "Teheran-ro 152, Gangnam-gu": Korean roads in Latin letters.
_KOREAN_ROAD = re.compile(
    r"(?:(?<![\w.,-])\d{1,4}(?:-\d{1,4})?,?[ ])?"
    r"(?<![\w-])[A-Z][a-z]{1,20}(?:-?\d{1,3}(?:ga)?)?-(?:daero|ro|gil)\b"
    r"(?:[ ]?\d{1,4}(?:beon|ga|na)?-?gil\b)?(?:,?[ ]\d{1,5}(?:-\d{1,4})?\b(?![ ]?(?:year|day)))?"
    r"(?:,[ ]{1,2}[A-Z][a-z]{1,15}-(?:dong|gu|si|gun|eup|myeon|ri|do)\b){0,4}"
)


@announced_by(parts=["-ro", "-gil", "-daero"])
@_grown
def _korean_roads(text: FoldedText) -> Iterator[_Anchor]:
    for match in _KOREAN_ROAD.finditer(text.text):
        if any(map(str.isdecimal, match[0])) or "-gu" in match[0]:
            yield match.start(), match.end(), 0.7


# Houses, military posts, units and boxes

# "No. 12, 3rd Cross, Indiranagar, Bengaluru 560038": a house, what lies around it, a code.
_HOUSE_WORDS = Cues(["no", "plot", "house", "h", "door", "villa", "blk", "block", "lot"])
_HOUSE = re.compile(
    r"\b(?:No|Plot|House|H\.[ ]?No|Door|Villa|Blk|Block|Lot)\b"
    rf"\.?[ ]?(?:No\.?[ ]?)?{_NUMBER},?[ ]"
    rf"(?:(?:\d{{1,3}}(?:st|nd|rd|th)|{_CAP}|{_SMALL})[ ,]{{1,2}}){{1,10}}"
    r"\d{3}[ ]?\d{2,3}(?!\d)"
)


@announced_by(_HOUSE_WORDS)
@_grown
def _houses(text: FoldedText) -> Iterator[_Anchor]:
    for start, _ in _HOUSE_WORDS.find(text):
        if house := _HOUSE.match(text.text, start):
            yield start, house.end(), 0.6


# "PSC 4120, Box 5512, APO AE 09021"
_MILITARY = Cues(
    f"{office} {region}" for office in ("apo", "fpo", "dpo") for region in ("aa", "ae", "ap")
)
_BEFORE_MILITARY = re.compile(
    r"\b(?:psc|unit|cmr|uss|usns|uscgc|usnv)[ ][\w.' -]{1,24}(?:,?[ ]box[ ]\d{1,6})?,?\s{1,4}\Z"
)
_AFTER_MILITARY = re.compile(r"[ ]\d{5}(?!\d)")


@announced_by(_MILITARY)
@_grown
def _military(text: FoldedText) -> Iterator[_Anchor]:
    for start, end in _MILITARY.find(text):
        before = _left(_BEFORE_MILITARY, text.lower, start, 48)
        after = _AFTER_MILITARY.match(text.text, end)
        if before and after:
            yield start - before, after.end(), 0.8


_UNIT_WORDS = Cues(load("unit_words"))
_BEFORE_BOX = re.compile(r"(?:(?<!\w)P\.? ?O\.? )?\Z", re.IGNORECASE)
_UNIT_AT = re.compile(_UNIT, re.IGNORECASE)
_SURE_UNITS = ("apt", "apartment", "suite", "postbox", "po box", "p.o. box")
_MONTH_IN = re.compile(rf"\b{_MONTH}[ ](?:19|20)\d\d\b")
# A street before a unit: with a number in front, or capital words and numbers in any order.
_NUMBERED_LINE = re.compile(
    rf"(?:(?<=\s)|^){_NUMBER}[ .,](?:{_NO_STREET}[^\s\d]+[ ,]+){{1,6}}(?:{_NUMBER}[ .,]*)?\Z"
)
_NUMBERED_WORDS = re.compile(rf"(?:(?:{_CAP}|{_SMALL}|\d{{1,5}}\.?)[ ,]{{1,2}}){{1,6}}\Z")


@announced_by(_UNIT_WORDS)
@_grown
def _units(text: FoldedText) -> Iterator[_Anchor]:
    t, lower = text.text, _is_lower(text)
    for start, _ in _UNIT_WORDS.find(text):
        unit = _UNIT_AT.match(t, start - _left(_BEFORE_BOX, t, start, 6))
        if unit is None:
            continue
        sure = unit[0].lower().startswith(_SURE_UNITS)
        first = _street_before(t, unit.start())
        if _MONTH_IN.search(t, first, unit.start()):
            continue  # "12 May 2025, Room 4"
        if first < unit.start() or sure:
            yield first, unit.end(), 0.6
        elif lower and _end_of_address(t, unit.end(), lower=lower) > unit.end():
            yield first, unit.end(), 0.6  # "room 4, leeds"; with capitals it has a street before it


# Magnolia Court #12
_DOOR_SIGN = re.compile(r"#\d{1,4}[A-Za-z]?(?![\w-])")
_COURT = re.compile(rf"(?:{_CAP} ){{1,3}}(?P<kind>{_CAP}),? ?\Z")
_COURTS = load("street_words") | load("house_words") | {"house", "apartments", "towers", "estate"}


@announced_by(parts=["#"])
@_grown
def _numbered_courts(text: FoldedText) -> Iterator[_Anchor]:
    t = text.text
    for door in _DOOR_SIGN.finditer(t):
        court = _COURT.search(t, max(0, door.start() - 56), door.start())
        if court and court["kind"].lower() in _COURTS:
            yield court.start(), door.end(), 0.6


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


# What a label or a postcode says

_LABELS = Cues(load("address_labels"))
_OTHER_ADDRESSES = ("ip ", "mac ", "email ", "e-mail ", "mail ", "web ", "network ", "wallet ")
_AFTER_LABEL = re.compile(
    rf"(?: of [^\n:]{{1,40}}?)?(?: is(?: now)?| to|:| -|)[ \t\n]{{0,8}}(?=[{UPPER}\d#])"
)
_LABELLED = re.compile(
    rf"(?:(?:{_NEXT_CAP}|{_SMALL}|and|{_NUMBER}|[^\W\d_]{{2,24}}(?=[ ]\d)|[,#])[ ,]{{0,2}}){{1,14}}"
)
_STATE_ZIP = re.compile(rf"(?<![A-Za-z]){_STATE}[ ]\d{{5}}(?:-\d{{4}})?(?!\d)")
_CITY_BEFORE = re.compile(rf"{_CAP}(?:[ ]{_CAP}){{0,3}},?[ ]\Z")


@announced_by(_LABELS)
@_grown
def _labelled(text: FoldedText) -> Iterator[_Anchor]:
    for start, end in _LABELS.find(text):
        if text.lower.endswith(_OTHER_ADDRESSES, 0, start):
            continue
        label = _AFTER_LABEL.match(text.text, end)
        value = label and _LABELLED.match(text.text, label.end())
        if value and any(map(str.isdecimal, value[0])) and any(map(str.isalpha, value[0])):
            yield value.start(), value.start() + len(value[0].rstrip(" ,.")), 0.7


@announced_by(digits(5, letters=True))
@_grown
def _cities(text: FoldedText) -> Iterator[_Anchor]:
    for match in numbers(_STATE_ZIP, text, digits=5, letters=True):
        city = _left(_CITY_BEFORE, text.text, match.start(), 64)
        yield match.start() - city, match.end(), 0.7


ADDRESSES: tuple[Rule, ...] = (
    _streets_by_suffix,
    _streets_by_ending,
    _streets_by_prefix,
    _between_numbers,
    _before_cities,
    _korean_roads,
    _houses,
    _named_houses,
    _military,
    _units,
    _numbered_courts,
    _labelled,
    _cities,
    _postcodes,
    _named_codes,
)
"""What addresses are known by, each a rule that runs where its signs are."""


# House numbers that only the words around tell

# "my neighbour at number 31", "we live at 12"
_LIVES_AT = Anchored(
    r"\b(?:liv(?:e|es|ing|ed)|neighbou?rs?|house|home|door)(?: [a-z']+){0,2}"
    r" (?:at|number|no\.)(?: (?:number|no\.?))? (?P<number>(?!(?:19|20)\d\d)\d{1,4}[a-z]?)"
    r"(?=[,;!?\n]|\.(?!\d)|\s*\Z| (?:and|but|who|has|is|plays|keeps|with)\b)",
    ["live", "lives", "living", "lived", "neighbour", "neighbours", "neighbor", "neighbors",
     "house", "home", "door"],
    needs=["at", "number", "no"],
)  # fmt: skip


@announced_by(_LIVES_AT)
def find_house_numbers(text: FoldedText) -> Iterator[Finding]:
    """Find the numbers of houses that people live in, without their street."""
    for match in _LIVES_AT.find(text.said):
        yield span(match, "ADDRESS", 0.5, "house_number", "number")
