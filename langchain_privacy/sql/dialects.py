"""The five dialects: what sets them apart, how a statement is read and written again.

The guard reads and writes with `grammar("postgres")`; whoever is given a name or a URL asks
`dialect_name("postgresql+psycopg")`, which is `"postgres"`.

A new dialect needs a row in `DIALECTS`, and then:

| what | where |
|---|---|
| functions and types that it may use | `sql/allowed.py` |
| what must be written otherwise | `SPELLERS` of `sql/guard/query.py` |
| a connection with the engine's own limits | `sql/execute/`, chosen in `sql/execute/engines.py` |
| how its schema is read | `sql/introspect.py` |
| what its names and literals mean | `sql/guard/names.py`, `sql/guard/expressions.py` |

Functions are read by name, not by sqlglot's typed classes: an allow-list of names is exact, and the
name that was checked is the name that is written again. Classes of sqlglot are used as they are: in
its compiled build (twice as fast) none of them can be derived from.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, NamedTuple

from sqlglot.dialects.dialect import Dialect

from langchain_privacy.errors import ConfigurationError

DialectName = Literal["sqlite", "postgres", "duckdb", "mysql", "snowflake"]


class Facts(NamedTuple):
    """What sets a dialect apart; whoever needs such a fact asks for it here.

    Attributes:
        title: Its name for people and models.
        names: What it is called in a URL of SQLAlchemy or by a user.
        own_schema: The schema that a connection reads when a table is written without one.
        quote: What an identifier is quoted with; doubled, it stands for itself.
        concat: Whether texts are joined with `CONCAT`, for `||` means "or".
        backslash: Whether a backslash in a text escapes the next character.
        from_first: Whether a query may begin with `FROM`.
        series: Functions that make rows, as they are written.
        syntax: Functions with a grammar of their own, besides those of every dialect.
    """

    title: str
    names: tuple[str, ...]
    own_schema: str | None
    quote: str = '"'
    concat: bool = False
    backslash: bool = False
    from_first: bool = False
    series: tuple[str, ...] = ()
    syntax: tuple[str, ...] = ()


DIALECTS: dict[DialectName, Facts] = {
    "sqlite": Facts("SQLite", ("sqlite",), "main"),
    "postgres": Facts(
        "PostgreSQL", ("postgresql", "postgres"), "public", series=("generate_series",)
    ),
    "duckdb": Facts(
        "DuckDB", ("duckdb",), "main", from_first=True, series=("generate_series", "range")
    ),
    "mysql": Facts(
        "MySQL", ("mysql", "mariadb"), None,
        quote="`", concat=True, backslash=True, syntax=("GROUP_CONCAT",),
    ),
    "snowflake": Facts(
        "Snowflake", ("snowflake",), "public", backslash=True, syntax=("LISTAGG",)
    ),
}  # fmt: skip

_NAMES = {name: dialect for dialect, facts in DIALECTS.items() for name in facts.names}

_UNGUARDED = {
    "mssql": "SQL Server",
    "tsql": "SQL Server",
    "oracle": "Oracle",
    "bigquery": "BigQuery",
    "redshift": "Redshift",
    "databricks": "Databricks",
    "trino": "Trino",
    "clickhouse": "ClickHouse",
    "clickhousedb": "ClickHouse",
    "cockroachdb": "CockroachDB",
}
"""Databases that people have and that are refused by name, whatever their driver is."""


def dialect_name(name: str) -> DialectName:
    """Return our name of a dialect (`"postgresql"`, `"mariadb"` … are accepted).

    Raises:
        ConfigurationError: The dialect is not one of the five.
    """
    try:
        return _NAMES[name.casefold().partition("+")[0]]
    except KeyError:
        known = "sqlite, postgresql, duckdb, mysql, mariadb or snowflake"
        other = _UNGUARDED.get(name.casefold().partition("+")[0])
        msg = f"The SQL dialect must be one of {known}."
        if other is not None:
            msg = (
                f"{other} cannot be asked privately: its grammar, functions and limits are not "
                f"among those that the guard was checked with ({known}). Ask a copy of the tables "
                "in one of them, e.g. a DuckDB file."
            )
        raise ConfigurationError(msg) from None


def stored(name: str, dialect: DialectName) -> str:
    """Return a name of a card as the database holds it.

    Snowflake folds names to capitals. As in SQLAlchemy, a name without capitals on a card means
    one that was never quoted: `trade` is `TRADE` there, `Trade` is `Trade`.
    """
    return name.upper() if dialect == "snowflake" and name == name.lower() else name


def of_card(name: str) -> str | None:
    """Return a name of Snowflake as a card writes it; `None` for one that no card can name.

    That is a quoted name without capitals, where `stored` would find another one.
    """
    shown = name.lower() if name.lower().upper() == name else name
    return shown if stored(shown, "snowflake") == name else None


@dataclass(frozen=True, slots=True)
class Grammar:
    """How a dialect is read and written; shared, for parsing makes no state in it.

    Attributes:
        name: Our name of it.
        dialect: sqlglot's tokenizer, parser and generator of it.
        typed: Names, in upper case, that sqlglot would read as a function of a class of its own.
        callable: Types of tokens that may be a function's name.
    """

    name: DialectName
    dialect: Any
    typed: frozenset[str]
    callable: frozenset[Any]


@cache
def grammar(name: DialectName) -> Grammar:
    """Return the reader and writer of a dialect."""
    dialect = Dialect.get_or_raise(name)
    # What has a syntax of its own keeps its parser: TRIM(LEADING x FROM y) and so on.
    special = {"CAST", "TRY_CAST", "EXTRACT", "POSITION", "SUBSTRING", "TRIM"}
    special |= set(DIALECTS[name].syntax)
    parser = dialect.parser_class
    typed = set(parser.FUNCTIONS) | set(parser.FUNCTION_PARSERS)
    typed -= special | set(parser.NO_PAREN_FUNCTION_PARSERS)
    return Grammar(name, dialect, frozenset(typed), frozenset(parser.FUNC_TOKENS))
