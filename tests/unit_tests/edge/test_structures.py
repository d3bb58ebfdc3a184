"""Large structures that come again with every stream part: a change in place is always seen."""

import copy
import dataclasses
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.types import Interrupt
from pydantic import BaseModel, ConfigDict

from langchain_privacy import Masker
from langchain_privacy.edge import run
from langchain_privacy.edge.run import restored_for_person
from langchain_privacy.masking import MaskingSession
from tests.unit_tests.edge.conftest import EMAIL

COUNT = 135
"""More than a block."""


class Row(BaseModel):
    model_config = ConfigDict(extra="allow")
    text: str
    held: Any = None


@dataclasses.dataclass
class Entry:
    text: str
    held: Any = None


class Pair(NamedTuple):
    text: str
    held: Any


@dataclasses.dataclass(slots=True)
class Slotted:
    text: str


KINDS: dict[str, Callable[[str, int], Any]] = {
    "text": lambda text, at: f"{at} {text}",
    "dict": lambda text, at: {"text": text, "n": at},
    "list": lambda text, at: [text, at],
    "tuple": lambda text, at: (text, at, [text]),
    "set": lambda text, at: {f"{at} {text}"},
    "deque": lambda text, at: deque([text, at], maxlen=5),
    "named tuple": lambda text, at: Pair(text, {"n": at}),
    "nested": lambda text, at: {"a": [{"b": [text, {"c": at}]}]},
    "model": lambda text, at: Row(text=text, held=[at]),
    "model in a model": lambda text, at: Row(text="x", held=Row(text=text, held={"n": at})),
    "dataclass": lambda text, at: Entry(text, {"n": at}),
    "slots": lambda text, at: Slotted(f"{at} {text}"),
    "document": lambda text, at: Document(text, metadata={"n": at}),
    "message": lambda text, at: HumanMessage(text, id=str(at)),
    "answer": lambda text, at: AIMessage(
        [{"type": "text", "text": text}],
        id=str(at),
        tool_calls=[{"name": "f", "args": {"to": [text]}, "id": "c"}],
    ),
}


def changes_of(x: Any) -> dict[str, Callable[[str], Any]]:
    """Return the ways to change an element in place."""
    if isinstance(x, dict):
        ways: dict[str, Callable[[str], Any]] = {
            "another value": lambda text: x.update(text=text),
            "one more": lambda text: x.update(more=text),
            "none": lambda _: x.clear(),
            "another key": lambda text: x.update({text: x.pop("text", 1)}),
        }
        inner = x.get("a")
        if inner:
            ways["far down"] = lambda text: inner[0]["b"][1].update(c=text)
        return ways
    if isinstance(x, (list, deque)):
        return {
            "another value": lambda text: x.insert(0, text),
            "one more": lambda text: x.append(text),
            "none": lambda _: x.clear(),
        }
    if isinstance(x, set):
        return {"one more": x.add, "none": lambda _: x.clear()}
    if isinstance(x, Pair):
        return {"below": lambda text: x.held.update(n=text)}
    if isinstance(x, tuple):
        return {"below": lambda text: x[2].append(text)}
    if isinstance(x, Row):
        below = x.held if isinstance(x.held, list) else None
        return {
            "a field": lambda text: setattr(x, "text", text),
            "a field that nobody declared": lambda text: setattr(x, "other", text),
            "all fields": lambda text: object.__setattr__(x, "__dict__", {**vars(x), "text": text}),
            "below": lambda text: (
                below.append(text) if below else setattr(x.held, "held", {"n": text})
            ),
        }
    if isinstance(x, Entry):
        return {
            "a field": lambda text: setattr(x, "text", text),
            "below": lambda text: x.held.update(n=text),
        }
    if isinstance(x, Slotted):
        return {"a field": lambda text: setattr(x, "text", text)}
    if isinstance(x, Document):
        return {
            "a field": lambda text: setattr(x, "page_content", text),
            "below": lambda text: x.metadata.update(n=text),
        }
    if isinstance(x, AIMessage):
        return {
            "a block": lambda text: x.content[0].update(text=text),  # type: ignore[union-attr]
            "one more block": lambda text: x.content.append(text),  # type: ignore[union-attr]
            "an argument": lambda text: x.tool_calls[0]["args"]["to"].append(text),
            "metadata": lambda text: x.response_metadata.update(told=text),
        }
    if isinstance(x, HumanMessage):
        return {
            "a field": lambda text: setattr(x, "content", text),
            "below": lambda text: x.additional_kwargs.update(told=text),
        }
    return {}


CASES = [(kind, way) for kind, make in KINDS.items() for way in changes_of(make("t", 1))]


@pytest.fixture
def session(masker: Masker) -> MaskingSession:
    return masker.session("t")


def anew(session: MaskingSession, x: Any) -> Any:
    """Restore with nothing remembered of it."""
    return session.restore(copy.deepcopy(x))


