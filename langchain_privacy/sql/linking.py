"""From a question to what crosses of it: every value a placeholder, every placeholder a slot.

What was hidden when the question arrived comes first (`question.py`), then what the columns know
(`values.py`), what a detector finds, and whatever else looks like a value: quoted text, long
numbers, names at a title, words that no dictionary has. Small numbers, dates and words of the
language are the question's structure ("the top 3") and stay.

Names of people bind exactly, or the person is asked. What is bound to something that is spelled
otherwise than in the question is noted, and said in the answer.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal

from langchain_privacy.detection.folded import fold
from langchain_privacy.detection.korean.names import find_korean_names
from langchain_privacy.detection.korean.tokens import Token, is_kiwi_installed, korean_tokens
from langchain_privacy.detection.people import find_people
from langchain_privacy.detection.vocabulary import english, korean
from langchain_privacy.masking import MaskingSession
from langchain_privacy.placeholder import write
from langchain_privacy.sql.dates import stands_in_a_date
from langchain_privacy.sql.question import Given, How, Question, Slot
from langchain_privacy.sql.values import ColumnValues, Match, apart, is_common_noun
from langchain_privacy.values.numbers import days_of
from langchain_privacy.values.spelling import is_person
from langchain_privacy.words import load
from langchain_privacy.words.korean import ends_a_korean_word, is_title

Remark = Literal["misspelt", "several", "nobody", "namesakes"]
"""What is said about a link: it is spelled otherwise; it fits several values, all of them meant;
nobody has that name; several people have it, all of them meant."""

_TYPE = "VALUE"

# 20240301, 2024-03, 2024.3.1 are no numbers to hide, 191,000 and 110234567890 are.
_DATE = re.compile(r"(?:19|20)\d{2}(?:[-./]?\d{2}){1,2}")
_NUMBER = re.compile(
    r"(?<![\w.])"  # not inside a word or behind a decimal point
    r"\d[\d,]{4,}\d"  # six digits or commas and more
    r"(?:\.\d+)?"
)
_QUOTED = re.compile(
    r"(?<!\w)[\"'“‘「『](?!\s)"
    r"([^\"'“”‘’「」『』]{1,80})"  # what stands between the marks
    r"[\"'”’」』]"
    r"(?![A-Za-z])"  # that was an apostrophe
)
_NAMED = re.compile(
    # 김민수 님, 박영희 고객: a name before a title
    r"[가-힣]{2,4}(?=\s?(?:님|씨|고객|환자|회원|과장|대리|부장|차장|사원|교수|선생)(?!\w{2}))"
    # Mr. Smith: a name after a title
    r"|(?<=Mr\. )[A-Z]\w+|(?<=Ms\. )[A-Z]\w+|(?<=Dr\. )[A-Z]\w+"
)
# QX-8817-B, 010-1234-5678: a code, with three digits and a hyphen at least.
_CODE = re.compile(r"(?<![\w-])(?=(?:[\w-]*\d){3})[A-Za-z0-9]+(?:-[A-Za-z0-9]+)+(?![\w-])")
# [[hidden_value_1_price]] and whatever may be read as such a token of a cell.
_TOKEN_LIKE = re.compile(
    r"[\[［【{<]+[^\]\n]{0,12}hidden[^\]\n]{0,90}[\]］】}>]+",
    re.IGNORECASE,
)
_WORDS = re.compile(r"\w+")
_SYLLABLES = re.compile(r"(?<!\w)[가-힣]{3,}")
_NOUNS = frozenset({"NNG", "NNP", "NR", "NP", "XPN"})
_BEFORE_NO_PARTICLE = frozenset({"JX", "ETM", "EC", "EF"})
_RARE = 30_000
"""See `Token.id`: rarer proper nouns are often names of people."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What the person is asked, or was: which value a word means.

    Attributes:
        word: As it stands in the question.
        options: What it may mean, as the person is to see it.
        person: Whether people are meant.
    """

    word: str
    options: tuple[str, ...]
    person: bool


Choose = Callable[[Choice], int | None]
"""Asks the person; returns the index of the option, or `None` when nobody can be asked."""


@dataclass(frozen=True, slots=True)
class Namesakes:
    """The rows that have one name, where each row of their table is a person.

    Attributes:
        column: `table.column` of the key that tells them apart, as it crosses; `""` for none.
        keys: Its values.
        options: What tells them apart, for the person to read.
        facts: The values of each row, in lower case.
    """

    column: str
    keys: tuple[Any, ...]
    options: tuple[str, ...]
    facts: tuple[frozenset[str], ...]


@dataclass(frozen=True, slots=True)
class LinkedQuestion:
    """A question without its private values.

    Attributes:
        text: The question with placeholders, which may cross.
        slots: What the placeholders stand for.
        notes: What is to be said with the answer: a remark, and placeholders of what was said and
            of what was taken for it.
        open: What has to be known first, where nobody could be asked.
    """

    text: str
    slots: list[Slot]
    notes: list[dict[str, str]]
    open: Choice | None


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of a question that becomes a slot; of two equally long ones the lower rank wins."""

    start: int
    end: int
    rank: int
    how: How
    columns: tuple[str, ...] = ()
    value: Any = None
    entity: str = _TYPE
    remark: Remark | None = None
    match: Match | None = None


