"""What a benchmark returns: tables with a ratio, what was not measured, and maybe a plot."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Plot:
    """Lines over numbers, or one bar a name.

    `series` holds a line's points, or a bar's single figure at 0. `log` draws the figures' axis in
    powers of ten.
    """

    kind: str
    title: str
    x: str
    y: str
    series: dict[str, list[tuple[float, float]]]
    log: bool = False


@dataclass
class Table:
    """Figures on one question, as text."""

    name: str
    """Of its plot's file; unique."""
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    ratio: str
    """One sentence: us by the peer."""
    not_measured: str
    how: str = ""
    """What was done, and how."""
    versions: dict[str, str] = field(default_factory=dict)
    """Of the peers."""
    plot: Plot | None = None

    @classmethod
    def of(cls, kept: dict[str, Any]) -> "Table":
        """Return a table that was written to JSON."""
        plot = kept.get("plot")
        return cls(**{**kept, "plot": Plot(**plot) if plot else None})


def text_of(table: Table) -> str:
    """Return a table as text for a terminal."""
    lines = [table.title]
    widths = [max(map(len, column)) for column in zip(table.columns, *table.rows, strict=True)]
    for row in (table.columns, *table.rows):
        first, *others = [cell.ljust(w) for cell, w in zip(row, widths, strict=True)]
        lines.append(f"  {first}  " + "  ".join(others).rstrip())
    lines += [f"  {table.ratio}", f"  Not measured: {table.not_measured}"]
    return "\n".join(lines)
