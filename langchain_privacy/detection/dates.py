"""How days, months and sums of money are written: patterns that several rooms of detection share.

They are to be compiled with `re.IGNORECASE`, and begin and end at a letter or a digit.
"""

from collections.abc import Iterable, Iterator

from langchain_privacy.detection.anchors import Stretch, Words, words_of
from langchain_privacy.detection.once import once_all
from langchain_privacy.words import load_by_kind

MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b"
)
"""A month in English, whole or short, without the point of an abbreviation."""

MONTHS = frozenset(
    ("jan", "january", "feb", "february", "mar", "march", "apr", "april", "may", "jun", "june",
     "jul", "july", "aug", "august", "sep", "sept", "september", "oct", "october", "nov",
     "november", "dec", "december")
)  # fmt: skip
"""What `MONTH` finds."""

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
HOLIDAYS = ("easter", "christmas", "ramadan", "eid", "diwali", "thanksgiving", "hanukkah",
            "passover", "pentecost")  # fmt: skip
"""Feasts that tell a time of the year."""

_WEEKDAY = r"(?:(?:mon|tues?|wed(?:nes)?|thur?s?|fri|sat(?:ur)?|sun)(?:day)?\b[.,]?\s(?:the\s)?)?"
_NTH = r"\d{1,2}(?:st|nd|rd|th)?"
_CLOCK = r"(?:,?\s(?:at\s)?\d{1,2}[:.]\d\d(?::\d\d)?(?:\s?[ap]m)?\b)?"

MONTHS_ELSEWHERE = frozenset(
    ("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre",
     "setiembre", "octubre", "noviembre", "diciembre", "janvier", "février", "fevrier", "mars",
     "avril", "mai", "juin", "juillet", "août", "aout", "septembre", "octobre", "novembre",
     "décembre", "decembre", "janeiro", "fevereiro", "março", "maio", "junho", "julho", "setembro",
     "outubro", "novembro", "dezembro", "januar", "jänner", "februar", "märz", "juni", "juli",
     "oktober", "dezember", "gennaio", "febbraio", "aprile", "maggio", "giugno", "luglio",
     "settembre", "ottobre", "dicembre",
     # Russian, Ukrainian, Greek
     "января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября",
     "октября", "ноября", "декабря", "січня", "лютого", "березня", "квітня", "травня", "червня",
     "липня", "серпня", "вересня", "жовтня", "листопада", "грудня", "ιανουαρίου", "φεβρουαρίου",
     "μαρτίου", "απριλίου", "μαΐου", "ιουνίου", "ιουλίου", "αυγούστου", "σεπτεμβρίου", "οκτωβρίου",
     "νοεμβρίου", "δεκεμβρίου",
     # Polish, Dutch, Swedish, Turkish
     "stycznia", "lutego", "marca", "kwietnia", "maja", "czerwca", "lipca", "sierpnia", "września",
     "października", "listopada", "grudnia", "januari", "februari", "maart", "augustus", "augusti",
     "ocak", "şubat", "nisan", "mayıs", "haziran", "temmuz", "ağustos", "eylül", "ekim", "kasım",
     "aralık")
)  # fmt: skip
"""Months as they are written in other languages of Europe, in the form that a day stands before."""
_MONTH_ELSEWHERE = rf"(?:{'|'.join(sorted(MONTHS_ELSEWHERE))})\b"


def behind(*words: str) -> str:
    """Return a pattern of the place behind one of some words, which are not of the match."""
    places = "|".join(rf"(?<=\b{word} )" for word in words)
    # Their ends first, all at once: most places are behind none of them.
    ends = "|".join(sorted({word[-2:] for word in words}))
    return f"(?<=(?:{ends}) )(?:{places})"


_SEEN = ("seen", "clinic", "adm")  # in notes of clinics

_DAY_OF_MONTH = r"(?:1[0-2]|0?[1-9])/(?:[12]\d|3[01]|0?[1-9])(?![/\d%])"
_KOREAN_DAY_LABEL = "|".join(
    rf"(?<={label}{mark})"
    for label in ("일시", "일자", "날짜", "[사고생접수문약료원]일")
    for mark in (" ", ": ", ":", "는 ", "은 ")
)
_KOREAN_TIME = (
    r"\s?\([월화수목금토일]\)|\s(?:오전|오후|새벽|아침|점심|저녁|밤|정오|자정)에?(?![가-힣])"
)

