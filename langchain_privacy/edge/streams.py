"""Restoring what streams out of a private graph or Runnable, piece by piece.

| what streams | who restores it | who calls |
|---|---|---|
| `Runnable.stream`, `transform` | `restore_stream` | `edge.private`, `edge.chains` |
| `Pregel.stream` in every mode, v3 events | `PartRestorer` | `edge.graph` |
| `astream_events` v1 and v2 | `CallbackEventRestorer` | `edge.graph`, `edge.private` |
| `astream_log` | `restore_patches` | `edge.graph` |

A placeholder may be split over any two pieces of one text, one reasoning block or one tool call's
arguments. Each of these is a *lane* with a stream restorer of its own. What a lane still holds when
its message ends comes out as a delta before the end, never after it. To support another provider's
stream, add the field in which its text comes to `_TEXTS` (and to `_JSON`).

Example:
    ```python
    chunks = ChunkRestorer(session)
    for chunk in masked:  # AIMessageChunks with "Dear [PER", "SON_7K2Q]," ...
        yield chunks.feed(chunk)
    yield from (chunk for _, chunk in chunks.tails())
    ```
"""

from collections.abc import AsyncIterator, Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessageChunk
from langchain_core.tracers.log_stream import RunLog, RunLogPatch

from langchain_privacy.edge.run import restored_for_person
from langchain_privacy.masking import JsonRestorer, MaskingSession, StreamRestorer

_TEXTS = frozenset(
    {"text", "reasoning", "thinking", "args", "partial_json", "arguments", "refusal", "data"}
)
"""Fields of content blocks that providers stream piece by piece."""

_JSON = frozenset({"args", "partial_json", "arguments"})
"""Those of them that are pieces of a JSON text."""

_DELTAS = ("text", "reasoning", "args")
"""Fields of the deltas of the v3 protocol."""

# ---- Lanes: one restorer for each text that streams


class Lanes:
    """Stream restorers by lane; a lane belongs to a message."""

    def __init__(self, session: MaskingSession) -> None:
        self._session = session
        self._lanes: dict[tuple[Hashable, Hashable], StreamRestorer | JsonRestorer] = {}

    def feed(self, message: Hashable, lane: Hashable, text: str, *, is_json: bool = False) -> str:
        """Restore the next piece of a lane."""
        restorer = self._lanes.get((message, lane))
        if restorer is None:
            restorer = self._lanes[message, lane] = self._session.restorer(json=is_json)
        return restorer.feed(text)

    def flush(self, message: Hashable, lane: Hashable) -> str:
        """Close a lane and return what it held."""
        restorer = self._lanes.pop((message, lane), None)
        return restorer.flush() if restorer else ""

    def flush_message(self, message: Hashable) -> dict[Hashable, str]:
        """Close a message's lanes and return what they held, by lane."""
        lanes = [lane for of, lane in self._lanes if of == message]
        held = {lane: self.flush(message, lane) for lane in lanes}
        return {lane: text for lane, text in held.items() if text}

    def messages(self) -> list[Any]:
        """Return the messages that have open lanes."""
        return list(dict.fromkeys(message for message, _ in self._lanes))


# ---- Messages in pieces: LangChain's chunks, and events of the v3 protocol


