"""Take the private values out of a question and keep them as slots."""

import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from difflib import SequenceMatcher
from typing import Any, Literal

import ahocorasick

from langchain_privacy.masking import MaskingSession
from langchain_privacy.masking.placeholder import write
from langchain_privacy.sql.tables import ColumnCard, TableCard
from langchain_privacy.vault import VaultSession

# ---- The values of a question, as they cross (a placeholder) and as they are bound (here).

KIND = "sql_slots"
How = Literal["equals", "part", "unknown", "number"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """One value of a question.

    Attributes:
        name: `v1`, `v2` …: the bound parameter `:v1` of the statement.
        placeholder: What stands in the question and in the answer, e.g. `[VALUE_7K2Q]`.
        how: The value `equals` one of its columns' values, is a `part` of such, is a `number`, or
            its column is `unknown`.
        columns: `table.column` names, as they cross.
        value: What is bound. It never leaves the vault.
    """

    name: str
    placeholder: str
    how: How
    columns: tuple[str, ...]
    value: Any = field(repr=False)

    def describe(self) -> str:
        """Write the line about it that crosses."""
        where = " or ".join(self.columns)
        text = {
            "equals": f"equals a value of {where}; compare with =",
            "part": f"is a part of values of {where}; compare with LIKE, '%' on both sides",
            "unknown": "is a text whose column is not known; choose it by the question",
            "number": "is a number",
        }[self.how]
        return f":{self.name} = {self.placeholder} {text}"


def keep_slots(session: VaultSession, slots: list[Slot]) -> str:
    """Put slots into the session's document room and return their reference."""
    return session.documents.put(json.dumps([asdict(s) for s in slots]), {"kind": KIND})


def bound_values(session: VaultSession, ref: str) -> Mapping[str, Any]:
    """Return the values to bind, by parameter name."""
    return {slot["name"]: slot["value"] for slot in json.loads(session.documents.get(ref))}


# ---- Find the values of a question that stand in the database, on this side.
#
# A question says 옥수동, the column says 서울특별시 성동구 옥수동. The distinct values of
# linkable columns are indexed locally: whole values, their endings, their words, and by jamo for
# misspelt ones. A match becomes a bound parameter, so neither the question's word nor the column's
# value crosses.

_PARTICLES = (
    "에서부터|으로부터|에서는|에서의|에게서|이라는|이라고|에서|에게|께서|으로|부터|까지|보다|처럼"
    "|마다|밖에|이랑|이나|이며|이고|이란|라는|인데|은|는|이|가|을|를|과|와|의|에|로|도|만|랑|나|며|고"
    "|쪽|씨|님|인|별|내"
)
_AFTER = re.compile(rf"(?:{_PARTICLES}){{0,3}}(?!\w)")
_WORDS = re.compile(r"\w+")
_SPLIT = re.compile(r"[\s,()/]+")
_TRIM = re.compile(rf"(?:{_PARTICLES})$")
_FEWEST_JAMO = 5
_MOST_CHOICES = 8


@dataclass(frozen=True, slots=True)
class Place:
    """A value and the column it stands in."""

    table: TableCard
    column: ColumnCard
    value: str

    @property
    def shown(self) -> str:
        """The column's name as it crosses."""
        return f"{self.table.shown}.{self.column.shown}"


@dataclass(slots=True)
class _Term:
    full: list[Place] = field(default_factory=list)
    ending: list[Place] = field(default_factory=list)
    word: dict[str, Place] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Match:
    """A stretch of the question that the index knows.

    Attributes:
        start: First character, 0-based.
        end: One past the last character.
        how: `equals` or `part`.
        columns: Names of the columns, as they cross.
        value: What to bind, when it is certain.
        choices: Values to choose from, when it is not.
    """

    start: int
    end: int
    how: How
    columns: tuple[str, ...]
    value: str | None
    choices: tuple[str, ...] = ()


class ValueIndex:
    """The distinct values of linkable columns.

    Args:
        columns: `(table, column, values)` for each linkable column.
        fuzzy: Least similarity by jamo of a misspelt word, 1.0 for none.
        public: Text that crosses anyway (the card, the prompt); its words are never linked.
    """

    def __init__(
        self,
        columns: Iterable[tuple[TableCard, ColumnCard, Sequence[str]]],
        *,
        fuzzy: float,
        public: str,
    ) -> None:
        self._fuzzy = fuzzy
        self._public = {
            word for raw in _WORDS.findall(_lower(public)) for word in (raw, _bare(raw))
        }
        self._terms: dict[str, _Term] = defaultdict(_Term)
        for table, column, values in columns:
            for value in values:
                self._add(Place(table, column, value))
        self._automaton = ahocorasick.Automaton()
        for text in self._terms:
            self._automaton.add_word(text, text)
        if self._terms:
            self._automaton.make_automaton()
        self._by_bigram: dict[str, set[str]] = defaultdict(set)
        if fuzzy < 1:
            for text in self._terms:
                if " " not in text:
                    for pair in _bigrams(_jamo(text)):
                        self._by_bigram[pair].add(text)

    def __repr__(self) -> str:
        return f"<ValueIndex of {len(self._terms)} terms>"

    def _add(self, place: Place) -> None:
        text = _lower(place.value).strip()
        words = [word for word in _SPLIT.split(text) if word]
        if self._worth(text):
            self._terms[text].full.append(place)
        if len(words) < 2:
            return
        for i in range(1, len(words)):
            ending = text[text.rfind(" ".join(words[i:])) :] if i > 1 else " ".join(words[1:])
            if self._worth(ending) and text.endswith(ending):
                self._terms[ending].ending.append(place)
        for word in words[:-1]:
            if self._worth(word):
                self._terms[word].word.setdefault(place.shown, place)

    def _worth(self, text: str) -> bool:
        return 2 <= len(text) <= 200 and text not in self._public and not text.isdigit()

    def find(self, text: str) -> list[Match]:
        """Find values in a question; the longest match wins, none overlap."""
        folded = _lower(text)
        spans: list[tuple[int, int, str]] = []
        if self._terms:
            for last, term in self._automaton.iter(folded):
                start, end = last - len(term) + 1, last + 1
                if _bounded(folded, start, end):
                    spans.append((start, end, term))
        spans.sort(key=lambda span: (span[0] - span[1], span[0]))
        taken: list[tuple[int, int, str]] = []
        for span in spans:
            if all(span[1] <= other[0] or span[0] >= other[1] for other in taken):
                taken.append(span)
        if self._fuzzy < 1:
            taken += self._misspelt(folded, taken)
        return [self._match(*span) for span in sorted(taken)]

    def _match(self, start: int, end: int, term: str) -> Match:
        entry = self._terms[term]
        for places in (entry.full, entry.ending):
            values = tuple(dict.fromkeys(place.value for place in places))
            columns = tuple(dict.fromkeys(place.shown for place in places))
            if len(values) == 1:
                return Match(start, end, "equals", columns, values[0])
            if 1 < len(values) <= _MOST_CHOICES:
                return Match(start, end, "equals", columns, None, values)
            if values:
                return Match(start, end, "part", columns, None)
        return Match(start, end, "part", tuple(entry.word), None)

    def _misspelt(
        self, text: str, taken: Sequence[tuple[int, int, str]]
    ) -> list[tuple[int, int, str]]:
        found = []
        for word in _WORDS.finditer(text):
            start, end = word.span()
            if any(start < other[1] and other[0] < end for other in taken):
                continue
            bare = _bare(word[0])
            if bare in self._public or word[0] in self._public or bare.isdigit():
                continue
            best = self._nearest(bare)
            if best is not None:
                found.append((start, start + len(bare), best))
        return found

    def _nearest(self, word: str) -> str | None:
        jamo = _jamo(word)
        if len(jamo) < _FEWEST_JAMO:
            return None
        shared: dict[str, int] = defaultdict(int)
        for pair in _bigrams(jamo):
            for term in self._by_bigram.get(pair, ()):
                shared[term] += 1
        near = sorted(shared, key=lambda term: -shared[term])[:20]
        scored = sorted(
            ((SequenceMatcher(None, jamo, _jamo(term)).ratio(), term) for term in near),
            reverse=True,
        )
        if not scored or scored[0][0] < self._fuzzy:
            return None
        # Two equally near values are no answer.
        return None if len(scored) > 1 and scored[1][0] == scored[0][0] else scored[0][1]


def _lower(text: str) -> str:
    # Character by character, so that offsets stay those of the question.
    return "".join(low if len(low := ch.lower()) == 1 else ch for ch in text)


def _bare(word: str) -> str:
    stem = _TRIM.sub("", word)
    return stem if len(stem) >= 2 else word


def _jamo(text: str) -> str:
    return unicodedata.normalize("NFD", text)


def _bigrams(text: str) -> set[str]:
    return {text[i : i + 2] for i in range(len(text) - 1)}


def _bounded(text: str, start: int, end: int) -> bool:
    if start and text[start - 1].isalnum():
        return False
    return _AFTER.match(text, end) is not None


_TYPE = "VALUE"
_DATE = re.compile(r"(?:19|20)\d{2}(?:[-./]?\d{2}){1,2}")
_NUMBER = re.compile(r"(?<![\w.])\d[\d,]{4,}\d(?:\.\d+)?")
_QUOTED = re.compile(r"[\"'“‘「『]([^\"'“”‘’「」『』]{1,80})[\"'”’」』]")
_NAMED = re.compile(
    r"[가-힣]{2,4}(?=\s?(?:님|씨|고객|환자|회원|과장|대리|부장|차장|사원|교수|선생)(?!\w{2}))"
    r"|(?<=Mr\. )[A-Z]\w+|(?<=Ms\. )[A-Z]\w+|(?<=Dr\. )[A-Z]\w+|[A-Z][a-z]+ [A-Z][a-z]+"
)
_TOKEN_LIKE = re.compile(r"[\[［【{<]+[^\]\n]{0,12}hidden[^\]\n]{0,90}[\]］】}>]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Piece:
    start: int
    end: int
    rank: int
    how: How
    columns: tuple[str, ...] = ()
    value: str | float | None = None
    entity: str = _TYPE


@dataclass(frozen=True, slots=True)
class Linked:
    """A question without its private values.

    Attributes:
        text: The question with placeholders, which may cross.
        slots: What the placeholders stand for.
    """

    text: str
    slots: list[Slot]


Choose = Callable[[str, tuple[str, ...]], str | None]
"""Asks the person which value a word means; `None` when nobody can be asked."""


def link(
    question: str, session: MaskingSession, index: ValueIndex, choose: Choose, *, public: str = ""
) -> Linked:
    """Replace the values of a question by placeholders.

    What the index knows comes first, then what a detector finds, then what looks like a literal:
    quoted text, long numbers that are no dates, names before a title. Small numbers are the
    question's structure ("the top 3") and stay.

    Args:
        question: As the person wrote it.
        session: Issues the placeholders.
        index: The local values.
        choose: Asks the person about ambiguous words.
        public: Text that crosses anyway; its words are no secret.
    """
    pieces = [_linked(question, match, choose) for match in index.find(question)]
    pieces += [
        _Piece(found.start, found.end, 1, "unknown", entity=found.entity_type)
        for found in session.find(question)
    ]
    # Text that looks like a cell's token would be one in the answer.
    pieces += [_Piece(*found.span(), 0, "unknown") for found in _TOKEN_LIKE.finditer(question)]
    pieces += [_Piece(*found.span(1), 2, "unknown") for found in _QUOTED.finditer(question)]
    pieces += [
        _Piece(*found.span(), 2, "unknown")
        for found in _NAMED.finditer(question)
        if found[0].casefold() not in public.casefold()
    ]
    for found in _NUMBER.finditer(question):
        digits = found[0].replace(",", "")
        if len(digits.partition(".")[0]) >= 6 and not _DATE.fullmatch(found[0]):
            number = float(digits) if "." in digits else int(digits)
            pieces.append(_Piece(*found.span(), 3, "number", value=number))
    return _written(question, session, _apart(pieces))


def _placeholder(session: MaskingSession, entity: str, value: str) -> str:
    entry = session.vault.issue(entity, value)
    return write(entry.entity_type, entry.code)


def _linked(question: str, match: Match, choose: Choose) -> _Piece:
    value, how = match.value, match.how
    if match.choices:
        value = choose(question[match.start : match.end], match.choices)
        how = "equals" if value is not None else "part"
    return _Piece(match.start, match.end, 0, how, match.columns, value)


def _apart(pieces: list[_Piece]) -> list[_Piece]:
    kept: list[_Piece] = []
    for piece in sorted(pieces, key=lambda p: (p.start - p.end, p.rank)):
        clash = [k for k in kept if piece.start < k.end and k.start < piece.end]
        if not clash:
            kept.append(piece)
    return sorted(kept, key=lambda p: p.start)


def _written(question: str, session: MaskingSession, pieces: list[_Piece]) -> Linked:
    slots: dict[str, Slot] = {}
    out: list[str] = []
    at = 0
    for piece in pieces:
        said = question[piece.start : piece.end]
        placeholder = _placeholder(session, piece.entity, said)
        slot = slots.get(placeholder)
        if slot is None:
            slot = Slot(
                name=f"v{len(slots) + 1}",
                placeholder=placeholder,
                how=piece.how,
                columns=piece.columns,
                value=said if piece.value is None else piece.value,
            )
            slots[placeholder] = slot
            if isinstance(slot.value, str) and slot.value != said:
                # The column's own spelling is as private as the question's.
                _placeholder(session, _TYPE, slot.value)
        out += [question[at : piece.start], slot.placeholder]
        at = piece.end
    return Linked("".join([*out, question[at:]]), list(slots.values()))
