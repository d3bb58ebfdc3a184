"""Restoring what a graph streams: every stream mode, alone and combined, in both versions.

LangGraph yields `data`, `(mode, data)`, `(namespace, data)` or `(namespace, mode, data)` depending
on the arguments, and with `version="v2"` dicts `{"type", "ns", "data"}`.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

from langchain_core.messages import AIMessageChunk

from langchain_privacy.edge.shapes import through
from langchain_privacy.edge.tokens import ChunkRestorer, EventRestorer
from langchain_privacy.masking import MaskingSession


class PartRestorer:
    """Restores the parts of one stream; message texts are restored across parts."""

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
        self._events = EventRestorer(session)
        self._metadata: tuple[Any, Any] = (None, None)
        self._places: dict[Hashable, tuple[Any, Any]] = {}

    def feed(self, part: Any) -> Iterator[Any]:
        """Restore one part; yields one or more parts of the same shape."""
        if self._v2:
            for data in self._data(part["type"], part["ns"], part["data"]):
                restored = {**part, "data": data}
                if "interrupts" in part:
                    restored["interrupts"] = through(
                        part["interrupts"], self._session.restore, approvals=False
                    )
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
