r"""Korean numbers of people, companies, accounts and vehicles.

A hyphen and six plausible digits prove little: of random digit strings of the same shape, 1.9 %
hold a possible birth date and 10 % pass any of the check digits. So what is not checked by its own
digits needs a word beside it; `docs/detection.md` says what that gives and costs. `defaults` puts
the rules into a detector.

    >>> from langchain_privacy.detection.folded import fold
    >>> from langchain_privacy.detection.shapes import find_any_of
    >>> text = "임차인 홍길동 (900101-1234567)"
    >>> found = find_any_of(*KOREAN_NUMBERS)(fold(text))
    >>> [(f.entity_type, text[f.start : f.end]) for f in found]
    [('KR_RRN', '900101-1234567')]
"""

import datetime as dt
import re
from collections.abc import Iterator, Sequence

from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import HANGUL, FoldedText
from langchain_privacy.detection.korean.people import ONE_SYLLABLE_FAMILY
from langchain_privacy.detection.rules import announced_by, near, numbers, span
from langchain_privacy.detection.shapes import Number, Verdict, always, beside, digits_of

# Resident and foreigner registration numbers

_BIRTH = r"\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_RRN = re.compile(
    rf"(?<![\d-])(?P<date>{_BIRTH})(?P<mark>\s?[-.~_]\s?|\s{{1,2}}|)(?P<rest>\d{{7}})(?![\d]|-\d)"
)
_RRN_HIDDEN = re.compile(rf"(?<![\d-]){_BIRTH}\s?-\s?[0-9][*xX●•]{{6}}")  # "850302-2******"
_RESIDENT_WORDS = re.compile(
    r"주민|외국인|거소신고|신분증|생년월일|\brrn\b|\bfrn\b|\barc\b"
    r"|resident reg|alien reg|foreigner reg|registration n"
)
_NOT_RESIDENT = re.compile(
    r"(?:주문|송장|운송장|상품|바코드|법인|일련|serial|order|isbn|barcode|tracking)\D{0,12}$"
)
# A name and a mark that sets off a field: "홍길동 (", "마동수 씨, ".
_PERSON_BEFORE = re.compile(
    rf"(?:^|[\s:(,])[{ONE_SYLLABLE_FAMILY}][가-힣]{{1,3}}\s?(?:씨|님)?\s?[(,/]\s?$"
)
# Since 5 October 2020 the last six digits are drawn at random (resident registration rules,
# art. 2): a check digit that fails proves nothing for whoever was registered, or got a new number,
# since.
_RANDOM_SINCE = dt.date(2020, 10, 5)
_CENTURY = {
    digit: century
    for century, digits in ((1800, "90"), (1900, "1256"), (2000, "3478"))
    for digit in digits
}
_FOREIGN = "5678"


def _is_resident_number(text: FoldedText, match: re.Match[str]) -> Verdict:
    """Say whether a number is of a resident (KR_RRN) or of a foreigner (KR_FRN).

    It is when its date is real and not in the future and, besides, its check digit holds, or its
    holder was born after the digits became random, or a word or a name beside it says so.
    """
    digits = match["date"] + match["rest"]
    born = _birth_date(digits)
    if born is None:
        return None
    before = text.text[max(0, match.start() - 24) : match.start()]
    kind = "KR_FRN" if digits[6] in _FOREIGN else "KR_RRN"
    if near(text, match.start(), match.end(), _RESIDENT_WORDS, reach=40):
        return kind, 0.95
    if _NOT_RESIDENT.search(before.lower()) or born.year < 1900:
        return None
    if _resident_check(digits, kind):
        return kind, 0.95 if match["mark"] else 0.85
    return (kind, 0.85) if born >= _RANDOM_SINCE or _PERSON_BEFORE.search(before) else None


RESIDENT = Number("resident_number", _RRN, 13, _is_resident_number)


def _birth_date(digits: str) -> dt.date | None:
    year = _CENTURY[digits[6]] + int(digits[:2])
    try:
        born = dt.date(year, int(digits[2:4]), int(digits[4:6]))
    except ValueError:
        return None
    return born if born <= dt.date.today() else None  # noqa: DTZ011 - a day more or less


