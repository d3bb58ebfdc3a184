"""DuckDB in a child process that can be killed.

DuckDB has no users and no column rights, and its `interrupt()` was measured to be heeded after
minutes by some functions; its documentation leaves untrusted SQL to the operating system. So each
statement runs in a process of its own, read-only, without external access, with bounded memory, and
the process is killed at the deadline.
"""

import asyncio
import contextlib
import pickle
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.sql.execute.database import Database
from langchain_privacy.sql.execute.faults import query_error
from langchain_privacy.sql.execute.rows import Rows
from langchain_privacy.sql.policy import SQLPolicy

_CHILD = Path(__file__).with_name("duckdb_child.py")
_START = 2.0
"""Seconds that a child may take to start, on top of the statement's own."""


class DuckDBDatabase(Database):
    """Statements on a DuckDB file."""

    dialect = "duckdb"

    def __init__(self, path: str | None, policy: SQLPolicy) -> None:
        if not path or path == ":memory:":
            msg = (
                "Private SQL runs DuckDB in a process of its own, which cannot see an in-memory "
                "database; use a file: duckdb:///path/to/file.duckdb."
            )
            raise ConfigurationError(msg)
        self._path = str(Path(path).absolute())
        self._policy = policy

    def run(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Rows:
        """Run a statement; see `Database`."""
        return _rows(self.ask("run", sql, parameters))

    def ask(self, what: str, sql: str = "", parameters: Mapping[str, Any] | None = None) -> Any:
        """Have a child do one thing and return its answer."""
        child = subprocess.Popen(  # noqa: S603 (our own interpreter and file)
            self._command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        try:
            out, _ = child.communicate(
                self._request(what, sql, parameters), timeout=self._policy.timeout + _START
            )
        except subprocess.TimeoutExpired:
            raise query_error("timeout") from None
        finally:
            child.kill()
            child.wait()
        return _answer(out)

    async def arun(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Rows:
        """Like `run`; cancelling the task kills the child."""
        child = await asyncio.create_subprocess_exec(
            *self._command(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(self._policy.timeout + _START):
                out, _ = await child.communicate(self._request("run", sql, parameters))
        except TimeoutError:
            raise query_error("timeout") from None
        finally:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
        return _rows(_answer(out))

    def _command(self) -> list[str]:
        # -I: neither the working directory nor PYTHON* variables choose what is imported.
        return [sys.executable, "-I", str(_CHILD)]

    def _request(self, what: str, sql: str, parameters: Mapping[str, Any] | None) -> bytes:
        return pickle.dumps(
            {
                "what": what,
                "path": self._path,
                "sql": sql,
                "parameters": dict(parameters or {}),
                "timeout": self._policy.timeout,
                "memory_mb": self._policy.memory_mb,
                "row_limit": self._policy.row_limit,
                "max_bytes": self._policy.max_bytes,
            }
        )


def _answer(out: bytes) -> Any:
    try:
        # The bytes come from our own file in a process that we started, over a private pipe.
        code, value = pickle.loads(out)  # noqa: S301
    except (pickle.UnpicklingError, EOFError, ValueError):
        # The child died without an answer: killed by its memory limit or the system's.
        raise query_error("too_large") from None
    if code == "missing":
        msg = "DuckDB is not installed: pip install duckdb."
        raise ConfigurationError(msg)
    if code is not None:
        raise query_error(code)
    return value


def _rows(value: Any) -> Rows:
    rows, truncated = value
    return Rows(rows=rows, truncated=truncated)
