"""Around the edge: what is composed of private objects, arguments beside the input, other threads,
and errors that are no `Exception`. Nothing of it reaches a trace, a model or a checkpoint."""

import asyncio
import concurrent.futures
import dataclasses
import threading
from collections.abc import Callable
from multiprocessing.pool import ThreadPool
from typing import Any

import pytest
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate, PromptTemplate
from langchain_core.runnables import (
    ConfigurableField,
    Runnable,
    RunnableBranch,
    RunnableLambda,
    RunnablePassthrough,
)
from langgraph.graph import START, StateGraph
from langsmith import traceable
from pydantic import BaseModel
from typing_extensions import TypedDict

from langchain_privacy import EgressGuard, Masker, local_node, private
from langchain_privacy.edge import private_tool
from langchain_privacy.errors import EgressBlockedError
from langchain_privacy.local import call_local
from tests.support.http import LangSmithServer
from tests.support.scripted import ScriptedChatModel
from tests.unit_tests.edge.conftest import EMAIL, OTHER, PLACEHOLDER, holds, masked


class State(TypedDict, total=False):
    text: str
    seen: Any


def graph_of(node: Any) -> Any:
    builder = StateGraph(State)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    return builder.compile()


SEEN: list[Any] = []


def note(x: Any) -> Any:
    SEEN.append(x)
    return x


CHAIN = RunnableLambda(lambda x: note({**x, "length": 1}))
GRAPH = graph_of(lambda state: {"seen": note(state["text"])})

COMPOSED: dict[str, Callable[[Any], Runnable[Any, Any]]] = {
    "with_retry": lambda x: x.with_retry(stop_after_attempt=2),
    "with_fallbacks": lambda x: x.with_fallbacks([RunnableLambda(note)]),
    "map": lambda x: x.map(),
    "assign": lambda x: x.assign(more=lambda s: note(s["text"])),
    "pick": lambda x: x.pick("text"),
    "as_tool": lambda x: x.as_tool(name="look", description="Look.", arg_types={"text": str}),
    "bound": lambda x: x.bind().with_config(tags=["t"]).with_retry(),
    "twice": lambda x: x.with_retry().with_fallbacks([x]),
    "with_types": lambda x: x.with_types(input_type=dict).with_retry(),
}


@pytest.mark.parametrize("inner", [CHAIN, GRAPH], ids=["chain", "graph"])
@pytest.mark.parametrize("way", COMPOSED)
@pytest.mark.parametrize("how", ["invoke", "ainvoke", "stream", "batch"])
async def test_compositions_stay_private(
    masker: Masker, langsmith_server: LangSmithServer, way: str, inner: Any, how: str
) -> None:
    if inner is GRAPH and how == "stream" and way in ("assign", "pick"):
        pytest.skip("a graph streams updates, which have no such key")
    SEEN.clear()
    composed = COMPOSED[way](private(inner, masker))
    given: Any = {"text": f"I am {EMAIL}"}
    given = [given] if way == "map" else given
    if how == "invoke":
        result: Any = composed.invoke(given)
    elif how == "ainvoke":
        result = await composed.ainvoke(given)
    elif how == "stream":
        result = list(composed.stream(given))
    else:
        result = composed.batch([given, given])
    assert holds(result), result
    assert not PLACEHOLDER.search(repr(result))
    assert SEEN
    assert not holds(SEEN)
    langsmith_server.flush()
    assert langsmith_server.wire
    assert not holds(langsmith_server.wire.decode("utf-8", "replace"))


def test_a_fault_is_retried_and_fallen_back_from_behind_the_edge(masker: Masker) -> None:
    tries: list[Any] = []

    def flaky(x: Any) -> Any:
        tries.append(x)
        if len(tries) < 3:
            raise RuntimeError
        return x

    chain = private(RunnableLambda(flaky), masker)
    assert chain.with_retry(wait_exponential_jitter=False).invoke(EMAIL) == EMAIL
    assert len(tries) == 3
    assert not holds(tries)
    broken: Any = private(RunnableLambda(lambda _: 1 / 0), masker)
    assert broken.with_fallbacks([RunnableLambda(note)]).invoke(EMAIL) == EMAIL


def test_a_refusal_is_raised_and_not_logged(
    masker: Masker, caplog: pytest.LogCaptureFixture
) -> None:
    model = ScriptedChatModel(responses=["x"])

    @local_node
    def node(state: State) -> State:
        return {"seen": model.invoke(state["text"]).text}

    graph = private(graph_of(node), masker)
    with pytest.raises(EgressBlockedError):
        graph.invoke({"text": EMAIL})
    guarded: Any = private(
        RunnableLambda(lambda _: model.invoke(EMAIL)), masker, guard=EgressGuard(masker)
    )
    with pytest.raises(EgressBlockedError):
        guarded.invoke(EMAIL)
    assert [r for r in caplog.records if "callback" in r.getMessage()] == []
    assert model.seen == []


class Modelled(BaseModel):
    text: str = ""


