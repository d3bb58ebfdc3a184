"""The five dialects: a row for each, with what sets it apart from the others.

The guard, the nodes and the databases ask `DIALECTS["postgres"]`; whoever is given a name asks
`dialect_name("postgresql+psycopg")`, which is `"postgres"`, and whoever is given an engine or a URL
asks `dialect_of(engine)`.

A new dialect is a row here. A server that SQLAlchemy has a driver for needs nothing else: its row
says how it is held to reading (`Server`). Another gets a `Database` of its own in `sql/execute/`,
which its row opens.

Functions are read by name, not by sqlglot's typed classes: an allow-list of names is exact, and the
name that was checked is the name that is written again. Classes of sqlglot are used as they are: in
its compiled build (twice as fast) none of them can be derived from.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy
import sqlglot
from sqlglot import exp

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.sql.execute.database import Database
from langchain_privacy.sql.execute.duckdb import DuckDBDatabase
from langchain_privacy.sql.execute.server import Server, open_server
from langchain_privacy.sql.execute.snowflake import SnowflakeDatabase, in_capitals
from langchain_privacy.sql.execute.sqlite import SQLiteDatabase
from langchain_privacy.sql.policy import SQLPolicy
from langchain_privacy.sql.tables import TableCard

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.ext.asyncio import AsyncEngine

DialectName = Literal["sqlite", "postgres", "duckdb", "mysql", "snowflake"]

_OF_EVERY_DIALECT = """
    count sum avg min max
    row_number rank dense_rank ntile lag lead first_value last_value nth_value cume_dist
    percent_rank
    abs round coalesce nullif upper lower length substr substring trim ltrim rtrim replace
    sign ceil ceiling floor mod power pow sqrt exp ln log log10 log2
    sin cos tan acos asin atan atan2 radians degrees pi
"""
"""Functions that may be called in every dialect."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Dialect:
    """What sets a dialect apart.

    Attributes:
        name: Our name of it, which is sqlglot's too.
        title: Its name for people and models.
        names: What it is called in a URL of SQLAlchemy or by a user.
        own_schema: The schema that a connection reads when a table is written without one.

        aggregates: Functions that may be called and summarise rows.
        unit_first: Functions whose first argument may be a bare unit word.
        json: Functions that look into JSON.
        functions: All others that may be called, besides those of every dialect.
        series: Functions that make rows, as they are written.
        syntax: Functions with a grammar of their own, besides those of every dialect.

        quote: What an identifier is quoted with; doubled, it stands for itself.
        concat: Whether texts are joined with `CONCAT`, for `||` means "or".
        backslash: Whether a backslash in a text escapes the next character.
        from_first: Whether a query may begin with `FROM`.
        lateral: Whether a subquery of FROM may read the sources before it.
        text_in_quotes: Whether `"..."` is read as a text where no column has that name.
        named_series: Whether the alias of a series is the name of its column too.
        json_in_calls: Types of columns that functions may look into: on a text SQLite and DuckDB
            would make an error of a malformed cell, and DuckDB tells it.
        json_in_arrows: The same of the operators.
        spellers: What rewrites a resolved node in place where sqlglot would write it in a way that
            the database does not read as it was read, by the node's type. Not to be used twice.
        stored: Turns a name of a card into the database's, where they differ.

        open: Makes the `Database` that statements run on, from an engine or a URL, the tables that
            may be read, and the limits.
        errors: What a driver's numbers of errors mean, as codes of `QueryError`.

        reflected: Whether SQLAlchemy reads its schema; else its `Database` does (`listing`).
        writes_schema: Whether the own schema is written before a table: a search path or a
            temporary table must not decide.
        makes_file: Whether connecting makes a file that is not there.
        untyped: Whether a column without a type may hold texts.
        partitions: Lists the partitions of the schema `:name`; they stand behind their parent.
        materialized: Whether it has materialised views.
    """

    name: DialectName
    title: str
    names: tuple[str, ...]
    own_schema: str | None

    aggregates: str
    unit_first: str = ""
    json: str = ""
    functions: str
    series: tuple[str, ...] = ()
    syntax: tuple[str, ...] = ()

    quote: str = '"'
    concat: bool = False
    backslash: bool = False
    from_first: bool = False
    lateral: bool = True
    text_in_quotes: bool = False
    named_series: bool = False
    json_in_calls: frozenset[str] = frozenset({"json"})
    json_in_arrows: frozenset[str] = frozenset({"json", "text", ""})
    spellers: Mapping[type[Any], Callable[[Any], None]] = field(default_factory=dict)
    stored: Callable[[str], str] | None = None

    open: Callable[["Engine | AsyncEngine | str", Sequence[TableCard], SQLPolicy], Database]
    errors: Mapping[int, str] = field(default_factory=dict)

    reflected: bool = True
    writes_schema: bool = True
    makes_file: bool = False
    untyped: bool = False
    partitions: str = ""
    materialized: bool = False

    def allowed(self, policy: SQLPolicy) -> frozenset[str]:
        """Return the functions that may be called, in lower case."""
        of_the_row = (self.aggregates, self.unit_first, self.json, self.functions)
        names = " ".join([_OF_EVERY_DIALECT, *of_the_row]).split()
        return policy.functions.union(names) - policy.denied_functions

    def quoted(self, name: str) -> str:
        """Write an identifier in quotes."""
        return self.quote + name.replace(self.quote, self.quote * 2) + self.quote

    @cached_property
    def grammar(self) -> Any:
        """The tokenizer, parser and generator of sqlglot; parsing makes no state in it."""
        return sqlglot.Dialect.get_or_raise(self.name)

    @cached_property
    def typed(self) -> frozenset[str]:
        """Names, in upper case, that sqlglot would read as a function of a class of its own."""
        # What has a syntax of its own keeps its parser: TRIM(LEADING x FROM y) and so on.
        special = {"CAST", "TRY_CAST", "EXTRACT", "POSITION", "SUBSTRING", "TRIM", *self.syntax}
        parser = self.grammar.parser_class
        typed = set(parser.FUNCTIONS) | set(parser.FUNCTION_PARSERS)
        return frozenset(typed - special - set(parser.NO_PAREN_FUNCTION_PARSERS))


