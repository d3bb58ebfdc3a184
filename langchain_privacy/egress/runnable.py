"""Guarded Runnables: what goes into them is examined and recorded."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import merge_configs

from langchain_privacy.egress.destination import UNKNOWN, destination_of, is_remote_graph
from langchain_privacy.egress.guard import EgressGuard, OpenCrossing
from langchain_privacy.egress.payload import Payload, of_value, serialise


class GuardedRunnable(Runnable[Any, Any]):
    """A Runnable whose input crosses; makes no run of its own."""

    def __init__(
        self, guard: EgressGuard, inner: Runnable[Any, Any], destination: str, purpose: str
    ) -> None:
        self._guard = guard
        self._inner = inner
        self.name = inner.get_name()
        self._where: dict[str, Any] = {
            "destination": destination_of(inner) if destination == UNKNOWN else destination,
            "model": inner.get_name(),
            "purpose": purpose,
            "sender": inner,
        }

    def __repr__(self) -> str:
        return f"<GuardedRunnable {self._where['model']}>"

    def get_name(self, suffix: str | None = None, *, name: str | None = None) -> str:
        """Return the inner Runnable's name."""
        return self._inner.get_name(suffix, name=name)

    def _payload(
        self, value: Any, config: RunnableConfig | None, kwargs: dict[str, Any]
    ) -> Payload:
        sent: dict[str, Any] = {"arguments": kwargs} if kwargs else {}
        if is_remote_graph(self._inner):
            own = getattr(self._inner, "config", None)
            sent["config"] = _sent_config(merge_configs(own, config))
        return of_value({"input": value, **sent} if sent else value)

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002
        """Examine, record, and invoke."""
        payload = self._payload(input, config, kwargs)
        with _recorded(self._guard.open(payload, **self._where)) as crossing:
            output = self._inner.invoke(input, config, **kwargs)
            crossing.texts.append(serialise(output).decode("utf-8", "replace"))
            return output

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002
        """Like `invoke`, without blocking the event loop."""
        payload = self._payload(input, config, kwargs)
        crossing = await self._guard.aopen(payload, **self._where)
        async with _arecorded(crossing):
            output = await self._inner.ainvoke(input, config, **kwargs)
            crossing.texts.append(serialise(output).decode("utf-8", "replace"))
            return output

    def stream(
        self,
        input: Any,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Iterator[Any]:
        """Examine, record, and stream."""
        payload = self._payload(input, config, kwargs)
        with _recorded(self._guard.open(payload, **self._where)) as crossing:
            for chunk in self._inner.stream(input, config, **kwargs):
                crossing.texts.append(serialise(chunk).decode("utf-8", "replace"))
                yield chunk

    async def astream(
        self,
        input: Any,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[Any]:
        """Like `stream`, without blocking the event loop."""
        payload = self._payload(input, config, kwargs)
        crossing = await self._guard.aopen(payload, **self._where)
        async with _arecorded(crossing):
            async for chunk in self._inner.astream(input, config, **kwargs):
                crossing.texts.append(serialise(chunk).decode("utf-8", "replace"))
                yield chunk


def _sent_config(config: RunnableConfig) -> dict[str, Any]:
    """Return what a `RemoteGraph` sends of a config; objects in it stay here."""
    configurable = config.get("configurable", {})
    return {
        "tags": config.get("tags", []),
        "metadata": config.get("metadata", {}),
        "configurable": {k: v for k, v in configurable.items() if not k.startswith("__")},
    }


@contextlib.contextmanager
def _recorded(crossing: OpenCrossing) -> Iterator[OpenCrossing]:
    outcome = "failed"
    try:
        yield crossing
        outcome = "answered"
    except GeneratorExit:
        outcome = "abandoned"
        raise
    finally:
        crossing.close(outcome)


@contextlib.asynccontextmanager
async def _arecorded(crossing: OpenCrossing) -> AsyncIterator[None]:
    outcome = "failed"
    try:
        yield
        outcome = "answered"
    except GeneratorExit:
        outcome = "abandoned"
        raise
    finally:
        await crossing.aclose(outcome)
