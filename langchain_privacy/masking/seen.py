"""What is remembered of a session's messages, so that a long history is not read again and again.

An agent masks its whole history before each call of the model, and every answer brings the whole
history back to be restored. `History` recognises masked messages that need no walk (for
`MaskingSession.mask`), `RestoredMessages` messages that were restored before (for the edge).
"""

import copy
import marshal
import re
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from langchain_core.messages import BaseMessage, BaseMessageChunk

from langchain_privacy.values.index import Looked
from langchain_privacy.values.walk import Leaves, Walk
from langchain_privacy.vault import PLACEHOLDER, VaultSession

T = TypeVar("T")

_REMEMBERED = 8192
"""Masked messages that `History` remembers; when there are more, it begins anew. A message that
nobody else holds cannot come again, and is not remembered."""

_MOST_RESTORED = 1000
"""Restored messages remembered; the one that was not asked for longest goes first."""

_MOST_CHARACTERS = 16_000_000
"""Characters of restored texts remembered for a session; when there are more, it begins anew."""

_UNRESOLVED = re.compile(r"\[\[|" + PLACEHOLDER.pattern)
"""What may still become a value."""


@dataclass(slots=True)
class _Kept:
    message: weakref.ref[BaseMessage]
    fields: list[Any]
    seen: int
    looked: Looked | None = None
    """Its texts, once somebody asked for them; `None` as well where they do not tell enough."""
    asked: bool = False

    def is_of(self, x: object) -> bool:
        return self.message() is x


class History:
    """Recognises messages that need no walk. It holds masked messages only."""

    def __init__(self, vault: VaultSession) -> None:
        self._vault = vault
        self._kept: dict[int, _Kept] = {}

    def __repr__(self) -> str:
        return f"<History of {len(self._kept)} messages>"

    def holds(self, x: Any, count: int) -> bool:
        """Say whether walking over `x` would return it as it is.

        Args:
            x: Anything.
            count: How many values the session knew before the walk.
        """
        kept = self._kept.get(id(x))
        # compared as a whole: this is all that an old message costs
        if kept is None or not kept.is_of(x) or [*x.__dict__.values()] != kept.fields:
            return False
        if kept.seen != count:
            if not kept.asked:
                kept.looked, kept.asked = _looked(kept.fields, x.content), True
            if kept.looked is None or self._vault.index().news(kept.seen).may_be(kept.looked):
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
        number, remembered = id(x), self._kept
        whose = weakref.ref(x, lambda _: remembered.pop(number, None) and None)
        remembered[number] = _Kept(whose, fields, count)


def _looked(fields: list[Any], content: Any) -> Looked | None:
    """Return all text of a message, `None` where a value in it may be cut or stand in escapes."""
    if isinstance(content, list) and len(content) > 1:
        return None  # a value may be split
    leaves = _Texts()
    Walk(leaves)(fields)
    if leaves.others or any(sign in text for text in leaves.found for sign in "\\%&="):
        return None
    return Looked("\n".join(leaves.found))


