r"""Numbers and dates that stand for a person, an account or a machine.

Each rule trusts what its kind of number gives: a check digit (cards, IBANs), ranges that were never
issued (social security numbers), a word beside it (routing numbers), or the label of a form, which
names the type of whatever follows. `defaults` puts the rules into a detector; Korean numbers have
a file of their own.

    >>> from langchain_privacy.detection.folded import LONG_WORD, digits, fold
    >>> text = "Account number: 4028-7719-3305"
    >>> [(f.entity_type, text[f.start : f.end]) for f in find_labelled_numbers(fold(text))]
    [('BANK_ACCOUNT', '4028-7719-3305')]
"""

import ipaddress
import re
from collections.abc import Iterator

from stdnum import bitcoin, iban

from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import LONG_WORD, FoldedText, digits
from langchain_privacy.detection.rules import Cues, announced_by, finding, near, span
from langchain_privacy.detection.shapes import Number, Verdict, always, digits_of
from langchain_privacy.words import load

# Payment cards

_CARD = re.compile(r"(?<![A-Za-z0-9_.-])(?:\d[ .-]?){12,18}\d(?![A-Za-z0-9_]|[.]\d|-[A-Za-z0-9])")
_CARD_WORDS = re.compile(r"card|visa|master|amex|\bcc\b|credit|debit|charge|체크카드|신용카드|카드")
_BRAND = re.compile(  # ranges of ISO/IEC 7812 that are in use
    r"(?:4\d{12}(?:\d{3}){0,2}"  # Visa
    r"|5[0-8]\d{10,17}"  # Mastercard 51-55, Maestro 50 and 56-58
    r"|2(?:2[2-9]|[3-6]\d|7[01]|720)\d{12,13}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|3(?:0|6|8)\d{12}"  # Diners
    r"|35\d{14}"  # JCB
    r"|6\d{11,18}"  # UnionPay 62, Discover 6011, 64 and 65, Maestro
    r"|9\d{15})\Z"  # Korean domestic
)
_GROUPS = re.compile(r"\d{4}([ .-])\d{4}\1\d{4}\1\d{4}|\d{4}([ .-])\d{6}\2\d{5}")
# Of thirteen random digits one in thirty looks like an old Visa number: those need a word.
_PLAIN_LENGTHS = (14, 15, 16, 19)


def _is_card(text: FoldedText, match: re.Match[str]) -> Verdict:
    """Believe the Luhn check, or for a mistyped number the word card beside it."""
    digits = digits_of(match)
    if not _BRAND.match(digits):
        return None
    named = near(text, match.start(), match.end(), _CARD_WORDS, reach=48)
    shaped = _GROUPS.fullmatch(match[0]) is not None
    plain = match[0].isdecimal() and len(digits) in _PLAIN_LENGTHS
    if _luhn(digits) and (named or shaped or plain):
        return "CREDIT_CARD", 0.95
    return ("CREDIT_CARD", 0.8) if named and len(digits) in (15, 16) else None


CARD = Number("card", _CARD, 13, _is_card)


def _luhn(digits: str) -> bool:
    """Check the last digit as ISO/IEC 7812-1, annex B."""
    total = 0
    for index, char in enumerate(reversed(digits)):
        value = ord(char) - 48
        if index % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0


# Bank accounts: IBANs (ISO 13616) and American routing numbers

_IBAN = re.compile(
    r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]{2,4}){3,8}[ -]?[A-Za-z0-9]{0,4}"
)
_NO_GROUP = re.compile(r"(?:[ -]+[A-Za-z]+)*[ -]*\Z")  # words that follow a number
# https://www.swift.com/resource/iban-registry-pdf
_COUNTRIES_BY_LENGTH = {
    15: "NO", 16: "BE", 18: "DK FI FO GL NL SD FK", 19: "MK SI", 20: "AT BA EE KZ LT LU XK MN",
    21: "CH HR LI LV", 22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ TL SO OM",
    24: "AD CZ ES MD PK RO SA SE SK TN VG DZ", 25: "AO CV GW LY MZ PT ST",
    26: "IS TR", 27: "BI DJ FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HU LB NI PL SV",
    29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC", 32: "LC", 33: "RU",
}  # fmt: skip
_IBAN_LENGTHS = {
    country: length
    for length, countries in _COUNTRIES_BY_LENGTH.items()
    for country in countries.split()
}