def _in_words(left: Any, words: str, right: Any) -> Any:
    """Put words between two expressions; `Introducer` writes its two parts side by side."""
    return exp.Introducer(
        this=left, expression=exp.Introducer(this=exp.Var(this=words), expression=right)
    )


# ---- SQLite: a file, read under an authorizer


def _open_sqlite(
    source: "Engine | AsyncEngine | str", tables: Sequence[TableCard], policy: SQLPolicy
) -> Database:
    return SQLiteDatabase(source, tables, policy, functions=_SQLITE.allowed(policy))


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


_SQLITE = Dialect(
    name="sqlite",
    title="SQLite",
    names=("sqlite",),
    own_schema="main",
    aggregates="total group_concat string_agg",
    json="json_extract json_type json_array_length",
    functions="""
        ifnull iif if instr concat concat_ws unicode -> ->> strftime date time datetime julianday
        unixepoch timediff trunc like glob likely unlikely
    """,
    lateral=False,
    text_in_quotes=True,
    spellers={exp.DataType: _sqlite_type},
    open=_open_sqlite,
    writes_schema=False,
    makes_file=True,
    untyped=True,
)


# ---- Servers that SQLAlchemy talks to: PostgreSQL, MySQL and MariaDB


def _postgres_opening(policy: SQLPolicy, _: Any) -> list[str]:
    ms = int(policy.timeout * 1000)
    return [
        "SET TRANSACTION READ ONLY",
        f"SET LOCAL statement_timeout = {ms}",
        "SET LOCAL lock_timeout = 1000",
        f"SET LOCAL idle_in_transaction_session_timeout = {ms + 5000}",
        "SET LOCAL work_mem = '16MB'",
        "SET LOCAL jit = off",
    ]


_POSTGRES = Dialect(
    name="postgres",
    title="PostgreSQL",
    names=("postgresql", "postgres"),
    own_schema="public",
    aggregates="""
        string_agg stddev stddev_pop stddev_samp variance var_pop var_samp corr covar_pop covar_samp
        regr_slope regr_intercept regr_r2 regr_count mode percentile_cont percentile_disc bool_and
        bool_or every any_value array_agg
    """,
    unit_first="date_trunc date_part extract",
    json="""
        json_extract_path json_extract_path_text jsonb_extract_path jsonb_extract_path_text
        json_array_length jsonb_array_length json_typeof jsonb_typeof
    """,
    functions="""
        grouping concat concat_ws left right lpad rpad reverse initcap split_part strpos position
        translate ascii char_length character_length octet_length btrim starts_with overlay
        regexp_replace regexp_like regexp_count regexp_substr
        greatest least trunc cbrt div width_bucket
        now age date date_bin to_char to_date to_timestamp to_number make_date make_timestamp
        make_interval isfinite justify_days justify_hours justify_interval timezone clock_timestamp
        statement_timestamp transaction_timestamp generate_series
    """,
    series=("generate_series",),
    named_series=True,
    json_in_arrows=frozenset({"json", ""}),  # there is no operator for a text
    open=partial(
        open_server,
        Server(
            "postgres",
            opening=_postgres_opening,
            number="SELECT pg_backend_pid()",
            kill="SELECT pg_terminate_backend({:d})",
            lasts=False,
        ),
    ),
    partitions=(
        "SELECT c.relname FROM pg_catalog.pg_class AS c "
        "JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace "
        "WHERE c.relispartition AND n.nspname = :name"
    ),
    materialized=True,
)