class ChunkRestorer:
    """Restores `AIMessageChunk`s of any number of interleaved messages."""

    def __init__(self, session: MaskingSession) -> None:
        self._session = session
        self._lanes = Lanes(session)

    def feed(self, chunk: AIMessageChunk, scope: Hashable = ()) -> AIMessageChunk:
        """Restore the next chunk.

        Args:
            chunk: Any chunk of a message; it is not changed.
            scope: Tells apart messages that have the same id or none.
        """
        message = (scope, chunk.id)
        update: dict[str, Any] = {"content": self._content(message, chunk.content)}
        update["tool_call_chunks"] = [self._call(message, call) for call in chunk.tool_call_chunks]
        extra = chunk.additional_kwargs
        if extra:
            update["additional_kwargs"] = self._extra(message, extra)
        if chunk.chunk_position == "last":
            self._close(message, update)
        return _rebuilt(chunk, update)

    def tails(self) -> list[tuple[Hashable, AIMessageChunk]]:
        """Return what messages that never ended still hold, as `(scope, chunk)`."""
        left = []
        for message in self._lanes.messages():
            update: dict[str, Any] = {"content": "", "tool_call_chunks": []}
            self._close(message, update)
            if any(update.values()):
                scope, id_ = message
                left.append((scope, _rebuilt(AIMessageChunk(content="", id=id_), update)))
        return left

    def _content(self, message: Hashable, content: Any) -> Any:
        if isinstance(content, str):
            return self._lanes.feed(message, ("content",), content) if content else content
        return [self._block(message, at, block) for at, block in enumerate(content)]

    def _block(self, message: Hashable, at: int, block: Any) -> Any:
        if isinstance(block, str):
            return self._lanes.feed(message, ("block", at, "text", None), block)
        place, kind = block.get("index", at), block.get("type")
        place = place if isinstance(place, (int, str)) else at
        kind = kind if isinstance(kind, str) else None
        restored = self._session.restore({k: v for k, v in block.items() if k not in _TEXTS})
        for field in _TEXTS & block.keys():
            value = block[field]
            if not isinstance(value, str):
                restored[field] = self._session.restore(value)
                continue
            lane = ("block", place, field, kind)
            restored[field] = self._lanes.feed(message, lane, value, is_json=field in _JSON)
        return {key: restored[key] for key in block if key in restored} | restored

    def _call(self, message: Hashable, call: Mapping[str, Any]) -> dict[str, Any]:
        lane = ("call", call.get("index"))
        args = call.get("args")
        fed = self._lanes.feed(message, lane, args, is_json=True) if args else args
        return {**call, "args": fed}

    def _extra(self, message: Hashable, extra: Mapping[str, Any]) -> dict[str, Any]:
        # Reasoning text of OpenAI-compatible servers streams here; the rest comes whole. The raw
        # tool-call deltas repeat what `tool_call_chunks` says and would stay masked: they go.
        restored: dict[str, Any] = {}
        for key, value in extra.items():
            if key == "tool_calls":
                continue
            if isinstance(value, str):
                restored[key] = self._lanes.feed(message, ("extra", key), value)
            else:
                restored[key] = self._session.restore(value)
        return restored

    def _close(self, message: Hashable, update: dict[str, Any]) -> None:
        for lane, text in self._lanes.flush_message(message).items():
            match lane:
                case ("content",):
                    update["content"] = _append_text(update["content"], text)
                case ("block", place, field, kind):
                    block = {"type": kind or "text", field: text, "index": place}
                    content = update["content"]
                    update["content"] = [*(content if isinstance(content, list) else []), block]
                case ("call", index):
                    update["tool_call_chunks"].append(
                        {
                            "name": None,
                            "id": None,
                            "args": text,
                            "index": index,
                            "type": "tool_call_chunk",
                        }
                    )
                case ("extra", key):
                    more = update.setdefault("additional_kwargs", {})
                    more[key] = more.get(key, "") + text


def _append_text(content: Any, text: str) -> Any:
    return content + text if isinstance(content, str) else [*content, text]


def _rebuilt(chunk: AIMessageChunk, update: dict[str, Any]) -> AIMessageChunk:
    """Copy the chunk with other content and derive its `tool_calls` again."""
    new = chunk.model_copy(update=update)
    if new.tool_call_chunks:
        AIMessageChunk.init_tool_calls(new)  # type: ignore[operator]  # a pydantic validator
    return new


