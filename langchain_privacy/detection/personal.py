"""What says much about a person who is spoken of: an age, a day, a year, a sum of money.

By themselves they are nobody's: "the 1990s", "28 June 1919", "a $5 coffee", "30 people". They are
private where the text ties them to a person, so this detector comes after the others and asks what
stands beside: a pronoun, a relation or role, a name that somebody found. The table:

| Type | Found where |
|---|---|
| `AGE` | a form that is said of people, or a person beside it (`ages`) |
| `BODY` | a weight or a height, said of a person |
| `DATE_TIME`, a day | a person in its paragraph; no log, code, or before 1900 |
| `DATE_TIME`, a year or a month | a person and something of a life in its sentence: born, since |
| `DATE_TIME`, in Korean prose | a day, as a year where the sentence is narrated: "밝혔다." |
| `DATE_TIME`, how long | a person and something of a life in its sentence: for six years |
| `DATE_TIME`, a day of this week or the next | a person and something of a life in its sentence |
| `DATE_TIME`, "this Friday", "since Easter" | a person in its paragraph; of a holiday: sentence |
| `MONEY` | a person and what makes it theirs (salary, rent, owe) in its sentence, or an exact sum |
| `MONEY`, asked, offered or moved | a person in its paragraph and such a word; a day behind it |
| `NUMBER`, the average of grades | a person in its paragraph: GPA 3.41 |
| `ID`, a letter and a number | the word for a room, a class or a seat before it, as with a paper |
| `ID` | the name of a paper before it ("invoice", "ticket") and a person or "we" in its paragraph |

    >>> text = "I moved to Leeds in 2011. My rent is 740 euros. In 1789 the coffee was 2 euros."
    >>> [(f.entity_type, text[f.start : f.end]) for f in PersonalDetector().detect(text)]
    [('DATE_TIME', '2011'), ('MONEY', '740 euros')]
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache

from langchain_privacy.detection.ages import IN_WORDS, SPELLED, ages, bodies
from langchain_privacy.detection.anchors import Anchored, Stretch
from langchain_privacy.detection.cued import named_beside
from langchain_privacy.detection.dates import (
    DAY,
    DAY_BEGINS,
    EAST_ASIAN_MONEY,
    HOLIDAYS,
    KOREAN_LABELLED_DAY,
    KOREAN_MONEY,
    LABELLED_DAY,
    LABELLED_DAY_BEGINS,
    MONEY,
    MONEY_BEGINS,
    MONEY_BEHIND,
    MONEY_SIGNS,
    MONEY_WORDS,
    MONTH,
    MONTH_OF_YEAR,
    MONTH_OF_YEAR_BEGINS,
    MONTHS,
    MONTHS_ELSEWHERE,
    NTH,
    WEEKDAYS,
    around_digits,
    around_years,
)
from langchain_privacy.detection.finding import Finding, LateDetector
from langchain_privacy.detection.folded import HANGUL, FoldedText, digits, fold
from langchain_privacy.detection.rules import BySign, announced_by
from langchain_privacy.detection.vocabulary.lexicon import is_public
from langchain_privacy.values.fold import lowered
from langchain_privacy.values.spelling import NUMBER
from langchain_privacy.words import load
from langchain_privacy.words.korean import is_hangul

Span = tuple[int, int]

_SCORE = 0.5
_I = re.IGNORECASE
_DAY = Anchored(DAY, DAY_BEGINS, any_case=True, numbers=True)
_LABELLED_DAY = Anchored(LABELLED_DAY, LABELLED_DAY_BEGINS, any_case=True)
_KOREAN_LABELLED_DAY = Anchored(KOREAN_LABELLED_DAY, signs=":")
_NTH = Anchored(NTH, any_case=True, numbers=True)
_MONTH_OF_YEAR = Anchored(MONTH_OF_YEAR, MONTH_OF_YEAR_BEGINS, any_case=True, numbers=True)
_YEAR = Anchored(
    r"\b(?:in|since|from|until|till|of|and|to|around|before|after|by|[-–(,]) ?"
    r"(?P<year>(?:19|20)\d\d)\b"
    r"(?!['’]?s\b|[-/.]\d|\s?(?:edition|census|act|version))"
    r"|(?<!\d)(?P<korean>(?:19|20)\d\d\s?년)(?!대)",
    ["in", "since", "from", "until", "till", "of", "and", "to", "around", "before", "after", "by"],
    numbers=True,
    signs="-–(,",
)
_MONTH = Anchored(
    r"\b(?:[Ii]n|[Ss]ince|until|till|last|next|[Ff]rom|by|this|the) "
    rf"(?P<month>(?i:{MONTH}))(?! ?\d)",
    ["in", "since", "until", "till", "last", "next", "from", "by", "this", "the"],
    needs=MONTHS,
    then=MONTHS,
)
_KOREAN_MONTH = Anchored(
    r"(?:재작년|작년|지난해|올해|금년|내년)\s?(?P<month>\d{1,2}\s?월)(?!\s?\d)",
)
_MONEY = Anchored(MONEY, MONEY_BEGINS, any_case=True, numbers=True, signs=MONEY_SIGNS)
_KOREAN_MONEY = Anchored(KOREAN_MONEY)
_EAST_ASIAN_MONEY = Anchored(EAST_ASIAN_MONEY)
_THOUSANDS = Anchored(r"\b\d{2,3}k\b(?! (?:run|race|users|followers))", any_case=True, numbers=True)
# Without a currency, behind a word that only a sum follows: "rent is 900 a month", 전세 2억 3천,
# and "a credit score (358)".
_SUM = (
    r"(?:about )?(?P<sum>\d[\d,.]*(?<=\d\d)k?)"
    r"(?![\w%]|[.,]\d|:\d| ?(?:years?|months?|weeks?|days?|hours?|minutes?|%)\b)"
)
_DUE = Anchored(
    r"\b(?:rent|salary|wages?|pension|mortgage|deposit|budget|loan|income|credit score)"
    rf"(?: (?:is|was|of))?(?::? | \(){_SUM}",
    ["rent", "salary", "wage", "wages", "pension", "mortgage", "deposit", "budget", "loan",
     "income", "credit"],
    any_case=True,
)  # fmt: skip
_KOREAN_SCORE = Anchored(rf"신용\s?점수[은는이가]?:?\s{_SUM}", any_case=True)
_HUNDRED_MILLIONS = Anchored(
    r"(?:전세|월세|보증금|대출금?|매매가?|연봉|집값)(?:[은는이가])?\s?"
    r"(?P<sum>\d[\d,.]*\s?억(?:\s?\d[\d,]*\s?천?)?(?:\s?만)?(?:\s?원)?)"
)
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_SENTENCE = re.compile(  # its end
    # One class first: the engine looks for nothing else.
    r"[.!?\n](?:(?<=\n)|(?<![A-Z]\.)(?<!\b[MD]r\.)(?<!\bM[rs]s\.)(?<!\bSt\.)(?<!\bMs\.)"
    r"(?<!\bProf\.)[\"”'’)]*\s)"
)
_PARAGRAPH = re.compile(r"\n\s*\n")  # its end
# How news, papers and stories end a sentence, and nobody who speaks to somebody: "밝혔다."
_NARRATED = re.compile(r"[가-힣](?<!니)다[^\w]*\Z")
_LOGGED = re.compile(r"[ T]\d\d:\d\d:\d\d")
# A day of a week that is spoken of now; "every Friday" and "on Mondays" are nobody's.
_WEEKDAY = Anchored(
    r"\b(?:by|on|since|until|till|last|next|this|before|from|for) "
    rf"(?P<day>(?:(?:last|next|this) )?(?:{'|'.join(WEEKDAYS)})"
    r"(?: (?:morning|afternoon|evening|night))?)\b(?! ?(?:to|through|until|[-–])\b)",
    ["by", "on", "since", "until", "till", "last", "next", "this", "before", "from", "for"],
    any_case=True,
    needs=WEEKDAYS,
    then=[*WEEKDAYS, "last", "next", "this"],
)
# A holiday that something happened or is to happen at; "Easter eggs" are nobody's.
_FEASTS = (*HOLIDAYS, "xmas", "halloween")
_HOLIDAY = Anchored(
    r"\b(?:on|at|over|by|since|until|till|last|next|this|before|after|around) "
    rf"(?P<holiday>(?:{'|'.join(_FEASTS)}|new year['’]?s?)(?: (?:day|eve|sunday|monday))?)"
    r"(?![\w'’-])"
    rf"(?! (?!(?:{'|'.join(sorted(load('english_function')))})\b)[a-z])",
    ["on", "at", "over", "by", "since", "until", "till", "last", "next", "this", "before", "after",
     "around"],
    any_case=True,
    needs=[*_FEASTS, "new"],
    then=[*_FEASTS, "new"],
)  # fmt: skip
_THIS = re.compile(r"(?:(?:by|on|since|until|till|before|from|for) )?(?:this|next)\b", _I)
_KOREAN_WEEKDAY = Anchored(
    r"(?P<korean>(?:(?:지난|이번|다음)\s?주\s?)[월화수목금토일]요일)"
    r"|(?<![가-힣])(?P<until>[월화수목금토일]요일)(?=까지|부터)"
)
# How long somebody has lived, worked or waited somewhere.
_HOW_LONG = Anchored(
    r"\b(?:for|after|here|there|behind|of|past|last|is) (?:nearly |almost |about |over |the last )?"
    rf"(?P<time>(?:\d{{1,2}}|{IN_WORDS}) (?:years|months|weeks))\b(?! (?:old|ago|later|of age))",
    ["for", "after", "here", "there", "behind", "of", "past", "last", "is"],
    any_case=True,
    needs=["years", "months", "weeks"],
    then=[*SPELLED, "years", "months", "weeks", "nearly", "almost", "about", "over", "the"],
)
# How long somebody has done what they do: 12 years' experience, 40 years of marriage.
_DONE_FOR = Anchored(
    rf"\b(?P<time>(?:\d{{1,2}}\+?|{IN_WORDS}) (?:years?|yrs?|months?))['’]?"
    r" (?:of )?(?:(?:[a-z]+ ){0,2}experience|(?:of )(?:marriage|service|teaching|practice))\b",
    SPELLED,
    any_case=True,
    numbers=True,
    needs=["experience", "marriage", "service", "teaching", "practice"],
)
# Whose time it is: I've taught here for 26 years, she has run it for ten years.
_SINCE_THEN = re.compile(
    r"\b(?:i|he|she)(?:['’](?:ve|s)| have| has) (?:\w+ly |also |now |been )?"
    r"\w+(?:ed|[eu]n|ng|t|ad|wn|ne)\b[^.!?;:\n]{0,40}\Z"
)
# A number of a paper, a parcel or a piece of equipment behind its name.
_SERIAL = Anchored(
    r"\b(?:orders?|tickets?|invoices?|inv|quotes?|quotations?|ref|reference|cases?|claims?|parcels?"
    r"|tracking|shipment|bookings?|badges?|jira|issue|contract|policy|po|account|ext|extension)\.?"
    r"(?: ?(?:no|nr|number|code|id)\b\.?)?(?: is)?:?[ ]?(?P<serial>"
    r"#?(?=[a-z\d/-]{0,12}\d)[a-z\d]+(?:[-/][a-z\d]+)*)(?![\w%]|[.,]\d)",
    ["order", "ticket", "inv", "quote", "quotation", "ref", "case", "claim", "parcel", "tracking",
     "shipment", "booking", "badge", "jira", "issue", "contract", "policy", "po", "account", "ext"],
    whole=False,
    any_case=True,
)  # fmt: skip
_KOREAN_SERIAL = Anchored(
    r"(?:주문|송장|티켓|접수|견적)\s?(?:번호)?\s?[:은는]?\s?(?P<korean>#?(?=[a-z\d-]*\d)[a-z\d-]{4,24})"
    r"(?![\w가-힣])",
    any_case=True,
)
_SHORTEST_SERIAL = 4
_BOOKING = re.compile(r"(?=[A-Z\d]*[A-Z])(?=[A-Z\d]*\d)[A-Z\d]{5,8}")  # KQ7M2X
# By its shape alone: capital letters and five digits, or seven digits; no day, no round number.
_SHAPED = Anchored(
    # One class first: the engine looks for nothing else.
    r"[A-Z\d](?<![\w./-].)(?:"
    r"(?<=[A-Z])[A-Z]{0,5}(?=(?:[A-Z-]*\d){5})-?\d[A-Z\d]*(?:[-/][A-Z\d]+)*"
    r"|(?<=[A-Z])[A-Z]{0,3}(?:-[A-Z]{1,4}){1,3}-\d{4,}|(?<=[A-Z])[A-Z]{1,4}-\d{4}(?!-)"
    r"|(?<=\d)(?!(?:(?<=1)9|(?<=2)0)\d{6}\b)(?!0+\b)\d{6,13})(?![\w%]|[.,:/-]\d)"
)
# Behind "no." or "ref.", a flight, the tag of a bag, a mark, a number sign: Grant no. EM-2021/118,
# flight VJ 3381, bag tag 0 461 882, paper #187.
_NUMBERED = Anchored(
    r"\b(?:[Nn]o\.|[Nn]r\.|[Rr]ef\.?|[Nn]umber|NO\.)(?: ?:)? "
    r"(?P<letters>(?=[A-Za-z /-]{0,12}\d)[A-Z][A-Za-z]{0,4}(?:-[A-Z]{1,5})?[ -]?\d{2,}[A-Z\d]*"
    r"(?:[-/][A-Z\d]+)*)(?![\w%]|[.,]\d)"
    r"|\b[Ff]light(?: no\.?| number)? (?P<flight>[A-Z][A-Z\d] ?\d{2,4})(?!\w)"
    r"|\b(?:[Bb]ag(?:gage)?|[Ll]uggage|[Tt]rademark|[Pp]atent)(?: (?:tag|no\.?|number|reg\.?))*:? "
    r"(?P<tag>\d(?:[ ,]?\d){5,13})(?![\w%])"
    r"|(?<![\w&])#(?P<sign>\d{3,8})(?![\w%]|[.,]\d)",
    ["no", "nr", "ref", "number", "flight", "bag", "baggage", "luggage", "trademark", "patent"],
    signs="#",
)
# Where somebody lives, sits or learns, by a letter and a number: flat 12A, class 4b, gate B22.
_ROOMS = (
    *("class", "flat", "unit", "plot", "room", "apt", "apartment", "ward", "locker", "pitch"),
    *("stall", "berth", "seat", "gate", "building", "lot", "grade", "year", "cabin", "desk"),
    *("bed", "stand", "suite"),
)
_IN_ROOM = Anchored(
    rf"\b(?:{'|'.join(_ROOMS)})(?: (?:no\.?|nr\.?|number))? "
    r"(?P<code>\d{1,4}[-/]?[a-z]|[a-z]{1,2}-?\d{1,4}[a-z]?)"
    r"(?![\w%(=]|[-/.:,]\w|[’']\w)",
    _ROOMS,
    any_case=True,
)
# GPA 3.41, a 4.1/4.5 GPA
_AVERAGE = r"\d{1,2}[.,]\d{1,3}(?:\s?/\s?\d{1,2}(?:[.,]\d)?)?"
_GRADES = Anchored(
    rf"\bc?gpa(?: (?:of|is|was))?:? (?P<grade>{_AVERAGE})(?![\w%]|[.,]\d)"
    rf"|\b(?P<average>{_AVERAGE}) c?gpa\b",
    ["gpa", "cgpa"],
    any_case=True,
    numbers=True,
    needs=["gpa", "cgpa"],
)
_COLOURED = re.compile(
    r"(?:colou?rs?|background|fill|stroke|hex|border|#)\W{0,3}(?:is |to |of )?\Z", _I
)
_KINDS_OF_PAPERS = load("public_abbreviations") | load("public_it") | {"cve", "rfc"}
# What somebody was made to pay or was paid, however little: "they charged us €4".
_FROM_WHOM = re.compile(
    r"\b(?:charg(?:ed?|ing)|fin(?:ed?|ing)|ow(?:es?|ed)|refund(?:ed)?|lent)"
    r" (?:me|us|him|her|them)(?: (?:back|only|just|about|another|over|twice))?,? \Z",
    _I,
)
_QUOTES = "\"'`/_="
_OLD = re.compile(r"\b1[0-8]\d\d\b")
# "1.240,50" and "3.300" have a point for thousands, "1,240.50" has it for cents.
_CENTS = re.compile(r"[.,]\d{1,2}(?!\d)")
_ODD_CENTS = re.compile(r"[.,]\d[1-46-8](?!\d)")  # 14.37 was reckoned, 14.99 and 14.50 are prices
_AN_HOUR = re.compile(
    r"\s?(?:(?:an|per|a|/)\s?(?:hour|hr|h|month|year|week)"
    r"|(?:hour|week|month|year)ly|annually|p/?[mw])\b",
    _I,
)
_SCALED = re.compile(r"[km만억천万萬億亿]|ill|thous", _I)
_LEAST, _LEAST_EXACT, _RATE = 20, 100, 12
_NEAR = 32
_I_AM = frozenset({"i", "i'm", "im", "i've", "ive", "i'd", "i'll", "my", "mine", "myself"})
PERSONS = frozenset(
    ("PERSON", "AGE", "DATE_OF_BIRTH", "PHONE", "EMAIL", "MEDICAL_ID", "US_SSN", "IBAN",
     "CREDIT_CARD", "BANK_ACCOUNT", "USERNAME")
)  # fmt: skip
"""Types of findings that say that somebody is spoken of."""


class PersonalDetector(LateDetector):
    """Finds ages, days, years and sums of money that the text ties to a person."""

    name = "personal"

    def detect(self, text: str, *, language: str | None = None) -> list[Finding]:
        """Find them by the words around alone; see `Detector.detect`."""
        return self.detect_rest(text, (), language=language)

    def detect_rest(
        self,
        text: str,
        found: Sequence[Finding],
        *,
        language: str | None = None,  # noqa: ARG002
    ) -> list[Finding]:
        """Find them by the words around, and by what the other detectors found."""
        folded = fold(text)
        names = [f.end for f in found if f.entity_type == "PERSON"]
        if folded.normal.ends is not None:
            ends, last = folded.normal.ends, len(folded.text)
            names = [min(bisect_left(ends, end) + 1, last) for end in names]
        strange = _strange_in_front(folded.text)
        spans = [(*span, "AGE") for span in ages(folded.text, [*names, *strange])]
        spans += [(*span, "BODY") for span in bodies(folded.text)]
        spans += [(*span, "PERSON") for end in names for span in named_beside(folded.text, end)]
        about = _About(folded, found, [start for start, *_ in spans])
        for look in _ANNOUNCED.announced(folded.signs):
            spans += [(*m.span(m.lastgroup or 0), _LOOKS[look]) for m in look(about)]
        return [
            folded.to_original(
                Finding(start=a, end=b, entity_type=kind, score=_SCORE, detector=self.name)
            )
            for a, b, kind in spans
            if b > a
        ]


# A small number in brackets behind a word with a capital letter: Xochitl (4), but not Table (4).
_IN_BRACKETS = re.compile(r"\((?<=[a-zß-ɏ] .)\d{1,2}(?=\)| (?:and|&) \d)")
_LONGEST_NAME = 24


def _strange_in_front(text: str) -> list[int]:
    """Return where words end that no vocabulary has and an age may stand behind."""
    ends = []
    for match in _IN_BRACKETS.finditer(text) if "(" in text else ():
        end = match.start() - 1
        word = text[max(0, end - _LONGEST_NAME) : end].rpartition(" ")[2]
        if word[:1].isupper() and word.isalpha() and not is_public(word.lower()):
            ends.append(end)
    return ends


def names_public_places_only(text: str, found: Sequence[Finding]) -> bool:
    """Say whether all that was found in a text about nobody are places that everybody knows.

    "A poem about Paris" tells nothing about anybody; "I live in Paris" does, and so does a text in
    which anything else was found.
    """
    said = lowered(text).replace("’", "'")
    return all(
        f.entity_type == "LOCATION" and said[f.start : f.end].strip() in load("places")
        for f in found
    ) and not speaks_of(said, "personal")


def speaks_of(said: str, name: str) -> bool:
    """Say whether a text in small letters has a word of a list."""
    return not load(name).isdisjoint(_WORD.findall(said)) or (
        not said.isascii() and _hangul(name).search(said) is not None
    )


class _About:
    """A text cut into sentences and paragraphs, and what each says about a person."""

    def __init__(
        self, folded: FoldedText, found: Sequence[Finding], aged: Iterable[int] = ()
    ) -> None:
        """Take what others found, and where ages, measures and further names begin."""
        self.text, self.lower, self.said = folded.text, folded.lower, folded.said
        place = folded.normal.place
        self._persons = sorted(
            [*aged, *(place(f.start) for f in found if f.entity_type in PERSONS)]
        )
        self._cuts: dict[re.Pattern[str], list[int]] = {}
        self._known: dict[tuple[Span, str], bool] = {}

    def part(self, kind: re.Pattern[str], at: int) -> Span:
        """Return the sentence or paragraph that an offset is in."""
        cuts = self._cuts.get(kind)
        if cuts is None:
            ends = (match.end() for match in kind.finditer(self.text))
            cuts = self._cuts[kind] = [0, *ends, len(self.text) + 1]
        index = bisect_right(cuts, at)
        return cuts[index - 1], cuts[index]

    def search(
        self,
        *patterns: Anchored,
        where: Callable[[str], Iterable[Stretch]] = around_digits,
    ) -> Iterator[re.Match[str]]:
        """Search where digits are."""
        stretches = where(self.text)
        for pattern in patterns:
            for stretch in stretches:
                yield from pattern.find_in(self.said, stretch)

    def personal(self, part: Span, *, we: bool = False) -> bool:
        """Say whether a stretch speaks of a person; `we` counts for what firms have as well."""
        return (
            self.has(part, "personal") or self.named(part) or (we and self.has(part, "personal_we"))
        )

    def is_narrated(self, part: Span) -> bool:
        """Say whether a sentence ends as Korean does that is written for everybody."""
        return _NARRATED.search(self.text, max(part[0], part[1] - _NEAR), part[1]) is not None

    def others(self, part: Span) -> bool:
        """Say whether a stretch speaks of somebody else than the writer."""
        said = self.lower[part[0] : part[1]]
        return self.named(part) or any(w not in _I_AM for w in _said_of(said))

    def named(self, part: Span) -> bool:
        """Say whether somebody's name or number was found in a stretch."""
        at = bisect_left(self._persons, part[0])
        return at < len(self._persons) and self._persons[at] < part[1]

    def has(self, part: Span, name: str) -> bool:
        """Say whether a stretch has a word of a list."""
        if (part, name) not in self._known:
            said = self.lower[part[0] : part[1]].replace("’", "'")
            self._known[part, name] = speaks_of(said, name)
        return self._known[part, name]


