"""The two halves of an edge, for explicit chains: `mask | model | restore`.

What a chain is given and what it answers are recorded by its own run, before the first half and
after the second. Wrap the chain in `private()` instead, or install the tracing guard, where
somebody traces.

Example:
    ```python
    chain = MaskingRunnable(masker) | prompt | model | RestoringRunnable(masker)
    ```
"""

import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from langchain_core.runnables import Runnable, RunnableConfig

from langchain_privacy.edge.run import is_recorded, session_of, thread_of
from langchain_privacy.edge.streams import arestore_stream, restore_stream
from langchain_privacy.masking import Masker, MaskingSession

_RUNS_AT_ONCE = 4096
"""Chains without a thread id whose sessions are kept at the same time; the oldest goes first."""

_sessions: WeakKeyDictionary[Masker, OrderedDict[Any, MaskingSession]] = WeakKeyDictionary()
_lock = threading.Lock()


def _session(masker: Masker, config: RunnableConfig | None) -> MaskingSession:
    """Return the session of the thread or run around; else one for this run of the chain."""
    run = _run_of(config)
    if run is None:
        return session_of(masker, config)
    with _lock:
        sessions = _sessions.setdefault(masker, OrderedDict())
        session = sessions.get(run)
        if session is None:
            session = sessions[run] = session_of(masker, config)
            if len(sessions) > _RUNS_AT_ONCE:
                sessions.popitem(last=False)
        return session


@contextmanager
def _last_use(masker: Masker, config: RunnableConfig | None) -> Iterator[MaskingSession]:
    """Give the session to the half that restores; that of a run goes with it."""
    try:
        yield _session(masker, config)
    finally:
        with _lock:
            _sessions.get(masker, OrderedDict()).pop(_run_of(config), None)


def _run_of(config: RunnableConfig | None) -> Any:
    """Return the id of the chain's run, `None` where the session has another name."""
    thread = thread_of((config or {}).get("configurable") or {})
    if thread is not None or is_recorded(config):
        return None
    return getattr((config or {}).get("callbacks"), "parent_run_id", None)


class MaskingRunnable(Runnable[Any, Any]):
    """Masks its input: the first half of `mask | model | restore`.

    Both halves find the same session: that of `configurable.thread_id`, or without one that of
    the chain's run. The input of the chain itself is a traced surface; see the module docstring.

    Args:
        masker: Finds private values and holds the vault.
    """

    def __init__(self, masker: Masker) -> None:
        self._masker = masker

    def __repr__(self) -> str:
        return "<MaskingRunnable>"

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002, ARG002
        """Mask a text, messages, a document or any structure of them."""
        return _session(self._masker, config).mask(input)


class RestoringRunnable(Runnable[Any, Any]):
    """Restores its input: the second half of `mask | model | restore`; streams stay streams.

    Inside a private graph or Runnable it changes nothing, since what follows is recorded there
    and the edge restores.

    Args:
        masker: The one that the `MaskingRunnable` has.
    """

    def __init__(self, masker: Masker) -> None:
        self._masker = masker

    def __repr__(self) -> str:
        return "<RestoringRunnable>"

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002, ARG002
        """Restore a text, messages, a document or any structure of them."""
        if is_recorded(config):
            return input
        with _last_use(self._masker, config) as session:
            return session.restore(input)

    def transform(
        self,
        input: Iterator[Any],  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ARG002
    ) -> Iterator[Any]:
        """Restore a stream piece by piece."""
        if is_recorded(config):
            yield from input
        else:
            with _last_use(self._masker, config) as session:
                yield from restore_stream(session, input)

    async def atransform(
        self,
        input: AsyncIterator[Any],  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ARG002
    ) -> AsyncIterator[Any]:
        """Like `transform`, for an asynchronous stream."""
        if is_recorded(config):
            async for piece in input:
                yield piece
            return
        with _last_use(self._masker, config) as session:
            async with aclosing(arestore_stream(session, input)) as pieces:
                async for piece in pieces:
                    yield piece
