"""The guard refuses what holds a private value, records everything, and changes nothing else."""

import asyncio
import json
import subprocess
import sys
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.runnables import ConfigurableField, RunnableLambda
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

from langchain_privacy import EgressGuard, EgressLedger, Masker
from langchain_privacy.detection import Detector
from langchain_privacy.egress import UnsafeAllowAll, UnsafeEgressWarning, is_guarded
from langchain_privacy.errors import (
    ConfigurationError,
    DetectionError,
    EgressBlockedError,
    LedgerError,
)
from langchain_privacy.vault import session_scope
from tests.support.http import OpenAIServer
from tests.support.scripted import ScriptedChatModel

SECRET = "Jane Doe"


@pytest.fixture
def masker() -> Masker:
    masker = Masker()
    masker.session("thread").vault.issue("PERSON", SECRET)
    return masker


@pytest.fixture
def guard(masker: Masker) -> EgressGuard:
    return EgressGuard(masker)


def openai(server: OpenAIServer, guard: EgressGuard, **kwargs: Any) -> ChatOpenAI:
    return ChatOpenAI(
        base_url=server.base_url,
        api_key="key",
        model="gpt-4o-mini",
        http_client=guard.http_client(),
        http_async_client=guard.async_http_client(),
        **kwargs,
    )


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


class Answer(BaseModel):
    """An answer."""

    text: str


def test_the_class_and_everything_that_hangs_on_it_stay(guard: EgressGuard) -> None:
    with OpenAIServer(lambda _: '{"text": "yes"}') as server:
        model = openai(server, guard)
        guarded = guard.wrap(model)
        assert isinstance(guarded, ChatOpenAI)
        assert type(guarded).__name__ == "ChatOpenAI"
        assert guarded.profile == model.profile
        assert guarded._get_ls_params() == model._get_ls_params()
        assert is_guarded(guarded)
        assert not is_guarded(model)
        assert is_guarded(guarded.bind_tools([add]))
        structured = guarded.with_structured_output(Answer, method="json_mode")
        assert structured.invoke("answer as json") == Answer(text="yes")
        assert len(guard.ledger.crossings()) == 1


@pytest.mark.parametrize("way", ["invoke", "stream", "ainvoke", "astream", "batch", "v3"])
def test_every_way_of_calling_is_guarded(guard: EgressGuard, way: str) -> None:
    with OpenAIServer(lambda _: "fine") as server:
        model = guard.wrap(openai(server, guard))

        async def collect(text: str) -> str:
            return "".join([chunk.content async for chunk in model.astream(text)])

        def call(text: str) -> str:
            match way:
                case "invoke":
                    return model.invoke(text).content
                case "stream":
                    return "".join(chunk.content for chunk in model.stream(text))
                case "ainvoke":
                    return asyncio.run(model.ainvoke(text)).content
                case "astream":
                    return asyncio.run(collect(text))
                case "batch":
                    return model.batch([text])[0].content
                case _:
                    return "".join(model.stream_events(text, version="v3").text)

        assert call("hello") == "fine"
        (crossing,) = guard.ledger.crossings()
        assert crossing.decision == "allowed"
        assert crossing.outcome == "answered"
        assert (crossing.tokens_out, crossing.tokens_in) != (None, None)
        assert crossing.measured == "wire"
        assert crossing.bytes_out == len(server.requests[0].body)
        with pytest.raises(EgressBlockedError):
            call(f"hello {SECRET}")
        assert len(server.requests) == 1
        assert SECRET.encode() not in server.wire


@pytest.mark.parametrize(
    "messages",
    [
        [SystemMessage(f"You serve {SECRET}"), HumanMessage("hi")],
        [HumanMessage([{"type": "text", "text": "Jane"}, {"type": "text", "text": " Doe"}])],
        [HumanMessage("Jane "), HumanMessage("Doe")],
        [HumanMessage("It is Jane"), AIMessage("Go on."), HumanMessage("Doe")],
        [HumanMessage("x", name="Jane_Doe")],
        [
            HumanMessage("x"),
            AIMessage("", tool_calls=[{"name": "add", "args": {"who": SECRET}, "id": "1"}]),
            ToolMessage("3", tool_call_id="1"),
        ],
        [
            HumanMessage("x"),
            AIMessage("", tool_calls=[{"name": "add", "args": {SECRET: 1}, "id": "1"}]),
            ToolMessage("3", tool_call_id="1"),
        ],
        [
            HumanMessage("x"),
            AIMessage("", tool_calls=[{"name": "add", "args": {}, "id": "1"}]),
            ToolMessage(SECRET, tool_call_id="1"),
        ],
    ],
)
@pytest.mark.parametrize("kind", ["openai", "other"])
def test_every_part_of_a_message_is_examined(
    guard: EgressGuard, messages: list[Any], kind: str
) -> None:
    with OpenAIServer(lambda _: "fine") as server:
        if kind == "openai":
            model: Any = guard.wrap(openai(server, guard))
        else:
            model = guard.wrap(ScriptedChatModel(responses=["fine"]))
        with pytest.raises(EgressBlockedError) as caught:
            model.invoke(messages)
        assert server.requests == []
    assert SECRET not in repr(caught.value)
    assert caught.value.__cause__ is None
    assert not caught.value.is_retryable


