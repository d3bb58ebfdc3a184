import asyncio
import io
import logging
import threading
import time
import traceback
from contextlib import redirect_stdout
from typing import Any

import langsmith
import pytest
from langchain_anthropic import ChatAnthropic
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.globals import set_debug, set_llm_cache
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.rate_limiters import InMemoryRateLimiter
from langchain_core.runnables import RunnableLambda
from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI
from langgraph.graph import END, START, MessagesState, StateGraph
from opentelemetry import context as otel
from pydantic import PrivateAttr

from langchain_privacy.errors import ConfigurationError, LocalModelError
from langchain_privacy.local import acall_local, ayes_no_score, call_local, yes_no_score
from langchain_privacy.local.call import unseen
from tests.support.http import LangSmithServer, OpenAIServer
from tests.support.scripted import ScriptedChatModel

SECRET = "Jane Doe 900101-1234567"


class Recorder(BaseCallbackHandler):
    """Keeps everything that any callback is told."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("on_"):
            return lambda *args, **kwargs: self.heard.append(f"{name} {args} {kwargs}")
        return super().__getattribute__(name)


class Wrapping(BaseChatModel):
    """A model that calls another one the way careless wrappers do: through `invoke`."""

    inner: Any

    @property
    def _llm_type(self) -> str:
        return "wrapping"

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):  # type: ignore[no-untyped-def]
        return ChatResult(generations=[ChatGeneration(message=self.inner.invoke(messages))])

    async def _agenerate(self, messages, stop=None, run_manager=None, **kwargs):  # type: ignore[no-untyped-def]
        message = await self.inner.ainvoke(messages)
        return ChatResult(generations=[ChatGeneration(message=message)])


@pytest.fixture
def cache():
    kept = InMemoryCache()
    set_llm_cache(kept)
    yield kept
    set_llm_cache(None)


def models(recorder: Recorder) -> list[Any]:
    plain = ScriptedChatModel(responses=[f"It is {SECRET}."], callbacks=[recorder])
    inner = ScriptedChatModel(responses=[f"It is {SECRET}."], cache=False)
    bound = plain.bind(temperature=0).with_config(callbacks=[recorder], tags=["t"])
    return [plain, bound, Wrapping(inner=inner, callbacks=[recorder])]


def graph_of(node: Any) -> Any:
    graph = StateGraph(MessagesState)
    graph.add_node("local", node)
    graph.add_edge(START, "local")
    graph.add_edge("local", END)
    return graph.compile()


def test_nothing_but_the_model_sees_a_call_in_a_graph(langsmith_server, cache) -> None:
    langsmith.configure(enabled=True)
    recorder, printed = Recorder(), io.StringIO()
    for model in models(recorder):

        def node(state: MessagesState, model: Any = model) -> MessagesState:
            answer = call_local(model, f"Who is this? {SECRET}")
            assert SECRET in answer.text
            return {"messages": [AIMessage("[PERSON_7K2Q]")]}

        graph = graph_of(node)
        modes = ["messages", "updates", "values", "custom", "debug", "tasks"]
        set_debug(not isinstance(model, Wrapping))  # what wrapped models print, they print
        try:
            with redirect_stdout(printed):
                chunks = list(
                    graph.stream(
                        {"messages": [HumanMessage("masked")]},
                        {"callbacks": [recorder]},
                        stream_mode=modes,
                        subgraphs=True,
                    )
                )
        finally:
            set_debug(False)
        assert "PERSON_7K2Q" in str(chunks)
        assert SECRET not in str(chunks)
    langsmith_server.flush()
    langsmith.configure(enabled=None)
    assert b"PERSON_7K2Q" in langsmith_server.wire
    assert "PERSON_7K2Q" in str(recorder.heard)
    for told in (langsmith_server.wire.decode(), str(recorder.heard), printed.getvalue()):
        assert SECRET not in told
        assert "900101" not in told
    assert cache._cache == {}


class Elsewhere(ScriptedChatModel):
    """A class of an integration package, which names no server here."""

    __module__ = "langchain_elsewhere.chat_models"


class AtUrl(ScriptedChatModel):
    """A class that names its server; here it answers by itself."""

    endpoint_url: str


REMOTE = {
    "OpenAI": lambda: ChatOpenAI(model="m", api_key="none"),
    "a public address": lambda: ChatOpenAI(model="m", api_key="none", base_url="http://8.8.8.8/v1"),
    "the next machine": lambda: AtUrl(responses=["x"], endpoint_url="http://10.0.0.7/v1"),
    "bound": lambda: ChatOpenAI(model="m", api_key="none").bind(temperature=0),
    "Anthropic": lambda: ChatAnthropic(model_name="m", api_key="none", timeout=1, stop=None),
    "Ollama's cloud": lambda: ChatOllama(model="gpt-oss:120b-cloud"),
    "another package": lambda: Elsewhere(responses=["x"]),
    "a fallback": lambda: ScriptedChatModel(responses=["x"]).with_fallbacks(
        [Elsewhere(responses=["x"])]
    ),
}


@pytest.mark.parametrize("name", REMOTE)
async def test_a_model_that_is_not_local_is_refused(name: str) -> None:
    model: Any = REMOTE[name]()
    with pytest.raises(ConfigurationError) as caught:
        call_local(model, SECRET)
    with pytest.raises(ConfigurationError):
        await acall_local(model, SECRET)
    assert SECRET not in repr(caught.value)
    if name == "the next machine":
        networks = ["10.0.0.0/8"]
        assert call_local(model, SECRET, allowed_networks=networks).text == "x"
        assert (await acall_local(model, SECRET, allowed_networks=networks)).text == "x"


@pytest.mark.parametrize("name", ["OpenAI", "a public address"])
async def test_a_model_that_is_not_local_scores_nothing(name: str) -> None:
    with pytest.raises(ConfigurationError):
        yes_no_score(REMOTE[name](), SECRET)
    with pytest.raises(ConfigurationError):
        await ayes_no_score(REMOTE[name](), SECRET)


async def test_nothing_but_the_model_sees_an_async_call_in_a_graph(langsmith_server, cache) -> None:
    recorder = Recorder()
    for model in models(recorder):

        async def node(state: MessagesState, model: Any = model) -> MessagesState:
            answer = await acall_local(model, [("user", f"Who is this? {SECRET}")])
            assert SECRET in answer.text
            return {"messages": [AIMessage("[PERSON_7K2Q]")]}

        graph = graph_of(node)
        given = {"messages": [HumanMessage("masked")]}
        config = {"callbacks": [recorder]}
        modes = ["messages", "updates", "debug"]
        chunks = [c async for c in graph.astream(given, config, stream_mode=modes)]
        events = [e async for e in graph.astream_events(given, config, version="v2")]
        assert "PERSON_7K2Q" in str(chunks)
        assert SECRET not in str(chunks) + str(events)
    langsmith_server.flush()
    assert b"PERSON_7K2Q" in langsmith_server.wire
    assert SECRET.encode() not in langsmith_server.wire
    assert SECRET not in str(recorder.heard)
    assert cache._cache == {}


def test_the_same_call_by_invoke_would_have_leaked(langsmith_server: LangSmithServer) -> None:
    """The assertions above can fail: empty callbacks alone do not stop the tracer."""
    model = ScriptedChatModel(responses=["x"])
    graph_of(lambda _: {"messages": [model.invoke(SECRET, {"callbacks": []})]}).invoke(
        {"messages": [HumanMessage("masked")]}
    )
    langsmith_server.flush()
    assert SECRET.encode() in langsmith_server.wire


def test_calls_beside_a_local_one_are_still_traced(langsmith_server: LangSmithServer) -> None:
    model = ScriptedChatModel(responses=["x"])
    call_local(model, SECRET)
    model.invoke("for everyone")
    langsmith_server.flush()
    assert b"for everyone" in langsmith_server.wire
    assert SECRET.encode() not in langsmith_server.wire


def test_debug_logs_hold_no_prompt(caplog: pytest.LogCaptureFixture) -> None:
    with OpenAIServer(lambda _: f"It is {SECRET}.") as server:
        model = ChatOpenAI(base_url=server.base_url, api_key="none", model="m")
        with caplog.at_level(logging.DEBUG):
            assert call_local(model, SECRET).text == f"It is {SECRET}."
            asyncio.run(acall_local(model, SECRET))
            assert SECRET not in caplog.text
    assert SECRET.encode() in server.wire


def test_body_logs_of_older_openai_clients_are_dropped(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("openai._base_client")
    with caplog.at_level(logging.DEBUG):
        with unseen():
            logger.debug("Request options: %s", {"json_data": SECRET})
        logger.debug("Request options: for everyone")
    assert SECRET not in caplog.text
    assert "for everyone" in caplog.text


def test_instrumentations_are_told_to_look_away() -> None:
    with unseen():
        assert otel.get_value("suppress_language_model_instrumentation")
        assert otel.get_value(otel._SUPPRESS_INSTRUMENTATION_KEY)
    assert not otel.get_value("suppress_language_model_instrumentation")


@pytest.mark.parametrize("given", ["text", [HumanMessage("text")], [("user", "text")]])
def test_input_is_what_invoke_takes(given: Any) -> None:
    model = ScriptedChatModel(responses=["yes"])
    assert call_local(model, given).text == "yes"
    assert model.seen[0]["messages"][0]["data"]["content"] == "text"
    prompt = ChatPromptTemplate([("user", "text")]).invoke({})
    assert call_local(model, prompt).text == "yes"


def test_bound_arguments_reach_the_model_and_those_of_invoke_do_not() -> None:
    model = ScriptedChatModel(responses=["yes"])
    bound = model.bind(temperature=0, seed=1, ls_structured_output_format={"kwargs": {}})
    call_local(bound, "x", seed=2)
    assert model.seen[0]["kwargs"] == {"temperature": 0, "seed": 2}


def test_models_that_count_their_calls_still_do() -> None:
    model = FakeListChatModel(responses=["one", "two"])
    assert [call_local(model, "x").text for _ in range(2)] == ["one", "two"]


def test_finish_reason_and_usage_are_kept() -> None:
    with OpenAIServer(lambda _: "35") as server:
        answer = call_local(ChatOpenAI(base_url=server.base_url, api_key="none", model="m"), "x")
    assert answer.response_metadata["finish_reason"] == "stop"
    assert answer.usage_metadata is not None
    assert type(answer) is AIMessage


def test_a_chunk_becomes_a_message() -> None:
    model = ScriptedChatModel(responses=[AIMessageChunk("35")])
    assert type(call_local(model, "x")) is AIMessage


def test_rate_limiter_is_asked() -> None:
    limiter = InMemoryRateLimiter(requests_per_second=20, max_bucket_size=1)
    model = ScriptedChatModel(responses=["x"], rate_limiter=limiter)
    started = time.monotonic()
    for _ in range(3):
        call_local(model, "x")
    assert time.monotonic() - started > 0.05


@pytest.mark.parametrize(
    "model",
    [
        RunnableLambda(lambda _: AIMessage("x")),
        ScriptedChatModel(responses=["x"]).with_retry(),
        ScriptedChatModel(responses=["x"]).with_fallbacks([ScriptedChatModel(responses=["x"])]),
        ScriptedChatModel(responses=["x"]) | (lambda m: m),
    ],
)
def test_what_is_not_a_chat_model_is_refused(model: Any) -> None:
    with pytest.raises(ConfigurationError, match="must be a LangChain chat model"):
        call_local(model, "x")


class Failing(ScriptedChatModel):
    """Fails with the prompt in its text, and with a cause that holds it too."""

    def _next(self, messages: Any, kwargs: Any) -> AIMessage:
        try:
            raise KeyError(messages[0].content)
        except KeyError as error:
            msg = f"cannot answer {messages[0].content}"
            raise RuntimeError(msg) from error


def shown(error: BaseException) -> str:
    told = [str(error), repr(error), str(error.args), repr(error.__dict__)]
    told += traceback.format_exception(error)
    return "\n".join(told)


def test_an_error_holds_nothing_of_the_original(langsmith_server: LangSmithServer) -> None:
    model = Failing(responses=["x"])
    with pytest.raises(LocalModelError, match="Failing failed \\(RuntimeError\\)") as caught:
        call_local(model, SECRET)
    with pytest.raises(LocalModelError) as acaught:
        asyncio.run(acall_local(model, SECRET))
    for error in (caught.value, acaught.value):
        assert error.__cause__ is None
        assert error.__context__ is None
        assert SECRET not in shown(error)

    def node(_: MessagesState) -> MessagesState:
        return {"messages": [call_local(model, SECRET)]}

    with pytest.raises(LocalModelError):
        graph_of(node).invoke({"messages": []})
    langsmith_server.flush()
    assert b"LocalModelError" in langsmith_server.wire
    assert SECRET.encode() not in langsmith_server.wire


def test_a_model_that_is_down_says_what_to_check() -> None:
    model = ChatOpenAI(base_url="http://127.0.0.1:9/v1", api_key="none", model="m", max_retries=0)
    with pytest.raises(LocalModelError, match="Check that its server runs"):
        call_local(model, SECRET)


class Slow(ScriptedChatModel):
    """Answers when the test has lost patience."""

    _patience: threading.Event = PrivateAttr(default_factory=threading.Event)

    def _next(self, messages: Any, kwargs: Any) -> AIMessage:
        self._patience.wait()
        return super()._next(messages, kwargs)


async def test_a_slow_model_is_given_up() -> None:
    model = Slow(responses=["late"])
    with pytest.raises(LocalModelError, match="within"):
        await asyncio.to_thread(call_local, model, SECRET, timeout=0.05)
    with pytest.raises(LocalModelError, match="within"):
        await acall_local(model, SECRET, timeout=0.05)
    model._patience.set()
    assert (await acall_local(model, "x", timeout=None)).text == "late"


async def test_cancelling_reaches_the_model() -> None:
    called, cancelled = asyncio.Event(), asyncio.Event()

    class Waiting(ScriptedChatModel):
        async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
            called.set()
            try:
                await asyncio.Future()  # which nobody ever sets
            except asyncio.CancelledError:
                cancelled.set()
                raise
            raise AssertionError

    task = asyncio.create_task(acall_local(Waiting(responses=["x"]), "x"))
    await called.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cancelled.is_set()