@announced_by(digits(2, letters=True))
def find_ibans(text: FoldedText) -> Iterator[Finding]:
    """Find IBANs by their check digits, in groups or whole, and mistyped ones by the word IBAN."""
    done = 0
    for digits_begin, _ in text.said.numbers:
        begin = digits_begin - 2  # behind the letters of the country
        match = _IBAN.match(text.text, begin) if begin >= done else None
        if match is None:
            continue
        done = match.end()
        end = _iban_end(match)
        if "iban" in text.lower[max(0, match.start() - 24) : match.start()]:
            end = max(end, match.start() + len(_NO_GROUP.sub("", match[0])))
        after = text.text[end : end + 1]
        if end < 0 or (after.isascii() and after.isalnum()):
            continue
        if iban.is_valid(text.text[match.start() : end], check_country=False):
            yield finding(match.start(), end, "IBAN", 0.97, "iban")
        elif "iban" in text.lower[max(0, match.start() - 24) : match.start()]:
            yield finding(match.start(), end, "IBAN", 0.7, "iban")


# What is written like an IBAN and is none, as from a country that has none. People write `US12...`
# and mistype digits; what has two capitals and 18 digits or more is an account or another serial of
# somebody's, whatever its check digits say.
_UNPROVEN_IBAN = Number(
    "iban",
    re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{18,30}(?![A-Za-z0-9])"),
    18,
    always("IBAN", 0.6),
    behind_letter=True,
)


def _iban_end(match: re.Match[str]) -> int:
    """Return where a country's own length ends: the groups may have taken words that follow.

    It is -1 when no country has such a beginning, or the text is too short for it.
    """
    left = _IBAN_LENGTHS.get(match[0][:2].upper(), 0)
    for index, char in enumerate(match[0]):
        left -= char.isalnum()
        if left == 0:
            return match.start() + index + 1
    return -1


_ROUTING_WORDS = re.compile(r"routing|\baba\b|\brtn\b|transit n")


def _is_routing_number(text: FoldedText, match: re.Match[str]) -> Verdict:
    """Believe a word beside it; the check digit raises the score."""
    if not near(text, match.start(), match.end(), _ROUTING_WORDS, reach=32):
        return None
    d = [int(c) for c in digits_of(match)]
    total = 3 * (d[0] + d[3] + d[6]) + 7 * (d[1] + d[4] + d[7]) + d[2] + d[5] + d[8]
    return "US_ROUTING", 0.9 if total % 10 == 0 else 0.75


_ROUTING = Number("routing", re.compile(r"(?<!\d)\d{4}-?\d{4}-?\d(?!\d)"), 9, _is_routing_number)

# A British account behind its sort code, and the last digits of a card or an account.
_SORT_CODE = Number(
    "sort_code",
    re.compile(r"(?<![\d-])\d\d-\d\d-\d\d[ ,/]{1,3}\d{8}(?!\d)"),
    14,
    always("BANK_ACCOUNT", 0.7),
)
_LAST = Cues(["ending", "ends", "last four", "last 4", "끝자리", "뒷자리"])
_OF_WHAT = re.compile(r"(?P<card>card|visa|mastercard|amex|카드)|account|acct|계좌")
_LAST_DIGITS = re.compile(
    r"(?:[ ](?:in|with|digits|are|is|of)){0,3}[가는은이]?[ :]{1,3}"
    r"(?P<digits>\d{3,6})(?![\d%]|[.,]\d)"
)


@announced_by(_LAST)
def find_last_digits(text: FoldedText) -> Iterator[Finding]:
    """Find what is said of the end of the number of a card or an account."""
    for start, end in _LAST.find(text):
        digits = _LAST_DIGITS.match(text.text, end)
        what = digits and list(_OF_WHAT.finditer(text.lower, max(0, start - 28), start))
        if digits and what:
            kind = "CREDIT_CARD" if what[-1]["card"] else "BANK_ACCOUNT"
            yield span(digits, kind, 0.6, "last_digits", "digits")


# Card verification codes, bank identifier codes (ISO 9362), addresses of crypto currencies

