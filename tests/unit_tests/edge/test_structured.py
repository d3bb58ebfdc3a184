"""Structured output: the schema sees real values, the state keeps placeholders."""

import asyncio
import dataclasses
import json
import re
from datetime import date
from typing import Any, Literal

import pytest
import trustcall
from langchain.agents.structured_output import (
    ProviderStrategy,
    StructuredOutputValidationError,
    ToolStrategy,
)
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from pydantic import BaseModel, EmailStr, Field, ValidationError, field_validator

from langchain_privacy import Masker, create_private_agent, private
from langchain_privacy.detection import Detector, DictionaryDetector, Finding
from tests.support.scripted import ScriptedChatModel
from tests.unit_tests.edge.agents import asked, thread
from tests.unit_tests.edge.conftest import EMAIL, PATTERN, PLACEHOLDER, holds, masked


class Contact(BaseModel):
    email: EmailStr
    same: str = Field(pattern=r"^[\w.]+@corp-secret\.example$")
    tags: list[str] = []


@dataclasses.dataclass
class Record:
    email: str


def first(messages: Any) -> str:
    return PLACEHOLDER.findall(str([m.content for m in messages]))[0]


def by_tool(name: str, **more: Any) -> Any:
    def respond(messages: Any) -> AIMessage:
        args = {"email": first(messages), **more}
        if name == "Contact":
            args.setdefault("same", first(messages))
        return AIMessage("", tool_calls=[{"name": name, "args": args, "id": "s1"}])

    return respond


def run(graph: Any, asynchronous: bool) -> Any:
    if asynchronous:
        return asyncio.run(graph.ainvoke(asked(), thread()))
    return graph.invoke(asked(), thread())


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("strategy", ["tool", "provider", "auto"])
def test_validated_with_real_values(masker: Masker, strategy: str, asynchronous: bool) -> None:
    def by_provider(messages: Any) -> str:
        return json.dumps({"email": first(messages), "same": first(messages), "tags": ["a"]})

    saver = InMemorySaver()
    model = ScriptedChatModel(
        responses=[by_provider if strategy == "provider" else by_tool("Contact", tags=["a"])]
    )
    formats = {
        "tool": ToolStrategy(Contact),
        "provider": ProviderStrategy(Contact),
        "auto": Contact,
    }
    graph = create_private_agent(
        model, masker=masker, response_format=formats[strategy], checkpointer=saver
    )
    result = run(graph, asynchronous)
    assert result["structured_response"] == Contact(email=EMAIL, same=EMAIL, tags=["a"])
    assert not masked(result)
    assert not holds(model.seen_text)
    stored = graph.get_state(thread())
    assert masked(stored.values["structured_response"])
    assert not holds(stored)
    assert not holds([*saver.storage.items(), *saver.blobs.items()])


@pytest.mark.parametrize(
    "schema",
    [
        Record,
        {
            "title": "Record",
            "description": "a record",
            "type": "object",
            "properties": {"email": {"type": "string"}},
        },
    ],
)
def test_other_schemas(masker: Masker, schema: Any) -> None:
    graph = create_private_agent(
        ScriptedChatModel(responses=[by_tool("Record")]),
        masker=masker,
        response_format=ToolStrategy(schema),
        checkpointer=InMemorySaver(),
    )
    result = run(graph, asynchronous=False)["structured_response"]
    assert result in (Record(EMAIL), {"email": EMAIL})
    assert not holds(graph.get_state(thread()))


class Born(BaseModel):
    email: str
    born: date


class Dates(Detector):
    name = "dates"

    def detect(self, text: str, *, language: str | None = None) -> list[Finding]:
        return [
            Finding(start=m.start(), end=m.end(), entity_type="DATE", score=1.0, detector="dates")
            for m in re.finditer(r"\d{4}-\d\d-\d\d", text)
        ]


def test_a_value_that_becomes_another_type(masker: Masker) -> None:
    """A date that the schema parses is a placeholder in the state and a date for the caller."""
    masker.detectors.append(Dates())
    saver = InMemorySaver()

    def respond(messages: Any) -> AIMessage:
        text = str([m.content for m in messages])
        birth = text[text.index("[DATE_") :].partition("]")[0] + "]"
        args = {"email": first(messages), "born": birth}
        return AIMessage("", tool_calls=[{"name": "Born", "args": args, "id": "s1"}])

    graph = create_private_agent(
        ScriptedChatModel(responses=[respond]),
        masker=masker,
        response_format=ToolStrategy(Born),
        checkpointer=saver,
    )
    question = {"messages": [f"{EMAIL} was born on 1980-02-03"]}
    result = graph.invoke(question, thread())
    assert result["structured_response"] == Born(email=EMAIL, born=date(1980, 2, 3))
    values = graph.get_state(thread()).values["structured_response"]
    assert str(values.born).startswith("[DATE_")
    assert not holds([*saver.storage.items(), *saver.blobs.items()], "1980-02-03")


