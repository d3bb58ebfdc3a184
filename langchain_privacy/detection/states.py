"""Structured numbers of the United States and the United Kingdom."""

# ruff: noqa: E501 - a pattern or a table reads better whole

import re
from collections.abc import Iterator

from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import FoldedText
from langchain_privacy.detection.rules import near, numbers, span

# SSA: no area 000, 666 or 900-999, no group 00, no serial 0000. ITIN (IRS): 9xx with group 50-65,
# 70-88, 90-92, 94-99.
_SSN = re.compile(
    r"(?<![\d.-])(?:(?!000|666|9)\d{3}(?P<mark>[ .-]?)(?!00)\d{2}(?P=mark)(?!0000)\d{4}"
    r"|9\d{2}-(?:5\d|6[0-5]|7\d|8[0-8]|9[0-24-9])-\d{4})(?![\d]|[.-]\d)"
)
_SSN_WORDS = re.compile(r"\bssn\b|social sec|soc\.? sec|\bitin\b|tax(?:payer)? id|사회보장")


def find_social_security_numbers(text: FoldedText) -> Iterator[Finding]:
    """Find US social security numbers and ITINs; without hyphens only beside a word for them."""
    for match in numbers(_SSN, text, digits=9):
        named = near(text, match.start(), match.end(), _SSN_WORDS, reach=40)
        if match["mark"] in ("-", None) or named:
            yield span(match, "US_SSN", 0.95 if named else 0.9, "ssn")


_ROUTING = re.compile(r"(?<!\d)\d{4}-?\d{4}-?\d(?!\d)")
_ROUTING_WORDS = re.compile(r"routing|\baba\b|\brtn\b|transit n")


def find_routing_numbers(text: FoldedText) -> Iterator[Finding]:
    """Find ABA routing numbers beside their word; the check digit raises the score."""
    for match in numbers(_ROUTING, text, digits=9):
        if not near(text, match.start(), match.end(), _ROUTING_WORDS, reach=32):
            continue
        d = [int(c) for c in match[0] if c.isdigit()]
        total = 3 * (d[0] + d[3] + d[6]) + 7 * (d[1] + d[4] + d[7]) + d[2] + d[5] + d[8]
        yield span(match, "US_ROUTING", 0.9 if total % 10 == 0 else 0.75, "routing")


# DVLA marks since September 2001; without a space only beside a word for a vehicle.
_UK_PLATE = re.compile(
    r"(?<![A-Za-z0-9-])[A-HJ-PR-Y]{2}\d{2}(?P<gap>[ ]?)[A-HJ-PR-Z]{3}(?![A-Za-z0-9-])"
)
_VEHICLE_WORDS = re.compile(
    r"\breg(?:istration|n)?\b|plate|vehicle|\bcar\b|\bvan\b|number mark|driv|vauxhall|ford|parking"
)


def find_british_plates(text: FoldedText) -> Iterator[Finding]:
    """Find vehicle registration marks of the United Kingdom."""
    for match in numbers(_UK_PLATE, text, digits=2, letters=True):
        if match["gap"] or near(text, match.start(), match.end(), _VEHICLE_WORDS, reach=40):
            yield span(match, "UK_PLATE", 0.7, "british_plate")


_NINO = re.compile(
    r"(?<![A-Za-z0-9])(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D](?![A-Za-z0-9])"
)


def find_national_insurance_numbers(text: FoldedText) -> Iterator[Finding]:
    """Find UK national insurance numbers (HMRC NIM39110)."""
    for match in numbers(_NINO, text, digits=6, letters=True):
        yield span(match, "UK_NINO", 0.85, "nino")
