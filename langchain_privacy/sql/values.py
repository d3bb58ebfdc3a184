"""The values of a question: found on this side, taken out, and kept as slots.

A question says 옥수동, the column says 서울특별시 성동구 옥수동. `ColumnValues` knows the distinct
values of the linkable columns: whole values, their endings, their words, and by jamo for misspelt
ones. `link_values` replaces what it finds in a question, and whatever else looks like a private
value, by placeholders, and makes each a `Slot`:

    옥수동의 거래는?  →  [VALUE_7K2Q]의 거래는?   :v1 = "서울특별시 성동구 옥수동"

The remote model sees the placeholder and `Slot.describe`, the database gets the value as a bound
parameter, so neither the question's word nor the column's value crosses. `nodes/link.py` calls this
before anything else; the other nodes read the slots that were kept.
"""

import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from difflib import SequenceMatcher
from typing import Any, Literal, Protocol, TypeVar

from langchain_privacy.masking import MaskingSession
from langchain_privacy.masking.placeholder import write
from langchain_privacy.sql.tables import ColumnCard, TableCard
from langchain_privacy.values.automaton import Automaton
from langchain_privacy.vault import VaultSession

KIND = "sql_slots"
"""Kind of the documents in a session's room that hold slots."""

How = Literal["equals", "part", "unknown", "number"]

Choose = Callable[[str, tuple[str, ...]], str | None]
"""Asks the person which value a word means; `None` when nobody can be asked."""

_TYPE = "VALUE"
_MOST_CHOICES = 8
_FEWEST_JAMO = 5

_PARTICLES = (
    "에서부터|으로부터|에서는|에서의|에게서|이라는|이라고|에서|에게|께서|으로|부터|까지|보다|처럼"
    "|마다|밖에|이랑|이나|이며|이고|이란|라는|인데|은|는|이|가|을|를|과|와|의|에|로|도|만|랑|나|며|고"
    "|쪽|씨|님|인|별|내"
)
# What may follow a value: up to three particles, and then the end of the word.
_WORD_ENDS = re.compile(rf"(?:{_PARTICLES}){{0,3}}(?!\w)")
_LAST_PARTICLE = re.compile(rf"(?:{_PARTICLES})$")
_WORDS = re.compile(r"\w+")
_SEPARATORS = re.compile(r"[\s,()/]+")

# 20240301, 2024-03, 2024.3.1 are no numbers to hide, 191,000 and 110234567890 are.
_DATE = re.compile(r"(?:19|20)\d{2}(?:[-./]?\d{2}){1,2}")
_NUMBER = re.compile(
    r"(?<![\w.])"  # not inside a word or behind a decimal point
    r"\d[\d,]{4,}\d"  # six digits or commas and more
    r"(?:\.\d+)?"
)
_QUOTED = re.compile(
    r"[\"'“‘「『]"
    r"([^\"'“”‘’「」『』]{1,80})"  # what stands between the marks
    r"[\"'”’」』]"
)
_NAMED = re.compile(
    # 김민수 님, 박영희 고객: a name before a title
    r"[가-힣]{2,4}(?=\s?(?:님|씨|고객|환자|회원|과장|대리|부장|차장|사원|교수|선생)(?!\w{2}))"
    # Mr. Smith: a name after a title
    r"|(?<=Mr\. )[A-Z]\w+|(?<=Ms\. )[A-Z]\w+|(?<=Dr\. )[A-Z]\w+"
    # Mira Solheim: two capitalised words
    r"|[A-Z][a-z]+ [A-Z][a-z]+"
)
# [[hidden_value_1_price]] and whatever may be read as such a token of a cell.
_TOKEN_LIKE = re.compile(
    r"[\[［【{<]+[^\]\n]{0,12}hidden[^\]\n]{0,90}[\]］】}>]+",
    re.IGNORECASE,
)


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


def keep_slots(session: VaultSession, slots: Sequence[Slot]) -> str:
    """Put slots into the session's document room and return their reference."""
    return session.documents.put(json.dumps([asdict(s) for s in slots]), {"kind": KIND})


def bound_values(session: VaultSession, ref: str) -> dict[str, Any]:
    """Return the values to bind, by parameter name."""
    return {slot["name"]: slot["value"] for slot in json.loads(session.documents.get(ref))}


