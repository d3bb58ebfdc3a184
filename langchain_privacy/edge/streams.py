"""Restoring what streams out of a private graph or Runnable, piece by piece.

| what streams | who restores it | who calls |
|---|---|---|
| `Runnable.stream`, `transform` | `restore_stream` | `edge.runnable`, `edge.chains` |
| `Pregel.stream` in every mode, v3 events | `PartRestorer` | `edge.graph` |
| v3 events of a model | `ProtocolEventRestorer` | `edge.runnable` |
| `astream_events` v1 and v2 | `CallbackEventRestorer` | `edge.graph`, `edge.runnable` |
| `astream_log` | `restore_patches` | `edge.graph` |
| `on_llm_new_token` | `ChunkRestorer` | `edge.callbacks` |

Two kinds of pieces stream. *Deltas* are added up by whoever reads them: texts, message chunks,
`AddableDict`. Each text in them, however deep, is a *lane* of its own, named by its path, with a
stream restorer of its own: a placeholder may be split over any two pieces of one lane. What a lane
still holds when its message ends comes out as a delta before the end, never after it. Pieces of the
other kind say *everything so far*: what `JsonOutputParser` makes of half a JSON text. There the
last text may end in half a placeholder, which is left out until it is whole.

No field is named here: a provider that streams text in a field of its own needs no change. What is
said about fields (which hold JSON source, which hold ids) is said in `values.provider_fields`.

Example:
    ```python
    chunks = ChunkRestorer(session)
    for chunk in masked:  # AIMessageChunks with "Dear [PER", "SON_7K2Q]," ...
        yield chunks.feed(chunk)
    yield from (chunk for _, chunk in chunks.tails())
    ```
"""

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Hashable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass
from typing import Any, NamedTuple

from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.base import merge_content
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.runnables.utils import AddableDict
from langchain_core.tracers.log_stream import RunLog, RunLogPatch
from pydantic import BaseModel

from langchain_privacy.edge.run import all_off_loop, restored_for_person, validated
from langchain_privacy.masking import JsonRestorer, MaskingSession, StreamRestorer
from langchain_privacy.masking.masker import RestoringLeaves
from langchain_privacy.values.provider_fields import (
    SOURCE_KEYS,
    WHOLE_KEYS,
    is_token_list,
    with_token,
)
from langchain_privacy.values.walk import Walk

# ---- Deltas: one restorer for each text that streams


class _Element(NamedTuple):
    """A step of a path into a list: an element by its `index`, or without one by its `type`."""

    place: Hashable = None
    kind: Hashable = None


_Path = tuple[Any, ...]
"""Keys of mappings and `_Element`s, from the outside in."""

_CONTENT: _Path = ("content",)
_SHORT = 64
"""Characters of a name or id."""


