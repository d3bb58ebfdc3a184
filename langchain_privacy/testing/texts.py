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
loaded), gzip, SQLite files, OTLP, multipart bodies. They are also searched as they stand.
"""

import dataclasses
import enum
import gzip
import json
import pickletools
import re
import sqlite3
import types
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, SecretStr

from langchain_privacy.loopback import Recorded

_SQLITE = b"SQLite format 3\x00"
_BOUNDARY = re.compile(r'boundary="?([^";]+)')
_PART_NAME = re.compile(rb'name="([^"]*)"')
_DEEPEST = 60
_NOTHING = (
    *(bool, type(None), SecretStr, type),
    *(types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.MethodType),
)


class Text(NamedTuple):
    """A text and the place where it stands."""

    place: str
    text: str


def texts(x: Any, place: str = "", depth: int = 0) -> Iterator[Text]:
    """Yield the texts of anything: values, keys and numbers, through objects of any class."""
    if isinstance(x, str):
        yield Text(place, x.value if isinstance(x, enum.Enum) else x)
    elif isinstance(x, _NOTHING) or depth > _DEEPEST:
        return
    elif isinstance(x, (bytes, bytearray, memoryview)):
        yield from texts_of_bytes(bytes(x), place, depth + 1)
    elif isinstance(x, Mapping):
        for number, (key, value) in enumerate(x.items()):
            if isinstance(key, str):
                yield Text(f"{place}: key {number + 1}", key)
                yield from texts(value, f"{place}.{key}" if place else key, depth + 1)
            else:
                yield from texts(key, f"{place}: key {number + 1}", depth + 1)
                named = key if isinstance(key, (int, float)) else number
                yield from texts(value, f"{place}[{named}]", depth + 1)
    elif isinstance(x, BaseException):
        yield from texts_of_error(x, place)
    elif isinstance(x, Iterable) and isinstance(x, (list, tuple, set, frozenset)):
        fields = getattr(x, "_fields", None)
        for number, value in enumerate(x):
            where = f"{place}.{fields[number]}" if fields else f"{place}[{number}]"
            yield from texts(value, where, depth + 1)
    else:
        fields = _fields(x)
        if fields is None:
            yield Text(place, str(x))
        for name, value in (fields or {}).items():
            yield from texts(value, f"{place}.{name}", depth + 1)


def _fields(x: Any) -> dict[str, Any] | None:
    if isinstance(x, BaseModel):
        return {**vars(x), **(x.__pydantic_extra__ or {})}
    if dataclasses.is_dataclass(x):
        return {f.name: getattr(x, f.name, None) for f in dataclasses.fields(x)}
    if isinstance(x, enum.Enum):
        return {"value": x.value}
    slots = [s for cls in type(x).__mro__ for s in _names(cls.__dict__.get("__slots__", ()))]
    held = {**{s: getattr(x, s, None) for s in slots}, **getattr(x, "__dict__", {})}
    return held or None


def _names(slots: Any) -> tuple[str, ...]:
    named = (slots,) if isinstance(slots, str) else tuple(slots)
    return tuple(name for name in named if not name.startswith("__"))


def texts_of_error(error: BaseException, place: str = "") -> Iterator[Text]:
    """Yield what an error says: message, repr, arguments, attributes, notes, and what is behind."""
    done: set[int] = set()
    left: list[tuple[str, BaseException | None]] = [(place, error)]
    while left:
        before, one = left.pop(0)
        if one is None or id(one) in done:
            continue
        done.add(id(one))
        where = f"{before}{type(one).__name__}"
        yield from texts(one.args, f"{where}.args")
        yield from (Text(f"{where}: {kind}", _told(told, one)) for kind, told in _TOLD)
        yield from texts(vars(one), where)
        left += [(f"{where}, caused by ", one.__cause__), (f"{where}, after ", one.__context__)]
        if isinstance(one, BaseExceptionGroup):
            left += [(f"{where}, with ", inner) for inner in one.exceptions]


_TOLD = (("message", str), ("repr", repr))


def _told(told: Any, error: BaseException) -> str:
    try:
        return str(told(error))
    except Exception:  # noqa: BLE001 - an error that cannot be written says nothing
        return ""


# ---- bytes


def texts_of_bytes(data: bytes, place: str = "", depth: int = 0) -> Iterator[Text]:
    """Yield what bytes say, decoded where their format is known, and as they stand."""
    if data[:2] == b"\x1f\x8b":
        try:
            yield from texts_of_bytes(gzip.decompress(data), place, depth + 1)
        except (OSError, EOFError, zlib.error):
            pass
        else:
            return
    for read in (_json, _pickle, _msgpack):
        held = read(data)
        if held is not None:
            yield from texts(held, place, depth + 1)
            break
    if read is not _json or held is None:
        yield Text(f"{place}, as bytes" if held is not None else place, _as_text(data))


def _as_text(data: bytes) -> str:
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
            where = f"{place}: part {_as_text(named[1])}" if named else place
            yield Text(f"{where}: header", _as_text(head))
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


# ---- files


def texts_of_file(path: Path, place: str) -> Iterator[Text]:
    """Yield what a file holds; a database also with its journals, and row by row."""
    data = path.read_bytes()
    if not data.startswith(_SQLITE):
        yield from texts_of_bytes(data, place)
        return
    yield from _rows(path, place)
    for name in (path.name, f"{path.name}-wal", f"{path.name}-journal"):
        file = path.with_name(name)
        if file.exists():
            where = place if file == path else f"{place} ({name})"
            yield Text(f"{where}, as bytes", _as_text(file.read_bytes()))


def _rows(path: Path, place: str) -> Iterator[Text]:
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as opened:
            opened.text_factory = bytes
            tables = opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            for (name,) in tables.fetchall():
                table = _as_text(name)
                quoted = table.replace('"', '""')
                rows = opened.execute(f'SELECT * FROM "{quoted}"')  # noqa: S608 - its own name
                columns = [column[0] for column in rows.description]
                for number, row in enumerate(rows):
                    for column, value in zip(columns, row, strict=True):
                        yield from texts(value, f"{place}: {table}.{column}, row {number + 1}")
    except sqlite3.Error:
        return  # it is searched as bytes in any case
