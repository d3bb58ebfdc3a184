"""PostgreSQL, MySQL and MariaDB: a read-only transaction with limits, and a hand on the plug.

The server's own timeout comes first, the driver's cancel after it, and when neither is heeded (some
functions never look) the connection is cut, so that the caller is free within a second.
`open_database` makes a `ServerDatabase` of a sync SQLAlchemy engine, an `AsyncServerDatabase` of an
async one.
"""

import asyncio
import contextlib
import re
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy
from sqlalchemy.pool import NullPool

from langchain_privacy.sql.dialects import DialectName
from langchain_privacy.sql.execute.database import Database, RowReader, Rows, code_of, query_error
from langchain_privacy.sql.policy import SQLPolicy

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

T = TypeVar("T")

_GRACE = 0.4
"""Seconds between the server's own timeout and ours."""

_PIECE = re.compile(
    r"""
    '(?:[^']|'')*'        # a string, stepped over
    | "(?:[^"]|"")*"      # an identifier, stepped over
    | `(?:[^`]|``)*`      # an identifier of MySQL, stepped over
    | :(v\d+)\b           # a slot outside of them
    """,
    re.VERBOSE,
)


def _opening(dialect: DialectName, policy: SQLPolicy, *, mariadb: bool) -> list[str]:
    """List the statements that fence in the one that follows."""
    ms = int(policy.timeout * 1000)
    if dialect == "postgres":
        return [
            "SET TRANSACTION READ ONLY",
            f"SET LOCAL statement_timeout = {ms}",
            "SET LOCAL lock_timeout = 1000",
            f"SET LOCAL idle_in_transaction_session_timeout = {ms + 5000}",
            "SET LOCAL work_mem = '16MB'",
            "SET LOCAL jit = off",
        ]
    timeout = (
        f"SET SESSION max_statement_time = {policy.timeout}"
        if mariadb
        else f"SET SESSION max_execution_time = {ms}"
    )
    return [
        timeout,
        "SET SESSION sql_big_selects = 0",
        "SET SESSION max_join_size = 50000000",
        "SET SESSION lock_wait_timeout = 1",
        f"SET SESSION sql_select_limit = {policy.row_limit + 1}",
        "START TRANSACTION READ ONLY",
    ]


def _statement(sql: str, parameters: Mapping[str, Any]) -> Any:
    """Make SQLAlchemy's text of a statement; only our slots are parameters in it."""

    def keep(match: re.Match[str]) -> str:
        return f"\0{match[1]}" if match[1] in parameters else match[0]

    escaped = _PIECE.sub(keep, sql).replace(":", "\\:").replace("\0", ":")
    return sqlalchemy.text(escaped).bindparams(**parameters)