# ---- what is looked for, by its signs


@announced_by(*MONTHS, *MONTHS_ELSEWHERE, *LABELLED_DAY_BEGINS, digits(4), HANGUL, parts="/")
def _days(about: _About) -> Iterator[re.Match[str]]:
    """Yield days in prose or a table, not in a log, in code or in a path."""
    for day in about.search(_DAY):
        before = about.text[day.start() - 1 : day.start()]
        logged = _LOGGED.match(about.text, day.start() + 10) or _LOGGED.search(
            about.text, *day.span()
        )
        quoted = before and before in _QUOTES
        if not (logged or quoted or _OLD.search(day[0])) and _is_of_a_person(about, day):
            yield day
    if ":" in about.text:
        korean = () if about.text.isascii() else (_KOREAN_LABELLED_DAY,)
        for day in about.search(_LABELLED_DAY, *korean):
            if about.personal(about.part(_PARAGRAPH, day.start())):
                yield day


@announced_by("st", "nd", "rd", "th")
def _days_by_number(about: _About) -> Iterator[re.Match[str]]:
    return (day for day in about.search(_NTH) if _is_of_a_person(about, day))


def _is_of_a_person(about: _About, day: re.Match[str]) -> bool:
    """Say whether a day is somebody's; Korean news has one in every sentence, of anything."""
    if "일" in day[0] and about.is_narrated(sentence := about.part(_SENTENCE, day.start())):
        return about.personal(sentence) and about.has(sentence, "life_events")
    return about.personal(about.part(_PARAGRAPH, day.start()))


