"""Reading back what an app stored: checkpoints, stores, caches and the SQLite files under them.

Checkpoints and stores are listed through their public interfaces. A cache cannot be listed, so what
is put into it is kept as it comes.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from langchain_core.caches import BaseCache as AnswerCache
from langgraph.cache.base import BaseCache as NodeCache
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.store.base import BaseStore

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.testing.texts import Text, texts, texts_of_file

_PAGE = 10_000
_PUT: dict[type, tuple[str, ...]] = {AnswerCache: ("update", "aupdate"), NodeCache: ("set", "aset")}


class Storage:
    """The checkpointers, stores, caches and files of an app."""

    def __init__(self) -> None:
        self._held: dict[int, tuple[str, Any]] = {}
        self._files: list[Path] = []
        self._put: list[Text] = []
        self._undo: list[Callable[[], None]] = []

    def watch(self, x: Any) -> None:
        """Take in a checkpointer, a store or a cache.

        Raises:
            ConfigurationError: It is none of these.
        """
        if x is None or isinstance(x, bool) or id(x) in self._held:
            return
        if isinstance(x, BaseCheckpointSaver):
            channel = "checkpoints"
        elif isinstance(x, BaseStore):
            channel = "store"
        elif isinstance(x, (AnswerCache, NodeCache)):
            channel = "cache"
            self._keep_what_is_put(x)
        else:
            msg = f"A {type(x).__name__} is no checkpointer, no store and no cache of LangChain."
            raise ConfigurationError(msg)
        self._held[id(x)] = channel, x

    def watch_file(self, path: Path) -> None:
        """Take in a file or a folder."""
        self._files.append(path)

    def _keep_what_is_put(self, cache: Any) -> None:
        for name in _PUT[AnswerCache if isinstance(cache, AnswerCache) else NodeCache]:
            self._keep_calls(cache, name)

    def _keep_calls(self, cache: Any, name: str) -> None:
        inner = getattr(cache, name)

        def put(*args: Any, **kwargs: Any) -> Any:
            self._put.extend(texts([*args, kwargs], f"{type(cache).__name__}.{name}"))
            return inner(*args, **kwargs)

        setattr(cache, name, put)
        self._undo.append(lambda: delattr(cache, name))

    def release(self) -> None:
        """Leave the caches as they were."""
        for undo in self._undo:
            undo()
        self._undo.clear()

    def read(self) -> Iterator[tuple[str, Iterable[Text]]]:
        """Yield what each thing holds, with its channel.

        Raises:
            ConfigurationError: Something can be read by an event loop only: use `areport`.
        """
        for channel, x in self._held.values():
            if isinstance(x, BaseCheckpointSaver):
                _not_of_a_loop(x)
                for number, found in enumerate(x.list(None)):
                    yield channel, _checkpoint(x, number, found)
            elif isinstance(x, BaseStore):
                _not_of_a_loop(x)
                yield channel, _items(x, x.search)
            yield channel, _files_of(x)
        yield from self._rest()

    async def aread(self) -> AsyncIterator[tuple[str, Iterable[Text]]]:
        """Yield the same; what has no asynchronous interface is read as in `read`."""
        for channel, x in self._held.values():
            if isinstance(x, BaseCheckpointSaver):
                try:
                    found = [one async for one in x.alist(None)]
                except NotImplementedError:
                    found = [*x.list(None)]
                for number, one in enumerate(found):
                    yield channel, _checkpoint(x, number, one)
            elif isinstance(x, BaseStore):
                yield channel, await _aitems(x)
            yield channel, await _afiles_of(x)
        for rest in self._rest():
            yield rest

    def _rest(self) -> Iterator[tuple[str, Iterable[Text]]]:
        yield "cache", list(self._put)
        for path in self._files:
            inside = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
            for file in inside:
                yield "files", texts_of_file(file, str(file))


def _not_of_a_loop(x: Any) -> None:
    loop = getattr(x, "loop", getattr(x, "_loop", None))
    if not isinstance(loop, asyncio.AbstractEventLoop):
        return
    try:
        here = asyncio.get_running_loop() is loop
    except RuntimeError:
        here = False
    if here or not loop.is_running():
        msg = f"A {type(x).__name__} is read by its event loop: use `await probe.areport()` there."
        raise ConfigurationError(msg)


def _checkpoint(saver: Any, number: int, found: Any) -> Iterator[Text]:
    return texts(found, f"{type(saver).__name__}: checkpoint {number + 1}")


def _items(store: BaseStore, search: Any) -> Iterator[Text]:
    offset = 0
    while page := search((), limit=_PAGE, offset=offset):
        yield from _texts_of_items(store, page, offset)
        offset += len(page)


async def _aitems(store: BaseStore) -> list[Text]:
    found: list[Text] = []
    offset = 0
    while page := await store.asearch((), limit=_PAGE, offset=offset):
        found += _texts_of_items(store, page, offset)
        offset += len(page)
    return found


def _texts_of_items(store: BaseStore, page: Iterable[Any], offset: int) -> Iterator[Text]:
    for number, item in enumerate(page, offset + 1):
        where = f"{type(store).__name__}: item {number}"
        yield from texts(item.namespace, f"{where}: namespace")
        yield Text(f"{where}: key", item.key)
        yield from texts(item.value, f"{where}: value")


# ---- the SQLite under it


def _files_of(x: Any) -> Iterator[Text]:
    for held in list(getattr(x, "__dict__", {}).values()):
        if isinstance(held, sqlite3.Connection):
            try:
                held.commit()
                listed = held.execute("PRAGMA database_list").fetchall()
            except sqlite3.ProgrammingError:
                continue  # of another thread, or closed: what it holds was read through `x`
            yield from _databases(x, listed)
            if not any(name for _, _, name in listed):
                yield Text(f"{type(x).__name__}, as bytes", _bytes_of(held))
        elif hasattr(held, "dialect") and held.dialect.name == "sqlite":  # SQLAlchemy's engine
            yield from _databases(x, [(0, "main", held.url.database)])


def _bytes_of(connection: sqlite3.Connection) -> str:
    return connection.serialize().decode("utf-8", "replace")


async def _afiles_of(x: Any) -> list[Text]:
    found: list[Text] = []
    for held in list(getattr(x, "__dict__", {}).values()):
        if type(held).__module__.startswith("aiosqlite"):
            await held.commit()
            listed = await held.execute_fetchall("PRAGMA database_list")
            found += _databases(x, [tuple(row) for row in listed])
    return [*found, *_files_of(x)]


def _databases(x: Any, listed: Iterable[tuple[Any, ...]]) -> Iterator[Text]:
    for _, _, name in listed:
        if name and Path(name).is_file():
            yield from texts_of_file(Path(name), f"{type(x).__name__}: {Path(name).name}")
