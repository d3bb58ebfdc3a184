"""Which private values stand in a text, where, and in which spelling.

One index holds the values of a session; masking, the guard, the trace guard and everything else
that asks "is this value here?" asks it. One pass of an Aho-Corasick automaton (Aho and Corasick,
CACM 18(6), 1975) over the text's skeleton finds every candidate, however many values there are;
each candidate is then judged where it stands.

    >>> index = ValueIndex[str]()
    >>> index.add("Mira Solheim", "PERSON", "the patient")
    >>> for hit in outermost(index.find("Did SOLHEIM call? See mira_solheim.pdf")):
    ...     print(hit.start, hit.end, hit.form, hit.role, hit.owners)
    4 11 case FAMILY ('the patient',)
    22 34 separators  ('the patient',)

Levels, from sure to far-fetched:

- *exact* (`exact`): character by character, wherever it stands;
- *written differently* (`find`): other case, width, separators, word order, parts of a name, a date
  or an amount in another format;
- *disguised* (`disguise.py`): reversed, encoded, spelled out. The guard alone looks for these.
"""

import re
import threading
import unicodedata
from bisect import bisect_left
from collections.abc import Hashable, Iterator, Sequence
from operator import itemgetter
from typing import Generic, NamedTuple, TypeVar

from langchain_privacy.values.automaton import Automaton
from langchain_privacy.values.fold import SOFT, Skeleton, compose, normal, skeleton
from langchain_privacy.values.numbers import Day, amount_of, amounts, dates, days_of
from langchain_privacy.values.spelling import (
    FAMILY,
    NAME_WORD,
    TAIL,
    Rule,
    Spelling,
    is_everyday,
    is_person,
    other_spellings,
    spellings,
    tells_something,
)
from langchain_privacy.values.view import Places
from langchain_privacy.words.korean import ends_a_korean_word, is_hangul, title_follows
from langchain_privacy.words.signs import SIGNS, WIDE, is_letter

Owner = TypeVar("Owner", bound=Hashable)

_number = itemgetter(0)
_INVISIBLE = ("Cf", "Mn", "Me", "Cn")
_LONG = 12
"""Letters and digits that are no coincidence even inside a longer word."""


class Hit(NamedTuple, Generic[Owner]):
    """A value in a text. It never holds the value.

    Attributes:
        start: First character.
        end: One past the last.
        form: `"plain"`, or how it is written differently: `"case"`, `"separators"`, `"split"`,
            `"unicode"`, `"spaced"`, `"name"`, `"date"`, `"numeral"`.
        role: `"FAMILY"` or `"GIVEN"` where only that part of a name stands.
        owners: Whose value it may be; several where a part belongs to several names.
    """

    start: int
    end: int
    form: str
    role: str
    owners: tuple[Owner, ...]


class Key(NamedTuple, Generic[Owner]):
    """One spelling of a value, as the automata hold it, and whose value that may be.

    It is judged once where it stands, however many owners it has.
    """

    spelling: Spelling
    size: int
    form: str
    owners: dict[Owner, None]


class News:
    """What an index has learned since some time, for texts that were searched before.

    A fast look without judgement: it says "perhaps" too often and "no" never wrongly.
    """

    def __init__(self, folded: Sequence[bytes], written: Sequence[bytes], *, numbers: bool) -> None:
        self._folded = folded
        self._written = written
        self._numbers = numbers

    def may_be_in(self, text: str) -> bool:
        """Say whether a new value may stand in a text."""
        return bool(self._folded or self._written or self._numbers) and self.may_be(Looked(text))

    def may_be(self, looked: "Looked") -> bool:
        """Say the same of a text that was reduced before."""
        return (
            (self._numbers and looked.digits)
            or any(key in looked.folded for key in self._folded)
            or any(key in looked.written for key in self._written)
        )


class Looked:
    """A text as reduced for `News`."""

    __slots__ = ("digits", "folded", "written")

    def __init__(self, text: str) -> None:
        folded = Skeleton(text)
        self.folded = folded.data
        self.written = _bytes(folded.readable.text)
        self.digits = _DIGIT.search(text) is not None


_DIGIT = re.compile(r"\d|[만억조]")


