"""The ways in which one private value may be written.

`Mira Solheim` may stand in a later message as `Solheim`, `M. Solheim`, `Solheim, Mira` or
`mira_solheim`; `1985-03-02` as `2 March 1985`; `010-1234-5678` as `+82 10 1234 5678`. What folding
unites (case, width, separators, see `fold`) needs no entry here: this file lists the spellings
that are other words, each with the rule that tells it from ordinary text. `index` looks for them.

Source of the rules for Korean names: the family name has one syllable, rarely two, and stands
before the given name; alone it is used with a title only.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from enum import Enum
from itertools import pairwise
from typing import NamedTuple

from langchain_privacy.values.numbers import amount_of, days_of
from langchain_privacy.words import load
from langchain_privacy.words.signs import SIGNS, WIDE

FAMILY, GIVEN = "FAMILY", "GIVEN"


class Rule(Enum):
    """What must be true of a place in a text for a spelling to count there."""

    VALUE = "the whole value: in any case and with any separators"
    WEAK = "a short value: as written or in capitals, as a whole word"
    WORD = "a word that is no everyday word: in any case, as a whole word"
    CAPITAL = "a short word: with a capital letter, as a whole word"
    NAME = "an everyday word: with a capital letter, not at the beginning of a sentence"
    KOREAN = "a Korean word: nothing before it, nothing but a particle or a title behind it"
    TITLED = "a Korean word that says little by itself: with a title behind it"
    INITIAL = "a name with one part cut to its first letter"
    NUMBER = "a telephone number without its beginning, which belongs to it"


class Spelling(NamedTuple):
    """One spelling of a value.

    Attributes:
        text: How it is written.
        rule: When it counts.
        role: `FAMILY` or `GIVEN` for a part of a name, `""` for the value itself.
        value: The value, where the rule needs it.
    """

    text: str
    rule: Rule
    role: str = ""
    value: str = ""

    def __repr__(self) -> str:
        return f"<Spelling by {self.rule.name}>"


TAIL = 9
"""Digits of a telephone number that are the same with and without country code or zero."""


def spellings(entity_type: str, value: str, *, part: bool = False) -> Iterator[Spelling]:
    """Yield the spellings of a value; the first is the value itself.

    Args:
        entity_type: Its type without a role.
        value: The value.
        part: Whether it is a part of somebody's name, which says less than a name by itself.
    """
    yield Spelling(value, _whole_rule(entity_type, value, part))
    yield from other_spellings(entity_type, value)


def other_spellings(entity_type: str, value: str) -> Iterator[Spelling]:
    """Yield the same without the value itself."""
    if is_person(entity_type):
        if _KOREAN_NAME.fullmatch(value):
            yield from _korean_spellings(value)
        elif _HANGUL_WORDS.fullmatch(value):  # a foreign name in Hangul: 올리비아 산토스
            for place, word in enumerate(value.split()):
                if len(word) > 1:
                    yield Spelling(word, _korean_rule(word), FAMILY if place else GIVEN)
        else:
            yield from _western_spellings(value)
        return
    digits = "".join(filter(str.isdecimal, value))
    letters = sum(map(str.isalnum, value)) - len(digits)
    if len(digits) >= 5 and 0 < letters <= 3:  # without its unit or its series
        yield Spelling(digits, Rule.VALUE)
    if (
        "PHONE" in entity_type and len(digits) >= 9
    ):  # the same number with and without country code or leading zero
        yield Spelling(digits[-9:], Rule.NUMBER)


WORD, NUMBER = "WORD", "NUMBER"
UNTYPED = frozenset({WORD, NUMBER})
"""Types that say nothing but "not known to be public" (strict mode, see `detection.vocabulary`)."""


def is_person(entity_type: str) -> bool:
    """Say whether a type is one of people's names."""
    return "PERSON" in entity_type or entity_type == "PER"


def _whole_rule(entity_type: str, value: str, part: bool) -> Rule:
    rule = rule_of(value)
    if is_person(entity_type) and rule is Rule.WEAK:  # one word, which may be an everyday word
        if _KOREAN_NAME.fullmatch(value):
            return _korean_rule(value)
        return Rule.NAME if part and value[:1].isupper() and is_everyday(value) else rule
    if entity_type in UNTYPED and all(
        w.lower() in load("english_everyday") for w in _WORDS.findall(value)
    ):
        return Rule.WEAK  # "Lost Bubble", but not a lost bubble
    return rule


# ---- how much a value tells by itself

_WORDS = re.compile(rf"(?:[^\W_]|[{SIGNS}])+")