DAYS = (
    rf"\b{_WEEKDAY}{_NTH}(?:\s?(?:to|-|–|and)\s?{_NTH})?(?:\sof)?[ -]{MONTH}\.?"
    rf"(?:,?[ -]\d{{4}}\b)?{_CLOCK}",
    rf"\b(?!\d){_WEEKDAY}{MONTH}\.?\s(?:the\s)?{_NTH}\b(?!:)(?:\s?(?:to|-|–|and)\s?{_NTH}\b(?![:/]))?"
    rf"(?:,?\s\d{{4}}\b)?{_CLOCK}",
    r"\b(?:(?:19|20)\d\d[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d\d))\b(?![/-])"
    + _CLOCK,
    # "12. Mai", "3 de febrero de 2022", "1er mars"
    rf"\b\d{{1,2}}(?:\.|er|º|ª)?\s(?:de\s)?{_MONTH_ELSEWHERE}(?:\s(?:del?\s)?\d{{4}}\b)?",
    # "on 5/28", "seen in clinic 4/2"; not a part of something
    behind("on", "by", "since", "until", "till", "dated", "before", "after", "from", *_SEEN)
    + r"(?:[12]\d|3[01]|0?[1-9])/(?:[12]\d|3[01]|0?[1-9])\b(?![/\d%]|\s(?:of|cup|tsp|tbsp)\b)",
    r"(?<![\d.])(?:19|20)\d\d\.\s\d{1,2}\.\s\d{1,2}(?!\d)",  # as Korean papers write it
    # as forms and messages do: 사고일시 4/11, 4/11 밤, 4/11(목)
    rf"(?:{_KOREAN_DAY_LABEL}){_DAY_OF_MONTH}|(?<![\d/.]){_DAY_OF_MONTH}(?={_KOREAN_TIME})",
    r"(?<!\d)(?:\d{2,4}\s?년\s?)?\d{1,2}\s?월\s?\d{1,2}\s?일",
    r"(?<!\d)(?:\d{2,4}\s?年\s?)?\d{1,2}\s?月\s?\d{1,2}\s?[日号號]",
)
DAY = "|".join(DAYS)
"""A day; with its year, its weekday, its time and the end of a range where they are there."""

_SHORT_WEEKDAYS = ("mon", "tue", "tues", "wed", "wednes", "thu", "thur", "thus", "thurs", "fri",
                   "sat", "satur", "sun")  # fmt: skip
DAY_BEGINS = MONTHS.union(_SHORT_WEEKDAYS, (f"{day}day" for day in _SHORT_WEEKDAYS))
"""With these words or with a number begins what `DAY` finds."""

# Labels that a day stands behind: in a form it needs neither a year nor a word before it.
_LABELS = (
    *("admitted", "admission", "discharged", "discharge", "dob", "birthday", "visit", "visited"),
    *("seen", "date", "arrival", "arrived", "departure", "departed", "check-in", "check-out"),
    *("joined", "hired", "issued", "received", "expires", "expiry", "due", "appointment", "appt"),
    *("fecha", "ingreso", "datum", "aufnahme", "entlassung", "entrée", "sortie"),
)
_FIELD_OF_A_DAY = (
    r"[^\S\n]{0,3}(?P<labelled>(?:[12]\d|3[01]|0?[1-9])[/-](?:[12]\d|3[01]|0?[1-9])"
    r"|(?:[12]\d|3[01]|0[1-9])\.(?:[12]\d|3[01]|0[1-9])|[123]?\d\.\s?[123]?\d(?=\.))(?!\d)"
    r"(?=\.?(?:[^\S\n]*(?:\Z|\n|[^\S\n]{2}|[\t|;,)])|\s(?:at|with|by|from|to|for)\b))"
)
LABELLED_DAY = rf"\b(?:{'|'.join(_LABELS)})[^\S\n]?:{_FIELD_OF_A_DAY}"
"""A day without its year as the value of a field: its group `labelled`."""
LABELLED_DAY_BEGINS = frozenset(label.partition("-")[0] for label in _LABELS)
KOREAN_LABELLED_DAY = (
    # 입원일, 진료일, 발급일, but 파일 is a file and 메일 a letter; 입원, 퇴원, 방문
    r":(?:(?<=[가-힣][원료진문술급록행작고수약생]일.)|(?<=[입퇴내]원.)"
    rf"|(?<=(?:방문|진료|검진|수술|입사|퇴사).)|(?<=(?:[원료문]일|[입퇴내]원) .)){_FIELD_OF_A_DAY}"
)
"""The same behind a label in Korean; it begins with the mark."""

MONTHS_OF_YEAR = (
    rf"\b(?!\d)(?:{MONTH}|spring|summer|autumn|winter)\.?,?\s(?:of\s|semester\s|term\s)?(?:19|20)\d\d\b",
    r"(?<!\d)\d{4}\s?년\s?\d{1,2}\s?월(?:\s?\d{1,2}\s?일)?",
)
MONTH_OF_YEAR = "|".join(MONTHS_OF_YEAR)
"""A month or a season of a year; in Korean with its day, which would say more alone."""