@announced_by(digits(4))
def _years(about: _About) -> Iterator[re.Match[str]]:
    times = about.search(_MONTH_OF_YEAR, _YEAR, where=around_years)
    return (time for time in times if _is_of_a_life(about, time))


@announced_by(_MONTH, HANGUL)
def _months(about: _About) -> Iterator[re.Match[str]]:
    korean = _KOREAN_MONTH.find(about.said) if "월" in about.text else ()
    return (m for m in (*_MONTH.find(about.said), *korean) if _is_of_a_life(about, m))


def _is_of_a_life(about: _About, time: re.Match[str]) -> bool:
    """Say whether a year or a month is when something happened to somebody."""
    at, end = time.span(time.lastgroup or 0)
    sentence = about.part(_SENTENCE, at)
    month = time.re in (_MONTH.pattern, _KOREAN_MONTH.pattern)
    if is_hangul(about.text[end - 1]) and not about.is_narrated(sentence):
        # Who speaks of herself says so once: "2016년 졸업 후에는".
        lived = time.re is _KOREAN_MONTH.pattern or about.has(sentence, "life_events")
        if lived and about.personal(about.part(_PARAGRAPH, at)):
            return True
    since = time[0][:5].lower() == "since"
    if since and (month or about.has(sentence, "life_events")):
        return about.personal(about.part(_PARAGRAPH, time.start()))
    if not about.personal(sentence):
        # In a list of what somebody did: "MBA, Rotterdam School of Management, 2022".
        last = time.re is _YEAR.pattern and time[0].startswith(",")
        ends_line = about.text[end : end + 1] in ("", "\n")
        return last and ends_line and about.personal(about.part(_PARAGRAPH, time.start()))
    if about.has(sentence, "life_events") or about.has(sentence, "money_cues"):
        return True
    return not month and (since or about.others(sentence))


