"""What the guard hands on: a checked statement, and the text that is written from its tree.

`check_sql` returns a `GuardedQuery`; only its `sql` may run. `k_anonymity` adds columns to a copy
of its tree and writes that.
"""

from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError

from langchain_privacy.sql.dialects import DIALECTS, DialectName
from langchain_privacy.sql.guard.refusal import refuse

AGGREGATING = "aggregates"
"""Key in the meta of a SELECT that summarises rows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GuardedQuery:
    """A statement that was checked and written again; only this text may run.

    Attributes:
        sql: The statement: every table and column of the card, qualified and quoted; output columns
            named `c1`, `c2` …; the model's own literals; slots as `:v1`.
        dialect: `"sqlite"`, `"postgres"`, `"duckdb"`, `"mysql"` or `"snowflake"`.
        labels: Names of the output columns for people, unique, in order.
        slots: Names of the bound parameters that the statement uses.
        tables: Tables that it reads.
        columns: `(table, column)` pairs that it reads.
        origins: For each output column the `(table, column)` pairs it is computed from.
        computed: For each output column whether it is computed by an aggregate or a window.
        order_by: 0-based output columns that decide the order of rows, first key first.
        group_by: 0-based output columns that are group keys.
        aggregates: Some SELECT of it summarises rows into groups.
        limit: LIMIT that the statement itself wrote, if any.
        tree: The checked tree behind `sql`; private to the package, which does not change it.
    """

    sql: str
    dialect: DialectName
    labels: tuple[str, ...]
    slots: tuple[str, ...]
    tables: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]
    origins: tuple[tuple[tuple[str, str], ...], ...]
    computed: tuple[bool, ...]
    order_by: tuple[int, ...]
    group_by: tuple[int, ...]
    aggregates: bool
    limit: int | None
    tree: Any = field(repr=False, compare=False, default=None)


def write(tree: Any, dialect: DialectName) -> str:
    """Generate the text of a checked tree; every identifier is quoted.

    Raises:
        UnsafeSQLError: The dialect has no way to write it.
    """
    form = DIALECTS[dialect]
    if form.stored is not None:
        tree = tree.copy()
        for name in tree.find_all(exp.Identifier):
            name.set("this", form.stored(name.this))
    generator = form.grammar.generator(identify=True, unsupported_level=ErrorLevel.RAISE)
    try:
        return str(generator.generate(tree, copy=False))
    except (SqlglotError, ValueError):
        raise refuse("syntax", (1, 1)) from None
