r"""Numbers that states give to people, to companies and to vehicles.

Their shape decides where nothing else looks like it, and their check digits (python-stdnum). What
has neither is found beside the label that names it (`numbers`).

    >>> from langchain_privacy.detection.folded import digits, fold
    >>> text = "SSN 123-45-6789, CPF 123.456.789-09"
    >>> [f.entity_type for f in find_social_security_numbers(fold(text))]
    ['US_SSN']
    >>> [text[f.start : f.end] for f in find_national_numbers(fold(text))]
    ['123.456.789-09']
"""

import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any

from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import FoldedText, digits
from langchain_privacy.detection.rules import announced_by, near, numbers, span

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


@announced_by(digits(9))
def find_social_security_numbers(text: FoldedText) -> Iterator[Finding]:
    """Find US social security numbers and ITINs; without hyphens only beside a word for them."""
    for match in numbers(_SSN, text, digits=9):
        named = near(text, match.start(), match.end(), _SSN_WORDS, reach=40)
        if match["mark"] in ("-", None) or named:
            yield span(match, "US_SSN", 0.95 if named else 0.9, "ssn")


_NINO = re.compile(
    r"(?<![A-Za-z0-9])"
    r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]"  # prefixes in use
    r" ?\d{2} ?\d{2} ?\d{2} ?[A-D](?![A-Za-z0-9])"
)


@announced_by(digits(6, letters=True))
def find_national_insurance_numbers(text: FoldedText) -> Iterator[Finding]:
    """Find UK national insurance numbers (HMRC NIM39110)."""
    for match in numbers(_NINO, text, digits=6, letters=True):
        yield span(match, "UK_NINO", 0.85, "nino")


# DVLA marks since September 2001; without a space only beside a word for a vehicle.
_UK_PLATE = re.compile(
    r"(?<![A-Za-z0-9-])[A-HJ-PR-Y]{2}\d{2}(?P<gap>[ ]?)[A-HJ-PR-Z]{3}(?![A-Za-z0-9-])"
)
_VEHICLE_WORDS = re.compile(
    r"\breg(?:istration|n)?\b|plate|vehicle|\bcar\b|\bvan\b|number mark|driv|vauxhall|ford|parking"
)


@announced_by(digits(2, letters=True))
def find_british_plates(text: FoldedText) -> Iterator[Finding]:
    """Find vehicle registration marks of the United Kingdom."""
    for match in numbers(_UK_PLATE, text, digits=2, letters=True):
        if match["gap"] or near(text, match.start(), match.end(), _VEHICLE_WORDS, reach=40):
            yield span(match, "UK_PLATE", 0.7, "british_plate")


# Other countries: module of python-stdnum that checks the number, and its shape. Each is rare
# enough to be believed without a word: letters at fixed places, marks that only it has, or a date.
_SHAPES = (
    ("es.nif", r"[XYZ]-?\d{7}-?[A-Z]|\d{8}-?[A-HJ-NP-TV-Z]"),
    ("it.codicefiscale", r"[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]"),
    ("mx.curp", r"[A-Z]{4}\d{6}[HMX][A-Z]{5}[A-Z0-9]\d"),
    ("in_.pan", r"[A-Z]{3}[ABCFGHLJPT][A-Z]\d{4}[A-Z]"),
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
_NATIONAL = re.compile(
    r"(?<![A-Za-z0-9_.-])(?:"
    + "|".join(shape for _, shape in _SHAPES)
    + r")(?![A-Za-z0-9_]|[.-][A-Za-z0-9])"
)
_CHECKS = tuple((module, re.compile(shape)) for module, shape in _SHAPES)
_NRIC = re.compile(r"(?<![A-Za-z0-9_.-])[STFGM]\d{7}[A-Z](?![A-Za-z0-9_-])")


@announced_by(digits(4))
def find_national_numbers(text: FoldedText) -> Iterator[Finding]:
    """Find personal and tax numbers of other countries by their shape and their check digits."""
    for match in numbers(_NATIONAL, text, digits=4):
        if any(
            shape.fullmatch(match[0]) and _checker(module).is_valid(match[0])
            for module, shape in _CHECKS
        ):
            yield span(match, "ID", 0.55, "national")
    for match in numbers(_NRIC, text, digits=7, letters=True):
        if _is_nric(match[0]):
            yield span(match, "ID", 0.55, "national")


@cache
def _checker(module: str) -> Any:
    return import_module(f"stdnum.{module}")


def _is_nric(number: str) -> bool:
    """Check the letter of an identity card of Singapore."""
    total = sum(int(d) * w for d, w in zip(number[1:8], (2, 7, 6, 5, 4, 3, 2), strict=True))
    total += {"T": 4, "G": 4, "M": 3}.get(number[0], 0)
    letters = "JZIHGFEDCBA" if number[0] in "ST" else "XWUTRQPNMLK"
    return number[8] == letters[total % 11] or (number[0] == "M" and number[8].isalpha())
