"""The card of the documents: what a planner may know of them before it asks.

Its headings, how long they are and what their tables are about, masked, so that the terms of a plan
are words of the documents:

    document 1, about 160 pages: Item 1. Business; Item 7. ...; tables: Net sales by segment; ...
"""

from collections.abc import Iterator, Sequence

from langchain_privacy.masking import MaskingSession
from langchain_privacy.minions.evidence import said
from langchain_privacy.minions.search import window_index

_PAGE = 3_000
"""Characters of a usual page, where the document does not count its pages."""

_LONGEST = 60
"""Characters of a heading; most say what they are about in their first words."""

_FOR_TABLES = 0.4
"""Share of a document's room that the titles of its tables may take."""


def card_of(refs: Sequence[str], session: MaskingSession, *, characters: int) -> str:
    """Return the masked card of some documents, a line each.

    Args:
        refs: The documents.
        session: The masking session that keeps them.
        characters: The most that the card may take; each document has an equal share.
    """
    share = characters // max(1, len(refs))
    lines = [_line(number, ref, session, share) for number, ref in enumerate(refs, 1)]
    masked = str(session.mask("\n".join(lines[: max(1, characters // 40)])))
    return masked[:characters].rpartition(" ")[0] if len(masked) > 2 * characters else masked


def _line(number: int, ref: str, session: MaskingSession, share: int) -> str:
    outline = window_index(ref, session.vault).outline
    titles = said(ref, (title[0] for title in outline.tables if title), session)
    tables = list(_fitting(titles, round(share * _FOR_TABLES)))
    room = share - sum(map(len, tables))
    # The outermost headings first, then in the order of the document.
    by_level = sorted(outline.headings, key=lambda heading: (heading.level, heading.start))
    names = said(ref, ((heading.start, heading.end) for heading in by_level), session)
    where = {name[:_LONGEST]: at for name, at in zip(names, by_level, strict=True)}
    chosen = sorted(_fitting(names, room), key=lambda name: where[name].start)
    parts = [f"document {number}, about {_pages(ref, session)} pages: " + "; ".join(chosen)]
    if tables:
        parts.append("tables: " + "; ".join(tables))
    return "; ".join(parts)


def _fitting(lines: Sequence[str], characters: int) -> Iterator[str]:
    for line in dict.fromkeys(line[:_LONGEST] for line in lines):
        characters -= len(line) + 2
        if characters < 0:
            return
        yield line


def _pages(ref: str, session: MaskingSession) -> int:
    about = session.vault.documents.metadata(ref)
    counted = [name for _, name in about.get("places", ()) if str(name).startswith("page")]
    return len(counted) or max(1, round(len(session.vault.documents.get(ref)) / _PAGE))