def link_values(
    question: Question,
    session: MaskingSession,
    columns: ColumnValues,
    choose: Choose,
    namesakes: Mapping[tuple[str, str], Namesakes],
    *,
    found: Sequence[Match] | None = None,
) -> LinkedQuestion:
    """Replace the values of a question by placeholders.

    Args:
        question: As the person wrote it, with what was hidden in it already.
        session: Issues the placeholders.
        columns: The local values.
        choose: Asks the person about ambiguous words.
        namesakes: By column and value, where several rows have the name.
        found: What the columns know of its text, where they have been asked already.
    """
    text = question.text
    matches = columns.find(text) if found is None else found
    pieces = [_of_given(given, columns) for given in question.given]
    taken = [(piece.start, piece.end) for piece in pieces]
    known = [_Piece(m.start, m.end, 1, "unknown", match=m) for m in matches]
    known += [
        left
        for piece in _looking_like_values(text, session, columns)
        for left in _outside(text, piece, known)
    ]
    free = [p for p in known if all(p.end <= a or b <= p.start for a, b in taken)]
    pieces = sorted([*pieces, *apart(free, lambda p: p.rank)], key=lambda p: p.start)
    linking = _Linking(text, columns, choose, namesakes)
    linked = [linking.decided(piece, pieces) for piece in pieces]
    return _written(text, session, linked, linking.open)


def _of_given(given: Given, columns: ColumnValues) -> _Piece:
    """Make a slot of what was hidden when the question arrived."""
    at = (given.start, given.end)
    if match := match_of(given, columns):
        return _Piece(*at, 0, "unknown", match=replace(match, start=at[0], end=at[1]))
    if given.label:
        return _Piece(*at, 0, "cell", (f'"{given.label}"',), given.value)
    return _Piece(*at, 0, "unknown", value=given.value)


def match_of(given: Given, columns: ColumnValues) -> Match | None:
    """Find what the columns know of a value that was hidden when the question arrived."""
    if not isinstance(given.value, str):
        return None
    if match := columns.whole(given.value):
        return match
    # Detectors take more than the name: 성동구 옥수동에 사는, 김민수 과장.
    found = columns.find(given.value)
    if len(found) != 1:
        return None
    rest = given.value[: found[0].start] + " " + given.value[found[0].end :]
    return found[0] if _is_plain(rest) else None


def _looking_like_values(
    text: str, session: MaskingSession, columns: ColumnValues
) -> Iterator[_Piece]:
    """Find what must not cross, whatever it means."""
    # Text that looks like a cell's token would be one in the answer.
    for found in _TOKEN_LIKE.finditer(text):
        yield _Piece(*found.span(), 0, "unknown")
    for finding in session.find(text):
        how: How = "person" if is_person(finding.entity_type) else "unknown"
        value, at = None, (finding.start, finding.end)
        if days := _day(text[finding.start : finding.end]):
            how, value = "date", days
        yield _Piece(*at, 2, how, value=value, entity=finding.entity_type)
    for found in _QUOTED.finditer(text):
        if found[1].casefold() in load("places"):
            continue  # as without the quotes, where no column has it
        yield _Piece(*found.span(1), 3, "unknown")
    for found in _NAMED.finditer(text):
        if columns.crosses_anyway(found[0]):
            continue
        honoured = bool(columns.of_people) and _is_honoured(found[0], text[found.end() :])
        if honoured or _may_be_a_name(found[0]):
            yield _Piece(*found.span(), 3, "person")
    for found in _CODE.finditer(text):
        if not _DATE.fullmatch(found[0]):
            yield _Piece(*found.span(), 3, "unknown")
    for found in _NUMBER.finditer(text):
        digits = found[0].replace(",", "")
        if len(digits.partition(".")[0]) >= 6 and not _DATE.fullmatch(found[0]):
            number = float(digits) if "." in digits else int(digits)
            yield _Piece(*found.span(), 4, "number", value=number)
    folded = fold(text)
    if columns.of_people:
        for name in [*find_korean_names(folded), *find_people(folded)]:
            named = folded.to_original(name)
            start, end = named.start, named.end
            sentence = " " in text[start:end] and not _may_be_a_name(text[start:end])
            known = sentence or columns.crosses_anyway(text[start:end])
            known = known or stands_in_a_date(text, start, end)
            if is_person(name.entity_type) and not known:
                yield _Piece(start, end, 3, "person")
        for start, end, how in _three_syllables(text, columns):
            yield _Piece(start, end, 4, how)
    yield from _strange_words(text, columns)


