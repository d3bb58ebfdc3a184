"""Threads that a local function starts belong to it.

A local function is marked in its context, and Python gives a new thread an empty one: in a
`ThreadPoolExecutor` inside a tool, runs would be traced with real values and models called with
them. So threads and executors take the context along where it is a local function's; everywhere
else they are as Python made them. `asyncio.to_thread` and LangChain's own executors do so anyway.

`edge.local_body` calls `follow_into_threads` when the first local function runs.
"""

import contextvars
import functools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from langchain_privacy.edge.run import is_local

_pooled: contextvars.ContextVar[bool] = contextvars.ContextVar("edge_pooled", default=False)
"""Whether a thread that is started now is a worker of an executor, which others will use too."""


@functools.cache
def follow_into_threads() -> None:
    """Have threads and executors keep the context of local functions, from now on."""
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
        token = _pooled.set(True)
        try:
            return submit(self, context.run, fn, *args, **kwargs)
        finally:
            _pooled.reset(token)

    threading.Thread.start = start_following  # type: ignore[method-assign]
    ThreadPoolExecutor.submit = submit_following  # type: ignore[method-assign,assignment]
