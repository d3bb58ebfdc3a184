"""Reads an answer that must stay small and arrive in time: evidence, key sets, problem reports."""

import time

from langchain_privacy.errors import EvidenceInvalidError
from langchain_privacy.secure.parsing import MAX_DOCUMENT

ATTESTATION_SECONDS = 30.0
"""Longest time that fetching evidence may take, however slowly it drips."""


class DocumentReader:
    """Collects an answer that must stay small and arrive in time."""

    def __init__(self, limit: int = MAX_DOCUMENT, seconds: float = ATTESTATION_SECONDS) -> None:
        self._limit = limit
        self._deadline = time.monotonic() + seconds
        self._data = bytearray()

    def feed(self, data: bytes) -> None:
        """Take bytes, or raise when there are too many or they come too slowly."""
        self._data += data
        if len(self._data) > self._limit or time.monotonic() > self._deadline:
            msg = "the evidence is too large or takes too long"
            raise EvidenceInvalidError(msg, check="fetch")

    def finish(self) -> bytes:
        """All bytes."""
        return bytes(self._data)
