"""A compiled graph behind the edge: every way in, every way out."""

import asyncio
import operator
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, AnyMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, MessagesState, StateGraph, add_messages
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, Overwrite, Send, StreamWriter, interrupt

from langchain_privacy import Masker, private
from langchain_privacy.errors import ConfigurationError
from tests.support.http import LangSmithServer
from tests.support.scripted import ScriptedChatModel
from tests.unit_tests.edge.conftest import EMAIL, OTHER, PLACEHOLDER, holds, masked


class State(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]
    notes: Annotated[list[str], operator.add]


def echo(messages: list[Any]) -> str:
    found = PLACEHOLDER.findall(" ".join(str(m.content) for m in messages))
    return f"Dear {found[0] if found else 'nobody'}, noted. Yours."


def build(model: ScriptedChatModel, **compile_arguments: Any) -> CompiledStateGraph:
    def call(state: State, writer: StreamWriter) -> dict[str, Any]:
        text = str(state["messages"][-1].content)
        writer({"progress": text})
        return {"messages": [model.invoke(state["messages"])], "notes": [text]}

    graph = StateGraph(State)
    graph.add_node("call", call)
    graph.add_edge(START, "call")
    graph.add_edge("call", END)
    return graph.compile(**compile_arguments)


@pytest.fixture
def model() -> ScriptedChatModel:
    return ScriptedChatModel(responses=[echo])


def asked() -> dict[str, Any]:
    return {"messages": [HumanMessage(f"Mail {EMAIL} now")], "notes": []}


def thread(name: str = "t") -> dict[str, Any]:
    return {"configurable": {"thread_id": name}}


def text_of(parts: list[Any]) -> str:
    return "".join(str(p[0].content) for p in parts if isinstance(p[0], AIMessageChunk))


def test_stays_what_it_was(model: ScriptedChatModel, masker: Masker) -> None:
    plain = build(model)
    graph = private(plain, masker)
    assert isinstance(graph, type(plain))
    assert graph is not plain
    assert graph.get_name() == plain.get_name()
    assert graph.get_graph().to_json() == plain.get_graph().to_json()
    assert type(graph.with_config(tags=["a"])) is type(graph)
    assert type(graph.copy()) is type(graph)
    assert private(graph, masker) is graph
    with pytest.raises(ConfigurationError, match="another masker"):
        private(graph, Masker([]))


async def test_invoke_and_batch(model: ScriptedChatModel, masker: Masker) -> None:
    graph = private(build(model), masker)
    results = [
        graph.invoke(asked()),
        await graph.ainvoke(asked()),
        *graph.batch([asked(), asked()]),
        *await graph.abatch([asked()]),
        graph.with_config(tags=["x"]).invoke(asked()),
        graph.copy().invoke(asked()),
        graph.invoke(asked(), version="v2").value,
    ]
    for result in results:
        assert result["messages"][-1].content == f"Dear {EMAIL}, noted. Yours."
        assert result["notes"] == [f"Mail {EMAIL} now"]
        assert not masked(result)
    assert not holds(model.seen_text)
    assert masked(model.seen_text)


MODES = ["values", "updates", "custom", "messages", "tasks", "checkpoints", "debug"]


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("subgraphs", [False, True])
@pytest.mark.parametrize("mode", [*MODES, ["values", "messages", "custom"], MODES])
async def test_every_stream_mode(
    model: ScriptedChatModel, masker: Masker, mode: Any, subgraphs: bool, version: str
) -> None:
    plain = build(ScriptedChatModel(responses=[echo]), checkpointer=InMemorySaver())
    graph = private(build(model, checkpointer=InMemorySaver()), masker)
    arguments = {"stream_mode": mode, "subgraphs": subgraphs, "version": version}
    parts = list(graph.stream(asked(), thread("a"), **arguments))
    aparts = [p async for p in graph.astream(asked(), thread("b"), **arguments)]
    expected = list(plain.stream(asked(), thread("a"), **arguments))
    assert {shape(p) for p in parts} == {shape(p) for p in expected}
    for stream in (parts, aparts):
        assert not PLACEHOLDER.search(repr(stream))
    if mode == "messages":
        data = [p["data"] if version == "v2" else p[1] if subgraphs else p for p in parts]
        assert text_of(data) == f"Dear {EMAIL}, noted. Yours."
    else:
        assert holds(parts)
        assert holds(aparts)
    assert not holds(model.seen_text)


