"""`private()`: the edge between a person and whatever runs."""

from typing import Any, TypeVar

from langchain_core.runnables import Runnable
from langgraph.pregel import Pregel

from langchain_privacy.edge.graph import private_graph
from langchain_privacy.edge.runnable import PrivateRunnable
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
