"""Messages of a session that were walked over and held nothing to mask.

An agent masks its whole history before each call of the model. What became of a message before
stands as long as the message is the same and the session has learned no value that stands in it.
"""

import marshal
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from langchain_core.messages import BaseMessage, BaseMessageChunk

from langchain_privacy.masking.known import Known
from langchain_privacy.vault import VaultSession

if TYPE_CHECKING:
    from langchain_privacy.masking import MaskingSession

_REMEMBERED = 8192


@dataclass(slots=True)
class _Kept:
    message: BaseMessage
    fields: list[Any]
    seen: int
    lowered: str | None


class History:
    """Recognises messages that need no walk. It holds masked messages only."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._kept: dict[int, _Kept] = {}
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
        # compared as a whole: this is all that an old message costs
        if kept is None or kept.message is not x or [*x.__dict__.values()] != kept.fields:
            return False
        if kept.seen != count:
            if kept.seen > count or kept.lowered is None:
                return False
            for value in self._values_since(kept.seen, count):
                if value in kept.lowered:
                    return False
            kept.seen = count
        return not x.__pydantic_extra__

    def keep(self, x: BaseMessage, count: int) -> None:
        """Remember a message that held nothing when the session knew `count` values."""
        values = [*x.__dict__.values()]
        try:
            # a deep copy that knows plain data only, so that a change in place shows
            copies = marshal.loads(marshal.dumps(values, 2))  # noqa: S302 - what was just written
        except ValueError:
            return
        if x.__pydantic_extra__:
            return
        if len(self._kept) >= _REMEMBERED:
            self._kept.clear()
        fields = [v if type(v) is str else c for v, c in zip(values, copies, strict=True)]
        self._kept[id(x)] = _Kept(x, fields, count, _lowered(x))

    def _values_since(self, seen: int, count: int) -> list[str]:
        if self._news[:2] != (seen, count):
            self._news = (seen, count, self._known.hunted_since(seen))
        return self._news[2]


def _lowered(x: BaseMessage) -> str | None:
    """Return all text of a message, `None` where a value in it may be written in another way."""
    if isinstance(x.content, list) and len(x.content) > 1:
        return None  # a value may be split
    texts = list(_texts(list(x.__dict__.values())))
    if None in texts or any("\\" in text for text in texts if text):
        return None
    return "\n".join(text for text in texts if text).lower()


def _texts(x: Any) -> Iterator[str | None]:
    if isinstance(x, dict):
        x = [*x, *x.values()]
    if isinstance(x, (list, tuple, set, frozenset)):
        for item in x:
            yield from _texts(item)
    elif isinstance(x, (str, int)):
        yield str(x)
    elif x is not None:
        yield None


# ---- Restoring a conversation again and again: each message once.
#
# Every answer of an agent brings the whole history with it. A message that was restored before,
# and is the same still, is not read again, so that a long conversation costs what is new in it.

_KEPT = 1000
"""Messages remembered in a session; the one that was not asked for longest goes first."""

_Remembered = OrderedDict[str, tuple[BaseMessage, BaseMessage]]

# Weak: what was restored is gone with the session, also when the vault forgets it.
_sessions: WeakKeyDictionary[VaultSession, _Remembered] = WeakKeyDictionary()
_lock = threading.Lock()


def restore(session: "MaskingSession", x: Any) -> Any:
    """Restore anything, with a memory for the messages of a state.

    Args:
        session: Whose values to put back.
        x: A state, an update by node, messages or anything else.

    Raises:
        SessionError: The session was forgotten or has expired.
    """
    if isinstance(x, BaseMessage):
        return _message(session, x)
    if _are_messages(x):
        return [_message(session, each) for each in x]
    if isinstance(x, dict) and any(map(_holds_messages, x.values())):
        return {session.restore(key): restore(session, value) for key, value in x.items()}
    return session.restore(x)


def _are_messages(x: Any) -> bool:
    return isinstance(x, list) and bool(x) and all(isinstance(each, BaseMessage) for each in x)


def _holds_messages(x: Any) -> bool:
    """Whether a value of a state holds messages, or a node's update by its name does."""
    return _are_messages(x) or (isinstance(x, dict) and any(map(_are_messages, x.values())))


def _message(session: "MaskingSession", message: BaseMessage) -> BaseMessage:
    if message.id is None or isinstance(message, BaseMessageChunk):
        return session.restore(message)
    if getattr(message, "artifact", None) is not None:  # any object; not ours to copy
        return session.restore(message)
    vault = session.vault
    _ = vault.version  # raises when the session has ended
    with _lock:
        remembered = _sessions.setdefault(vault, OrderedDict())
        known = remembered.get(message.id)
        if known is not None and known[0] == message:
            remembered.move_to_end(message.id)
            return _copy(known[1])
    restored = session.restore(message)
    with _lock:
        remembered[message.id] = (_copy(message), _copy(restored))
        while len(remembered) > _KEPT:
            remembered.popitem(last=False)
    return restored


def _copy(message: BaseMessage) -> BaseMessage:
    """Copy a message so that who changes one in place does not change what is remembered."""
    flat = isinstance(message.content, str) and not getattr(message, "tool_calls", None)
    return message.model_copy(deep=not flat or bool(message.additional_kwargs))
