"""The constructs that a statement may be built of: node types, and their arguments.

A node type that is not here is refused, and so is an argument that is not listed for it: INTO, FOR
UPDATE, TABLESAMPLE, PIVOT, LATERAL, MATCH_RECOGNIZE, hints, settings, arrays, structs, lambdas,
JSON, and whatever a later sqlglot learns to parse.
"""

from functools import cache
from typing import Any

from langchain_privacy.sql.guard.functions import words as _words

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
    "With": "expressions",
    "CTE": "this alias",
    "TableAlias": "this columns",
    "From Where Having Qualify Paren Not Neg": "this",
    "Table": "this alias db joins",
    "Join": "this on side kind using",
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
    "Column": "this table",
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
    "StrPosition": "this substr",
    "AtTimeZone": "this zone",
    "CurrentDate CurrentTime CurrentTimestamp CurrentDatetime Localtime Localtimestamp": "this",
    "Anonymous": "this expressions",
    "GroupConcat": "this separator",
    "Filter": "this expression",
    "WithinGroup": "this expression",
    "Window": "this partition_by order spec alias over",
    "WindowSpec": "kind start start_side end end_side",
    "IgnoreNulls RespectNulls": "this",
}
"""Arguments by node types."""

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
    from sqlglot import exp

    table: dict[type[Any], frozenset[str]] = {}
    for names, arguments in _ALLOWED.items():
        for name in names.split():
            table[getattr(exp, name)] = frozenset(arguments.split())
    for name in _BINARY.split():
        table[getattr(exp, name)] = frozenset({"this", "expression", "typed", "safe", "negate"})
    return table
