"""DuckDB in a child process that can be killed.

DuckDB has no users and no column rights, and its `interrupt()` was measured to be heeded after
minutes by some functions; its documentation leaves untrusted SQL to the operating system. So each
statement runs in a process of its own, read-only, without external access, with bounded memory. The
child interrupts the statement at its limit; one that does not heed it is killed with the process.

`open_database` makes a `DuckDBDatabase` of a URL such as `duckdb:///trades.duckdb`; `introspect.py`
asks one for its `listing`. `duckdb_child.py` is what runs on the other side.
"""

import contextlib
import pickle
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.sql.execute.database import Database, Keys, Listing, Rows, Stop, query_error
from langchain_privacy.sql.policy import SQLPolicy
from langchain_privacy.sql.tables import ColumnCard, TableCard

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.ext.asyncio import AsyncEngine

_CHILD = Path(__file__).with_name("duckdb_child.py")
_START = 20.0
"""Seconds that a child may take to start and open the database, before the statement is sent."""
_GRACE = 0.5
"""Seconds after the statement's limit at which the child is killed."""

_WORDS = {
    "varchar": "text",
    "bigint": "integer",
    "integer": "integer",
    "smallint": "integer",
    "double": "real",
    "float": "real",
    "decimal": "decimal",
    "boolean": "boolean",
    "date": "date",
    "time": "time",
    "json": "json",
}
"""Types in one plain word each."""


class _Hand(Stop):
    """Holds a child, asks it, and kills it: at a deadline, at the end, or when told to."""

    def __init__(self) -> None:
        super().__init__()
        self._child: subprocess.Popen[bytes] | None = None

    @contextlib.contextmanager
    def on(self, child: "subprocess.Popen[bytes]") -> "Iterator[_Hand]":
        self._child = child
        try:
            yield self
        finally:
            child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()

    def stop(self, why: str) -> None:
        super().stop(why)
        if self._child is not None:
            self._child.kill()

    def ask(self, message: dict[str, Any], seconds: float) -> Any:
        child = self._child
        assert child is not None
        assert child.stdin is not None
        assert child.stdout is not None
        if self.why:
            raise query_error(self.why)
        timer = threading.Timer(seconds, self.stop, ("timeout",))
        timer.daemon = True
        timer.start()
        try:
            pickle.dump(message, child.stdin)
            child.stdin.flush()
            # The bytes come from our own file in a process that we started, over a private pipe.
            # Its death ends them.
            code, value = pickle.load(child.stdout)  # noqa: S301
        except (pickle.UnpicklingError, EOFError, ValueError, OSError):
            # Killed by us, or by its memory limit or the system's.
            raise query_error(self.why or "too_large") from None
        finally:
            timer.cancel()
        if code == "missing":
            msg = "DuckDB is not installed: pip install duckdb."
            raise ConfigurationError(msg)
        if code is not None:
            raise query_error(code)
        return value


class DuckDBDatabase(Database):
    """Statements on a DuckDB file."""

    dialect = "duckdb"
    _stop = _Hand

    def __init__(
        self,
        source: "Engine | AsyncEngine | str",
        tables: Sequence[TableCard],  # noqa: ARG002 (its process reads no other file)
        policy: SQLPolicy,
    ) -> None:
        path = sqlalchemy.make_url(source if isinstance(source, str) else source.url).database
        if not path or path == ":memory:":
            msg = (
                "Private SQL runs DuckDB in a process of its own, which cannot see an in-memory "
                "database; use a file: duckdb:///path/to/file.duckdb."
            )
            raise ConfigurationError(msg)
        self._path = str(Path(path).absolute())
        self._policy = policy

    def _run(self, sql: str, parameters: Mapping[str, Any], stop: _Hand) -> Rows:
        return _rows(self.ask("run", sql, parameters, stop))

    def ask(
        self,
        what: str,
        sql: str = "",
        parameters: Mapping[str, Any] | None = None,
        hand: _Hand | None = None,
        *,
        seconds: float | None = None,
        **more: Any,
    ) -> Any:
        """Have a child do one thing and return its answer, within the policy's time or another."""
        child = subprocess.Popen(  # noqa: S603 (our own interpreter and file)
            # -I: neither the working directory nor PYTHON* variables choose what is imported.
            [sys.executable, "-I", str(_CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        policy = self._policy
        with (hand or _Hand()).on(child) as held:
            held.ask({"path": self._path, "memory_mb": policy.memory_mb}, _START)
            limit = policy.timeout if seconds is None else seconds
            request = {
                "what": what,
                "sql": sql,
                "parameters": dict(parameters or {}),
                "timeout": policy.timeout,
                "row_limit": policy.row_limit,
                "max_bytes": policy.max_bytes,
                "seconds": limit,
                **more,
            }
            return held.ask(request, limit + _GRACE)

    def run_all(self, statements: Sequence[str], until: float) -> list[Rows | None]:
        """Run statements in one child."""
        seconds = until - time.monotonic()
        if seconds <= 0:
            return [None] * len(statements)
        found = self.ask("run_all", seconds=seconds, statements=list(statements))
        return [None if value is None else _rows(value) for value in found]

    def listing(self) -> Listing:
        """Read what the file says of itself; see `Database`."""
        columns, constraints = self.ask("schema")

        def keys(schema: str) -> Keys:
            primary: dict[str, Sequence[str]] = {}
            foreign: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
            for where, name, kind, own, other, others in constraints:
                if where == schema and kind == "PRIMARY KEY":
                    primary[name] = own
                elif where == schema:
                    pairs = zip(own, others, strict=False)
                    foreign[name] += [(a, f"{schema}.{other}", b) for a, b in pairs]
            return primary, foreign

        cards = [
            (schema, table, ColumnCard(name=column, type=_word(kind)), view)
            for schema, table, column, kind, view in columns
        ]
        return Listing("main", cards, keys)


def _word(kind: str) -> str:
    folded = kind.casefold().partition("(")[0]
    return "timestamp" if folded.startswith("timestamp") else _WORDS.get(folded, "")


def _rows(value: Any) -> Rows:
    rows, truncated = value
    return Rows(rows=rows, truncated=truncated)
