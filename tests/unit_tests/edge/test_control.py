"""Words that a graph decides by arrive as they are; the same words in a text are masked."""

import enum
import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypedDict

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command, Send
from pydantic import BaseModel

from langchain_privacy import (
    Masker,
    MaskingPolicy,
    PrivacyMiddleware,
    create_private_agent,
    private,
)
from langchain_privacy.detection import Detector, DictionaryDetector, Finding
from langchain_privacy.edge.control import masked_settings, masked_tool
from langchain_privacy.errors import ConfigurationError
from tests.support.scripted import ScriptedChatModel

NAMES = ["Alice", "Bob", "Sarah", "Adam", "Bert", "Alexa", "Claude", "Jira", "Asana", "Kibana"]


@pytest.fixture
def masker() -> Masker:
    return Masker([DictionaryDetector({"PERSON": NAMES})])


class Queue(enum.Enum):
    ALICE = "Alice"
    BOB = "Bob"


class Typed(TypedDict, total=False):
    route: Literal["Alice", "Bob"]
    text: str
    seen: Any


class TypedEnum(TypedDict, total=False):
    route: Annotated[Queue | None, "whose"]
    text: str
    seen: Any


class Modelled(BaseModel):
    route: Literal["Alice", "Bob"] | None = None
    text: str = ""
    seen: Any = None


@dataclass
class Data:
    route: Literal["Alice", "Bob"] = "Bob"
    text: str = ""
    seen: Any = None


@pytest.mark.parametrize("schema", [Typed, TypedEnum, Modelled, Data])
def test_literals_and_enums_of_a_state(masker: Masker, schema: Any) -> None:
    def node(state: Any) -> dict[str, Any]:
        get = state.get if isinstance(state, dict) else lambda name: getattr(state, name)
        return {"seen": [get("route"), get("text")]}

    builder = StateGraph(schema)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    route = Queue.ALICE if schema is TypedEnum else "Alice"
    masked: list[Any] = []
    graph = private(builder.compile(), masker)
    for part in graph.stream({"route": route, "text": "I am Alice"}, stream_mode="values"):
        masked.append(part)
    seen = masked[-1]["seen"]
    assert seen == [route, "I am Alice"]
    plain = builder.compile().invoke({"route": route, "text": "I am Alice"})["seen"]
    assert plain == seen


def test_names_of_nodes_and_what_routers_say(masker: Masker) -> None:
    texts: list[str] = []

    class State(MessagesState):
        route: str

    def said(state: State) -> dict[str, Any]:
        texts.append(state["messages"][-1].text)
        return {"messages": [AIMessage("done", name=state["route"])]}

    def start(state: State) -> Command[Any]:
        return Command(goto=Send("Sarah", state), update={"route": state["route"]})

    builder = StateGraph(State)
    builder.add_node("start", start, destinations=("Sarah",))
    builder.add_node("Sarah", said)
    builder.add_node("Bob", said)
    builder.add_node("Adam", said)
    builder.add_edge(START, "start")
    builder.add_conditional_edges("Sarah", lambda s: s["route"], {"Alice": "Bob", "Bert": "Adam"})
    builder.add_edge("Bob", END)
    graph = private(builder.compile(), masker)
    given = {"messages": [HumanMessage("I am Alice")], "route": "Alice"}
    result = graph.invoke(given)
    assert result["route"] == "Alice"
    assert [m.name for m in result["messages"][1:]] == ["Alice", "Alice"]
    assert "Alice" not in texts[0]
    assert texts[0].startswith("I am [PERSON")


@pytest.mark.parametrize("name", ["transfer_to_Sarah", "ask_Claude", "Bert", "Alexa_say"])
@pytest.mark.parametrize("whole", [True, False])
def test_names_of_tools(masker: Masker, name: str, whole: bool) -> None:
    called: list[str] = []

    @tool(name)
    def act(who: Literal["Alice", "Bob"], text: str) -> str:
        """Ask Sarah about somebody."""
        called.append(who + text)
        return "done"

    call = {"name": name, "args": {"who": "Bob", "text": " x"}, "id": "1"}
    model = ScriptedChatModel(responses=[AIMessage("", tool_calls=[call]), "ready"])
    if whole:
        agent = create_private_agent(model, [act], masker=masker, name="Adam")
    else:
        agent = private(create_agent(model, [act], middleware=[PrivacyMiddleware(masker)]), masker)
    people = f"I am {', '.join(NAMES)}"
    result = agent.invoke({"messages": [HumanMessage(people)]})
    assert result["messages"][-1].text == "ready"
    assert called == ["Bob x"]
    [described, _] = [seen["kwargs"]["tools"][0]["function"] for seen in model.seen]
    assert described["name"] == name
    # its owner named them private: the model chooses a placeholder, the tool gets the word
    assert not set(described["parameters"]["properties"]["who"]["enum"]) & {"Alice", "Bob"}
    assert "Sarah" not in described["description"]
    sent = str([m["data"]["content"] for seen in model.seen for m in seen["messages"]])
    assert not any(person in sent for person in NAMES)


def test_a_swarm_of_agents_with_names_of_people(masker: Masker) -> None:
    """Agents hand over by name, as langgraph-swarm does."""

    class State(MessagesState):
        active_agent: str

    def agent(name: str, other: str) -> Any:
        def run(state: State) -> Command[Any]:
            said = AIMessage(f"{name} is done", name=name)
            if state["active_agent"] == name and len(state["messages"]) < 3:
                return Command(goto=other, update={"messages": [said], "active_agent": other})
            return Command(goto=END, update={"messages": [said]})

        return run

    builder = StateGraph(State)
    builder.add_node("Bob", agent("Bob", "Alice"), destinations=("Alice", END))
    builder.add_node("Alice", agent("Alice", "Bob"), destinations=("Bob", END))
    builder.add_conditional_edges(START, lambda s: s["active_agent"], ["Bob", "Alice"])
    graph = private(builder.compile(), masker)
    result = graph.invoke({"messages": [HumanMessage("I am Bob")], "active_agent": "Bob"})
    assert [m.name for m in result["messages"][1:]] == ["Bob", "Alice", "Bob"]
    assert result["active_agent"] == "Bob"


