"""Structured answers in chains: schemas see real values, what crosses can be satisfied."""

import json
import re
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Literal, TypedDict

import pytest
from langchain.agents.middleware import AgentMiddleware
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.output_parsers import PydanticOutputParser, StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableParallel, RunnablePassthrough
from langchain_core.tools import tool
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from pydantic import BaseModel, EmailStr, Field

from langchain_privacy import Masker, MaskingPolicy, create_private_agent, private
from langchain_privacy.detection import DictionaryDetector
from langchain_privacy.edge.agents import masking_model
from langchain_privacy.edge.note import NOTES, noted
from langchain_privacy.edge.schemas import relaxed, relaxed_settings
from tests.support.http import OpenAIServer
from tests.support.scripted import ScriptedChatModel

EMAIL, BORN, CODE = "jane.doe@corp-secret.example", "1980-02-03", "AB-7731"
VALUES = {"EMAIL": [EMAIL], "DATE": [BORN], "MEMBER": [CODE]}


@pytest.fixture
def masker() -> Masker:
    return Masker([DictionaryDetector(VALUES)])


class Card(BaseModel):
    """A card of a member."""

    email: EmailStr
    born: date
    code: str = Field(pattern=r"^[A-Z]{2}-\d{4}$", max_length=7)
    kind: Literal["new", "old"]


WANTED = Card(email=EMAIL, born=date(1980, 2, 3), code=CODE, kind="new")
QUESTION = f"{EMAIL}, born {BORN}, member {CODE}, is new."


def fields(asked: str) -> dict[str, str]:
    """What a model writes that sees placeholders."""
    found = dict(re.findall(r"(\[(EMAIL|DATE|MEMBER)_[0-9A-Z]{4,}\])", asked))
    by_kind = {kind: text for text, kind in found.items()}
    return {
        "email": by_kind["EMAIL"],
        "born": by_kind["DATE"],
        "code": by_kind["MEMBER"],
        "kind": "new",
    }


class Remote:
    """A server that answers in whatever form it is asked for; at first wrong, if told so."""

    def __init__(self) -> None:
        self.wrong = 0
        self.server = OpenAIServer(self.answer)

    def answer(self, request: dict[str, Any]) -> Any:
        written: dict[str, Any] = fields(str(request["messages"]))
        if self.wrong:
            self.wrong -= 1
            written["kind"] = written["email"]
        if not request.get("tools"):
            return json.dumps(written)
        function = {"name": "Card", "arguments": json.dumps(written)}
        call = {"id": "c1", "type": "function", "function": function}
        return {"content": None, "tool_calls": [call]}

    def model(self) -> ChatOpenAI:
        return ChatOpenAI(model="m", base_url=self.server.base_url, api_key="k", max_retries=0)  # type: ignore[arg-type]


@pytest.fixture
def remote() -> Iterator[Remote]:
    remote = Remote()
    with remote.server:
        yield remote


PROMPT = ChatPromptTemplate.from_messages([("system", "Read."), ("human", "{text}")])


def structured(remote: Remote, method: str) -> Any:
    model: Any = remote.model()
    if method == "parser":
        return PROMPT | model | PydanticOutputParser(pydantic_object=Card)
    strict = {} if method == "json_mode" else {"strict": True}
    return PROMPT | model.with_structured_output(Card, method=method, **strict)


METHODS = ["function_calling", "json_mode", "json_schema", "parser"]


@pytest.mark.parametrize("how", ["invoke", "ainvoke", "stream", "batch"])
@pytest.mark.parametrize("method", METHODS)
async def test_the_schema_sees_real_values(
    masker: Masker, remote: Remote, method: str, how: str
) -> None:
    recorded: list[Any] = []
    chain = private(structured(remote, method) | RunnablePassthrough(recorded.append), masker)
    given = {"text": QUESTION}
    if how == "ainvoke":
        answer = await chain.ainvoke(given)
    elif how == "stream":
        answer = list(chain.stream(given))[-1]
    else:
        answer = chain.invoke(given) if how == "invoke" else chain.batch([given])[0]
    assert answer == WANTED
    assert str(recorded).count("[") >= 3  # the chain itself goes on with placeholders
    for value in (EMAIL, BORN, CODE):
        assert value not in str(recorded)
        assert value.encode() not in remote.server.wire


@pytest.mark.parametrize("method", ["function_calling", "json_schema"])
def test_what_crosses_demands_nothing_that_a_placeholder_is_not(
    masker: Masker, remote: Remote, method: str
) -> None:
    private(structured(remote, method), masker).invoke({"text": QUESTION})
    [asked] = remote.server.chats
    if method == "json_schema":
        told = asked["response_format"]["json_schema"]
        schema = told["schema"]
    else:
        told = asked["tools"][0]["function"]
        schema = told["parameters"]
    assert told["strict"] is True
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) == set(schema["properties"])
    assert schema["properties"]["kind"]["enum"] == ["new", "old"]
    for name in ("email", "born", "code"):
        assert not schema["properties"][name].keys() & {"format", "pattern", "maxLength"}
    assert "format: date" in schema["properties"]["born"]["description"]