def test_tools_settings_and_headers_are_examined(guard: EgressGuard) -> None:
    with OpenAIServer(lambda _: "fine") as server:
        model = openai(server, guard)
        described = {
            "type": "function",
            "function": {"name": "f", "description": f"Calls {SECRET}", "parameters": {}},
        }
        for refused in (
            guard.wrap(model).bind(tools=[described]),
            guard.wrap(model).bind(user=SECRET),
            guard.wrap(model).bind(stop=[SECRET]),
            guard.wrap(openai(server, guard, extra_body={"who": SECRET})),
            guard.wrap(openai(server, guard, default_headers={"X-User": SECRET})),
        ):
            with pytest.raises(EgressBlockedError):
                refused.invoke("hello")
        assert server.requests == []


def test_an_artifact_does_not_cross_and_is_no_reason_to_refuse(guard: EgressGuard) -> None:
    model = guard.wrap(ScriptedChatModel(responses=["fine"]))
    calls = [{"name": "add", "args": {}, "id": "1"}]
    result = ToolMessage("3", tool_call_id="1", artifact={"who": SECRET})
    model.invoke([HumanMessage("x"), AIMessage("", tool_calls=calls), result])


def test_a_certain_finding_is_refused_without_any_vault() -> None:
    guard = EgressGuard(Masker())
    model = guard.wrap(ScriptedChatModel(responses=["fine"]))
    with pytest.raises(EgressBlockedError) as caught:
        model.invoke("write to someone.else@example.net")
    assert caught.value.rule == "detector:EMAIL"
    assert guard.ledger.crossings()[0].rule == "detector:EMAIL"


def test_one_run_and_usage_once(guard: EgressGuard) -> None:
    runs: list[str] = []

    class Count(BaseCallbackHandler):
        def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
            runs.append("start")

    with OpenAIServer(lambda _: "fine") as server:
        model = guard.wrap(openai(server, guard))
        answer = model.invoke("hello", config={"callbacks": [Count()]})
        assert runs == ["start"]
        assert answer.usage_metadata is not None
        crossing = guard.ledger.crossings()[0]
        assert crossing.tokens_out == answer.usage_metadata["input_tokens"]
        assert crossing.tokens_in == answer.usage_metadata["output_tokens"]
        assert len(server.requests) == 1


def test_the_session_of_the_run_is_asked() -> None:
    masker = Masker([])  # finds nothing by itself: the sessions alone decide
    masker.session("thread").vault.issue("PERSON", SECRET)
    guard = EgressGuard(masker)
    other = masker.session("other").vault
    other.issue("PERSON", "Richard Roe")
    model = guard.wrap(ScriptedChatModel(responses=["fine"]))
    with session_scope(other):
        model.invoke(f"{SECRET} is another session's and unknown here")
        with pytest.raises(EgressBlockedError):
            model.invoke("Richard Roe")
    inside = RunnableLambda(model.invoke).with_config(configurable={"thread_id": "thread"})
    inside.invoke("Richard Roe")
    with pytest.raises(EgressBlockedError):
        inside.invoke(SECRET)
    # Without a session everybody's values are looked for.
    for text in (SECRET, "Richard Roe"):
        with pytest.raises(EgressBlockedError):
            model.invoke(text)
    assert {c.session for c in guard.ledger} >= {other.id}


def test_what_cannot_be_recorded_does_not_cross(masker: Masker, tmp_path: Any) -> None:
    ledger = EgressLedger(tmp_path / "ledger.sqlite")
    guard = EgressGuard(masker, ledger=ledger)
    with OpenAIServer(lambda _: "fine") as server:
        model = guard.wrap(openai(server, guard))
        model.invoke("hello")
        ledger.close()
        for file in tmp_path.glob("ledger.sqlite*"):
            if not file.name.endswith(".key"):
                file.unlink()
        (tmp_path / "ledger.sqlite").write_bytes(b"this is not a database, only bytes" * 99)
        with pytest.raises(LedgerError):
            model.invoke("hello")
        assert len(server.requests) == 1


