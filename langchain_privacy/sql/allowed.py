"""The allow-lists of the guard: what a statement may be made of, in whatever dialect.

`guard/check.py` asks them for every node of a statement; which functions may be called is a row's
business (`dialects.py`). What is not here is refused: a node type, an argument of a node type
(INTO, FOR UPDATE, TABLESAMPLE, PIVOT, MATCH_RECOGNIZE, hints, settings, arrays, structs, lambdas,
wildcards in JSON, and whatever a later sqlglot learns to parse), and a function that reads files or
the network, runs SQL from a string, changes state, tells about the server, waits, allocates by an
argument, or puts data into an error message.
"""

from functools import cache
from typing import Any

from sqlglot import exp

from langchain_privacy.sql.dialects import DIALECTS


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Functions, by what they do. A name of one dialect means the same in all of them, for a policy may
# allow it there.

_ROWS = DIALECTS.values()

AGGREGATES = _words(" ".join(["count sum avg min max", *(row.aggregates for row in _ROWS)]))
"""Names that summarise rows."""

WINDOWS = _words("""
    row_number rank dense_rank ntile lag lead first_value last_value nth_value cume_dist
    percent_rank
""")

JSON_FUNCTIONS = _words(" ".join(row.json for row in _ROWS))
"""Functions that look into JSON: of a column that may hold it, by a path written out."""

SERIES = frozenset(name for row in _ROWS for name in row.series)
"""Functions that make rows."""

UNIT_FIRST = _words(" ".join(row.unit_first for row in _ROWS))
"""Functions whose first argument may be a bare unit word."""

SIZED = {"lpad": 1, "rpad": 1}
"""Functions whose result grows with an argument (0-based): it must be a small constant."""

LARGEST_SIZE = 1_000

UNITS = _words("""
    microsecond microseconds millisecond milliseconds second seconds minute minutes hour hours day
    days week weeks month months quarter quarters year years decade century epoch dow isodow doy
    isoyear dayofweek dayofyear day_hour day_minute day_second hour_minute hour_second minute_second
    year_month
""")


# Constructs: node types of sqlglot, and their arguments.

_BINARY = """
    And Or Xor Add Sub Mul Div Mod IntDiv EQ NEQ GT GTE LT LTE NullSafeEQ NullSafeNEQ Is Like ILike
    Glob SimilarTo DPipe
"""

_ALLOWED = {
    "Select": (
        "with_ expressions distinct from_ joins where group having qualify windows order limit "
        "offset"
    ),
    "Union Except Intersect": "with_ this expression distinct order limit offset",
    "Subquery": "this alias with_ joins order limit offset",
    "With": "expressions recursive",
    "CTE": "this alias",
    "TableAlias": "this columns",
    "From Where Having Qualify Paren Not Neg": "this",
    "Table": "this alias db joins",
    "Join": "this on side kind using",
    "Lateral": "this alias",
    "Group": "expressions rollup cube grouping_sets all",
    "Rollup Cube GroupingSets": "expressions",
    "Order": "this expressions",
    "Ordered": "this desc nulls_first",
    "Limit": "expression",
    "Offset": "expression",
    "Fetch": "direction count limit_options",
    "LimitOptions": "rows",
    "Distinct": "expressions on",
    "Alias": "this alias",
    "Column": "this table db",
    "Identifier": "this quoted",
    "Star": "except_",
    "Literal": "this is_string",
    "Null": "",
    "Boolean": "this",
    "Placeholder": "this",
    "Tuple": "expressions",
    "Var": "this",
    "Between": "this low high symmetric",
    "In": "this expressions query",
    "Exists Any All": "this",
    "Array": "expressions bracket_notation",
    "Escape": "this expression",
    "Collate": "this expression",
    "RegexpLike RegexpILike": "this expression",
    "Case": "this ifs default",
    "If": "this true false",
    "Cast TryCast": "this to safe",
    "DataType": "this expressions nested",
    "DataTypeParam": "this",
    "Interval": "this unit",
    "Extract": "this expression",
    "Trim": "this expression position",
    "Substring": "this start length",
    "StrPosition": "this substr clamp_position",
    "AtTimeZone": "this zone",
    "CurrentDate CurrentTime CurrentTimestamp CurrentDatetime Localtime Localtimestamp": "this",
    "Anonymous": "this expressions",
    "GroupConcat": "this separator",
    "Filter": "this expression",
    "WithinGroup": "this expression",
    "Window": "this partition_by order spec alias over",
    "WindowSpec": "kind start start_side end end_side",
    "IgnoreNulls RespectNulls": "this",
    "JSONExtract JSONExtractScalar": (
        "this expression only_json_types scalar_only json_subtype variant_extract requires_json"
    ),
    "JSONBExtract JSONBExtractScalar JSONBContainsTopKey ArrayContainsAll": "this expression",
    "JSONPath": "expressions",
    "JSONPathRoot": "",
    "JSONPathKey JSONPathSubscript": "this",
}
"""Arguments by node types."""

JSON_OPERATORS = frozenset(
    {
        *(exp.JSONExtract, exp.JSONExtractScalar, exp.JSONBExtract, exp.JSONBExtractScalar),
        *(exp.JSONBContainsTopKey, exp.ArrayContainsAll),
    }
)
"""`->`, `->>`, `#>`, `#>>`, `?` and `@>`: what stands on their right side is written out."""

TYPES = _words("""
    BOOLEAN TINYINT SMALLINT MEDIUMINT INT BIGINT INT128 UTINYINT USMALLINT UINT UBIGINT DECIMAL
    UDECIMAL BIGDECIMAL FLOAT DOUBLE CHAR NCHAR VARCHAR NVARCHAR TEXT BPCHAR DATE TIME TIMETZ
    TIMESTAMP TIMESTAMPTZ TIMESTAMPLTZ TIMESTAMPNTZ DATETIME INTERVAL YEAR
""")
"""Types that a CAST may name; `regclass`, JSON, XML, arrays and user types are not among them."""

COLLATIONS = frozenset({"NOCASE", "BINARY", "RTRIM", "C", "UTF8MB4_GENERAL_CI", "UTF8MB4_BIN"})


@cache
def allowed_nodes() -> dict[type[Any], frozenset[str]]:
    """Return the argument names allowed for each node type."""
    table: dict[type[Any], frozenset[str]] = {}
    for names, arguments in _ALLOWED.items():
        for name in names.split():
            table[getattr(exp, name)] = frozenset(arguments.split())
    for name in _BINARY.split():
        table[getattr(exp, name)] = frozenset({"this", "expression", "typed", "safe", "negate"})
    return table