NAMED = Masker([DictionaryDetector({**VALUES, "ORGANIZATION": ["Card"]})])


def names(asked: dict[str, Any]) -> list[str]:
    """The names in a request: of its tools, of the one chosen, of the form of the answer."""
    choice, form = asked.get("tool_choice"), asked.get("response_format")
    return [
        *(each["function"]["name"] for each in asked.get("tools", [])),
        *([choice["function"]["name"]] if isinstance(choice, dict) else []),
        *([form["json_schema"]["name"]] if form else []),
    ]


@pytest.mark.parametrize("method", ["function_calling", "json_schema"])
def test_a_schema_keeps_its_name_though_a_detector_knows_it(remote: Remote, method: str) -> None:
    chain = private(structured(remote, method), NAMED)
    assert chain.invoke({"text": QUESTION}) == WANTED
    assert set(names(remote.server.chats[0])) == {"Card"}


def test_so_does_what_is_bound_in_an_agent_and_in_a_model_that_masks(remote: Remote) -> None:
    choice = {"type": "function", "function": {"name": "Card"}}
    settings = {"tools": [convert_to_openai_tool(Card)], "tool_choice": choice}

    class Choosing(AgentMiddleware):
        def wrap_model_call(self, request: Any, handler: Any) -> Any:
            return handler(request.override(model_settings=settings))

    agent = create_private_agent(remote.model(), masker=NAMED, middleware=[Choosing()])
    remote.server._answer = lambda request: "none"
    agent.invoke({"messages": [QUESTION]})
    private(masking_model(remote.model(), NAMED), NAMED).invoke(QUESTION, **settings)
    assert [set(names(asked)) for asked in remote.server.chats] == [{"Card"}] * 2


@pytest.mark.parametrize("method", METHODS)
def test_what_the_schema_refuses_is_asked_for_once_more(
    masker: Masker, remote: Remote, method: str
) -> None:
    remote.wrong = 1
    assert private(structured(remote, method), masker).invoke({"text": QUESTION}) == WANTED
    assert len(remote.server.chats) == 2
    assert "Input should be 'new' or 'old'" in str(remote.server.chats[1]["messages"][-1])
    assert EMAIL.encode() not in remote.server.wire


@pytest.mark.parametrize("method", METHODS)
def test_a_second_refusal_is_raised_masked(masker: Masker, remote: Remote, method: str) -> None:
    remote.wrong = 5
    with pytest.raises((OutputParserException, ValueError)) as caught:
        private(structured(remote, method), masker).invoke({"text": QUESTION})
    assert len(remote.server.chats) == 2
    error = caught.value
    told = [str(error), repr(error), error.args, error.__cause__, error.__context__]
    assert "kind" in str(error)
    assert EMAIL not in str(told)


@pytest.mark.parametrize("wrong", [0, 9])
def test_raw_parsed_and_error(masker: Masker, remote: Remote, wrong: int) -> None:
    remote.wrong = wrong
    model: Any = remote.model().with_structured_output(
        Card, method="function_calling", include_raw=True
    )
    told: Any = private(model, masker).invoke(QUESTION)
    assert told["raw"].tool_calls[0]["args"]["email"] == EMAIL
    assert told["parsed"] == (None if wrong else WANTED)
    assert (told["parsing_error"] is None) == (not wrong)


def test_parsers_of_plain_text_stream_on(masker: Masker) -> None:
    model = ScriptedChatModel(responses=["one two three four"])
    chain = private(model | StrOutputParser(), masker)
    assert len(list(chain.stream("hello"))) > 3


# ---- The note


def wire_system(remote: Remote) -> list[str]:
    return [
        m["content"] for c in remote.server.chats for m in c["messages"] if m["role"] == "system"
    ]


@pytest.mark.parametrize("note", [True, False])
def test_a_chain_tells_its_model_what_placeholders_are(remote: Remote, note: bool) -> None:
    masker = Masker([DictionaryDetector(VALUES)], policy=MaskingPolicy(note=note))
    private(structured(remote, "parser"), masker).invoke({"text": QUESTION})
    assert wire_system(remote) == ["Read." + (f"\n\n{NOTES['en']}" if note else "")]


def test_an_agent_tells_it_once_and_in_the_same_words(masker: Masker) -> None:
    model = ScriptedChatModel(responses=["Hello.", "Fine."])
    agent = create_private_agent(
        model, masker=masker, system_prompt="You help.", checkpointer=InMemorySaver()
    )
    for thread, words in [("a", QUESTION), ("a", "And now?"), ("b", QUESTION), ("c", "hello")]:
        agent.invoke({"messages": [words]}, {"configurable": {"thread_id": thread}})
    systems = [call["messages"][0]["data"]["content"] for call in model.seen]
    assert systems == [f"You help.\n\n{NOTES['en']}"] * 3 + ["You help."]
    assert all(str(call["messages"]).count("stands for") == 1 for call in model.seen[:3])
    assert NOTES["en"] not in str(agent.get_state({"configurable": {"thread_id": "a"}}))


