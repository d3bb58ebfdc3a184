"""Quotes of documents, taken and masked; and whether a value stands there word for word.

A quote is a span of its document, so it is its words by construction. What a model says was found
there is looked for (`find_verbatim`, `stands_in`); `jobs` and `answering` drop what is not.

This stands between the session's room and a crossing. The edge of the graphs and
`MinionNodes.keep` put documents into the room; the reader quotes from it, the planner asks which
quotes may cross:

    (ref,) = keep([Path("lease.pdf")], session)
    quote(ref, *whole_values(ref, 120, 180, session.vault), session)  # "[PERSON_7K2Q] pays ..."
"""

import bisect
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from langchain_core.documents import Document

from langchain_privacy.errors import ConfigurationError, DocumentError, SessionError
from langchain_privacy.local import load_whole, names_file
from langchain_privacy.masking import MaskingSession
from langchain_privacy.minions.state import Span, estimate_tokens, place
from langchain_privacy.minions.terms import words
from langchain_privacy.vault import DOCUMENT_REF, PLACEHOLDER, VaultSession

MAX_CHARACTERS = 4_000_000
"""Of one document, about 1,300 pages; they take about 400 MB."""

WHOLE = 0.7
"""A passage that makes up more of its document than this would quote it whole."""

_PAGE = re.compile(r"[\w.-]{1,8}")
"""What is taken for a page's number: a label may be any text, and this goes into the state."""

_ABOVE = 120
"""Characters of one line above a window."""

_SAME = 0.9
"""Share of words from which two windows say the same."""

_SURROGATE = re.compile("[\ud800-\udfff]")


def keep(documents: Any, session: MaskingSession, *, limit: int = MAX_CHARACTERS) -> list[str]:
    """Put documents into the session's room and return their references.

    Each is masked once, whole, so that context words count; its private values are then known to
    the session, and where they stand is kept beside the text.

    Args:
        documents: Texts, `Document`s, paths, or references that are already in the room.
        session: The masking session.
        limit: Characters that one document may have.

    Raises:
        DocumentError: A document is empty, too long or cannot be read.
        SessionError: A reference that the session does not hold.
        ConfigurationError: `documents` is not a list of those, or a text looks like a file's name.
    """
    if isinstance(documents, str | Document | Path):
        documents = [documents]
    if not isinstance(documents, Sequence) or not documents:
        msg = 'Pass at least one document: {"task": ..., "documents": [text, Document or Path]}.'
        raise ConfigurationError(msg)
    room = session.vault.documents
    known = set(room.refs())
    refs: list[str] = []
    for number, document in enumerate(documents, start=1):
        if isinstance(document, str) and document in known:
            refs.append(document)
            continue
        if isinstance(document, str) and DOCUMENT_REF.fullmatch(document):
            msg = (
                f"Document {number} is a reference that this session does not hold. A vault in "
                "memory ends with its process; resume elsewhere with a StoreVault."
            )
            raise SessionError(msg)
        raw, source, places = _read(document, number)
        text = well_formed(raw)
        if not text.strip():
            msg = f"Document {number} holds no text. A scanned page needs OCR first."
            raise DocumentError(msg)
        if len(text) > limit:
            msg = (
                f"Document {number} has {len(text)} characters, more than the limit of {limit}:"
                " split it, or raise `max_document_characters`."
            )
            raise DocumentError(msg)
        refs.append(_put(text, source, places, session))
    return list(dict.fromkeys(refs))


def well_formed(text: str) -> str:
    """Replace halves of characters, which no JSON and no database takes, by U+FFFD."""
    return _SURROGATE.sub("\ufffd", text)


def whole_values(doc: str, start: int, end: int, vault: VaultSession) -> tuple[int, int]:
    """Widen a passage so that it cuts no private value in two."""
    hidden = _hidden(doc, vault)
    for first, last, _ in hidden[_first_after(hidden, start) :]:
        if first >= end:
            break
        start, end = min(start, first), max(end, last)
    return start, end


def quote(doc: str, start: int, end: int, session: MaskingSession) -> str:
    """Return the masked text of a passage that cuts no private value in two.

    Values that the whole document gave away are replaced by their offsets; the rest goes through
    the masker once more.
    """
    text = session.vault.documents.get(doc)
    hidden = _hidden(doc, session.vault)
    at, pieces = start, []
    for first, last, placeholder in hidden[_first_after(hidden, start) :]:
        if first >= end:
            break
        pieces += [text[at:first], placeholder]
        at = last
    pieces.append(text[at:end])
    return str(session.mask("".join(pieces)))


def find_verbatim(value: str, text: str, start: int, end: int) -> tuple[int, int] | None:
    """Return where a value stands in a passage as it is written, but for white space."""
    pieces = [re.escape(piece) for piece in value.split()]
    match = re.compile(r"\s+".join(pieces)).search(text, start, end) if pieces else None
    return match.span() if match else None