class Deltas:
    """Restores structures that are added up, each text at its path across all of them."""

    def __init__(self, session: MaskingSession) -> None:
        self._session = session
        self._lanes: dict[_Path, StreamRestorer | JsonRestorer] = {}
        self._kinds: dict[_Path, Any] = {}
        self._known: dict[str, str] = {}

    def feed(self, path: _Path, value: Any) -> Any:
        """Restore the next piece of what stands at a path; it is not changed."""
        if isinstance(value, str):
            return self._text(path, value) if value else value
        if isinstance(value, dict):
            return {self._once(key): self._under(path, key, value) for key in value}
        if not isinstance(value, list):
            return self._once(value)
        if is_token_list(value):
            return [self._token(path, each) for each in value]
        return [self._element(path, each) for each in value]

    def whole(self, path: _Path, value: Any) -> Any:
        """Restore what comes in one piece, but for the tokens of its `logprobs`."""
        if isinstance(value, dict):
            return {self._once(key): self.whole((*path, key), each) for key, each in value.items()}
        return self.feed(path, value) if is_token_list(value) else self._once(value)

    def held(self, path: _Path = (), *, broken: bool = False) -> Any:
        """Close the lanes below a path; return what they held as a delta, `None` if nothing.

        Args:
            path: Of which lanes.
            broken: Whether their texts ended before they were whole.
        """
        found: Any = None
        for lane in [lane for lane in self._lanes if lane[: len(path)] == path]:
            if text := self._lanes.pop(lane).flush(broken=broken):
                found = self._put(found, lane, len(path), text)
        return found

    def _once(self, value: Any) -> Any:
        """Restore what comes in one piece; names and ids come with every chunk."""
        if value is None or type(value) in (int, float, bool):
            return value
        if type(value) is not str or len(value) > _SHORT:
            return self._session.restore(value)
        known = self._known.get(value)
        if known is None:
            known = self._known[value] = self._session.restore(value)
        return known

    def _text(self, path: _Path, text: str) -> str:
        lane = self._lanes.get(path)
        if lane is None:
            lane = self._lanes[path] = self._session.restorer(json=path[-1] in SOURCE_KEYS)
        return lane.feed(text)

    def _under(self, path: _Path, key: Any, mapping: dict[Any, Any]) -> Any:
        value = mapping[key]
        if key in WHOLE_KEYS and isinstance(value, str):
            return self._once(value)
        return self.feed((*path, key), value)

    def _element(self, path: _Path, value: Any) -> Any:
        if isinstance(value, str) and path == _CONTENT:
            return self.feed((*path, _Element()), value)
        if not isinstance(value, dict):
            return self._session.restore(value)
        index, kind = value.get("index"), value.get("type")
        if isinstance(index, (int, str)):
            step = (*path, _Element(index))
            if kind is not None:
                self._kinds[step] = kind
        elif path[:1] == _CONTENT and (len(path) == 1 or isinstance(value.get("text"), str)):
            # blocks without an index are read one after the other, by their type
            step = (*path, _Element(kind=kind if isinstance(kind, str) else None))
        elif path == _CALLS:
            step = (*path, _Element())
        else:
            return self._session.restore(value)  # an element that is complete
        return self.feed(step, value)

    def _token(self, path: _Path, value: dict[str, Any]) -> dict[str, Any]:
        return with_token(value, self.feed((*path, _Element(kind=_TOKEN)), value["token"]))

    def _put(self, into: Any, lane: _Path, at: int, text: str) -> Any:
        """Write a text at its path into the structure made so far."""
        if at == len(lane):
            return text if into is None else [*into, text]  # a text beside blocks
        step = lane[at]
        if not isinstance(step, _Element):
            mapping = {} if into is None else into
            mapping[step] = self._put(mapping.get(step), lane, at + 1, text)
            return mapping
        elements: list[Any] = [into] if isinstance(into, str) else (into or [])
        if step.kind is _TOKEN:
            return [*elements, {"token": text}]
        if at + 1 == len(lane):
            return [*elements, text]
        kind = self._kinds.get(lane[: at + 1], step.kind)
        new = {k: v for k, v in (("type", kind), ("index", step.place)) if v is not None}
        element = next((each for each in elements if _is_at(each, new)), new)
        self._put(element, lane, at + 1, text)
        return elements if any(each is element for each in elements) else [*elements, element]


_CALLS: _Path = ("tool_call_chunks",)
_TOKEN: Any = object()


def _is_at(element: Any, place: dict[str, Any]) -> bool:
    known = isinstance(element, dict)
    return known and {k: element.get(k) for k in ("type", "index") if k in element} == place


# ---- Messages in pieces: LangChain's chunks, and events of the v3 protocol


