"""Restoring event streams of servers: `text/event-stream`, and JSON lines.

| event | how it is restored |
|---|---|
| `messages` of LangGraph: `[chunk, metadata]` | `edge.streams.ChunkRestorer` |
| content blocks of the v3 protocol | `edge.streams.ProtocolEventRestorer` |
| `messages/partial`: the message so far | without half a placeholder at its end |
| `events`: `astream_events` | `edge.streams.CallbackEventRestorer` |
| `values`, `updates`, `tasks`, `debug`, … | complete, each by itself |
| `metadata`, `end`, `feedback` | not at all: no content |
| `custom`, and events of other applications | see below |

Nobody says of an event of another application whether it is complete, or a piece that the client
adds to the ones before. A text in it is taken for a piece while it ends within a bracket that may
open a placeholder; the rest comes with the next event of that name, at the same path.

Example:
    ```python
    stream = EventStream(session)
    for chunk in response:
        yield stream.feed(chunk)
    yield stream.flush()
    ```
"""

import codecs
import json
import re
from collections.abc import Hashable, Iterator, Sequence
from typing import Any

from langchain_core.messages import AIMessageChunk, BaseMessage
from pydantic import BaseModel, ValidationError

from langchain_privacy.edge.bodies import to_json
from langchain_privacy.edge.run import restored_for_person
from langchain_privacy.edge.streams import (
    CallbackEventRestorer,
    ChunkRestorer,
    Deltas,
    ProtocolEventRestorer,
    so_far,
)
from langchain_privacy.masking import MaskingSession, StreamRestorer

_NO_CONTENT = frozenset({"metadata", "end", "feedback"})
_COMPLETE = frozenset(
    {"values", "updates", "tasks", "checkpoints", "debug", "error", "messages/complete"}
    | {"messages/metadata", "tools", "lifecycle", "input"}
)
_GROWING = ("content", "tool_calls", "invalid_tool_calls", "additional_kwargs")
"""Fields of a message whose last text may end in half a placeholder."""

_OPEN = re.compile(r"[\[［【〔{｛(（<＜⟦&%\\][^\]］】〕}｝)）>＞⟧;\s]{0,80}$")
"""The end of a text that may be the beginning of a placeholder."""

_Event = tuple[str, Any]
"""The name of an event and its data."""


class Raw(str):
    """Data of an event that is a text and not JSON."""

    __slots__ = ()


class _Pieces(Deltas):
    """Restores texts that may be complete: held is only what an open bracket begins."""

    def __init__(self, session: MaskingSession) -> None:
        super().__init__(session)
        self._ends: dict[tuple[Any, ...], str] = {}

    def _text(self, path: tuple[Any, ...], text: str) -> str:
        restored = super()._text(path, text)
        end = _OPEN.search(self._ends.pop(path, "") + text)
        if end:
            self._ends[path] = end[0]
        elif isinstance(self._lanes[path], StreamRestorer):
            restored += self._lanes.pop(path).flush()
        return restored