class ProtocolEventRestorer:
    """Restores the v3 protocol's message events."""

    def __init__(self, session: MaskingSession) -> None:
        self._session = session
        self._lanes = Lanes(session)

    def feed(self, event: Mapping[str, Any], message: Hashable) -> list[dict[str, Any]]:
        """Restore the next event; what a block held comes as a delta before the block ends.

        Args:
            event: `message-start`, `content-block-start`, `-delta`, `-finish`, `message-finish`
                or `error`; it is not changed.
            message: Tells messages apart.
        """
        name, index = event.get("event"), event.get("index")
        if name == "content-block-delta":
            return [{**event, "delta": self._delta(event["delta"], message, index)}]
        if name == "content-block-start":
            content = event["content"]
            fed = {
                field: self._lanes.feed(message, (index, field), value, is_json=field in _JSON)
                for field, value in content.items()
                if field in _TEXTS and isinstance(value, str) and value
            }
            rest = {key: value for key, value in content.items() if key not in fed}
            return [{**event, "content": {**self._session.restore(rest), **fed}}]
        if name == "content-block-finish":
            deltas = []
            for field in _DELTAS:
                if held := self._lanes.flush(message, (index, field)):
                    kind = "tool-call-delta" if field == "args" else f"{field}-delta"
                    delta = {"type": kind, field: held}
                    deltas.append({"event": "content-block-delta", "index": index, "delta": delta})
            return [*deltas, {**event, "content": self._session.restore(event["content"])}]
        if name == "message-finish":
            self._lanes.flush_message(message)
        return [self._session.restore(dict(event))]

    def _delta(self, delta: Mapping[str, Any], message: Hashable, index: Any) -> dict[str, Any]:
        if delta.get("type") == "block-delta":
            # Cumulative: each event holds the whole so far, so nothing is carried over.
            fields = {
                key: self._so_far(value, is_json=key in _JSON) if key in _TEXTS else value
                for key, value in delta["fields"].items()
            }
            return {**delta, "fields": fields}
        restored = dict(delta)
        for field in _DELTAS:
            if isinstance(delta.get(field), str):
                restored[field] = self._lanes.feed(
                    message, (index, field), delta[field], is_json=field in _JSON
                )
        return restored

    def _so_far(self, value: Any, *, is_json: bool) -> Any:
        if not isinstance(value, str):
            return self._session.restore(value)
        return self._session.restorer(json=is_json).feed(value)


# ---- What `private()` streams


class OutputRestorer:
    """Restores what a Runnable streams: texts and message chunks across pieces, the rest whole."""

    def __init__(self, session: MaskingSession) -> None:
        self._session = session
        self._chunks = ChunkRestorer(session)
        self._text = session.restorer()

    def feed(self, piece: Any) -> Any:
        """Restore the next piece; an empty text or `None` says that it is held back."""
        if isinstance(piece, str):
            return self._text.feed(piece)
        if isinstance(piece, AIMessageChunk):
            return self._chunks.feed(piece)
        return self._session.restore(piece)

    def tails(self) -> list[Any]:
        """Return what is still held when the stream ends."""
        text = self._text.flush()
        return [*([text] if text else []), *(chunk for _, chunk in self._chunks.tails())]


def restore_stream(session: MaskingSession, pieces: Iterator[Any]) -> Iterator[Any]:
    """Restore a stream of texts, message chunks or anything else."""
    output = OutputRestorer(session)
    for piece in pieces:
        restored = output.feed(piece)
        if not (restored == "" and piece):
            yield restored
    yield from output.tails()


async def arestore_stream(
    session: MaskingSession, pieces: AsyncIterator[Any]
) -> AsyncIterator[Any]:
    """Like `restore_stream`, for an asynchronous stream."""
    output = OutputRestorer(session)
    async for piece in pieces:
        restored = output.feed(piece)
        if not (restored == "" and piece):
            yield restored
    for tail in output.tails():
        yield tail


