"""Values in Cyrillic and Greek text: names by their capital letter, and by what stands before them.

In Russian, Ukrainian, Bulgarian, Serbian, Greek and the like a word within a sentence has a capital
letter only when it is a name, or polite. So no dictionary is needed: such a word is private,
whosever name it is. What stands before it gives the type: a relation, a form of address, a word for
a street or a firm, the field of a form (`words/announced_cyrillic_greek.txt`, closed classes).

    >>> from langchain_privacy.detection.folded import fold
    >>> text = "Вчера дочь Майя звонила Вам с улицы Пронина, 17. Фирма «Уют-Север» молчит."
    >>> found = find_cyrillic_and_greek_values(fold(text))
    >>> [(f.entity_type, text[f.start : f.end]) for f in found]
    [('ADDRESS', 'улицы Пронина, 17'), ('ORGANIZATION', 'Уют-Север'), ('PERSON', 'Майя'), ('WORD', 'Пронина')]
"""

# ruff: noqa: E501 - a pattern reads better whole

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from operator import itemgetter

from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import NOT_ASCII, UPPER, FoldedText
from langchain_privacy.detection.rules import announced_by, finding
from langchain_privacy.values.spelling import WORD
from langchain_privacy.words import load_by_kind
from langchain_privacy.words.labels import kind_elsewhere

_SCORE = 0.5
_KINDS: Mapping[str, str] = load_by_kind("announced_cyrillic_greek")
_HERE = re.compile(r"[\u0370-\u052f\u1f00-\u1fff]")
_UPPER = "".join(
    chr(code)
    for code in (*range(0x370, 0x530), *range(0x1F00, 0x2000))
    if re.match(f"[{UPPER}]", chr(code))
)
_LOWER = "".join(
    chr(code) for code in (*range(0x370, 0x530), *range(0x1F00, 0x2000)) if chr(code).islower()
)
_LETTER = f"[{_UPPER}{_LOWER}]"
# "Анна", "Нур-Султан", "О'Коннор"; two capitals are an abbreviation, three with small ones are not.
_NAME = rf"[{_UPPER}]{_LETTER}*[{_LOWER}](?:[-'’]{_LETTER}+)*"
_INITIAL = rf"[{_UPPER}]\.(?![{_LOWER}])"
_RUN = re.compile(
    rf"(?<![\w'’-])(?:{_INITIAL}[ ]?){{0,2}}{_NAME}(?:[ ]?{_INITIAL}){{0,2}}"
    rf"(?:[ ]{_NAME}(?:[ ]?{_INITIAL}){{0,2}}){{0,3}}(?![\w])"
)
_WORDS = re.compile(_NAME)
# Polite words and forms of address that have a capital letter themselves.
_POLITE = frozenset(
    ("вы", "вас", "вам", "вами", "ваш", "ваша", "ваше", "ваши", "вашей", "вашего", "вашем", "вашему",
     "вашим", "вашими", "вашу", "ваших", "ви", "вама", "вашої", "вашій", "ваші", "вие", "вашия",
     "вашата", "σας", "εσείς", "εσάς")
)  # fmt: skip
# Behind these a full stop ends no sentence: г. Караганда, ул. Ермекова, им. Горького.
_SHORTENED = (
    r"(?<![\w-])(?:г|гор|ул|пр|просп|пер|пл|обл|пос|дер|ст|с|д|м|св|им|кв|корп|стр|тов|гр|проф|акад"
    r"|доц|инж|вул|наб|бул|мкр|тел|т|см|напр|др|κ|κα|κος|δρ|οδ|λεωφ|αγ)\.[ ]"
)
_BEGINS = re.compile(
    r"(?:\A|[.!?…]|\n|[•>#]|(?:\A|\n)[ \t]*(?:[-*]|\d{1,3}[.)]))[\s\"'“„«(*_>#-]*\Z"
    r"|(?<!\w)[\"“„«]\Z"
)
_LABELLED = re.compile(r":[ \t]*\Z")
_IS_SHORTENED = re.compile(rf"{_SHORTENED}\Z", re.IGNORECASE)
_BEFORE = 24
# "Айгуль Сериковна": behind a given name at the beginning of a sentence.
_PATRONYMIC = re.compile(
    r".{2,}(?:ович|евич|йович|ьич|овн|евн|ичн|їв[н]|івн)(?:[аеуиюоыі]|ем|ой|ою|і)?\Z"
)
_QUOTED = re.compile(rf"[«“„\"](?P<name>[{_UPPER}][^«»“”\"\n.!?]{{1,40}})[»”“\"]")
_MOST_QUOTED = 4
# What stands between a label or a word that announces and its value.
_CUE = re.compile(
    rf"(?<![\w-])(?P<cue>{_LETTER}[\w.'’-]{{0,24}}(?: {_LETTER}[\w'’-]{{0,24}})?),?[-:= ]{{0,4}}[«„“\"]?\Z"
)
_LONGEST_SHORT = 4  # letters of an abbreviation; behind a longer word a full stop ends the sentence


