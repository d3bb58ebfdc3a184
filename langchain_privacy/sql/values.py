"""The distinct values of a database's linkable columns, to be found in questions.

A question says 옥수동, the column says 서울특별시 성동구 옥수동. `ColumnValues` knows whole values
and the words that stand together in them, however they are spaced; `find` says which stretches of
a question are such, and how sure that is. A word of the language, or of the prompt, is none.

`nodes/link.py` keeps one for the columns of the card; `linking.py` makes slots of what it finds.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Literal, NamedTuple, Protocol, TypeVar

from langchain_privacy.detection.korean.tokens import is_kiwi_installed, korean_tokens
from langchain_privacy.detection.vocabulary.lexicon import is_public
from langchain_privacy.sql.dates import is_calendar, stands_in_a_date
from langchain_privacy.sql.people import LatinNames, given_name, holds_people
from langchain_privacy.sql.tables import ColumnCard, TableCard
from langchain_privacy.values.automaton import Automaton
from langchain_privacy.values.fold import Skeleton, compose, skeleton
from langchain_privacy.words import load, load_by_kind
from langchain_privacy.words.korean import ends_a_korean_word, title_follows

Sure = Literal["exact", "part", "several", "misspelt"]
"""A stretch is a whole value, or words that one value has; words that some values end with; words
that many have; or nearly a value."""

_MOST_CHOICES = 8
_FEWEST_JAMO = 8
_FEWEST_LETTERS = 6
_MOST_WORDS, _LONGEST, _LONGEST_IN_PIECES = 6, 200, 60
_MOSTLY = 0.9
"""Share of codes from which on a column is one of codes."""
_TAIL = 3
"""Syllables of a value from which on more Hangul may follow it: 옥수리버젠아파트."""

_PARTICLES = (
    "에서부터|으로부터|에서는|에서의|에게서|이라는|이라고|에서|에게|께서|으로|부터|까지|보다|처럼"
    "|마다|밖에|이랑|이나|이며|이고|이란|라는|인데|은|는|이|가|을|를|과|와|의|에|로|도|만|랑|나|며|고"
    "|쪽|씨|님|인|별|내"
)
# What may follow a value: up to three particles, and then the end of the word.
_WORD_ENDS = re.compile(rf"(?:{_PARTICLES}){{0,3}}(?!\w)")
_LAST_PARTICLE = re.compile(rf"(?:{_PARTICLES})$")
_WORDS = re.compile(r"\w+")
_SEPARATORS = re.compile(r"[\s,()/·&\-]+")
_SENTENCE_ENDS = re.compile(r"[.!?\n]\s|\n")
_LATIN_RUN = re.compile(r"[A-Za-z]+(?:[ ,.'-]{1,2}[A-Za-z]+)*")


class _Spread(Protocol):
    """A stretch of a question."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


S = TypeVar("S", bound=_Spread)


def apart(found: Iterable[S], rank: Callable[[S], int]) -> list[S]:
    """Keep stretches that do not overlap: the longest wins, of equally long ones the lower rank."""
    kept: list[S] = []
    for one in sorted(found, key=lambda s: (s.start - s.end, rank(s))):
        if all(one.end <= other.start or other.end <= one.start for other in kept):
            kept.append(one)
    return sorted(kept, key=lambda s: s.start)


@dataclass(frozen=True, slots=True)
class Match:
    """A stretch of the question that some column's values know.

    Attributes:
        start: First character, 0-based.
        end: One past the last character.
        sure: How sure it is which value is meant.
        person: Whether the values are names of people.
        columns: Names of the columns, as they cross.
        values: The value to bind, or those to choose from; none where too many have the words.
    """

    start: int
    end: int
    sure: Sure
    person: bool
    columns: tuple[str, ...]
    values: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Place:
    """A value, and the column it stands in as its name crosses."""

    column: str
    value: str


@dataclass(slots=True)
class _Term:
    """What a text of the index is: a whole value, words that stand together in values."""

    text: str
    whole: list[_Place] = field(default_factory=list)
    inside: dict[str, None] = field(default_factory=dict)
    given: list[_Place] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Hit:
    """A term of the index and where it stands."""

    start: int
    end: int
    term: _Term
    misspelt: bool = False


class _Having(NamedTuple):
    """The values of a column that hold a text, and how many of them end with it."""

    all: list[str]
    ending: int


