"""`private()` for compiled graphs: the edge between a person and a graph's run.

The input is masked before the run starts and each part is restored after it left the run's
callbacks, so the root run, the `__start__` checkpoint, caches and traces hold placeholders only.
Masking inside the run comes too late for the first two (LangChain's own `PIIMiddleware` works
there), and a model that restores inside is traced with real values.

`private()` calls `private_graph`; the SQL and minion graphs mix in a `PrivateGraph` of their own.

Example:
    ```python
    graph = private(builder.compile(checkpointer=InMemorySaver()), masker)
    graph.invoke({"messages": [HumanMessage("I am Jane Doe")]}, config)
    graph.get_state(config)  # "I am [PERSON_7K2Q]"; with restore=True as it was said
    ```
"""

import asyncio
import copy
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import aclosing
from typing import Any, TypeVar, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.pregel import Pregel
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore
from langgraph.types import StateSnapshot, StateUpdate

from langchain_privacy.edge.composing import Composing
from langchain_privacy.edge.control import control_words
from langchain_privacy.edge.parts import called_in_functions, private_nodes
from langchain_privacy.edge.run import (
    EdgeRun,
    all_off_loop,
    is_task,
    off_loop,
    open_run,
    restored_for_person,
    scoped,
    scoped_async,
    warn_once,
)
from langchain_privacy.edge.streams import CallbackEventRestorer, PartRestorer, restore_patches
from langchain_privacy.errors import ConfigurationError
from langchain_privacy.masking import Masker
from langchain_privacy.subclassing import made_from, recast, subclass

_RESPONSE = "structured_response"
"""LangChain's key of the parsed answer in an agent's state."""

G = TypeVar("G", bound=Pregel[Any, Any, Any, Any])


