"""With the real LangSmith client, nothing of 13 channels reaches the wire."""

import asyncio
import contextlib
import dataclasses
import io
import json
import uuid
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import langsmith
import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.tools import tool
from langgraph.graph import END, START, StateGraph
from langsmith import traceable
from langsmith.run_trees import RunTree
from langsmith.schemas import Attachment, ExampleCreate
from pydantic import ValidationError

from langchain_privacy import Masker, install_tracing_guard
from langchain_privacy.errors import ConfigurationError
from langchain_privacy.tracing import TracingGuard, UnsafeTracingWarning, assert_traces_safe
from langchain_privacy.tracing.install import unprotected_clients
from langchain_privacy.tracing.langsmith import scrubber_of
from langchain_privacy.vault import VaultSession
from tests.support.http import LangSmithServer
from tests.support.scripted import ScriptedChatModel

CHANNELS = {
    "input": "jane.doe@corp-secret.com",
    "card": "4111 1111 1111 1111",
    "tool output": "ops-lead@corp-secret.com",
    "system prompt": "sys.prompt@corp-secret.com",
    "nested argument": "deep.user@corp-secret.com",
    "metadata value": "meta.user@corp-secret.com",
    "metadata key": "key.user@corp-secret.com",
    "tag": "tag.user@corp-secret.com",
    "run name": "run.name@corp-secret.com",
    "error": 'err "user"\n\\@corp-secret.com',
    "attachment": "attach.user@corp-secret.com",
    "event": "event.user@corp-secret.com",
    "tool description": "홍길동 주임",
}


@pytest.fixture
def session(masker: Masker) -> VaultSession:
    session = masker.session("t").vault
    for value in CHANNELS.values():
        session.issue("SECRET", value)
    return session


def came_out(wire: bytes) -> list[str]:
    """Name the channels that hold their value, as it is or escaped in JSON once or twice."""
    text = wire.decode("utf-8", "replace")
    found = []
    for name, value in CHANNELS.items():
        once = json.dumps(value)[1:-1]
        plain = json.dumps(value, ensure_ascii=False)[1:-1]
        if any(s in text for s in (value, once, plain, json.dumps(once)[1:-1])):
            found.append(name)
    return found


@tool(description=f"Send a mail. Ask {CHANNELS['tool description']}.")
def send_mail(to: str, deep: dict[str, Any]) -> str:
    return f"sent to {to}; cc {CHANNELS['tool output']}"


@tool
def bad(to: str) -> str:
    """Fail."""
    raise ValueError(f"cannot reach {CHANNELS['error']}")


def nested() -> Any:
    value: Any = CHANNELS["nested argument"]
    for key in "nmlkjihgfedcba":
        value = {key: value}
    return value


def model() -> ScriptedChatModel:
    arguments = {"to": CHANNELS["input"], "deep": nested()}
    call = {"name": "send_mail", "args": arguments, "id": "1"}
    return ScriptedChatModel(
        responses=[AIMessage("", tool_calls=[call]), f"wrote to {CHANNELS['input']}"]
    )


def agent() -> Any:
    return create_agent(
        model(), tools=[send_mail, bad], system_prompt=f"You act for {CHANNELS['system prompt']}"
    )


def config() -> Any:
    return {
        "metadata": {"who": CHANNELS["metadata value"], CHANNELS["metadata key"]: 1},
        "tags": [CHANNELS["tag"]],
        "run_name": CHANNELS["run name"],
    }


def question() -> dict[str, list[BaseMessage]]:
    return {"messages": [HumanMessage(f"Mail {CHANNELS['input']} of card {CHANNELS['card']}")]}


@traceable
def attach(attachment: Attachment, x: str) -> str:
    event = {"name": "note", "time": "2026-01-01T00:00:00Z", "kwargs": {"v": CHANNELS["event"]}}
    langsmith.get_current_run_tree().add_event(event)
    return "ok"


def everything() -> None:
    """Use every channel, with exceptions in a tool, in a node and in a model."""
    agent().invoke(question(), config=config())
    with pytest.raises(ValueError, match=r"cannot reach"):
        bad.invoke({"to": "x"})
    attach(Attachment(mime_type="text/plain", data=CHANNELS["attachment"].encode()), "x")

    def fail(_: Any) -> Any:
        raise RuntimeError(CHANNELS["error"])

    with pytest.raises(RuntimeError):
        ScriptedChatModel(responses=[fail]).invoke(CHANNELS["input"])
    graph = StateGraph(dict).add_node("node", fail)
    compiled = graph.add_edge(START, "node").add_edge("node", END).compile()
    with pytest.raises(RuntimeError):
        compiled.invoke({"x": CHANNELS["card"]})


async def everything_async() -> None:
    await agent().ainvoke(question(), config=config())
    async for _ in agent().astream(question(), config=config(), stream_mode="messages"):
        pass
    with pytest.raises(ValueError, match=r"cannot reach"):
        await bad.ainvoke({"to": "x"})
    await asyncio.to_thread(everything)


