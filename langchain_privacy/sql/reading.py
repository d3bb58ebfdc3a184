"""Reading the values of the linkable columns: all tables at once, and not again for every process.

`nodes/link.py` asks a `ValueReader` for the distinct values in which words of a question are looked
up. A column that is slow or fails is left out, and what the question says of it becomes an opaque
slot; only a database that is away ends the run. Where the masker's vault outlives the process, so
do the values, encrypted like everything in it, for an hour.
"""

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from langchain_privacy.sql.card import SchemaCard
from langchain_privacy.sql.dialects import DIALECTS, DialectName, dialect_name, stored
from langchain_privacy.sql.execute import Database, Rows
from langchain_privacy.sql.tables import ColumnCard, TableCard
from langchain_privacy.vault import Vault

KIND = "sql_values"
"""Kind of the documents that hold values of columns."""

_KEPT_SECONDS = 3600
_MOST_COLUMNS = 12
"""Columns in one statement: SQLite allows 20 terms of a UNION."""

Found = list[tuple[TableCard, ColumnCard, list[str]]]


@dataclass(frozen=True, slots=True)
class _Batch:
    """Columns of one table that one statement reads."""

    table: TableCard
    columns: tuple[ColumnCard, ...]
    sql: str


class ValueReader:
    """Reads distinct values of a card's linkable columns.

    Args:
        database: Where they are; its own limits hold for each statement.
        card: Which columns.
        most: Values of a column at most.
        seconds: Time for all of them together; what is not read by then is left out.
        vault: Keeps them when it outlives the process.
        place: What tells this database from others, e.g. its URL.
    """

    def __init__(
        self,
        database: Database,
        card: SchemaCard,
        *,
        most: int,
        seconds: float,
        vault: Vault,
        place: str,
    ) -> None:
        self._database, self._card = database, card
        self._most, self._seconds = most, seconds
        self._vault = vault if vault.persists else None
        names = [f"{t.name}.{c.name}" for t, c in card.linkable()]
        self._key = hashlib.sha256(json.dumps([place, names]).encode()).hexdigest()

    def read(self) -> Found:
        """Read the values.

        Raises:
            QueryError: The database cannot be reached.
        """
        if (kept := self._kept()) is not None:
            return kept
        batches = list(self._batches(_MOST_COLUMNS))
        until = time.monotonic() + self._seconds
        found = self._sorted_out(batches, self._database.run_all([b.sql for b in batches], until))
        there = {(table.name, column.name) for table, column, _ in found}
        alone = self._batches(1)
        if singles := [b for b in alone if (b.table.name, b.columns[0].name) not in there]:
            read = self._database.run_all([b.sql for b in singles], until)
            found += self._sorted_out(singles, read)
        self._keep(found)
        return found

    def _batches(self, size: int) -> Iterator[_Batch]:
        by_table: dict[str, list[ColumnCard]] = {}
        tables: dict[str, TableCard] = {}
        for table, column in self._card.linkable():
            tables[table.name] = table
            by_table.setdefault(table.name, []).append(column)
        for name, columns in by_table.items():
            for at in range(0, len(columns), size):
                some = tuple(columns[at : at + size])
                dialect = dialect_name(self._database.dialect)
                sql = _distinct(tables[name], some, dialect, self._most)
                yield _Batch(tables[name], some, sql)

    def _sorted_out(self, batches: Sequence[_Batch], read: Sequence[Rows | None]) -> Found:
        """Give each column its values; a statement that was cut or failed gives none."""
        found: Found = []
        for batch, rows in zip(batches, read, strict=True):
            if rows is None or (rows.truncated and len(batch.columns) > 1):
                continue
            values: list[list[str]] = [[] for _ in batch.columns]
            for at, value in rows.rows:
                if isinstance(value, str):
                    values[int(at)].append(value)
            found += [(batch.table, c, v) for c, v in zip(batch.columns, values, strict=True)]
        return found

    # The vault: one session a database, one document, written anew when it is old.

    def _kept(self) -> Found | None:
        if self._vault is None:
            return None
        documents = self._vault.session(f"private sql values {self._key}").documents
        fresh = [
            ref
            for ref in documents.refs()
            if documents.metadata(ref).get("kind") == KIND
            and time.time() - float(documents.metadata(ref)["at"]) < _KEPT_SECONDS
        ]
        if not fresh:
            return None
        columns = {(t.name, c.name): (t, c) for t, c in self._card.linkable()}
        return [
            (*columns[table, column], values)
            for table, column, values in json.loads(documents.get(fresh[-1]))
            if (table, column) in columns
        ]

    def _keep(self, found: Found) -> None:
        if self._vault is not None:
            text = json.dumps([[t.name, c.name, values] for t, c, values in found])
            session = self._vault.session(f"private sql values {self._key}")
            session.documents.put(text, {"kind": KIND, "at": time.time()})


def _distinct(
    table: TableCard, columns: Sequence[ColumnCard], dialect: DialectName, most: int
) -> str:
    """Write the statement that reads the distinct values of columns, each with its place.

    Names come from the card and are quoted; there is nothing of a model in it.
    """

    def quoted(name: str) -> str:
        return DIALECTS[dialect].quoted(stored(name, dialect))

    of = quoted(table.own_name)
    if table.schema is not None:
        of = f"{quoted(table.schema)}.{of}"
    parts = (
        f"SELECT {at} AS k, q{at}.v FROM "  # noqa: S608
        # Qualified: SQLite would read an unknown name in quotes as a text.
        f"(SELECT DISTINCT s.{quoted(column.name)} AS v FROM {of} AS s LIMIT {most:d}) AS q{at}"
        for at, column in enumerate(columns)
    )
    return " UNION ALL ".join(parts)
