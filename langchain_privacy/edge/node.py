"""`local_node`: a node of one's own graph that works on real values.

Example:
    ```python
    @local_node
    def look_up(state):
        return {"orders": crm.orders_of(state["customer"])}  # a real name; the state has none


    builder.add_node("look_up", look_up)
    ```
"""

import asyncio
import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, overload

from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.runtime import Runtime
from langgraph.store.base import BaseStore

from langchain_privacy.edge.errors import masked_error
from langchain_privacy.edge.local_body import local_body, local_config, local_runtime, local_store
from langchain_privacy.edge.run import is_local, session_of, surrounding
from langchain_privacy.errors import ConfigurationError
from langchain_privacy.masking import Masker, MaskingSession

F = TypeVar("F", bound=Callable[..., Any])


@overload
def local_node(fn: F, /, *, masker: Masker | None = None) -> F: ...
@overload
def local_node(*, masker: Masker) -> Callable[[F], F]: ...
def local_node(fn: Any = None, /, *, masker: Masker | None = None) -> Any:
    """Let a node see real values while its graph's state stays masked.

    The function gets its state restored; what it returns, an update, a `Command`, `Send`s or a
    list of them, is masked before LangGraph records it. `interrupt()` shows a masked payload and
    gives the real answer; the runtime's store and stream writer mask what they get. Runs that the
    function starts are not traced, and an error is raised again without private values: its own
    class where that is a built-in one, else `LocalFunctionError`.

    Use it as a function, `builder.add_node("crm", local_node(crm))`, or as a decorator. The same
    holds for routers and for functions under LangGraph's `@task`.

    Args:
        fn: A synchronous or asynchronous function, or a Runnable.
        masker: Needed only in a graph that is not wrapped in `private()`.

    Raises:
        ConfigurationError: At run time, without `masker` and outside of a private graph.
    """
    if fn is None:
        return functools.partial(local_node, masker=masker)
    if isinstance(fn, Runnable):
        return local_node(_node_of(fn), masker=masker)
    if inspect.iscoroutinefunction(fn):

        @functools.wraps(fn)
        async def awrapped(*args: Any, **kwargs: Any) -> Any:
            if is_local():
                return await fn(*args, **kwargs)
            session = _session(masker)
            try:
                return await _arun(fn, session, args, kwargs)
            except BaseException as error:  # noqa: BLE001 - its text may hold a value
                failure = masked_error(session, error)
            raise failure

        return awrapped

    @functools.wraps(fn)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if is_local():  # called by another local function
            return fn(*args, **kwargs)
        session = _session(masker)
        try:
            return _run(fn, session, args, kwargs)
        except BaseException as error:  # noqa: BLE001 - its text may hold a value
            failure = masked_error(session, error)
        raise failure

    return wrapped


def _node_of(runnable: Runnable[Any, Any]) -> Callable[..., Any]:
    def node(state: Any, config: RunnableConfig) -> Any:
        return runnable.invoke(state, config)

    node.__name__ = runnable.get_name()
    return node


def _session(masker: Masker | None) -> MaskingSession:
    around = surrounding()
    if masker is None and around is not None:
        return around.session
    if masker is None:
        msg = (
            "A local node runs in a graph that is not private. Wrap the graph in"
            " private(graph, masker), or give the node a masker: local_node(fn, masker=masker)."
        )
        raise ConfigurationError(msg)
    return session_of(masker)


# In frames of their own, which the traceback of the error that is raised does not have.


def _run(
    fn: Callable[..., Any], session: MaskingSession, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    with local_body(session):
        given, named = _real(session, args, kwargs)
        result = fn(*given, **named)
    return _masked(session, result)


async def _arun(
    fn: Callable[..., Any], session: MaskingSession, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    with local_body(session):
        given, named = _real(session, args, kwargs)
        result = await fn(*given, **named)
    return await asyncio.to_thread(_masked, session, result)


def _real(
    session: MaskingSession, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """Restore what is state, and give what LangGraph injects its masking form."""
    given = [_argument(session, value) for value in args]
    return given, {name: _argument(session, value, name) for name, value in kwargs.items()}


def _argument(session: MaskingSession, value: Any, name: str = "") -> Any:
    if isinstance(value, Runtime):
        return local_runtime(value, session)
    if isinstance(value, BaseStore):
        return local_store(value, session)
    if name == "config":
        return local_config(value, session)
    if name == "writer":
        return lambda written: value(session.mask(written))
    return value if callable(value) else session.restore(value)


def _masked(session: MaskingSession, result: Any) -> Any:
    # The function saw no placeholder, so what looks like one in its result is plain text.
    return session.mask(result, untrusted=True)