class EventRestorer:
    """Restores the events of one stream.

    Args:
        session: Restores.
    """

    def __init__(self, session: MaskingSession) -> None:
        self._session = session
        self._chunks = ChunkRestorer(session)
        self._protocol = ProtocolEventRestorer(session)
        self._callbacks = CallbackEventRestorer(session)
        self._pieces: dict[str, _Pieces] = {}
        self._raw: set[str] = set()
        self._metadata: dict[Hashable, Any] = {}
        self._partial: dict[Hashable, _Event] = {}

    def feed(self, name: str, data: Any) -> list[_Event]:
        """Restore the next event.

        Args:
            name: Its name, with the namespace of a subgraph as LangGraph's server writes it.
            data: Parsed JSON, or a text that is none.

        Returns:
            Events in place of it: none where all is held, more where something was.
        """
        kind = name.partition("|")[0]
        # a step has ended, and with it what its nodes wrote
        before = self._whole() if kind == "values" else []
        return before + [(name, each) for each in self._restored(name, kind, data)]

    def tails(self) -> list[_Event]:
        """Return what is still held when the stream ends."""
        left = self._whole()
        for name, chunk in self._chunks.tails():
            left.append((str(name), [_dumped(chunk, None), self._metadata.get(name, {})]))
        for name, pieces in self._pieces.items():
            if held := pieces.held():
                raw, text = held.pop(_RAW, None), held.pop(_TEXT, None)
                found = (held or None, text, None if raw is None else Raw(raw))
                left += [(name, each) for each in found if each is not None]
        self._pieces.clear()
        return left

    def _restored(self, name: str, kind: str, data: Any) -> list[Any]:
        if kind in _NO_CONTENT:
            return [data]
        if isinstance(data, dict) and "method" in data and isinstance(data.get("params"), dict):
            return self._enveloped(data)
        if kind == "messages":
            return self._message(name, data)
        if kind == "messages/partial":
            return [self._so_far(name, data)]
        if kind == "events" and isinstance(data, dict) and {"event", "run_id", "data"} <= set(data):
            return [_plain(each) for each in self._callbacks.feed(_revived(data))]
        if kind in _COMPLETE:
            return [restored_for_person(self._session, data)]
        return self._piece(name, data)

    def _enveloped(self, data: dict[str, Any]) -> list[Any]:
        """Restore an event of the protocol, which tells its kind and its place itself."""
        params = data["params"]
        place = "|".join([str(data["method"]), *map(str, params.get("namespace") or [])])
        found = self._restored(place, str(data["method"]).partition(":")[0], params.get("data"))
        rest = {key: value for key, value in params.items() if key != "data"}
        told = restored_for_person(self._session, rest)
        events = [{**data, "params": {**told, "data": each}} for each in found]
        for number, event in enumerate(events[:-1]):
            if "event_id" in event:  # clients drop a second event of the same id
                event["event_id"] = f"{event['event_id']}~{number}"
        return events

    def _message(self, name: str, data: Any) -> list[Any]:
        if isinstance(data, dict) and "event" in data:
            return self._protocol.feed(data, (name, data.get("run_id")))
        message, metadata = data if isinstance(data, list) and len(data) == 2 else (data, None)
        chunk = _chunk(message)
        if chunk is not None:
            restored = _dumped(self._chunks.feed(chunk, name), message)
        elif isinstance(message, dict) and "event" in message:
            told = restored_for_person(self._session, metadata)
            run = (name, metadata.get("run_id") if isinstance(metadata, dict) else None)
            return [[event, told] for event in self._protocol.feed(message, run)]
        else:
            return [restored_for_person(self._session, data)]
        if message is data:
            return [restored]
        self._metadata[name] = restored_for_person(self._session, metadata)
        return [[restored, self._metadata[name]]]

    def _so_far(self, name: str, data: Any) -> Any:
        """Restore messages so far; the last text of each may end in half a placeholder."""
        messages = data if isinstance(data, list) else [data]
        cut, whole = [], []
        for message in messages:
            both = (
                {
                    key: so_far(self._session, value)
                    if key in _GROWING
                    else (restored_for_person(self._session, value),) * 2
                    for key, value in message.items()
                }
                if isinstance(message, dict)
                else {}
            )
            cut.append({key: each[0] for key, each in both.items()} if both else message)
            whole.append({key: each[1] for key, each in both.items()} if both else message)
        self._partial.pop(_ids(messages), None)
        if cut != whole:
            self._partial[_ids(messages)] = (name, whole)
        return cut if isinstance(data, list) else cut[0]

    def _whole(self) -> list[_Event]:
        """Return the messages whole whose last word was still open."""
        events, self._partial = [*self._partial.values()], {}
        return events

    def _piece(self, name: str, data: Any) -> list[Any]:
        pieces = self._pieces.setdefault(name, _Pieces(self._session))
        if isinstance(data, str):
            self._raw.update([name] * isinstance(data, Raw))
            made: Any = Raw if name in self._raw else str
            text = pieces.feed((_RAW if made is Raw else _TEXT,), str(data))
            return [made(text)] if text or not data else []
        return [
            restored_for_person(self._session, data)
            if _is_approval(data)
            else pieces.feed((), data)
        ]


_TEXT = "\0text"
_RAW = "\0raw"
"""Paths of data that are nothing but a text."""


def _is_approval(data: Any) -> bool:
    return isinstance(data, dict) and isinstance(data.get("value"), dict) and "id" in data


def _ids(messages: list[Any]) -> Hashable:
    return tuple(str(m.get("id")) for m in messages if isinstance(m, dict))


def _chunk(message: Any) -> AIMessageChunk | None:
    """Return a piece of a message as LangChain's own, `None` where it is none."""
    if not isinstance(message, dict) or message.get("type") != "AIMessageChunk":
        return None
    try:
        return AIMessageChunk(**message)
    except (ValidationError, TypeError):
        return None


def _dumped(chunk: BaseMessage, like: dict[str, Any] | None) -> dict[str, Any]:
    """Write a message with the fields that it arrived with."""
    dumped = chunk.model_dump(mode="json")
    return dumped if like is None else {key: dumped.get(key, value) for key, value in like.items()}


def _revived(event: dict[str, Any]) -> dict[str, Any]:
    data = event["data"]
    chunk = _chunk(data.get("chunk")) if isinstance(data, dict) else None
    return event if chunk is None else {**event, "data": {**data, "chunk": chunk}}


