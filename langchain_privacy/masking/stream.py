"""Restoring a text that arrives in pieces."""

from langchain_privacy.masking.restore import Restoring


class StreamRestorer:
    """Restores one stream of text.

    What comes out is what restoring the whole text would have given, however the text is cut.
    Only the beginning of a possible placeholder is held back, and a Korean particle that follows a
    restored value until its end is known; everything else comes out of the `feed` it went into.
    """

    def __init__(self, restoring: Restoring) -> None:
        self._restoring = restoring
        self._held = ""

    def __repr__(self) -> str:
        return f"<StreamRestorer holding {len(self._held)} characters>"

    def feed(self, text: str) -> str:
        """Take the next piece and return what is certain by now."""
        if not text:
            return ""
        restored, self._held = self._restoring.run(self._held + text, final=False)
        return restored

    def flush(self) -> str:
        """Return what is left at the end of the stream."""
        held, self._held = self._held, ""
        return self._restoring.run(held, final=True)[0]