@announced_by(_WEEKDAY, HANGUL)
def _days_of_a_week(about: _About) -> Iterator[re.Match[str]]:
    """Yield days that are known by the week, where their sentence speaks of a person."""
    korean = _KOREAN_WEEKDAY.find(about.said) if "요일" in about.text else ()
    for day in (*_WEEKDAY.find(about.said), *korean):
        sentence = about.part(_SENTENCE, day.start())
        of_a_life = about.personal(sentence) and about.has(sentence, "life_events")
        soon = _THIS.match(day[0]) is not None
        if of_a_life or (soon and about.personal(about.part(_PARAGRAPH, day.start()))):
            yield day


@announced_by(_HOLIDAY)
def _holidays(about: _About) -> Iterator[re.Match[str]]:
    """Yield holidays that something of a person's life is told by."""
    for day in _HOLIDAY.find(about.said):
        if about.personal(about.part(_SENTENCE, day.start())):
            yield day


@announced_by(_HOW_LONG)
def _how_long(about: _About) -> Iterator[re.Match[str]]:
    """Yield how long something of somebody's life takes or took."""
    for time in _HOW_LONG.find(about.said):
        sentence = about.part(_SENTENCE, time.start())
        if about.personal(sentence) and (
            about.has(sentence, "life_events")
            or about.has(sentence, "money_cues")
            or (
                time["time"].endswith("years")
                and _SINCE_THEN.search(about.lower, sentence[0], time.start())
            )
        ):
            yield time


