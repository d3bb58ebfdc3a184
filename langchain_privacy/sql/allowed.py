"""The allow-lists of the guard: which constructs and which functions a statement may be made of.

`guard/check.py` asks them for every node of a statement, SQLite's authorizer for every function
that a statement calls. What is not here is refused: a node type, an argument of a node type (INTO,
FOR UPDATE, TABLESAMPLE, PIVOT, MATCH_RECOGNIZE, hints, settings, arrays, structs, lambdas,
wildcards in JSON, and whatever a later sqlglot learns to parse), and a function that reads files or
the network, runs SQL from a string, changes state, tells about the server, waits, allocates by an
argument, or puts data into an error message.
"""

from functools import cache
from typing import Any

from sqlglot import exp

from langchain_privacy.sql.dialects import DialectName
from langchain_privacy.sql.policy import SQLPolicy


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Functions, by name and dialect.

AGGREGATES = _words("""
    count sum avg min max total group_concat string_agg listagg
    stddev stddev_pop stddev_samp std variance var_pop var_samp corr covar_pop covar_samp
    regr_slope regr_intercept regr_r2 regr_count median mode percentile_cont percentile_disc
    boolor_agg booland_agg quantile quantile_cont quantile_disc approx_count_distinct
    approx_quantile any_value array_agg list first last arg_max arg_min max_by min_by bool_and
    bool_or every count_if product
""")
"""Names that summarise rows, in whatever dialect has them."""

WINDOWS = _words("""
    row_number rank dense_rank ntile lag lead first_value last_value nth_value cume_dist
    percent_rank
""")

_EVERYWHERE = WINDOWS | _words("""
    count sum avg min max
    abs round coalesce nullif upper lower length substr substring trim ltrim rtrim replace
    sign ceil ceiling floor mod power pow sqrt exp ln log log10 log2
    sin cos tan acos asin atan atan2 radians degrees pi
""")