class ColumnValues:
    """The distinct values of linkable columns.

    Args:
        columns: `(table, column, values)` for each linkable column.
        fuzzy: Least similarity by jamo of a misspelt word, 1.0 for none. Names of people are found
            as they are or not at all.
        public: Text that crosses anyway (the card, the prompt); its words are never linked.

    Attributes:
        of_people: The columns that hold names of people.
        public_words: Words of what crosses anyway, in lower case.
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
        words = {compose(word.casefold()) for word in _WORDS.findall(public)}
        self.public_words = frozenset(words | {bare(word) for word in words})
        self._terms: dict[bytes, _Term] = {}
        self._values: dict[str, list[str]] = {}
        self._reduced: dict[str, list[tuple[str, bytes]]] = {}
        people = []
        for table, column, values in columns:
            name = f"{table.shown}.{column.shown}"
            self._values[name] = list(values)
            if holds_people(column.name, values):
                people.append(name)
            for value in values:
                self._add(_Place(name, value), person=name in people)
        for name, values in self._values.items():
            self._add_states(name, values)
        self.of_people: tuple[str, ...] = tuple(people)
        self._in_hangul: dict[str, list[_Place]] = defaultdict(list)
        for name in self.of_people:
            for value in self._values[name]:
                if not value.isascii():
                    self._in_hangul[value].append(_Place(name, value))
        self._latin = LatinNames(self._in_hangul)
        self._matcher = Automaton[_Term]()
        for data, term in self._terms.items():
            self._matcher.put(data, term)
        self._matcher.ready()
        self._near = _Near(self._single_words()) if fuzzy < 1 else None

    def __repr__(self) -> str:
        return f"<ColumnValues of {len(self._terms)} terms>"

    def _add(self, place: _Place, *, person: bool) -> None:
        text = place.value.strip()
        if term := self._term(text, whole=True):
            term.whole.append(place)
        if person:
            if term := self._term(given_name(compose(text)), whole=False):
                term.given.append(place)
            words = [] if given_name(compose(text)) else text.split()
        else:
            words = [word for word in _SEPARATORS.split(text) if word]
        if not 1 < len(words) <= _MOST_WORDS or len(text) > _LONGEST_IN_PIECES:
            return  # prose is no name: its words are those of the language
        for first in range(len(words)):
            for last in range(first + 1, len(words) + 1):
                if last - first < len(words):
                    term = self._term(" ".join(words[first:last]), whole=False)
                    if term:
                        (
                            term.given.append(place)
                            if person
                            else term.inside.setdefault(place.column)
                        )

    def _add_states(self, column: str, values: Sequence[str]) -> None:
        """Let the names of states stand for their codes in a column of those: California, CA."""
        names = {code: name for name, code in load_by_kind("us_states").items()}
        codes = [value for value in values if value in names]
        if not codes or len(codes) < len(values) * _MOSTLY:
            return
        for code in codes:
            term = self._term(names[code], whole=True)
            if term is not None and not term.whole and not term.inside:
                term.whole.append(_Place(column, code))

    def _term(self, text: str, *, whole: bool) -> _Term | None:
        """Return the term of a text, `None` where it says too little to be looked for."""
        if (
            not 2 <= len(text) <= _LONGEST
            or text.isdigit()
            or compose(text.casefold()) in self.public_words
        ):
            return None
        if not whole and text.isascii() and (len(text) < 3 or text.isnumeric()):
            return None
        data = skeleton(text)
        return self._terms.setdefault(data, _Term(text)) if len(data) > 1 else None

    def is_public(self, word: str) -> bool:
        """Whether a word is one of what crosses anyway."""
        word = compose(word.casefold())
        return word in self.public_words or bare(word) in self.public_words

    def _single_words(self) -> Iterator[_Term]:
        for term in self._terms.values():
            people = {place.column for place in term.whole} <= set(self.of_people)
            if " " not in term.text and not (people and term.whole) and not term.given:
                yield term

    def crosses_anyway(self, text: str) -> bool:
        """Whether a text is a part of what crosses with every question."""
        return text.casefold() in self._public

    def knows_word(self, text: str) -> bool:
        """Whether a word that no dictionary has is structure all the same.

        That is a form of a word of the card, a short abbreviation (`IDs`, `GPA`), a compound of
        everyday words (`signups`), or a place of the gazetteer, where no column has it.
        """
        word = text.casefold()
        stem = word.removesuffix("s")
        forms = {word, stem, word.removesuffix("es"), *word.split("_")}
        if self.crosses_anyway(text) or forms & self.public_words:
            return True
        if word in _LITERALS or is_calendar(word) or word in load("places"):
            return True
        if text.isascii() and text.removesuffix("s").isupper():
            return len(text.removesuffix("s")) <= 3 and text.isalpha()
        compounds = range(2, len(stem) - 1) if text.isascii() and text.islower() else ()
        return any(is_public(stem[:at]) and is_public(stem[at:]) for at in compounds)

    def whole(self, text: str) -> Match | None:
        """Find a text that is a value as it stands."""
        term = self._terms.get(skeleton(text))
        return self._match(_Hit(0, len(text), term)) if term is not None and term.whole else None

    def find(self, text: str) -> list[Match]:
        """Find values in a question; the longest match wins, none overlap."""
        reduced = Skeleton(text)
        found: list[_Hit] = []
        for first, last, terms in self._matcher.occurrences(reduced.data):
            start, end = reduced.span(first, last)
            found += [
                _Hit(start, end, term) for term in terms if self._stands(text, start, end, term)
            ]
        hits = apart(found, lambda hit: hit.start)
        if self._near is not None:
            hits = sorted([*hits, *self._misspelt(text, hits)], key=lambda hit: hit.start)
        matches = [self._match(hit) for hit in hits]
        return sorted([*matches, *self._in_latin(text, hits)], key=lambda match: match.start)

    def _stands(self, text: str, start: int, end: int, term: _Term) -> bool:
        """Whether a term stands in a question as words of its own, and means the value."""
        said = text[start:end]
        if (start and text[start - 1].isalnum()) or _SENTENCE_ENDS.search(said):
            return False
        if stands_in_a_date(text, start, end):
            return False
        hangul = any("가" <= ch <= "힣" for ch in compose(said))
        if not hangul and len(said.split()) > len(_SEPARATORS.split(term.text)):
            return False  # "the rapist" is no therapist
        rest = compose(text[end:])
        ends = _WORD_ENDS.match(rest) or (hangul and ends_a_korean_word(rest, 0))
        long = hangul and end - start >= _TAIL and "가" <= rest[:1] <= "힣"
        if not ends and not long:
            return False
        if not term.whole and not term.inside:
            return _means_a_person(text[:start], said, rest)
        return not self._ordinary(text, start, end, whole=bool(term.whole))

    def _ordinary(self, text: str, start: int, end: int, *, whole: bool) -> bool:
        """Whether words of a question are such of the language, rather than a value's."""
        words = [word.casefold() for word in _WORDS.findall(text[start:end])]
        if all(word in self.public_words or word.isdigit() or is_calendar(word) for word in words):
            return True
        if not text[start:end].isascii():
            return not whole and all(is_common_noun(compose(word)) for word in words)
        if whole and " " in text[start:end]:
            return False
        quoted = text[start - 1 : start] in _QUOTES and text[end : end + 1] in _QUOTES
        named = text[start:end][:1].isupper() and not _begins(text, start)
        return not quoted and not (whole and named) and all(map(is_public, words))

    def _match(self, hit: _Hit) -> Match:
        start, end, term = hit.start, hit.end, hit.term
        people = set(self.of_people)
        if term.whole:
            values, columns = _of(term.whole)
            people_first = tuple(column for column in columns if column in people)
            sure: Sure = "misspelt" if hit.misspelt else "exact" if len(values) == 1 else "part"
            return Match(start, end, sure, bool(people_first), people_first or columns, values)
        if term.given and not term.inside:
            values, columns = _of(term.given)
            few = values if len(values) <= _MOST_CHOICES else ()
            return Match(start, end, "part", True, columns, few)
        having = {column: self._having(term.text, column) for column in term.inside}
        # Words that one value of a column ends with name it, whatever other columns hold.
        named = [column for column, found in having.items() if len(found.all) == found.ending == 1]
        only = {having[column].all[0] for column in named}
        if len(only) != 1:
            named, only = list(having), {v for found in having.values() for v in found.all}
        if len(only) == 1:
            sure = "misspelt" if hit.misspelt else "exact"
            return Match(start, end, sure, person=False, columns=tuple(named), values=tuple(only))
        all_end = [column for column, found in having.items() if len(found.all) == found.ending]
        if len(all_end) == 1 and len(having[all_end[0]].all) <= _MOST_CHOICES:
            choices = tuple(having[all_end[0]].all)
            return Match(start, end, "part", person=False, columns=tuple(all_end), values=choices)
        return Match(start, end, "several", person=False, columns=tuple(having), values=())

    def _having(self, text: str, column: str) -> "_Having":
        """Find the values of a column that hold a text."""
        wanted = skeleton(text)
        if column not in self._reduced:
            self._reduced[column] = [(value, skeleton(value)) for value in self._values[column]]
        reduced = self._reduced[column]
        having = [(value, data.endswith(wanted)) for value, data in reduced if wanted in data]
        return _Having([value for value, _ in having], sum(ends for _, ends in having))

    def _misspelt(self, text: str, taken: Sequence[_Hit]) -> Iterator[_Hit]:
        """Find words that are nearly a value, outside of what was found."""
        assert self._near is not None
        for word in _WORDS.finditer(text):
            start, end = word.span()
            if any(start < hit.end and hit.start < end for hit in taken):
                continue
            said = bare(compose(word[0]).casefold())
            if said in self.public_words or word[0].casefold() in self.public_words:
                continue
            ordinary = is_public(said) if said.isascii() else is_common_noun(said)
            if ordinary or said.isdigit():
                continue
            nearest = self._near.to(said, self._fuzzy)
            if nearest is not None:
                plain = compose(word[0]) == word[0]
                yield _Hit(start, start + len(said) if plain else end, nearest, misspelt=True)

    def _in_latin(self, text: str, taken: Sequence[_Hit]) -> Iterator[Match]:
        """Find Korean people whose names stand in Latin letters."""
        if not self._in_hangul:
            return
        spans = [(hit.start, hit.end) for hit in taken]
        for run in _LATIN_RUN.finditer(text):
            words = list(re.finditer("[A-Za-z]+", run[0]))
            for count in (4, 3, 2, 1):
                for first in range(len(words) - count + 1):
                    start = run.start() + words[first].start()
                    end = run.start() + words[first + count - 1].end()
                    if not 5 <= end - start <= 30 or any(start < b and a < end for a, b in spans):
                        continue
                    said = [word[0] for word in words[first : first + count]]
                    if all(word.islower() and is_public(word) for word in said):
                        continue  # "visits in march": no name, and names are many
                    if count == 1 and is_public(said[0].lower()):
                        continue
                    named = self._latin.find(text[start:end])
                    if named:
                        found = [place for name in named for place in self._in_hangul[name]]
                        values, columns = _of(found)
                        yield Match(start, end, "part", True, columns, values[:_MOST_CHOICES])
                        spans.append((start, end))


