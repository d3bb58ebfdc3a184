"""PostgreSQL, MySQL and MariaDB: a read-only transaction with limits, and a hand on the plug.

The server's own timeout comes first, the driver's cancel after it, and when neither is heeded (some
functions never look) the connection is cut, so that the caller is free within a second.
`open_server` makes a `ServerDatabase` of a sync SQLAlchemy engine, an `AsyncServerDatabase` of an
async one; what is said to a server is in its row of `dialects.py`.
"""

import asyncio
import contextlib
import re
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import sqlalchemy
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.sql.execute.database import (
    SLOT,
    Database,
    RowReader,
    Rows,
    Stop,
    code_of,
    query_error,
)
from langchain_privacy.sql.policy import SQLPolicy
from langchain_privacy.sql.tables import TableCard

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

T = TypeVar("T")

_GRACE = 0.4
"""Seconds between the server's own timeout and ours."""


class Server(NamedTuple):
    """How a server is held to reading within limits, and stopped.

    Attributes:
        dialect: Name of its row.
        opening: Writes the statements that fence in the one that follows; is given SQLAlchemy's
            dialect of the connection too.
        number: Asks which session of the server a connection is.
        kill: Ends the session of a number.
        lasts: What `opening` sets outlives its transaction, so that the connection must not go back
            into a pool.
        errors: What the numbers of its errors mean, as codes of `QueryError`.
    """

    dialect: str
    opening: Callable[[SQLPolicy, Any], list[str]]
    number: str
    kill: str
    lasts: bool
    errors: Mapping[int, str] = MappingProxyType({})


def _statement(sql: str, parameters: Mapping[str, Any]) -> Any:
    """Make SQLAlchemy's text of a statement; only our slots are parameters in it."""

    def keep(match: re.Match[str]) -> str:
        return f"\0{match[1]}" if match[1] in parameters else match[0]

    escaped = SLOT.sub(keep, sql).replace(":", "\\:").replace("\0", ":")
    return sqlalchemy.text(escaped).bindparams(**parameters)


def open_server(
    server: Server,
    source: "Engine | AsyncEngine | str",
    tables: Sequence[TableCard],  # noqa: ARG001 (the rights of its user say what may be read)
    policy: SQLPolicy,
) -> Database:
    """Make the database of a SQLAlchemy engine or a URL.

    Raises:
        ConfigurationError: The URL or its driver is not usable.
    """
    from sqlalchemy.ext.asyncio import AsyncEngine

    engine = create_engine(source) if isinstance(source, str) else source
    if isinstance(engine, AsyncEngine):
        return AsyncServerDatabase(engine, server, policy)
    return ServerDatabase(engine, server, policy)


def create_engine(url: str) -> "Engine | AsyncEngine":
    """Make an engine from a URL, sync or async by its driver; parameters are never logged.

    Raises:
        ConfigurationError: The URL or its driver is not usable.
    """
    from sqlalchemy.ext.asyncio import create_async_engine

    try:
        parsed = sqlalchemy.make_url(url)
        if parsed.get_dialect().is_async:
            return create_async_engine(parsed, hide_parameters=True, pool_pre_ping=True)
        # A database that was away must not fail the first question after it is back.
        return sqlalchemy.create_engine(parsed, hide_parameters=True, pool_pre_ping=True)
    except (ArgumentError, ImportError):
        msg = (
            "The database URL names a driver that is not installed, or is malformed. Use e.g. "
            "sqlite:///file.db, postgresql+psycopg://…, mysql+pymysql://… or duckdb:///file.duckdb."
        )
        raise ConfigurationError(msg) from None


class _Plug(Stop):
    """Asks the server to stop, then cuts the connection."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._steps: list[Any] = []

    @contextmanager
    def armed(
        self, engine: "Engine", connection: "Connection", server: Server, timeout: float
    ) -> Iterator[None]:
        driver = connection.connection.driver_connection
        number = int(connection.exec_driver_sql(server.number).scalar_one())
        connection.rollback()
        kill = server.kill.format(number)
        with self._lock:
            if self.why:
                raise ConnectionError
            self._steps = [lambda: _ask(engine, kill), lambda: _cut(driver)]
        timer = threading.Timer(timeout + _GRACE, self.stop, ("timeout",))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            with self._lock:
                self._steps = []

    def stop(self, why: str) -> None:
        with self._lock:
            steps, self._steps = self._steps, []
            if not steps and self.why is None and why == "timeout":
                return  # it had just ended
            super().stop(why)
        for step in steps:
            # Whatever happens here, the last step frees the caller.
            with contextlib.suppress(Exception):
                step()

    async def cancel(self) -> None:
        # The worker thread sees its connection break and ends by itself.
        await asyncio.shield(asyncio.to_thread(self.stop, "cancelled"))


class ServerDatabase(Database):
    """Statements through a sync SQLAlchemy engine."""

    _stop = _Plug

    def __init__(self, engine: "Engine", server: Server, policy: SQLPolicy) -> None:
        self.dialect = server.dialect
        self._server = server
        self._engine = engine.execution_options()
        # A copy that shares the pool; the user's own engine keeps its setting.
        self._engine.hide_parameters = True
        self._policy = policy

    def _run(self, sql: str, parameters: Mapping[str, Any], stop: _Plug) -> Rows:
        try:
            with self._engine.connect() as connection:
                try:
                    with stop.armed(self._engine, connection, self._server, self._policy.timeout):
                        for line in self._server.opening(self._policy, connection.dialect):
                            connection.exec_driver_sql(line)
                        result = connection.execute(
                            _statement(sql, parameters), execution_options={"stream_results": True}
                        )
                        rows = RowReader(self._policy).read(result)
                        result.close()
                finally:
                    if self._server.lasts or stop.why:
                        # Session settings must not go back into your pool.
                        connection.invalidate()
                    else:
                        connection.rollback()
        except Exception as error:  # noqa: BLE001 (drivers also raise past SQLAlchemy)
            raise query_error(stop.why or code_of(error, self._server.errors)) from None
        return rows


def _ask(engine: "Engine", kill: str) -> None:
    done = threading.Event()

    def ask() -> None:
        with contextlib.suppress(Exception), engine.connect() as other:
            other.exec_driver_sql(kill)
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

    def __init__(self, engine: "AsyncEngine", server: Server, policy: SQLPolicy) -> None:
        self.dialect = server.dialect
        self._server = server
        self._engine = engine.execution_options()
        self._engine.sync_engine.hide_parameters = True
        self._policy = policy

    def run(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Rows:
        """Run a statement from sync code, on an event loop and a connection of its own."""

        async def once(own: "AsyncEngine") -> Rows:
            return await AsyncServerDatabase(own, self._server, self._policy).arun(sql, parameters)

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
                if self._server.lasts:
                    await connection.invalidate()
                else:
                    await connection.rollback()
        except TimeoutError:
            code = "timeout"
        except Exception as error:  # noqa: BLE001 (drivers also raise past SQLAlchemy)
            code = code_of(error, self._server.errors)
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
        for line in self._server.opening(self._policy, connection.dialect):
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