_CVV = Cues(["cvv", "cvc", "cvv2", "cvc2", "csc", "card verification", "security code"])
_AFTER_CVV = re.compile(
    r"(?:[ ](?:code|number|value))?[\"']?[ \t]?(?:[:=#|]|is|was)?[ \t]{0,3}[\"']?"
    r"(?P<value>\d{3,4})(?!\w)"
)
_BIC = Cues(["swift", "bic"])
_AFTER_BIC = re.compile(
    r"(?:[ /-]?(?:code|bic|swift|no\.?))?[ \t]?[:=#|]?[ \t]{0,3}"
    r"(?P<value>[A-Z]{4}[ ]?[A-Z]{2}[ ]?[A-Z0-9]{2}(?:[ ]?[A-Z0-9]{3})?)(?!\w)"
)
_COIN = re.compile(
    r"(?<![A-Za-z0-9])(?:bc1[02-9ac-hj-np-z]{11,87}|[13][1-9A-HJ-NP-Za-km-z]{25,34}"
    r"|0x[0-9a-fA-F]{40})(?![A-Za-z0-9])"
)


@announced_by(LONG_WORD, _CVV, _BIC)
def find_codes_of_payment(text: FoldedText) -> Iterator[Finding]:
    """Find verification codes of cards, bank identifier codes, Bitcoin and Ethereum addresses."""
    for _, end in _CVV.find(text):
        if match := _AFTER_CVV.match(text.text, end):
            yield span(match, "CVV", 0.8, "cvv", "value")
    for _, end in _BIC.find(text):
        if match := _AFTER_BIC.match(text.text, end):
            yield span(match, "BIC", 0.8, "bic", "value")
    for start, end in text.long_words:
        for match in _COIN.finditer(text.text, start, end):
            if match[0].startswith("0x") or bitcoin.is_valid(match[0]):
                yield span(match, "CRYPTO", 0.9, "coin")


# Numbers that a label names. Forms say what a value is ("Account number: 4028-7719-3305",
# "사번은 30977이며"). The label decides, not the shape, so formats that nobody has listed are found
# as well.

# A number of at least four characters with at least three digits (both are counted afterwards), in
# groups: "AF-220914", "84726 15390", "GB29NWBK", "12-3140-0171323-50".
_VALUE = (
    r"(?P<value>"
    r"(?:[A-Za-z]{1,3}[ ]"  # "E 30977"
    r"|(?-i:[A-Z]{4,6}[ ])"  # "POLI 220914": a longer prefix is in capitals
    r"|(?:[A-Za-z]{1,6}[-/.]?){0,2})"  # "AF-", "GB", or nothing
    r"\d[A-Za-z0-9]*"
    r"(?:[-/][A-Za-z0-9]+"  # a further group behind a mark,
    r"|[ .]\d[A-Za-z0-9]*"  # behind a space or a dot where it begins with a digit,
    r"|(?-i:[ ][A-Z](?=[ ]\d))"  # "65 170839 J 003",
    r"|(?-i:[ ][A-Z]{1,3}\d[A-Z\d]*)"  # or, in capitals, with a few letters
    r"){0,6})"
)
# What may stand between a label and its value.
_LINK = (
    r"(?:[ \t-]?(?:number|num|no|nr|n\.?[°ºo]|id|code|ref|reference|nummer|n[uú]mero|numéro)s?"
    r"(?:\b|(?<=°))\.?)?"
    r"[ \t]?(?:\([^()\n]{0,24}\))?[ \t]{0,2}"  # "(if any)"
    r"(?:is|was|are|stays|remains|will be|ist|lautet|est|es|è|é|:|=|\#|-|\||\.{2,60}|ending in)?"
    r"[ \t]{0,3}(?:\n[ \t]{0,3})?[#:]?[ ]?"
)
_KIND_OF = {
    label: kind
    for kind, name in (
        ("BANK_ACCOUNT", "labels_account"),
        ("PASSPORT", "labels_passport"),
        ("DRIVER_LICENSE", "labels_licence"),
        ("TAX_ID", "labels_tax"),
        ("MEDICAL_ID", "labels_medical"),
        ("US_SSN", "labels_ssn"),
        ("CREDIT_CARD", "labels_card"),
        ("ID", "labels_id"),
    )
    for label in load(name)
}
_SHORT = frozenset(
    {"acct", "acc", "lic", "reg", "ref", "az"}
)  # written with a point: "acct. 4471920"
_CODES = Cues(load("labels_code"))
_AFTER_CODE = re.compile(
    rf"(?P<link>{_LINK})(?P<value>(?-i:(?=[A-Z]{{0,8}}\d)[A-Z0-9]{{5,8}}|[A-Z]{{5,7}}))(?![\w-])",
    re.IGNORECASE,
)
_LABELS = Cues(_KIND_OF)
_AFTER_LABEL = re.compile(rf"(?P<link>{_LINK}){_VALUE}", re.IGNORECASE)
_DIGIT = re.compile(r"\d")
_FURTHEST_DIGIT = 160  # behind everything that the pattern may take before the first digit
_NUMBER_WORD = re.compile(r"num|n\.?[oº°]\b|n\.?[º°]|nr|id\b|code|ref|#|:|=", re.IGNORECASE)

