"""Whether a body that EHBP delivered is whole, judged by its content.

EHBP has no final marker and leaves the content type readable and changeable, so a body is believed
to be complete only when its own format says so, and any other format is refused.
"""

import json

from langchain_privacy.errors import ChannelError

_TAIL = 64 * 1024


class Completeness:
    """Watches a body as it passes.

    Args:
        content_type: The response's content type.
        max_buffer: Largest JSON body in bytes.
    """

    def __init__(self, content_type: str, *, max_buffer: int) -> None:
        self._kind = content_type.split(";")[0].strip().lower()
        known = ("application/json", "text/event-stream", "application/x-ndjson")
        if self._kind not in known:
            msg = "EHBP cannot show that an answer of this content type is complete"
            raise ChannelError(msg)
        self._limit = max_buffer if self._kind == "application/json" else _TAIL
        self._seen = bytearray()

    def feed(self, data: bytes) -> None:
        """Take plaintext that is being passed on."""
        self._seen += data
        if len(self._seen) <= self._limit:
            return
        if self._kind == "application/json":
            msg = "the answer is too large"
            raise ChannelError(msg)
        del self._seen[: -self._limit // 2]

    def finish(self) -> None:
        """Raise unless the content itself shows its end."""
        if not self._ended():
            msg = "the answer ended before its own end, so it is incomplete"
            raise ChannelError(msg)

    def _ended(self) -> bool:
        body = bytes(self._seen).strip()
        if self._kind == "text/event-stream":
            return body.rsplit(b"\n", 1)[-1].strip() in (b"data: [DONE]", b"data:[DONE]")
        try:
            if self._kind == "application/json":
                json.loads(body)
                return True
            last = json.loads(body.rsplit(b"\n", 1)[-1])
        except ValueError:
            return False
        return isinstance(last, dict) and last.get("done") is True
