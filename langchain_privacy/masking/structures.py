"""Large structures that come again with every part of a graph's stream, and are walked over once.

`edge.run` asks here for each list and dict of 64 elements and more that leaves a run. Remembered of
it is what it was restored to, and a flat copy of every list, dict, set and object in it, which may
be changed in place: all of them are compared at once, in C. A text of a million characters costs
nothing to compare, a thousand dicts some 30 µs, a thousand objects twice that.

A structure is remembered in blocks, so that one that grew, as the messages of an agent do, or in
which an element was changed, is walked over in that place only.

Example:
    ```python
    structures = restored_structures(vault_session)
    structures.restored(rows, restore)  # walks over them
    structures.restored(rows, restore)  # returns the same object
    rows[3]["to"] = "[EMAIL_7K2Q]"
    structures.restored(rows, restore)  # walks over the block that holds the fourth row
    ```
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from typing import Any, NamedTuple

from langchain_privacy.masking.seen import OfSessions
from langchain_privacy.values.provider_fields import is_token_list
from langchain_privacy.values.walk import is_container

Restore = Callable[[Any], tuple[Any, bool]]
"""Restores a list or dict; says as well whether nothing in it may still become a value."""

_BLOCK = 128
"""Elements of a block: those of a list, or keys and values of a dict by turns."""

_STRUCTURES = 8
"""Structures remembered of a session; the one that was asked for longest ago goes first."""

_SESSIONS = 64
"""Of how many sessions."""


class Structures:
    """The large structures of one session. Thread-safe: nothing that is remembered changes."""

    def __init__(self) -> None:
        self._kept: tuple[_Structure, ...] = ()

    def __repr__(self) -> str:
        return f"<Structures, {len(self._kept)}>"

    def restored(self, x: Any, restore: Restore) -> Any:
        """Return a list or dict restored, `None` where its elements are read together.

        An object that comes again, unchanged, gives the same result, as each part of a graph's own
        stream holds the same state: who changes what was read finds it changed in the next part,
        there and here.

        Args:
            x: A `list` or `dict`; it is not changed.
            restore: Restores some of it.
        """
        if is_token_list(x):
            return None
        kept = self._kept
        known = next((each for each in kept if each.x is x), None)
        others = [each for each in kept if each is not known]
        if known is None or not known.is_same():
            # a reducer makes another list, which begins as the one before
            like = known or next((each for each in reversed(kept) if each.begins_as(x)), None)
            known = _Structure(x, like.blocks if like else (), restore)
        self._kept = (*others, known)[-_STRUCTURES:]
        return known.restored


class _Structure:
    """A list or dict as it was, and what it was restored to."""

    def __init__(self, x: Any, known: "Sequence[_Block]", restore: Restore) -> None:
        self.x = x
        self._copy = x.copy()
        elements = _elements(self._copy)
        self._first = elements[0]
        slices: list[tuple[list[Any], _Block | None]] = []
        at = 0
        for block in known:
            if there := elements[at : at + len(block.elements)]:
                slices.append((there, block if block.is_same(there) else None))
            at += len(there)
        starts = range(at, len(elements), _BLOCK)
        slices += [(elements[start : start + _BLOCK], None) for start in starts]
        # All is copied before any of it is read: what is changed meanwhile will be found to be
        # changed, and copies that stand side by side in memory are compared faster.
        found = [block.below if block else _below(there) for there, block in slices]
        copied = [
            each if each is None or isinstance(each, _Below) else _Below.of(*each) for each in found
        ]
        self.blocks: list[_Block] = []
        for (there, same), below in zip(slices, copied, strict=True):
            self._add(same or _Block.made(type(x), there, below, restore))
        self._below = _Below.joined(block.below for block in self.blocks)
        self._is_settled = all(block.is_settled for block in self.blocks)
        self.restored = x
        if any(block.restored is not block.elements for block in self.blocks):
            self.restored = _made(type(x), chain(*(block.restored for block in self.blocks)))

    def _add(self, block: "_Block") -> None:
        """Add a block, to the last one where both are small: a list may grow by one at a time."""
        if self.blocks and len(self.blocks[-1].elements) + len(block.elements) <= _BLOCK:
            block = self.blocks.pop().joined(block)
        self.blocks.append(block)

    def begins_as(self, x: Any) -> bool:
        """Whether `x` may be what became of this."""
        return type(x) is type(self.x) and next(iter(x)) is self._first

    def is_same(self) -> bool:
        """Whether nothing in it was changed."""
        return self._is_settled and _equal(self.x, self._copy) and self._below.is_untouched()


class _Block(NamedTuple):
    """Some elements as they were, and what they were restored to.

    Attributes:
        elements: Elements of a list; keys and values of a dict by turns.
        restored: The same, restored; the same object where nothing was.
        below: What was below them.
        is_settled: Whether they may be remembered.
    """

    elements: list[Any]
    restored: list[Any]
    below: "_Below"
    is_settled: bool

    @classmethod
    def made(
        cls, kind: type, elements: list[Any], below: "_Below | None", restore: Restore
    ) -> "_Block":
        """Restore some elements of a list or dict."""
        piece = _made(kind, elements)
        restored, is_settled = restore(piece)
        return cls(
            elements,
            elements if restored is piece else _elements(restored),
            below or _Below([], [], [], []),
            is_settled and below is not None,
        )

    def joined(self, other: "_Block") -> "_Block":
        """Return a block of both."""
        elements = self.elements + other.elements
        plain = self.restored is self.elements and other.restored is other.elements
        return _Block(
            elements,
            elements if plain else self.restored + other.restored,
            _Below.joined([self.below, other.below]),
            self.is_settled and other.is_settled,
        )

    def is_same(self, elements: list[Any]) -> bool:
        """Whether these are its elements, and nothing below them was changed."""
        return self.is_settled and _equal(elements, self.elements) and self.below.is_untouched()


class _Below(NamedTuple):
    """What can be changed in place below some elements, and copies of it.

    Attributes:
        parts: Every list, dict, set and deque.
        copies: What was in each of them.
        objects: Every object with attributes.
        states: What the attributes of each of them were.
    """

    parts: list[Any]
    copies: list[Any]
    objects: list[Any]
    states: list[Any]

    @classmethod
    def of(cls, parts: list[Any], objects: list[Any]) -> "_Below":
        """Copy what `_below` found."""
        states = [_attributes(x).copy() for x in objects]
        return cls(parts, [_copy(x) for x in parts], objects, states)

    @classmethod
    def joined(cls, several: "Iterable[_Below]") -> "_Below":
        """Return all of several as one."""
        return cls(*([*chain(*lists)] for lists in zip(*several, strict=True)))

    def is_untouched(self) -> bool:
        """Whether nothing was changed."""
        states = list(map(_attributes, self.objects))
        return _equal(self.parts, self.copies) and _equal(states, self.states)


def _below(elements: list[Any]) -> tuple[list[Any], list[Any]] | None:
    """Find what can be changed below some elements, `None` where something cannot be copied."""
    parts: list[Any] = []
    objects: list[Any] = []
    waiting, found = [*elements], set[int]()
    for x in waiting:  # which grows meanwhile
        inside = _inside(type(x))  # type: ignore[arg-type]  # it is hashable
        if inside is None or id(x) in found:
            continue
        found.add(id(x))
        if inside is _values_of_attributes:
            if not hasattr(x, "__dict__"):
                return None
            objects.append(x)
            waiting.append(getattr(x, "__pydantic_extra__", None))
        elif not isinstance(x, (tuple, frozenset)):
            parts.append(x)
        waiting += inside(x)
    return parts, objects


_attributes = attrgetter("__dict__")


def _values_of_attributes(x: Any) -> Iterable[Any]:
    return _attributes(x).values()  # type: ignore[no-any-return]


@lru_cache(maxsize=1024)
def _inside(cls: type) -> Callable[[Any], Iterable[Any]] | None:
    """Return what gives the values in an object of a class, `None` where a walk sees none."""
    if not is_container(cls):
        return None
    if issubclass(cls, dict):
        return dict.values
    if issubclass(cls, (list, tuple, set, frozenset, deque)):
        return iter
    return _values_of_attributes


def _copy(x: Any) -> Any:
    if type(x) is dict:  # most of all
        return x.copy()
    base: Callable[[Any], Any] = next(
        base for base in (dict, list, set, deque) if isinstance(x, base)
    )
    return base(x)


def _equal(now: Any, before: Any) -> bool:
    """Whether parts are what they were: the same objects, or such as say that they are equal."""
    try:
        return bool(now == before)
    except Exception:  # noqa: BLE001 - an element that compares in its own way
        return False


def _elements(x: Any) -> list[Any]:
    return [*chain.from_iterable(x.items())] if isinstance(x, dict) else [*x]


def _made(kind: type, elements: Iterable[Any]) -> Any:
    by_turns = iter(elements)
    return dict(zip(by_turns, by_turns, strict=True)) if kind is dict else [*by_turns]


_remembered = OfSessions(lambda _: Structures(), _SESSIONS)
restored_structures = _remembered.of
"""Return what is remembered of the large structures of a session."""
