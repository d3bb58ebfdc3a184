r"""Every text in whatever a channel held, with the place where it stands.

    >>> for place, text in texts({"messages": [("user", "Hello")], 7: b'{"a": "b"}'}, "state"):
    ...     print(f"{place:26}{text}")
    state: key 1              messages
    state.messages[0][0]      user
    state.messages[0][1]      Hello
    state: key 2              7
    state[7]: key 1           a
    state[7].a                b

Bytes are read as what they are: JSON, msgpack (which LangGraph writes), pickles (read, never
loaded), gzip, SQLite files. They are also searched as they stand. Of a request to a recording
server these are its path, its headers and the parts of its body.
"""

import asyncio
import dataclasses
import enum
import gzip
import json
import pickletools
import re
import sqlite3
import types
import zlib
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, SecretStr

from langchain_privacy.loopback import Recorded, RecordingServer

_SQLITE = b"SQLite format 3\x00"
_BOUNDARY = re.compile(r'boundary="?([^";]+)')
_PART_NAME = re.compile(rb'name="([^"]*)"')
_DEEPEST = 60
_NOTHING = (
    *(bool, type(None), SecretStr, type),
    *(types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.MethodType),
    # An error may hold a connection, and that its event loop: all else that runs is there.
    asyncio.AbstractEventLoop,
)


class Text(NamedTuple):
    """A text and the place where it stands."""

    place: str
    text: str


def texts(x: Any, place: str = "") -> Iterator[Text]:
    """Yield the texts of anything: values, keys and numbers, through objects of any class.

    Of an error these are message, repr, arguments, notes, attributes, and those of its causes.
    Each object is gone through once. Those of this package are not: a vault holds what it is for.
    """
    return _Walk()(x, place, 0)


class _Walk:
    def __init__(self) -> None:
        self._seen: dict[int, Any] = {}  # held, so that no other object gets their ids

    def __call__(self, x: Any, place: str, depth: int) -> Iterator[Text]:
        if isinstance(x, str):
            yield Text(place, x.value if isinstance(x, enum.Enum) else x)
        elif isinstance(x, _NOTHING) or id(x) in self._seen:
            return
        elif depth > _DEEPEST:
            yield Text(place, _told(repr, x))
        elif isinstance(x, (int, float)):
            yield Text(place, str(x))
        elif isinstance(x, (bytes, bytearray, memoryview)):
            yield from texts_of_bytes(bytes(x), place)
        else:
            self._seen[id(x)] = x
            for where, inner in _inside(x, place):
                yield from self(inner, where, depth + 1)


def _inside(x: Any, place: str) -> Iterator[tuple[str, Any]]:
    if isinstance(x, Mapping) and (items := _items(x)) is not None:
        for number, (key, value) in enumerate(items):
            yield f"{place}: key {number + 1}", key
            if isinstance(key, str):
                yield f"{place}.{key}" if place else key, value
            else:
                yield f"{place}[{key if isinstance(key, (int, float)) else number}]", value
    elif isinstance(x, (list, tuple, set, frozenset, deque)):
        fields = getattr(x, "_fields", None)
        for number, value in enumerate(list(x)):
            yield f"{place}.{fields[number]}" if fields else f"{place}[{number}]", value
    elif isinstance(x, BaseException):
        yield from _error(x, place)
    elif (held := _fields(x)) is not None:
        yield from ((f"{place}.{name}", value) for name, value in held.items())
    else:
        yield place, _told(str, x)


def _items(x: Mapping[Any, Any]) -> list[tuple[Any, Any]] | None:
    """Return what a mapping holds, or `None` for one that does not say (urllib3's pools do not)."""
    try:
        return list(x.items())
    except Exception:  # noqa: BLE001 - then its attributes are gone through
        return None


def _fields(x: Any) -> dict[str, Any] | None:
    if isinstance(x, BaseModel):
        return {**vars(x), **(x.__pydantic_extra__ or {})}
    if dataclasses.is_dataclass(x):
        return {f.name: _attribute(x, f.name) for f in dataclasses.fields(x)}
    if isinstance(x, enum.Enum):
        return {"value": x.value}
    if type(x).__module__.startswith("langchain_privacy."):
        return None
    slots = [s for cls in type(x).__mro__ for s in _names(cls.__dict__.get("__slots__", ()))]
    held = {**{s: _attribute(x, s) for s in slots}, **getattr(x, "__dict__", {})}
    return held or None


def _attribute(x: Any, name: str) -> Any:
    try:
        return getattr(x, name, None)
    except Exception:  # noqa: BLE001 - one that computes it and fails holds no text there
        return None


def _names(slots: Any) -> tuple[str, ...]:
    named = (slots,) if isinstance(slots, str) else tuple(slots)
    return tuple(name for name in named if not name.startswith("__"))


def _error(error: BaseException, place: str) -> Iterator[tuple[str, Any]]:
    where = f"{place}: " if place and place[-1] != " " else place
    where += type(error).__name__
    yield f"{where}.args", error.args
    yield f"{where}: message", _told(str, error)
    yield f"{where}: repr", _told(repr, error)
    yield from ((f"{where}.{name}", value) for name, value in dict(vars(error)).items())
    yield f"{where}, caused by ", error.__cause__
    yield f"{where}, after ", error.__context__
    if isinstance(error, BaseExceptionGroup):
        yield from ((f"{where}, with ", inner) for inner in error.exceptions)