class _Spread(Protocol):
    """A stretch of a question."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


S = TypeVar("S", bound=_Spread)


def _apart(found: Iterable[S], rank: Callable[[S], int]) -> list[S]:
    """Keep stretches that do not overlap: the longest wins, of equally long ones the lower rank."""
    kept: list[S] = []
    for one in sorted(found, key=lambda s: (s.start - s.end, rank(s))):
        if all(one.end <= other.start or other.end <= one.start for other in kept):
            kept.append(one)
    return sorted(kept, key=lambda s: s.start)


# The values of the database's columns.


@dataclass(frozen=True, slots=True)
class Match:
    """A stretch of the question that some column's values know.

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


@dataclass(frozen=True, slots=True)
class _Place:
    """A value, and the column it stands in as its name crosses."""

    column: str
    value: str


@dataclass(slots=True)
class _Term:
    """What a text of the index is: a whole value, the ending of values, a word in values."""

    whole: list[_Place] = field(default_factory=list)
    ending: list[_Place] = field(default_factory=list)
    word: dict[str, _Place] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Hit:
    """A term of the index and where it stands."""

    start: int
    end: int
    term: str


class ColumnValues:
    """The distinct values of linkable columns, to be found in questions.

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
        self._public = public.casefold()
        self._public_words = {
            word for raw in _WORDS.findall(_lower(public)) for word in (raw, _bare(raw))
        }
        self._terms: dict[str, _Term] = defaultdict(_Term)
        for table, column, values in columns:
            for value in values:
                self._add(_Place(f"{table.shown}.{column.shown}", value))
        self._matcher = Automaton[str]()
        for term in self._terms:
            self._matcher.put(term.encode("utf-8", "surrogatepass"), term)
        self._matcher.ready()
        self._by_bigram: dict[str, set[str]] = defaultdict(set)
        if fuzzy < 1:
            for text in self._terms:
                if " " not in text:
                    for pair in _bigrams(_jamo(text)):
                        self._by_bigram[pair].add(text)

    def __repr__(self) -> str:
        return f"<ColumnValues of {len(self._terms)} terms>"

    def _add(self, place: _Place) -> None:
        text = _lower(place.value).strip()
        words = [word for word in _SEPARATORS.split(text) if word]
        if self._worth(text):
            self._terms[text].whole.append(place)
        if len(words) < 2:
            return
        for i in range(1, len(words)):
            ending = text[text.rfind(" ".join(words[i:])) :] if i > 1 else " ".join(words[1:])
            if self._worth(ending) and text.endswith(ending):
                self._terms[ending].ending.append(place)
        for word in words[:-1]:
            if self._worth(word):
                self._terms[word].word.setdefault(place.column, place)

    def _worth(self, text: str) -> bool:
        return 2 <= len(text) <= 200 and text not in self._public_words and not text.isdigit()

    def crosses_anyway(self, text: str) -> bool:
        """Whether a text is a part of what crosses with every question."""
        return text.casefold() in self._public

    def find(self, text: str) -> list[Match]:
        """Find values in a question; the longest match wins, none overlap."""
        lower = _lower(text)
        found = (_Hit(a, b, term) for a, b, (term,) in self._matcher.in_text(lower))
        bounded = (hit for hit in found if _is_word(lower, hit.start, hit.end))
        hits = _apart(bounded, lambda hit: hit.start)
        if self._fuzzy < 1:
            hits = sorted([*hits, *self._misspelt(lower, hits)], key=lambda hit: hit.start)
        return [self._match(hit) for hit in hits]

    def _match(self, hit: _Hit) -> Match:
        term = self._terms[hit.term]
        for places in (term.whole, term.ending):
            values = tuple(dict.fromkeys(place.value for place in places))
            columns = tuple(dict.fromkeys(place.column for place in places))
            if len(values) == 1:
                return Match(hit.start, hit.end, "equals", columns, values[0])
            if 1 < len(values) <= _MOST_CHOICES:
                return Match(hit.start, hit.end, "equals", columns, None, values)
            if values:
                return Match(hit.start, hit.end, "part", columns, None)
        return Match(hit.start, hit.end, "part", tuple(term.word), None)

    def _misspelt(self, text: str, taken: Sequence[_Hit]) -> list[_Hit]:
        """Find words that are nearly a value, outside of what was found."""
        found = []
        for word in _WORDS.finditer(text):
            start, end = word.span()
            if any(start < hit.end and hit.start < end for hit in taken):
                continue
            bare = _bare(word[0])
            if bare in self._public_words or word[0] in self._public_words or bare.isdigit():
                continue
            nearest = self._nearest(bare)
            if nearest is not None:
                found.append(_Hit(start, start + len(bare), nearest))
        return found

    def _nearest(self, word: str) -> str | None:
        """Return the value that a word nearly is; two equally near ones are no answer."""
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
        return None if len(scored) > 1 and scored[1][0] == scored[0][0] else scored[0][1]


def _lower(text: str) -> str:
    lower = text.lower()
    if len(lower) == len(text) and "Σ" not in text:
        return lower
    # Character by character, so that offsets stay those of the question, and so that Σ does not
    # depend on what follows it.
    return "".join(low if len(low := ch.lower()) == 1 else ch for ch in text)


def _bare(word: str) -> str:
    """Take a particle off a word, where two characters stay."""
    stem = _LAST_PARTICLE.sub("", word)
    return stem if len(stem) >= 2 else word


def _jamo(text: str) -> str:
    return unicodedata.normalize("NFD", text)


def _bigrams(text: str) -> set[str]:
    return {text[i : i + 2] for i in range(len(text) - 1)}


def _is_word(text: str, start: int, end: int) -> bool:
    """Whether a stretch begins and ends where a word does, particles aside."""
    if start and text[start - 1].isalnum():
        return False
    return _WORD_ENDS.match(text, end) is not None


# The question without its values.


@dataclass(frozen=True, slots=True)
class LinkedQuestion:
    """A question without its private values.

    Attributes:
        text: The question with placeholders, which may cross.
        slots: What the placeholders stand for.
    """

    text: str
    slots: list[Slot]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of a question that becomes a slot; of two equally long ones the lower rank wins."""

    start: int
    end: int
    rank: int
    how: How
    columns: tuple[str, ...] = ()
    value: str | float | None = None
    entity: str = _TYPE