def shape(part: Any) -> Any:
    """The form of a part without its values: what a caller's unpacking relies on."""
    if isinstance(part, dict) and "ns" in part:
        return part["type"], part["ns"] == ()
    if isinstance(part, tuple):
        return tuple(p if isinstance(p, str) else type(p).__name__ for p in part)
    return type(part).__name__


async def test_v3_events(model: ScriptedChatModel, masker: Masker) -> None:
    graph = private(build(model), masker)
    said = f"Dear {EMAIL}, noted. Yours."
    run = graph.stream_events(asked(), version="v3")
    assert "".join(delta for message in run.messages for delta in message.text) == said
    assert run.output["messages"][-1].text == said
    raw = list(graph.stream_events(asked(), version="v3"))
    assert not masked(raw)
    arun = await graph.astream_events(asked(), version="v3")
    text = [delta async for message in arun.messages async for delta in message.text]
    assert "".join(text) == said
    assert not holds(model.seen_text)


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_events_fed_by_callbacks(
    model: ScriptedChatModel, masker: Masker, version: str
) -> None:
    graph = private(build(model), masker)
    events = [e async for e in graph.astream_events(asked(), version=version)]
    chunks = [e["data"]["chunk"] for e in events if e["event"] == "on_chat_model_stream"]
    assert "".join(str(chunk.content) for chunk in chunks) == f"Dear {EMAIL}, noted. Yours."
    assert not PLACEHOLDER.search(repr(events))
    assert events[0]["data"]["input"]["messages"][0].content == f"Mail {EMAIL} now"
    assert not holds(model.seen_text)


async def test_log(model: ScriptedChatModel, masker: Masker) -> None:
    graph = private(build(model), masker)
    patches = [p async for p in graph.astream_log(asked())]
    final = patches[0]
    for patch in patches[1:]:
        final = final + patch
    assert final.state["final_output"]["call"]["messages"][0].content == (
        f"Dear {EMAIL}, noted. Yours."
    )
    assert not holds(model.seen_text)


def test_nothing_raw_on_disk(model: ScriptedChatModel, masker: Masker, tmp_path: Path) -> None:
    file = tmp_path / "checkpoints.sqlite"
    connection = sqlite3.connect(file, check_same_thread=False)
    graph = private(build(model, checkpointer=SqliteSaver(connection)), masker)
    config = {
        "configurable": {"thread_id": EMAIL, "customer": OTHER},
        "metadata": {"who": OTHER, OTHER: 1},
        "tags": [OTHER],
        "run_name": f"for {OTHER}",
    }
    graph.invoke(asked(), config)
    graph.update_state(config, {"notes": [f"cc {OTHER}"]}, as_node="call")
    state = graph.get_state(config, restore=True)
    assert state.values["notes"][-1] == f"cc {OTHER}"
    assert state.config["configurable"]["thread_id"] == EMAIL
    again = graph.invoke(None, graph.update_state(state.config, asked(), as_node="__start__"))
    assert again["messages"][-1].content.startswith(f"Dear {EMAIL}")
    connection.commit()
    connection.close()
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"[EMAIL_" in written
    assert EMAIL.encode() not in written
    assert OTHER.encode() not in written


def test_nothing_raw_in_traces(
    model: ScriptedChatModel, masker: Masker, langsmith_server: LangSmithServer
) -> None:
    graph = private(build(model, checkpointer=InMemorySaver()), masker)
    config = {**thread(EMAIL), "metadata": {"who": OTHER, OTHER: 1}, "tags": [OTHER]}
    config["run_name"] = f"for {OTHER}"
    graph.invoke(asked(), config)
    list(graph.with_config(tags=[EMAIL]).stream(asked(), config, stream_mode="messages"))
    langsmith_server.flush()
    wire = langsmith_server.wire
    assert b"[EMAIL_" in wire
    assert EMAIL.encode() not in wire
    assert OTHER.encode() not in wire


