"""The inside of a local function: real values, and nothing that LangChain records.

Inside, `interrupt()` shows a masked payload and returns the person's real answer, the run's store,
checkpointer (`edge.local_saver`) and stream writer mask what they are given, and runs that the
function starts are traced nowhere, also in threads of its own.
A chat model that is called with private values in the ordinary way is refused: it may be remote,
and its call would be cached. Local models are called with `langchain_privacy.local.call_local`,
and so are attested ones: it leads them through a door that masks, guards and records.

Tools (`edge.tools`), local nodes (`edge.node`) and retrievers (`edge.retrieval`) run in it.

Example:
    ```python
    with local_body(session):
        result = function(*session.restore(arguments))
    return session.mask(result, untrusted=True)
    ```
"""

import contextvars
import functools
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import var_child_runnable_config
from langgraph.runtime import Runtime
from langgraph.store.base import BaseStore, GetOp, Item, ListNamespacesOp, Op, PutOp, SearchOp

from langchain_privacy.edge.local_saver import masking_saver
from langchain_privacy.edge.run import (
    RefusingHandler,
    is_local,
    is_setting,
    local_scope,
    mask_config,
    restored_setting,
    surrounding,
)
from langchain_privacy.egress.guarded_models import guard_of
from langchain_privacy.errors import ConfigurationError, EgressBlockedError
from langchain_privacy.local.call import door_scope, unseen
from langchain_privacy.masking import MaskingSession
from langchain_privacy.scopes import scope
from langchain_privacy.vault import session_scope

_SCRATCHPAD, _SEND = "__pregel_scratchpad", "__pregel_send"
_RUNTIME = "__pregel_runtime"


@contextmanager
def local_body(session: MaskingSession) -> Iterator[None]:
    """Run a `with` block as the body of a local function."""
    ambient = var_child_runnable_config.get()
    follow_into_threads()
    around = surrounding()
    door = AttestedDoor(session, around.guard if around else None)
    with session_scope(session.vault), local_scope(), unseen(), door_scope(door):
        config = local_config(ambient or {}, session)
        with scope(var_child_runnable_config, config):
            yield


def local_config(config: RunnableConfig, session: MaskingSession) -> RunnableConfig:
    """Return the config that a local function gets: no callbacks, and masking write access.

    Settings and metadata are real: a function looks a user up by them.
    """
    configurable = {
        key: restored_setting(session, value) if is_setting(key) else value
        for key, value in (config.get("configurable") or {}).items()
    }
    if _SCRATCHPAD in configurable:
        send = configurable[_SEND]
        configurable[_SCRATCHPAD] = _real_answers(configurable[_SCRATCHPAD], session)
        configurable[_SEND] = lambda writes: send(
            [(channel, session.mask(value)) for channel, value in writes]
        )
    configurable |= masking_saver(configurable, session, partial(mask_config, session))
    if isinstance(runtime := configurable.get(_RUNTIME), Runtime):
        configurable[_RUNTIME] = local_runtime(runtime, session)
    real: RunnableConfig = {**config, "configurable": configurable}
    if metadata := config.get("metadata"):
        real["metadata"] = restored_setting(session, metadata)
    return {**real, "callbacks": [_NoModelCalls(session)]}


def local_runtime(runtime: Any, session: MaskingSession) -> Any:
    """Return a `Runtime` or `ToolRuntime` whose store and stream writer mask."""
    writer = runtime.stream_writer
    changes: dict[str, Any] = {"stream_writer": lambda x: writer(session.mask(x))}
    if runtime.store is not None:
        changes["store"] = local_store(runtime.store, session)
    return replace(runtime, **changes)


class _Answers(list[Any]):
    """Answers to interrupts, restored; a new one is noted, masked, for the run as well."""

    def __init__(self, answers: list[Any], session: MaskingSession) -> None:
        super().__init__(session.restore(answer) for answer in answers)
        self._answers = answers
        self._session = session

    def append(self, answer: Any) -> None:
        super().append(answer)
        self._answers.append(self._session.mask(answer))


def _real_answers(scratchpad: Any, session: MaskingSession) -> Any:
    pending: Callable[[bool], Any] = scratchpad.get_null_resume

    def restored(consume: bool = False) -> Any:
        answer = pending(consume)
        return None if answer is None else session.restore(answer)

    answers = _Answers(scratchpad.resume, session)
    return replace(scratchpad, get_null_resume=restored, resume=answers)


class _NoModelCalls(RefusingHandler):
    """Refuses an ordinary model call that carries private values out of a local function."""

    def __init__(self, session: MaskingSession) -> None:
        self._session = session

    def __repr__(self) -> str:
        return "<no model calls with private values>"

    def look(self, messages: list[BaseMessage], tools: Any) -> None:  # noqa: ARG002
        """Refuse messages in which something is private."""
        if self._session.mask(messages) == messages:
            return
        msg = (
            "A local function called a chat model with private values. Call a local model with"
            " langchain_privacy.local.call_local(model, messages); wrap a remote one, or the agent"
            " that uses it, in private(...)."
        )
        raise EgressBlockedError(msg, rule="model_call_in_local_function")