@announced_by(_DONE_FOR)
def _done_for(about: _About) -> Iterator[re.Match[str]]:
    """Yield how long somebody has worked, served or been married."""
    for time in _DONE_FOR.find(about.said):
        if about.personal(about.part(_SENTENCE, time.start())):
            yield time


@announced_by(_GRADES)
def _grades(about: _About) -> Iterator[re.Match[str]]:
    """Yield the average of somebody's grades."""
    for grade in _GRADES.find(about.said):
        if about.personal(about.part(_PARAGRAPH, grade.start())):
            yield grade


@announced_by(_IN_ROOM)
def _rooms(about: _About) -> Iterator[re.Match[str]]:
    """Yield which room, class or seat is somebody's."""
    for room in _IN_ROOM.find(about.said):
        if about.personal(about.part(_PARAGRAPH, room.start()), we=True):
            yield room


@announced_by(digits(1))
def _serials(about: _About) -> Iterator[re.Match[str]]:
    """Yield numbers of papers and parcels that are somebody's."""
    patterns = (_SERIAL,) if about.text.isascii() else (_SERIAL, _KOREAN_SERIAL)
    for match in about.search(*patterns):
        value = match[match.lastgroup or 0]
        few = sum(map(str.isdecimal, value)) < min(_SHORTEST_SERIAL, len(value.strip("#")))
        at, end = match.span(match.lastgroup or 0)
        few = few and not _BOOKING.fullmatch(about.text, at, end)
        if not few and about.personal(about.part(_PARAGRAPH, at), we=True):
            yield match
    for match in _NUMBERED.find(about.said):
        at, end = match.span(match.lastgroup or 0)
        coloured = match["sign"] and _COLOURED.search(about.text, max(0, at - 16), at - 1)
        if not coloured and about.personal(about.part(_PARAGRAPH, at), we=True):
            yield match
    for match in about.search(_SHAPED):
        kind = match[0].partition("-")[0].rstrip("0123456789").lower()
        if kind in _KINDS_OF_PAPERS:
            continue
        if about.personal(about.part(_PARAGRAPH, match.start()), we=True):
            yield match