def _may_be_a_name(text: str) -> bool:
    """Whether words before a title may be a name: 태어난 환자 and 여자 환자 are none."""
    if text.isascii():
        return True
    if is_title(text) or is_common_noun(text):
        return False
    if not is_kiwi_installed():
        return text[:1] in load("korean_surnames")
    return not {"ETM", "EC", "EF", "JKG"} & {token.tag for token in korean_tokens(text)}


def _is_honoured(word: str, rest: str) -> bool:
    """Whether an everyday word is somebody's name because 씨 follows, as after nothing else."""
    return rest.lstrip(" ")[:1] == "씨" and not is_title(word) and word not in load("korean_roles")


def _is_made_like_a_name(word: str) -> bool:
    """Whether a word is a family name, then syllables of given names."""
    first, last = load("korean_given_first"), load("korean_given_last")
    given = word[1:]
    return (
        word[:1] in load("korean_surnames")
        and 1 <= len(given) <= 2
        and given[-1] in last
        and (len(given) == 1 or given[0] in first)
    )


def _three_syllables(text: str, columns: ColumnValues) -> Iterator[tuple[int, int, How]]:
    """Find words that are a family name and two syllables, and no word of the language."""
    if not is_kiwi_installed():
        return
    for found in _SYLLABLES.finditer(text):
        start, word = found.start(), found[0][:3]
        if word[0] not in load("korean_surnames") or not ends_a_korean_word(text, start + 3):
            continue
        tokens = korean_tokens(found[0])
        if len(tokens[0].form) == 1 and tokens[0].tag in _NOUNS:
            yield start, start + 3, "person"
        elif (
            found[0][3:]
            and _is_made_like_a_name(word)
            and not columns.knows_word(word)
            and (how := _read_as_a_name(tokens, found[0][3], columns))
        ):
            yield start, start + 3, how


def _read_as_a_name(tokens: Sequence[Token], after: str, columns: ColumnValues) -> How | None:
    """Say what a word that is made like a name is where the language has no reading for it.

    Args:
        tokens: Of the word with what follows it.
        after: The syllable that follows.
        columns: Tell the words of the card.
    """
    inside = [token for token in tokens if token.start < 3]
    first = inside[0]
    if len(inside) == 1 and first.end == 3:
        # A proper noun or none at all; 이자율, 지난달 are words.
        rare = first.tag == "NNP" and first.id >= _RARE
        return "person" if first.oov or rare else None
    if any(token.tag == "XSN" for token in inside):
        return None  # 최고가, 연도별
    if first.tag == "MM" and len(inside) == 2:
        return None  # 한의원 is read as 한 의원
    if all(token.tag[:2] in ("NN", "XP", "MM") for token in inside):
        # 한도호, 전도수: two nouns may be one word of a trade, when the first is on the card.
        return None if first.end > 1 and columns.is_public(first.form) else "unknown"
    # 고민은의, 안하아의: no particle and no ending of a verb stands before 의.
    ended = any(token.tag in _BEFORE_NO_PARTICLE for token in inside)
    return "person" if ended and after == "의" else None


def _strange_words(text: str, columns: ColumnValues) -> Iterator[_Piece]:
    """Find words that no dictionary has, and none of the card or the prompt."""
    spans = list(english.private_words(text, columns.public_words))
    if any("가" <= ch <= "힣" for ch in text) and is_kiwi_installed():
        spans += korean.private_words(text, columns.is_public)
    for start, end in spans:
        if end - start > 1 and not columns.knows_word(text[start:end]):
            yield _Piece(start, end, 4, "unknown")


def _outside(text: str, piece: _Piece, linked: Sequence[_Piece]) -> Iterator[_Piece]:
    """Yield what a piece adds to the values of the columns, unless it is words of the language."""
    over = [p for p in linked if p.start < piece.end and piece.start < p.end]
    if not over:
        yield piece
        return
    covered = all(piece.start <= p.start and p.end <= piece.end for p in over)
    start = piece.start
    rest: list[tuple[int, int]] = []
    for known in sorted(over, key=lambda p: p.start):
        rest.append((start, known.start))
        start = max(start, known.end)
    rest.append((start, piece.end))
    strange = [(a, b) for a, b in rest if a < b and not _is_plain(text[a:b])]
    if covered and strange:
        yield piece  # 옥수동 123-4 is one address
    elif strange:
        yield from (replace(piece, start=a, end=b, how="unknown", value=None) for a, b in strange)


