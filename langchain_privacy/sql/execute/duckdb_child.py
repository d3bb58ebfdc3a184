"""What runs in the child process of `duckdb.py`: one statement, then the end.

It imports nothing of the package, so that it starts fast and has little in it. Parent and child
send each other pickled messages over the child's standard input and output: where the database is,
whether it opened; what to run, and a code or the rows.
"""

import contextlib
import pickle
import re
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

# Errors of DuckDB as codes of `QueryError`, by a part of their text, which stays in this process.
_TEXTS = (
    ("interrupt", "timeout"),
    ("out of memory", "too_large"),
    ("failed to allocate", "too_large"),
    ("could not convert", "cast_failed"),
    ("conversion error", "cast_failed"),
    ("out of range", "cast_failed"),
    ("permission error", "forbidden"),
    ("disabled", "forbidden"),
    ("scalar function", "unknown_function"),
    ("cannot open", "unavailable"),
    ("could not set lock", "unavailable"),
    ("io error", "unavailable"),
)

_PIECE = re.compile(
    r"""
    '(?:[^']|'')*'      # a string, stepped over
    | "(?:[^"]|"")*"    # an identifier, stepped over
    | :(v\d+)\b         # a slot outside of them
    """,
    re.VERBOSE,
)

_COLUMNS = """
    SELECT c.schema_name, c.table_name, c.column_name, c.data_type, v.view_name IS NOT NULL
    FROM duckdb_columns() AS c LEFT JOIN duckdb_views() AS v
    ON v.database_name = c.database_name AND v.schema_name = c.schema_name
    AND v.view_name = c.table_name
    WHERE NOT c.internal AND c.database_name = current_database()
    ORDER BY c.schema_name, c.table_name, c.column_index
"""
_KEYS = """
    SELECT schema_name, table_name, constraint_type, constraint_column_names, referenced_table,
           referenced_column_names
    FROM duckdb_constraints()
    WHERE constraint_type IN ('PRIMARY KEY', 'FOREIGN KEY') AND database_name = current_database()
"""


def _connect(ask: dict[str, Any]) -> Any:
    import duckdb

    return duckdb.connect(
        ask["path"],
        read_only=True,
        config={
            "enable_external_access": "false",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
            "python_enable_replacements": "false",
            "memory_limit": f"{ask['memory_mb']}MB",
            "threads": "1",
            "max_temp_directory_size": "0MB",
            "lock_configuration": "true",
        },
    )


def _run(connection: Any, ask: dict[str, Any]) -> tuple[list[tuple[Any, ...]], bool]:
    timer = threading.Timer(ask["timeout"], connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        return _read(connection, ask)
    finally:
        timer.cancel()


def _read(connection: Any, ask: dict[str, Any]) -> tuple[list[tuple[Any, ...]], bool]:
    names = ask["parameters"]
    sql = _PIECE.sub(lambda m: f"${m[1]}" if m[1] in names else m[0], ask["sql"])
    cursor = connection.execute(sql, names) if names else connection.execute(sql)
    rows: list[tuple[Any, ...]] = []
    left = ask["max_bytes"]
    while batch := cursor.fetchmany(500):
        for row in batch:
            left -= sum(len(v) if isinstance(v, (str, bytes)) else 16 for v in row)
            if len(rows) >= ask["row_limit"] or left < 0:
                return rows, True
            rows.append(row)
    return rows, False


def _run_all(connection: Any, ask: dict[str, Any]) -> list[Any]:
    until = time.monotonic() + ask["seconds"]
    found: list[Any] = []
    for sql in ask["statements"]:
        left = until - time.monotonic()
        timed = {**ask, "sql": sql, "timeout": min(ask["timeout"], max(left, 0.01))}
        code, value = (None, None) if left <= 0 else _try(partial(_run, connection, timed))
        found.append(None if code else value)
    return found


def _schema(connection: Any, _: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    return connection.execute(_COLUMNS).fetchall(), connection.execute(_KEYS).fetchall()


def _code(error: BaseException) -> str:
    text = str(error).casefold()
    return next((code for part, code in _TEXTS if part in text), "failed")


def _tell(code: str | None, value: Any) -> None:
    pickle.dump((code, value), sys.stdout.buffer)
    sys.stdout.buffer.flush()


def _try(work: Callable[[], Any]) -> tuple[str | None, Any]:
    try:
        return None, work()
    except ModuleNotFoundError:
        return "missing", None
    except MemoryError:
        return "too_large", None
    except Exception as error:  # noqa: BLE001 (its text stays in this process)
        return _code(error), None


def main() -> None:
    """Open the database that standard input names, say so, answer what it then asks, and end."""
    start = pickle.load(sys.stdin.buffer)  # noqa: S301 (from our own parent)
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        # DuckDB counts its own memory; this bounds what it does not count.
        most = (start["memory_mb"] + 2048) << 20
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    code, connection = _try(lambda: _connect(start))
    _tell(code, None)
    if code is None:
        ask = pickle.load(sys.stdin.buffer)  # noqa: S301 (from our own parent)
        _tell(
            *_try(
                lambda: {"run": _run, "run_all": _run_all, "schema": _schema}[ask["what"]](
                    connection, ask
                )
            )
        )


if __name__ == "__main__":
    main()
