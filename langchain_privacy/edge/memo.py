"""Restoring a conversation again and again: each message once.

Every answer of an agent brings the whole history with it. A message that was restored before, and
is the same still, is not read again, so that a long conversation costs what is new in it.
"""

import threading
from collections import OrderedDict
from typing import Any
from weakref import WeakKeyDictionary

from langchain_core.messages import BaseMessage, BaseMessageChunk

from langchain_privacy.masking import MaskingSession
from langchain_privacy.vault import VaultSession

_KEPT = 1000
"""Messages remembered in a session; the one that was not asked for longest goes first."""

_Remembered = OrderedDict[str, tuple[BaseMessage, BaseMessage]]

# Weak: what was restored is gone with the session, also when the vault forgets it.
_sessions: WeakKeyDictionary[VaultSession, _Remembered] = WeakKeyDictionary()
_lock = threading.Lock()


def restore(session: MaskingSession, x: Any) -> Any:
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


def _message(session: MaskingSession, message: BaseMessage) -> BaseMessage:
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
