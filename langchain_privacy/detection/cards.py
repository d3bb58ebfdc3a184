"""Payment cards, IBANs, bank routing numbers."""

# ruff: noqa: E501 - a pattern or a table reads better whole

import re
from collections.abc import Iterator

from stdnum import iban

from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import FoldedText
from langchain_privacy.detection.rules import luhn, near, numbers, span

_CARD = re.compile(r"(?<![\d.-])(?:\d[ .-]?){12,18}\d(?![\d]|[.-]\d)")
_CARD_WORDS = re.compile(r"card|visa|master|amex|\bcc\b|credit|debit|charge|체크카드|신용카드|카드")
# ISO/IEC 7812 ranges in use: American Express, Diners, JCB 3; Visa 4; Mastercard 51-55 and 2221-2720;
# UnionPay 62; Discover 6011, 64, 65; Maestro 50, 56-58, 6; Korean domestic 9.
_BRAND = re.compile(
    r"(?:4\d{12}(?:\d{3}){0,2}|5[0-8]\d{10,17}|2(?:2[2-9]|[3-6]\d|7[01]|720)\d{12,13}|3[47]\d{13}"
    r"|3(?:0|6|8)\d{12}|35\d{14}|6\d{11,18}|9\d{15})\Z"
)
_GROUPS = re.compile(r"\d{4}([ .-])\d{4}\1\d{4}\1\d{4}|\d{4}([ .-])\d{6}\2\d{5}")

# Of thirteen random digits one in thirty looks like an old Visa number: those need a word.
_PLAIN_LENGTHS = (14, 15, 16, 19)


def find_cards(text: FoldedText) -> Iterator[Finding]:
    """Find card numbers: by the Luhn check, or mistyped ones by the word card beside them."""
    for match in numbers(_CARD, text, digits=13):
        digits = "".join(c for c in match[0] if c.isdecimal())
        if not _BRAND.match(digits):
            continue
        named = near(text, match.start(), match.end(), _CARD_WORDS, reach=48)
        shaped = _GROUPS.fullmatch(match[0]) is not None
        plain = match[0].isdecimal() and len(digits) in _PLAIN_LENGTHS
        if luhn(digits) and (named or shaped or plain):
            yield span(match, "CREDIT_CARD", 0.95, "card")
        elif named and len(digits) in (15, 16):
            yield span(match, "CREDIT_CARD", 0.8, "card")


_IBAN_START = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}")
_IBAN = re.compile(
    r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]{2,4}){3,8}[ -]?[A-Za-z0-9]{0,4}"
)


def find_ibans(text: FoldedText) -> Iterator[Finding]:
    """Find IBANs (ISO 13616) with their check digits, in groups or in one piece."""
    done = 0
    for begin in numbers(_IBAN_START, text, digits=2, letters=True):
        match = _IBAN.match(text.text, begin.start()) if begin.start() >= done else None
        if match is None:
            continue
        done = match.end()
        # The groups may have taken words that follow: shorten to the country's own length.
        end = match.end()
        country = match[0][:2].upper()
        length = _iban_length(country)
        if length is None:
            continue
        count = 0
        for index, char in enumerate(match[0]):
            count += char.isalnum()
            if count == length:
                end = match.start() + index + 1
                break
        else:
            continue
        candidate = text.text[match.start() : end]
        if end < len(text.text) and text.text[end].isascii() and text.text[end].isalnum():
            continue
        if iban.is_valid(candidate, check_country=False):
            yield Finding(start=match.start(), end=end, entity_type="IBAN", score=0.97, detector="iban")  # fmt: skip
        elif "iban" in text.lower[max(0, match.start() - 24) : match.start()]:
            yield Finding(start=match.start(), end=end, entity_type="IBAN", score=0.7, detector="iban")  # fmt: skip


# https://www.swift.com/resource/iban-registry-pdf
_LENGTHS = {
    length: countries.split()
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI FO GL NL SD FK", 19: "MK SI", 20: "AT BA EE KZ LT LU XK MN",
        21: "CH HR LI LV", 22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ TL SO OM",
        24: "AD CZ ES MD PK RO SA SE SK TN VG DZ", 25: "AO CV GW LY MZ PT ST",
        26: "IS TR", 27: "BI DJ FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HU LB NI PL SV",
        29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC", 32: "LC", 33: "RU",
    }.items()
}  # fmt: skip
_LENGTH_OF = {country: length for length, countries in _LENGTHS.items() for country in countries}


def _iban_length(country: str) -> int | None:
    return _LENGTH_OF.get(country)