def _is_plain(text: str) -> bool:
    """Whether what stands beside a value says nothing by itself."""
    words = _WORDS.findall(text)
    if any(word.isdigit() for word in words):
        return False
    if text.isascii():
        return not any(True for _ in english.private_words(text))
    return not is_kiwi_installed() or not any(
        True for _ in korean.private_words(text, lambda word: len(word) < 2 or is_title(word))
    )


def _day(text: str) -> str | None:
    """Return the day that a text names, as ISO 8601 writes it."""
    days = {day for day in days_of(text) if day[0] > 99}
    if len(days) != 1:
        return None
    try:
        return date(*days.pop()).isoformat()
    except ValueError:
        return None


class _Linking:
    """Decides which value each piece is bound to.

    Attributes:
        open: The first question that nobody could be asked.
    """

    def __init__(
        self,
        text: str,
        columns: ColumnValues,
        choose: Choose,
        namesakes: Mapping[tuple[str, str], Namesakes],
    ) -> None:
        self._text = text
        self._columns = columns
        self._choose = choose
        self._namesakes = namesakes
        self.open: Choice | None = None

    def decided(self, piece: _Piece, pieces: Sequence[_Piece]) -> _Piece:
        match = piece.match
        if match is None:
            if piece.how != "person":
                return piece
            nobody: Remark | None = "nobody" if self._columns.of_people else None
            return replace(piece, columns=self._columns.of_people, remark=nobody)
        if match.sure == "several":
            return replace(piece, how="part", columns=match.columns)
        value = match.values[0] if len(match.values) == 1 else None
        remark: Remark | None = "misspelt" if match.sure == "misspelt" else None
        if value is None or (match.person and match.sure == "part"):
            value = self._asked(piece, match)
            if value is None:
                how: How = "person" if match.person else "part"
                remark = None if match.person else "several"
                return replace(piece, how=how, columns=match.columns, remark=remark)
        if match.person:
            return self._one_of_namesakes(piece, match, value, pieces)
        return replace(piece, how="equals", columns=match.columns, value=value, remark=remark)

    def _asked(self, piece: _Piece, match: Match) -> str | None:
        choice = Choice(self._text[piece.start : piece.end], match.values, match.person)
        chosen = self._choose(choice) if match.values else None
        if chosen is None and match.person:
            self.open = self.open or choice
        return None if chosen is None else match.values[chosen]

    def _one_of_namesakes(
        self, piece: _Piece, match: Match, value: str, pieces: Sequence[_Piece]
    ) -> _Piece:
        exact = replace(piece, how="person", columns=match.columns, value=value)
        found = [self._namesakes.get((column, value)) for column in match.columns]
        rows = next((each for each in found if each is not None), None)
        if rows is None:
            return exact
        if not rows.column:
            return replace(exact, remark="namesakes")
        # What else the question says may tell them apart: 영업부 김민수.
        said = {
            other.match.values[0].casefold()
            for other in pieces
            if other.match is not None and other is not piece and len(other.match.values) == 1
        }
        fitting = [n for n, facts in enumerate(rows.facts) if said & facts]
        if len(fitting) == 1:
            return replace(exact, how="equals", columns=(rows.column,), value=rows.keys[fitting[0]])
        choice = Choice(self._text[piece.start : piece.end], rows.options, person=True)
        chosen = self._choose(choice)
        if chosen is None:
            self.open = self.open or choice
            return exact
        return replace(exact, how="equals", columns=(rows.column,), value=rows.keys[chosen])


def _written(
    text: str, session: MaskingSession, pieces: Sequence[_Piece], open_: Choice | None
) -> LinkedQuestion:
    slots: dict[tuple[str, str], Slot] = {}
    notes: list[dict[str, str]] = []
    out: list[str] = []
    at = 0
    for piece in pieces:
        said = text[piece.start : piece.end]
        placeholder = issued(session, piece.entity, said)
        value = said if piece.value is None else piece.value
        known = (placeholder, repr(value))
        if known not in slots:
            slots[known] = Slot(
                name=f"v{len(slots) + 1}",
                placeholder=placeholder,
                how=piece.how,
                columns=piece.columns,
                value=value,
            )
            meant = ""
            if isinstance(value, str) and value != said:
                # The column's own spelling is as private as the question's.
                meant = issued(session, _TYPE, value)
            if piece.remark:
                notes.append({"remark": piece.remark, "said": placeholder, "meant": meant})
        out += [text[at : piece.start], placeholder]
        at = piece.end
    return LinkedQuestion("".join([*out, text[at:]]), list(slots.values()), notes, open_)


def issued(session: MaskingSession, entity: str, value: str) -> str:
    """Return the placeholder of a value, issued where it is new."""
    entry = session.vault.issue(entity, value)
    return write(entry.entity_type, entry.code)