@pytest.mark.parametrize("container", ["list", "dict", "below", "after another"])
@pytest.mark.parametrize(("kind", "way"), CASES)
def test_a_change_in_place_is_seen(
    session: MaskingSession, kind: str, way: str, container: str
) -> None:
    masked, other = session.mask(EMAIL), session.mask("other@corp-secret.example")
    held = [KINDS[kind](f"for {masked}", at) for at in range(COUNT)]
    x: Any = held
    if container == "dict":
        x = {f"{at} {masked}": each for at, each in enumerate(held)}
    elif container == "below":
        x = {"state": {"held": [held, held[:70]]}}
    elif container == "after another":
        x = {"first": [*held], "held": held}
    first = restored_for_person(session, x)
    assert first == anew(session, x)
    assert masked not in str(first)
    for at, text in ((0, f"to {other}"), (COUNT - 1, "nobody")):
        changes_of(held[at])[way](text)
        assert restored_for_person(session, x) == anew(session, x)


@pytest.mark.parametrize("kind", KINDS)
def test_elements_that_come_and_go_are_seen(session: MaskingSession, kind: str) -> None:
    masked = session.mask(EMAIL)
    held = [KINDS[kind](f"for {masked}", at) for at in range(COUNT)]
    changes: list[Callable[[], Any]] = [
        lambda: held.append(KINDS[kind](masked, 1)),
        lambda: held.pop(0),
        lambda: held.insert(120, KINDS[kind](masked, 2)),
        lambda: held.__setitem__(130, KINDS[kind](masked, 3)),
        held.reverse,
        lambda: held.__delitem__(slice(70, None)),
        lambda: held.__delitem__(slice(10, None)),
    ]
    for change in changes:
        assert restored_for_person(session, held) == anew(session, held)
        assert restored_for_person(session, [*held]) == anew(session, held)
        change()
        assert restored_for_person(session, held) == anew(session, held)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "slots"])
def test_what_stays_is_walked_over_once(
    session: MaskingSession, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    masked = session.mask(EMAIL)
    held = [KINDS[kind](f"for {masked}", at) for at in range(COUNT)]
    walked: list[int] = []
    part = run._ForPerson._part

    def counted(leaves: Any, x: Any) -> Any:
        walked.append(len(x))
        return part(leaves, x)

    monkeypatch.setattr(run._ForPerson, "_part", counted)
    first = restored_for_person(session, {"held": held})
    assert sum(walked) == COUNT
    assert restored_for_person(session, {"held": held})["held"] is first["held"]
    assert sum(walked) == COUNT
    # a reducer makes a new list, with one element more
    for more in range(1, 200):
        held = [*held, KINDS[kind](masked, COUNT + more)]
        last = restored_for_person(session, {"held": held})["held"]
    assert last == anew(session, held)
    assert last[0] is first["held"][0] or kind == "text"
    assert sum(walked) == COUNT + 199
    held[COUNT // 2] = KINDS[kind](f"to {masked}", 1)
    assert restored_for_person(session, held) == anew(session, held)
    assert sum(walked) <= COUNT + 199 + 128


def test_what_may_still_become_a_value_is_not_remembered(session: MaskingSession) -> None:
    masked = session.mask(EMAIL)
    rows = [{"text": f"{at} {masked}"} for at in range(COUNT)]
    with pytest.MonkeyPatch.context() as patch:
        # another process has issued it, and has not said so yet
        patch.setattr(type(session.vault), "lookup", lambda *_: None)
        assert restored_for_person(session, rows) is rows
    assert restored_for_person(session, rows)[1] == {"text": f"1 {EMAIL}"}


def test_a_session_that_has_ended_restores_nothing_more(
    masker: Masker, session: MaskingSession
) -> None:
    masked = session.mask(EMAIL)
    rows = [{"text": masked} for _ in range(COUNT)]
    assert EMAIL in str(restored_for_person(session, rows))
    masker.vault.forget("t")
    assert EMAIL not in str(restored_for_person(masker.session("t"), rows))


def test_an_approval_in_a_large_structure_stays_masked(session: MaskingSession) -> None:
    masked = session.mask(EMAIL)
    payload = {"question": masked, "masked": True}
    x = [Interrupt(payload, "i"), *({"id": "i", "value": payload} for _ in range(COUNT))]
    for _ in range(2):
        assert EMAIL not in str(restored_for_person(session, x))


def test_an_element_that_cannot_be_compared_is_walked_over_again(session: MaskingSession) -> None:
    class Odd:
        def __eq__(self, other: object) -> bool:
            raise ValueError

        __hash__ = None  # type: ignore[assignment]

    masked = session.mask(EMAIL)
    rows: list[Any] = [{"text": masked, "odd": Odd()} for _ in range(COUNT)]
    for _ in range(2):
        rows[0]["odd"] = Odd()
        assert restored_for_person(session, rows)[0]["text"] == EMAIL