_NOUNS = frozenset({"NNG", "NNB", "NR", "XPN", "XSN"})
_KNOWN = 20_000
"""See `Token.id`: rarer nouns are often names as well."""
_LITERALS = frozenset({"true", "false", "null"})
_NAME_GOES_ON = re.compile(r"[ -][A-Z][a-z]")
_NAME_BEFORE = re.compile(r"(?<=[a-z,] )[A-Z][\w.'-]*[ -]$")
_QUOTES = frozenset("\"'“”‘’「」『』")


def _begins(text: str, start: int) -> bool:
    """Whether a sentence begins at an offset."""
    before = text[:start].rstrip(" \"'“‘(")
    return not before or before[-1] in ".!?:;\n"


def _means_a_person(before: str, said: str, rest: str) -> bool:
    """Whether a part of a name alone means somebody: 민수 씨, Solheim; not John of John Carter."""
    if said.isascii():
        longer = _NAME_GOES_ON.match(rest) or _NAME_BEFORE.search(before)
        return not longer and said[:1].isupper() and not is_public(said.lower())
    word = compose(said)
    as_well = ("korean_given_words_as_well", "korean_not_names", "korean_roles")
    return title_follows(rest, 0) or not any(word in load(name) for name in as_well)


def is_common_noun(word: str) -> bool:
    """Whether a Korean word is a noun of the language, as far as what is installed can tell."""
    if not is_kiwi_installed():
        return word in load("korean_roles")
    tokens = korean_tokens(word)
    return bool(tokens) and all(
        token.tag in _NOUNS and not token.oov and token.id < _KNOWN for token in tokens
    )


