r"""How old, how heavy and how tall a person is, by the words around a number.

"The house is 30 years old" tells nothing about anybody; "she is 30" does. So an age needs a person
beside it: a pronoun, a relation or role, a name that was found, or a form that is said of people
only ("34F", "34-year-old woman", 만 34세).

    >>> text = "I'm 34, my mother (71) lives with us, she has a 10-year-old car. We are 5 people."
    >>> [text[start:end] for start, end in ages(text)]
    ['34', '71']
"""

import re
from collections.abc import Collection, Iterator

from langchain_privacy.detection.anchors import Anchored, Words, words_of
from langchain_privacy.detection.once import once_all
from langchain_privacy.words import load
from langchain_privacy.words.korean import HONORIFICS_AND_TITLES

Span = tuple[int, int]

_ONES = "one|two|three|four|five|six|seven|eight|nine"
_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
IN_WORDS = (
    rf"(?:(?:{_TENS})(?:[- ](?:{_ONES}))?|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen"
    rf"|seventeen|eighteen|nineteen|{_ONES})"
)
"""A number below a hundred in words, for patterns without regard to case."""
_NUMBER = r"(?:1[01]\d|\d{1,2})"
_AGE = rf"(?P<age>{_NUMBER}|{IN_WORDS})"
_RELATED = [w for w in load("personal") | load("close_roles") if w.isascii() and len(w) > 2]
_RELATIONS = "|".join(sorted(_RELATED, key=len, reverse=True))
_RELATED_BEGIN = [re.split(r"\W", word)[0] for word in _RELATED]
_PEOPLE = (
    r"(?:man|woman|boy|girl|male|female|person|child|kid|student|teacher|toddler|teenager|adult"
    r"|lady|gentleman|baby|infant|guy|patient|son|daughter|twins?|mother|father|mom|mum|dad"
    r"|brother|sister|wife|husband|niece|nephew|cousin|grand\w+|engineer|nurse|driver|worker"
    r"|widow(?:er)?|veteran|smoker|runner)"
)
# What may stand behind a bare number that is an age: "she is 30 and", not "she is 30 minutes".
_AFTER = (
    r"(?=\s?[.,;:!?()\n…—–]|\s?\Z|\s(?:and|or|but|so|now|then|with|from|living|lives|live|married"
    r"|single|divorced|this|next|in|on|when|male|female|yo|years?|yrs?|only|today|already|who"
    r"|years?-old|because|her|his|he|she|my|im|i'm|i|woman|man|m|f)\b)"
)
_ABOUT = (
    r"(?:\s(?:now|only|just|about|around|nearly|almost|over|already|still|turning|barely"
    r"|well over))?"
)
_BE = (
    r"(?:'s|'m|’s|’m|\sis|\sam|\swas|\sturn(?:ed|s)?|\sturning|\sis\sturning|\swill\sbe|\sbecomes)"
)
_I = re.IGNORECASE
# Forms that begin at the number, and forms with what announces it.
_FROM_THE_NUMBER = (
    # 34-year-old woman, "a 52-year-old with"; not "a 10-year-old laptop"
    re.compile(
        rf"\b(?P<age>{_NUMBER}|{IN_WORDS})[- ]?(?:years?|yrs?|months?|weeks?)[- ]?olds?\b"
        rf"(?=[ -](?:\w+[ -]){{0,2}}?{_PEOPLE}\b)",
        _I,
    ),
    re.compile(
        rf"\b(?P<age>{_NUMBER}|{IN_WORDS})"
        r"(?:-(?:years?|yrs?|months?)-olds?\b"
        r"(?=\s?[.,;:!?)\n]|\s?\Z| (?:who|with|from|in|and|living|single)\b)"
        r"|[- ](?:years?|yrs?|months?)[- ]old (?=(?:who|with)\b))",
        _I,
    ),
    # my 14 month old still does not walk
    re.compile(
        r"(?:(?<=\bmy )|(?<=\bour )|(?<=\bhis )|(?<=\bher )|(?<=\btheir ))"
        rf"(?P<age>{_NUMBER}|{IN_WORDS})[- ](?:years?|months?|weeks?)[- ]old"
        r"(?= (?:is|was|has|had|does|did|will|wants?|keeps?|still|now|just|never|always"
        r"|\w+n['’]t)\b)",
        _I,
    ),
    re.compile(rf"\b(?P<age>{_NUMBER})\s?(?:y/?o|yrs old|years of age)\b", _I),
    # 34F, (52M), f/34, I'm 41F; "3M fell" begins with a company, and "I'm 10m away" is no age
    re.compile(
        r"(?:^(?!\d[MFmf]\s)|(?<=[(,;:-])|(?<=[(,;:-] )|(?<=\b[Ii]m )|(?<=\b[Ii]['’]m )"
        r"|(?<=\b[Ii] am )|(?<=\bme ))(?P<age>\d{1,2}\s?/?\s?[MFmf])(?=[\s,;:.)]|\Z)"
        r"(?! (?:away|from|above|below))",
        re.MULTILINE,
    ),
    re.compile(rf"\b{_AGE}[, ]{{1,2}}(?:(?:fe)?male|man|woman)\b(?! (?:up|down|to|page))", _I),
    re.compile(rf"\b(?P<age>{_NUMBER})(?:[- ]jährige[rnsm]?| Jahre alt)\b"),
    # a happy 60th birthday
    re.compile(rf"\b(?P<age>{_NUMBER}(?:st|nd|rd|th)) (?:birthday|bday|b-day)\b", _I),
)
# I'm 34; she is only 30; my son turned 5; they're four; turning nine
_SAID = Anchored(
    rf"\b(?:(?:i|he|she|who|(?:{_RELATIONS})(?:[- ]in[- ]law)?){_BE}{_ABOUT}"
    rf"|(?P<aged>(?:im|hes|shes|they're|they are|both|aged|age|age:|age of){_ABOUT})"
    rf"|turning|turned|turns)\s{_AGE}\b(?!\s?[%:.]\d){_AFTER}"
    r"(?(aged)(?!\s(?:and|or) (?:over|older|above|under|\d)))",
    ["i", "he", "she", "who", *_RELATED_BEGIN,
     "im", "hes", "shes", "they", "both", "aged", "age", "turning", "turned", "turns"],
    any_case=True,
)  # fmt: skip
# Age: 54 | Sex: F, as a form has it, where the label begins a field and the number ends it.
_LABELS = ("age", "edad", "idade", "âge", "alter", "età")
_ENDS_FIELD = r"(?=\.?[^\S\n]*(?:\Z|\n|[^\S\n]{2}|[\t|;,/)]))(?!,\d)"
_IN_A_FORM = Anchored(
    rf"(?<![\w-])(?<![\w)] )(?:{'|'.join(_LABELS)})(?: \((?:yrs|years)\))?"
    rf"[^\S\n]?[:=][^\S\n]{{0,3}}(?P<age>{_NUMBER})(?: ?(?:y|yrs?|years|yo|m|mo|months))?"
    rf"{_ENDS_FIELD}",
    _LABELS,
    any_case=True,
)
_IN_OTHER_LANGUAGES = (
    Anchored(
        rf"\b(?:j['’]ai|il a|elle a|âgée? de|a eu) (?P<age>{_NUMBER}) ans\b",
        any_case=True,
        needs=["ans"],
    ),
    Anchored(
        rf"\b(?:tengo|tiene|tenía|cumpl\w+|edad de) (?P<age>{_NUMBER}) años\b",
        any_case=True,
        needs=["años"],
    ),
    Anchored(
        rf"\b(?:tenho|tem|tinha|faz|fez|completou) (?P<age>{_NUMBER}) anos\b(?! de (?!idade))",
        any_case=True,
        needs=["anos"],
    ),
)
# My mother (71), my son, 5, is; I'm a waitress, 19, in town.
_IN_BRACKETS = Anchored(
    rf"\b(?:{_RELATIONS}|(?:i|he|she)(?:['’]?[ms]| am| is) an? (?:[a-z]+ ){{0,2}}[a-z]+)"
    rf"\s?(?:\(|, ){_AGE}(?=[,;)]| and\b)",
    [*_RELATED_BEGIN, "i", "im", "he", "hes", "she", "shes"],
    any_case=True,
)
# I (41, divorced), her (38, at home), "he 23, they arrest him"; "Annex I (12, 13)" is none.
_OF_ONE = Anchored(
    r"\b(?:(?:i|me|he|him|she|her)\s?\((?P<age>\d\d)(?=[,;]\s?[a-z]{2})"
    r"|(?:he|she) (?P<bare>[1-9]\d)(?=, [a-z]))",
    ["i", "me", "he", "him", "she", "her"],
    any_case=True,
)
# The kids (7 and 11), kids 8 and 12: further ages behind the first.
_NEXT_AGE = re.compile(rf"(?:, ?(?:and )?| and | ?& ?){_AGE}(?=[,)]| and\b| ?&)", _I)
_LAST_AGE = re.compile(rf"(?:, |,? and | ?& ?)(?P<age>{_NUMBER})\b")
# Varón de 63 años, Mme Tanguy, 78 ans, a menina de 5 anos; not "hace 10 años".
_OF_WHOM = (
    *("paciente", "varón", "hombre", "mujer", "niño", "niña", "chico", "chica", "hijo", "hija"),
    *("señor", "señora", "menor", "alumno", "alumna", "patient", "patiente", "homme", "femme"),
    *("garçon", "fille", "enfant", "fils", "dame", "doente", "utente", "homem", "mulher"),
    *("menino", "menina", "criança", "filho", "filha", "aluno", "aluna", "idoso", "idosa"),
)
_OF_YEARS = Anchored(
    rf"(?:\b(?:{'|'.join(_OF_WHOM)}) (?:de|d['’]) ?(?P<age>{_NUMBER}) (?:ans|años|anos)\b"
    rf"|,(?: de)? (?P<apposed>{_NUMBER}) (?:ans|años|anos)(?=\s?[,;.)\n]|\s?\Z))",
    _OF_WHOM,
    signs=",",
    needs=["ans", "años", "anos"],
    any_case=True,
)
# (Elif, 3 years old)
_IN_BRACKETS_OLD = re.compile(
    rf"\([^()\n]{{2,40}}, (?P<age>{_NUMBER}) (?:years?|months?) old\)", _I
)
# She is 34 years old; not the house.
_OLD = Anchored(
    rf"\b(?:i|he|she|they|we|who|{_RELATIONS})\b(?:['’]\w+)?[^.!?,;\n]{{0,24}}?\b"
    rf"(?P<age>{_NUMBER}|{IN_WORDS}) ?(?:years?|yrs?|months?|weeks?) ?old\b"
    r"(?=\s?[.,;:!?)\n]|\s?\Z| (?:and|but|with|who|when|now|today|so|or|living|from|in)\b)",
    ["i", "he", "she", "they", "we", "who", *_RELATED_BEGIN],
    any_case=True,
)
# A patient is a 63-year-old welder: whatever somebody is.
_IS_A = Anchored(
    rf"\b(?:i|he|she|who|{_RELATIONS}){_BE}{_ABOUT} an? {_AGE}[- ]years?[- ]old\b",
    ["i", "he", "she", "who", *_RELATED_BEGIN],
    any_case=True,
)
# male patient 58 years with burns; a man of 90 who
_SOMEBODY = ("patient", "male", "female", "man", "woman", "boy", "girl", "lady")
_OF_AGE = Anchored(
    rf"\b(?:{'|'.join(_SOMEBODY)})(?P<apart>,| of)? {_AGE}"
    r"(?P<years> (?:years|yrs|months)\b)?(?(apart)|(?(years)|(?!)))"
    r"(?=\s?[,;)\n]|\s?\.(?!\d)| (?:old|who|with|presented|admitted)\b)",
    _SOMEBODY,
    any_case=True,
)
# left school at 13, died at 94; not at 10:30
_AT_AGE = Anchored(
    r"\b(?:left (?:school|home)|(?:got )?married|retired|died|widowed|orphaned|emigrated)"
    r" at (?P<age>1[01]\d|[1-9]\d)\b(?![:.]\d| ?(?:[ap]\.?m|o['’]clock|[a-z]+s\b))",
    ["left", "got", "married", "retired", "died", "widowed", "orphaned", "emigrated"],
    any_case=True,
)
# She was grey at 29, my dad had a stroke at 61; no day has so many hours.
_SOMEWHEN = Anchored(
    rf"\b(?:i|he|she|who|{_RELATIONS}) (?:will |has |have |had )?"
    r"(?:was|be|been|became|had|got|lost|started|began|met|found)\b[^.!?,;:\d\n]{0,28} at "
    r"(?P<age>2[5-9]|[3-9]\d)(?=[,;!?)\n]|\.(?!\d)|\Z| (?:and|but|like|he|she|when)\b)",
    ["i", "he", "she", "who", *_RELATED_BEGIN],
    any_case=True,
    needs=["at"],
)
# As some say it who are not at home in English: my mother has 86 years.
_HAS_YEARS = Anchored(
    rf"\b(?:i|he|she|who|{_RELATIONS}) (?:has|have|had) (?P<age>[1-9]\d) years"
    r"(?=[,;!?)\n]|\.(?!\d)|\Z| and\b)",
    ["i", "he", "she", "who", *_RELATED_BEGIN],
    any_case=True,
    needs=["years"],
)
# kids 8 and 12; son 5, daughter 8
_SEVERAL = ("kids", "children", "sons", "daughters", "boys", "girls", "twins", "grandkids",
            "grandchildren", "brothers", "sisters", "nephews", "nieces", "parents")  # fmt: skip