class PrivateGraph(Composing, Pregel[Any, Any, Any, Any]):
    """The methods that make a compiled graph private; `private()` mixes them into its class.

    The result still is what it was, a `CompiledStateGraph` for one, so that it can be served,
    drawn, composed and configured as before.
    """

    _masker: Masker
    _guard: Any
    _control: frozenset[str] = frozenset()
    _edge: Any = None
    _session: Any = None

    def edge(self, x: Any) -> Any:
        """Put an edge of the same kind around what this graph was composed to."""
        return self._edge(x, self._masker, self._guard, self._session) if self._edge else x

    # What a subclass may change: how input is masked and parts are restored.

    def mask_input(self, run: EdgeRun, x: Any) -> Any:
        """Mask what enters a run: an input, or a `Command` with its update, resume and `Send`s.

        Args:
            run: The run that is about to start; `run.session` is its session.
            x: What the caller gave.
        """
        return run.mask(x)

    def restore_part(self, run: EdgeRun, mode: str, data: Any) -> Any:  # noqa: ARG002
        """Restore the data of one stream part; `invoke`'s result is a part of mode `"values"`.

        Args:
            run: The run that it comes from.
            mode: Any stream mode but `"messages"`, whose texts are restored across parts.
            data: What LangGraph streamed; it is not changed.
        """
        return run.restore(data)

    # The run itself.

    def _inner(self, run: EdgeRun) -> Any:
        """Return this graph as it was before `private`; its methods see placeholders only."""
        plain: Any = copy.copy(self)
        recast(plain, made_from(type(self)))
        # A method that somebody put on this object, to watch it, calls the edge; not from within.
        for name in vars(PrivateGraph).keys() & vars(plain).keys():
            if callable(getattr(PrivateGraph, name)):
                del vars(plain)[name]
        plain.config = run.bound
        return plain

    def _open(self, config: RunnableConfig | None) -> EdgeRun:
        warn_of_restart(self._masker, self.checkpointer, self.store)
        return open_run(
            self._masker, config, self.config, self._guard, self._control, self._session
        )

    def _enter(self, config: RunnableConfig | None, x: Any) -> tuple[EdgeRun, Any]:
        run = self._open(config)
        return run, self.mask_input(run, x)

    async def _aenter(self, config: RunnableConfig | None, x: Any) -> tuple[EdgeRun, Any]:
        return await asyncio.to_thread(self._enter, config, x)

    def _default_mode(self, config: RunnableConfig | None) -> str:
        # LangGraph's own rule: a node that is a graph streams values.
        return "values" if is_task(config) else self.stream_mode

    def _parts(self, run: EdgeRun, arguments: dict[str, Any]) -> PartRestorer:
        return PartRestorer(
            run.session,
            lambda mode, data: self.restore_part(run, mode, data),
            stream_mode=arguments["stream_mode"],
            subgraphs=bool(arguments.get("subgraphs")),
            version=arguments.get("version") or "v1",
        )

    def stream(
        self,
        input: Any,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Iterator[Any]:
        """Stream the graph; see `Pregel.stream`. Every mode yields real values."""
        run, masked = self._enter(config, input)
        kwargs["stream_mode"] = kwargs.get("stream_mode") or self._default_mode(config)
        parts = self._parts(run, kwargs)
        inner = scoped(run, self._inner(run).stream(masked, run.config, **kwargs))
        for part in inner:
            yield from [part] if run.inside else parts.feed(part)
        yield from parts.tails()

    async def astream(
        self,
        input: Any,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[Any]:
        """Stream the graph; see `Pregel.astream`. Every mode yields real values."""
        run, masked = await self._aenter(config, input)
        kwargs["stream_mode"] = kwargs.get("stream_mode") or self._default_mode(config)
        parts = self._parts(run, kwargs)
        inner = scoped_async(run, self._inner(run).astream(masked, run.config, **kwargs))
        async with aclosing(inner):
            async for part in inner:
                fed = [part] if run.inside else await all_off_loop(run.session, parts.feed, part)
                for restored in fed:
                    yield restored
        for restored in await all_off_loop(run.session, parts.tails):
            yield restored

    def invoke(
        self,
        input: Any,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Any:
        """Run the graph; see `Pregel.invoke`. The result holds real values."""
        if (kwargs.get("stream_mode") or "values") != "values":
            return super().invoke(input, config, **kwargs)  # a list of restored parts
        run, masked = self._enter(config, input)
        with run.scope():
            result = self._inner(run).invoke(masked, run.config, **kwargs)
        return (
            result
            if run.inside and run.around is None
            else self.restore_part(run, "values", result)
        )

    async def ainvoke(
        self,
        input: Any,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Any:
        """Run the graph; see `Pregel.ainvoke`. The result holds real values."""
        if (kwargs.get("stream_mode") or "values") != "values":
            return await super().ainvoke(input, config, **kwargs)
        run, masked = await self._aenter(config, input)
        with run.scope():
            result = await self._inner(run).ainvoke(masked, run.config, **kwargs)
        if run.inside and run.around is None:
            return result
        return await off_loop(run.session, self.restore_part, run, "values", result)

    # Events. Version 3 goes through `stream` and `astream`; 1 and 2 are fed by callbacks.

    def astream_events(  # type: ignore[override]
        self,
        input: Any,  # noqa: A002
        config: RunnableConfig | None = None,
        *,
        version: str = "v2",
        **kwargs: Any,
    ) -> AsyncIterator[Any] | Awaitable[Any]:
        """Stream events; see `Pregel.astream_events`. All versions carry real values."""
        if version == "v3":
            v3 = super().astream_events(input, config, version="v3", **kwargs)
            return cast("Awaitable[Any]", v3)
        return self._events(input, config, version, kwargs)

    async def _events(
        self, x: Any, config: RunnableConfig | None, version: str, kwargs: dict[str, Any]
    ) -> AsyncIterator[Any]:
        run, masked = await self._aenter(config, x)
        events = CallbackEventRestorer(run.session)
        plain = self._inner(run)
        if "astream" in vars(self):  # somebody watches it: events come from it, as without an edge
            plain.astream = self.astream
        inner = scoped_async(
            run, plain.astream_events(masked, run.config, version=version, **kwargs)
        )
        async with aclosing(inner):
            async for event in inner:
                fed = [event] if run.inside else await off_loop(run.session, events.feed, event)
                for restored in fed:
                    yield restored

    async def astream_log(
        self,
        input: Any,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[Any]:
        """Stream a run's log; see `Runnable.astream_log`. Tokens stay masked where split."""
        run, masked = await self._aenter(config, input)
        inner = scoped_async(run, self._inner(run).astream_log(masked, run.config, **kwargs))
        async with aclosing(inner):
            async for patch in inner:
                if not run.inside:
                    patch = await off_loop(run.session, restore_patches, patch, run.session)
                yield patch

    # State. A checkpoint is masked; reading it restores only where asked.

    def get_state(
        self, config: RunnableConfig, *, subgraphs: bool = False, restore: bool = False
    ) -> StateSnapshot:
        """Get the current state, masked as it is stored, or restored.

        Args:
            config: Names the thread.
            subgraphs: Whether to include the state of subgraphs.
            restore: Whether to put real values back.
        """
        run = self._open(config)
        snapshot = self._inner(run).get_state(run.config, subgraphs=subgraphs)
        return snapshot_for_caller(run, snapshot, restore=restore)

    async def aget_state(
        self, config: RunnableConfig, *, subgraphs: bool = False, restore: bool = False
    ) -> StateSnapshot:
        """Like `get_state`, without blocking the event loop."""
        run = await asyncio.to_thread(self._open, config)
        snapshot = await self._inner(run).aget_state(run.config, subgraphs=subgraphs)
        return await off_loop(run.session, snapshot_for_caller, run, snapshot, restore=restore)

    def get_state_history(
        self, config: RunnableConfig, *, restore: bool = False, **kwargs: Any
    ) -> Iterator[StateSnapshot]:
        """Get the states of a thread, newest first; see `get_state` and `Pregel`."""
        run = self._open(config)
        if kwargs.get("before") is not None:
            kwargs["before"] = self._open(kwargs["before"]).config
        for snapshot in self._inner(run).get_state_history(run.config, **kwargs):
            yield snapshot_for_caller(run, snapshot, restore=restore)

    async def aget_state_history(
        self, config: RunnableConfig, *, restore: bool = False, **kwargs: Any
    ) -> AsyncIterator[StateSnapshot]:
        """Like `get_state_history`, without blocking the event loop."""
        run = await asyncio.to_thread(self._open, config)
        if kwargs.get("before") is not None:
            kwargs["before"] = (await asyncio.to_thread(self._open, kwargs["before"])).config
        async for snapshot in self._inner(run).aget_state_history(run.config, **kwargs):
            yield await off_loop(run.session, snapshot_for_caller, run, snapshot, restore=restore)

    def bulk_update_state(
        self, config: RunnableConfig, supersteps: Sequence[Sequence[StateUpdate]]
    ) -> RunnableConfig:
        """Update the state; the values are masked before they are stored."""
        run, masked = self._enter(config, list(map(list, supersteps)))
        with run.scope():
            new = self._inner(run).bulk_update_state(run.config, masked)
        return config_for_caller(run, new)

    async def abulk_update_state(
        self, config: RunnableConfig, supersteps: Sequence[Sequence[StateUpdate]]
    ) -> RunnableConfig:
        """Like `bulk_update_state`, without blocking the event loop."""
        run, masked = await self._aenter(config, list(map(list, supersteps)))
        with run.scope():
            new = await self._inner(run).abulk_update_state(run.config, masked)
        return config_for_caller(run, new)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"


def private_graph(
    graph: G,
    masker: Masker,
    guard: Any = None,
    *,
    edge: type[PrivateGraph] = PrivateGraph,
    around: Any = None,
    session: Any = None,
) -> G:
    """Return a copy of `graph` that masks at its edge; it keeps its class and its name.

    Args:
        graph: A compiled graph.
        masker: Finds private values and holds the vault.
        guard: Examines the messages of every model call inside the run.
        edge: What to mix into the graph's class: `PrivateGraph`, or a subclass with another
            `mask_input` or `restore_part`. Settings belong on that class; LangGraph copies a
            graph by passing its attributes to its constructor.
        around: Puts an edge around what the graph is composed to: `private`. Graphs with another
            way in have none.
        session: Says whose session a run belongs to; the thread's by default.

    Raises:
        ConfigurationError: The graph is private already, with another masker.
    """
    if isinstance(graph, PrivateGraph):
        if graph._masker is masker:  # noqa: SLF001
            return graph
        msg = "This graph is private already, with another masker; give both the same one."
        raise ConfigurationError(msg)
    if guard is None and (called := ", ".join(called_in_functions(graph.nodes))):
        warn_once(
            f"called: {called}",
            f"private() cannot wrap what functions of a graph call by themselves: {called}. They"
            " get placeholders where the state has them; what else a function gives them is not"
            " masked. Give private() a guard, wrap each (guard.wrap(model), private_tool(tool,"
            " masker), private(retriever, masker)), or make it a node of its own.",
        )
    new = graph.copy({"nodes": private_nodes(graph.nodes, masker)})
    settings = {"_masker": masker, "_guard": guard, "_control": control_words(graph)}
    if around is not None:
        settings["_edge"] = staticmethod(around)
    if session is not None:
        settings["_session"] = staticmethod(session)
    recast(new, subclass(type(graph), settings, edge, prefix="Private"))
    # What makes models and dataclasses of a state (`version="v2"`); LangGraph's `copy` drops them.
    for name in ("_output_mapper", "_state_mapper"):
        if (mapper := getattr(graph, name, None)) is not None:
            setattr(new, name, mapper)
    return new


_GONE_WITH_THE_PROCESS = (InMemorySaver, InMemoryStore)


def warn_of_restart(masker: Masker, *kept: Any) -> None:
    """Warn where placeholders outlive the values that they stand for.

    Args:
        masker: Its vault holds the values.
        kept: What keeps placeholders: a checkpointer, a store.
    """
    if masker.vault.persists:
        return
    for each in kept:
        persists = isinstance(each, (BaseCheckpointSaver, BaseStore))
        if persists and not isinstance(each, _GONE_WITH_THE_PROCESS):
            name = type(each).__name__
            warn_once(
                f"restart {name}",
                f"{name} keeps placeholders, and the vault is gone with this process: after a"
                " restart persons and tools see placeholders. Give the masker a vault that stays:"
                ' Masker(vault=StoreVault.sqlite("vault.sqlite")).',
            )


def snapshot_for_caller(run: EdgeRun, snapshot: StateSnapshot, *, restore: bool) -> StateSnapshot:
    """Return a state as it is stored, or restored; its configs are the caller's."""
    if restore:
        snapshot = restored_for_person(run.session, snapshot)
    return snapshot._replace(
        config=config_for_caller(run, snapshot.config),
        parent_config=config_for_caller(run, snapshot.parent_config)
        if snapshot.parent_config
        else None,
    )


def config_for_caller(run: EdgeRun, config: RunnableConfig) -> RunnableConfig:
    """Give the caller the thread id that the caller knows."""
    return run.session.restore(config)
