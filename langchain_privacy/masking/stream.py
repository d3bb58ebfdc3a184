"""Restoring a text that arrives in pieces."""

from collections.abc import Callable

_LONGEST = 64


class StreamRestorer:
    """Restores a stream; holds back only what may be the beginning of a placeholder."""

    def __init__(self, restore: Callable[[str], str]) -> None:
        self._restore = restore
        self._held = ""

    def feed(self, text: str) -> str:
        """Take the next piece and return what is certain by now."""
        text = self._held + text
        opener = text.rfind("[")
        if opener >= 0 and "]" not in text[opener:] and len(text) - opener <= _LONGEST:
            self._held = text[opener:]
            text = text[:opener]
        else:
            self._held = ""
        return self._restore(text)

    def flush(self) -> str:
        """Return what is left at the end of the stream."""
        held, self._held = self._held, ""
        return self._restore(held)
