"""Restoring `astream_events` (versions 1 and 2) and `astream_log`, which callbacks feed."""

from collections.abc import Mapping
from typing import Any

from langchain_core.messages import AIMessageChunk
from langchain_core.tracers.log_stream import RunLog, RunLogPatch

from langchain_privacy.edge.shapes import through
from langchain_privacy.edge.tokens import ChunkRestorer
from langchain_privacy.masking import JsonRestorer, MaskingSession, StreamRestorer


class EventsRestorer:
    """Restores events; texts that stream are restored across the events of their run id."""

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
        return through(value, self._session.restore)


def restore_patches(patch: Any, session: MaskingSession) -> Any:
    """Restore the values of a log patch. Texts that stream are restored only where not split."""
    ops = [
        {**op, "value": through(op["value"], session.restore)} if "value" in op else op
        for op in patch.ops
    ]
    if isinstance(patch, RunLog):
        return RunLog(*ops, state=through(patch.state, session.restore))
    return RunLogPatch(*ops)