def _mysql_opening(policy: SQLPolicy, dialect: Any) -> list[str]:
    mariadb = getattr(dialect, "is_mariadb", False)
    return [
        f"SET SESSION max_statement_time = {policy.timeout}"
        if mariadb
        else f"SET SESSION max_execution_time = {int(policy.timeout * 1000)}",
        "SET SESSION sql_big_selects = 0",
        "SET SESSION max_join_size = 50000000",
        "SET SESSION lock_wait_timeout = 1",
        f"SET SESSION sql_select_limit = {policy.row_limit + 1}",
        "START TRANSACTION READ ONLY",
    ]


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


_MYSQL_ERRORS = {
    **dict.fromkeys(range(2000, 2100), "unavailable"),  # of the client
    **dict.fromkeys((1045, 1049), "unavailable"),
    **dict.fromkeys((1969, 3024), "timeout"),
    **dict.fromkeys((1038, 1104), "too_large"),
    **dict.fromkeys((1044, 1142, 1143, 1792), "forbidden"),
    **dict.fromkeys((1292, 1366, 1690), "cast_failed"),
    1317: "cancelled",
    1305: "unknown_function",
}

_MYSQL = Dialect(
    name="mysql",
    title="MySQL",
    names=("mysql", "mariadb"),
    own_schema=None,
    aggregates="group_concat std stddev stddev_pop stddev_samp variance var_pop var_samp any_value",
    unit_first="timestampdiff timestampadd extract",
    json="json_extract json_value json_unquote json_type json_length",
    functions="""
        format ifnull if isnull concat concat_ws left right lpad rpad reverse substring_index mid
        instr locate position ascii char_length character_length octet_length lcase ucase strcmp
        field elt find_in_set regexp_replace regexp_like regexp_substr regexp_instr
        greatest least truncate
        now curdate curtime current_date current_time current_timestamp localtime localtimestamp
        sysdate utc_date utc_time utc_timestamp date time timestamp year month day hour minute
        second quarter week weekday dayofweek dayofmonth dayofyear dayname monthname yearweek
        weekofyear last_day to_days from_days to_seconds makedate maketime
        date_add date_sub adddate subdate addtime subtime datediff timediff period_diff period_add
        date_format time_format str_to_date from_unixtime unix_timestamp sec_to_time time_to_sec
    """,
    syntax=("GROUP_CONCAT",),
    quote="`",
    concat=True,
    backslash=True,
    json_in_calls=frozenset({"json", "text", ""}),  # MariaDB's JSON is a text
    spellers={
        exp.RegexpLike: _mysql_regexp,
        exp.JSONExtract: _mysql_json,
        exp.JSONExtractScalar: _mysql_json,
    },
    open=partial(
        open_server,
        Server(
            "mysql",
            opening=_mysql_opening,
            number="SELECT CONNECTION_ID()",
            kill="KILL {:d}",
            lasts=True,
            errors=_MYSQL_ERRORS,
        ),
    ),
    errors=_MYSQL_ERRORS,
)


# ---- DuckDB: a file, read by a child process


def _duckdb_within_group(node: Any) -> None:
    node.replace(_in_words(node.this, "WITHIN GROUP", exp.Paren(this=node.expression)))