class PrivateStore(BaseStore):
    """Masks what is put, looks up what was masked, and restores what is found.

    Values, keys and namespaces hold the session's placeholders. Another session cannot resolve
    them: memory that is meant to be shared between threads needs a store of its own.

    Args:
        store: The store of the run.
        session: Masks and restores.
    """

    def __init__(self, store: BaseStore, session: MaskingSession) -> None:
        self._store = store
        self._session = session
        self.supports_ttl = store.supports_ttl
        self.ttl_config = store.ttl_config

    def __repr__(self) -> str:
        return f"<PrivateStore of {type(self._store).__name__}>"

    def batch(self, ops: Iterable[Op]) -> list[Any]:
        """Run several operations."""
        return [self._restored(r) for r in self._store.batch([self._masked(op) for op in ops])]

    async def abatch(self, ops: Iterable[Op]) -> list[Any]:
        """Like `batch`, without blocking the event loop."""
        results = await self._store.abatch([self._masked(op) for op in ops])
        return [self._restored(r) for r in results]

    def _masked(self, op: Op) -> Op:
        mask = self._session.mask
        match op:
            case GetOp():
                return op._replace(namespace=self._path(op.namespace), key=mask(op.key))
            case PutOp():
                value = None if op.value is None else mask(dict(op.value))
                path = self._path(op.namespace)
                return op._replace(namespace=path, key=mask(op.key), value=value)
            case SearchOp():
                prefix = self._path(op.namespace_prefix)
                found = op._replace(namespace_prefix=prefix, filter=mask(op.filter))
                return found._replace(query=None if op.query is None else mask(op.query))
            case ListNamespacesOp():
                conditions = op.match_conditions and tuple(
                    each._replace(path=self._path(each.path))
                    if hasattr(each, "_replace")
                    else type(each)(match_type=each.match_type, path=self._path(each.path))
                    for each in op.match_conditions
                )
                return op._replace(match_conditions=conditions)

    def _path(self, path: Iterable[str]) -> tuple[str, ...]:
        return tuple(self._session.mask(part) for part in path)

    def _restored(self, result: Any) -> Any:
        restore = self._session.restore
        if isinstance(result, Item):
            arguments = {**result.dict(), "namespace": restore(list(result.namespace))}
            arguments |= {"key": restore(result.key), "value": restore(result.value)}
            return type(result)(**arguments)
        if isinstance(result, list):
            return [self._restored(each) for each in result]
        if isinstance(result, tuple):
            return tuple(restore(part) for part in result)
        return result


def local_store(store: Any, session: MaskingSession) -> PrivateStore:
    """Return a store that masks what a local function puts."""
    return store if isinstance(store, PrivateStore) else PrivateStore(store, session)


# ---- The door to attested models


class AttestedDoor:
    """Leads calls of attested models out of a local function: masked, guarded, recorded.

    A model behind an attested endpoint is neither local nor like any other remote one, so
    `call_local` leads it through this door, which every local function has around it:

    ```python
    guard = EgressGuard(masker, policy=RealTextToAttested())  # without it: placeholders
    secure = guard.wrap(SecureChatModel(endpoint=url, model="m", policy=policy))


    @local_node
    def summarize(state):
        return {"summary": call_local(secure, state["report"]).text}
    ```

    Args:
        session: Masks what goes out, and restores what comes back.
        guard: The guard of the run, for models that have none of their own.
    """

    def __init__(self, session: MaskingSession, guard: Any) -> None:
        self._session = session
        self._guard = guard

    def __repr__(self) -> str:
        return f"<AttestedDoor of {self._session!r}>"

    def out(
        self, model: BaseChatModel, messages: list[BaseMessage], arguments: dict[str, Any]
    ) -> tuple[BaseChatModel, list[BaseMessage], dict[str, Any]]:
        """Return the guarded model, and what it is to get.

        Raises:
            ConfigurationError: Nobody would record the crossing.
        """
        guard: Any = guard_of(model) or self._guard
        if guard is None:
            msg = (
                f"{type(model).__name__} has no guard, so nobody would record what crosses: use"
                " guard.wrap(model), or private(graph, masker, guard=guard)."
            )
            raise ConfigurationError(msg)
        guarded = guard.wrap(model)
        if guard.policy is not None and guard.policy.lets_real_text(guarded):
            return guarded, messages, arguments
        return guarded, self._session.mask(messages), self._session.mask(arguments)

    def back(self, answer: AIMessage) -> AIMessage:
        """Restore an answer for the local function."""
        return self._session.restore(answer)


# ---- Threads that a local function starts

_pooled: contextvars.ContextVar[bool] = contextvars.ContextVar("edge_pooled", default=False)
"""Whether a thread that is started now is a worker of an executor, which others will use too."""


@functools.cache
def follow_into_threads() -> None:
    """Have threads and executors keep the context of local functions, from now on.

    A local function is marked in its context, and Python gives a new thread an empty one: in a
    `ThreadPoolExecutor` inside a tool, runs would be traced with real values and models called
    with them. Elsewhere threads are as Python made them. `asyncio.to_thread` and LangChain's own
    executors take the context along anyway.
    """
    start = threading.Thread.start
    submit: Any = ThreadPoolExecutor.submit

    @functools.wraps(start)
    def start_following(self: threading.Thread) -> None:
        if is_local() and not _pooled.get():
            body, context = self.run, contextvars.copy_context()

            def run() -> None:
                # or the thread would hold itself
                del self.run
                context.run(body)

            self.run = run  # type: ignore[method-assign]
        start(self)

    @functools.wraps(submit)
    def submit_following(
        self: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> Any:
        if not is_local():
            return submit(self, fn, *args, **kwargs)
        context = contextvars.copy_context()
        with scope(_pooled, True):
            return submit(self, context.run, fn, *args, **kwargs)

    threading.Thread.start = start_following  # type: ignore[method-assign]
    ThreadPoolExecutor.submit = submit_following  # type: ignore[method-assign,assignment]