@announced_by(*MONEY_WORDS, "k", HANGUL, parts=MONEY_SIGNS + MONEY_BEHIND + "元円圓")
def _sums(about: _About) -> Iterator[re.Match[str]]:
    """Yield sums that are a person's: by a word of income or debt, or because they are exact."""
    won = (_KOREAN_MONEY,) if "원" in about.text else ()
    if not about.text.isascii():
        won = (*won, _EAST_ASIAN_MONEY)
    for money in about.search(_MONEY, _THOUSANDS, *won):
        often = _AN_HOUR.search(about.text, money.start(), money.end() + _RATE) is not None
        scaled = _SCALED.search(money[0]) is not None  # $2.7M has no cents
        figures = "".join(filter(str.isdigit, money[0] if scaled else _CENTS.sub("", money[0])))
        large = len(figures) > 3 or scaled
        amount = int(figures[:9] or 0)
        at = money.start()
        if _FROM_WHOM.search(about.text, max(0, at - _NEAR), at):
            yield money
            continue
        odd = not scaled and _ODD_CENTS.search(money[0]) is not None
        if not large and amount < _LEAST and not often and not odd:
            continue
        sentence, paragraph = about.part(_SENTENCE, at), about.part(_PARAGRAPH, at)
        exact = len(figures.rstrip("0")) > 1 and (large or amount >= _LEAST_EXACT)
        cued = often or about.has(sentence, "money_cues") or about.has(sentence, "deal_cues")
        if (
            (cued and (about.personal(paragraph, we=True) or _is_told(about, sentence, money)))
            or (exact and (about.personal(sentence) or about.named(paragraph)))
            or (about.personal(paragraph) and _is_of_a_day(about, money.end()))
        ):
            yield money