MONTH_OF_YEAR_BEGINS = MONTHS | {"spring", "summer", "autumn", "winter"}
"""With these words or with a number begins what `MONTH_OF_YEAR` finds."""

NTH = (
    behind("the", "on", "at", "until", "by") + r"\d{1,2}(?:st|nd|rd|th)"
    r"(?=[.,;:!?)\n]|\s(?:of (?:this|next|last)|and|or|at|to|because|when|for|with|i|we)\b|\s?\Z"
    r"|\s\d{1,2}(?:[:.]\d\d)?\s?[ap]m\b)"
)
"""A day of a month that is not named: the 14th."""

_MONEYS = load_by_kind("currencies")
_CODES = tuple(word for word, kind in _MONEYS.items() if kind == "code")
_CURRENCY = rf"(?:{'|'.join(_CODES)}|rs\.?)"
# With "r" and "kr" begin rand and crowns in groups: "R 240 000".
MONEY_BEGINS = frozenset((*_CODES, "rs", "r", "kr"))
MONEY_SIGNS = "$€£¥₩₹₦₱"
"""With these words or signs or with a number begins what `MONEY` finds."""
_COUNTED = tuple(word for word, kind in _MONEYS.items() if kind == "name")
_UNCOUNTED = tuple(word for word, kind in _MONEYS.items() if kind == "same")
_CURRENCIES = rf"(?:(?:{'|'.join(_COUNTED)})s?|{'|'.join(_UNCOUNTED)})"
_SCALES = ("k", "m", "mn", "mio", "bn", "million", "billion", "thousand", "lakh", "crore")
_SCALE = rf"(?:{'|'.join(_SCALES)})"
MONEY_BEHIND = "₽₺"
"""Signs that stand behind a number only."""
_UNITS = MONEY_BEGINS.union(_COUNTED, (f"{unit}s" for unit in _COUNTED), _UNCOUNTED)
MONEY_WORDS = _UNITS.union(
    ("hour", "worth"), (scale + unit for scale in _SCALES for unit in _UNITS)
)
"""One of these words or of `MONEY_SIGNS` is in what `MONEY` finds, or before it."""
MONEY = (
    rf"(?!\d)(?:[{MONEY_SIGNS}]|\b{_CURRENCY})\s?\d[\d,.]*(?<=\d)(?:\s?{_SCALE}\b)?"
    r"|\bk?r\s?\d{1,3}(?:\s\d{3})+\b"
    rf"|\b\d{{1,3}}(?:\s\d{{3}})+(?:,\d\d)?\s?(?:€|(?:{_CURRENCIES}|{_CURRENCY})\b)"  # 18 450 euros
    rf"|\b\d[\d,.]*+(?:\s?[$€£¥₩₹]|\s?+{_SCALE}?\s?(?:{_CURRENCIES}|{_CURRENCY})\b"
    rf"|\s(?:an|per)\shour\b|\s?[{MONEY_BEHIND}])"
    r"|(?<=\bworth )\d[\d,.]*(?:\s?(?:k|m|million|billion)\b)?"
)
"""A sum of money with its currency."""

KOREAN_MONEY = (
    # Not all digits for the first part: a long number would be cut in two at each of its places.
    r"(?<!\d)\d[\d,.]{0,24}\s?(?:[천백십]?[만억천]\s?)?(?:\d[\d,]*\s?[천백]?만?\s?)?"
    r"(?:원|만원)(?![가-힣]*짜리)"
)
"""A sum of money in won."""

EAST_ASIAN_MONEY = r"(?<![\d.,])\d[\d,.]{0,24}\s?[千万萬億亿]{0,2}[元円圓]"
"""A sum of money in yuan or yen."""


@once_all
def around_digits(text: str) -> Iterator[Stretch]:
    """Yield where numbers and the words that belong to them can stand; prose has few."""
    words = words_of(text)
    return _around(words, words.numbers)


@once_all
def around_years(text: str) -> Iterator[Stretch]:
    """Yield where numbers of four digits and the words that belong to them can stand."""
    words = words_of(text)
    return _around(words, (n for n in words.numbers if n[1] - n[0] == _DIGITS_OF_A_YEAR))


def _around(words: Words, numbers: Iterable[tuple[int, int]]) -> Iterator[Stretch]:
    begin = stop = -1
    for first, last in numbers:
        if first - _REACH > stop:
            if stop >= 0:
                yield words.within(max(0, begin), stop)
            begin = first - _REACH
        stop = last + _REACH
    if stop >= 0:
        yield words.within(max(0, begin), stop)


_REACH = 32
_DIGITS_OF_A_YEAR = 4
