"""What is examined of a payload: every text of it, in order, whatever it is made of."""

import dataclasses
import datetime as dt
import enum
import json
import re
import uuid
from collections import OrderedDict, deque, namedtuple
from decimal import Decimal
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from pydantic import BaseModel, SecretStr

from langchain_privacy.egress import payload
from langchain_privacy.egress.payload import of_call, of_messages, of_value
from langchain_privacy.values.fold import HARD, SOFT
from tests.support.scripted import ScriptedChatModel


class Form(BaseModel):
    who: str
    secret: SecretStr = SecretStr("hidden")


@dataclasses.dataclass
class Card:
    holder: str


class Kind(enum.Enum):
    PRIVATE = "private"


Row = namedtuple("Row", "name phone")  # noqa: PYI024

CALL = {"name": "f", "args": {"to": "me"}, "id": "c1", "type": "tool_call"}


@pytest.mark.parametrize(
    ("value", "content", "structure"),
    [
        ("text", ["text"], []),
        ({"a": ["b", 5, 1.5, True, None, ""]}, ["b", "5", "1.5"], ["a"]),
        ({"role": "user", "content": "hi"}, ["hi"], ["role", "user", "content"]),
        ({"name": {"a": ["b"]}, "c": "d"}, ["d"], ["name", "a", "b", "c"]),
        ({821012345678: "a", True: "b"}, ["a", "b"], ["821012345678", "True"]),
        ({"a": b"bytes", "s": {"x"}, "t": ("y",)}, ["bytes", "x", "y"], ["a", "s", "t"]),
        (Row("jo", 5), ["jo", "5"], []),
        (Form(who="jo"), ["jo", "**********"], ["who", "secret"]),
        (Card("jo"), ["jo"], ["holder"]),
        (OrderedDict(a="b"), ["b"], ["a"]),
        (deque(["b"]), ["deque(['b'])"], []),
        ([Kind.PRIVATE], ["private"], []),
        ([dt.date(2000, 1, 2), Decimal("1.50")], ["2000-01-02", "1.50"], []),
        ([uuid.UUID(int=5), dt.time(1)], ["00000000-0000-0000-0000-000000000005", "01:00:00"], []),
        ([re.compile("x"), ValueError("y")], ["re.compile('x')", "y"], []),
        (
            [ToolMessage("hi", tool_call_id="c1", artifact={"rows": ["not sent"]})],
            ["hi"],
            ["content", "type", "tool", "tool_call_id", "c1", "status", "success"],
        ),
        (
            [AIMessage("", tool_calls=[CALL])],
            ["me"],
            [
                *("type", "ai", "tool_calls", "name", "f", "args", "to", "id", "c1"),
                *("type", "tool_call"),
            ],
        ),
    ],
    ids=lambda x: type(x).__name__,
)
def test_all_that_is_serialised_is_examined(
    value: Any, content: list[str], structure: list[str]
) -> None:
    made = of_value(value)
    assert (list(made.content), list(made.structure)) == (content, structure)


def test_neither_text_nor_name_can_hold_what_separates_them() -> None:
    made = of_value({f"a{HARD}b": f"c{HARD}d", "e": "f"})
    assert made.examined == HARD.join([f"c d{SOFT}f", "a b", "e"])
    assert of_value({HARD: 1}).examined == f"1{HARD} "
    assert of_value("x").examined == f"x{HARD}"


SCHEMA: dict[str, Any] = {
    "title": "Answer",
    "properties": {"name": {"type": "string", "description": "a name"}, "n": {"default": 1}},
}


def in_a_request(where: str, schema: Any) -> dict[str, Any]:
    if where == "tools":
        return {"tools": [{"type": "function", "function": schema}]}
    if where == "text":
        return {"text": {"format": schema}}
    return {where: schema}


@pytest.mark.parametrize("where", ["tools", "text", "response_format", "format"])
def test_a_schema_is_read_once_and_again_when_it_changed(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    payload._schemas.clear()
    schema = json.loads(json.dumps(SCHEMA))
    messages = [HumanMessage("hello")]
    walks = []
    walk = payload.Walk
    monkeypatch.setattr(payload, "Walk", lambda leaves: walks.append(leaves) or walk(leaves))

    def walks_in_a_call() -> int:
        arguments = in_a_request(where, schema)
        request = {"messages": [payload._message(messages[0])], "arguments": arguments}
        expected = of_value(request)
        walks.clear()
        made = of_messages(messages, arguments)
        assert (made.examined, made.data) == (expected.examined, expected.data)
        return len(walks)

    assert [walks_in_a_call() for _ in range(3)] == [2, 1, 1]
    for changed in ("a real name", 1.0, True, "1"):
        schema["properties"]["n"]["default"] = changed
        assert [walks_in_a_call() for _ in range(3)] == [2, 1, 1]
    schema["properties"]["n"]["default"] = 1
    assert walks_in_a_call() == 1


def test_only_schemas_are_remembered_and_only_a_few() -> None:
    payload._schemas.clear()
    call = {"name": "f", "args": {"tools": ["Jane"], "schema": {"a": "Jane"}}, "id": "c1"}
    blocks = [{"type": "x", "format": {"a": "Jane"}}]
    messages = [HumanMessage("Jane"), AIMessage("Jane", tool_calls=[call]), HumanMessage(blocks)]
    model = ScriptedChatModel(responses=["x"])
    of_call(model, messages, None, {})
    of_messages(messages, {"metadata": {"tools": ["Jane"]}})
    of_value({"tools": ["Jane"]})
    assert not payload._schemas
    for number in range(200):
        of_call(model, messages, None, {"tools": [{"name": f"f{number}"}]})
    of_call(model, messages, None, {"tools": ["x" * 2**20]})
    assert len(payload._schemas) == 64


def test_a_schema_that_is_no_plain_data_is_read_each_time() -> None:
    payload._schemas.clear()
    form = Form(who="jo")
    for who in ("jo", "ann"):
        form.who = who
        assert who in of_messages([], {"tools": [form]}).content
    assert not payload._schemas
