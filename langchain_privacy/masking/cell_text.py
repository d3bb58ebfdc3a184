"""Restoring a text whose cells are written as issued: a table of thousands in one pass.

Most answers hold nothing but tokens exactly as they were issued. Those need no tolerant reading, no
scan for links where there are none, and a look at particles only where Korean follows. A text with
anything else in it is left to the engine that reads everything; both give the same text.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from langchain_privacy.masking.cell_format import escape, format_value, means_something
from langchain_privacy.masking.cells import Opened, may_hold_cells
from langchain_privacy.masking.links import may_link
from langchain_privacy.masking.particles import Final, agreeing, final, particle_at
from langchain_privacy.masking.restore import CLOSING_MARKS
from langchain_privacy.masking.tolerant import Forms
from langchain_privacy.vault import VaultSession

_BEGINNING = re.compile(r"\[\[hidden_value_(?:q([1-9][0-9]{0,5})_)?(?=[1-9])")
_ROW = re.compile(r"[1-9][0-9]{0,8}")
_FORM = re.compile(r"[^\[\]|\n]{0,20}")
_ENDS = frozenset(["", *" \n,.;:|<"])
"""What follows a value where no particle does."""


def restore_issued(text: str, session: VaultSession, forms: Forms | None) -> str | None:
    """Restore a text in which every token is exactly as issued, and of one result.

    Args:
        text: Any text.
        session: Whose results are meant.
        forms: What recognises the session's placeholders, `None` when it issued none.

    Returns:
        The restored text, or `None` when it holds more than such tokens: a deformed one, one that
        names no cell, a placeholder, a link.
    """
    found = _BEGINNING.search(text)
    result = Opened(session).get(int(found[1] or 1)) if found else None
    if found is None or result is None or not result.plain:
        return None
    beginning = found[0]
    if any(mark + beginning in text for mark in "[\\"):
        return None
    first, *pieces = text.split(beginning)
    out = [first]
    add, columns = out.append, result.columns
    row: Sequence[Any] = ()
    last = ""
    for piece in pieces:
        name, closed, after = piece.partition("]]")
        number, _, label = name.partition("_")
        if number != last:
            if not _ROW.fullmatch(number) or int(number) > len(result.rows):
                return None
            row, last = result.rows[int(number) - 1], number
        column, form = columns.get(label), ""
        if column is None:
            label, _, form = label.partition("|")
            column = columns.get(label)
            if column is None or not _FORM.fullmatch(form):
                return None
        value = row[column]
        if type(value) is int and not form:
            value = str(value)
        elif type(value) is not str or form or means_something(value):
            value, unit = format_value(value, form)
            value = escape(value)
            # The model may have written the unit as well.
            after = after.removeprefix(unit)
        add(value)
        if after[:1] not in _ENDS or not closed:
            if after.startswith("]") or not closed:
                return None
            after = _agreeing(value, after)
        add(after)
    between = " ".join(dict.fromkeys(out[::2]))
    if may_link(between) or may_hold_cells(between) or (forms and not forms.plain(between)):
        return None
    return "".join(out)


def _agreeing(value: str, after: str) -> str:
    """Make the particle at the beginning of what follows agree with a value."""
    at, particle = _particle(after)
    if not particle or final(value) is Final.UNKNOWN:
        return after
    return after[:at] + agreeing(value, particle) + after[at + len(particle) :]


@lru_cache(maxsize=256)
def _particle(after: str) -> tuple[int, str]:
    marks = CLOSING_MARKS.match(after)
    at = marks.end() if marks else 0
    return at, particle_at(after, at)
