"""What the guard hands on: a checked statement, and the text that is written from its tree.

`check_sql` returns a `GuardedQuery`; only its `sql` may run. `k_anonymity` adds columns to a copy
of its tree and writes that.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError

from langchain_privacy.sql.dialects import DialectName, grammar, stored
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
    if dialect == "snowflake":
        tree = tree.copy()
        for name in tree.find_all(exp.Identifier):
            name.set("this", stored(name.this, dialect))
    generator = grammar(dialect).dialect.generator(
        identify=True, unsupported_level=ErrorLevel.RAISE
    )
    try:
        return str(generator.generate(tree, copy=False))
    except (SqlglotError, ValueError):
        raise refuse("syntax", (1, 1)) from None


# What sqlglot would write in a way that the database does not read as it was read: such a node is
# spelled out in the tree, as a piece that is written word for word.


def _slot(node: Any) -> None:
    # Drivers get `:v1`, whatever the dialect's own form is.
    node.replace(exp.Var(this=f":{node.name}"))


def _sqlite_type(node: Any) -> None:
    # SQLite takes any type word and looks at its affinity. sqlglot's REAL(12, 2) for DECIMAL would
    # turn integer division into real division, and its DATE(x) for a cast is another function.
    if not isinstance(node.this, exp.DType):
        return
    parameters = ", ".join(p.name for p in node.expressions)
    word = str(node.this.value)
    node.set("kind", f"{word}({parameters})" if parameters else word)
    node.set("this", exp.DType.USERDEFINED)
    node.set("expressions", None)


def _mysql_regexp(node: Any) -> None:
    # MariaDB has no REGEXP_LIKE; the operator is understood by both.
    node.replace(_in_words(node.this, "REGEXP", node.expression))


def _mysql_json(node: Any) -> None:
    # MariaDB has neither -> nor ->>; the functions are understood by both.
    path = exp.Var(this=node.expression.sql(dialect="mysql"))
    call: Any = exp.Anonymous(this="JSON_EXTRACT", expressions=[node.this, path])
    if isinstance(node, exp.JSONExtractScalar):
        call = exp.Anonymous(this="JSON_UNQUOTE", expressions=[call])
    node.replace(call)


def _duckdb_within_group(node: Any) -> None:
    node.replace(_in_words(node.this, "WITHIN GROUP", exp.Paren(this=node.expression)))


def _in_words(left: Any, words: str, right: Any) -> Any:
    """Put words between two expressions; `Introducer` writes its two parts side by side."""
    return exp.Introducer(
        this=left, expression=exp.Introducer(this=exp.Var(this=words), expression=right)
    )


Spellers = dict[type[Any], Callable[[Any], None]]

SPELLERS: dict[DialectName, Spellers] = {
    "sqlite": {exp.Placeholder: _slot, exp.DataType: _sqlite_type},
    "postgres": {exp.Placeholder: _slot},
    "duckdb": {exp.Placeholder: _slot, exp.WithinGroup: _duckdb_within_group},
    "mysql": {
        exp.Placeholder: _slot,
        exp.RegexpLike: _mysql_regexp,
        exp.JSONExtract: _mysql_json,
        exp.JSONExtractScalar: _mysql_json,
    },
    "snowflake": {exp.Placeholder: _slot},
}
"""What rewrites a resolved node in place, by dialect and type of the node. Not to be used twice."""