@dataclasses.dataclass
class Data:
    text: str = ""


@pytest.mark.parametrize("schema", [Modelled, Data])
def test_a_state_keeps_its_class_in_version_2(masker: Masker, schema: Any) -> None:
    seen: list[Any] = []
    builder = StateGraph(schema)

    def node(state: Any) -> Any:
        seen.append(state)
        return {"text": state.text}

    builder.add_node("node", node)
    builder.add_edge(START, "node")
    graph = private(builder.compile(), masker)
    assert graph.invoke({"text": EMAIL}, version="v2").value == schema(text=EMAIL)
    parts = list(graph.stream({"text": EMAIL}, stream_mode="values", version="v2"))
    assert parts[-1]["data"] == schema(text=EMAIL)
    assert not holds(seen)


# ---- arguments beside the input


class Config(Runnable[Any, Any]):
    """Keeps everything that it is called with; has no name."""

    def __init__(self) -> None:
        self.got: list[Any] = []

    def invoke(self, input: Any, config: Any = None, **kwargs: Any) -> Any:  # noqa: A002
        self.got.append((input, (config or {}).get("configurable"), kwargs))
        return str(kwargs)


@pytest.mark.parametrize(
    "arguments",
    [
        {"user": EMAIL},
        {"stop": [EMAIL]},
        {"extra_headers": {"X-User": EMAIL}},
        {"headers": {"X-User": EMAIL}},
        {"context": {"user": {"mail": EMAIL}}},
        {"metadata": {"users": [EMAIL]}},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "how",
    [
        *("call", "bind", "inner bind", "in a chain", "in a branch", "in a retry", "in a choice"),
        *("in an assignment", "in a mapped step"),
    ],
)
async def test_arguments_are_masked(masker: Masker, arguments: Any, how: str) -> None:
    inner = Config()
    passed = RunnableLambda(lambda x: x)
    chain: Any = {
        "call": inner,
        "bind": inner,
        "inner bind": inner.bind(**arguments),
        "in a chain": passed | inner.bind(**arguments) | passed,
        "in a branch": passed | {"a": inner.bind(**arguments).with_fallbacks([passed])},
        "in a retry": inner.bind(**arguments).with_retry(),
        "in a choice": RunnableBranch((lambda _: True, inner.bind(**arguments)), passed),
        "in an assignment": RunnableLambda(lambda x: {"x": x})
        | RunnablePassthrough.assign(a=inner.bind(**arguments)),
        "in a mapped step": RunnableLambda(lambda x: [x]) | inner.bind(**arguments).map(),
    }[how]
    edge: Any = private(chain, masker)
    edge = edge.bind(**arguments) if how == "bind" else edge
    arguments = arguments if how == "call" else {}
    for said in (edge.invoke("x", **arguments), await edge.ainvoke("x", **arguments)):
        assert holds(said)
    assert len(inner.got) == 2
    assert not holds(inner.got)
    assert masked(inner.got)


def test_credentials_in_headers_stay(masker: Masker) -> None:
    inner = Config()
    private(inner, masker).invoke("x", headers={"Authorization": f"Bearer {EMAIL}", "X": EMAIL})
    headers = inner.got[0][2]["headers"]
    assert headers["Authorization"] == f"Bearer {EMAIL}"
    assert masked(headers["X"])


def test_nested_settings_are_masked(masker: Masker) -> None:
    inner, thing = Config(), object()
    settings = {"user": {"mails": [EMAIL, {"other": OTHER}], "thing": thing}, "n": (EMAIL, 1)}
    private(inner, masker).invoke("x", {"configurable": settings})
    got = inner.got[0][1]
    assert not holds(got)
    assert got["user"]["thing"] is thing
    assert got["n"][1] == 1


def test_descriptions_of_bound_tools_are_masked(masker: Masker) -> None:
    model = ScriptedChatModel(responses=["ready"])

    def look_up(who: str) -> str:
        """Ask ops.lead@corp-secret.example about somebody."""
        return who

    prompt = ChatPromptTemplate.from_messages([("human", "{x}")])
    for chain in (
        private(model, masker).bind_tools([look_up]),
        private(model.bind_tools([look_up]), masker),
        private(prompt | model.bind_tools([look_up]) | StrOutputParser(), masker),
    ):
        chain.invoke({"x": EMAIL} if chain.get_name() == "RunnableSequence" else EMAIL)
    assert len(model.seen) == 3
    assert not holds(model.seen_text)
    assert model.seen_text.count('"name": "look_up"') == 3


def test_a_runnable_without_a_name(masker: Masker) -> None:
    edge = private(Config(), masker)
    assert edge.get_name() == "Config"
    assert edge.config_specs == []
    assert edge.invoke("x") == "{}"


def test_fields_that_may_be_configured_are_still_named(masker: Masker) -> None:
    field = ConfigurableField(id="question")
    inner = PromptTemplate.from_template("{x}").configurable_fields(template=field)
    edge: Any = private(inner, masker)
    assert [spec.id for spec in edge.config_specs] == ["question"]
    asked: Any = {"configurable": {"question": "Write to {x}"}}
    assert edge.invoke({"x": EMAIL}, asked).text == f"Write to {EMAIL}"


# ---- threads of a local function


def in_pool(work: Callable[[], Any]) -> Any:
    with concurrent.futures.ThreadPoolExecutor() as pool:
        return pool.submit(work).result()


OUTER = concurrent.futures.ThreadPoolExecutor(1)
OUTER.submit(int).result()  # its thread was there before


def in_outer_pool(work: Callable[[], Any]) -> Any:
    return OUTER.submit(work).result()


def in_map(work: Callable[[], Any]) -> Any:
    with concurrent.futures.ThreadPoolExecutor() as pool:
        return next(iter(pool.map(lambda _: work(), [1])))


def in_executor(work: Callable[[], Any]) -> Any:
    async def run() -> Any:
        return await asyncio.get_running_loop().run_in_executor(None, work)

    return asyncio.run(run())


def in_thread(work: Callable[[], Any]) -> Any:
    out: list[Any] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            out.append(work())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return out[0]


def in_thread_pool(work: Callable[[], Any]) -> Any:
    with ThreadPool(1) as pool:
        return pool.apply(work)


def in_a_thread_of_a_thread(work: Callable[[], Any]) -> Any:
    return in_pool(lambda: in_thread(work))


WAYS = [
    in_pool,
    in_outer_pool,
    in_map,
    in_executor,
    in_thread,
    in_thread_pool,
    in_a_thread_of_a_thread,
]


@pytest.mark.parametrize("way", WAYS)
def test_a_thread_of_a_local_function_belongs_to_it(
    masker: Masker, langsmith_server: LangSmithServer, way: Callable[[Any], Any]
) -> None:
    remote = ScriptedChatModel(responses=["sent"])
    local = ScriptedChatModel(responses=["kept"])

    @traceable
    def traced(text: str) -> str:
        return str(RunnableLambda(lambda x: x).invoke(text))

    @local_node
    def node(state: State) -> State:
        text = state["text"]
        with pytest.raises(EgressBlockedError):
            way(lambda: remote.invoke(text))
        assert way(lambda: traced(text)) == text
        return {"seen": way(lambda: call_local(local, text).text)}

    assert private(graph_of(node), masker).invoke({"text": EMAIL})["seen"] == "kept"
    assert remote.seen == []
    assert holds(local.seen_text)
    langsmith_server.flush()
    assert not holds(langsmith_server.wire.decode("utf-8", "replace"))


def test_a_worker_that_a_local_function_started_is_nobodys_afterwards(masker: Masker) -> None:
    model = ScriptedChatModel(responses=["sent"])
    with concurrent.futures.ThreadPoolExecutor(1) as pool:

        @local_node
        def node(state: State) -> State:
            return {"seen": pool.submit(lambda: state["text"]).result()}

        private(graph_of(node), masker).invoke({"text": EMAIL})
        assert pool.submit(lambda: model.invoke(EMAIL).text).result() == "sent"


# ---- what ends a run and is no Exception


class Mine(BaseException):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


ENDS = [SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError, Mine]


@pytest.mark.parametrize("kind", ENDS)
@pytest.mark.parametrize("place", ["node", "async node", "tool", "async tool"])
def test_what_ends_a_run_is_masked(
    masker: Masker, langsmith_server: LangSmithServer, kind: Any, place: str
) -> None:
    from langchain_core.tools import tool

    if kind is GeneratorExit and place.startswith("async"):
        pytest.skip("Python makes a RuntimeError of it")

    @tool
    def act(text: str) -> str:
        """Act."""
        raise kind(f"no {text}")

    @tool
    async def aact(text: str) -> str:
        """Act."""
        raise kind(f"no {text}")

    @local_node
    def node(state: State) -> State:
        raise kind(f"no {state['text']}")

    @local_node
    async def anode(state: State) -> State:
        raise kind(f"no {state['text']}")

    what: Any = {
        "node": node,
        "async node": anode,
        "tool": lambda state: private_tool(act, masker).invoke({"text": state["text"]}),
        "async tool": RunnableLambda(
            int, afunc=lambda state: private_tool(aact, masker).ainvoke({"text": state["text"]})
        ),
    }[place]
    edge = private(
        RunnableLambda(int, afunc=what) if "async n" in place else _runnable(what), masker
    )
    caught: Any = None
    try:
        if place.startswith("async"):
            asyncio.run(edge.ainvoke({"text": EMAIL}))
        else:
            edge.invoke({"text": EMAIL})
    except BaseException as error:
        caught = error
    assert type(caught) is kind
    assert masked(str(caught))
    assert not holds(repr(caught.args) + repr(vars(caught)))
    langsmith_server.flush()
    assert langsmith_server.wire
    assert not holds(langsmith_server.wire.decode("utf-8", "replace"))


def _runnable(what: Any) -> Any:
    return what if isinstance(what, Runnable) else RunnableLambda(what)