def rule_of(value: str) -> Rule:
    """Say in which spellings a value can be told from ordinary text.

    A guard that refuses ordinary text gets switched off. Six digits, three Hangul syllables, two
    words or ten letters are no coincidence in any form; a single short word or four digits count
    only as written or in capitals, and a single word of a length that is no everyday word in any
    case.
    """
    digits, letters, wide = _counted(value)
    words = len(_WORDS.findall(value))
    size = digits + letters
    if (
        digits >= 5
        or wide >= 3
        or (size >= 6 and words >= 2)
        or (size >= 5 and digits >= 2 and letters >= 2)
        or size >= 10
    ):
        return Rule.VALUE
    if words == 1 and letters == size >= 4 and not wide and not is_everyday(value):
        return Rule.WORD
    return Rule.WEAK


_BY_CONTEXT = ("PERSON", "ADDRESS", "LOCATION", "ORGANIZATION", WORD)
"""Types that detectors find by the words around: an everyday word among them is that word."""


_SHARED = ("HEALTH", "TRAIT")
"""Types of what many people have: "migraine" is somebody's beside them, and nobody's elsewhere."""
_OWN_WORDS = 4  # what somebody wrote of one person


def tells_something(entity_type: str, value: str) -> bool:
    """Say whether a value is looked for at all: `30` and `US` say nothing by themselves."""
    if value.islower() and is_everyday(value) and entity_type.endswith(_BY_CONTEXT):
        return False
    if entity_type.endswith(_SHARED) and len(_WORDS.findall(value)) < _OWN_WORDS:
        return False
    digits, letters, wide = _counted(value)
    symbols = len(value.strip()) >= 6 > digits + letters
    return wide >= 2 or letters >= 3 or digits >= 4 or symbols or rule_of(value) is Rule.VALUE


def _counted(value: str) -> tuple[int, int, int]:
    """Count the digits, the letters, and those of the letters that are wide, see `words.signs`."""
    letters = sum(map(str.isalpha, value))
    wide = 0 if value.isascii() else sum(map(str.isalpha, _WIDE.findall(value)))
    return sum(map(str.isdecimal, value)), letters, wide


_WIDE = re.compile(f"[{WIDE}]")


def is_unmistakable(value: str) -> bool:
    """Say whether a value is found by nobody who does not know it: an address, a long key."""
    digits = sum(map(str.isdecimal, value))
    return (
        digits >= 8
        or ("@" in value and len(value) >= 10)
        or (len(value) >= 16 and digits >= 3 and " " not in value)
    )


def is_everyday(word: str) -> bool:
    """Say whether a word is one of everyday English."""
    return word.lower() in load("common_words")


# ---- names


NAME_WORD = re.compile(rf"[^\W\d_](?:[^\W\d_]|[{SIGNS}]|['’-](?=[^\W\d_]))*")
_NO_NAMES = load("titles") | {"jr", "sr", "ii", "iii", "iv", "md", "phd", "esq"}
_KOREAN_NAME = re.compile(r"[가-힣]{2,4}")
_HANGUL_WORDS = re.compile(r"[가-힣·]{2,}(?:[ ][가-힣·]{1,})+")


_HANJA_BEFORE = re.compile(r"([\u4e00-\u9fff]{2,4})\s?[(（\[]\Z")
_HANJA_AFTER = re.compile(r"\s?[(（\[]([\u4e00-\u9fff]{2,4})[)）\]]")