def _any_of(kind: str) -> str:
    cues = (re.escape(cue) for cue, said in _KINDS.items() if said == kind)
    return "|".join(sorted(cues, key=len, reverse=True))


_STREETS = f"(?i:{_any_of('ADDRESS')})"
_HOUSE = r"(?:д(?:ом|\.)?|буд(?:инок|\.)?|№|αρ\.?)?[ ]?\d{1,4}(?:[ ]?[а-яА-Яα-ωΑ-Ω](?![\w]))?(?:[/-]\d{1,4})?"
_UNIT = r"(?:,?[ ]?(?:кв(?:артира|\.)?|корп(?:ус|\.)?|к\.|оф(?:ис|\.)?|стр\.|под(?:ъезд|\.)|эт\.)[ ]?\d{1,4})"
_STREET = re.compile(
    rf"(?<![\w-]){_STREETS}\.?[ ]?(?:(?:\d{{1,2}}(?:-[а-я]{{1,2}})?|им\.?|имени)[ ])?"
    rf"(?:{_NAME}|{_INITIAL})(?:[ ]?(?:{_NAME}|{_INITIAL})){{0,3}}(?:,?[ ]{_HOUSE}{_UNIT}{{0,3}})?(?![\w])"
    rf"|(?<![\w-])(?:{_NAME}[ ]){{1,2}}{_STREETS}\.?,?[ ]{_HOUSE}{_UNIT}{{0,3}}(?![\w])"
)
_NUMBERED = re.compile(
    rf"(?<!\w)(?i:{_any_of('ID')})(?!\w)(?:[ ]?(?:№|N|No\.?|:|-))?[ ]?"
    rf"(?P<value>(?:[{_UPPER}A-Z]{{1,4}}[-/]?)?\d[\d{_UPPER}A-Z]*(?:[-/ ][\d{_UPPER}A-Z]+)*)"
    r"(?![\w%]|[.,:]\d)"
)
_YEAR = re.compile(r"(?:19|20)\d\d")
_LEAST_DIGITS = 4
_AGE = re.compile(
    r"(?<![\w])(?:мне|ему|ей|возраст|им|мені|йому|їй)[ :](?:уже |сейчас |скоро |исполнилось )?"
    r"(?P<age>\d{1,3}|два|три|четыре|пять|шесть|семь|восемь|девять|десять)(?= (?:год|лет|рок|рік))"
    r"|(?<![\w.,-])(?P<of>\d{1,3})(?=-летн(?:ий|яя|его|ей|ему|им)\b)"
    r"|(?<![\w])(?:είμαι|είναι) (?P<greek>\d{1,3})(?= (?:χρον|ετών|ετ))",
    re.IGNORECASE,
)


