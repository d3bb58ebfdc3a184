"""Restoring a text whose cells are written as issued: a table of thousands in one pass.

Most answers hold nothing but tokens exactly as they were issued. Those need no tolerant reading, no
scan for links where there are none, and a look at particles only where Korean follows. A text with
anything else in it is left to the engine that reads everything; both give the same text.
"""

from functools import lru_cache

from langchain_privacy.masking.cell_format import escape, format_value
from langchain_privacy.masking.cells import ISSUED, Opened, may_hold_cells
from langchain_privacy.masking.links import may_link
from langchain_privacy.masking.particles import Final, agreeing, final, particle_at
from langchain_privacy.masking.restore import CLOSING_MARKS
from langchain_privacy.masking.tolerant import Forms
from langchain_privacy.vault import VaultSession

_ENDS = frozenset(["", *" \n,.;:|<"])
"""What follows a value where no particle does."""


def restore_issued(text: str, session: VaultSession, forms: Forms | None) -> str | None:
    """Restore a text in which every token is exactly as issued.

    Args:
        text: Any text.
        session: Whose results are meant.
        forms: What recognises the session's placeholders, `None` when it issued none.

    Returns:
        The restored text, or `None` when it holds more than such tokens: a deformed one, one that
        names no cell, a placeholder, a link.
    """
    parts = ISSUED.split(text)
    if len(parts) == 1:
        return None
    between = " ".join(parts[::5])
    if may_link(between) or may_hold_cells(between) or (forms and not forms.plain(between)):
        return None
    opened = Opened(session)
    out = [parts[0]]
    result, last = None, ""
    for number, row, label, form, after in zip(
        parts[1::5], parts[2::5], parts[3::5], parts[4::5], parts[5::5], strict=True
    ):
        if result is None or number != last:
            last = number
            result = opened.get(int(number) if number else 1)
            if result is None:
                return None
        column, at = result.exact(label), int(row)
        if column is None or at > len(result.rows):
            return None
        value, unit = format_value(result.rows[at - 1][column], form or "")
        value = escape(value)
        out.append(value)
        if unit and after.startswith(unit):
            after = after[len(unit) :]  # the model wrote the unit as well
        out.append(after if after[:1] in _ENDS else _agreeing(value, after))
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
