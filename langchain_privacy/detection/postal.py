"""The parts of a postal address in Latin script, and how far one reaches."""

# ruff: noqa: E501 - a pattern or a table reads better whole

import re

from langchain_privacy.detection.folded import UPPER
from langchain_privacy.detection.gazetteer import load

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