class _Texts(Leaves):
    """Collects all texts and numbers; takes note of what is neither."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.others = False

    def text(self, text: str) -> str:
        self.found.append(text)
        return text

    def scalar(self, x: Any) -> Any:
        self.found.append(str(x))
        self.others = self.others or not isinstance(x, int)
        return x

    def unknown(self, x: object) -> object:
        self.others = True
        return x

    opaque = unknown


class RestoredMessages:
    """Messages of a session that were restored, each once.

    Every answer of an agent brings the whole history with it. A message that was restored before,
    and is the same still, is not read again, so that a long conversation costs what is new in it.
    One in which something may still become a value is not remembered.
    """

    def __init__(self, vault: VaultSession) -> None:
        self._vault = weakref.ref(vault)
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[BaseMessage, BaseMessage | None]] = OrderedDict()

    def __repr__(self) -> str:
        return f"<RestoredMessages, {len(self._kept)}>"

    def known(self, x: BaseMessage) -> BaseMessage | None:
        """Return what a message was restored to, `None` when it was not or has changed."""
        if not _may_be_kept(x):
            return None
        vault = self._vault()
        _ = vault and vault.version  # raises when the session has ended
        with self._lock:
            masked, restored = self._kept.get(str(x.id), (None, None))
            if masked is None or masked != x:
                return None
            self._kept.move_to_end(str(x.id))
        return x if restored is None else _copy(restored)

    def learn(self, x: BaseMessage, restored: BaseMessage) -> None:
        """Remember what a message was restored to."""
        if not _may_be_kept(x) or any(map(is_open, map(str, restored.__dict__.values()))):
            return
        kept = _copy(x), None if restored is x else _copy(restored)
        with self._lock:
            self._kept[str(x.id)] = kept
            while len(self._kept) > _MOST_RESTORED:
                self._kept.popitem(last=False)


def is_open(restored: str) -> bool:
    """Say whether something in a restored text may still become a value."""
    return "[" in restored and _UNRESOLVED.search(restored) is not None


class RestoredTexts:
    """Texts of a session that were restored, each once: state comes again with every stream part.

    A text in which something may still become a value is not remembered.
    """

    def __init__(self, vault: VaultSession) -> None:
        self._vault = weakref.ref(vault)
        self._kept: dict[str, str] = {}
        self._characters = 0

    def __repr__(self) -> str:
        return f"<RestoredTexts, {len(self._kept)}>"

    def begin(self) -> None:
        """Raise when the session has ended; call it before a walk."""
        vault = self._vault()
        _ = vault and vault.version

    def get(self, text: str) -> str | None:
        """Return what a text was restored to, `None` when it was not."""
        return self._kept.get(text)

    def keep(self, text: str, restored: str) -> None:
        """Remember what a text was restored to."""
        if is_open(restored):
            return
        size = len(text) + (0 if restored is text else len(restored))
        self._characters += size
        if self._characters > _MOST_CHARACTERS:
            self._kept, self._characters = {}, size
        self._kept[text] = restored


def _may_be_kept(message: BaseMessage) -> bool:
    # an artifact is any object, and not ours to copy
    kept = message.id is not None and getattr(message, "artifact", None) is None
    return kept and not isinstance(message, BaseMessageChunk)


def _copy(message: BaseMessage) -> BaseMessage:
    """Copy a message so that who changes one in place does not change what is remembered."""
    twin = message.model_copy()
    for name, value in message.__dict__.items():
        if type(value) in {list, dict}:
            twin.__dict__[name] = _twin(value)
    return twin


def _twin(x: Any) -> Any:
    """Copy plain data, ten times as fast as `deepcopy`."""
    if type(x) is dict:
        return {key: _twin(value) for key, value in x.items()}
    if type(x) is list:
        return [_twin(each) for each in x]
    return x if type(x) in _PLAIN else copy.deepcopy(x)


_PLAIN = frozenset({str, int, float, bool, type(None)})


# ---- By session


class OfSessions(Generic[T]):
    """What is remembered of each session: gone with the session, and of the last ones used only.

    A process that serves thousands of threads keeps their values, and forgets what it read of those
    that nobody goes on with. Thread-safe.

    Args:
        make: Makes what is remembered of a session; it must not hold the session.
        most: Of how many sessions.
        dropped: Called with a session whose memory is dropped.
    """

    def __init__(
        self,
        make: Callable[[VaultSession], T],
        most: int = 512,
        dropped: Callable[[VaultSession], None] = lambda _: None,
    ) -> None:
        self._make = make
        self._most = most
        self._dropped = dropped
        self._lock = threading.RLock()
        self._kept: OrderedDict[int, tuple[weakref.ref[VaultSession], T]] = OrderedDict()

    def __len__(self) -> int:
        """Of how many sessions something is remembered."""
        return len(self._kept)

    def of(self, session: VaultSession) -> T:
        """Return what is remembered of a session."""
        number = id(session)
        with self._lock:
            kept = self._kept.pop(number, None)
            if kept is None or kept[0]() is not session:
                whose = weakref.ref(session, lambda _: self._kept.pop(number, None) and None)
                kept = whose, self._make(session)
            self._kept[number] = kept
            while len(self._kept) > self._most:
                _, (oldest, _) = self._kept.popitem(last=False)
                if (gone := oldest()) is not None:
                    self._dropped(gone)
            return kept[1]


_restored = OfSessions(RestoredMessages)
_texts = OfSessions(RestoredTexts)
restored_messages = _restored.of
"""Return what is remembered of the restored messages of a session."""
restored_texts = _texts.of
"""Return what is remembered of the restored texts of a session."""