class ValueIndex(Generic[Owner]):
    """Values and whose they are. Thread-safe; its `repr` shows nothing.

    Attributes:
        longest: Characters of the longest value.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = self._number = 0
        self.longest = 0
        self._log: list[tuple[int, bytes, bool]] = []
        self._numbers_since = -1
        self._news: tuple[tuple[int, int], News] = ((0, 0), News((), (), numbers=False))
        self._exact: Automaton[Key[Owner]] = Automaton()
        self._folded: Automaton[Key[Owner]] = Automaton()
        self._written: Automaton[Key[Owner]] = Automaton()
        self._days: dict[Day, dict[Owner, None]] = {}
        self._years: frozenset[str] = frozenset()
        self._amounts: dict[int, dict[Owner, None]] = {}

    def __repr__(self) -> str:
        return f"<ValueIndex of {self._count} values>"

    def __len__(self) -> int:
        return self._count

    def add(
        self,
        value: str,
        entity_type: str,
        owner: Owner,
        number: int = 0,
        *,
        named: bool = False,
        part: bool = False,
    ) -> None:
        """Take in a value.

        Args:
            value: The value.
            entity_type: Its type without a role; names of people have parts.
            owner: What a hit names.
            number: When it came, for `news`; numbers must not fall.
            named: Whether somebody named it, so that it counts however little it tells.
            part: Whether it is a part of somebody's name.
        """
        with self._lock:
            self._count += 1
            self._number = number
            self.longest = max(self.longest, len(value))
            self._put(self._exact, _bytes(value), Spelling(value, Rule.VALUE), "plain", owner)
            if not (named or tells_something(entity_type, value)):
                return
            other = "name" if is_person(entity_type) else "separators"
            for place, spelling in enumerate(spellings(entity_type, compose(value), part=part)):
                if named and spelling.rule is Rule.WEAK:
                    short = len(value) < 2 or any(map(is_hangul, value))
                    spelling = spelling._replace(rule=Rule.WORD if short else Rule.VALUE)
                self._spell(spelling, owner, other if place else "plain")
            for day in days_of(value):
                self._numbers_since = number
                self._days.setdefault(day, {})[owner] = None
                self._years |= {f"{day[0] % 100:02}"}
            if (amount := amount_of(value)) is not None:
                self._numbers_since = number
                self._amounts.setdefault(amount, {})[owner] = None
                self._spell(Spelling(str(amount), Rule.VALUE), owner, "numeral")

    def _spell(self, spelling: Spelling, owner: Owner, form: str) -> None:
        written = {spelling.text}
        if spelling.rule in (Rule.VALUE, Rule.INITIAL, Rule.NUMBER):
            data = skeleton(spelling.text)
            size = len(data.decode("utf-8", "surrogatepass"))
            self._put(self._folded, data, spelling, form, owner, size)
            if size >= 5 or spelling.rule is not Rule.VALUE:
                return
            # else it is nothing but signs
        elif spelling.rule is not Rule.NAME:
            written.add(spelling.text.upper())
        if spelling.rule is Rule.WORD:
            written |= {spelling.text.lower(), spelling.text.capitalize()}
        for text in written:
            self._put(self._written, _bytes(text), spelling, form, owner)

    def _put(
        self,
        automaton: Automaton[Key[Owner]],
        text: bytes,
        spelling: Spelling,
        form: str,
        owner: Owner,
        size: int | None = None,
    ) -> None:
        if automaton is not self._exact:
            self._log.append((self._number, text, automaton is self._folded))
        for key in automaton.keys.get(text, ()):
            if key.spelling == spelling and key.form == form:
                key.owners[owner] = None
                return
        size = len(spelling.text) if size is None else size
        automaton.put(text, Key(spelling, size, form, {owner: None}))

    def drop(self, *owners: Owner) -> None:
        """Forget the values of owners; nothing of them stays in memory."""
        gone = frozenset(owners)

        def without(kept: dict[Owner, None]) -> bool:
            for owner in [owner for owner in kept if owner in gone]:
                del kept[owner]
            return not kept

        with self._lock:
            for automaton in (self._exact, self._folded, self._written):
                automaton.drop(lambda key: without(key.owners))
            self._log = []
            self._days = {day: kept for day, kept in self._days.items() if not without(kept)}
            self._years = frozenset(f"{year % 100:02}" for year, *_ in self._days)
            self._amounts = {n: kept for n, kept in self._amounts.items() if not without(kept)}

    def owners(self) -> frozenset[Owner]:
        """Return whose values there are."""
        keys = [key for keys in self._exact.keys.values() for key in keys]
        return frozenset(owner for key in keys for owner in key.owners)

    def news(self, since: int) -> News:
        """Return what was added with numbers from `since` on."""
        with self._lock:
            mark = (since, len(self._log))
            if self._news[0] != mark:
                log = self._log[bisect_left(self._log, since, key=_number) :]
                news = News(
                    [text for _, text, folded in log if folded],
                    [text for _, text, folded in log if not folded],
                    numbers=self._numbers_since >= since,
                )
                self._news = mark, news
            return self._news[1]

    # ---- asking

    def exact(self, text: str) -> list[Hit[Owner]]:
        """Return where values stand character by character, also inside words.

        Leftmost first, the longest of those, none overlapping.
        """
        hits: list[Hit[Owner]] = []
        for start, end, keys in self._exact.in_text(text):
            if not hits or start >= hits[-1].end:
                hits.append(Hit(start, end, "plain", "", (next(iter(keys[0].owners)),)))
        return hits

    def find(self, text: str | Skeleton, but: Sequence[tuple[int, int]] = ()) -> list[Hit[Owner]]:
        """Return where values stand, also written differently; hits may overlap.

        Args:
            text: Any text, or its skeleton where that is there already. Nothing is joined across
                `fold.HARD`, and `fold.SOFT` marks a seam over which a value may be split.
            but: Places inside of which nobody looks, in order and without overlaps.
        """
        hits: list[Hit[Owner]] = []
        if not self._count:
            return hits
        folded = Skeleton(text) if isinstance(text, str) else text
        places = Places(but)
        if self._folded.keys:
            hits += self._in_skeleton(folded, places)
        if self._written.keys:
            hits += self._as_written(folded, places)
        readable = folded.readable
        if any(year in readable.text for year in self._years):
            hits += [
                Hit(*readable.span(start, end), "date", "", tuple(owners))
                for start, end, day in dates(readable.text)
                if (owners := self._days.get(day))
            ]
        if self._amounts:
            hits += [
                Hit(*readable.span(start, end), "numeral", "", tuple(owners))
                for start, end, amount in amounts(readable.text)
                if (owners := self._amounts.get(amount))
            ]
        return hits

    def reversed(self, folded: Skeleton) -> Iterator[Hit[Owner]]:
        """Yield where whole values stand from right to left; a palindrome is none."""
        data, size = folded.data, len(folded.data)
        mirrored = data[::-1]
        if not data.isascii():
            mirrored = _bytes(data.decode("utf-8", "surrogatepass")[::-1])
        for start, end, keys in self._folded.occurrences(mirrored):
            first, last = folded.span(size - end, size - start)
            for key in keys:
                if key.form != "plain" or data[size - end : size - start] == mirrored[start:end]:
                    continue
                if _judge(folded.text, first, last, key) is not None:
                    yield Hit(first, last, "reversed", "", tuple(key.owners))

    def _in_skeleton(self, folded: Skeleton, but: Places) -> Iterator[Hit[Owner]]:
        done: dict[int, int] = {}
        for start, end, keys in self._folded.occurrences(folded.data):
            if start < done.get(id(keys), 0):
                continue  # a value that repeats itself overlaps itself
            first, last = folded.span(start, end)
            if but.hold(first, last) and keys[0].spelling.rule is not Rule.NUMBER:
                continue  # a telephone number may begin before
            if hits := judged(folded.text, first, last, keys):
                done[id(keys)] = end
                yield from hits

    def _as_written(self, folded: Skeleton, but: Places) -> Iterator[Hit[Owner]]:
        readable = folded.readable
        for start, end, keys in self._written.in_text(readable.text, _begins_word):
            at = readable.span(start, end)
            if but.hold(*at):
                continue
            good = [key for key in keys if _stands(readable.text, start, end, key.spelling)]
            if good:
                owners = dict.fromkeys(owner for key in good for owner in key.owners)
                form = _form(folded.text[slice(*at)], good[0])
                yield Hit(*at, form, good[0].spelling.role, tuple(owners))


_GA, _HIH = "가".encode(), "힣".encode()
"""The first and the last syllable; three bytes of UTF-8 have the order of their characters."""


def _begins_word(data: bytes, at: int) -> bool:
    """Say whether no syllable of Hangul stands before another one at an offset.

    Most of what reads like a family name of one syllable stands inside of a word.
    """
    inside = at > 2 and data[at - 1] > 127 and _GA <= data[at - 3 : at] <= _HIH
    return not (inside and _GA <= data[at : at + 3] <= _HIH)


def stands_once(folded: Skeleton, value: str, entity_type: str) -> bool:
    """Say of a value of a text whether its letters stand nowhere else there: most do.

    Without digits and Korean numerals a value has no other spelling, and every spelling of
    somebody's name has one of its words.
    """
    if _DIGIT.search(value) or not (value.isascii() or amount_of(value) is None):
        return False
    words = [value]
    if is_person(entity_type):
        words = [word for word in NAME_WORD.findall(value) if len(word) > 1]
        words = [] if not value.isascii() and any(map(is_hangul, value)) else words
    for key in map(skeleton, words):
        if not key or folded.data.find(key) != folded.data.rfind(key):
            return False
    return bool(words)


def stands_within(folded: Skeleton, value: str, entity_type: str, known: bytes) -> bool:
    """Say of a value of a text whether an index would find it in some places of that text only.

    Args:
        folded: The text.
        value: The value.
        entity_type: Its type.
        known: The skeletons of those places, with `fold.HARD` between them.
    """
    if not tells_something(entity_type, value):
        return True
    data, own = folded.data, skeleton(value)
    if not own or not _as_often(data, known, own):
        return False
    if _DIGIT.search(value) or not value.isascii():  # else it is no day and no amount
        years = {b"%02d" % (day[0] % 100) for day in days_of(value)}
        if years and not (value.isascii() and all(_as_often(data, own, year) for year in years)):
            return False  # another date may be the same day
        amount = amount_of(value)
        if amount is not None and (
            not _as_often(data, known, b"%d" % amount) or any(amounts(folded.readable.text))
        ):
            return False
    for spelling in other_spellings(entity_type, compose(value)):
        key = skeleton(spelling.text)
        if not key or not _as_often(data, known, key):
            return False
        if spelling.rule is Rule.NUMBER:  # what stands before it belongs to it
            at, _ = folded.span(data.find(key), data.find(key) + 1)
            first = folded.text.find(value)
            if data.count(key) > 1 or _beginning_of_number(folded.text, at, value) < first:
                return False
    return True


def _as_often(data: bytes, known: bytes, key: bytes) -> bool:
    """Say whether some bytes stand no more often in a text than in known parts of it.

    No as well where they overlap so often (`AAAA...`) that to count them takes the square of the
    text's length.
    """
    here, there = data.find(key), known.find(key)
    left = 2 * len(data)  # what does not overlap takes half of it at the most
    while here >= 0 and there >= 0:
        left -= len(key)
        if left < 0:
            return False
        here, there = data.find(key, here + 1), known.find(key, there + 1)
    return here < 0


def outermost(hits: Sequence[Hit[Owner]]) -> list[Hit[Owner]]:
    """Return the hits that stand in no other one, in order and without overlaps."""
    kept: list[Hit[Owner]] = []
    for hit in sorted(hits, key=lambda hit: (hit.start, -hit.end)):
        if not kept or hit.start >= kept[-1].end:
            kept.append(hit)
    return kept


def judged(text: str, start: int, end: int, keys: Sequence[Key[Owner]]) -> list[Hit[Owner]]:
    """Judge a candidate of the skeleton where it stands; nothing when it is there by chance."""
    hits: list[Hit[Owner]] = []
    for key in keys:
        at, form = start, None
        if key.spelling.rule is Rule.NUMBER:
            at = _beginning_of_number(text, start, key.spelling.value)
            form = "separators" if _is_telephone(text, at, end) else None
        elif key.spelling.rule is not Rule.INITIAL or _is_initial(text, start, end, key):
            form = _judge(text, start, end, key)
        if form is not None:
            hits.append(Hit(at, end, form, key.spelling.role, tuple(key.owners)))
    return _one_a_place(hits)


def _one_a_place(hits: list[Hit[Owner]]) -> list[Hit[Owner]]:
    """Unite hits of the same place that differ in their owners only."""
    if len(hits) < 2:
        return hits
    united: dict[tuple[int, int, str], Hit[Owner]] = {}
    for hit in hits:
        place = (hit.start, hit.end, hit.role)
        known = united.get(place)
        owners = dict.fromkeys((*(known.owners if known else ()), *hit.owners))
        united[place] = (known or hit)._replace(owners=tuple(owners))
    return list(united.values())


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


# ---- judging a candidate where it stands


def _judge(text: str, start: int, end: int, key: Key[Owner]) -> str | None:
    """Name the form in which a candidate is the value, or `None` when it is there by chance."""
    size, value = key.size, key.spelling.text
    if end - start > 11 * size + 16:
        return None  # far apart
    whole = is_whole_word(text, start, end)
    if whole and text.startswith(value, start) and end - start == len(value):
        return key.form
    if not whole and size < _LONG and _kind(value[0]) != 2 and " " not in value:
        return None
    found = text[start:end]
    gaps, own = _gaps(found), len(_gaps(value))
    # Two words with their capitals, or a Korean name of three syllables, are no chance find even
    # when something is glued to them.
    exact = found == value and (own > 0 or _kind(value[0]) == 2)
    long = size >= _LONG and not found.replace(" ", "").isdecimal()
    if not whole and not (exact or long):
        return None
    spaced = len(gaps) > own and len(gaps) >= size - 1
    if len(gaps) > own:
        # Pieces far apart, or different gaps between few characters, are there by chance.
        widest = 9 if spaced and size >= 7 else 3  # letter-spaced words stand further apart
        if any(len(g) > widest and SOFT not in g for g in gaps):
            return None
        if size < 9 and len({g for g in gaps if SOFT not in g}) > 1 + spaced:
            return None
        if not whole:
            return None
    if own and _SENTENCE_ENDS.search(found) and not _SENTENCE_ENDS.search(value):
        return None  # two sentences
    if own and found.islower() and not value.islower() and all(map(is_everyday, value.split())):
        return None
    return _form(found, key, spaced=spaced)


def _form(found: str, key: Key[Owner], *, spaced: bool = False) -> str:
    value = key.spelling.text
    if found == value:
        return key.form
    if key.form != "plain":
        return "case" if found.casefold() == value.casefold() else key.form
    if SOFT in found:
        return "split"
    if found.casefold() == value.casefold():
        return "case"
    if spaced:
        return "spaced"
    bare = "".join(c for c in found if c.isalnum()).casefold()
    if bare == "".join(c for c in value if c.isalnum()).casefold():
        printable = all(c.isprintable() or c.isspace() for c in found)
        return "separators" if printable else "unicode"
    return "unicode"


def _stands(text: str, start: int, end: int, spelling: Spelling) -> bool:
    """Say whether a spelling counts where it stands, by its rule."""
    rule = spelling.rule
    if rule is Rule.KOREAN:
        return not _hangul_before(text, start) and ends_a_korean_word(text, end)
    if rule is Rule.TITLED:
        return not _hangul_before(text, start) and title_follows(text, end)
    if (
        spelling.role == FAMILY
        and text[end : end + 1] == "s"
        and not text[end + 1 : end + 2].isalnum()
    ):
        whole = is_whole_word(text[:end], start, end)  # the Solheims
    else:
        whole = is_whole_word(text, start, end)
    return whole and (rule is not Rule.NAME or not _is_the_word(text, start, end))


_SENTENCE_ENDS = re.compile(r"[^\W\d_]{2}[.!?;]\s")


_OF_THE_CALENDAR = frozenset({
    *("january", "february", "march", "april", "may", "june", "july", "august"),
    *("september", "october", "november", "december"),
    *("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
})  # fmt: skip
_BEFORE_DATES = re.compile(
    r"(?i:\b(?:in|on|by|of|since|until|till|from|to|before|after|during|between|and|or|every|each"
    r"|last|next|this|early|mid|late|\d{1,2}(?:st|nd|rd|th)?)[ -])\Z"
)
_SENTENCE_BEGINS = re.compile(r"(?:^|[.!?:;\n|>•*\-–—]|\d[.)])[\s\"'“‘(\[*_#>]*\Z")


def _is_the_word(text: str, start: int, end: int) -> bool:
    """Say whether an everyday word with a capital letter stands there as that word."""
    if text[end : end + 2] in ("'s", "’s"):
        return False  # "Mark's" is somebody's
    before = text[max(0, start - 16) : start]
    if text[start:end].lower() in _OF_THE_CALENDAR and _BEFORE_DATES.search(before):
        return True  # in May
    return _SENTENCE_BEGINS.search(before) is not None


def _is_initial(text: str, start: int, end: int, key: Key[Owner]) -> bool:
    """Say whether one letter and a part of a name belong together: M. Solheim, msolheim, Mira S."""
    found, (one, _, two) = text[start:end], key.spelling.text.partition(" ")
    gap = "".join(_gaps(found))
    if not is_whole_word(text, start, end):
        return False
    if len(gap) > 2 or "\n" in gap or "'" in gap or "’" in gap:
        return False
    if len(one) == 1:
        if not gap:
            return found.islower() and len(two) > 3 and not is_everyday(two)
        return found[0].isupper() and (found[-len(two)].isupper() or not is_everyday(two))
    return bool(gap.strip(".") or gap) and found[-1].isupper() and found[0].isupper()


_TELEPHONE = re.compile(r"[+(]{0,2}\d(?:[ .\-/()]{0,3}\d){8,14}")
_NUMBER_BEFORE = re.compile(
    r"(?P<code>\+\d{1,3}|00\d{1,3})?[ .\-/()]{0,3}(?P<area>\d{0,3})[ .\-/()]{0,3}\Z"
)


def _is_telephone(text: str, start: int, end: int) -> bool:
    glued = text[end : end + 1].isdecimal() or text[max(0, start - 1) : start].isdecimal()
    return not glued and _TELEPHONE.fullmatch(normal(text[start:end]).text) is not None


def _beginning_of_number(text: str, start: int, value: str) -> int:
    """Return where the telephone number begins whose last digits stand at `start`.

    Before them may stand what the value has there, without its zero, and a country code.
    """
    before = normal(text[max(0, start - 14) : start])
    match = _NUMBER_BEFORE.search(before.text)
    own = "".join(c for c in value if c.isdecimal())[:-TAIL].lstrip("0")
    area = match["area"].lstrip("0") if match else ""
    if match is None or not (own.endswith(area) or area.endswith(own)):
        return start
    if not (match["code"] or match["area"]):
        return start
    first, _ = before.span(match.start("code" if match["code"] else "area"), len(before.text))
    first += max(0, start - 14)
    return first - 1 if text[max(0, first - 1) : first] == "(" else first


def _hangul_before(text: str, start: int) -> bool:
    return start > 0 and is_hangul(text[start - 1])


def is_whole_word(text: str, start: int, end: int) -> bool:
    """Say whether `text[start:end]` is a word of its own.

    A Korean particle may follow; a capital letter begins a word in `ScanSolheim` and ends one in
    `solheimScan`; digits and letters, and letters of two scripts, are two words.
    """
    first, last = text[start], text[end - 1]
    before = text[start - 1] if start else " "
    after = text[end] if end < len(text) else " "
    left = not is_letter(before) or _kind(before) != _kind(first)
    left = left or (
        first.isupper()
        and start > 1
        and text[start - 2 : start].islower()
        and text[start - 2].isalpha()
    )
    right = not is_letter(after) or _kind(last) != _kind(after) or is_hangul(last)
    right = right or (last.islower() and after.isupper())
    if last.isdecimal() and after in ".,-" and text[end + 1 : end + 2].isdecimal():
        right = False
    if first.isdecimal() and before in ".,-" and text[max(0, start - 2) : start - 1].isdecimal():
        left = False
    return left and right


def _kind(character: str) -> int:
    if character.isdecimal():
        return 0
    return 2 if _WIDE.match(character) else 1


_WIDE = re.compile(f"[{WIDE}]")


_LETTERS_AND_SIGNS = re.compile(rf"(?:[^\W_]|[{SIGNS}])+")


def _gaps(text: str) -> list[str]:
    """Return what stands between the letters and digits of a text; invisible characters do not."""
    visible = text
    if not text.isascii():
        visible = "".join(
            c for c in text if c.isascii() or unicodedata.category(c) not in _INVISIBLE
        )
    return [gap for gap in _LETTERS_AND_SIGNS.split(visible)[1:-1] if gap]