class ServerDatabase(Database):
    """Statements through a sync SQLAlchemy engine."""

    def __init__(self, engine: "Engine", dialect: DialectName, policy: SQLPolicy) -> None:
        self.dialect = dialect
        self._engine = engine.execution_options()
        # A copy that shares the pool; the user's own engine keeps its setting.
        self._engine.hide_parameters = True
        self._policy = policy

    def run(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Rows:
        """Run a statement; see `Database`."""
        return self._run(sql, parameters or {}, _Plug())

    async def arun(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Rows:
        """Like `run`, in a thread; cancelling the task stops the statement."""
        plug = _Plug()
        try:
            return await asyncio.to_thread(self._run, sql, parameters or {}, plug)
        except asyncio.CancelledError:
            # The worker thread sees its connection break and ends by itself.
            await asyncio.shield(asyncio.to_thread(plug.pull, "cancelled"))
            raise

    def _run(self, sql: str, parameters: Mapping[str, Any], plug: "_Plug") -> Rows:
        reader = RowReader(self._policy)
        try:
            with self._engine.connect() as connection:
                try:
                    with plug.armed(self._engine, connection, self.dialect, self._policy.timeout):
                        mariadb = bool(getattr(connection.dialect, "is_mariadb", False))
                        for line in _opening(self.dialect, self._policy, mariadb=mariadb):
                            connection.exec_driver_sql(line)
                        result = connection.execute(
                            _statement(sql, parameters), execution_options={"stream_results": True}
                        )
                        while not reader.full and (batch := result.fetchmany(500)):
                            reader.take(batch)
                        result.close()
                finally:
                    if self.dialect == "mysql" or plug.pulled:
                        # Session settings must not go back into your pool.
                        connection.invalidate()
                    else:
                        connection.rollback()
        except Exception as error:  # noqa: BLE001 (drivers also raise past SQLAlchemy)
            raise query_error(plug.pulled or code_of(error)) from None
        return reader.done()


class _Plug:
    """Stops a statement from another thread."""

    def __init__(self) -> None:
        self.pulled: str | None = None
        self._lock = threading.Lock()
        self._steps: list[Any] = []

    @contextmanager
    def armed(
        self, engine: "Engine", connection: "Connection", dialect: DialectName, timeout: float
    ) -> Iterator[None]:
        driver = connection.connection.driver_connection
        number = _backend(connection, dialect)
        with self._lock:
            if self.pulled:
                raise ConnectionError
            self._steps = [lambda: _kill(engine, dialect, number), lambda: _cut(driver)]
        timer = threading.Timer(timeout + _GRACE, self.pull, ("timeout",))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            with self._lock:
                self._steps = []

    def pull(self, why: str) -> None:
        """Ask the server to stop, then cut the connection."""
        with self._lock:
            steps, self._steps = self._steps, []
            if not steps and self.pulled is None and why == "timeout":
                return
            self.pulled = self.pulled or why
        for step in steps:
            # Whatever happens here, the last step frees the caller.
            with contextlib.suppress(Exception):
                step()


def _backend(connection: "Connection", dialect: DialectName) -> int:
    sql = "SELECT pg_backend_pid()" if dialect == "postgres" else "SELECT CONNECTION_ID()"
    number = int(connection.exec_driver_sql(sql).scalar_one())
    connection.rollback()
    return number


def _kill(engine: "Engine", dialect: DialectName, number: int) -> None:
    done = threading.Event()

    def ask() -> None:
        with contextlib.suppress(Exception), engine.connect() as other:
            if dialect == "postgres":
                other.exec_driver_sql(f"SELECT pg_terminate_backend({number:d})")
            else:
                other.exec_driver_sql(f"KILL {number:d}")
        done.set()

    # In a thread of its own: a database that hangs must not hold up the cut.
    threading.Thread(target=ask, daemon=True).start()
    done.wait(0.3)


def _cut(driver: Any) -> None:
    """Shut a driver's socket down, which wakes whoever waits on it."""
    held = getattr(driver, "_sock", None)
    if isinstance(held, socket.socket):
        held.shutdown(socket.SHUT_RDWR)
        return
    with socket.fromfd(driver.fileno(), socket.AF_INET, socket.SOCK_STREAM) as copy:
        copy.shutdown(socket.SHUT_RDWR)


class AsyncServerDatabase(Database):
    """Statements through an async SQLAlchemy engine (asyncpg, psycopg, aiomysql …)."""

    def __init__(self, engine: "AsyncEngine", dialect: DialectName, policy: SQLPolicy) -> None:
        self.dialect = dialect
        self._engine = engine.execution_options()
        self._engine.sync_engine.hide_parameters = True
        self._policy = policy

    def run(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Rows:
        """Run a statement from sync code, on an event loop and a connection of its own."""

        async def once(own: "AsyncEngine") -> Rows:
            return await AsyncServerDatabase(own, self.dialect, self._policy).arun(sql, parameters)

        return on_own_engine(self._engine, once)

    async def arun(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Rows:
        """Run a statement; cancelling the task stops it."""
        reader = RowReader(self._policy)
        code = "failed"
        try:
            async with self._engine.connect() as connection:
                try:
                    async with asyncio.timeout(self._policy.timeout + _GRACE):
                        await self._read(connection, sql, parameters or {}, reader)
                except (asyncio.CancelledError, TimeoutError):
                    await connection.invalidate()
                    raise
                if self.dialect == "mysql":
                    await connection.invalidate()
                else:
                    await connection.rollback()
        except TimeoutError:
            code = "timeout"
        except Exception as error:  # noqa: BLE001 (drivers also raise past SQLAlchemy)
            code = code_of(error)
        else:
            return reader.done()
        raise query_error(code)

    async def _read(
        self,
        connection: "AsyncConnection",
        sql: str,
        parameters: Mapping[str, Any],
        reader: RowReader,
    ) -> None:
        mariadb = bool(getattr(connection.dialect, "is_mariadb", False))
        for line in _opening(self.dialect, self._policy, mariadb=mariadb):
            await connection.exec_driver_sql(line)
        result = await connection.stream(_statement(sql, parameters))
        async for batch in result.partitions(500):
            reader.take(batch)
            if reader.full:
                break
        await result.close()


def on_own_engine(engine: "AsyncEngine", work: "Callable[[AsyncEngine], Awaitable[T]]") -> T:
    """Have work done from sync code, also inside a running event loop.

    Connections of an async engine belong to its event loop, so the work gets an engine for the same
    database, on an event loop of its own.

    Args:
        engine: The engine whose database it is.
        work: Is given the other engine.
    """
    from sqlalchemy.ext.asyncio import create_async_engine

    async def run() -> T:
        own = create_async_engine(engine.url, poolclass=NullPool, hide_parameters=True)
        try:
            return await work(own)
        finally:
            await own.dispose()

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(run())
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, run()).result()