class PartRestorer:
    """Restores the parts of a graph's stream, every stream mode, alone and combined.

    LangGraph yields `data`, `(mode, data)`, `(namespace, data)` or `(namespace, mode, data)`
    depending on the arguments, and with `version="v2"` dicts `{"type", "ns", "data"}`. Texts of
    messages are restored across parts.

    Args:
        session: Restores.
        restore_data: Restores the data of a part of any mode but `"messages"`.
        stream_mode: As the caller of `stream` gave it.
        subgraphs: As the caller gave it.
        version: As the caller gave it.
    """

    def __init__(
        self,
        session: MaskingSession,
        restore_data: Callable[[str, Any], Any],
        *,
        stream_mode: str | Sequence[str],
        subgraphs: bool = False,
        version: str = "v1",
    ) -> None:
        self._session = session
        self._restore_data = restore_data
        self._mode = stream_mode
        self._subgraphs = subgraphs
        self._v2 = version == "v2"
        self._chunks = ChunkRestorer(session)
        self._events = ProtocolEventRestorer(session)
        self._metadata: tuple[Any, Any] = (None, None)
        self._places: dict[Hashable, tuple[Any, Any]] = {}

    def feed(self, part: Any) -> Iterator[Any]:
        """Restore one part; yields one or more parts of the same shape."""
        if self._v2:
            for data in self._data(part["type"], part["ns"], part["data"]):
                restored = {**part, "data": data}
                if "interrupts" in part:
                    restored["interrupts"] = restored_for_person(self._session, part["interrupts"])
                yield restored
            return
        namespace, mode, data = self._unpack(part)
        for restored in self._data(mode, namespace, data):
            yield self._pack(namespace, mode, restored)

    def tails(self) -> Iterator[Any]:
        """Yield what messages that never ended still hold."""
        for scope, chunk in self._chunks.tails():
            namespace, metadata = self._places[scope]
            if self._v2:
                yield {"type": "messages", "ns": namespace, "data": (chunk, metadata)}
            else:
                yield self._pack(namespace, "messages", (chunk, metadata))

    def _unpack(self, part: Any) -> tuple[Any, str, Any]:
        if isinstance(self._mode, str):
            return (part[0], self._mode, part[1]) if self._subgraphs else ((), self._mode, part)
        return part if self._subgraphs else ((), *part)

    def _pack(self, namespace: Any, mode: str, data: Any) -> Any:
        if isinstance(self._mode, str):
            return (namespace, data) if self._subgraphs else data
        return (namespace, mode, data) if self._subgraphs else (mode, data)

    def _data(self, mode: str, namespace: Any, data: Any) -> Iterator[Any]:
        if mode != "messages":
            yield self._restore_data(mode, data)
            return
        message, metadata = data
        restored_metadata = self._restored_metadata(metadata)
        if isinstance(message, AIMessageChunk):
            self._places[namespace] = (namespace, restored_metadata)
            yield self._chunks.feed(message, namespace), restored_metadata
        elif isinstance(message, dict):
            run = (namespace, metadata.get("run_id"))
            for event in self._events.feed(message, run):
                yield event, restored_metadata
        else:
            yield self._session.restore(message), restored_metadata

    def _restored_metadata(self, metadata: Any) -> Any:
        # The same for every token of a call: restored once.
        masked, restored = self._metadata
        if masked is None or masked != metadata:
            restored = self._session.restore(metadata)
            self._metadata = (metadata, restored)
        return dict(restored)


class CallbackEventRestorer:
    """Restores events of versions 1 and 2, which callbacks feed.

    Texts that stream are restored across the events of their run id.
    """

    def __init__(self, session: MaskingSession) -> None:
        self._session = session
        self._chunks = ChunkRestorer(session)
        self._texts: dict[str, StreamRestorer | JsonRestorer] = {}

    def feed(self, event: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Restore one event; what its run still holds comes as a stream event before its end."""
        restored = {
            key: value if key in {"event", "data", "run_id", "parent_ids"} else self._whole(value)
            for key, value in event.items()
        }
        name, run_id, data = event["event"], event["run_id"], event["data"]
        if name.endswith("_stream"):
            return [{**restored, "data": {**data, "chunk": self._chunk(run_id, data["chunk"])}}]
        events = []
        text = self._texts.pop(run_id, None) if name.endswith("_end") else None
        if text and (held := text.flush()):
            stream = name.removesuffix("_end") + "_stream"
            events.append({**restored, "event": stream, "data": {"chunk": held}})
        return [*events, {**restored, "data": self._whole(data)}]

    def _chunk(self, run_id: str, chunk: Any) -> Any:
        if isinstance(chunk, AIMessageChunk):
            return self._chunks.feed(chunk, run_id)
        if isinstance(chunk, str):
            if run_id not in self._texts:
                self._texts[run_id] = self._session.restorer()
            return self._texts[run_id].feed(chunk)
        return self._whole(chunk)

    def _whole(self, value: Any) -> Any:
        return self._session.restore(value)


def restore_patches(patch: Any, session: MaskingSession) -> Any:
    """Restore the values of a log patch. Texts that stream are restored only where not split."""
    ops = [
        {**op, "value": session.restore(op["value"])} if "value" in op else op for op in patch.ops
    ]
    if isinstance(patch, RunLog):
        return RunLog(*ops, state=session.restore(patch.state))
    return RunLogPatch(*ops)