def test_a_failing_detector_lets_nothing_cross(masker: Masker) -> None:
    class Broken(Detector):
        name = "broken"

        def detect(self, text: str, *, language: str | None = None) -> list[Any]:
            raise RuntimeError(text)

    guard = EgressGuard(masker, detectors=[Broken()])
    model = guard.wrap(ScriptedChatModel(responses=["fine"]))
    with pytest.raises(DetectionError) as caught:
        model.invoke("hello 4711 there")
    assert caught.value.__suppress_context__
    assert "hello" not in str(caught.value)
    assert guard.ledger.crossings()[0].rule == "detector_failed"


def test_a_failed_call_and_an_abandoned_stream_are_recorded(guard: EgressGuard) -> None:
    def fail(messages: Any) -> str:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        guard.wrap(ScriptedChatModel(responses=[fail])).invoke("hello")
    stream = guard.wrap(ScriptedChatModel(responses=["one two three four"])).stream("hello")
    next(stream)
    stream.close()
    assert [c.outcome for c in guard.ledger] == ["failed", "abandoned"]


def test_a_stream_that_is_no_generator(guard: EgressGuard) -> None:
    class Chunks:
        def __init__(self) -> None:
            self._left = [ChatGenerationChunk(message=AIMessageChunk(t)) for t in ("one ", "two")]

        def __iter__(self) -> "Chunks":
            return self

        def __next__(self) -> ChatGenerationChunk:
            if not self._left:
                raise StopIteration
            return self._left.pop(0)

        def __aiter__(self) -> "Chunks":
            return self

        async def __anext__(self) -> ChatGenerationChunk:
            if not self._left:
                raise StopAsyncIteration
            return self._left.pop(0)

    class Streaming(ScriptedChatModel):
        def _stream(self, *args: Any, **kwargs: Any) -> Any:
            return Chunks()

        def _astream(self, *args: Any, **kwargs: Any) -> Any:
            return Chunks()

    model = guard.wrap(Streaming(responses=[]))

    async def collect() -> str:
        return "".join([chunk.text async for chunk in model.astream("hello")])

    assert "".join(chunk.text for chunk in model.stream("hello")) == "one two"
    assert asyncio.run(collect()) == "one two"
    assert [c.outcome for c in guard.ledger] == ["answered", "answered"]
    with pytest.raises(EgressBlockedError):
        list(model.stream(SECRET))


def test_what_the_caller_does_between_chunks_is_a_crossing_of_its_own(guard: EgressGuard) -> None:
    inner = guard.wrap(ScriptedChatModel(responses=["inner"]))
    outer = guard.wrap(ScriptedChatModel(responses=["one two three four"]))
    for _ in outer.stream("hello"):
        with pytest.raises(EgressBlockedError):
            inner.invoke(SECRET)
    assert next(c.decision for c in guard.ledger) == "allowed"


def test_unsafe_allow_all_warns_at_every_use_and_records(masker: Masker) -> None:
    guard = EgressGuard(masker, policy=UnsafeAllowAll())
    model = guard.wrap(ScriptedChatModel(responses=["fine"]))
    for _ in range(2):
        with pytest.warns(UnsafeEgressWarning):
            model.invoke(SECRET)
    assert [c.decision for c in guard.ledger] == ["allowed", "allowed"]


def test_unsafe_allow_all_warns_again_under_pythons_own_filters() -> None:
    program = """
from langchain_privacy import EgressGuard, Masker
from langchain_privacy.egress import UnsafeAllowAll
from langchain_privacy.egress.payload import of_value
guard = EgressGuard(Masker(), policy=UnsafeAllowAll())
for _ in range(3):
    guard.open(of_value("x"), destination="d", model="m", purpose="p")
"""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stderr.count("UnsafeEgressWarning") == 3


@pytest.mark.parametrize("method", ["function_calling", "json_schema", "json_mode"])
def test_structured_output_is_one_guarded_crossing(guard: EgressGuard, method: Any) -> None:
    with OpenAIServer(lambda _: '{"text": "yes"}') as server:
        model = guard.wrap(openai(server, guard)).with_structured_output(Answer, method=method)
        model.invoke("answer as json")
        assert len(guard.ledger.crossings()) == len(server.requests) == 1
        with pytest.raises(EgressBlockedError):
            model.invoke(f"answer as json about {SECRET}")
        assert len(server.requests) == 1


