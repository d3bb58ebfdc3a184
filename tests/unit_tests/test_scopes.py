"""A coroutine that nobody waits for ends quietly, in whatever context it is closed."""

import asyncio
import gc
import sys
import weakref
from collections.abc import Callable, Coroutine, Generator
from contextvars import ContextVar, copy_context
from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda
from langgraph.graph import START, StateGraph

from langchain_privacy import Masker, local_node, private
from langchain_privacy.egress.crossing import crossing_for
from langchain_privacy.local.call import unseen
from langchain_privacy.scopes import put_back, scope
from langchain_privacy.vault import current_session, session_scope

COLOUR: ContextVar[str] = ContextVar("colour", default="white")


class Never:
    """What is awaited for ever."""

    def __await__(self) -> Generator[None, None, None]:
        while True:
            yield


def test_a_variable_holds_inside_the_block_and_is_put_back() -> None:
    with pytest.raises(LookupError), scope(COLOUR, "red"), scope(COLOUR, "blue"):
        assert COLOUR.get() == "blue"
        raise LookupError
    assert COLOUR.get() == "white"


def test_nothing_is_put_back_in_another_context() -> None:
    here = copy_context()
    token = here.run(COLOUR.set, "red")
    assert not put_back(COLOUR, token)
    assert here.run(COLOUR.get) == "red"
    assert here.run(put_back, COLOUR, token)
    assert here.run(COLOUR.get) == "white"


def test_the_scopes_of_the_package_may_be_closed_in_another_context() -> None:
    vault = Masker().session("s").vault

    async def waits() -> None:
        with session_scope(vault), crossing_for("embed"), unseen():
            await Never()

    coroutine = waits()
    copy_context().run(coroutine.send, None)
    coroutine.close()
    assert current_session() is None


REACHED: list[bool] = []


async def waits_for_ever(_: Any) -> Any:
    REACHED.append(True)
    await asyncio.sleep(3600)


def abandoned(run: Callable[[], Coroutine[Any, Any, Any]]) -> list[str]:
    """Leave a run alone in the middle, and return what Python says when it is collected."""
    said: list[str] = []
    left: list[weakref.ref[Any]] = []

    async def begin() -> None:
        coroutine = run()
        left.append(weakref.ref(coroutine))
        task = asyncio.ensure_future(coroutine)
        while not REACHED and not task.done():  # noqa: ASYNC110 - an event would hold the task
            await asyncio.sleep(0.05)
        assert not task.done()

    REACHED.clear()
    before, sys.unraisablehook = sys.unraisablehook, lambda seen: said.append(repr(seen.exc_value))
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)  # "Task was destroyed but it is pending!"
    try:
        loop.run_until_complete(begin())
        loop.close()
        del loop
        gc.collect()
    finally:
        sys.unraisablehook = before
    assert left[0]() is None
    return said


@pytest.mark.parametrize("node", [waits_for_ever, local_node(waits_for_ever)])
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
def test_an_abandoned_run_says_nothing_of_contexts(node: Any) -> None:
    graph = StateGraph(dict)  # type: ignore[type-var]
    graph.add_node("wait", node)
    graph.add_edge(START, "wait")
    app: Any = private(graph.compile(), Masker())
    chain: Any = private(RunnableLambda(node), Masker())
    said = abandoned(lambda: app.ainvoke({"x": "mail jane.doe@example.org"}))
    said += abandoned(lambda: chain.ainvoke("mail jane.doe@example.org"))
    # LangChain itself cannot tell its handlers of the end: there is no event loop any more.
    assert set(said) <= {"RuntimeError('no running event loop')"}