def test_without_the_guard_every_channel_comes_out(langsmith_server: LangSmithServer) -> None:
    everything()
    langsmith_server.flush()
    assert came_out(langsmith_server.wire) == list(CHANNELS)


@pytest.mark.parametrize("way", ["sync", "async", "threads"])
def test_with_the_guard_none_does(
    guard: TracingGuard, langsmith_server: LangSmithServer, way: str
) -> None:
    if way == "sync":
        everything()
    elif way == "async":
        asyncio.run(everything_async())
    else:
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda _: everything(), range(3)))
    langsmith_server.flush()
    assert came_out(langsmith_server.wire) == []
    # Not because nothing was sent: the runs are there, with placeholders.
    assert b"send_mail" in langsmith_server.wire
    assert b"[SECRET_" in langsmith_server.wire
    assert b"corp-secret" not in langsmith_server.wire


def test_a_value_that_is_issued_later_is_known(
    guard: TracingGuard, session: VaultSession, langsmith_server: LangSmithServer
) -> None:
    for i in range(200):
        session.issue("SECRET", f"late-{i:04}-value")
        traceable(lambda x: x)(f"this is late-{i:04}-value")
    langsmith_server.flush()
    assert b"-value" not in langsmith_server.wire


def test_what_changes_after_the_call_is_not_sent(
    guard: TracingGuard, langsmith_server: LangSmithServer
) -> None:
    client = langsmith_server.client
    inputs = {"text": "harmless"}
    client.create_run(
        "run",
        inputs,
        "chain",
        id=(run := uuid.uuid4()),
        trace_id=run,
        dotted_order=f"20260101T000000000000Z{run}",
    )
    langsmith_server.flush()
    inputs["text"] = CHANNELS["input"]
    langsmith_server.flush()
    assert came_out(langsmith_server.wire) == []


def test_feedback_and_examples_are_cleaned(
    guard: TracingGuard, langsmith_server: LangSmithServer
) -> None:
    client = langsmith_server.client
    run = uuid.uuid4()
    client.create_feedback(
        run, key="judge", score=1, comment=f"mentions {CHANNELS['input']}", trace_id=run
    )
    client.create_feedback(run, key="judge", value={"who": CHANNELS["card"]})
    for send in (
        lambda: client.create_example({"q": CHANNELS["input"]}, dataset_id=run),
        lambda: client.create_examples(
            dataset_id=run, examples=[{"inputs": {"q": CHANNELS["card"]}}]
        ),
    ):
        # The capture server answers nothing that the client could use.
        with contextlib.suppress(Exception):
            send()
    langsmith_server.flush()
    sent = [r.path for r in langsmith_server.requests if b"[SECRET_" in r.body]
    assert any("examples" in path for path in sent)
    assert b"judge" in langsmith_server.wire
    assert came_out(langsmith_server.wire) == []


def test_objects_files_and_iterators_of_examples_are_cleaned(
    guard: TracingGuard, langsmith_server: LangSmithServer, tmp_path: Path
) -> None:
    @dataclasses.dataclass
    class Case:
        who: str

    value, dataset = CHANNELS["input"], uuid.uuid4()
    client = langsmith_server.client
    file = tmp_path / "a.csv"
    file.write_text(f"question,answer\n{value},1\n")
    inputs: list[Any] = [{"messages": [HumanMessage(value)]}, {"case": Case(value)}]
    # The server that records answers with an empty object, which the client cannot parse.
    for each in inputs:
        with contextlib.suppress(ValidationError):
            client.create_example(inputs=each, dataset_id=dataset)
    with contextlib.suppress(Exception):
        client.create_examples(dataset_id=dataset, examples=iter([{"inputs": i} for i in inputs]))
    for csv in (str(file), ("a.csv", io.BytesIO(file.read_bytes()))):
        with contextlib.suppress(ValidationError):
            client.upload_csv(csv, ["question"], ["answer"], name=f"of {value}")
    example = ExampleCreate(
        inputs={"at": Path("/not/read.txt")},
        attachments={"note": {"mime_type": "text/plain", "data": file}},
    )
    with contextlib.suppress(KeyError):
        client.create_examples(
            dataset_id=dataset, examples=[example], dangerously_allow_filesystem=True
        )
    client.create_feedback_from_token(uuid.uuid4(), comment=f"about {value}")
    client.update_annotation_queue(uuid.uuid4(), name="q", description=value)
    assert value.encode() not in langsmith_server.wire
    assert langsmith_server.wire.count(b"[SECRET_") >= 8
    assert b"/not/read.txt" in langsmith_server.wire


def test_replicas_of_a_run_are_cleaned(
    guard: TracingGuard, langsmith_server: LangSmithServer
) -> None:
    value = CHANNELS["input"]
    with LangSmithServer() as second:
        replicas: Any = [
            {"project_name": "a", "updates": {"tags": [value]}},
            {"project_name": "b", "api_url": second.url, "api_key": "another"},
        ]
        client = langsmith_server.client
        run = RunTree(name=value, inputs={"q": value}, client=client, replicas=replicas)
        child = run.create_child(name="child", inputs={"q": value})
        run.post()
        child.post()
        child.end(outputs={"a": value})
        child.patch()
        run.end(error=value)
        run.patch()
        client.multipart_ingest(create=[run, child])
        langsmith_server.flush()
        wires = langsmith_server.wire, second.wire
    for wire in wires:
        assert value.encode() not in wire
        assert wire.count(b"[SECRET_") >= 4