class ChunkRestorer:
    """Restores `AIMessageChunk`s of any number of interleaved messages."""

    def __init__(self, session: MaskingSession) -> None:
        self._session = session
        self._messages: dict[tuple[Hashable, str | None], Deltas] = {}
        self._latest: dict[Hashable, str | None] = {}

    def feed(self, chunk: AIMessageChunk, scope: Hashable = ()) -> AIMessageChunk:
        """Restore the next chunk.

        Args:
            chunk: Any chunk of a message; it is not changed.
            scope: Tells apart messages that have the same id or none.
        """
        message = (scope, chunk.id)
        self._latest[scope] = chunk.id
        deltas = self._messages.get(message)
        if deltas is None:
            deltas = self._messages[message] = Deltas(self._session)
        update: dict[str, Any] = {"content": deltas.feed(_CONTENT, chunk.content)}
        update["tool_call_chunks"] = deltas.feed(_CALLS, chunk.tool_call_chunks)
        if chunk.additional_kwargs:
            extra = deltas.feed(("additional_kwargs",), chunk.additional_kwargs)
            update["additional_kwargs"] = extra
        if chunk.response_metadata:
            told = deltas.whole(("response_metadata",), chunk.response_metadata)
            update["response_metadata"] = told
        restored = _rebuilt(chunk, update)
        if chunk.chunk_position != "last":
            return restored
        tail = self._tail(message)
        return restored if tail is None else _joined(restored, tail)

    def tails(self) -> list[tuple[Hashable, AIMessageChunk]]:
        """Return what messages that never ended still hold, as `(scope, chunk)`.

        One after which another came in its scope broke off: it was asked for anew.
        """
        left = [
            (scope, self._tail((scope, name), broken=self._latest[scope] != name))
            for scope, name in list(self._messages)
        ]
        return [(scope, tail) for scope, tail in left if tail is not None]

    def _tail(
        self, message: tuple[Hashable, str | None], *, broken: bool = False
    ) -> AIMessageChunk | None:
        held = self._messages.pop(message).held(broken=broken)
        if not held:
            return None
        calls = [
            tool_call_chunk(args=call["args"], index=call.get("index"))
            for call in held.pop("tool_call_chunks", [])
        ]
        return AIMessageChunk(
            **{"content": "", **held, "tool_call_chunks": calls, "id": message[1]}
        )


def _joined(chunk: AIMessageChunk, tail: AIMessageChunk) -> AIMessageChunk:
    """Add what was held to the last chunk of a message."""
    if not chunk.content or not tail.content:
        content = chunk.content or tail.content
    else:
        content = merge_content(chunk.content, tail.content)
    joined = chunk.model_copy(update={"content": ""}) + tail.model_copy(update={"content": ""})
    return joined.model_copy(update={"content": content})


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
        self._deltas = Deltas(session)
        self._kinds: dict[tuple[Hashable, Any], str] = {}

    def feed(self, event: Mapping[str, Any], message: Hashable) -> list[dict[str, Any]]:
        """Restore the next event; what a block held comes as a delta before the block ends.

        Args:
            event: `message-start`, `content-block-start`, `-delta`, `-finish`, `message-finish`
                or `error`; it is not changed.
            message: Tells messages apart.
        """
        name, index = event.get("event"), event.get("index")
        block = (message, index)
        if name == "content-block-delta":
            delta = event["delta"]
            if delta.get("type") == "block-delta":
                # Each event holds the whole so far, so nothing is carried over.
                fields = {key: self._so_far(key, value) for key, value in delta["fields"].items()}
                return [{**event, "delta": {**delta, "fields": fields}}]
            self._kinds.update(((block, key), delta.get("type")) for key in delta)
            return [{**event, "delta": self._deltas.feed(block, dict(delta))}]
        if name == "content-block-start":
            return [{**event, "content": self._deltas.feed(block, dict(event["content"]))}]
        if name == "content-block-finish":
            held = self._deltas.held(block) or {}
            deltas = [
                {
                    "event": "content-block-delta",
                    "index": index,
                    "delta": {"type": self._kind(block, field), field: text},
                }
                for field, text in held.items()
                if isinstance(text, str)
            ]
            return [*deltas, {**event, "content": self._session.restore(event["content"])}]
        if name == "message-finish":
            self._deltas.held((message,))
            self._kinds = {k: v for k, v in self._kinds.items() if k[0][0] != message}  # type: ignore[index]
        return [self._session.restore(dict(event))]

    def _so_far(self, key: Any, value: Any) -> Any:
        if isinstance(value, str) and key not in WHOLE_KEYS:
            return self._session.restorer(json=key in SOURCE_KEYS).feed(value)
        return so_far(self._session, value)[0]

    def _kind(self, block: Hashable, field: str) -> str:
        known = self._kinds.get((block, field))
        return known or ("tool-call-delta" if field == "args" else f"{field}-delta")


