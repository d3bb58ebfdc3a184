"""Length-prefixed frames on a stream of bytes that arrives in any pieces."""

from collections.abc import Iterator

from langchain_privacy.errors import ChannelError

MAX_FRAME = 4 * 1024 * 1024
"""Largest ciphertext of one frame in bytes."""

FRAME = 64 * 1024
"""Plaintext bytes that a sender puts into one frame at most."""


class FrameReader:
    """Cuts a byte stream into (header, ciphertext) frames.

    Args:
        flagged: Whether the top bit of the length marks the last frame (our profile) or belongs to
            the length (EHBP).
    """

    def __init__(self, *, flagged: bool) -> None:
        self._flagged = flagged
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bytes, bool]]:
        """Take bytes; yield header, ciphertext and final flag of each frame that is complete."""
        self._buffer += data
        while len(self._buffer) >= 4:
            header = bytes(self._buffer[:4])
            length = int.from_bytes(header)
            final = False
            if self._flagged:
                final, length = bool(length >> 31), length & 0x7FFFFFFF
            if length > MAX_FRAME:
                msg = f"a frame is longer than {MAX_FRAME} bytes"
                raise ChannelError(msg)
            if len(self._buffer) < 4 + length:
                return
            ciphertext = bytes(self._buffer[4 : 4 + length])
            del self._buffer[: 4 + length]
            yield header, ciphertext, final

    @property
    def pending(self) -> bool:
        """Whether part of a frame is waiting for the rest."""
        return bool(self._buffer)


def pieces(data: bytes) -> Iterator[bytes]:
    """Cut plaintext into what fits a frame."""
    if len(data) <= FRAME:
        yield data
        return
    view = memoryview(data)
    for start in range(0, len(data), FRAME):
        yield bytes(view[start : start + FRAME])
