"""The four dialects: how a statement is read and how it is written again.

Functions are read by name, not by sqlglot's typed classes: an allow-list of names is exact, and the
name that was checked is the name that is written again.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, cast

from langchain_privacy.errors import ConfigurationError

DialectName = Literal["sqlite", "postgres", "duckdb", "mysql"]

_NAMES: dict[str, DialectName] = {
    "sqlite": "sqlite",
    "postgres": "postgres",
    "postgresql": "postgres",
    "duckdb": "duckdb",
    "mysql": "mysql",
    "mariadb": "mysql",
}

OWN_SCHEMA: dict[DialectName, str | None] = {
    "sqlite": "main",
    "postgres": "public",
    "duckdb": "main",
    "mysql": None,
}
"""The schema that a connection reads when a table is written without one."""


def dialect_name(name: str) -> DialectName:
    """Return our name of a dialect (`"postgresql"`, `"mariadb"` … are accepted).

    Raises:
        ConfigurationError: The dialect is not one of the four.
    """
    try:
        return _NAMES[name.casefold().partition("+")[0]]
    except KeyError:
        msg = "The SQL dialect must be one of sqlite, postgresql, duckdb, mysql or mariadb."
        raise ConfigurationError(msg) from None


@dataclass(frozen=True, slots=True)
class Grammar:
    """How a dialect is read and written; instances are shared, parsing makes no state in them."""

    dialect: Any
    parser: type[Any]
    generator: type[Any]


@cache
def grammar(name: DialectName) -> Grammar:
    """Return the reader and writer of a dialect.

    Raises:
        ConfigurationError: sqlglot is not installed.
    """
    try:
        from sqlglot import exp
        from sqlglot.dialects.dialect import Dialect
    except ImportError:
        msg = 'Private SQL needs sqlglot: pip install "langchain-privacy[sql]".'
        raise ConfigurationError(msg) from None

    dialect = Dialect.get_or_raise(name)
    # Only what has a syntax of its own keeps a parser of its own; TRIM(LEADING x FROM y) and so on.
    special = {"CAST", "TRY_CAST", "EXTRACT", "POSITION", "SUBSTRING", "TRIM"}
    if name == "mysql":
        special |= {"GROUP_CONCAT"}
    base = dialect.parser_class
    parser = type(
        f"_{base.__name__}Names",
        (base,),
        {
            "FUNCTIONS": {},
            "FUNCTION_PARSERS": {k: v for k, v in base.FUNCTION_PARSERS.items() if k in special},
        },
    )
    writer = dialect.generator_class
    transforms = dict(writer.TRANSFORMS)
    if name == "mysql":
        # MariaDB has no REGEXP_LIKE; the operator is understood by both.
        transforms[exp.RegexpLike] = lambda self, e: self.binary(e, "REGEXP")
    if name == "duckdb":
        transforms[exp.WithinGroup] = lambda self, e: (
            f"{self.sql(e, 'this')} WITHIN GROUP ({self.sql(e, 'expression').strip()})"
        )
    transforms[exp.Placeholder] = lambda _self, e: f":{e.name}"
    transforms[exp.Interval] = transforms.get(exp.Interval, writer.interval_sql)
    methods: dict[str, Any] = {"TRANSFORMS": transforms}
    if name == "sqlite":
        # SQLite takes any type word and looks at its affinity; sqlglot's REAL(12, 2) for DECIMAL
        # would turn integer division into real division.
        methods["datatype_sql"] = _sqlite_datatype
        methods["cast_sql"] = _plain_cast
    generator = type(f"_{writer.__name__}Plain", (writer,), methods)
    return Grammar(dialect=dialect, parser=cast("type[Any]", parser), generator=generator)


def _sqlite_datatype(self: Any, expression: Any) -> str:
    params = ", ".join(self.sql(p) for p in expression.expressions)
    word = str(expression.this.value)
    return f"{word}({params})" if params else word


def _plain_cast(self: Any, expression: Any, safe_prefix: str | None = None) -> str:  # noqa: ARG001
    return f"CAST({self.sql(expression, 'this')} AS {self.sql(expression, 'to')})"