def test_a_description_is_masked_and_a_property_may_have_any_name() -> None:
    described = {
        "type": "function",
        "function": {
            "name": "Alice",
            "description": "Alice",
            "parameters": {
                "properties": {
                    "name": {"type": "string", "description": "Alice"},
                    "enum": {"enum": ["Alice"], "title": "Alice", "default": "Alice"},
                },
                "required": ["Alice"],
            },
        },
    }
    masked = masked_tool(Masker([Capitals()]).session(), described)
    function = masked["function"]
    assert function["name"] == "Alice"
    assert "Alice" not in function["description"]
    assert function["parameters"]["required"] == ["Alice"]
    properties = function["parameters"]["properties"]
    assert "Alice" not in properties["name"]["description"]
    assert "Alice" not in str([properties["enum"][key] for key in ("title", "default")])


class Capitals(Detector):
    """Takes any word with a capital for a name, as a model may."""

    name = "capitals"

    def detect(self, text: str, *, language: str | None = None) -> list[Finding]:
        return [
            Finding(start=m.start(), end=m.end(), entity_type="PERSON", score=0.9, detector="x")
            for m in re.finditer(r"[A-Z]\w+", text)
        ]


@pytest.mark.parametrize("listed", [{"enum": ["Solheim", "Ada"]}, {"const": "Solheim"}])
@pytest.mark.parametrize("how", ["taken for a name", "masked before", "policy", "dictionary"])
def test_a_word_to_choose_from(how: str, listed: dict[str, Any]) -> None:
    """What a detector makes of it does not matter, what somebody named private does."""
    detectors: list[Detector] = [Capitals()] if "a" in how.split() or "before" in how else []
    if how == "dictionary":
        detectors = [DictionaryDetector({"PERSON": ["Mira Solheim"]})]
    policy = MaskingPolicy(private={"PERSON": ["Solheim"]} if how == "policy" else {})
    session = Masker(detectors, policy=policy).session()
    if how == "masked before":
        session.mask("Solheim called")
    described = {"name": "t", "parameters": {"properties": {"who": {"type": "string", **listed}}}}
    masked = masked_tool(session, described)
    assert ("Solheim" in str(masked)) == (how == "taken for a name")
    assert ("Ada" in str(masked)) == ("enum" in listed)
    assert session.restore(masked) == described


async def test_a_private_choice_arrives_at_the_tool_and_not_at_the_model() -> None:
    given = []

    @tool
    def call(who: Literal["Solheim", "Ada"]) -> str:
        """Call somebody."""
        given.append(who)
        return "done"

    def choose(_: Any) -> AIMessage:
        told = model.seen[0]["kwargs"]["tools"][0]["function"]["parameters"]
        who = told["properties"]["who"]["enum"][0]
        return AIMessage("", tool_calls=[{"name": "call", "args": {"who": who}, "id": "1"}])

    model = ScriptedChatModel(responses=[choose, "done"])
    masker = Masker([DictionaryDetector({"PERSON": ["Solheim"]})])
    agent = create_private_agent(model, [call], masker=masker)
    await agent.ainvoke({"messages": [HumanMessage("call somebody")]})
    assert given == ["Solheim"]
    assert "Solheim" not in model.seen_text


@pytest.mark.parametrize("holder", ["function", "json_schema", ""])
def test_settings_keep_names_and_what_a_schema_lists_is_masked(holder: str) -> None:
    schema = {"properties": {"who": {"enum": ["Alice"]}, "name": {"default": {"name": "Alice"}}}}
    named = {"name": "Alice", "description": "Alice", "schema": schema}
    form = {"type": "x", holder: named} if holder else named
    settings = {"response_format": form, "tools": [form], "tool_choice": "Alice", "user": "Alice"}
    masker = Masker([DictionaryDetector({"PERSON": ["Alice"]})])
    # What LangChain tells callbacks of them; a schema is called by its title.
    settings["ls_structured_output_format"] = {"schema": {**schema, "title": "Alice"}}
    masked = masked_settings(masker.session().mask, settings)
    assert masked["tool_choice"] == "Alice"
    told = masked["ls_structured_output_format"]["schema"]
    assert told["title"] == "Alice"
    assert "Alice" not in str({**told, "title": ""})
    assert "Alice" not in masked["user"]
    for told in (masked["response_format"], masked["tools"][0]):
        within = told[holder] if holder else told
        assert within["name"] == "Alice"
        assert "Alice" not in str({**within, "name": ""})


@pytest.mark.parametrize("named", [["x-Ray 77"], {"x-Ray 77"}, ("x-Ray 77",)])
def test_private_values_in_a_list(named: Any) -> None:
    masked = Masker([], policy=MaskingPolicy(private=named)).session().mask("the x-Ray 77 case")
    assert masked.startswith("the [PRIVATE_")


@pytest.mark.parametrize(
    "named", ["x-Ray 77", {"PERSON": "x-Ray 77"}, [1], {"PERSON": [1]}, 7, b"x", {"PERSON": None}]
)
def test_private_values_in_another_way(named: Any) -> None:
    with pytest.raises(ConfigurationError, match="private=") as caught:
        MaskingPolicy(private=named)
    assert "Ray" not in str(caught.value)
