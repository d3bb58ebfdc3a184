"""A process of a service: the same private agent over shared stores, one turn at a time."""

import os
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

from langchain_privacy import EgressGuard, EgressLedger, Masker, create_private_agent
from langchain_privacy.detection import default_detectors
from langchain_privacy.vault import StoreVault

KEY = b"k" * 32
ON_FILE = "+49 30 901820"
"""What the tool knows of a customer; nobody has written it."""


class Places(NamedTuple):
    """Addresses of what the processes share."""

    database: str
    ledger: str
    model: str


@contextmanager
def shared(database: str) -> Any:
    """Open the checkpointer and the vault of a database, set up already."""
    with ExitStack() as opened:
        if database.startswith("redis://"):
            from langgraph_checkpoint_aws import ValkeySaver

            saver: Any = opened.enter_context(ValkeySaver.from_conn_string(database))
            yield saver, StoreVault.redis(database, KEY)
            return
        from langgraph.checkpoint.postgres import PostgresSaver
        from langgraph.store.postgres import PostgresStore

        saver = opened.enter_context(PostgresSaver.from_conn_string(database))
        store = opened.enter_context(PostgresStore.from_conn_string(database))
        yield saver, StoreVault(store, KEY)


def serve(turns: Connection, places: Places, home: str) -> None:
    """Answer each `(thread, text)` with all messages as the person sees them.

    Text `None` goes on where another process was killed. A tool that is asked about "hold" says so
    and waits for ever: there the process is killed.
    """
    os.environ["LANGCHAIN_PRIVACY_HOME"] = home

    @tool
    def phone_of(email: str, note: str) -> str:
        """Return a customer's telephone number."""
        turns.send(("tool", email))
        if note == "hold" and turns.recv() != "go on":
            return ""
        return f"{email} has {ON_FILE}"

    with shared(places.database) as (saver, vault):
        masker = Masker(default_detectors(presidio=False), vault=vault)
        ledger = EgressLedger(places.ledger)
        guard = EgressGuard(masker, ledger=ledger)
        model = ChatOpenAI(
            model="m", base_url=places.model, api_key="x", max_retries=0  # type: ignore[arg-type]
        )  # fmt: skip
        agent = create_private_agent(
            model, [phone_of], masker=masker, guard=guard, checkpointer=saver
        )
        turns.send(("ready", os.getpid()))
        while (turn := turns.recv()) is not None:
            thread, text = turn
            given = None if text is None else {"messages": [("user", text)]}
            config: Any = {"configurable": {"thread_id": thread}}
            state = agent.invoke(given, config, durability="sync")
            turns.send(("answer", [message.text for message in state["messages"]]))
        ledger.close()