async def test_state_is_masked_until_asked(model: ScriptedChatModel, masker: Masker) -> None:
    graph = private(build(model, checkpointer=InMemorySaver()), masker)
    graph.invoke(asked(), thread())
    assert not holds(graph.get_state(thread()))
    assert holds(graph.get_state(thread(), restore=True))
    assert not masked(graph.get_state(thread(), restore=True).values)
    assert not holds(await graph.aget_state(thread()))
    assert holds(await graph.aget_state(thread(), restore=True))
    assert not holds(list(graph.get_state_history(thread())))
    assert all(
        not masked(snapshot.values) for snapshot in graph.get_state_history(thread(), restore=True)
    )
    assert any(
        [holds(snapshot) async for snapshot in graph.aget_state_history(thread(), restore=True)]
    )
    await graph.aupdate_state(thread(), {"notes": Overwrite([OTHER])}, as_node="call")
    assert not holds(graph.get_state(thread()))
    assert graph.get_state(thread(), restore=True).values["notes"] == [OTHER]


async def test_interrupt_and_resume(masker: Masker) -> None:
    seen: list[str] = []

    def ask(state: State) -> Command[str]:
        answer = interrupt({"question": f"Really to {state['messages'][-1].content}?"})
        seen.append(str(answer))
        return Command(update={"notes": [f"answer {answer['to']}"]}, goto=END)

    builder = StateGraph(State)
    builder.add_node("ask", ask, destinations=(END,))
    builder.add_edge(START, "ask")
    graph = private(builder.compile(checkpointer=InMemorySaver()), masker)
    first = graph.invoke(asked(), thread("sync"))
    assert EMAIL in first["__interrupt__"][0].value["question"]
    done = graph.invoke(Command(resume={"to": OTHER}), thread("sync"))
    assert done["notes"] == [f"answer {OTHER}"]
    streamed = [p async for p in graph.astream(asked(), thread("async"), stream_mode="updates")]
    assert EMAIL in streamed[-1]["__interrupt__"][0].value["question"]
    snapshot = await graph.aget_state(thread("async"), restore=True)
    assert EMAIL in snapshot.interrupts[0].value["question"]
    assert EMAIL in snapshot.tasks[0].interrupts[0].value["question"]
    resume = Command(resume={"to": OTHER}, update={"notes": [OTHER]})
    done = await graph.ainvoke(resume, thread("async"), version="v2")
    assert done.value["notes"] == [OTHER, f"answer {OTHER}"]
    assert not holds(seen)
    assert not holds(list(graph.checkpointer.storage.items()))


def test_goto_send_is_masked(masker: Masker) -> None:
    seen: list[Any] = []

    def work(item: dict[str, Any]) -> dict[str, Any]:
        seen.append(item)
        return {"notes": [item["who"]]}

    builder = StateGraph(State)
    builder.add_node("start", lambda state: {})
    builder.add_node("work", work)
    builder.add_edge(START, "start")
    graph = private(builder.compile(checkpointer=InMemorySaver()), masker)
    graph.invoke({"messages": [], "notes": []}, thread())
    result = graph.invoke(Command(goto=[Send("work", {"who": EMAIL})]), thread())
    assert result["notes"] == [EMAIL]
    assert not holds(seen)


def nested(inner: Any) -> StateGraph:
    builder = StateGraph(State)
    builder.add_node("inner", inner)
    builder.add_edge(START, "inner")
    builder.add_edge("inner", END)
    return builder


async def test_as_a_subgraph(model: ScriptedChatModel, masker: Masker) -> None:
    inner = private(build(model), masker)
    saver = InMemorySaver()
    outer = private(nested(inner).compile(checkpointer=saver), masker)
    assert holds(outer.invoke(asked(), thread())["messages"][-1])
    streamed = list(
        outer.stream(asked(), thread("s"), stream_mode=["messages", "values"], subgraphs=True)
    )
    assert not PLACEHOLDER.search(repr(streamed))
    ephemeral = private(nested(inner).compile(), masker)
    assert holds((await ephemeral.ainvoke(asked()))["messages"][-1])
    assert not holds(model.seen_text)
    assert not holds(list(saver.storage.items()))
    assert not holds(list(saver.blobs.items()))


@pytest.mark.parametrize("called", ["as a node", "in a node", "in a node with its own thread"])
def test_an_outer_graph_that_is_not_private_gets_placeholders(
    model: ScriptedChatModel, masker: Masker, called: str
) -> None:
    inner = private(build(model, checkpointer=InMemorySaver()), masker)
    nodes: dict[str, Callable[[State], Any]] = {
        "as a node": inner,
        "in a node": lambda state: inner.invoke(state),
        "in a node with its own thread": lambda state: inner.invoke(state, thread("own")),
    }
    outer = nested(nodes[called]).compile(checkpointer=InMemorySaver())
    result = outer.invoke({"messages": [("user", f"Mail {EMAIL}")], "notes": []}, thread())
    assert masked(result["messages"][-1].content)
    assert not holds(result["messages"][-1].content)