def stands_in(value: str, quote: str) -> bool:
    """Say whether a value stands in a quote, and not as digits cut out of another number.

    `20` does not stand in `820` or `1,200`; `820` stands in `820.00`.
    """
    before = r"(?<!\d)(?<!\d[.,])" if value[:1].isdigit() else ""
    after = r"(?!\d|,\d|\.(?!0{1,2}(?!\d))\d)" if value[-1:].isdigit() else ""
    return bool(value) and re.search(before + re.escape(value) + after, quote) is not None


def units_of(span: Span) -> list[Span]:
    """Return the units of a window as passages of their own; a sentence is one itself."""
    units = span.get("units")
    if units is None:
        return [span]
    found: list[Span] = []
    for start, end in units:
        unit: Span = {**span, "start": start, "end": end}
        unit.pop("units")
        unit.pop("marks", None)
        found.append(unit)
    return found


def marked_units(span: Span) -> list[Span]:
    """Return the units of a window that the local side took for the answer."""
    units = units_of(span)
    return [units[number] for number in span.get("marks", range(len(units)))]


def said(doc: str, spans: Iterable[Sequence[int]], session: MaskingSession) -> list[str]:
    """Return passages with the values that the whole document gave away replaced, a line each.

    What the document was not asked about stands as it is: mask the whole before it crosses.
    """
    text = session.vault.documents.get(doc)
    hidden = _hidden(doc, session.vault)
    lines = []
    for start, end in spans:
        at, pieces = start, []
        for first, last, placeholder in hidden[_first_after(hidden, start) :]:
            if first >= end:
                break
            pieces += [text[at : max(at, first)], placeholder]
            at = last
        lines.append(" ".join("".join([*pieces, text[at:end]]).split()))
    return lines


def heads_of(span: Span, session: MaskingSession) -> str:
    """Return the masked heads of a row as one line, `""` for what has none."""
    above = [line[:_ABOVE] for line in said(span["doc"], span.get("above", ()), session)]
    return " ".join(str(session.mask(" > ".join(above))).split())


def written(
    windows: Sequence[Span], sources: Mapping[str, str], session: MaskingSession
) -> tuple[str, list[Span]]:
    """Write windows as numbered lines under what stands above them, masked as one text.

    Args:
        windows: What crosses, in the order of the text.
        sources: What to call each document, `""` for the only one.
        session: The masking session.

    Returns:
        The text, and the passages that its numbers stand for, each with its masked quote.
    """
    lines: list[str] = []
    units: list[Span] = []
    before = ""
    for window in windows:
        doc = window["doc"]
        above = [line[:_ABOVE] for line in said(doc, window.get("above", ()), session)]
        head = " > ".join([*filter(None, [sources.get(doc, "")]), *above])
        if head and head != before:
            lines.append(f"# {head}")
        before = head
        for unit, line in zip(
            units_of(window), said(doc, window.get("units", ()), session), strict=True
        ):
            units.append(unit)
            lines.append(f"{len(units)}. {line}")
    masked = str(session.mask("\n".join(lines))).split("\n")
    if len(masked) != len(lines):  # a value went over the end of a line
        masked = [" ".join(str(session.mask(line)).split()) for line in lines]
    quotes = [line.partition(". ")[2] for line in masked if not line.startswith("# ")]
    for unit, line in zip(units, quotes, strict=True):
        unit["quote"] = line
    return "\n".join(masked), units


def _hidden(doc: str, vault: VaultSession) -> list[tuple[int, int, str]]:
    return list(vault.documents.metadata(doc).get("hidden", ()))


def _first_after(hidden: list[tuple[int, int, str]], start: int) -> int:
    return bisect.bisect_right(hidden, start, key=lambda place: place[1])


def where(doc: str, start: int, vault: VaultSession) -> str:
    """Say where a passage stands as a reader of the file would: by page, paragraph or line."""
    places = list(vault.documents.metadata(doc).get("places", ()))
    if not places:
        lines = vault.documents.get(doc).count("\n", 0, start)
        return f"line {lines + 1}"
    number = bisect.bisect_right(places, start, key=lambda place: place[0])
    return str(places[max(0, number - 1)][1])


