"""What each channel of an app held: what it stored, traced, logged, printed and asked.

`PrivacyProbe` opens all of them and reads them for its report. Stored are checkpoints, stores,
caches and the SQLite files under them: checkpoints and stores are listed through their public
interfaces; a cache cannot be listed, so what is put into it is kept as it comes.
"""

import asyncio
import functools
import io
import logging
import os
import sqlite3
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TextIO

import langsmith
import langsmith.utils
from langchain_core.caches import BaseCache as AnswerCache
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel, BaseLLM
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import BaseTool
from langgraph.cache.base import BaseCache as NodeCache
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.store.base import BaseStore
from langsmith import run_trees

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.loopback import LangSmithServer, RecordingServer, Reply
from langchain_privacy.testing.texts import Text, as_text, texts, texts_of_file

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
                yield Text(f"{type(x).__name__}, as bytes", as_text(held.serialize()))
        elif hasattr(held, "dialect") and held.dialect.name == "sqlite":  # SQLAlchemy's engine
            yield from _databases(x, [(0, "main", held.url.database)])


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


# ---- LangSmith and OpenTelemetry, captured on this machine
#
# The real LangSmith client sends to a server here. Where OpenTelemetry's SDK is installed, the same
# runs are exported over OTLP too, as with `LANGSMITH_TRACING_MODE=hybrid`, and whatever else
# exports to `OTEL_EXPORTER_OTLP_ENDPOINT` comes to the same server.


NEEDED = "pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http"


class Traces:
    """Servers that keep traces.

    Attributes:
        langsmith: What LangSmith would get.
        collector: What an OTLP collector would get; `None` without OpenTelemetry.
        provider: The tracer provider that exports to it, for instrumentations of yours.
    """

    def __init__(
        self, smith: LangSmithServer, collector: RecordingServer | None, provider: Any
    ) -> None:
        self.langsmith = smith
        self.collector = collector
        self.provider = provider

    def flush(self) -> None:
        """Wait until everything that was traced has arrived."""
        self.langsmith.flush()
        if self.provider is not None:
            self.provider.force_flush()


@contextmanager
def traces() -> Iterator[Traces]:
    """Let LangChain trace to this machine for a while."""
    with (
        LangSmithServer() as smith,
        RecordingServer(lambda _: Reply(body=b"")) as collector,
    ):
        provider = _provider(collector.url)
        mode: Literal["langsmith", "hybrid"] = "langsmith" if provider is None else "hybrid"
        told = {**smith.environment(), "LANGSMITH_TRACING_MODE": mode}
        told |= {
            "LANGCHAIN_TRACING_V2": "true",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        }
        before = run_trees._CLIENT  # noqa: SLF001 - to put it back
        with variables(told):
            _forget_variables()
            more = {} if provider is None else {"otel_tracer_provider": provider}
            client: Any = langsmith.Client(
                api_url=smith.url, api_key="none", tracing_mode=mode, **more
            )
            langsmith.configure(client=client)
            smith.client = client
            try:
                yield Traces(smith, None if provider is None else collector, provider)
            finally:
                langsmith.configure(client=before)
                client.close()
                if provider is not None:
                    provider.shutdown()
        _forget_variables()


def _provider(url: str) -> Any:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        return None
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{url}/v1/traces")))
    return provider


def _forget_variables() -> None:
    """LangSmith remembers the environment."""
    cached: Any = langsmith.utils.get_env_var
    cached.cache_clear()


# ---- What a run leaves in its process: log records, what it prints, temporary files, variables


_USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class LogRecorder(logging.Handler):
    """Keeps the texts of every record, at every level."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[Text] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record: its message, arguments, extra fields, exception."""
        number = f"record {record.name} {record.levelname} ({record.filename}:{record.lineno})"
        try:
            self.texts.append(Text(number, record.getMessage()))
        except Exception:  # noqa: BLE001 - arguments that do not fit: they are kept below
            self.texts.append(Text(number, str(record.msg)))
        self.texts += texts(record.args, f"{number}: args")
        extra = {k: v for k, v in vars(record).items() if k not in _USUAL}
        self.texts += texts(extra, f"{number}: extra")
        if record.exc_info and record.exc_info[1]:
            self.texts += texts(record.exc_info[1], number)


@contextmanager
def all_logs() -> Iterator[LogRecorder]:
    """Keep what is logged in the process, at DEBUG, also by loggers that do not propagate."""
    recorder, root = LogRecorder(), logging.getLogger()
    named = [x for x in root.manager.loggerDict.values() if isinstance(x, logging.Logger)]
    loggers = [root, *(logger for logger in named if not logger.propagate)]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(recorder)
        logger.setLevel(logging.DEBUG)
    try:
        yield recorder
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.removeHandler(recorder)
            logger.setLevel(level)