def test_another_session_in_a_node(model: ScriptedChatModel, masker: Masker) -> None:
    """A private graph with a thread of its own, called in a node of a private graph."""
    inner = private(build(model, checkpointer=InMemorySaver()), masker)

    def call(state: State) -> dict[str, Any]:
        result = inner.invoke({"messages": state["messages"], "notes": []}, thread("own"))
        return {"notes": [str(result["messages"][-1].content)]}

    saver = InMemorySaver()
    outer = private(nested(call).compile(checkpointer=saver), masker)
    result = outer.invoke(asked(), thread("outer"))
    assert result["notes"] == [f"Dear {EMAIL}, noted. Yours."]
    assert not holds(model.seen_text)
    assert not holds(list(saver.blobs.items()))
    own = inner.get_state(thread("own"), restore=True)
    assert own.values["messages"][-1].content == f"Dear {EMAIL}, noted. Yours."


def test_without_a_thread_each_run_has_its_own_session(masker: Masker) -> None:
    model = ScriptedChatModel(responses=[echo])
    graph = private(build(model), masker)
    graph.invoke(asked())
    first = PLACEHOLDER.search(model.seen_text)
    assert first
    forged = {"messages": [HumanMessage(f"What is {first[0]}?")], "notes": []}
    assert not holds(graph.invoke(forged))


def test_threads_and_tenants_do_not_meet(masker: Masker) -> None:
    model = ScriptedChatModel(responses=[echo])
    graph = private(build(model, checkpointer=InMemorySaver()), masker)
    graph.invoke(asked(), thread("one"))
    placeholder = PLACEHOLDER.search(model.seen_text)
    assert placeholder
    model.responses = [AIMessage(f"It is {placeholder[0]}.")]
    graph.invoke(asked(), thread("two"))
    for config in (
        thread("two"),
        {"configurable": {"thread_id": "one", "tenant": "acme"}},
    ):
        result = graph.invoke({"messages": ["hello"], "notes": []}, config)
        assert result["messages"][-1].content == f"It is {placeholder[0]}."


def test_interleaved_streams_keep_their_sessions(masker: Masker) -> None:
    graph = private(build(ScriptedChatModel(responses=[echo])), masker)
    names = [f"user{i}@corp-secret.example" for i in range(5)]
    streams = [
        graph.stream({"messages": [name], "notes": []}, stream_mode="messages") for name in names
    ]
    texts = ["" for _ in names]
    while streams_left := [s for s in streams if s is not None]:
        assert streams_left
        for i, stream in enumerate(streams):
            part = next(stream, None) if stream is not None else None
            if part is None:
                streams[i] = None
            else:
                texts[i] += part[0].content
    assert texts == [f"Dear {name}, noted. Yours." for name in names]


def test_closing_a_stream_early(model: ScriptedChatModel, masker: Masker) -> None:
    from langchain_privacy.vault import current_session

    graph = private(build(model), masker)
    stream = graph.stream(asked(), stream_mode="messages")
    next(stream)
    assert current_session() is None
    stream.close()
    assert current_session() is None

    async def early() -> None:
        astream = graph.astream(asked(), stream_mode="messages")
        async for _ in astream:
            assert current_session() is None
            break
        await astream.aclose()
        assert current_session() is None

    asyncio.run(early())


def test_a_method_put_on_a_private_graph_is_not_called_from_within(masker: Masker) -> None:
    graph = private(
        StateGraph(MessagesState)
        .add_node("echo", lambda state: {"messages": [AIMessage(state["messages"][-1].content)]})
        .add_edge(START, "echo")
        .compile(),
        masker,
    )
    calls, stream = [], graph.stream

    def watched(*args: Any, **kwargs: Any) -> Any:
        calls.append(args)
        return stream(*args, **kwargs)

    graph.stream = watched
    [part] = graph.stream({"messages": ["a@corp-secret.example"]}, stream_mode="updates")
    assert part["echo"]["messages"][0].content == "a@corp-secret.example"
    assert len(calls) == 1