@pytest.mark.parametrize("asynchronous", [False, True])
def test_errors_are_fed_back_masked(masker: Masker, asynchronous: bool) -> None:
    class Strict(BaseModel):
        email: str
        kind: Literal["home", "work"]

        @field_validator("email")
        @classmethod
        def refuse(cls, value: str) -> str:
            msg = f"we do not like {value}"
            raise ValueError(msg)

    long = f"{'a' * 60} {EMAIL} {'b' * 60}"

    def respond(messages: Any) -> AIMessage:
        if isinstance(messages[-1], ToolMessage) and len(messages) > 4:
            return AIMessage("I give up")
        args = {"email": long.replace(EMAIL, first(messages)), "kind": first(messages)}
        return AIMessage("", tool_calls=[{"name": "Strict", "args": args, "id": "s1"}])

    model = ScriptedChatModel(responses=[respond])
    graph = create_private_agent(
        model, masker=masker, response_format=ToolStrategy(Strict), checkpointer=InMemorySaver()
    )
    run(graph, asynchronous)
    assert "we do not like" in model.seen_text
    assert not holds(model.seen_text, EMAIL, "jane.doe", "corp-secret")


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("strategy", [ToolStrategy, ProviderStrategy])
def test_errors_are_raised_masked(masker: Masker, strategy: Any, asynchronous: bool) -> None:
    class Strict(BaseModel):
        email: int

    def respond(messages: Any) -> AIMessage:
        if strategy is ProviderStrategy:
            return AIMessage(json.dumps({"email": first(messages)}))
        args = {"email": first(messages)}
        return AIMessage("", tool_calls=[{"name": "Strict", "args": args, "id": "s1"}])

    options = {"handle_errors": False} if strategy is ToolStrategy else {}
    graph = create_private_agent(
        ScriptedChatModel(responses=[respond]),
        masker=masker,
        response_format=strategy(Strict, **options),
    )
    with pytest.raises(StructuredOutputValidationError) as caught:
        run(graph, asynchronous)
    error = caught.value
    assert "email" in str(error)
    told = [error, error.source, error.ai_message, error.__cause__, error.__context__, error.args]
    assert not PATTERN.search(repr(told))
    assert error.__context__ is None


# ---- trustcall


class Traveller(BaseModel):
    """A person who travels."""

    email: EmailStr
    born: date
    seat: str = Field(pattern=r"^\d+[A-F]$")


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
@pytest.mark.parametrize("seat", ["12C", "window"])
def test_trustcall_validates_real_values(seat: str) -> None:
    """An answer that fits is taken at once; one that does not is asked for again, masked."""
    masker = Masker([DictionaryDetector({"EMAIL": [EMAIL], "DATE": ["1987-03-14"]})])

    def respond(messages: list[Any]) -> AIMessage:
        said = str(messages[0].content)
        found = {kind: re.search(rf"\[{kind}_\w+\]", said) for kind in ("EMAIL", "DATE")}
        assert found["EMAIL"], found["DATE"]
        args = {"email": found["EMAIL"][0], "born": found["DATE"][0], "seat": seat}
        return AIMessage("", tool_calls=[{"name": "Traveller", "args": args, "id": "c1"}])

    model = ScriptedChatModel(responses=[respond])
    extractor = trustcall.create_extractor(model, tools=[Traveller], tool_choice="Traveller")
    chain = private(extractor, masker)
    result = chain.invoke({"messages": [("user", f"I am {EMAIL}, born 1987-03-14.")]})
    if seat == "12C":
        [answer] = result["responses"]
        assert answer == Traveller(email=EMAIL, born=date(1987, 3, 14), seat="12C")
        assert len(model.seen) == 1
    else:
        assert result["responses"] == []
        assert len(model.seen) > 1
        assert "seat" in str(model.seen[1]["messages"])
    assert EMAIL not in model.seen_text
    assert "1987-03-14" not in model.seen_text
    # Outside of an edge the extractor is as it was.
    plain = extractor.steps[1].nodes["validate"].bound.schemas_by_name["Traveller"]
    with pytest.raises(ValidationError):
        plain.model_validate({"email": "[EMAIL_AAAA]", "born": "1987-03-14", "seat": "12C"})
