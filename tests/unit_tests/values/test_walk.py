"""The walk itself, with leaves that do next to nothing."""

import enum
import subprocess
import sys
from collections import OrderedDict, deque, namedtuple
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.types import Command, Interrupt, Overwrite, PregelTask, Send, StateSnapshot
from pydantic import BaseModel

from langchain_privacy.values.walk import Leaves, Walk


class Form(BaseModel):
    name: str
    born: int
    notes: dict[str, str] = {}


@dataclass
class Card:
    holder: str
    pin: int


Row = namedtuple("Row", "name phone")  # noqa: PYI024


class Shouted(Leaves):
    def text(self, text: str) -> str:
        return text.upper()

    def identifier(self, text: str) -> str:
        return text

    key = text


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        ({"a": ["b", ("c",)]}, {"A": ["B", ("C",)]}),
        (Form(name="jo", born=1, notes={"k": "v"}), Form(name="JO", born=1, notes={"K": "V"})),
        (Card("jo", 1), Card("JO", 1)),
        (Row("jo", 1), Row("JO", 1)),
        (OrderedDict(a="b"), OrderedDict(A="B")),
        (deque(["b"], maxlen=2), deque(["B"], maxlen=2)),
        ({"b"}, {"B"}),
        (MappingProxyType({"a": "b"}), MappingProxyType({"A": "B"})),
        (Command(goto="node", update={"a": "b"}), Command(goto="node", update={"A": "B"})),
        (Command(goto=[Send("n", "b"), "m"]), Command(goto=[Send("n", "B"), "m"])),
        (Command(goto=Send("n", "b")), Command(goto=Send("n", "B"))),
        (Interrupt("b", "id"), Interrupt("B", "id")),
        (Overwrite(["b"]), Overwrite(["B"])),
        (
            PregelTask("i", "n", (), None, (Interrupt("b", "id"),), {"configurable": {}}, "b"),
            PregelTask("i", "n", (), None, (Interrupt("B", "id"),), {"configurable": {}}, "B"),
        ),
        (
            StateSnapshot({"a": "b"}, ("n",), {"tags": ["t"]}, None, "now", None, (), ()),
            StateSnapshot({"A": "B"}, ("n",), {"tags": ["t"]}, None, "now", None, (), ()),
        ),
    ],
    ids=lambda x: type(x).__name__,
)
def test_what_is_walked_comes_back_as_the_same_class(x: Any, expected: Any) -> None:
    walked = Walk(Shouted())(x)
    assert type(walked) is type(expected)
    assert walked == expected
    assert Walk(Leaves())(x) is x


def test_leaves_learn_where_they_stand() -> None:
    class Located(Leaves):
        def __init__(self) -> None:
            self.path = []
            self.seen: list[tuple[tuple[Any, ...], str]] = []

        def leaf(self, text: str) -> str:
            self.seen.append((tuple(self.path or ()), text))
            return text

    leaves = Located()
    Walk(leaves)({"form": Form(name="Jo", born=1, notes={"k": "v"}), "rows": [["x"], Row("y", 2)]})
    assert leaves.seen == [
        (("form", "name"), "Jo"),
        (("form", "notes", "k"), "v"),
        (("rows",), "x"),
        (("rows", "name"), "y"),
    ]
    assert leaves.path == []


def test_leaves_see_a_whole_container_and_may_answer_for_its_values() -> None:
    class Labelled(Shouted):
        def __init__(self) -> None:
            self.seen: list[tuple[str, list[tuple[Any, Any]]]] = []

        def container(self, x: object, items: list[tuple[Any, Any]]) -> Mapping[Any, Any] | None:
            self.seen.append((type(x).__name__, items))
            return {key: f"<{key}>" for key, value in items if key in {"born", "pin", "phone"}}

    leaves = Labelled()
    call = {"name": "f", "args": {"pin": 4921, "to": "jo"}, "id": "c"}
    x = {
        "born": 1987,
        "form": Form(name="Jo", born=1),
        "card": Card("jo", 4921),
        "row": Row("jo", 5),
        "said": AIMessage("hello", tool_calls=[call]),
    }
    walked = Walk(leaves)(x)
    assert walked["BORN"] == "<born>"
    assert (walked["FORM"].name, walked["FORM"].born) == ("JO", "<born>")
    assert walked["CARD"] == Card("JO", "<pin>")  # type: ignore[arg-type]
    assert walked["ROW"] == Row("JO", "<phone>")
    assert walked["SAID"].tool_calls[0]["args"] == {"PIN": "<pin>", "TO": "JO"}
    assert [name for name, _ in leaves.seen] == ["dict", "Form", "dict", "Card", "Row", "dict"]
    assert leaves.seen[1][1] == [("name", "Jo"), ("born", 1), ("notes", {})]


def test_a_value_that_the_leaves_give_back_is_no_change() -> None:
    class Looking(Leaves):
        def container(self, x: object, items: list[tuple[Any, Any]]) -> Mapping[Any, Any] | None:
            return dict(items)

    for x in ({"a": "b"}, Form(name="Jo", born=1), Card("jo", 1), Row("jo", 5)):
        assert Walk(Looking())(x) is x


def test_the_walk_does_not_import_langgraph() -> None:
    code = "import sys, langchain_privacy.values.walk; sys.exit('langgraph' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_container_that_is_known_is_not_walked() -> None:
    class Remembering(Shouted):
        def __init__(self) -> None:
            self.seen: list[tuple[Any, Any]] = []

        def known(self, x: Any) -> Any:
            return next((walked for old, walked in self.seen if old is x), None)

        def learn(self, x: Any, walked: Any) -> None:
            self.seen.append((x, walked))

        def text(self, text: str) -> str:
            assert not self.seen, "walked again"
            return super().text(text)

    leaves, messages = Remembering(), [HumanMessage("hello")]
    walked = Walk(leaves)(messages)
    assert walked == [HumanMessage("HELLO")]
    assert Walk(leaves)(messages)[0] is walked[0]
    assert len(leaves.seen) == 1


class Phone(enum.Enum):
    HOME = 821012345678


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        ([Phone.HOME], [-821012345678]),
        ({Phone.HOME: None}, {-821012345678: None}),
        ({821012345678: True}, {-821012345678: True}),
        ([{"type": ["text"], "text": 7}], [{"type": ["text"], "text": -7}]),
        ([{"type": "text", "text": 7}], [{"type": "text", "text": -7}]),
        ([{"type": "x", "index": 7}], [{"type": "x", "index": 7}]),
        ([{"type": "x", "index": date(2000, 1, 1)}], [{"type": "x", "index": "a day"}]),
    ],
)
def test_numbers_and_days_are_met_wherever_they_stand(x: Any, expected: Any) -> None:
    class Negative(Leaves):
        def scalar(self, x: Any) -> object:
            return "a day" if isinstance(x, date) else -x

    if isinstance(x, list) and isinstance(x[0], dict):
        x, expected = HumanMessage(x), HumanMessage(expected)  # content blocks
    assert Walk(Negative())(x) == expected


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="pydantic.v1 makes no models there")
def test_models_of_pydantic_1_are_looked_into() -> None:
    from pydantic.v1 import BaseModel as OldModel

    class Old(OldModel):
        name: str
        parts: list[Any]

    class Upper(Leaves):
        def text(self, text: str) -> str:
            return text.upper()

    old = Old(name="jane", parts=[Form(name="ann", born=1)])
    walked = Walk(Upper())(old)
    assert type(walked) is Old
    assert (walked.name, walked.parts[0].name, old.name) == ("JANE", "ANN", "jane")
    assert Walk(Leaves())(old) is old