def pairs_in(
    text: str, names: Sequence[tuple[int, int]]
) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Yield Korean names that stand beside the same name in Hanja: 김민수(金民洙), 金民洙(김민수).

    Args:
        text: The text.
        names: Where names of people stand in it.

    Yields:
        Start and end of the name in Hangul, and of the one in Hanja.
    """
    for start, end in names:
        if not _KOREAN_NAME.fullmatch(text, start, end):
            continue
        after = _HANJA_AFTER.match(text, end)
        found = after or _HANJA_BEFORE.search(text[max(0, start - 6) : start])
        if found is not None and len(found[1]) == end - start:
            first = after.start(1) if after else max(0, start - 6) + found.start(1)
            yield (start, end), (first, first + end - start)


def _korean_spellings(name: str) -> Iterator[Spelling]:
    family = 2 if len(name) > 3 and name[:2] in load("korean_surnames") else 1
    first, given = name[:family], name[family:]
    if len(name) == 2:
        yield Spelling(f"{first} {given}", Rule.KOREAN)
        return
    if len(given) > 1:
        yield Spelling(given, _korean_rule(given), GIVEN)
    yield Spelling(first, Rule.TITLED, FAMILY)


def _korean_rule(word: str) -> Rule:
    """Say when a part of a name counts alone; most words of two syllables are everyday words."""
    if len(word) > 2:
        return Rule.KOREAN
    words = (load("korean_given_whole"), load("korean_given_words_as_well"), load("korean_roles"))
    if any(word in listed for listed in words) or word in load("korean_not_names"):
        return Rule.TITLED
    likely = word[0] in load("korean_given_first") and word[-1] in load("korean_given_last")
    return Rule.KOREAN if likely else Rule.TITLED


def _western_spellings(value: str) -> Iterator[Spelling]:
    words = [m[0] for m in NAME_WORD.finditer(value)]
    small = [w for w in words if w.islower() or w.lower() in load("name_particles")]
    own = [w for w in words if len(w) > 1 and w not in small and w.lower() not in _NO_NAMES]
    if len(own) < 2:
        return
    first, last = own[0], own[-1]
    if "," in value and value.find(",") < value.find(own[1]):
        first, last = own[1], own[0]  # `Solheim, Mira`
    yield Spelling(f"{last} {first}", Rule.VALUE)
    yield Spelling(f"{first[0]} {last}", Rule.INITIAL)
    yield Spelling(f"{first} {last[0]}", Rule.INITIAL)
    if len(own) > 2:
        yield Spelling(f"{first} {last}", Rule.VALUE)
        for one, other in pairwise(own):
            yield Spelling(f"{one} {other}", Rule.VALUE)
    if small and (at := value.find(small[0])) > 0:
        yield Spelling(value[at:], rule_of(value[at:]), FAMILY)  # van der Berg
    yield Spelling(last, _part_rule(last), FAMILY)
    for word in own:
        if word != last:
            yield Spelling(word, _part_rule(word), GIVEN)


def _part_rule(word: str) -> Rule:
    if is_everyday(word) or len(word) < 3:
        return Rule.NAME
    return Rule.WORD if len(word) > 3 else Rule.CAPITAL


# ---- spellings for a search that does not fold

_NUMBERED = re.compile(r"\d+")


def written_out(entity_type: str, value: str) -> Iterator[tuple[str, bool]]:
    """Yield the common spellings of a value, and whether each counts as a whole word only.

    For text that cannot be folded: megabytes of traced JSON are searched as they are. Letters in
    other widths or scripts and invisible characters are not among them.
    """
    yield value, rule_of(value) is not Rule.VALUE
    for place, spelling in enumerate(spellings(entity_type, value)):
        # What counts by the sentence around it only cannot be told here.
        if place and spelling.rule in (Rule.NAME, Rule.TITLED, Rule.NUMBER):
            continue
        whole = spelling.rule is not Rule.VALUE
        for text in _joined(spelling.text):
            yield text, whole
            yield text.upper(), whole
            if spelling.rule in (Rule.VALUE, Rule.INITIAL, Rule.WORD):
                yield text.lower(), whole
        if not place and is_person(entity_type) and _KOREAN_NAME.fullmatch(value):
            yield f"{value[:-2] or value[0]} {value[-2:]}" if len(value) > 2 else value, True
        if not spelling.text.isascii():
            yield unicodedata.normalize("NFD", spelling.text), whole
    groups = _NUMBERED.findall(value)
    if sum(map(len, groups)) >= 7 and len("".join(groups)) * 2 >= len(value):
        for separator in ("", "-", " ", "."):
            yield separator.join(groups), True
    for year, month, day in days_of(value):
        yield from ((text, True) for text in _dates_of(year, month, day))
    amount = amount_of(value)
    if amount is not None:
        yield from ((str(amount), True), (f"{amount:,}", True))


def _joined(text: str) -> Iterator[str]:
    words = text.split()
    yield text
    if not 1 < len(words) < 5 or any(map(str.isdecimal, text)):
        return
    for separator in (" ", "-", "_", ".", "\n", ", ", ". ", ""):
        if separator or len(text) > 8:
            yield separator.join(words)


def _dates_of(year: int, month: int, day: int) -> Iterator[str]:
    name = _MONTH_NAMES[month - 1]
    for y in {f"{year:02}" if year < 100 else str(year)}:
        for separator in "-./":
            yield f"{y}{separator}{month:02}{separator}{day:02}"
            yield f"{y}{separator}{month}{separator}{day}"
            yield f"{day:02}{separator}{month:02}{separator}{y}"
            yield f"{month:02}{separator}{day:02}{separator}{y}"
        if year >= 100:
            yield f"{y}년 {month}월 {day}일"
            yield f"{y}{month:02}{day:02}"
            for shown in (name, name[:3]):
                yield from (f"{day} {shown} {y}", f"{shown} {day}, {y}")


_MONTH_NAMES = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
