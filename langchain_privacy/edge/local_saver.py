"""What a plain graph inside a local function stores: the run's checkpointer, masked.

LangGraph hands a run's checkpointer on to every graph that is called inside it. Inside a local
function the values are real, and a plain graph that is called there (`plain.invoke(...)` in a
tool's body) would store them as they are. So a local function gets the checkpointer behind a
`LocalSaver`, which masks what is put and restores what is read, as `PrivateStore` does for the
store. A private graph in there masks for itself and gets the checkpointer back (`of_the_run`).

`edge.local_body` puts it in front, `edge.run` takes it away again.

Example:
    ```python
    configurable |= masking_saver(configurable, session, mask)  # inside a local function
    config = of_the_run(config)  # inside a private graph that is called there
    ```
"""

import inspect
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)

from langchain_privacy.masking import MaskingSession

_CHECKPOINTER = "__pregel_checkpointer"
_THREAD = "thread_id"
# Entries of a checkpoint's metadata that LangGraph writes; all others come from the config.
_OF_LANGGRAPH = frozenset({"source", "step", "parents", "run_id", "langgraph_version"})


Stored = Callable[[RunnableConfig | None], RunnableConfig | None]
"""Masks a config as the run does, the thread id included (`edge.run.mask_config`)."""


def masking_saver(
    configurable: Mapping[str, Any], session: MaskingSession, stored: Stored
) -> dict[str, Any]:
    """Return what a local function gets in place of the run's checkpointer.

    Args:
        configurable: The run's, as LangGraph wrote it.
        session: Masks and restores.
        stored: Masks a config: what names a thread, and what is copied into a checkpoint.
    """
    saver = configurable.get(_CHECKPOINTER)
    if not isinstance(saver, BaseCheckpointSaver) or isinstance(saver, LocalSaver):
        return {}
    return {_CHECKPOINTER: LocalSaver(saver, session, stored)}


def of_the_run(config: RunnableConfig | None) -> RunnableConfig | None:
    """Return a config with the run's own checkpointer, where a local function has a masking one."""
    configurable = (config or {}).get("configurable") or {}
    saver = configurable.get(_CHECKPOINTER)
    if config is None or not isinstance(saver, LocalSaver):
        return config
    return {**config, "configurable": {**configurable, _CHECKPOINTER: saver.saver}}


class LocalSaver(BaseCheckpointSaver[Any]):
    """A checkpointer inside a local function: stores placeholders, gives real values.

    Attributes:
        saver: The run's own checkpointer.
    """

    def __init__(
        self, saver: BaseCheckpointSaver[Any], session: MaskingSession, stored: Stored
    ) -> None:
        """Stand before a checkpointer.

        Args:
            saver: The run's own.
            session: Masks and restores.
            stored: Masks a config.
        """
        super().__init__(serde=saver.serde)
        self.saver = saver
        self._session = session
        self._stored: Any = stored
        self._has_path = "task_path" in inspect.signature(saver.put_writes).parameters

    def __repr__(self) -> str:
        return f"<LocalSaver of {type(self.saver).__name__}>"

    def _real(self, config: RunnableConfig | None) -> Any:
        configurable = (config or {}).get("configurable") or {}
        if config is None or configurable.get(_THREAD) is None:
            return config
        real = {_THREAD: self._session.restore(configurable[_THREAD])}
        return {**config, "configurable": {**configurable, **real}}

    # ---- what is stored

    def _masked(
        self, config: RunnableConfig, checkpoint: Checkpoint, metadata: CheckpointMetadata
    ) -> tuple[RunnableConfig, Checkpoint, CheckpointMetadata]:
        mask = self._session.mask
        values = {k: mask(v) for k, v in checkpoint["channel_values"].items()}
        told = {k: v if k in _OF_LANGGRAPH else mask(v) for k, v in metadata.items()}
        return (
            self._stored(config),
            cast("Checkpoint", {**checkpoint, "channel_values": values}),
            cast("CheckpointMetadata", told),
        )

    def _masked_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task: str, path: str
    ) -> Any:
        masked = [(channel, self._session.mask(value)) for channel, value in writes]
        return self._stored(config), masked, task, *((path,) if self._has_path else ())

    def _restored(self, found: CheckpointTuple | None) -> CheckpointTuple | None:
        if found is None:
            return None
        restore = self._session.restore
        values = {k: restore(v) for k, v in found.checkpoint["channel_values"].items()}
        pending = found.pending_writes
        return found._replace(
            config=self._real(found.config),
            checkpoint=cast("Checkpoint", {**found.checkpoint, "channel_values": values}),
            parent_config=self._real(found.parent_config),
            pending_writes=None
            if pending is None
            else [(task, channel, restore(value)) for task, channel, value in pending],
        )

    # ---- the checkpointer's methods

    @property
    def config_specs(self) -> list[Any]:
        """What the checkpointer reads of a config."""
        return self.saver.config_specs

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Read a checkpoint; its values are real."""
        return self._restored(self.saver.get_tuple(self._stored(config)))

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Like `get_tuple`, without blocking the event loop."""
        return self._restored(await self.saver.aget_tuple(self._stored(config)))

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """Read the checkpoints of a thread, newest first."""
        found = self.saver.list(
            self._stored(config), filter=filter, before=self._stored(before), limit=limit
        )
        yield from (each for each in map(self._restored, found) if each is not None)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Like `list`, without blocking the event loop."""
        stored, earlier = self._stored(config), self._stored(before)
        async for found in self.saver.alist(stored, filter=filter, before=earlier, limit=limit):
            if (each := self._restored(found)) is not None:
                yield each

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint, masked."""
        masked = self._masked(config, checkpoint, metadata)
        return cast("RunnableConfig", self._real(self.saver.put(*masked, new_versions)))

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Like `put`, without blocking the event loop."""
        masked = self._masked(config, checkpoint, metadata)
        return cast("RunnableConfig", self._real(await self.saver.aput(*masked, new_versions)))

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Store what a task wrote, masked."""
        self.saver.put_writes(*self._masked_writes(config, writes, task_id, task_path))

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Like `put_writes`, without blocking the event loop."""
        await self.saver.aput_writes(*self._masked_writes(config, writes, task_id, task_path))

    def delete_thread(self, thread_id: str) -> None:
        """Delete a thread's checkpoints."""
        self.saver.delete_thread(self._stored_id(thread_id))

    async def adelete_thread(self, thread_id: str) -> None:
        """Like `delete_thread`, without blocking the event loop."""
        await self.saver.adelete_thread(self._stored_id(thread_id))

    def _stored_id(self, thread_id: str) -> str:
        stored = self._stored({"configurable": {_THREAD: thread_id}})
        return str(stored["configurable"][_THREAD])

    def get_next_version(self, current: Any, channel: None) -> Any:
        """Number a channel's versions as the checkpointer does."""
        return self.saver.get_next_version(current, channel)

    def with_allowlist(self, extra_allowlist: Collection[tuple[str, ...]]) -> "LocalSaver":
        """Return the same before a checkpointer that reads further classes."""
        saver = self.saver.with_allowlist(extra_allowlist)
        return LocalSaver(saver, self._session, self._stored)
