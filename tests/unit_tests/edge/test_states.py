"""States that validate: a placeholder is let in where its value would be."""

import dataclasses
from datetime import date
from typing import Annotated, Any, Literal

import pytest
from langchain_core.messages import AnyMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages
from pydantic import BaseModel, EmailStr, Field, ValidationError
from pydantic.dataclasses import dataclass as validated_dataclass

from langchain_privacy import Masker, local_node, private
from langchain_privacy.detection import DictionaryDetector

EMAIL, BORN, CODE = "jane.doe@corp-secret.example", "1980-02-03", "AB-7731"


@pytest.fixture
def masker() -> Masker:
    return Masker([DictionaryDetector({"EMAIL": [EMAIL], "DATE": [BORN], "MEMBER": [CODE]})])


class State(BaseModel):
    email: EmailStr
    born: date
    code: str = Field(pattern=r"^[A-Z]{2}-\d{4}$", max_length=7)
    kind: Literal["new", "old"] = "new"
    messages: Annotated[list[AnyMessage], add_messages] = []
    done: str = ""


@validated_dataclass
class Record:
    email: EmailStr
    born: date
    code: str
    done: str = ""


def built(kind: Any, node: Any, nested: bool) -> Any:
    builder = StateGraph(kind)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    if not nested:
        return builder.compile(checkpointer=InMemorySaver())
    outer = StateGraph(kind)
    outer.add_node("inner", builder.compile())
    outer.add_edge(START, "inner")
    return outer.compile(checkpointer=InMemorySaver())


THREAD: Any = {"configurable": {"thread_id": "t"}}


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("kind", [State, Record])
@pytest.mark.parametrize("given", ["dict", "object"])
async def test_a_node_gets_its_object_masked(
    masker: Masker, kind: Any, given: str, nested: bool
) -> None:
    seen: list[Any] = []

    def node(state: Any) -> Any:
        seen.append(state)
        return {"done": f"wrote to {state.email}"}

    graph = private(built(kind, node, nested), masker)
    values: dict[str, Any] = {"email": EMAIL, "born": BORN, "code": CODE}
    asked: Any = values if given == "dict" else kind(**values)
    for answer in (graph.invoke(asked, THREAD), await graph.ainvoke(asked, THREAD)):
        assert answer["done"] == f"wrote to {EMAIL}"
        assert answer["email"] == EMAIL
        assert str(answer["born"]) == BORN
    assert all(isinstance(state, kind) for state in seen)
    for value in (EMAIL, BORN, CODE):
        assert value not in str(seen)
        assert value not in str(graph.get_state(THREAD))


def test_a_local_node_gets_real_values(masker: Masker) -> None:
    seen: list[Any] = []

    @local_node
    def node(state: State) -> Any:
        seen.append(state)
        return {"done": "yes"}

    private(built(State, node, nested=False), masker).invoke(
        {"email": EMAIL, "born": BORN, "code": CODE}, THREAD
    )
    assert (seen[0].email, str(seen[0].born), seen[0].code) == (EMAIL, BORN, CODE)


def test_what_is_really_wrong_is_refused_masked(masker: Masker) -> None:
    graph = private(built(State, lambda _: {}, nested=False), masker)
    with pytest.raises(ValidationError) as caught:
        graph.invoke({"email": EMAIL, "born": f"{BORN} or so", "code": CODE}, THREAD)
    assert "born" in str(caught.value)
    assert BORN not in str(caught.value)
    assert EMAIL not in str(caught.value)


def test_a_state_that_validates_is_not_touched(masker: Masker) -> None:
    @dataclasses.dataclass
    class Plain:
        text: str

    seen: list[Any] = []
    graph = private(built(Plain, lambda state: seen.append(state) or {}, nested=False), masker)
    assert graph.invoke({"text": f"to {EMAIL}"}, THREAD)["text"] == f"to {EMAIL}"
    assert EMAIL not in seen[0].text
