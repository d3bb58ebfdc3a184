"""Agents that do everything they should not, and every place where a value could stay."""

import asyncio
import dataclasses
import datetime as dt
import decimal
import enum
import uuid
from pathlib import Path
from typing import Any, Literal

import pytest
from langchain.agents.middleware import (
    AgentMiddleware,
    AgentState,
    HumanInTheLoopMiddleware,
    dynamic_prompt,
)
from langchain_core.messages import (
    AIMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.tools import tool
from langgraph.types import Command, interrupt
from pydantic import BaseModel

from langchain_privacy.errors import InlineMediaError
from tests.unit_tests.edge.conftest import EMAIL, OTHER
from tests.unit_tests.edge.everything import (
    ASKED,
    NAME,
    NUMBER,
    RAW,
    SECRET,
    Everything,
    call,
    cfg,
    clean,
    last,
)


def test_tool_errors_with_causes_notes_and_groups(world: Everything) -> None:
    class OddError(Exception):
        def __init__(self, who: str) -> None:
            super().__init__(f"odd {who}")
            self.who = who

    @tool
    def chained() -> str:
        """Fail."""
        try:
            try:
                raise KeyError(EMAIL)
            except KeyError as error:
                error.add_note(f"note {OTHER}")
                raise OddError(NAME) from error
        except OddError:
            raise ValueError(f"bad {SECRET}")  # noqa: B904

    @tool
    def group() -> str:
        """Fail."""
        raise ExceptionGroup(f"many {NAME}", [OddError(EMAIL), ValueError(SECRET)])

    for name, failing in [("chained", chained), ("group", group)]:
        agent = world.agent([failing], call(name), last)
        with pytest.raises(Exception) as told:
            agent.invoke(ASKED, cfg(name))
        told_text = repr(told.value) + repr(told.value.__cause__)
        assert not [raw for raw in RAW if raw in told_text]
        with pytest.raises(Exception):  # noqa: B017
            asyncio.run(_aconsume(world.agent([failing], call(name), last, checkpointer=None)))


async def _aconsume(agent: Any) -> None:
    async for _ in agent.astream(ASKED, cfg(), stream_mode=["messages", "updates", "debug"]):
        pass


def test_results_of_every_type(world: Everything) -> None:
    class Color(enum.Enum):
        RED = SECRET

    class P(BaseModel):
        who: str
        phone: int

    @dataclasses.dataclass
    class D:
        who: str
        by: dict[str, int]

    results: list[Any] = [
        {"when": dt.date(1990, 1, 1), "who": NAME, "n": NUMBER},
        {"amount": decimal.Decimal(NUMBER)},
        [decimal.Decimal(NUMBER), decimal.Decimal("1.5")],
        decimal.Decimal(NUMBER),
        NUMBER,
        float(NUMBER),
        {NUMBER: "x"},
        {EMAIL: {NAME: SECRET}},
        P(who=NAME, phone=NUMBER),
        D(NAME, {EMAIL: NUMBER}),
        Color.RED,
        {"c": Color.RED},
        {1, NAME},
        (NAME, 3),
        Path(f"/home/{NAME}"),
        f"x {EMAIL}".encode(),
        ValueError(NAME),
        [HumanMessage(NAME)],
        object(),
        {"u": uuid.uuid4(), "who": OTHER},
        {"when": dt.timedelta(1), "at": dt.time(1), "c": Color.RED, "n": decimal.Decimal("NaN")},
        {"huge": 10**50, "inf": float("inf"), "who": NAME},
        [{"type": "text", "text": NAME}, {"type": "text", "text": f"{EMAIL}"}],
    ]
    for at, result in enumerate(results):

        @tool
        def give(result: Any = result) -> Any:
            """Give."""
            return result

        agent = world.agent([give], call("give"), last)
        state = agent.invoke(ASKED, cfg(f"r{at}"))
        clean(state)
        assert not world.leaks(), repr(result)


def test_numbers_in_errors_and_media_in_results(world: Everything) -> None:
    @tool
    def missing() -> str:
        """Fail."""
        raise KeyError(NUMBER)

    with pytest.raises(KeyError) as told:
        world.agent([missing], call("missing"), last).invoke(ASKED, cfg())
    assert str(NUMBER) not in repr(told.value)
    for at, block in enumerate(
        [
            {"type": "image", "base64": "aGVsbG8", "mime_type": "image/png"},
            {"type": "hologram", "base64": "aGVsbG8"},
            {"inline_data": {"mime_type": "image/png", "data": "aGVsbG8"}},
        ]
    ):

        @tool
        def draw() -> Any:
            """Draw."""
            return [block]  # noqa: B023 - used at once

        draws = world.agent([draw], call("draw"), last)
        with pytest.raises(InlineMediaError, match="media"):
            draws.invoke(ASKED, cfg(f"m{at}"))
        with pytest.raises(InlineMediaError):
            draws.invoke({"messages": [HumanMessage([block])]}, cfg(f"h{at}"))


def test_artifacts_and_commands(world: Everything) -> None:
    class Kept(AgentState):  # type: ignore[type-arg]
        kept: dict[str, Any]

    @tool(response_format="content_and_artifact")
    def art() -> Any:
        """Give."""
        return f"for {NAME}", {"rows": [{EMAIL: NUMBER}], "obj": dt.date(2000, 1, 1)}

    @tool
    def command() -> Command[Any]:
        """Give."""
        said = ToolMessage(f"for {NAME}", tool_call_id="c2", artifact={"a": SECRET}, name="command")
        return Command(update={"kept": {EMAIL: [NAME, NUMBER]}, "messages": [said]})

    both = AIMessage(
        "",
        tool_calls=[
            {"name": "art", "args": {}, "id": "c1"},
            {"name": "command", "args": {}, "id": "c2"},
        ],
    )
    agent = world.agent([art, command], both, last, state_schema=Kept)
    state = agent.invoke(ASKED, cfg())
    assert state["kept"] == {EMAIL: [NAME, NUMBER]}
    assert state["messages"][-3].artifact["rows"] == [{EMAIL: NUMBER}]
    clean(state)


@pytest.mark.parametrize("mode", ["messages", "updates", "values", "tasks", "debug", "checkpoints"])
def test_interrupts_in_tools_and_edits(world: Everything, mode: str) -> None:
    saw: list[Any] = []

    @tool
    def ask(to: str) -> str:
        """Ask."""
        answer = interrupt({"may I": f"mail {to} of {NAME}?", "n": NUMBER})
        saw.append((to, answer))
        return f"{answer} to {OTHER}"

    def who(messages: list[Any]) -> AIMessage:
        asked = next(m for m in messages if m.type == "human")
        return call("ask", to=asked.text.split(" at ")[1].split(",")[0])

    agent = world.agent([ask], who, last)
    parts = list(agent.stream(ASKED, cfg(), stream_mode=mode, subgraphs=True))
    clean(parts)
    again = Command(resume={"answer": f"yes, says {NAME} with {SECRET}"})
    parts = list(agent.stream(again, cfg(), stream_mode=[mode, "values"]))
    clean(parts)
    assert saw == [(EMAIL, {"answer": f"yes, says {NAME} with {SECRET}"})]
    clean(agent.get_state(cfg(), restore=True))
    assert not [raw for raw in RAW if raw in repr(agent.get_state(cfg()))]
    list(agent.get_state_history(cfg()))


def test_human_edits_with_new_values(world: Everything) -> None:
    saw: list[str] = []

    @tool
    def send(to: str, note: str = "") -> str:
        """Send."""
        saw.append(to + note)
        return "sent"

    agent = world.agent(
        [send],
        call("send", to="nobody"),
        last,
        middleware=[HumanInTheLoopMiddleware(interrupt_on={"send": True})],
    )
    agent.invoke(ASKED, cfg())
    edited = {"name": "send", "args": {"to": OTHER, "note": f" by {NAME}"}}
    agent.invoke(Command(resume={"decisions": [{"type": "edit", "edited_action": edited}]}), cfg())
    assert saw == [f"{OTHER} by {NAME}"]
    agent.invoke(ASKED, cfg("reject"))
    rejected = {"type": "reject", "message": f"never mail {NAME}"}
    clean(agent.invoke(Command(resume={"decisions": [rejected]}), cfg("reject")))


def test_update_state_and_forks(world: Everything) -> None:
    agent = world.agent([], last)
    agent.invoke(ASKED, cfg())
    new = agent.update_state(cfg(), {"messages": [HumanMessage(f"{SECRET} {OTHER}", name="x")]})
    clean(agent.invoke(None, new))
    history = list(agent.get_state_history(cfg(), restore=True))
    clean([h.values for h in history])
    clean(agent.invoke({"messages": [("user", f"now {OTHER}")]}, history[-2].config))


def test_schemas_prompts_and_middleware_that_add_values(world: Everything) -> None:
    saw: list[str] = []

    @tool(description=f"Mail {NAME}")
    def pick(who: Literal["jane.doe@corp-secret.example", "nobody"]) -> str:
        """Pick."""
        saw.append(who)
        return f"picked {who}"

    @dynamic_prompt
    def prompt(request: Any) -> str:
        return f"You serve {NAME}, code {SECRET}, {request.state['messages'][0].text}"

    class Adds(AgentMiddleware[Any, Any, Any]):
        def before_model(self, state: Any, runtime: Any) -> dict[str, Any]:
            return {"messages": [HumanMessage("by the way")]}

        def wrap_model_call(self, request: Any, handler: Any) -> Any:
            more = [*request.messages, SystemMessage(f"phone {NUMBER}")]
            return handler(request.override(messages=more, model_settings={"user": NAME}))

    def picks(messages: list[Any]) -> AIMessage:
        return call("pick", who=messages[1].text.split(" at ")[1].split(",")[0])

    agent = world.agent([pick], picks, last, middleware=[prompt, Adds()])
    state = agent.invoke(ASKED, cfg())
    clean(state)
    assert saw == [EMAIL]


BLOCKS: list[Any] = [
    {"type": "text", "text": f"a {NAME}", "annotations": [
        {"type": "citation", "url": f"https://x.example/{EMAIL}", "title": NAME,
         "cited_text": SECRET, "start_index": 1}]},
    {"type": "reasoning", "reasoning": f"hm {NAME}", "extras": {"signature": "abc"}},
    {"type": "thinking", "thinking": f"hm {NAME}", "signature": "abc"},
    {"type": "reasoning", "summary": [{"type": "summary_text", "text": NAME}]},
    {"type": "server_tool_call", "name": "web_search", "args": {"q": NAME}, "id": "s1"},
    {"type": "server_tool_result", "tool_call_id": "s1", "output": {NAME: [EMAIL]},
     "status": "success"},
    {"type": "web_search_call", "action": {"query": f"who is {NAME}"}, "id": "w"},
    {"type": "non_standard", "value": {"x": [NAME, {SECRET: EMAIL}]}},
    {"type": "refusal", "refusal": f"not for {NAME}"},
    {"type": "file", "file_id": "file-abc", "filename": f"{NAME}.pdf"},
    {"type": "text-plain", "text": f"a {NAME}", "mime_type": "text/plain", "title": EMAIL},
    {"type": "document", "source": {"type": "text", "data": NAME}, "title": EMAIL,
     "context": SECRET, "citations": {"enabled": True}},
    {"type": "search_result", "source": f"https://x/{EMAIL}", "title": NAME,
     "content": [{"type": "text", "text": SECRET}]},
    {"type": "code_interpreter_call", "code": f"x='{NAME}'",
     "outputs": [{"type": "logs", "logs": EMAIL}]},
    {"type": "mcp_call", "arguments": f'{{"a": "{NAME}"}}', "output": EMAIL, "name": "x"},
    {"type": "tool_use", "id": "t", "name": "x", "input": {"a": NAME},
     "partial_json": f'{{"a": "{NAME}"}}'},
    {"type": "brand_new_kind", "deep": [[{"a": (NAME,)}]]},
    {"type": "text", "text": NAME, "cache_control": {"type": "ephemeral"}},
    {"type": "image", "file_id": "file-abc", "caption": NAME},
    {"type": "executable_code", "executable_code": f"p('{NAME}')", "language": "python"},
    {"type": "invalid_tool_call", "name": "x", "args": f'{{"a": "{NAME}', "error": EMAIL,
     "id": "i"},
    {"type": "text", "text": "Johanna "}, {"type": "text", "text": "Quillfeather"},
    " plain " + NAME,
]  # fmt: skip


def test_content_blocks_of_every_kind(world: Everything) -> None:
    agent = world.agent([], last)
    for make in (HumanMessage, AIMessage):
        given = {"messages": [make(content=BLOCKS), *ASKED["messages"]]}
        state = agent.invoke(given, cfg(make.__name__))
        clean(state)
        assert state["messages"][0].content == BLOCKS


def test_names_ids_and_metadata(world: Everything) -> None:
    message = AIMessage(
        f"for {NAME}",
        name=EMAIL,
        id=f"id {OTHER}",
        additional_kwargs={"function_call": {"name": "f", "arguments": f'{{"a":"{NAME}"}}'},
                           "reasoning_content": NAME, EMAIL: 1, "parsed": {"x": NUMBER}},
        response_metadata={"logprobs": [{"token": NAME, "bytes": None}], "user": EMAIL},
        invalid_tool_calls=[{"name": NAME, "args": f"x {EMAIL}", "id": "1", "error": SECRET,
                             "type": "invalid_tool_call"}],
    )  # fmt: skip
    human = HumanMessage(f"x {NAME}", name="Johanna Quillfeather", id=EMAIL)
    agent = world.agent([], last)
    config = {**cfg(NAME), "metadata": {EMAIL: NAME, "k": {"n": NUMBER}}, "tags": [SECRET],
              "run_name": f"for {NAME}"}  # fmt: skip
    config["configurable"] |= {"user": OTHER, "phone": NUMBER}
    state = agent.invoke({"messages": [human, message, *ASKED["messages"]]}, config)
    clean(state)
    assert state["messages"][0].id == EMAIL
    assert state["messages"][1].response_metadata == message.response_metadata
