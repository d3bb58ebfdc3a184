"""Take the private values out of a question and keep them as slots."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from langchain_privacy.masking import MaskingSession
from langchain_privacy.masking.grammar import write
from langchain_privacy.sql.link import Match, ValueIndex
from langchain_privacy.sql.slots import How, Slot

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