async def test_an_asynchronous_client_is_cleaned_when_named(
    guard: TracingGuard, langsmith_server: LangSmithServer
) -> None:
    value = CHANNELS["input"]
    async with langsmith.AsyncClient(api_url=langsmith_server.url, api_key="k") as client:
        assert client in unprotected_clients()
        guard.protect(client)
        assert client not in unprotected_clients()
        await client.create_run(f"run of {value}", {"q": HumanMessage(value)}, "chain")
        await client.create_feedback(run_id=uuid.uuid4(), key="k", comment=value)
    assert value.encode() not in langsmith_server.wire
    assert langsmith_server.wire.count(b"[SECRET_") >= 3


def test_what_is_no_client_is_refused(masker: Masker) -> None:
    with pytest.raises(ConfigurationError, match="not str"):
        TracingGuard(masker).protect("client")  # type: ignore[arg-type]


def test_a_client_of_ones_own_is_protected_when_named(
    masker: Masker, session: VaultSession, langsmith_server: LangSmithServer
) -> None:
    own = langsmith.Client(api_url=langsmith_server.url, api_key="lsv2_pt_own")
    guard = install_tracing_guard(masker, client=[own, langsmith_server.client])
    langsmith.traceable(lambda x: x, client=own)(CHANNELS["input"])
    own.flush()
    langsmith_server.flush()
    assert came_out(langsmith_server.wire) == []
    assert b"[SECRET_" in langsmith_server.wire
    guard.remove()
    assert own._process_buffered_run_ops is None
    assert type(own) is langsmith.Client


def test_a_hook_that_was_there_still_runs(masker: Masker, session: VaultSession) -> None:
    with LangSmithServer() as server:

        def theirs(runs: Any) -> Any:
            return [{**run, "name": "renamed"} for run in runs]

        client = langsmith.Client(
            api_url=server.url,
            api_key="k",
            process_buffered_run_ops=theirs,
            run_ops_buffer_size=1,
        )
        guard = install_tracing_guard(masker, client=client)
        langsmith.traceable(lambda x: x, client=client, enabled=True)(CHANNELS["input"])
        client.flush()
        assert b"renamed" in server.wire
        assert came_out(server.wire) == []
        guard.remove()
        assert client._process_buffered_run_ops is theirs


def test_assert_traces_safe_says_what_comes_out(
    masker: Masker, langsmith_server: LangSmithServer
) -> None:
    with pytest.raises(ConfigurationError, match=r"no guard is installed"):
        assert_traces_safe()
    with pytest.raises(ConfigurationError, match=r"metadata key.*tool description"):
        assert_traces_safe(masker)
    half = langsmith.Client(
        api_url=langsmith_server.url,
        api_key="k",
        anonymizer=lambda data: json.loads(json.dumps(data).replace("canary.", "x")),
    )
    with pytest.raises(ConfigurationError) as caught:
        assert_traces_safe(masker, half)
    assert "tag" in str(caught.value)
    assert "metadata value" not in str(caught.value)


def test_assert_traces_safe_passes_with_the_guard_and_sees_other_clients(
    guard: TracingGuard, langsmith_server: LangSmithServer
) -> None:
    other = langsmith.Client(api_url=langsmith_server.url, api_key="k")
    with pytest.warns(UnsafeTracingWarning, match=r"other LangSmith client"):
        assert_traces_safe()
    for client in unprotected_clients():  # also those that other tests left behind
        guard.protect(client)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_traces_safe()
    assert scrubber_of(other) is guard.scrubber
    assert b"canary" not in langsmith_server.wire


def test_assert_traces_safe_refuses_an_unprotected_default_client(
    masker: Masker, session: VaultSession, langsmith_server: LangSmithServer
) -> None:
    own = langsmith.Client(api_url=langsmith_server.url, api_key="k")
    guard = install_tracing_guard(masker, client=own)
    with pytest.raises(ConfigurationError, match=r"by default in this process"):
        assert_traces_safe(masker, own)
    guard.protect(langsmith_server.client)
    for client in unprotected_clients():  # that other tests left behind
        guard.protect(client)
    assert_traces_safe(masker, own)
    guard.remove()


@pytest.mark.parametrize("value", ["1", "True", "yes"])
def test_a_switch_that_hides_nothing_is_told(
    masker: Masker, langsmith_server: LangSmithServer, monkeypatch: Any, value: str
) -> None:
    monkeypatch.setenv("LANGSMITH_HIDE_INPUTS", value)
    with pytest.warns(UnsafeTracingWarning, match=r"LANGSMITH_HIDE_INPUTS hides nothing"):
        install_tracing_guard(masker).remove()


def test_reprs_show_nothing(guard: TracingGuard) -> None:
    shown = repr(guard) + repr(guard.scrubber)
    assert came_out(shown.encode()) == []