_KOREAN_LABELS = Cues(["번호", "코드", "아이디", "사번", "학번", "군번", "여권", "면허증", "사건"])
_KOREAN_NUMBERED = re.compile(r"[가-힣]{1,10}[ ]?(?:ID|No\.?)(?=[ ]?[:=은는])")
_KOREAN_BEFORE = re.compile(r"(?:[가-힣]{1,10}[ ]?)?\Z")
_AFTER_KOREAN_LABEL = re.compile(
    r"(?:\s?\([^()\n]{0,12}\))?\s?(?:는|은|가|이|:|=|\||-)?\s{0,3}"
    # "2025가단10432": a court's or an office's file
    r"(?:(?P<filed>(?:19|20)\d{2}-?(?!년)[가-힣]{1,4}-?\d{2,8}(?:-\d{1,8})?)"
    rf"|{_VALUE})"
)
_KOREAN_KINDS = (
    ("계좌", "BANK_ACCOUNT"), ("여권", "KR_PASSPORT"), ("면허", "KR_DRIVER_LICENSE"),
    ("주민", "KR_RRN"), ("외국인", "KR_FRN"), ("사업자", "KR_BRN"), ("법인", "KR_CRN"),
    ("전화", "PHONE"), ("휴대", "PHONE"), ("연락", "PHONE"), ("팩스", "PHONE"),
    ("카드", "CREDIT_CARD"), ("우편", "ADDRESS"), ("차량", "KR_PLATE"), ("환자", "MEDICAL_ID"),
    ("보험", "KR_HEALTH_INSURANCE"), ("통관", "KR_CUSTOMS_CODE"),
)  # fmt: skip
_OF_THINGS = re.compile(
    r"주문|송장|상품|제품|모델|품목|품번|바코드|일련|문서|공고|고시|조문|페이지|우편함|인증"
)
_IS_DATE = re.compile(
    r"(?:19|20)\d{2}[-./ ](?:0?[1-9]|1[0-2])([-./ ](?:0?[1-9]|[12]\d|3[01]))?"
    r"|(?:0?[1-9]|[12]\d|3[01])[-./](?:0?[1-9]|[12]\d|3[01])[-./](?:\d\d|(?:19|20)\d\d)"
)
_IS_YEAR = re.compile(r"(?:19|20)\d{2}")
_UNIT_AFTER = re.compile(
    r"\s?(?:%|percent|dollars?|usd|eur|pounds?|won|원|만|억|명"
    r"|days?|months?|years?|hours?|,\d{3}|일\b|개월)"
)


@announced_by(_LABELS, _CODES, _KOREAN_LABELS)
def find_labelled_numbers(text: FoldedText) -> Iterator[Finding]:
    """Find numbers by their English or Korean label; the label gives the type."""
    for start, end in _LABELS.find(text):
        if not _DIGIT.search(text.text, end, end + _FURTHEST_DIGIT):
            continue
        point = text.text.startswith(".", end) and text.lower[start:end] in _SHORT
        match = _AFTER_LABEL.match(text.text, end + point)
        if match is None:
            continue
        kind = _KIND_OF[text.lower[start:end]]
        explicit = kind in ("PASSPORT", "DRIVER_LICENSE") or _NUMBER_WORD.search(match["link"])
        if kind != "BANK_ACCOUNT" and _IS_DATE.fullmatch(match["value"]):
            continue
        if _is_private(text, match, 4 if explicit else 6):
            first, last = match.span("value")
            head, space, _ = match["value"].partition(" ")
            if space and head.isalpha() and not head.isupper():
                first += len(head) + 1  # "card in 4411": a word, not a prefix of the number
            yield finding(first, last, kind, 0.75 if explicit else 0.6, "label")
    for _, end in _CODES.find(text):
        code = _AFTER_CODE.match(text.text, end)
        if code and (_NUMBER_WORD.search(code["link"]) or not code["value"].isalpha()):
            yield span(code, "ID", 0.7, "label", "value")
    yield from _labelled_in_korean(text) if text.hangul else ()