def test_the_note_is_in_the_language_of_the_conversation() -> None:
    asked = [HumanMessage("[EMAIL_7K2Q]에게 답장해 줘"), AIMessage("OK")]
    assert noted(asked)[0] == SystemMessage(NOTES["ko"])
    assert noted(noted(asked)) == noted(asked)
    assert noted([SystemMessage("You help."), *asked])[0].text.endswith(NOTES["en"])


@pytest.mark.parametrize("strict", [False, True])
def test_the_note_holds_nothing_private(strict: bool) -> None:
    masker = Masker(strict=strict)
    private(ScriptedChatModel(responses=["OK"]), masker).invoke("hello")
    for note in NOTES.values():
        assert masker.session().mask(note) == note


# ---- Schemas


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"type": "string", "format": "date"}, {"type": "string", "description": "(format: date)"}),
        (
            {"type": "string", "pattern": "^a$", "minLength": 1, "description": "A name."},
            {"type": "string", "description": "A name. (pattern: ^a$; minLength: 1)"},
        ),
        (
            {"anyOf": [{"type": "string", "maxLength": 3}, {"type": "null"}]},
            {"anyOf": [{"type": "string", "description": "(maxLength: 3)"}, {"type": "null"}]},
        ),
        (
            {"type": "array", "minItems": 1, "items": {"type": "string", "format": "email"}},
            {
                "type": "array",
                "minItems": 1,
                "items": {"type": "string", "description": "(format: email)"},
            },
        ),
        ({"enum": ["a", "b"], "type": "string"}, {"enum": ["a", "b"], "type": "string"}),
        ({"type": "integer", "minimum": 3}, {"type": "integer", "minimum": 3}),
        ({"type": "number", "format": "double"}, {"type": "number", "format": "double"}),
        ({"$ref": "#/$defs/X"}, {"$ref": "#/$defs/X"}),
    ],
)
def test_limits_of_texts_become_words(given: Any, wanted: Any) -> None:
    for wrap in (
        lambda x: {"type": "object", "properties": {"format": x}, "required": ["format"]},
        lambda x: [{"type": "function", "function": {"parameters": {"properties": {"a": x}}}}],
        lambda x: {"json_schema": {"schema": {"$defs": {"X": {"properties": {"y": x}}}}}},
        lambda x: {"type": "object", "properties": {"a": {"additionalProperties": x}}},
    ):
        assert relaxed(wrap(given)) == wrap(wanted)
        assert given == wanted or relaxed(wrap(given)) != wrap(given)


def test_what_has_no_limits_stays_the_same_object() -> None:
    settings = {"tools": [{"function": {"parameters": {"properties": {"a": {"type": "string"}}}}}]}
    assert relaxed_settings(settings) is settings
    assert relaxed_settings({"temperature": 0.5, "format": "json"}) == {
        "temperature": 0.5,
        "format": "json",
    }


@pytest.mark.parametrize("strategy", [ToolStrategy, ProviderStrategy])
def test_agents_send_relaxed_schemas_of_answers_and_tools(
    masker: Masker, remote: Remote, strategy: Any
) -> None:
    sent: list[Any] = []

    @tool
    def send(to: Annotated[str, Field(pattern="^.+@.+$", max_length=99)], when: date) -> str:
        """Send a mail."""
        sent.append((to, when))
        return "sent"

    agent = create_private_agent(
        remote.model(), [send], masker=masker, response_format=strategy(Card)
    )
    if strategy is ProviderStrategy:
        remote.server._answer = lambda request: json.dumps(fields(str(request["messages"])))
    told = agent.invoke({"messages": [QUESTION]})
    assert told["structured_response"] == WANTED
    crossed = remote.server.chats[0]
    properties = {}
    for each in [*crossed["tools"], crossed.get("response_format")]:
        schema = (each or {}).get("function") or (each or {}).get("json_schema") or {}
        found = schema.get("parameters") or schema.get("schema") or {}
        properties |= found.get("properties", {})
    assert {"to", "when", "email", "born", "code"} <= properties.keys()
    for name in ("to", "when", "email", "born", "code"):
        assert not properties[name].keys() & {"format", "pattern", "maxLength"}
        assert re.search("format|pattern", properties[name]["description"])


def test_a_chain_that_is_a_node_of_a_graph(masker: Masker, remote: Remote) -> None:
    class State(TypedDict):
        text: str
        card: Any

    builder = StateGraph(State)
    builder.add_node("read", RunnableParallel(card=structured(remote, "function_calling")))
    builder.add_edge(START, "read")
    graph = private(builder.compile(checkpointer=InMemorySaver()), masker)
    config: Any = {"configurable": {"thread_id": "n"}}
    assert graph.invoke({"text": QUESTION}, config)["card"] == WANTED
    assert EMAIL not in str(graph.get_state(config))
    assert EMAIL.encode() not in remote.server.wire
