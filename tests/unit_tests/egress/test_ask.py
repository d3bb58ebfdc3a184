"""A remote model is asked for JSON, once more where its reply is no use, and then given up."""

import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, ConfigDict, Field

from langchain_privacy import EgressGuard, Masker
from langchain_privacy.egress.ask import LONGEST_REPLY, JsonAsker, read_json
from langchain_privacy.errors import ConfigurationError, EgressBlockedError, ProtocolError
from tests.support.http import OpenAIServer, Recorded, RecordingServer, Reply
from tests.support.scripted import ScriptedChatModel


class Fact(BaseModel):
    """What is asked for."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=40)
    year: int = 0


FACT = '{"name": "a } brace", "year": 1815}'
ASKED = [SystemMessage("Only facts."), HumanMessage("A fact, as JSON.")]


@pytest.mark.parametrize(
    "reply",
    [
        FACT,
        f"```json\n{FACT}\n```",
        f"Sure! Here it is:\n{FACT}\nHope that helps {{}}",
        f'First idea {{"name": ["x"]}} but better: {FACT}',
        f'<think>Maybe {{"name": "another"}}?</think>{FACT}',
        f"<think>{'{' * 40_000}</think>{FACT}",
        AIMessage([{"type": "reasoning", "reasoning": "{"}, {"type": "text", "text": FACT}]),
        AIMessage("", tool_calls=[{"name": "Fact", "args": json.loads(FACT), "id": "1"}]),
        AIMessage(FACT, tool_calls=[{"name": "Other", "args": {"x": 1}, "id": "1"}]),
    ],
)
def test_the_object_is_found(reply: str | AIMessage) -> None:
    assert read_json(reply, Fact) == Fact(name="a } brace", year=1815)


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "I cannot do that.",
        "{",
        '{"name": ["x"]}',
        '{"name": "x", "code": "import os"}',
        f"<think>{FACT}",
        f"<think>{FACT}</think>",
        "[" * 100_000,
        "{" * 100_000,
        '{"a":' * 20_000,
        "x" * (LONGEST_REPLY + 1),
        FACT + " " * LONGEST_REPLY + ".",
        json.dumps({"name": "x" * 41}),
        "<|channel|>" + "a" * 1_000_000,  # hours, were a pattern to look again from each letter
    ],
)
def test_what_holds_no_such_object_is_refused(reply: str) -> None:
    with pytest.raises(ProtocolError):
        read_json(reply, Fact)


def test_errors_name_fields_never_values() -> None:
    secret = "jane.doe@example.com"
    for reply in (
        json.dumps({"name": "x", "year": secret}),
        json.dumps({"name": "x", secret: 1}),
        json.dumps({"name": [secret]}),
        f"{{{secret}",
    ):
        with pytest.raises(ProtocolError) as caught:
            read_json(reply, Fact)
        assert "jane" not in f"{caught.value!r} {caught.value.args}"
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None


def again(fault: str) -> str:
    return f"Not that JSON ({fault}). Again."


async def ask(asker: JsonAsker, asynchronous: bool, **settings: Any) -> Fact:
    if asynchronous:
        return await asker.aask(ASKED, Fact, **settings)
    return asker.ask(ASKED, Fact, **settings)


BOTH = pytest.mark.parametrize("asynchronous", [False, True])


@BOTH
async def test_a_reply_that_is_no_use_is_repaired_once(asynchronous: bool) -> None:
    model = ScriptedChatModel(responses=['{"year": "soon"}', FACT])
    assert (await ask(JsonAsker(model), asynchronous, repair=again)).year == 1815
    first, second = [
        [(m["type"], m["data"]["content"]) for m in call["messages"]] for call in model.seen
    ]
    assert first == [("system", "Only facts."), ("human", "A fact, as JSON.")]
    assert second == [
        *first,
        ("ai", '{"year": "soon"}'),
        ("human", "Not that JSON (name: missing; year: int_parsing). Again."),
    ]


@BOTH
async def test_then_it_is_given_up(asynchronous: bool) -> None:
    model = ScriptedChatModel(responses=["<think>no</think>", "x" * 5_000])
    with pytest.raises(ProtocolError, match="not the JSON that was asked for"):
        await ask(JsonAsker(model), asynchronous, repair=again)
    assert len(model.seen) == 2
    assert [m["type"] for m in model.seen[1]["messages"]] == ["system", "human", "human"]
    model = ScriptedChatModel(responses=["no"])
    with pytest.raises(ProtocolError):
        await ask(JsonAsker(model), asynchronous)
    assert len(model.seen) == 1


def test_little_of_an_unusable_reply_goes_back() -> None:
    model = ScriptedChatModel(responses=["x" * 1_000_000, FACT])
    JsonAsker(model).ask(ASKED, Fact, repair=again)
    assert len(model.seen_text) < 5_000


def chat(base_url: str) -> ChatOpenAI:
    return ChatOpenAI(model="m", base_url=base_url, api_key="none", max_retries=0)


@BOTH
@pytest.mark.parametrize(
    ("structured", "form"),
    [
        (None, {"type": "json_object"}),
        ("json_mode", {"type": "json_object"}),
        ("json_schema", {"type": "json_schema", "json_schema": {"name": "Fact"}}),
        ("native", {"type": "json_schema", "json_schema": {"name": "Fact"}}),
        ("prompt", None),
    ],
)
async def test_json_is_asked_for_as_the_caller_says(
    structured: Any, form: dict[str, Any] | None, asynchronous: bool
) -> None:
    with OpenAIServer(lambda _: FACT) as server:
        limit = {} if structured == "native" else {"max_tokens": 99}
        asker = JsonAsker(chat(server.base_url), structured=structured, **limit)
        assert (await ask(asker, asynchronous)).year == 1815
        (sent,) = server.chats
    found = sent.get("response_format")
    if form and "json_schema" in form:
        assert found["json_schema"]["schema"]["properties"].keys() == {"name", "year"}
        found = {"type": found["type"], "json_schema": {"name": found["json_schema"]["name"]}}
    assert found == form
    assert sent.get("max_completion_tokens") == limit.get("max_tokens")


@BOTH
async def test_a_models_own_way_may_be_a_tool(asynchronous: bool) -> None:
    call = {"name": "Fact", "args": {"name": "x", "year": 1}, "id": "1"}
    model = ScriptedChatModel(responses=[AIMessage("", tool_calls=[call])])
    assert (await ask(JsonAsker(model, structured="native"), asynchronous)).year == 1
    assert model.seen[0]["kwargs"]["tools"][0]["function"]["name"] == "Fact"


def refusing(status: int) -> RecordingServer:
    def respond(request: Recorded) -> Reply:
        if "response_format" in request.json:
            return Reply(status=status, body=b'{"error": {"message": "unknown: response_format"}}')
        message = {"role": "assistant", "content": FACT}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        base = {"id": "1", "object": "chat.completion", "created": 0, "model": "m"}
        return Reply(body=json.dumps({**base, "choices": choices}).encode())

    return RecordingServer(respond)


@BOTH
@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize("structured", ["json_mode", "json_schema", "native"])
async def test_a_server_that_refuses_it_is_asked_by_the_prompt(
    structured: Any, status: int, asynchronous: bool
) -> None:
    with refusing(status) as server:
        asker = JsonAsker(chat(f"{server.url}/v1"), structured=structured)
        assert (await ask(asker, asynchronous)).year == 1815
        assert (await ask(asker, asynchronous)).year == 1815
        assert ["response_format" in r.json for r in server.requests] == [True, False, False]


@BOTH
async def test_other_faults_of_the_server_pass(asynchronous: bool) -> None:
    from openai import APIStatusError

    for status, tries in ((401, 1), (400, 2)):
        with RecordingServer(lambda _, s=status: Reply(status=s)) as server:
            asker = JsonAsker(chat(f"{server.url}/v1"))
            for _ in range(2):  # that it failed for another reason is no reason to remember
                with pytest.raises(APIStatusError):
                    await ask(asker, asynchronous, repair=again)
            assert len(server.requests) == 2 * tries


def test_what_the_guard_refuses_is_refused() -> None:
    masker = Masker()
    session = masker.session("s")
    session.mask("Mail jane.doe@example.com.")
    model = EgressGuard(masker).wrap(ScriptedChatModel(responses=[FACT]))
    with pytest.raises(EgressBlockedError):
        JsonAsker(model).ask([HumanMessage("jane.doe@example.com")], Fact, repair=again)
    assert model.seen == []


def test_an_unknown_way_is_refused() -> None:
    with pytest.raises(ConfigurationError, match='"json_schema"'):
        JsonAsker(ScriptedChatModel(responses=[FACT]), structured="yaml")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="set max_tokens on the model"):
        JsonAsker(ScriptedChatModel(responses=[FACT]), structured="native", max_tokens=9)


async def test_the_ledger_tells_what_was_asked_for() -> None:
    guard = EgressGuard(Masker([]))
    model = guard.wrap(ScriptedChatModel(responses=[FACT]))
    asker = JsonAsker(model)
    asker.ask(ASKED, Fact)
    await asker.aask(ASKED, Fact)
    model.invoke("hello")
    assert [crossing.purpose for crossing in guard.ledger] == ["Fact", "Fact", "chat"]