def allowed(
    spans: Iterable[Span],
    sent: Sequence[Span],
    vault: VaultSession,
    *,
    characters: int,
    share: float,
) -> list[Span]:
    """Choose what may cross: best first, within the limits, never most of a document.

    Args:
        spans: Candidates, best first.
        sent: What crossed in earlier rounds; it counts.
        vault: The session, for the length of the documents.
        characters: Limit of this crossing.
        share: Part of a document that may cross in all rounds.
    """
    used: dict[str, int] = {}
    for span in sent:
        used[span["doc"]] = used.get(span["doc"], 0) + span["end"] - span["start"]
    chosen: list[Span] = []
    already = {place(span) for span in sent}
    total = 0
    for found in spans:
        span = found
        if _is_repeated(span, chosen, vault):
            continue
        length = _length(span, chosen)
        whole = len(vault.documents.get(span["doc"]))
        if "units" not in span and length > WHOLE * whole:
            # In a table of two rows the heads are most of it: the row goes without them.
            span = span.copy()
            span.pop("above", None)
            length = _length(span, chosen)
        again = place(span) in already
        new = used.get(span["doc"], 0) + (0 if again else length)
        first = span["doc"] not in used and length <= WHOLE * whole
        if total + length > characters or not (again or first or new <= share * whole):
            continue
        total += length
        used[span["doc"]] = new
        chosen.append(span)
    return chosen


def _length(span: Span, chosen: Sequence[Span]) -> int:
    """Return how many characters a passage takes, with what stands above it if that is new."""
    above = span.get("above", [])
    known = not above or any(other.get("above") == above for other in chosen)
    length = span["end"] - span["start"]
    return length if known else length + sum(min(_ABOVE, end - start) for start, end in above)


def _is_repeated(span: Span, chosen: Sequence[Span], vault: VaultSession) -> bool:
    """Say whether a window says what another one said already, as reports do."""
    if "units" not in span:
        return False
    text = vault.documents.get
    own = set(words(text(span["doc"])[span["start"] : span["end"]]))
    for other in chosen:
        there = set(words(text(other["doc"])[other["start"] : other["end"]]))
        if own and len(own & there) >= _SAME * len(own | there):
            return True
    return False


def _read(document: Any, number: int) -> tuple[str, str, list[tuple[int, str]]]:
    """Return the text of a document, its source, and where its parts stand."""
    if isinstance(document, Document):
        about = document.metadata
        return document.page_content, str(about.get("source", "")), _place_of(about)
    if isinstance(document, Path):
        text, places = load_whole(document)
        return text, document.name, places
    if not isinstance(document, str):
        msg = f"Document {number} is a {type(document).__name__}: pass text, a Document or a Path."
        raise ConfigurationError(msg)
    if names_file(document):
        msg = f"Document {number} is a file's name as text: pass pathlib.Path(...) to have it read."
        raise ConfigurationError(msg)
    return document, "", []


def _place_of(about: dict[str, Any]) -> list[tuple[int, str]]:
    """Say where a loader's document stands in its file, counted as a reader counts.

    LangChain's loaders of PDF count from 0, beside `total_pages`, and put what is printed on the
    page into `page_label`; `load_document` and others count from 1.
    """
    page = about.get("page_label") or about.get("page_number")
    if page is None and isinstance(about.get("page"), int):
        page = about["page"] + ("total_pages" in about)
    if page is not None and _PAGE.fullmatch(str(page)):
        return [(0, f"page {page}")]
    row = about.get("row")
    return [(0, f"row {row + 1}")] if isinstance(row, int) else []


def _put(text: str, source: str, places: list[tuple[int, str]], session: MaskingSession) -> str:
    room = session.vault.documents
    # The room is asked before the masker: the same document in the same session is masked once.
    for ref in room.refs():
        if room.metadata(ref).get("characters") == len(text) and room.get(ref) == text:
            return ref
    masked = str(session.mask(text))
    hidden = _places(text, masked, session)
    about: dict[str, Any] = {"hidden": hidden, "characters": len(text)}
    about["tokens"] = estimate_tokens(text)
    if places:
        about["places"] = places
    if source:
        about["source"] = session.mask(source)
    return room.put(text, about)


def _places(text: str, masked: str, session: MaskingSession) -> list[tuple[int, int, str]]:
    """Return where the masked values stand in the text, by walking both side by side.

    Where that ends early, because the masker wrote something other than placeholders, the findings
    say where they stand.
    """
    places: list[tuple[int, int, str]] = []
    at = cursor = 0
    for match in PLACEHOLDER.finditer(masked):
        literal = masked[cursor : match.start()]
        value = str(session.restore(match[0]))
        start = at + len(literal)
        if text[at:start] != literal or text[start : start + len(value)] != value:
            return _places_by_finding(text, session)
        if value != match[0]:
            places.append((start, start + len(value), match[0]))
        at, cursor = start + len(value), match.end()
    return places if text[at:] == masked[cursor:] else _places_by_finding(text, session)


def _places_by_finding(text: str, session: MaskingSession) -> list[tuple[int, int, str]]:
    return [
        (found.start, found.end, str(session.mask(text[found.start : found.end])))
        for found in session.find(text)
    ]