_DUCKDB = Dialect(
    name="duckdb",
    title="DuckDB",
    names=("duckdb",),
    own_schema="main",
    aggregates="""
        string_agg group_concat listagg stddev stddev_pop stddev_samp variance var_pop var_samp corr
        covar_pop covar_samp regr_slope regr_intercept regr_r2 regr_count median mode
        percentile_cont percentile_disc quantile quantile_cont quantile_disc approx_count_distinct
        approx_quantile any_value array_agg list first last arg_max arg_min max_by min_by bool_and
        bool_or count_if product
    """,
    unit_first="date_diff datediff date_trunc date_part extract",
    json="json_extract json_value json_extract_string json_type json_array_length",
    functions="""
        grouping ifnull if concat concat_ws left right lpad rpad reverse split_part strpos instr
        position translate ascii strlen char_length character_length contains starts_with ends_with
        prefix suffix lcase ucase regexp_matches regexp_replace regexp_extract regexp_full_match
        levenshtein jaro_winkler_similarity
        greatest least trunc cbrt even
        now today age date date_sub datesub date_add
        year month day hour minute second quarter week weekofyear weekday dayofweek isodow
        dayofmonth dayofyear dayname monthname isoyear yearweek decade century epoch last_day
        make_date make_time make_timestamp strftime strptime try_strptime to_timestamp time_bucket
        to_years to_months to_days to_hours to_minutes to_seconds isfinite generate_series range
    """,
    series=("generate_series", "range"),
    from_first=True,
    spellers={exp.WithinGroup: _duckdb_within_group},
    open=DuckDBDatabase,
    reflected=False,
    writes_schema=False,
)


# ---- Snowflake: through its own connector


_SNOWFLAKE = Dialect(
    name="snowflake",
    title="Snowflake",
    names=("snowflake",),
    own_schema="public",
    aggregates="""
        listagg stddev stddev_pop stddev_samp variance var_pop var_samp corr covar_pop covar_samp
        regr_slope regr_intercept regr_r2 regr_count median mode percentile_cont percentile_disc
        approx_count_distinct any_value max_by min_by count_if boolor_agg booland_agg
    """,
    unit_first="""
        date_trunc date_part dateadd datediff timeadd timediff timestampadd timestampdiff extract
    """,
    json="get_path",
    functions="""
        grouping ratio_to_report
        ifnull nvl nvl2 iff zeroifnull nullifzero div0 div0null decode equal_null
        concat concat_ws left right lpad rpad reverse initcap split_part position charindex
        translate ascii contains startswith endswith len rlike regexp_like regexp_replace
        regexp_substr regexp_count regexp_instr editdistance jarowinkler_similarity
        greatest least greatest_ignore_nulls least_ignore_nulls trunc truncate cbrt square
        width_bucket
        current_date current_time current_timestamp getdate sysdate localtime localtimestamp
        date to_date try_to_date to_time to_timestamp to_timestamp_ntz to_char to_varchar
        to_number to_decimal try_to_number try_to_decimal to_double try_to_double
        add_months months_between last_day next_day previous_day monthname dayname date_from_parts
        time_from_parts timestamp_from_parts time_slice convert_timezone
        year yearofweek yearofweekiso month day dayofmonth dayofweek dayofweekiso dayofyear week
        weekofyear weekiso quarter hour minute second typeof
    """,
    syntax=("LISTAGG",),
    backslash=True,
    json_in_arrows=frozenset({"json", ""}),  # there is no operator for a text
    stored=in_capitals,
    open=SnowflakeDatabase,
    reflected=False,
)


# ---- All of them, by name

DIALECTS: dict[DialectName, Dialect] = {
    row.name: row for row in (_SQLITE, _POSTGRES, _DUCKDB, _MYSQL, _SNOWFLAKE)
}

_NAMES = {name: row.name for row in DIALECTS.values() for name in row.names}

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
    folded = name.casefold().partition("+")[0]
    if folded in _NAMES:
        return _NAMES[folded]
    known = "sqlite, postgresql, duckdb, mysql, mariadb or snowflake"
    msg = f"The SQL dialect must be one of {known}."
    if (other := _UNGUARDED.get(folded)) is not None:
        msg = (
            f"{other} cannot be asked privately: its grammar, functions and limits are not "
            f"among those that the guard was checked with ({known}). Ask a copy of the tables "
            "in one of them, e.g. a DuckDB file."
        )
    raise ConfigurationError(msg)


def dialect_of(source: "Engine | AsyncEngine | str") -> Dialect:
    """Return the dialect of a SQLAlchemy engine or a URL.

    Raises:
        ConfigurationError: It is not one of the five.
    """
    url = sqlalchemy.make_url(source) if isinstance(source, str) else source.url
    return DIALECTS[dialect_name(url.drivername)]


def stored(name: str, dialect: DialectName) -> str:
    """Return a name of a card as the database holds it."""
    fold = DIALECTS[dialect].stored
    return name if fold is None else fold(name)