def _labelled_in_korean(text: FoldedText) -> Iterator[Finding]:
    for start, end in _korean_labels(text):
        label = text.text[start:end]
        match = _AFTER_KOREAN_LABEL.match(text.text, end)
        if match is None or _OF_THINGS.search(label):
            continue
        if match["filed"]:
            yield span(match, "ID", 0.7, "label", "filed")
        elif (
            not label.endswith("사건")  # of a case, only a file's own number
            and not _IS_DATE.fullmatch(match["value"])
            and _is_private(text, match, 4)
        ):
            kind = next((k for word, k in _KOREAN_KINDS if word in label), "ID")
            yield span(match, kind, 0.7, "label", "value")


def _korean_labels(text: FoldedText) -> Iterator[tuple[int, int]]:
    for start, end in _KOREAN_LABELS.find(text):
        before = _KOREAN_BEFORE.search(text.text[max(0, start - 12) : start])
        yield start - (len(before[0]) if before else 0), end
    if "ID" in text.text or "No" in text.text:
        for match in _KOREAN_NUMBERED.finditer(text.text):
            yield match.span()


def _is_private(text: FoldedText, match: re.Match[str], least: int) -> bool:
    """Say whether a labelled value has enough characters and is neither an amount nor a year."""
    value = match["value"]
    if sum(c.isdigit() for c in value) < 3 or sum(c.isalnum() for c in value) < least:
        return False
    return not (_UNIT_AFTER.match(text.lower, match.end("value")) or _IS_YEAR.fullmatch(value))


def counts_or_dates(text: FoldedText, match: re.Match[str]) -> bool:
    """Say whether a number is a date, a year or, by what stands behind it, an amount."""
    if _IS_DATE.fullmatch(match[0]) or _IS_YEAR.fullmatch(match[0]):
        return True
    return _UNIT_AFTER.match(text.lower, match.end()) is not None


# Dates that belong to a person

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DATE = (
    r"(?:\d{4}\s?[./-]\s?\d{1,2}\s?[./-]\s?\d{1,2}\.?"  # "1985-03-02", "1985. 3. 2."
    r"|\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d{2})"  # "2/3/1985", "2.3.85"
    rf"|\d{{1,2}}(?:st|nd|rd|th)?[ -](?:of )?{_MONTH},?[ -]\d{{4}}"  # "2nd of March 1985"
    rf"|{_MONTH}[ -]\d{{1,2}}(?:st|nd|rd|th)?,?[ -]\d{{4}}"  # "March 2, 1985"
    r"|\d{2,4}년\s?\d{1,2}월\s?\d{1,2}일)"  # "85년 3월 2일"
)
_BIRTH_WORDS = Cues(
    ["birth", "birth date", "birthdate", "birthday", "date of birth", "d.o.b", "dob", "born", "b.",
     "생년월일", "생일", "출생", "출생일", "생년"]
)  # fmt: skip
_DATE_AFTER = re.compile(
    r"[^\d\n]{0,24}?\n?[^\d\n]{0,4}?(?P<date>"
    rf"{_DATE}"
    r"|(?<!\d)(?:19|20)\d{6}(?!\d)"  # "19850302"
    r"|(?<!\d)\d{2}(?:0\d|1[0-2])[0-3]\d(?!\d))"  # "850302"
)
_BORN = re.compile(r"생(?![가-힣])|출생|태생|에 태어")
_DATE_BEFORE = re.compile(rf"(?P<date>{_DATE})\s?\Z")
_LONGEST_DATE = 24
_YEAR_OF_BIRTH = re.compile(r"(?<!\d)(?P<date>(?:19|20)?\d\d)년생")
# A complete date in figures that lies far back is rarely a term or a deadline. It scores low: where
# old dates matter to the remote model, a threshold for DATE_OF_BIRTH leaves them alone.
_LONG_AGO = Number(
    "birth_date",
    re.compile(
        r"(?<![\d./-])(?:"
        # "2/3/1985", "02.03.2005"
        r"(?:0?[1-9]|[12]\d|3[01])([/.-])(?:0?[1-9]|[12]\d|3[01])\1(?:19\d{2}|200\d)"
        # "1985-03-02", with a time behind it or none
        r"|(?:19\d{2}|200\d)-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
        r"(?:[ Tt]\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?:[Zz]|[+-]\d\d:?\d\d)?)?"
        r")(?![\d]|[./-]\d)"
    ),
    6,
    always("DATE_OF_BIRTH", 0.45),
)