def bare(word: str) -> str:
    """Take a particle off a word, where two characters stay."""
    stem = _LAST_PARTICLE.sub("", word)
    return stem if len(stem) >= 2 else word


def _of(places: Sequence[_Place]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the different values of places, and their columns."""
    values = dict.fromkeys(place.value for place in places)
    return tuple(values), tuple(dict.fromkeys(place.column for place in places))


class _Near:
    """Finds the term that a misspelt word nearly is."""

    def __init__(self, terms: Iterable[_Term]) -> None:
        self._by_bigram: dict[str, set[str]] = defaultdict(set)
        self._terms: dict[str, _Term] = {}
        for term in terms:
            text = unicodedata.normalize("NFD", term.text.casefold())  # jamo
            self._terms[text] = term
            for pair in _bigrams(text):
                self._by_bigram[pair].add(text)

    def to(self, word: str, fuzzy: float) -> _Term | None:
        """Return the term that a word nearly is; two equally near ones are no answer."""
        jamo = unicodedata.normalize("NFD", word)
        if len(jamo) < (_FEWEST_LETTERS if word.isascii() else _FEWEST_JAMO):
            return None
        shared: dict[str, int] = defaultdict(int)
        for pair in _bigrams(jamo):
            for text in self._by_bigram.get(pair, ()):
                shared[text] += 1
        near = sorted(shared, key=lambda text: -shared[text])[:20]
        scored = sorted(
            ((SequenceMatcher(None, jamo, text).ratio(), text) for text in near), reverse=True
        )
        if not scored or scored[0][0] < fuzzy:
            return None
        tie = len(scored) > 1 and scored[1][0] == scored[0][0]
        return None if tie else self._terms[scored[0][1]]


def _bigrams(text: str) -> set[str]:
    return {text[i : i + 2] for i in range(len(text) - 1)}