@announced_by(NOT_ASCII)
def find_cyrillic_and_greek_values(text: FoldedText) -> Iterator[Finding]:
    """Find names, streets, firms and numbers; texts without these scripts cost nothing."""
    t = text.text
    if t.isascii() or not _HERE.search(t):
        return
    for street in _STREET.finditer(t):
        yield finding(*street.span(), "ADDRESS", 0.7, _RULE)
    yield from _numbers(text)
    for age in _AGE.finditer(t):
        yield finding(*age.span(age.lastgroup or 0), "AGE", _SCORE, _RULE)
    quoted: list[tuple[int, int]] = []
    for quote in _QUOTED.finditer(t):
        if len(quote["name"].split()) > _MOST_QUOTED or "," in quote["name"]:
            continue
        kind = _announced(text, quote.start()) or WORD
        if kind != WORD or not _begins(t, quote.start()):
            quoted.append(quote.span("name"))
            yield finding(*quote.span("name"), kind, _SCORE, _RULE)
    for run in _RUN.finditer(t):
        at = bisect_right(quoted, run.start(), key=itemgetter(0)) - 1
        if at >= 0 and run.start() < quoted[at][1]:
            continue
        if kind_elsewhere(run[0].lower()):
            continue  # the label of a field
        said = _announced(text, run.start())
        if (span := _named(t, run, announced=said is not None)) is not None:
            yield finding(*span, said or _announced(text, span[0]) or WORD, _SCORE, _RULE)


_RULE = "cyrillic_greek"


def _named(t: str, run: re.Match[str], *, announced: bool) -> tuple[int, int] | None:
    """Return what of a run of words with capital letters is a name, if anything."""
    words = list(_WORDS.finditer(run[0]))
    first = 0
    if "." not in run[0] and not announced and _says_nothing(t, run, words):
        first = 1  # "Вчера Анна звонила": the first word has its capital letter anyway
    while first < len(words) and _is_polite(words[first][0]):
        first += 1
    if first == len(words):
        return None
    return run.start() + (words[first].start() if first else 0), run.end()


def _says_nothing(t: str, run: re.Match[str], words: list[re.Match[str]]) -> bool:
    """Say whether the first word of a run has a capital letter whatever it is."""
    if len(words) > 1 and _PATRONYMIC.fullmatch(words[1][0].lower()):
        return False
    if len(words) == 1 and _LABELLED.search(t, max(0, run.start() - _BEFORE), run.start()):
        return True  # "Тема: Жалоба"
    if not _begins(t, run.start()):
        return False
    above = t[max(0, run.start() - _BEFORE) : run.start()].rstrip(" \t-*")[-1:]
    alone = above in ("", "\n") and t[run.end() : run.end() + 1] in ("", "\n")
    return not (alone and len(words) > 1)  # a signature


def _is_polite(word: str) -> bool:
    lower = word.lower()
    return lower in _POLITE or lower in _KINDS


def _begins(t: str, start: int) -> bool:
    """Say whether a sentence, a line, an item of a list or a quotation begins at an offset."""
    first = max(0, start - _BEFORE)
    return _BEGINS.search(t, first, start) is not None and not _IS_SHORTENED.search(t, first, start)


def _announced(text: FoldedText, start: int) -> str | None:
    """Return the type that the word before an offset says, or the two words."""
    cue = _CUE.search(text.lower, max(0, start - 2 * _BEFORE), start)
    if cue is None:
        return None
    said = cue["cue"].rstrip(".")
    if len(said) > _LONGEST_SHORT and cue["cue"].endswith("."):
        return None
    last = cue["cue"].rpartition(" ")[2]
    kind = _KINDS.get(said) or _KINDS.get(last) or _KINDS.get(last.rstrip("."))
    return None if kind in ("ID", "ADDRESS") else kind


def _numbers(text: FoldedText) -> Iterator[Finding]:
    for number in _NUMBERED.finditer(text.text):
        digits = sum(map(str.isdecimal, number["value"]))
        if digits >= _LEAST_DIGITS and not _YEAR.fullmatch(number["value"]):
            yield finding(*number.span("value"), "ID", 0.6, _RULE)