def _plain(x: Any) -> Any:
    """Return plain data for JSON."""
    if isinstance(x, BaseModel):
        return x.model_dump(mode="json")
    if isinstance(x, dict):
        return {key: _plain(value) for key, value in x.items()}
    return [_plain(each) for each in x] if isinstance(x, (list, tuple)) else x


# ---- On the wire

_LINE = re.compile(r"\r\n|\n|\r(?!\Z)")


class _Lines:
    """Cuts bytes into lines of UTF-8 text."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def feed(self, data: bytes, *, final: bool = False) -> list[str]:
        text = self._rest + self._decoder.decode(data, final)
        *lines, self._rest = _LINE.split(text)
        return lines

    @property
    def rest(self) -> str:
        """What has no end of line yet."""
        return self._rest


class EventStream:
    """Restores the bytes of a `text/event-stream`, cut anywhere."""

    def __init__(self, session: MaskingSession) -> None:
        self._events = EventRestorer(session)
        self._lines = _Lines()
        self._frame: list[str] = []

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes and return the events that are complete, restored."""
        out: list[str] = []
        for line in self._lines.feed(data):
            if line:
                self._frame.append(line)
            elif self._frame:
                frame, self._frame = self._frame, []
                out.extend(self._restored(frame))
        return "".join(out).encode("utf-8", "replace")

    def flush(self) -> bytes:
        """Return what is left at the end; half an event is none, and goes on as it is."""
        lines = [*self._lines.feed(b"", final=True), self._lines.rest]
        out = [_written(name, data) for name, data in self._events.tails()]
        rest = [line for line in [*self._frame, *lines] if line]
        return ("".join(out) + "\n".join(rest)).encode("utf-8", "replace")

    def _restored(self, frame: list[str]) -> Iterator[str]:
        fields = [_field(line) for line in frame]
        data = [value for field, value in fields if field == "data"]
        if not data:
            yield "".join(f"{line}\n" for line in frame) + "\n"
            return
        name = next((value for field, value in reversed(fields) if field == "event"), "")
        text = "\n".join(data)
        if text == "[DONE]":  # OpenAI's sign that nothing more comes
            yield from (_written(tail, held) for tail, held in self._events.tails())
            yield "".join(f"{line}\n" for line in frame) + "\n"
            return
        others = [
            line for line, (field, _) in zip(frame, fields, strict=True)
            if field not in {"data", "event"}
        ]  # fmt: skip
        events = self._events.feed(name, _parsed(text))
        for at, (event, restored) in enumerate(events):
            last = at == len(events) - 1
            yield _written(event, restored, others if last else ())


def _field(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value.removeprefix(" ")


def _parsed(text: str) -> Any:
    """Parse JSON that is more than a word: a piece of a text may be a number by itself."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return Raw(text)
    return data if isinstance(data, (dict, list, str)) else Raw(text)


def _written(name: str, data: Any, others: Sequence[str] = ()) -> str:
    text = data if isinstance(data, Raw) else to_json(data).decode()
    lines = [f"event: {name}"] if name else []
    lines += others
    lines += [f"data: {line}" for line in re.split(r"\r\n|\n|\r", text)]
    return "".join(f"{line}\n" for line in lines) + "\n"


class LineStream:
    """Restores the bytes of JSON lines, cut anywhere."""

    def __init__(self, session: MaskingSession) -> None:
        self._events = EventRestorer(session)
        self._lines = _Lines()

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes and return the lines that are complete, restored."""
        return b"".join(self._restored(line) for line in self._lines.feed(data))

    def flush(self) -> bytes:
        """Return what is left at the end."""
        lines = [*self._lines.feed(b"", final=True), self._lines.rest]
        last = b"".join(self._restored(line) for line in lines if line)
        return last + b"".join(_line(data) for _, data in self._events.tails())

    def _restored(self, line: str) -> bytes:
        return b"".join(_line(data) for _, data in self._events.feed("", _parsed(line)))


def _line(data: Any) -> bytes:
    return (data.encode() if isinstance(data, Raw) else to_json(data)) + b"\n"


class TextStream:
    """Restores the bytes of a text in UTF-8, cut anywhere."""

    def __init__(self, session: MaskingSession) -> None:
        self._restorer = session.restorer()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes and return what is certain by now."""
        return self._restorer.feed(self._decoder.decode(data)).encode("utf-8", "replace")

    def flush(self) -> bytes:
        """Return what is left at the end."""
        rest = self._restorer.feed(self._decoder.decode(b"", True)) + self._restorer.flush()
        return rest.encode("utf-8", "replace")
