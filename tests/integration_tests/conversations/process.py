"""The app as each start of a program makes it, on files that outlive it."""

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langchain.agents.middleware import (
    HumanInTheLoopMiddleware,
    ModelRetryMiddleware,
    ToolRetryMiddleware,
)
from langchain.agents.structured_output import ToolStrategy
from langchain_core.prompts import ChatPromptTemplate
from langgraph.cache.memory import InMemoryCache
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.store.sqlite import SqliteStore
from langgraph.types import CachePolicy
from pydantic import BaseModel, EmailStr

from langchain_privacy import EgressGuard, Masker, create_private_agent, local_node, private
from langchain_privacy.detection import Detector, Finding, default_detectors
from langchain_privacy.vault import StoreVault, VaultKey
from tests.integration_tests.conversations.model import Model
from tests.integration_tests.conversations.tools import POLICY, Tools


class Amounts(Detector):
    """A detector of the app's own."""

    name = "amounts"
    _AMOUNT = re.compile(r"(?<!\d)\d{1,3}(?:,\d{3})+원")

    def detect(self, text: str, *, language: str | None = None) -> list[Finding]:
        return [
            Finding(start=m.start(), end=m.end(), entity_type="AMOUNT", score=1.0, detector="own")
            for m in self._AMOUNT.finditer(text)
        ]


DETECTORS: Sequence[Detector] = (*default_detectors(presidio=False), Amounts())


class Card(BaseModel):
    """What an agent with structured answers says in the end."""

    about: str
    mail: EmailStr | None = None


@dataclass(frozen=True)
class Shape:
    """How the app is made.

    Attributes:
        guard: With an `EgressGuard` at its model.
        retries: With middleware that calls model and tools again.
        approval: With a person who approves mails.
        structured: With structured answers.
    """

    guard: bool = False
    retries: bool = False
    approval: bool = False
    structured: bool = False


class Saver(SqliteSaver):
    """A checkpointer in SQLite for both kinds of calls."""

    async def aget_tuple(self, config: Any) -> Any:
        return await asyncio.to_thread(self.get_tuple, config)

    async def alist(self, config: Any, **kwargs: Any) -> AsyncIterator[Any]:
        for found in await asyncio.to_thread(lambda: list(self.list(config, **kwargs))):
            yield found

    async def aput(self, *args: Any) -> Any:
        return await asyncio.to_thread(self.put, *args)

    async def aput_writes(self, *args: Any) -> None:
        await asyncio.to_thread(self.put_writes, *args)


class Process:
    """One start of the app.

    Attributes:
        agent: The agent.
        once_more: The same with `with_retry`.
        cached: A graph with a node cache, a local node and a remote one.
        chain: A prompt and a model.
    """

    def __init__(
        self, shape: Shape, model: Model, tools: Tools, folder: Path, keys: Sequence[VaultKey]
    ) -> None:
        self._connections: list[sqlite3.Connection] = []
        self.vault = StoreVault.sqlite(
            folder / "vault.sqlite", keys[0], previous_keys=list(keys[1:])
        )
        self.masker = Masker(DETECTORS, vault=self.vault)
        self.saver = Saver(self._connect(folder / "checkpoints.sqlite"))
        self.store = SqliteStore(self._connect(folder / "store.sqlite"))
        self.store.setup()
        asked = model.asked()
        guard = EgressGuard(self.masker) if shape.guard else None
        more: dict[str, Any] = {}
        if shape.structured:
            more["response_format"] = ToolStrategy(Card)
        self.agent = create_private_agent(
            asked,
            tools.all,
            masker=self.masker,
            guard=guard,
            tool_policy=POLICY,
            middleware=_middleware(shape),
            system_prompt="You help customers. 고객을 도와주세요.",
            checkpointer=self.saver,
            store=self.store,
            **more,
        )
        self.once_more = self.agent.with_retry(stop_after_attempt=2, wait_exponential_jitter=False)
        self.cache = InMemoryCache()
        self.cached = private(_cached(asked, self.cache), self.masker, guard=guard)
        prompt = ChatPromptTemplate([("system", "Answer."), ("user", "{asked}")])
        self.chain = private(prompt | asked, self.masker, guard=guard)

    def _connect(self, path: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        connection.execute("PRAGMA synchronous=OFF")  # the machine is not switched off here
        self._connections.append(connection)
        return connection

    def end(self) -> None:
        """End as a process ends: what was in its memory is gone."""
        for connection in self._connections:
            connection.close()


def _middleware(shape: Shape) -> list[Any]:
    found: list[Any] = []
    if shape.approval:
        found.append(HumanInTheLoopMiddleware({"mail": True}))
    if shape.retries:
        at_once = {"initial_delay": 0.0, "jitter": False}
        found.append(ModelRetryMiddleware(max_retries=2, on_failure="error", **at_once))
        found.append(ToolRetryMiddleware(max_retries=1, **at_once))
    return found


def _cached(model: Any, cache: InMemoryCache) -> Any:
    @local_node
    def look(state: MessagesState) -> dict[str, Any]:
        return {"messages": [("user", f"On file: {state['messages'][-1].text}")]}

    def ask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [model.invoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("look", look, cache_policy=CachePolicy())
    graph.add_node("ask", ask, cache_policy=CachePolicy())
    graph.add_edge(START, "look")
    graph.add_edge("look", "ask")
    return graph.compile(cache=cache)