# ---- Everything so far: the last text of a structure may end in half a placeholder


class _Texts(RestoringLeaves):
    """Restores all texts, the one with a given number without half a placeholder at its end."""

    def __init__(self, session: MaskingSession, open_text: int | None = None) -> None:
        super().__init__(session)
        self._open_text = open_text
        self.count = 0
        self.last: str | None = None

    def text(self, text: str) -> str:
        """Restore a text."""
        self.count += 1
        self.last = text
        if self.count == self._open_text:
            return self._session.restorer(json=False).feed(text)
        return super().text(text)

    def leaf(self, text: str) -> object:
        """Restore a text that may be a number; half a placeholder of one is no text to show."""
        return self.text(text) if self.count + 1 == self._open_text else super().leaf(text)

    def rebuilt(self, x: BaseModel) -> BaseModel:
        """Make an object's fields what its schema says."""
        return validated(x)

    def key(self, key: Any) -> object:
        """Restore a key, which is whole, as is the text before it."""
        restored = super().key(key)
        self.last = None
        return restored

    def scalar(self, x: Any) -> object:
        """Leave a number; the text before it is whole."""
        self.last = None
        return x


def so_far(session: MaskingSession, value: Any) -> tuple[Any, Any]:
    """Restore a structure that may not be complete.

    Returns:
        The structure without half a placeholder at its end, and the whole of it.
    """
    leaves = _Texts(session)
    whole = Walk(leaves)(value)
    restorer = leaves.last and session.restorer()
    if not restorer:
        return whole, whole
    restorer.feed(leaves.last or "")
    if not restorer.flush():
        return whole, whole
    return Walk(_Texts(session, leaves.count))(value), whole


def _goes_on(before: Any, after: Any) -> bool:
    """Say whether `after` can be what a growing structure became."""
    if type(before) is not type(after):
        return before is None
    if isinstance(before, str):
        return bool(after.startswith(before))
    if isinstance(before, BaseModel):
        return _goes_on(vars(before), vars(after))
    if isinstance(before, dict):
        return all(key in after and _goes_on(before[key], after[key]) for key in before)
    if isinstance(before, list):
        return len(before) <= len(after) and all(map(_goes_on, before, after))
    return True


# ---- What `private()` streams


@dataclass(slots=True)
class _Waiting:
    """A piece that may end in half a placeholder; the next piece tells."""

    piece: Any
    cut: Any
    whole: Any