_ONE = ("wife", "husband", "son", "daughter", "mother", "father", "mum", "mom", "dad",
        "sister", "grandson", "granddaughter", "niece", "nephew", "toddler")  # fmt: skip
_BESIDE_FAMILY = Anchored(
    rf"\b(?:{'|'.join(_SEVERAL)}) (?P<age>{_NUMBER})"
    rf"(?=(?:, {_NUMBER})*,? (?:and|&) {_NUMBER}\b(?!\s?%|[-–/:.,]\d| (?:of|to|\w+s)\b))"
    rf"|\b(?:{'|'.join(_ONE)}) (?P<whose>{_NUMBER})"
    r"(?=[,;)\n]|\.(?!\d)|\s?\Z| (?:and|&) )",
    [*_SEVERAL, *_ONE],
    any_case=True,
)
_MOST_DIGITS = 3
SPELLED = frozenset(
    (*_ONES.split("|"), *_TENS.split("|"), "ten", "eleven", "twelve", "thirteen", "fourteen",
     "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
)  # fmt: skip
"""The words that `IN_WORDS` begins with."""
_SPELLED_BUT_ONE = SPELLED - {"one"}
# What stands right before an age says which form it may have; looking there is much cheaper than
# trying all of them.
_FORMS_BEHIND: dict[str, tuple[Anchored, ...]] = {
    **dict.fromkeys(
        ("is", "am", "was", "are", "im", "re", "m", "s", "hes", "shes", "be", "becomes", "turn",
         "turns", "turned", "turning", "both", "aged", "age", "age:", "of", "now", "only", "just",
         "about", "around", "nearly", "almost", "over", "already", "still", "barely"),
        (_SAID,),
    ),
    **dict.fromkeys(
        ("ai", "a", "de", "tengo", "tiene", "tenía", "cumplo", "cumple", "cumplió", "edad",
         "tenho", "tem", "tinha", "faz", "fez", "completou"),
        _IN_OTHER_LANGUAGES,
    ),
    **dict.fromkeys((*_SEVERAL, *_ONE), (_BESIDE_FAMILY,)),
    **dict.fromkeys(_SOMEBODY, (_OF_AGE,)),
    **dict.fromkeys(
        (":", "=", "yrs):", "years):", *(label + mark for label in _LABELS for mark in ":=")),
        (_IN_A_FORM,),
    ),
    "age:": (_SAID, _IN_A_FORM),
    "a": (*_IN_OTHER_LANGUAGES, _IS_A),
    "at": (_AT_AGE, _SOMEWHEN),
    **dict.fromkeys(("has", "have", "had"), (_HAS_YEARS,)),
    "of": (_SAID, _OF_AGE),
    **dict.fromkeys(("he", "she"), (_OF_ONE,)),
    "(": (_IN_BRACKETS, _OF_ONE),
    ",": (_IN_BRACKETS, _OF_YEARS, _OF_AGE),
    "de": (*_IN_OTHER_LANGUAGES, _OF_YEARS),
}  # fmt: skip
_BEHIND = re.compile(
    r"[- ]?(?:years?|yrs?|yo|y/o|months?|weeks?|jähr|Jahre|ans\b|años|anos)"
    r"|[, /]{0,2}(?:[mf]\b|(?:fe)?male|man\b|woman)|(?:st|nd|rd|th) b",
    _I,
)
_BEHIND_NAME = re.compile(
    rf"[.\"”’]?(?:\s?\(|,\s|,?\saged?\s|\s-\s|\sis\s)(?P<age>{_NUMBER}(?: (?:years|months|weeks))?)"
    r"(?=\s?[,;)\n]|\sold\b)"
    # Emil is eleven. "Tom is one of them", "Ada is 5 minutes late" are no ages.
    rf"|\s(?:is|was|turn(?:ed|s)?){_ABOUT}\s(?P<told>{_NUMBER}|(?!one\b){IN_WORDS})(?=\.(?:\s|\Z)|\s?[,;)!?\n]|\Z)"
    rf"|[.\"”’]?\s?\((?P<first>{_NUMBER})(?= (?:and|&) \d{{1,3}}\))"  # Ada and Ben Roe (67 and 71)
    rf"|\s\((?:[a-z]+ ){{0,2}}[a-z]+, (?P<what>{_NUMBER})(?=\))"  # Esi (human, 6)
    r"|, (?:[a-z][\w'’-]* ){0,3}[a-z]+, (?P<apposed>[1-9]\d)(?=,)"  # Dora Hale, a wick officer, 44,
    r"|\s(?P<sex>\d{2,3}\s?[MFmf])(?=[\s,;:.)]|\Z)"  # "Pt Haaksma 71M"
)

_NATIVE = (
    r"(?:스물|서른|마흔|쉰|예순|일흔|여든|아흔)?\s?"
    r"(?:한|두|세|네|다섯|여섯|일곱|여덟|아홉|열(?:한|두|세|네|다섯|여섯|일곱|여덟|아홉)?)?"
)
_KOREAN = (
    # 만 34세, 38세 남성; not 21세기, 3세대, 30세 이상
    re.compile(
        r"(?<![\d.~-])(?P<age>\d{1,3})\s?세"
        r"(?!\s?(?:이상|이하|미만|초과|부터|까지|이후|기|대|트)|\s?[~-])"
    ),
    re.compile(
        r"(?<![가-힣])(?<![가-힣] )(?:만 ?나이|나이|연령)\s?[:=]\s{0,3}"
        rf"(?P<age>{_NUMBER}){_ENDS_FIELD}"
    ),
    re.compile(
        rf"(?<![\d.~가-힣])(?P<age>\d{{1,3}}|(?=[가-힣]){_NATIVE})\s?살"
        r"(?=[\s,.)인이에된의짜때]|\Z)"
    ),
)
# 67岁, 30歳; not 3岁以上, 3岁儿童
_CHINESE_OR_JAPANESE = re.compile(
    r"(?<![\d.~-])(?P<age>\d{1,3})\s?[岁歲歳]"
    r"(?!\s?(?:以上|以下|以内|以後|未満|未满|未滿|まで|から|及|或|至|到|[~-]|的?(?:孩子|儿童|兒童|人群|宝宝)|児|前|后|後))"
)
_KOREAN_TITLES = "|".join(sorted(HONORIFICS_AND_TITLES, key=len, reverse=True))
# 차동만 씨(72), 서지훈, 34,
_AFTER_KOREAN_NAME = re.compile(
    rf"(?:\s?(?:{_KOREAN_TITLES})(?:님)?)?(?:\s?\(|,\s?)(?P<age>\d{{1,2}})(?=[,)·])"
)


def ages(text: str, names: Collection[int] = ()) -> list[Span]:
    """Return the spans of ages of people, in order; they may overlap.

    Args:
        text: Normal form, see `values.fold.normal`.
        names: Where names of people end: a number in commas or brackets behind one is an age.
    """
    found = set(_ages(text))
    for end in names:
        form = _AFTER_KOREAN_NAME if "가" <= text[end - 1] <= "힣" else _BEHIND_NAME
        if match := form.match(text, end):
            found.add(match.span(match.lastgroup or 0))
            found.update(_further(text, match.end()) if match.lastgroup == "first" else ())
    return sorted(found)


@once_all
def _ages(text: str) -> Iterator[Span]:
    words = words_of(text)
    for start, end in _candidates(words):
        if _BEHIND.match(text, end):
            found = [form.match(text, start) for form in _FROM_THE_NUMBER]
            yield from (match.span("age") for match in found if match)
            if match := _IN_BRACKETS_OLD.search(text, max(0, start - _REACH), end + _NEAR):
                yield match.span("age")
            if match := next(iter(_OLD.find(words, max(0, start - _REACH), end + _NEAR)), None):
                yield match.span("age")
        before = text[max(0, start - _NEAR) : start].rpartition("\n")[2].split()
        if not before:
            continue
        said = before[-1].lower().replace("’", "'").rpartition("'")[2]
        said = said.lstrip("([") or said
        for form in _FORMS_BEHIND.get(said[-1:] if said[-1:] in "(," else said, ()):
            for match in form.find(words, max(0, start - _REACH), end + _REACH):
                yield match.span("age" if form is _OF_AGE else match.lastgroup or 0)
                if form is _IN_BRACKETS or (form is _BESIDE_FAMILY and match.lastgroup == "age"):
                    more = _NEXT_AGE if form is _IN_BRACKETS else _LAST_AGE
                    yield from _further(text, match.end(), more)
    if not text.isascii() and any(sign in text for sign in ("세", "살", "나이", "연령")):
        for korean in _KOREAN:
            yield from (match.span("age") for match in korean.finditer(text))
    if not text.isascii():
        yield from (match.span("age") for match in _CHINESE_OR_JAPANESE.finditer(text))


def _further(text: str, at: int, form: re.Pattern[str] = _NEXT_AGE) -> Iterator[Span]:
    """Yield the ages that go on where one in brackets or commas ended."""
    while match := form.match(text, at):
        yield match.span("age")
        at = match.end()


def _candidates(words: Words) -> Iterator[Span]:
    """Yield where numbers that may be ages are, in figures and in words."""
    text = words.text
    yield from (n for n in words.numbers if n[1] - n[0] <= _MOST_DIGITS)
    for at in words.places(SPELLED if " year" in text else _SPELLED_BUT_ONE):
        if text.startswith(" ", at - 1) and text[at].islower():
            end = at + len(words.at(at))
            if not text.startswith("one", at) or text.startswith(" year", end):
                yield at, end


_REACH, _NEAR = 48, 20

_BODY = re.compile(
    r"(?<![\d.,])(?P<size>\d{1,3}(?:[.,]\d)?\s?(?:kgs?|kilos?|lbs?|pounds|cm|st|stone)"
    r"|[4-6]['’](?:\s?\d{1,2}[\"”]?)?|1[.,]\d\d\s?m)(?![\w'’])",
    _I,
)
_OF_A_PERSON = re.compile(
    r"\b(?:i|i'?m|he|she|he'?s|she'?s|weigh(?:s|ed|ing)?|weight|height|tall|(?:fe)?male|bmi"
    r"|patient|my|man|woman|boy|girl|yo|y/o|son|daughter)\b",
    _I,
)


@once_all
def bodies(text: str) -> Iterator[Span]:
    """Yield the spans of weights and heights that are said of a person, in order."""
    for start, end in words_of(text).numbers:
        if end - start <= _MOST_DIGITS and (match := _BODY.match(text, start)):
            before = text[max(0, match.start() - _REACH) : match.start()]
            if _OF_A_PERSON.search(before.rpartition("\n")[2]):
                yield match.span("size")
