"""Messages of a session that were walked over and held nothing to mask.

An agent masks its whole history before each call of the model. What became of a message before
stands as long as the message is the same and the session has learned no value that stands in it.
"""

import marshal
from typing import Any

from langchain_core.messages import BaseMessage

from langchain_privacy.masking.known import Known

_REMEMBERED = 8192


class History:
    """Recognises messages that need no walk. It holds masked messages only."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._kept: dict[int, tuple[BaseMessage, object, int, str | None]] = {}
        self._resets = 0
        self._news: tuple[int, int, list[str]] = (0, 0, [])

    def __repr__(self) -> str:
        return f"<History of {len(self._kept)} messages>"

    def count(self) -> int:
        """Return how many values the session knows by now."""
        count = self._known.count()
        if self._known.resets != self._resets:
            # entries expired or were erased: the count means something else now
            self._resets = self._known.resets
            self._kept.clear()
        return count

    def holds(self, x: Any, count: int) -> bool:
        """Say whether walking over `x` would return it as it is.

        Args:
            x: Anything.
            count: What `count` returned before the walk.
        """
        kept = self._kept.get(id(x))
        if kept is None or kept[0] is not x or kept[1] != _print_of(x):
            return False
        _, state, seen, lowered = kept
        if seen != count:
            if seen > count or lowered is None:
                return False
            for value in self._values_since(seen, count):
                if value in lowered:
                    return False
            self._kept[id(x)] = (x, state, count, lowered)
        return True

    def keep(self, x: BaseMessage, count: int) -> None:
        """Remember a message that held nothing when the session knew `count` values."""
        state = _print_of(x)
        if state is None:
            return
        if len(self._kept) >= _REMEMBERED:
            self._kept.clear()
        lowered = "\n".join(state).lower() if isinstance(state, list) else None
        self._kept[id(x)] = (x, state, count, lowered)

    def _values_since(self, seen: int, count: int) -> list[str]:
        if self._news[:2] != (seen, count):
            self._news = (seen, count, self._known.hunted_since(seen))
        return self._news[2]


def _print_of(x: BaseMessage) -> list[str] | bytes | None:
    """Return what tells whether a message was changed in place, `None` where nothing does."""
    values = [value for value in x.__dict__.values() if value]
    if x.__pydantic_extra__:
        return None
    for value in values:
        if type(value) is not str:
            try:
                return marshal.dumps(values, 2)
            except ValueError:
                return None
    return values