class OutputRestorer:
    """Restores what a Runnable streams.

    Texts, message chunks and dicts that are added up (`RunnableParallel`, `assign`) are restored
    across pieces. Any other structure is complete, or all there is so far: one that may end in
    half a placeholder waits for the next piece, which tells whether it goes on.
    """

    def __init__(self, session: MaskingSession) -> None:
        self._session = session
        self._text = session.restorer()
        self._chunks = ChunkRestorer(session)
        self._deltas = Deltas(session)
        self._waiting: _Waiting | None = None

    def feed(self, piece: Any) -> list[Any]:
        """Restore the next piece; returns what is certain by now, no piece at all perhaps."""
        if isinstance(piece, str):
            text = self._text.feed(piece)
            return [*self._settled(piece), *([text] if text or not piece else [])]
        settled = self._settled(piece)
        cut, whole = self._piece(piece, ())
        if cut is whole:
            return [*settled, whole]
        self._waiting = _Waiting(piece, cut, whole)
        return settled

    def tails(self) -> list[Any]:
        """Return what is still held when the stream ends."""
        left = [self._waiting.whole] if self._waiting else []
        self._waiting = None
        if text := self._text.flush():
            left.append(text)
        if held := self._deltas.held():
            left.append(AddableDict(held))
        for scope, chunk in self._chunks.tails():
            tail: Any = chunk
            for key in reversed(scope if isinstance(scope, tuple) else ()):
                tail = AddableDict({key: tail})
            left.append(tail)
        return left

    def _settled(self, piece: Any) -> list[Any]:
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            return []
        return [waiting.cut if _goes_on(waiting.piece, piece) else waiting.whole]

    def _piece(self, piece: Any, path: _Path) -> tuple[Any, Any]:
        """Return a piece restored twice: without half a placeholder at its end, and whole."""
        restored: Any
        if isinstance(piece, AddableDict):
            both = {
                self._session.restore(key): self._piece(value, (*path, key))
                for key, value in piece.items()
            }
            whole = AddableDict({key: value for key, (_, value) in both.items()})
            if all(cut is value for cut, value in both.values()):
                return whole, whole
            return AddableDict({key: cut for key, (cut, _) in both.items()}), whole
        if isinstance(piece, AIMessageChunk):
            restored = self._chunks.feed(piece, path)
        elif isinstance(piece, str):
            restored = self._deltas.feed(path, piece)
        elif isinstance(piece, (dict, list, BaseModel)) and not isinstance(piece, BaseMessage):
            return so_far(self._session, piece)
        else:
            restored = self._session.restore(piece)
        return restored, restored


def restore_stream(session: MaskingSession, pieces: Iterator[Any]) -> Iterator[Any]:
    """Restore a stream of texts, message chunks or anything else."""
    output = OutputRestorer(session)
    for piece in pieces:
        yield from output.feed(piece)
    yield from output.tails()


async def arestore_stream(
    session: MaskingSession, pieces: AsyncIterator[Any]
) -> AsyncGenerator[Any]:
    """Like `restore_stream`, for an asynchronous stream, which is closed with this one."""
    output = OutputRestorer(session)
    try:
        async for piece in pieces:
            for restored in await all_off_loop(session, output.feed, piece):
                yield restored
    finally:
        if close := getattr(pieces, "aclose", None):
            await close()
    for tail in await all_off_loop(session, output.tails):
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
        subgraphs: bool,
        version: str,
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

    What streams is restored across the events of its run id.
    """

    def __init__(self, session: MaskingSession) -> None:
        self._session = session
        self._runs: dict[str, OutputRestorer] = {}

    def feed(self, event: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Restore one event; what its run still holds comes as a stream event before its end."""
        restored = {
            key: value
            if key in {"event", "data", "run_id", "parent_ids"}
            else self._session.restore(value)
            for key, value in event.items()
        }
        name, run_id, data = event["event"], event["run_id"], event["data"]
        if name.endswith("_stream"):
            run = self._runs.setdefault(run_id, OutputRestorer(self._session))
            pieces = run.feed(data["chunk"])
            return [{**restored, "data": {**data, "chunk": piece}} for piece in pieces]
        ended = self._runs.pop(run_id, None) if name.endswith("_end") else None
        stream = name.removesuffix("_end") + "_stream"
        tails = ended.tails() if ended else []
        return [
            *({**restored, "event": stream, "data": {"chunk": tail}} for tail in tails),
            {**restored, "data": self._session.restore(data)},
        ]


def restore_patches(patch: Any, session: MaskingSession) -> Any:
    """Restore the values of a log patch. Texts that stream are restored only where not split."""
    ops = [
        {**op, "value": session.restore(op["value"])} if "value" in op else op for op in patch.ops
    ]
    if isinstance(patch, RunLog):
        return RunLog(*ops, state=session.restore(patch.state))
    return RunLogPatch(*ops)
