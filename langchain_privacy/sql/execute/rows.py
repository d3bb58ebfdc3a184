"""Rows as they come from a database, and how many of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from langchain_privacy.sql.policy import SQLPolicy


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """The rows of one statement. Its `repr` shows how many, never what.

    Attributes:
        rows: The values, row by row.
        truncated: There were more rows or bytes than the policy reads.
    """

    rows: list[tuple[Any, ...]] = field(repr=False)
    truncated: bool


class RowReader:
    """Takes rows until the policy's row or byte limit."""

    def __init__(self, policy: SQLPolicy) -> None:
        self._rows: list[tuple[Any, ...]] = []
        self._left = policy.max_bytes
        self._limit = policy.row_limit
        self.full = False

    def take(self, rows: Iterable[Iterable[Any]]) -> None:
        """Take more rows; sets `full` when a limit is reached."""
        for row in rows:
            values = tuple(row)
            self._left -= sum(
                len(value) if isinstance(value, (str, bytes)) else 16 for value in values
            )
            if len(self._rows) >= self._limit or self._left < 0:
                self.full = True
                return
            self._rows.append(values)

    def done(self) -> Rows:
        """Return what was taken."""
        return Rows(rows=self._rows, truncated=self.full)
