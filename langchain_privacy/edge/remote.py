"""`private()` of a graph that runs on another machine.

A `RemoteGraph` is called as any Runnable; its state, which the server keeps masked, is read and
written through the edge too.

Example:
    ```python
    graph = private(RemoteGraph("agent", url="https://graphs.example.com"), masker)
    graph.get_state(config, restore=True).values  # as they were said
    ```
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.types import StateSnapshot

from langchain_privacy.edge.graph import config_for_caller, snapshot_for_caller
from langchain_privacy.edge.run import EdgeRun, open_run
from langchain_privacy.edge.runnable import PrivateRunnable, masked_arguments
from langchain_privacy.egress.destination import destination_of
from langchain_privacy.masking import Masker


class PrivateRemoteGraph(PrivateRunnable[Any, Any]):
    """A remote graph behind an edge: what is sent is masked, what comes back restored.

    State is masked as the server stores it, and restored where asked, as with a private graph.
    """

    def __init__(self, remote: Any, masker: Masker, guard: Any = None, session: Any = None) -> None:
        inner = remote if guard is None else guard.wrap_runnable(remote)
        super().__init__(inner, masker, guard, session)
        self._remote = remote

    def _open(self, config: RunnableConfig | None) -> EdgeRun:
        return open_run(self._masker, config, session=self._session)

    def get_state(
        self,
        config: RunnableConfig,
        *,
        subgraphs: bool = False,
        restore: bool = False,
        **kwargs: Any,
    ) -> StateSnapshot:
        """Get the state of a thread, masked as it is stored, or restored.

        Args:
            config: Names the thread.
            subgraphs: Whether to include the state of subgraphs.
            restore: Whether to put real values back.
            **kwargs: As for `RemoteGraph.get_state`.
        """
        run = self._open(config)
        kwargs = masked_arguments(run, kwargs)
        snapshot = self._remote.get_state(run.config, subgraphs=subgraphs, **kwargs)
        return snapshot_for_caller(run, snapshot, restore=restore)

    async def aget_state(
        self,
        config: RunnableConfig,
        *,
        subgraphs: bool = False,
        restore: bool = False,
        **kwargs: Any,
    ) -> StateSnapshot:
        """Like `get_state`, without blocking the event loop."""
        run = await asyncio.to_thread(self._open, config)
        kwargs = await asyncio.to_thread(masked_arguments, run, kwargs)
        snapshot = await self._remote.aget_state(run.config, subgraphs=subgraphs, **kwargs)
        return snapshot_for_caller(run, snapshot, restore=restore)

    def get_state_history(
        self, config: RunnableConfig, *, restore: bool = False, **kwargs: Any
    ) -> Iterator[StateSnapshot]:
        """Get the states of a thread, newest first; see `get_state`."""
        run = self._open(config)
        kwargs = masked_arguments(run, kwargs)
        for snapshot in self._remote.get_state_history(run.config, **kwargs):
            yield snapshot_for_caller(run, snapshot, restore=restore)

    async def aget_state_history(
        self, config: RunnableConfig, *, restore: bool = False, **kwargs: Any
    ) -> AsyncIterator[StateSnapshot]:
        """Like `get_state_history`, without blocking the event loop."""
        run = await asyncio.to_thread(self._open, config)
        kwargs = await asyncio.to_thread(masked_arguments, run, kwargs)
        async for snapshot in self._remote.aget_state_history(run.config, **kwargs):
            yield snapshot_for_caller(run, snapshot, restore=restore)

    def update_state(
        self, config: RunnableConfig, values: Any, as_node: str | None = None, **kwargs: Any
    ) -> RunnableConfig:
        """Update the state of a thread; the values are masked before they are sent."""
        run = self._open(config)
        arguments = {"config": run.config, "as_node": as_node, **masked_arguments(run, kwargs)}
        new = self._sending().invoke(run.mask(values), **arguments)
        return config_for_caller(run, new)

    async def aupdate_state(
        self, config: RunnableConfig, values: Any, as_node: str | None = None, **kwargs: Any
    ) -> RunnableConfig:
        """Like `update_state`, without blocking the event loop."""
        run = await asyncio.to_thread(self._open, config)
        masked = await asyncio.to_thread(run.mask, values)
        kwargs = await asyncio.to_thread(masked_arguments, run, kwargs)
        arguments = {"config": run.config, "as_node": as_node, **kwargs}
        return config_for_caller(run, await self._sending().ainvoke(masked, **arguments))

    def _sending(self) -> Runnable[Any, Any]:
        """Return what sends new state, examined and recorded where there is a guard."""
        update = _Update(self._remote)
        if self._guard is None:
            return update
        where = destination_of(self._remote)
        return self._guard.wrap_runnable(update, destination=where, purpose="state")  # type: ignore[no-any-return]


class _Update(Runnable[Any, Any]):
    def __init__(self, remote: Any) -> None:
        self._remote = remote
        self.name = remote.get_name()

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002
        return self._remote.update_state(config, input, **kwargs)

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002
        return await self._remote.aupdate_state(config, input, **kwargs)