def _told(told: Any, x: Any) -> str:
    try:
        return str(told(x))
    except Exception:  # noqa: BLE001 - what cannot be written says nothing
        return ""


# ---- bytes


def texts_of_bytes(data: bytes, place: str = "") -> Iterator[Text]:
    """Yield what bytes say, decoded where their format is known, and as they stand."""
    if data[:2] == b"\x1f\x8b":
        try:
            yield from texts_of_bytes(gzip.decompress(data), place)
        except (OSError, EOFError, zlib.error):
            pass
        else:
            return
    for read in (_json, _pickle, _msgpack):
        held = read(data)
        if held is not None:
            yield from texts(held, place)
            break
    if read is not _json or held is None:
        yield Text(f"{place}, as bytes" if held is not None else place, as_text(data))


def as_text(data: bytes) -> str:
    """Read bytes as text, whatever they are."""
    return data.decode("utf-8", "replace")


def _json(data: bytes) -> Any:
    if data[:1] not in (b"{", b"[", b'"'):
        return None
    try:
        return json.loads(data)
    except ValueError:
        return None


def _pickle(data: bytes) -> Any:
    if data[:1] != b"\x80" or data[-1:] != b".":
        return None
    try:
        held = [argument for _, argument, _ in pickletools.genops(data)]
    except Exception:  # noqa: BLE001 - no pickle, then
        return None
    return [x for x in held if isinstance(x, (str, int, float, bytes))]


def _msgpack(data: bytes) -> Any:
    if not data or not (0x80 <= data[0] <= 0xBF or 0xC4 <= data[0] <= 0xC9 or data[0] >= 0xD4):
        return None
    import ormsgpack  # comes with langgraph

    def inner(_: int, part: bytes) -> Any:
        return ormsgpack.unpackb(part, ext_hook=inner, option=ormsgpack.OPT_NON_STR_KEYS)

    try:
        held = ormsgpack.unpackb(data, ext_hook=inner, option=ormsgpack.OPT_NON_STR_KEYS)
    except ValueError:
        return None
    return held if isinstance(held, (str, list, tuple, dict)) else None


# ---- files


def texts_of_file(path: Path, place: str) -> Iterator[Text]:
    """Yield what a file holds; a database also with its journals, and row by row."""
    data = path.read_bytes()
    if not is_database(data):
        yield from texts_of_bytes(data, place)
        return
    yield from texts_of_rows(path, place)
    for name in (path.name, f"{path.name}-wal", f"{path.name}-journal"):
        file = path.with_name(name)
        if file.exists():
            where = place if file == path else f"{place} ({name})"
            yield Text(f"{where}, as bytes", as_text(file.read_bytes()))


def is_database(data: bytes) -> bool:
    """Tell a SQLite file by its first bytes."""
    return data.startswith(_SQLITE)


def texts_of_rows(path: Path, place: str) -> Iterator[Text]:
    """Yield what the rows of a SQLite file hold, BLOBs read as what they are."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as opened:
            opened.text_factory = bytes
            tables = opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            for (name,) in tables.fetchall():
                table = as_text(name)
                quoted = table.replace('"', '""')
                rows = opened.execute(f'SELECT * FROM "{quoted}"')  # noqa: S608 - its own name
                columns = [column[0] for column in rows.description]
                for number, row in enumerate(rows):
                    for column, value in zip(columns, row, strict=True):
                        yield from texts(value, f"{place}: {table}.{column}, row {number + 1}")
    except sqlite3.Error:
        return  # it is searched as bytes in any case


def texts_of_requests(server: RecordingServer) -> list[Text]:
    """Return what a server received."""
    return [
        text
        for number, request in enumerate(list(server.requests), 1)
        if request.path != "/info"  # LangSmith's client asks for it without a run
        for text in texts_of_request(request, f"request {number}, {request.method}")
    ]


def texts_of_request(request: Recorded, place: str) -> Iterator[Text]:
    """Yield the path, the headers and the body of a request, part by part."""
    yield Text(f"{place}: path", request.path)
    headers = {name.lower(): value for name, value in request.headers.items()}
    for name, value in headers.items():
        yield Text(f"{place}: header {name}", value)
    kind = headers.get("content-type", "")
    if kind.startswith("multipart/") and (found := _BOUNDARY.search(kind)):
        for part in request.body.split(b"--" + found[1].encode())[1:-1]:
            head, _, body = part.partition(b"\r\n\r\n")
            named = _PART_NAME.search(head)
            where = f"{place}: part {as_text(named[1])}" if named else place
            yield Text(f"{where}: header", as_text(head))
            yield from texts_of_bytes(body.removesuffix(b"\r\n"), where)
    elif "protobuf" in kind and (spans := _spans(request.body)) is not None:
        yield from texts(spans, f"{place}: body")
    else:
        yield from texts_of_bytes(request.body, f"{place}: body")


def _spans(body: bytes) -> Any:
    from google.protobuf.json_format import MessageToDict
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    message = ExportTraceServiceRequest()
    try:
        message.ParseFromString(body)
    except DecodeError:
        return None
    return MessageToDict(message)
