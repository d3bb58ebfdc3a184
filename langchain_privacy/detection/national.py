r"""Numbers that states give to people, to companies and to vehicles.

Their shape decides where nothing else looks like it, and their check digits (python-stdnum). What
has neither is found beside the label that names it (`numbers`); Korea's are in `korean.numbers`.

    >>> from langchain_privacy.detection.folded import fold
    >>> from langchain_privacy.detection.shapes import find_any_of
    >>> text = "SSN 123-45-6789, CPF 123.456.789-09"
    >>> found = find_any_of(*NATIONAL)(fold(text))
    >>> [(f.entity_type, text[f.start : f.end]) for f in found]
    [('US_SSN', '123-45-6789'), ('ID', '123.456.789-09')]
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache, partial
from importlib import import_module
from typing import Any

from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import FoldedText
from langchain_privacy.detection.rules import Cues, announced_by, near, span
from langchain_privacy.detection.shapes import Judge, Number, Verdict, always

# The United States and the United Kingdom

_SSN = re.compile(
    r"(?<![\d.-])(?:"
    # SSA: no area 000, 666 or 900-999, no group 00, no serial 0000
    r"(?!000|666|9)\d{3}(?P<mark>[ .-]?)(?!00)\d{2}(?P=mark)(?!0000)\d{4}"
    # ITIN (IRS): 9xx with group 50-65, 70-88, 90-92, 94-99
    r"|9\d{2}-(?:5\d|6[0-5]|7\d|8[0-8]|9[0-24-9])-\d{4}"
    r")(?![\d]|[.-]\d)"
)
_SSN_WORDS = re.compile(r"\bssn\b|social sec|soc\.? sec|\bitin\b|tax(?:payer)? id|사회보장")


def _is_ssn(text: FoldedText, match: re.Match[str]) -> Verdict:
    """Believe hyphens; without them only a word beside it."""
    named = near(text, match.start(), match.end(), _SSN_WORDS, reach=40)
    if match["mark"] in ("-", None) or named:
        return "US_SSN", 0.95 if named else 0.9
    return None


SOCIAL_SECURITY = Number("ssn", _SSN, 9, _is_ssn)

# HMRC NIM39110
_NINO = Number(
    "nino",
    re.compile(
        r"(?<![A-Za-z0-9])"
        r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]"  # prefixes in use
        r" ?\d{2} ?\d{2} ?\d{2} ?[A-D](?![A-Za-z0-9])"
    ),
    6,
    always("UK_NINO", 0.85),
)


# DVLA marks since September 2001; without a space only beside a word for a vehicle.
_UK_PLATE = re.compile(
    r"(?<![A-Za-z0-9-])[A-HJ-PR-Y]{2}\d{2}(?P<gap>[ ]?)[A-HJ-PR-Z]{3}(?![A-Za-z0-9-])"
)
_VEHICLE_WORDS = re.compile(
    r"\breg(?:istration|n)?\b|plate|vehicle|\bcar\b|\bvan\b|number mark|driv|vauxhall|ford|parking"
)


def _is_british_plate(text: FoldedText, match: re.Match[str]) -> Verdict:
    named = match["gap"] or near(text, match.start(), match.end(), _VEHICLE_WORDS, reach=40)
    return ("UK_PLATE", 0.7) if named else None


_BRITISH_PLATE = Number("british_plate", _UK_PLATE, 2, _is_british_plate, behind_letter=True)

# Other countries: module of python-stdnum that checks the number, and its shape. Each is rare
# enough to be believed without a word: letters at fixed places, marks that only it has, or a date.
_BEHIND_LETTERS = (
    ("it.codicefiscale", r"[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]"),
    ("mx.curp", r"[A-Z]{4}\d{6}[HMX][A-Z]{5}[A-Z0-9]\d"),
    ("in_.pan", r"[A-Z]{3}[ABCFGHLJPT][A-Z]\d{4}[A-Z]"),
)
_OF_DIGITS = (
    ("es.nif", r"[XYZ]-?\d{7}-?[A-Z]|\d{8}-?[A-HJ-NP-TV-Z]"),
    ("ie.pps", r"\d{7}[A-W][ABHTWX]?"),
    ("fi.hetu", r"\d{6}[-+A-FU-Y]\d{3}[0-9A-FHJ-NPR-Y]"),
    ("cn.ric", r"[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])[0-3]\d{4}[\dX]"),
    ("fr.nir", r"[12] ?\d{2} ?(?:0[1-9]|1[0-2]|[2-9]\d) ?\d[\dAB] ?\d{3} ?\d{3} ?\d{2}"),
    ("br.cpf", r"\d{3}\.\d{3}\.\d{3}-\d{2}"),
    ("br.cnpj", r"\d{2}\.\d{3}\.\d{3}/\d{4}-\d{2}"),
    ("cl.rut", r"\d{1,2}\.\d{3}\.\d{3}-[\dK]"),
    ("be.nn", r"\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}"),
    ("ch.ssn", r"756[. ]\d{4}[. ]\d{4}[. ]\d{2}"),
    ("se.personnummer", r"(?:\d{2})?\d{6}[-+]\d{4}"),
    ("cz.rc", r"\d{6}/\d{3,4}"),
    ("no.fodselsnummer", r"\d{6} \d{5}"),
    ("in_.aadhaar", r"[2-9]\d{3} \d{4} \d{4}"),
)
_NRIC = re.compile(r"(?<![A-Za-z0-9_.-])[STFGM]\d{7}[A-Z](?![A-Za-z0-9_-])")


def _any_shape(shapes: Sequence[tuple[str, str]]) -> re.Pattern[str]:
    return re.compile(
        r"(?<![A-Za-z0-9_.-])(?:"
        + "|".join(shape for _, shape in shapes)
        + r")(?![A-Za-z0-9_]|[.-][A-Za-z0-9])"
    )


def _proven(shapes: Sequence[tuple[str, str]]) -> Judge:
    """Believe the check digits of a country whose shape a match has."""
    return partial(_is_proven, [(module, re.compile(shape)) for module, shape in shapes])


def _is_proven(
    shapes: Sequence[tuple[str, re.Pattern[str]]], _text: FoldedText, match: re.Match[str]
) -> Verdict:
    proven = any(
        shape.fullmatch(match[0]) and _checker(module).is_valid(match[0])
        for module, shape in shapes
    )
    return ("ID", 0.55) if proven else None


@cache
def _checker(module: str) -> Any:
    return import_module(f"stdnum.{module}")


def _is_nric(_text: FoldedText, match: re.Match[str]) -> Verdict:
    """Check the letter of an identity card of Singapore."""
    number = match[0]
    total = sum(int(d) * w for d, w in zip(number[1:8], (2, 7, 6, 5, 4, 3, 2), strict=True))
    total += {"T": 4, "G": 4, "M": 3}.get(number[0], 0)
    letters = "JZIHGFEDCBA" if number[0] in "ST" else "XWUTRQPNMLK"
    return ("ID", 0.55) if number[8] == letters[total % 11] or number[0] == "M" else None


# Plates of other countries, behind the word for one: shapes of products are like them.
_PLATES = Cues(
    ["kennzeichen", "kfz-kennzeichen", "matrícula", "matricula", "matriculado", "placa", "placas",
     "immatriculation", "immatriculé", "immatriculée", "plaque", "targa", "chapa"]
)  # fmt: skip
_PLATE = re.compile(
    r"[^\d\n]{0,16}?(?<![\w-])(?P<plate>[A-ZÄÖÜ]{1,3}[- ][A-Z]{1,2}[ -]?\d{1,4}[EH]?"  # Germany
    r"|\d{4}[ -]?[BCDFGHJ-NPRSTV-Z]{3}"  # Spain
    r"|[A-Z]{2}[- ]?\d{3}[- ]?[A-Z]{2}"  # France, Italy
    r"|\d\d-[A-Z]{2}-\d\d|[A-Z]{2}-\d\d-[A-Z]{2}|[A-Z]{2}-\d\d-\d\d|\d\d-\d\d-[A-Z]{2}"  # Portugal
    r"|[A-Z]{3}-?\d[A-Z\d]\d{2})(?![\w-])"  # Brazil
)


@announced_by(_PLATES)
def find_plates_elsewhere(text: FoldedText) -> Iterator[Finding]:
    """Find plates of vehicles behind the word for one in German and the Romance languages."""
    for _, end in _PLATES.find(text):
        if plate := _PLATE.match(text.text, end):
            yield span(plate, "ID", 0.7, "plate", "plate")


NATIONAL = (
    SOCIAL_SECURITY,
    _NINO,
    _BRITISH_PLATE,
    Number("national", _any_shape(_OF_DIGITS), 7, _proven(_OF_DIGITS)),
    Number(
        *("national", _any_shape(_BEHIND_LETTERS), 4, _proven(_BEHIND_LETTERS)), behind_letter=True
    ),
    Number("national", _NRIC, 7, _is_nric, behind_letter=True),
)
"""What is known by its shape."""
