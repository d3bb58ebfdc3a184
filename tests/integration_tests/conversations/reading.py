"""What a person or a local tool reads: their own values, whole, and no placeholder."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import BaseMessageChunk

from langchain_privacy.testing.report import placeholders_in
from langchain_privacy.testing.texts import texts
from tests.integration_tests.conversations.house import Needles
from tests.integration_tests.conversations.speech import slots_in, undressed


@dataclass
class Conversation:
    """One thread of one person.

    Attributes:
        number: Tells conversations apart.
        config: What the app is called with.
        slots: What was said, by slot.
        gone: The slots that were said before the session was forgotten.
        allowed: What looks like a placeholder and may be read: what the person typed, what the
            model made up, what a forgotten session had issued.
        waiting: Ids of the interrupts that wait for the person, and what each asks.
        right: Texts that were read and had nothing wrong, with the number of slots in each: the
            whole conversation is shown again after every turn.
    """

    number: int
    config: dict[str, Any]
    slots: dict[str, str] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    allowed: set[str] = field(default_factory=set)
    waiting: Mapping[str, Any] = field(default_factory=dict)
    right: dict[str, int] = field(default_factory=dict)

    @property
    def thread(self) -> str:
        return str(self.config["configurable"]["thread_id"])


class Reader:
    """Reads for one conversation and says what is wrong.

    Args:
        conversation: Whose.
        needles: The values of all.
    """

    def __init__(self, conversation: Conversation, needles: Needles) -> None:
        self._mine = conversation
        self._needles = needles
        self._lanes: dict[Any, str] = {}
        self.wrong: list[str] = []
        self.slots = 0

    def part(self, x: Any) -> None:
        """Read a part of a stream; the pieces of a message are put together."""
        chunks: list[BaseMessageChunk] = []
        self.read(_without_chunks(x, chunks), "part")
        for chunk in chunks:
            for place, text in texts([chunk.content, chunk.additional_kwargs, _calls(chunk)]):
                lane = (chunk.id, place)
                self._lanes[lane] = self._lanes.get(lane, "") + text

    def end(self) -> None:
        """Read what was put together."""
        for (_, place), text in self._lanes.items():
            self._text(text, f"stream{place}")
        self._lanes.clear()

    def read(self, x: Any, what: str) -> None:
        """Read something whole."""
        for place, text in texts(x, what):
            self._text(text, place)

    def _text(self, text: str, place: str) -> None:
        known = self._mine.right.get(text)
        if known is not None:
            self.slots += known
            return
        wrong, slots = len(self.wrong), self.slots
        self._unread(text, place)
        if len(self.wrong) == wrong:
            self._mine.right[text] = self.slots - slots

    def _unread(self, text: str, place: str) -> None:
        mine = self._mine
        for shown in placeholders_in(text, place):
            # a stream that breaks may leave half of one
            if not any(known.startswith(shown.placeholder) for known in mine.allowed):
                self.wrong.append(f"{place} shows {shown.placeholder}")
        for needle, owners in self._needles.within(text):
            if mine.number not in owners:
                self.wrong.append(f"{place} holds {needle!r} of {sorted(owners)}")
        for slot in slots_in(text):
            self.slots += 1
            said = mine.slots.get(slot.name)
            if said is None:
                self.wrong.append(f"{place} has the slot {slot.name} of somebody else")
            elif slot.name in mine.gone:
                if said in slot.text and said not in mine.allowed:
                    self.wrong.append(f"{place} has {said!r}, which was forgotten")
            elif undressed(slot.text) != said and slot.text != said:
                self.wrong.append(f"{place} has {slot.text!r} for {said!r}")


def _without_chunks(x: Any, chunks: list[BaseMessageChunk]) -> Any:
    """Take the chunks and the errors out of a part."""
    if isinstance(x, BaseMessageChunk):
        chunks.append(x)
        return None
    if isinstance(x, BaseException):
        return None  # errors stay masked; they are searched where they are raised
    if type(x) is dict:
        return {key: _without_chunks(inner, chunks) for key, inner in x.items()}
    if type(x) in {list, tuple}:
        return [_without_chunks(inner, chunks) for inner in x]
    return x


def _calls(chunk: BaseMessageChunk) -> dict[Any, str]:
    """Return the arguments of the calls in a chunk; others of its fields are parsed anew."""
    found = getattr(chunk, "tool_call_chunks", ())
    return {f"call {call['index']}": call["args"] or "" for call in found}
