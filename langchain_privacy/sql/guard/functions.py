"""The functions that a statement may call, by name and dialect.

An allow-list: what reads files or the network, runs SQL from a string, changes state, tells about
the server, waits, allocates by an argument, or puts data into an error message is not here.
"""

from langchain_privacy.sql.dialects import DialectName


def words(text: str) -> frozenset[str]:
    """Split a text into its words."""
    return frozenset(text.split())


AGGREGATES = words("""
    count sum avg min max total group_concat string_agg listagg
    stddev stddev_pop stddev_samp std variance var_pop var_samp corr covar_pop covar_samp
    regr_slope regr_intercept regr_r2 regr_count median mode percentile_cont percentile_disc
    quantile quantile_cont quantile_disc approx_count_distinct approx_quantile any_value
    array_agg list first last arg_max arg_min max_by min_by bool_and bool_or every count_if product
""")
"""Names that summarise rows, in whatever dialect has them."""

WINDOWS = words("""
    row_number rank dense_rank ntile lag lead first_value last_value nth_value cume_dist
    percent_rank
""")

_EVERYWHERE = WINDOWS | words("""
    count sum avg min max
    abs round coalesce nullif upper lower length substr substring trim ltrim rtrim replace
    sign ceil ceiling floor mod power pow sqrt exp ln log log10 log2
    sin cos tan acos asin atan atan2 radians degrees pi
""")

_BY_DIALECT: dict[DialectName, frozenset[str]] = {
    "sqlite": words("""
        total group_concat string_agg ifnull iif if instr concat concat_ws unicode
        strftime date time datetime julianday unixepoch timediff trunc like glob likely unlikely
    """),
    "postgres": words("""
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
    """),
    "duckdb": words("""
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
    """),
    "mysql": words("""
        group_concat format std stddev stddev_pop stddev_samp variance var_pop var_samp any_value
        ifnull if isnull concat concat_ws left right lpad rpad reverse substring_index mid
        instr locate position ascii char_length character_length octet_length lcase ucase strcmp
        field elt find_in_set regexp_replace regexp_like regexp_substr regexp_instr
        greatest least truncate
        now curdate curtime current_date current_time current_timestamp localtime localtimestamp
        sysdate utc_date utc_time utc_timestamp date time timestamp year month day hour minute
        second quarter week weekday dayofweek dayofmonth dayofyear dayname monthname yearweek
        weekofyear last_day to_days from_days to_seconds makedate maketime
        date_add date_sub adddate subdate addtime subtime datediff timediff timestampdiff
        timestampadd period_diff period_add date_format time_format str_to_date from_unixtime
        unix_timestamp sec_to_time time_to_sec extract
    """),
}

SIZED = {"lpad": 1, "rpad": 1}
"""Functions whose result grows with an argument (0-based): it must be a small constant."""

LARGEST_SIZE = 1_000

UNIT_FIRST = words("timestampdiff timestampadd date_diff datediff date_trunc date_part extract")
"""Functions whose first argument may be a bare unit word."""

UNITS = words("""
    microsecond microseconds millisecond milliseconds second seconds minute minutes hour hours day
    days week weeks month months quarter quarters year years decade century epoch dow isodow doy
    isoyear dayofweek dayofyear day_hour day_minute day_second hour_minute hour_second minute_second
    year_month
""")


def allowed_functions(dialect: DialectName) -> frozenset[str]:
    """Return the built-in allow-list of a dialect, in lower case."""
    return _EVERYWHERE | _BY_DIALECT[dialect]