# Without a subject "연봉은 3450만원이에요" is said of oneself; of everybody it has a measure.
_TOLD = re.compile(
    r"\s?(?:이에요|예요|이고|입니다|인데|이야|임(?![가-힣])|밖에|씩|에 월세"
    r"|(?:을|를)?\s?(?:받|남았|남은|있|냈|내고|벌|모았|빌렸|갚))"
)
_OF_EVERYBODY = re.compile(r"평균|최저|최고|최대|최소|기준|법정|한도|이상|이하|[?？]")


def _is_told(about: _About, sentence: Span, money: re.Match[str]) -> bool:
    """Say whether a Korean sentence without a subject tells what the writer has or owes."""
    told = _TOLD.match(about.text, money.end())
    return told is not None and _OF_EVERYBODY.search(about.text, *sentence) is None


def _is_of_a_day(about: _About, end: int) -> bool:
    """Say whether a day stands behind a sum, as what was paid and when: $950 on 11 August."""
    return about.lower.startswith(" on ", end) and any(
        day.start() == end + len(" on ")
        for day in _DAY.find(about.said, end + len(" on "), end + _NEAR)
    )


@announced_by(_DUE, HANGUL)
def _sums_due(about: _About) -> Iterator[re.Match[str]]:
    """Yield sums without a currency behind a word that only a sum follows."""
    korean = () if about.text.isascii() else (_HUNDRED_MILLIONS, _KOREAN_SCORE)
    for match in about.search(_DUE, *korean):
        at = match.start("sum")
        with_currency = _MONEY.pattern.match(about.text, at)  # found above
        if not with_currency and (
            about.personal(about.part(_PARAGRAPH, at), we=True)
            or _is_told(about, about.part(_SENTENCE, at), match)
        ):
            yield match


_LOOKS: dict[Callable[[_About], Iterator[re.Match[str]]], str] = {
    _days: "DATE_TIME",
    _days_by_number: "DATE_TIME",
    _years: "DATE_TIME",
    _months: "DATE_TIME",
    _days_of_a_week: "DATE_TIME",
    _holidays: "DATE_TIME",
    _how_long: "DATE_TIME",
    _done_for: "DATE_TIME",
    _grades: NUMBER,
    _rooms: "ID",
    _serials: "ID",
    _sums: "MONEY",
    _sums_due: "MONEY",
}
"""What finds them, and their type. The last group of a match is what is private, or all of it."""
_ANNOUNCED = BySign(tuple(_LOOKS))


def _said_of(lower: str) -> Iterator[str]:
    persons = load("personal")
    return (word for word in _WORD.findall(lower.replace("’", "'")) if word in persons)


@cache
def _hangul(name: str) -> re.Pattern[str]:
    """Return what finds the Korean words of a list: particles and endings stand behind them."""
    words = [re.escape(word) for word in load(name) if not word.isascii()]
    return re.compile(rf"(?<![가-힣])(?:{'|'.join(words) or '(?!)'})")
