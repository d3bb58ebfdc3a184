"""Names among Kiwi's morphemes: what the model reads of them, and what it finds.

Nouns, and what Kiwi takes for one of the short words that names are cut into, are pieces of the
model (`sequence`); a particle, an ending, a verb or a mark ends a stretch of them. `names` puts
what it finds among the findings, `detection.vocabulary.korean` masks it in strict mode.

    >>> from langchain_privacy.detection.korean.tokens import korean_tokens
    >>> text = "어제 가수 거미와 양희종이 왔다."
    >>> tokens = korean_tokens(text)
    >>> found = names_in(tokens)
    >>> [text[tokens[first].start : tokens[last - 1].end] for first, last, _ in found]
    ['거미', '양희종']
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import repeat
from typing import Generic, NamedTuple, Protocol, TypeVar

from langchain_privacy.detection.korean.sequence import SequenceModel, load_model
from langchain_privacy.detection.korean.tokens import EVERYDAY, Morphemes, Token
from langchain_privacy.words import load
from langchain_privacy.words.korean import HONORIFICS_AND_TITLES

_FAMILY = load("korean_surnames")
_FIRST = load("korean_given_first")
_LAST = load("korean_given_last")
_FOREIGN = load("korean_foreign_names")
_ROLES = load("korean_roles")
_NOT_NAMES = load("korean_not_names")
_WORDS_AS_WELL = load("korean_surnames_words_as_well")
_PUBLIC = load("korean_public_places")
_PLACES = load("korean_regions") | _PUBLIC
_OWN = frozenset({"NNP", "SL", "SH"})
_PIECES = frozenset(
    ["NNG", "NNP", "NNB", "NR", "NP", "MM", "MAG", "IC", "XPN", "XSN", "XR", "SH", "SL", "SN", "UN"]
)
_NOUNS = frozenset({"NNG", "NNP", "XR", "SH", "SL", "UN"})
_VERBAL = frozenset({"XSV", "XSA"})
_LONG = 6
_EDGE = "^"
_FAR = 1 << 60
_KIND_OF_TAG = {tag: "n" if tag in _NOUNS else "p" for tag in _PIECES}
# Whether a name begins with a syllable, as a family name and as a given name, and ends with one.
_FAMILIES = dict.fromkeys(_FAMILY, "1")
_BEGINS = {char: f"{char in _FAMILY:d}{char in _FIRST:d}" for char in _FAMILY | _FIRST}
_ENDS = dict.fromkeys(_LAST, "1")
# Pieces of the model, a noun among them.
_STRETCH = re.compile("p*n[pn]*")
_REMEMBERED = 8192

Key = TypeVar("Key")
Value = TypeVar("Value")


def names_in(tokens: Morphemes, *, eager: int = 0) -> Iterator[tuple[int, int, str]]:
    """Find names among the morphemes of a text.

    Args:
        tokens: What `korean_tokens` cut.
        eager: See `SequenceModel.spans`; above 0, also what is a name only perhaps: a family name
            without a title, an organisation called by common words.

    Yields:
        `(first, last, kind)`: indices of morphemes, `last` one past the end, in order.
    """
    model = load_model("morphemes")
    if tokens.marks is None:
        read = _reader(model).stretches(tokens)
        tokens.marks = [(start, model.marks_of(pieces)) for start, pieces in read]
    for start, marks in tokens.marks:
        for begin, end, kind in model.spans_of(marks, eager=eager):
            first, last = start + begin, start + end
            if not eager and _is_of_a_verb(tokens, last):
                continue
            if kind == "PERSON":
                if eager or _is_person(tokens, first, last):
                    yield first - _is_cut_off(tokens, first, last), last, kind
            elif eager or _is_own(tokens, first, last):
                yield first, last, kind


def _is_of_a_verb(tokens: Sequence[Token], last: int) -> bool:
    """Say whether 되다 or 하다 stands right behind a noun: 마스킹된 is no name with a particle."""
    return (
        last < len(tokens)
        and tokens[last].tag in _VERBAL
        and tokens[last].start == tokens[last - 1].end
    )


def _is_person(tokens: Sequence[Token], first: int, last: int) -> bool:
    """Say whether a family name alone has a title behind it; "전 대통령" is a former one."""
    form = tokens[first].form
    if last - first > 1 and tokens[first].end < tokens[first + 1].start:
        last = first + 1 if tokens[first + 1].id < EVERYDAY else last  # "변 위원회"
    if last - first > 1 or len(form) > 1 or form < "가":
        return last - first > 1 or form not in _NOT_NAMES
    behind = tokens[last].form if last < len(tokens) else ""
    return behind == "씨" or (behind in HONORIFICS_AND_TITLES and form not in _WORDS_AS_WELL)


def _is_cut_off(tokens: Sequence[Token], first: int, last: int) -> bool:
    """Say whether the syllable before two others is a family name that was cut off: 빙 + 소희."""
    if not first or tokens[last - 1].end - tokens[first].start != 2:
        return False
    before = tokens[first - 1]
    return (
        before.end == tokens[first].start == before.start + 1
        and before.form >= "가"
        and (first < 2 or tokens[first - 2].word_position != before.word_position)
    )


def _is_own(tokens: Sequence[Token], first: int, last: int) -> bool:
    """Say whether a place or an organisation has a name of its own, and not "검찰" or "한국"."""
    return (last - first > 1 or tokens[first].form not in _PUBLIC) and any(
        token.oov or (token.tag in _OWN and len(token.form) > 1) for token in tokens[first:last]
    )


Weight = TypeVar("Weight", int, list[str])


class _Table(Protocol[Weight]):
    """What features that begin alike weigh, by the rest of their text."""

    def get(self, rest: str, none: Weight, /) -> Weight: ...


class _Kept(dict[Key, Value]):
    """Values by keys that hold no word; each is made when it is asked for."""

    def __init__(self, make: Callable[[Key], Value]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, key: Key) -> Value:
        if len(self) >= _REMEMBERED:
            self.clear()
        value = self[key] = self._make(key)
        return value


class _Word(NamedTuple, Generic[Weight]):
    """What a word weighs by itself and beside others: none of its letters.

    Attributes:
        own: By itself.
        kind: Its part of speech, and whether it stands in no dictionary.
        shape: That with its length and the syllables that it begins and ends with.
        before: What it weighs for the next word behind a space and without one.
        behind: What it weighs for the word before it.
        titled: What a title behind it weighs.
        role: What a role before it weighs.
        is_title: It is a title.
        is_role: It is a role.
        last: It as a part of what is glued to the next word.
        first: It as a part of what is glued to the word before it.
    """

    own: Weight
    kind: str
    shape: str
    before: tuple[Weight, Weight]
    behind: tuple[Weight, Weight]
    titled: Weight
    role: Weight
    is_title: bool
    is_role: bool
    last: str
    first: str


class _Reader(Generic[Weight]):
    """Describes each morpheme by itself and by the two on each side of it.

    What a word and what its neighbours' parts of speech weigh is kept: most words come again. A
    word is known by its hash, as in `people`.
    """

    def __init__(self, table: Callable[[str], _Table[Weight]], none: Weight) -> None:
        """Take the tables of features by how these begin, and the weight of no feature."""
        self._none: Weight = none
        self._any: _Table[Weight] = table("")
        self._word: _Table[Weight] = table("2")
        self._two: tuple[_Table[Weight], _Table[Weight]] = (table("k"), table("l"))
        self._before: tuple[_Table[Weight], _Table[Weight]] = (table("6_"), table("6+"))
        self._behind: tuple[_Table[Weight], _Table[Weight]] = (table("7_"), table("7+"))
        self._glued: tuple[_Table[Weight], _Table[Weight]] = (table("n"), table("o"))
        self._syllables: _Kept[str, tuple[_Table[Weight], _Table[Weight]]] = _Kept(
            lambda kind: (table(f"i{kind}"), table(f"j{kind}"))
        )
        self._tags_before: _Kept[tuple[str, str, bool, str], Weight] = _Kept(self._by_tags_before)
        self._tags_behind: _Kept[tuple[str, bool, str, str], Weight] = _Kept(self._by_tags_behind)
        self._words: dict[int, _Word[Weight]] = {}
        self._edge: _Word[Weight] = self._read(_EDGE, _EDGE, 0, 0, oov=False)

    def stretches(self, tokens: Morphemes) -> Iterator[tuple[int, list[Weight]]]:
        """Yield the stretches with a noun: the index of the first morpheme, the weight of each."""
        kinds = "".join(map(_KIND_OF_TAG.get, tokens.tags, repeat("-")))
        tags = [*tokens.tags, _EDGE, _EDGE]  # also those at -1 and -2
        for begin, end in _lines(tokens):
            for match in _STRETCH.finditer(kinds, begin, end):
                yield match.start(), self._weights(tokens, match.span(), tags)

    def _weights(
        self, tokens: Morphemes, span: tuple[int, int], tags: Sequence[str]
    ) -> list[Weight]:
        weights = []
        glued_before, glued_behind = self._glued
        none = self._none
        first, last = span
        word, start, end = self._word_of(tokens[first], tags[first])
        left, before = False, self._edge
        if first:
            before, _, before_end = self._word_of(tokens[first - 1], tags[first - 1])
            left = before_end == start
        far, near, tag = tags[first - 2], tags[first - 1], tags[first]
        for index in range(first + 1, last + 1):
            right, after, after_end = False, self._edge, end
            if index < len(tokens):
                after, start, after_end = self._word_of(tokens[index], tags[index])
                right = start <= end
            next_tag = tags[index]
            weight = (
                word.own
                + self._tags_before[far, near, left, word.kind]
                + self._tags_behind[word.kind, right, next_tag, tags[index + 1]]
                + before.before[left]
                + after.behind[right]
            )
            if left:
                weight += glued_before.get(before.last + word.shape, none)
            if right:
                weight += glued_behind.get(word.shape + after.first, none)
            if after.is_title:
                weight += word.titled
            if before.is_role:
                weight += word.role
            weights.append(weight)
            left = right and start == end
            far, near, tag = near, tag, next_tag
            before, word, end = word, after, after_end
        return weights

    def _word_of(self, token: Token, tag: str) -> tuple[_Word[Weight], int, int]:
        form, start, end, oov = token.form, token.start, token.end, token.oov
        length = end - start
        digits = len(str(token.id)) if tag in _NOUNS else 0
        key = hash((form, tag, length, digits, oov))
        word = self._words.get(key)
        if word is None:
            if len(self._words) >= _REMEMBERED:
                self._words.clear()
            word = self._words[key] = self._read(form, tag, length, digits, oov=oov)
        return word, start, end

    def _read(self, form: str, tag: str, length: int, digits: int, *, oov: bool) -> _Word[Weight]:
        none, named = self._none, form or _EDGE
        kind, length = f"{tag}*" if oov else tag, min(length, _LONG)
        own = f"#{length}" if tag == "SN" else named
        size = f"{kind}{length}"
        shape = size + _BEGINS.get(own[0], "00") + _ENDS.get(own[-1], "0")
        weight = none
        if tag in _PIECES:
            begins, ends = self._syllables[kind]
            weight = (
                self._any.get(kind, none)
                + self._any.get(f"g{shape}", none)
                + self._word.get(own, none)
                + begins.get(own[0], none)
                + ends.get(own[-1], none)
            )
            if digits:
                weight += self._any.get(f"r{tag}{digits}{length}", none)
            if length > 1:
                weight += self._two[0].get(own[:2], none) + self._two[1].get(own[-2:], none)
            if own in _FOREIGN:
                weight += self._any.get("v", none)
            if own in _PLACES:
                weight += self._any.get("w", none)
        known = f"{tag}{len(named)}"
        return _Word(
            own=weight,
            kind=kind,
            shape=shape,
            before=(self._before[0].get(named, none), self._before[1].get(named, none)),
            behind=(self._behind[0].get(named, none), self._behind[1].get(named, none)),
            titled=self._any.get(f"t{shape}", none),
            role=self._any.get(f"u{size}", none),
            is_title=named in HONORIFICS_AND_TITLES,
            is_role=named in _ROLES,
            last=known + _FAMILIES.get(named[0], "0"),
            first=known + _ENDS.get(named[0], "0"),
        )

    def _by_tags_before(self, key: tuple[str, str, bool, str]) -> Weight:
        far, near, glued, kind = key
        weight = self._any.get(f"3{'_+'[glued]}{near}{kind}", self._none)
        return weight + self._any.get(f"a{far}{near}", self._none)

    def _by_tags_behind(self, key: tuple[str, bool, str, str]) -> Weight:
        kind, glued, near, far = key
        weight = self._any.get(f"4{kind}{'_+'[glued]}{near}", self._none)
        return weight + self._any.get(f"b{near}{far}", self._none)


@cache
def _reader(model: SequenceModel) -> _Reader[int]:
    return _Reader(model.table, 0)


class _Names:
    """The features themselves."""

    def __init__(self, begin: str) -> None:
        self._begin = begin

    def get(self, rest: str, _none: list[str], /) -> list[str]:
        return [self._begin + rest]


def stretches(tokens: Morphemes) -> Iterator[tuple[int, list[list[str]]]]:
    """Yield the stretches with a noun: the index of the first morpheme, the features of each."""
    return _Reader[list[str]](_Names, []).stretches(tokens)


def _lines(tokens: Sequence[Token]) -> Iterator[tuple[int, int]]:
    """Yield the first and the last morpheme of each line."""
    if not tokens:
        return
    first, end = 0, len(tokens)
    while tokens[first].line_number != tokens[-1].line_number:
        line = tokens[first].line_number
        last = next(i for i in range(first, end) if tokens[i].line_number != line)
        yield first, last
        first = last
    yield first, end
