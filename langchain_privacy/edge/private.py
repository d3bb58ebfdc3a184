"""`private()`: the edge between a person and whatever runs.

Graphs get their edge in `edge.graph`, any other Runnable here, in `PrivateRunnable`.

Example:
    ```python
    chain = private(prompt | model | StrOutputParser(), masker)
    for piece in chain.stream({"question": "Who is Jane Doe?"}, config):
        print(piece, end="")
    ```
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any, TypeVar

from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.utils import Input, Output
from langgraph.pregel import Pregel

from langchain_privacy.edge.graph import private_graph
from langchain_privacy.edge.run import EdgeRun, open_run, scoped, scoped_async
from langchain_privacy.edge.streams import CallbackEventRestorer, arestore_stream, restore_stream
from langchain_privacy.egress.destination import is_remote_graph
from langchain_privacy.masking import Masker

R = TypeVar("R", bound=Runnable[Any, Any])


def private(x: R, masker: Masker, *, guard: Any = None) -> R:
    """Make a compiled graph or any other Runnable private at its edge.

    What enters is masked before the run starts; what comes out is restored after it has left
    callbacks and traces. Models, state, checkpoints, caches and traces hold placeholders.

    A compiled graph stays a compiled graph: `invoke`, `stream` in every mode, `stream_events`,
    `astream_events`, interrupts and `Command(resume=...)`, `update_state`, `with_config` and use
    as a subgraph go on working. `get_state(config, restore=True)` reads with real values.

    The session is `configurable.thread_id` (and `configurable.tenant`); without one, a session of
    this run alone. Inside another graph's run the result stays masked, since that run is
    recorded; the outermost edge restores it.

    Args:
        x: A compiled graph, or any Runnable.
        masker: Finds private values and holds the vault.
        guard: An `EgressGuard`; it examines the messages of every model call inside the run. Of a
            `RemoteGraph` it examines and records what is sent.

    Raises:
        ConfigurationError: The graph is private already, with another masker.
    """
    if isinstance(x, Pregel):
        return private_graph(x, masker, guard)
    if guard is not None and is_remote_graph(x):
        return PrivateRunnable(guard.wrap_runnable(x), masker, guard)  # type: ignore[return-value]
    return PrivateRunnable(x, masker, guard)  # type: ignore[return-value]


class PrivateRunnable(Runnable[Input, Output]):
    """Masks before `inner` starts and restores after it ended.

    It opens no run, so that the first thing that callbacks see of a call is masked already.
    """

    def __init__(self, inner: Runnable[Input, Output], masker: Masker, guard: Any = None) -> None:
        self._inner = inner
        self._masker = masker
        self._guard = guard
        self.name = getattr(inner, "name", None)  # a `RunnableLambda` of a lambda has none

    def __repr__(self) -> str:
        return f"<PrivateRunnable of {type(self._inner).__name__}>"

    def get_name(self, suffix: str | None = None, *, name: str | None = None) -> str:
        """Return the name of the wrapped Runnable."""
        return self._inner.get_name(suffix, name=name)

    def get_graph(self, config: RunnableConfig | None = None) -> Any:
        """Return the graph of the wrapped Runnable."""
        return self._inner.get_graph(config)

    @property
    def InputType(self) -> Any:  # noqa: N802
        """The type that the wrapped Runnable takes."""
        return self._inner.InputType

    @property
    def OutputType(self) -> Any:  # noqa: N802
        """The type that the wrapped Runnable gives."""
        return self._inner.OutputType

    def get_input_schema(self, config: RunnableConfig | None = None) -> Any:
        """Return the schema of what the wrapped Runnable takes."""
        return self._inner.get_input_schema(config)

    def get_output_schema(self, config: RunnableConfig | None = None) -> Any:
        """Return the schema of what the wrapped Runnable gives."""
        return self._inner.get_output_schema(config)

    def _enter(self, config: RunnableConfig | None, x: Any) -> tuple[EdgeRun, Any]:
        run = open_run(self._masker, config, guard=self._guard)
        return run, run.mask(x)

    def invoke(self, input: Input, config: RunnableConfig | None = None, **kwargs: Any) -> Output:  # noqa: A002
        """Mask the input, invoke, restore the output."""
        run, masked = self._enter(config, input)
        with run.scope():
            output = self._inner.invoke(masked, run.config, **kwargs)
        return run.restore(output)  # type: ignore[no-any-return]

    async def ainvoke(
        self,
        input: Input,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Output:
        """Like `invoke`, without blocking the event loop."""
        run, masked = await asyncio.to_thread(self._enter, config, input)
        with run.scope():
            output = await self._inner.ainvoke(masked, run.config, **kwargs)
        return run.restore(output)  # type: ignore[no-any-return]

    def stream(
        self,
        input: Input,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Iterator[Output]:
        """Mask the input and restore the output as it streams."""
        run, masked = self._enter(config, input)
        inner = scoped(run, self._inner.stream(masked, run.config, **kwargs))
        yield from inner if run.inside else restore_stream(run.session, inner)

    async def astream(
        self,
        input: Input,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any | None,
    ) -> AsyncIterator[Output]:
        """Like `stream`, without blocking the event loop."""
        run, masked = await asyncio.to_thread(self._enter, config, input)
        inner = scoped_async(run, self._inner.astream(masked, run.config, **kwargs))
        async with aclosing(inner if run.inside else arestore_stream(run.session, inner)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def astream_events(  # type: ignore[override]
        self,
        input: Any,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[Any]:
        """Stream events with real values; see `Runnable.astream_events`."""
        run, masked = await asyncio.to_thread(self._enter, config, input)
        inner = scoped_async(run, self._inner.astream_events(masked, run.config, **kwargs))
        events = CallbackEventRestorer(run.session)
        async with aclosing(inner):
            async for event in inner:
                for restored in [event] if run.inside else events.feed(event):
                    yield restored
