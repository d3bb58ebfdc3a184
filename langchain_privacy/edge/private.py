"""`private()`: the edge between a person and whatever runs.

Graphs get their edge in `edge.graph`, those on another machine in `edge.remote`, any other Runnable
in `edge.runnable`.

Example:
    ```python
    chain = private(prompt | model | StrOutputParser(), masker)
    for piece in chain.stream({"question": "Who is Jane Doe?"}, config):
        print(piece, end="")
    ```
"""

from typing import Any, TypeVar

from langchain_core.runnables import Runnable, RunnableSequence
from langgraph.pregel import Pregel

from langchain_privacy.edge.graph import private_graph
from langchain_privacy.edge.parts import private_graphs
from langchain_privacy.edge.remote import PrivateRemoteGraph
from langchain_privacy.edge.run import SessionOf
from langchain_privacy.edge.runnable import PrivateRunnable
from langchain_privacy.egress.destination import is_remote_graph
from langchain_privacy.masking import Masker

R = TypeVar("R", bound=Runnable[Any, Any])


def private(x: R, masker: Masker, *, guard: Any = None, session: SessionOf | None = None) -> R:
    """Make a compiled graph or any other Runnable private at its edge.

    What enters is masked before the run starts; what comes out is restored after it has left
    callbacks and traces. Models, state, checkpoints, caches and traces hold placeholders.

    A compiled graph stays a compiled graph: `invoke`, `stream` in every mode, `stream_events`,
    `astream_events`, interrupts and `Command(resume=...)`, `update_state`, `with_config` and use
    as a subgraph go on working. `get_state(config, restore=True)` reads with real values.

    The session is `configurable.thread_id`, or the `session_id` of a message history (and
    `configurable.tenant`); without one, a session of this run alone. Inside another graph's run
    the result stays masked, since that run is recorded; the outermost edge restores it.

    Args:
        x: A compiled graph, or any Runnable.
        masker: Finds private values and holds the vault.
        guard: An `EgressGuard`; it examines the messages of every model call inside the run. Of a
            `RemoteGraph` it examines and records what is sent.
        session: A function of the config that says whose session a run belongs to, such as
            `lambda config: config["configurable"]["user_id"]`: what one thread of a user stores,
            the next can read. `None` from it means the thread's.

    Raises:
        ConfigurationError: The graph is private already, with another masker.
    """
    if isinstance(x, Pregel):
        return private_graph(x, masker, guard, around=PrivateRunnable, session=session)
    if is_remote_graph(x):
        return PrivateRemoteGraph(x, masker, guard, session)  # type: ignore[return-value]
    inner: Any = private_graphs(x, masker) if isinstance(x, RunnableSequence) else x
    return PrivateRunnable(inner, masker, guard, session)  # type: ignore[return-value]