_BY_DIALECT: dict[DialectName, frozenset[str]] = {
    "sqlite": _words("""
        total group_concat string_agg ifnull iif if instr concat concat_ws unicode
        json_extract json_type json_array_length -> ->>
        strftime date time datetime julianday unixepoch timediff trunc like glob likely unlikely
    """),
    "postgres": _words("""
        string_agg stddev stddev_pop stddev_samp variance var_pop var_samp corr covar_pop covar_samp
        regr_slope regr_intercept regr_r2 regr_count mode percentile_cont percentile_disc
        bool_and bool_or every any_value array_agg grouping
        concat concat_ws left right lpad rpad reverse initcap split_part strpos position translate
        ascii char_length character_length octet_length btrim starts_with overlay
        regexp_replace regexp_like regexp_count regexp_substr
        greatest least trunc cbrt div width_bucket
        now age date date_trunc date_part date_bin extract to_char to_date to_timestamp to_number
        make_date make_timestamp make_interval isfinite justify_days justify_hours justify_interval
        timezone clock_timestamp statement_timestamp transaction_timestamp
        generate_series json_extract_path json_extract_path_text jsonb_extract_path
        jsonb_extract_path_text json_array_length jsonb_array_length json_typeof jsonb_typeof
    """),
    "duckdb": _words("""
        string_agg group_concat listagg stddev stddev_pop stddev_samp variance var_pop var_samp corr
        covar_pop covar_samp regr_slope regr_intercept regr_r2 regr_count median mode
        percentile_cont percentile_disc quantile quantile_cont quantile_disc approx_count_distinct
        approx_quantile any_value array_agg list grouping first last arg_max arg_min max_by min_by
        bool_and bool_or
        count_if product
        ifnull if concat concat_ws left right lpad rpad reverse split_part strpos instr position
        translate ascii strlen char_length character_length contains starts_with ends_with prefix
        suffix lcase ucase regexp_matches regexp_replace regexp_extract regexp_full_match
        levenshtein jaro_winkler_similarity
        greatest least trunc cbrt even
        now today age date date_trunc date_part date_diff datediff date_sub datesub date_add extract
        year month day hour minute second quarter week weekofyear weekday dayofweek isodow
        dayofmonth dayofyear dayname monthname isoyear yearweek decade century epoch last_day
        make_date make_time make_timestamp strftime strptime try_strptime to_timestamp time_bucket
        to_years to_months to_days to_hours to_minutes to_seconds isfinite
        generate_series range
        json_extract json_value json_extract_string json_type json_array_length
    """),
    "mysql": _words("""
        group_concat format std stddev stddev_pop stddev_samp variance var_pop var_samp any_value
        ifnull if isnull concat concat_ws left right lpad rpad reverse substring_index mid
        instr locate position ascii char_length character_length octet_length lcase ucase strcmp
        field elt find_in_set regexp_replace regexp_like regexp_substr regexp_instr
        greatest least truncate
        now curdate curtime current_date current_time current_timestamp localtime localtimestamp
        sysdate utc_date utc_time utc_timestamp date time timestamp year month day hour minute
        second quarter week weekday dayofweek dayofmonth dayofyear dayname monthname yearweek
        json_extract json_value json_unquote json_type json_length
        weekofyear last_day to_days from_days to_seconds makedate maketime
        date_add date_sub adddate subdate addtime subtime datediff timediff timestampdiff
        timestampadd period_diff period_add date_format time_format str_to_date from_unixtime
        unix_timestamp sec_to_time time_to_sec extract
    """),
    "snowflake": _words("""
        listagg stddev stddev_pop stddev_samp variance var_pop var_samp corr covar_pop covar_samp
        regr_slope regr_intercept regr_r2 regr_count median mode percentile_cont percentile_disc
        approx_count_distinct any_value max_by min_by count_if boolor_agg booland_agg grouping
        ratio_to_report
        ifnull nvl nvl2 iff zeroifnull nullifzero div0 div0null decode equal_null
        concat concat_ws left right lpad rpad reverse initcap split_part position charindex
        translate ascii contains startswith endswith len rlike regexp_like regexp_replace
        regexp_substr regexp_count regexp_instr editdistance jarowinkler_similarity
        greatest least greatest_ignore_nulls least_ignore_nulls trunc truncate cbrt square
        width_bucket
        current_date current_time current_timestamp getdate sysdate localtime localtimestamp
        date to_date try_to_date to_time to_timestamp to_timestamp_ntz to_char to_varchar
        to_number to_decimal try_to_number try_to_decimal to_double try_to_double
        date_trunc date_part dateadd datediff timeadd timediff timestampadd timestampdiff add_months
        months_between last_day next_day previous_day monthname dayname date_from_parts
        time_from_parts timestamp_from_parts extract time_slice convert_timezone
        year yearofweek yearofweekiso month day dayofmonth dayofweek dayofweekiso dayofyear week
        weekofyear weekiso quarter hour minute second
        get_path typeof
    """),
}

JSON_FUNCTIONS = _words("""
    json_extract json_value json_unquote json_type json_length json_array_length jsonb_array_length
    json_extract_string json_extract_path json_extract_path_text jsonb_extract_path
    jsonb_extract_path_text jsonb_typeof json_typeof get_path
""")
"""Functions that look into JSON: of a column that the card says is `json`, by a path written out.

On a text SQLite and DuckDB would make an error of a malformed cell, and DuckDB tells it.
"""

SIZED = {"lpad": 1, "rpad": 1}
"""Functions whose result grows with an argument (0-based): it must be a small constant."""

LARGEST_SIZE = 1_000

UNIT_FIRST = _words("""
    timestampdiff timestampadd date_diff datediff date_trunc date_part extract dateadd timeadd
    timediff
""")
"""Functions whose first argument may be a bare unit word."""

UNITS = _words("""
    microsecond microseconds millisecond milliseconds second seconds minute minutes hour hours day
    days week weeks month months quarter quarters year years decade century epoch dow isodow doy
    isoyear dayofweek dayofyear day_hour day_minute day_second hour_minute hour_second minute_second
    year_month
""")


def allowed_functions(dialect: DialectName, policy: SQLPolicy) -> frozenset[str]:
    """Return the functions that may be called, in lower case: the dialect's and the policy's."""
    return (_EVERYWHERE | _BY_DIALECT[dialect] | policy.functions) - policy.denied_functions


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