@announced_by(_BIRTH_WORDS)
def find_birth_dates(text: FoldedText) -> Iterator[Finding]:
    """Find dates of birth by the words beside them."""
    for _, end in _BIRTH_WORDS.find(text):
        if match := _DATE_AFTER.match(text.lower, end):
            yield span(match, "DATE_OF_BIRTH", 0.85, "birth_date", "date")
    for born in _BORN.finditer(text.text) if text.hangul else ():
        first = max(0, born.start() - _LONGEST_DATE)
        if match := _DATE_BEFORE.search(text.lower[first : born.start()]):
            start, end = match.span("date")
            yield finding(first + start, first + end, "DATE_OF_BIRTH", 0.85, "birth_date")
    for match in _YEAR_OF_BIRTH.finditer(text.text) if "년생" in text.text else ():
        yield span(match, "DATE_OF_BIRTH", 0.7, "birth_date", "date")


# Addresses of machines

_VERSION = re.compile(r"(?:version|ver\.?|v|release|section|버전)\s?$")


def _is_ip_address(text: FoldedText, match: re.Match[str]) -> Verdict:
    """Believe all but loopback and unspecified ones, which name nobody, and versions."""
    try:
        address = ipaddress.ip_address(match[0].split("%")[0])
    except ValueError:
        return None
    if address.is_loopback or address.is_unspecified:
        return None
    if _VERSION.search(text.lower[max(0, match.start() - 10) : match.start()]):
        return None
    return "IP_ADDRESS", 0.9 if address.is_global else 0.8


_V4 = Number("ip", re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)"), 4, _is_ip_address)
_V6 = re.compile(
    r"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}"
    r"(?:(?<=:)(?:\d{1,3}\.){3}\d{1,3})?"  # the last two groups as an IPv4 address
    r"(?:%\w{1,16})?(?![\w:])"  # the zone
)
_V6_HINT = re.compile(r":(?:[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}:|:)")

_MAC = re.compile(
    r"(?<![\w:-])[0-9A-Fa-f]{2}(?:([:-])[0-9A-Fa-f]{2})(?:\1[0-9A-Fa-f]{2}){4}(?![\w:-])"
    r"|(?<![\w.])[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}(?![\w.])"  # as Cisco writes it
)
_CISCO_HINT = re.compile(r"\.[0-9A-Fa-f]{4}\.")


def find_machines(text: FoldedText) -> Iterator[Finding]:
    """Find IPv6 addresses, and MAC addresses (IEEE 802) with colons, hyphens or Cisco's dots."""
    t = text.text
    if t.count(":") > 1 and _V6_HINT.search(t):
        for match in _V6.finditer(t):
            whole = match[0].count(":") == 7 or "::" in match[0]
            if whole and (verdict := _is_ip_address(text, match)):
                yield span(match, *verdict, "ip")
    if t.count(":") > 4 or t.count("-") > 4 or _CISCO_HINT.search(t):
        for match in _MAC.finditer(t):
            if len(set(match[0].lower()) - set(":-.")) > 1:
                yield span(match, "MAC_ADDRESS", 0.9, "mac")


NUMBERS = (CARD, _UNPROVEN_IBAN, _ROUTING, _SORT_CODE, _LONG_AGO, _V4)
"""What is known by its shape."""