def test_what_a_callback_sends_meanwhile_is_examined(guard: EgressGuard) -> None:
    """The same model may be called from inside its own call."""

    class Meddling(BaseCallbackHandler):
        raise_error = True

        def on_llm_new_token(self, *args: Any, **kwargs: Any) -> None:
            model.invoke(SECRET)

    class Telling(ScriptedChatModel):
        def _generate(
            self, messages: Any, *args: Any, run_manager: Any = None, **kwargs: Any
        ) -> Any:
            if run_manager is not None:
                run_manager.on_llm_new_token("x")
            return super()._generate(messages, *args, **kwargs)

    inner = Telling(responses=["fine"] * 3)
    model = guard.wrap(inner)
    with pytest.raises(EgressBlockedError):
        model.invoke("hello", config={"callbacks": [Meddling()]})
    assert SECRET not in str(inner.seen)


def test_a_copy_that_lost_its_guard_sends_nothing(guard: EgressGuard) -> None:
    with OpenAIServer(lambda _: "fine") as server:
        model = guard.wrap(openai(server, guard, temperature=0.1))
        field = ConfigurableField(id="t")
        configurable = model.configurable_fields(temperature=field)
        with pytest.raises(ConfigurationError, match=r"no guard"):
            configurable.invoke("hello", config={"configurable": {"t": 0.5}})
        assert server.requests == []


def test_the_ledger_holds_no_private_value(masker: Masker, tmp_path: Any) -> None:
    ledger = EgressLedger(tmp_path / "ledger.sqlite", keep_payload=True)
    guard = EgressGuard(masker, ledger=ledger)
    model = guard.wrap(ScriptedChatModel(responses=["fine"]))
    with pytest.raises(EgressBlockedError):
        model.invoke(SECRET)
    model.invoke("a masked text")
    ledger.export(tmp_path / "export.jsonl")
    held = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert SECRET.encode() not in held
    blocked, allowed = ledger.crossings()
    assert (blocked.payload, blocked.payload_digest) == (None, None)
    assert json.loads(allowed.payload or "")["messages"][0]["content"] == "a masked text"


def test_placeholders_are_counted_by_type(masker: Masker, guard: EgressGuard) -> None:
    entry = masker.session("thread").vault.issue("PERSON", SECRET)
    placeholder = f"[PERSON_{entry.code}]"
    masked = f"Dear {placeholder}, regards, {placeholder}; not ours: [EMAIL_0000]"
    guard.wrap(ScriptedChatModel(responses=["fine"])).invoke(masked)
    assert guard.ledger.crossings()[0].entity_types == {"PERSON": 2}


def test_a_placeholder_before_another_ones_words_is_counted_once(
    masker: Masker, guard: EgressGuard
) -> None:
    entry = masker.session("thread").vault.issue("PERSON", SECRET)
    said = [HumanMessage(f"I am [PERSON_{entry.code}]"), AIMessage("Hello."), HumanMessage("Bye.")]
    guard.wrap(ScriptedChatModel(responses=["fine"])).invoke(said)
    assert guard.ledger.crossings()[0].entity_types == {"PERSON": 1}


def test_only_models_are_wrapped(guard: EgressGuard) -> None:
    with pytest.raises(ConfigurationError, match=r"wrap_runnable"):
        guard.wrap(ScriptedChatModel(responses=["x"]) | (lambda m: m))


def test_wrapping_twice_is_wrapping_once(guard: EgressGuard) -> None:
    model = guard.wrap(ScriptedChatModel(responses=["fine"]))
    guard.wrap(guard.wrap(model)).invoke("hello")
    assert len(guard.ledger.crossings()) == 1


@pytest.mark.parametrize("way", ["invoke", "stream", "v3"])
def test_reasoning_counts_as_received(guard: EgressGuard, way: str) -> None:
    """Whether it streams in a field of its own or as a block."""

    def received(answer: AIMessage) -> int:
        model = guard.wrap(ScriptedChatModel(responses=[answer]))
        if way == "v3":
            stream = model.stream_events("hello", version="v3")
            assert stream.output
        else:
            list(model.stream("hello")) if way == "stream" else model.invoke("hello")
        return list(guard.ledger)[-1].bytes_in or 0

    blocks: Any = [{"type": "reasoning", "reasoning": "t" * 500}, {"type": "text", "text": "hi"}]
    assert received(AIMessage(blocks)) > 500 > received(AIMessage("hi"))
    if way == "invoke":
        assert received(AIMessage("hi", additional_kwargs={"reasoning_content": "t" * 500})) > 500