class _Tee(io.TextIOBase):
    """Passes on what is printed and keeps it."""

    def __init__(self, stream: TextIO, kept: list[str]) -> None:
        self._stream = stream
        self.kept = kept

    def write(self, text: str) -> int:
        self.kept.append(text)
        return self._stream.write(text)

    def flush(self) -> None:
        self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class Printed:
    """What was printed to `sys.stdout` or `sys.stderr`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._kept: list[str] = []

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Keep what is printed; to be called anew where somebody changed the stream, as pytest."""
        before = getattr(sys, self._name)
        if isinstance(before, _Tee) and before.kept is self._kept:
            yield
            return
        tee = _Tee(before, self._kept)
        setattr(sys, self._name, tee)
        try:
            yield
        finally:
            if getattr(sys, self._name) is tee:
                setattr(sys, self._name, before)

    def lines(self) -> Iterator[Text]:
        """Yield what was printed, line by line."""
        for number, line in enumerate("".join(self._kept).splitlines(), 1):
            yield Text(f"line {number}", line)


@contextmanager
def temporary_files() -> Iterator[Path]:
    """Let temporary files of this process and its children be made in a folder of their own."""
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="privacy-probe-") as folder:
        tempfile.tempdir = folder
        try:
            with variables({"TMPDIR": folder, "TEMP": folder, "TMP": folder}):
                yield Path(folder)
        finally:
            tempfile.tempdir = before


def texts_of_folder(folder: Path) -> Iterator[Text]:
    """Yield the names and contents of all files below a folder."""
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = str(path.relative_to(folder))
        yield Text("name of a file", name)
        yield from texts_of_file(path, name)


@contextmanager
def variables(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables of the environment for a while."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


# ---- Keeping what models, embeddings, retrievers and tools inside this process are asked
#
# For what does not ask the model server of the probe: a fake model, another provider's client, a
# tool that calls somebody. Their classes' own methods are listened at, below every wrapper, so this
# is what would leave.


_METHODS: dict[type, tuple[str, ...]] = {
    BaseChatModel: ("_generate", "_agenerate", "_stream", "_astream"),
    BaseLLM: ("_generate", "_agenerate", "_stream", "_astream"),
    Embeddings: ("embed_query", "embed_documents", "aembed_query", "aembed_documents"),
    BaseRetriever: ("_get_relevant_documents", "_aget_relevant_documents"),
    BaseTool: ("_run", "_arun"),
}
_OURS = ("run_manager", "callbacks", "config")
"""Arguments of LangChain's own that go nowhere."""


class RemoteCalls:
    """What was asked of watched objects."""

    def __init__(self) -> None:
        self.texts: list[Text] = []
        self._undo: list[Callable[[], None]] = []

    def watch(self, x: Any) -> None:
        """Listen at an object's class.

        Raises:
            ConfigurationError: It is of no kind that is known.
        """
        kinds = [kind for kind in _METHODS if isinstance(x, kind)]
        if not kinds:
            msg = (
                f"A {type(x).__name__} is no model, embeddings, retriever or tool. Point it at "
                "probe.server().url, or search its files with probe.watch(files=[...])."
            )
            raise ConfigurationError(msg)
        for kind in kinds:
            for method in _METHODS[kind]:
                self._listen(x, kind, method)

    def _listen(self, x: Any, kind: type, method: str) -> None:
        for cls in type(x).__mro__:
            if cls is kind:
                return  # it has none of its own: the default calls another one
            if method in vars(cls) and not cls.__module__.startswith("langchain_privacy."):
                self._replace(cls, method, getattr(x, "name", None))
                return

    def _replace(self, cls: type, method: str, name: str | None) -> None:
        inner, kept = vars(cls)[method], self.texts

        @functools.wraps(inner)
        def asked(self: Any, *args: Any, **kwargs: Any) -> Any:
            if getattr(self, "name", None) == name:
                said = {k: v for k, v in kwargs.items() if k not in _OURS}
                where = f"{type(self).__name__}.{method}"
                listed = [a for a in args if not hasattr(a, "inheritable_handlers")]
                kept.extend(texts([listed, said], where))
            return inner(self, *args, **kwargs)

        setattr(cls, method, asked)
        self._undo.append(lambda: setattr(cls, method, inner))

    def release(self) -> None:
        """Leave the classes as they were."""
        while self._undo:
            self._undo.pop()()
