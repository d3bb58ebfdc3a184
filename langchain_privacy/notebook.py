"""What a notebook shows of our objects: small tables of escaped text, without script and style.

An object's `_repr_html_` returns `table(...)` of what its `repr` may say: no private value, for a
notebook's cells are stored with it.
"""

import html
import re
from collections.abc import Iterable


def table(title: str, rows: Iterable[tuple[object, ...]]) -> str:
    """Return an HTML table; the first cell of each row is its head.

    Args:
        title: Stands above the table.
        rows: Cells as they are; `str` of each is escaped. Empty ones stay empty.
    """
    lines = (
        f"<tr><th>{_escaped(head)}</th>{''.join(f'<td>{_escaped(c)}</td>' for c in cells)}</tr>"
        for head, *cells in rows
    )
    return f"<table><caption>{_escaped(title)}</caption>{''.join(lines)}</table>"


def marked(text: str, pattern: re.Pattern[str]) -> str:
    """Return a text as HTML, with what a pattern finds marked."""
    shown, at = [], 0
    for found in pattern.finditer(text):
        shown += [_escaped(text[at : found.start()]), f"<mark>{_escaped(found[0])}</mark>"]
        at = found.end()
    return f"<pre>{''.join(shown)}{_escaped(text[at:])}</pre>"


def _escaped(cell: object) -> str:
    return "" if cell is None else html.escape(str(cell))