def _resident_check(digits: str, kind: str) -> bool:
    weighted = _weighted(digits, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5))
    return ((13 if kind == "KR_FRN" else 11) - weighted % 11) % 10 == int(digits[12])


def _weighted(digits: str, weights: Sequence[int]) -> int:
    """Add up the first digits, each times its weight."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


# Business and corporate registration numbers

_BRN = re.compile(r"(?<![\d-])\d{3}([- ]?)\d{2}\1\d{5}(?![\d]|-\d)")
_BUSINESS_WORDS = re.compile(
    r"사업자|등록번호|세금계산서|상호|공급자|공급받는|가맹점|\bbrn\b|business reg|business n|tax id"
)
_CRN = re.compile(r"(?<![\d-])\d{6}(-?)\d{7}(?![\d]|-\d)")
_CORPORATE_WORDS = re.compile(
    r"법인|\bcrn\b|corporate reg|corporation reg|주식회사|유한회사|\(주\)|㈜"
)


def _is_business_number(text: FoldedText, match: re.Match[str]) -> Verdict:
    if not near(text, match.start(), match.end(), _BUSINESS_WORDS, reach=32):
        return None
    if _business_check(digits_of(match)):
        return "KR_BRN", 0.95
    return ("KR_BRN", 0.6) if match[1] else None


def _is_corporate_number(text: FoldedText, match: re.Match[str]) -> Verdict:
    if not near(text, match.start(), match.end(), _CORPORATE_WORDS, reach=40):
        return None
    if _corporate_check(digits_of(match)):
        return "KR_CRN", 0.95
    named = "법인" in text.text[max(0, match.start() - 24) : match.start()]
    return ("KR_CRN", 0.6) if named else None


def _business_check(digits: str) -> bool:
    weighted = _weighted(digits, (1, 3, 7, 1, 3, 7, 1, 3, 5))
    return (10 - (weighted + int(digits[8]) * 5 // 10) % 10) % 10 == int(digits[9])


def _corporate_check(digits: str) -> bool:
    return (10 - _weighted(digits, (1, 2) * 6) % 10) % 10 == int(digits[12])


# Numbers that a word beside them names

_REGION = "서울|부산|대구|인천|광주|대전|울산|경기|강원|충북|충남|전북|전남|경북|경남|제주"
_LICENCE = re.compile(
    r"(?<![\d-])(?:1[1-9]|2[0-6]|28)([- ]?)\d{2}\1\d{6}\1\d{2}(?![\d]|-\d)"  # "11-15-123456-01"
    rf"|(?:{_REGION})\s?\d{{2}}[- ]\d{{6}}[- ]\d{{2}}(?!\d)"  # "서울 15-123456-01"
)
_LICENCE_WORDS = re.compile(r"면허|운전|licen[cs]e|driver")
_PASSPORT = re.compile(r"(?<![A-Za-z0-9])(?:[MSRODGT]\d{8}|[MSROD]\d{3}[A-Z]\d{4})(?![A-Za-z0-9])")
_PASSPORT_WORDS = re.compile(r"여권|passport")
_INSURANCE = re.compile(r"(?<![\d-])\d-?\d{10}(?![\d]|-\d)")
_INSURANCE_WORDS = re.compile(r"보험|건보|자격\s?번호|증\s?번호|피부양자|health insurance")
_CUSTOMS = re.compile(r"(?<![A-Za-z0-9])P\d{12}(?!\d)")
_CUSTOMS_WORDS = re.compile(r"통관|pccc|customs")
_ACCOUNT = re.compile(
    r"(?<![\d-])\d{2,6}(?:-\d{2,8}){1,4}(?:-\d)?(?![\d-])|(?<![\d-])\d{10,16}(?![\d-])"
)
_ACCOUNT_WORDS = re.compile(
    r"계좌|은행|뱅크|입금|송금|이체|예금주|예금|통장|농협|신협|수협|새마을금고|우체국|증권"
    r"|[가-힣]뱅(?![가-힣])"  # "카뱅", "케뱅"
    r"|\b(?:bank|account|acct)\b"
)
# What one does to an account and to no telephone: these begin with 0.
_PAID_TO = re.compile(r"[ ]?(?:으로|로|에)[ ]?(?:보내|부쳐|부치|넣어|쏴|쏠)")
_NOT_ACCOUNT = re.compile(
    r"(?:주민|사업자|법인|전화|연락처|휴대폰|카드|주문|송장|면허|팩스)\D{0,12}$"
)


def _is_account(text: FoldedText, match: re.Match[str]) -> Verdict:
    """Believe a number of 10 to 16 digits with a bank or a word for account near it."""
    if not 10 <= len(digits_of(match)) <= 16:
        return None
    if _NOT_ACCOUNT.search(text.text[max(0, match.start() - 20) : match.start()]):
        return None
    paid = match[0][0] != "0" and _PAID_TO.match(text.text, match.end())
    named = paid or near(text, match.start(), match.end(), _ACCOUNT_WORDS, reach=28)
    return ("BANK_ACCOUNT", 0.8) if named else None


# Telephone numbers in words: "공일공 팔팔이이 삼사오육"

_DIGIT = "[공영빵일이삼사오육륙칠팔구]"
_STEP = r"(?:[ ,.-]{1,2}|에[ ]?|다시[ ]?)?"
_SPOKEN = re.compile(
    # eight digits behind that of a mobile, seven or eight behind that of a region
    rf"(?<![가-힣])[공영](?:일{_STEP}[공영일육칠팔구](?:{_STEP}{_DIGIT}){{8}}"
    rf"|이(?:{_STEP}{_DIGIT}){{7,8}}|[삼사오육]{_STEP}[일이삼사오](?:{_STEP}{_DIGIT}){{7,8}})"
)


@announced_by(HANGUL)
def find_spoken_phones(text: FoldedText) -> Iterator[Finding]:
    """Find telephone numbers whose digits are written as words."""
    for match in _SPOKEN.finditer(text.text):
        yield span(match, "PHONE", 0.8, "spoken_phone")


# Vehicle plates

_PLATE = re.compile(
    rf"(?<![\d가-힣제])(?:(?:{_REGION}|세종)\s?)?\d{{2,3}}\s?"
    # the syllable says the use: private,
    r"[가나다라마거너더러머버서어저고노도로모보소오조구누두루무부수우주"
    # commercial, parcel, rental, military
    r"아바사자배허하호국합육해공]"
    r"\s?\d{4}"
    # a unit behind it makes it an amount
    r"(?![ ]?(?:원|명|년|개|회|만|억|천|조|동|호|대|건|km|kg|점|월|일|시|인(?![데가지])|세|석|가구"
    r"|세대|㎡|평|주(?!차))"
    r"|[\d,.-]\d|\d)"
)


@announced_by(HANGUL)
def find_plates(text: FoldedText) -> Iterator[Finding]:
    """Find vehicle plates (KR_PLATE), unless a unit follows that makes them an amount."""
    for match in numbers(_PLATE, text, digits=6):
        yield span(match, "KR_PLATE", 0.8, "plate")


KOREAN_NUMBERS = (
    RESIDENT,
    Number("resident_number", _RRN_HIDDEN, 7, always("KR_RRN", 0.8)),
    Number("company_number", _BRN, 10, _is_business_number),
    Number("company_number", _CRN, 13, _is_corporate_number),
    Number("korean_number", _LICENCE, 10, beside(_LICENCE_WORDS, "KR_DRIVER_LICENSE", 0.9)),
    Number(
        *("korean_number", _PASSPORT, 7, beside(_PASSPORT_WORDS, "KR_PASSPORT", 0.9)),
        behind_letter=True,
    ),
    Number("korean_number", _INSURANCE, 11, beside(_INSURANCE_WORDS, "KR_HEALTH_INSURANCE", 0.9)),
    Number(
        *("korean_number", _CUSTOMS, 12, beside(_CUSTOMS_WORDS, "KR_CUSTOMS_CODE", 0.9)),
        behind_letter=True,
    ),
    Number("korean_account", _ACCOUNT, 10, _is_account),
)
"""What is known by its shape."""
