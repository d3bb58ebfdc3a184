"""The inside of a local function: real values, and nothing that LangChain records.

Inside, `interrupt()` shows a masked payload and returns the person's real answer, the run's store
and stream writer mask what they are given, and runs that the function starts are traced nowhere.
A chat model that is called with private values in the ordinary way is refused: it may be remote,
and its call would be cached. Local models are called with `langchain_privacy.local.call_local`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import var_child_runnable_config
from langgraph.runtime import Runtime

from langchain_privacy.edge.run import local_scope
from langchain_privacy.edge.store import PrivateStore
from langchain_privacy.errors import EgressBlockedError
from langchain_privacy.local.call import unseen
from langchain_privacy.masking import MaskingSession
from langchain_privacy.vault import session_scope

_SCRATCHPAD, _SEND = "__pregel_scratchpad", "__pregel_send"
_RUNTIME = "__pregel_runtime"


@contextmanager
def local_body(session: MaskingSession) -> Iterator[None]:
    """Run a `with` block as the body of a local function."""
    ambient = var_child_runnable_config.get()
    with session_scope(session.vault), local_scope(), unseen():
        token = var_child_runnable_config.set(local_config(ambient or {}, session))
        try:
            yield
        finally:
            var_child_runnable_config.reset(token)


def local_config(config: RunnableConfig, session: MaskingSession) -> RunnableConfig:
    """Return the config that a local function gets: no callbacks, and masking write access."""
    configurable = dict(config.get("configurable") or {})
    if _SCRATCHPAD in configurable:
        send = configurable[_SEND]
        configurable[_SCRATCHPAD] = _real_answers(configurable[_SCRATCHPAD], session)
        configurable[_SEND] = lambda writes: send(
            [(channel, session.mask(value)) for channel, value in writes]
        )
    if isinstance(runtime := configurable.get(_RUNTIME), Runtime):
        configurable[_RUNTIME] = local_runtime(runtime, session)
    return {**config, "callbacks": [_NoModelCalls(session)], "configurable": configurable}


def local_runtime(runtime: Any, session: MaskingSession) -> Any:
    """Return a `Runtime` or `ToolRuntime` whose store and stream writer mask."""
    writer = runtime.stream_writer
    changes: dict[str, Any] = {"stream_writer": lambda x: writer(session.mask(x))}
    if runtime.store is not None:
        changes["store"] = local_store(runtime.store, session)
    return replace(runtime, **changes)


def local_store(store: Any, session: MaskingSession) -> PrivateStore:
    """Return a store that masks what a local function puts."""
    return store if isinstance(store, PrivateStore) else PrivateStore(store, session)


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


class _NoModelCalls(BaseCallbackHandler):
    """Refuses an ordinary model call that carries private values out of a local function."""

    raise_error = True
    run_inline = True

    def __init__(self, session: MaskingSession) -> None:
        self._session = session

    def __repr__(self) -> str:
        return "<no model calls with private values>"

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],  # noqa: ARG002
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> None:
        """Examine the messages."""
        for batch in messages:
            self._examine(batch)

    def on_llm_start(
        self,
        serialized: dict[str, Any],  # noqa: ARG002
        prompts: list[str],
        *,
        run_id: UUID,  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> None:
        """Examine the prompts."""
        self._examine(prompts)

    def _examine(self, x: Any) -> None:
        if self._session.mask(x) == x:
            return
        msg = (
            "A local function called a chat model with private values. Call a local model with"
            " langchain_privacy.local.call_local(model, messages); wrap a remote one, or the agent"
            " that uses it, in private(...)."
        )
        raise EgressBlockedError(msg, rule="model_call_in_local_function")