def link_values(
    question: str, session: MaskingSession, columns: ColumnValues, choose: Choose
) -> LinkedQuestion:
    """Replace the values of a question by placeholders.

    What the columns know comes first, then what a detector finds, then what looks like a literal:
    quoted text, long numbers that are no dates, names at a title. Small numbers are the question's
    structure ("the top 3") and stay.

    Args:
        question: As the person wrote it.
        session: Issues the placeholders.
        columns: The local values.
        choose: Asks the person about ambiguous words.
    """
    pieces = [_chosen(question, match, choose) for match in columns.find(question)]
    # Text that looks like a cell's token would be one in the answer.
    pieces += [_Piece(*found.span(), 0, "unknown") for found in _TOKEN_LIKE.finditer(question)]
    pieces += [
        _Piece(found.start, found.end, 1, "unknown", entity=found.entity_type)
        for found in session.find(question)
    ]
    pieces += [_Piece(*found.span(1), 2, "unknown") for found in _QUOTED.finditer(question)]
    pieces += [
        _Piece(*found.span(), 2, "unknown")
        for found in _NAMED.finditer(question)
        if not columns.crosses_anyway(found[0])
    ]
    for found in _NUMBER.finditer(question):
        digits = found[0].replace(",", "")
        if len(digits.partition(".")[0]) >= 6 and not _DATE.fullmatch(found[0]):
            number = float(digits) if "." in digits else int(digits)
            pieces.append(_Piece(*found.span(), 3, "number", value=number))
    return _written(question, session, _apart(pieces, lambda piece: piece.rank))


def _chosen(question: str, match: Match, choose: Choose) -> _Piece:
    value, how = match.value, match.how
    if match.choices:
        value = choose(question[match.start : match.end], match.choices)
        how = "equals" if value is not None else "part"
    return _Piece(match.start, match.end, 0, how, match.columns, value)


def _written(question: str, session: MaskingSession, pieces: Sequence[_Piece]) -> LinkedQuestion:
    slots: dict[str, Slot] = {}
    out: list[str] = []
    at = 0
    for piece in pieces:
        said = question[piece.start : piece.end]
        placeholder = _placeholder(session, piece.entity, said)
        slot = slots.get(placeholder)
        if slot is None:
            slots[placeholder] = slot = Slot(
                name=f"v{len(slots) + 1}",
                placeholder=placeholder,
                how=piece.how,
                columns=piece.columns,
                value=said if piece.value is None else piece.value,
            )
            if isinstance(slot.value, str) and slot.value != said:
                # The column's own spelling is as private as the question's.
                _placeholder(session, _TYPE, slot.value)
        out += [question[at : piece.start], placeholder]
        at = piece.end
    return LinkedQuestion("".join([*out, question[at:]]), list(slots.values()))


def _placeholder(session: MaskingSession, entity: str, value: str) -> str:
    entry = session.vault.issue(entity, value)
    return write(entry.entity_type, entry.code)
