"""The traffic of a soak: what a service with agents, a database and an attested model does all day.

Each `Lane` is one kind of it, with a piece of work that is done again and again by a thread of its
own and says what went wrong by raising. What comes back is looked at: a person's answer holds the
values that belong there and no placeholder.
"""

import asyncio
import base64
import itertools
import json
import re
import sqlite3
import threading
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, Self

from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from langchain_privacy import (
    EgressGuard,
    EgressLedger,
    Masker,
    SchemaCard,
    SecureChatModel,
    create_private_agent,
    create_private_sql_graph,
)
from langchain_privacy.detection import default_detectors
from langchain_privacy.errors import EgressBlockedError
from langchain_privacy.secure import AttestationPolicy, UnsafeSimulatedTee
from langchain_privacy.sql import SQLPolicy
from langchain_privacy.vault import StoreVault, VaultKey, session_scope

PLACEHOLDER = re.compile(r"\[[A-Z_]+_[0-9A-Z]{4,}\]")
SIMULATED = AttestationPolicy(require=[UnsafeSimulatedTee()], allow_unsafe=True)
TOKEN = "soak-soak-soak-soak"
TURNS = 3
"""Of a conversation; the next one has a thread, and so a session, of its own."""
DISTRICTS = ("Seoul Oksu-dong", "Seoul Daechi-dong", "Busan Udong")


class WrongAnswerError(AssertionError):
    """An answer is not what it should be; its message holds no text of it."""


class Lane(NamedTuple):
    """A kind of traffic: `turn(number)` is one piece of it."""

    name: str
    turn: Callable[[int], None]


class Places(NamedTuple):
    """Where the servers are."""

    model: str
    gateway: str
    proxy: str


def model_answers(request: dict[str, Any]) -> str | dict[str, Any]:
    """Answer as the remote model: call the tool, write a query, or say again what was said."""
    last = request["messages"][-1]
    text = last["content"] if isinstance(last["content"], str) else json.dumps(last["content"])
    asked = next(
        (line for m in request["messages"] for line in str(m["content"]).splitlines()
         if line.startswith("question: ")), ""
    )  # fmt: skip
    if asked:
        whole = " ".join(str(m["content"]) for m in request["messages"])
        slot = re.search(r":[a-z]\d+(?= = \[)", whole)
        column = "secret" if "secret" in asked else "price"
        where = f" WHERE district = {slot[0]}" if slot else ""
        plan = {
            "keywords": ["price"], "columns": ["trade.name"], "tables": ["trade"],
            "prepared_sql": f"SELECT name, {column} FROM trade{where} ORDER BY {column} LIMIT 2",
            "template": {
                "full": "{row}. [[hidden_value_{row}_name]]: [[hidden_value_{row}_COLUMN]]".replace(
                    "COLUMN", column
                ),
                "single": "[[hidden_value_1_name]]", "empty": "none",
            },
        }  # fmt: skip
        return json.dumps(plan)
    found = PLACEHOLDER.findall(text)
    if last["role"] == "user" and "phone" in text and found:
        function = {"name": "phone_of", "arguments": json.dumps({"email": found[0]})}
        return {"tool_calls": [{"id": "c1", "type": "function", "function": function}]}
    return f"You said: {text}"


def _whole(answer: str, *values: str) -> None:
    if PLACEHOLDER.search(answer) or not all(value in answer for value in values):
        msg = "an answer holds a placeholder, or not what it should"
        raise WrongAnswerError(msg)


def _person(number: int) -> tuple[str, str]:
    return f"customer.{number}@northwind.example", f"+49 30 {1_000_000 + number % 9_000_000}"


class Traffic:
    """Everything that a process of the service holds; `with Traffic(folder, places) as traffic`."""

    def __init__(self, folder: Path, places: Places, *, presidio: bool = False) -> None:
        self.places = places
        self._stack = ExitStack()
        vault = StoreVault.sqlite(folder / "vault.sqlite", VaultKey.generate())
        self.masker = Masker(default_detectors(presidio=presidio), vault=vault)
        self.ledger = EgressLedger(folder / "ledger.sqlite")
        self.guard = EgressGuard(self.masker, ledger=self.ledger)
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self._folder = folder
        self._numbers = itertools.count()
        self.lanes = [
            Lane("agent", self._agents()),
            Lane("agent, streamed in asyncio", self._streamed_agents()),
            Lane("SQL", self._questions()),
            Lane("attested model", self._attested()),
            Lane("proxy", self._proxied()),
            Lane("door", self._door()),
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        self._wait(self.loop.shutdown_asyncgens())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.ledger.close()

    def _wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def tasks(self) -> int:
        """Count the tasks of the event loop, but for the one that counts."""

        async def count() -> int:
            return len(asyncio.all_tasks()) - 1

        return int(self._wait(count()))

    def _model(self, url: str, **settings: Any) -> ChatOpenAI:
        told = {"model": "m", "api_key": "none", "max_retries": 0, **settings}
        return ChatOpenAI(base_url=f"{url}/v1", **told)

    def _agent(self, checkpointer: Any) -> Any:
        @tool
        def phone_of(email: str) -> str:
            """Return a customer's telephone number."""
            number = int(email.partition("@")[0].rpartition(".")[2])
            return f"{email} has {_person(number)[1]}"

        model = self._model(
            self.places.model,
            http_client=self.guard.http_client(),
            http_async_client=self.guard.async_http_client(),
        )
        return create_private_agent(
            model, [phone_of], masker=self.masker, guard=self.guard, checkpointer=checkpointer
        )

    def _said(self, lane: str, number: int) -> tuple[dict[str, Any], Any, tuple[str, ...]]:
        """Return what a person says in a turn, the thread, and what the answer must hold."""
        conversation, turn = divmod(number, TURNS)
        person = _person(conversation * 2 + len(lane) % 2)
        if turn == 0:
            text = f"What is the phone of {person[0]}?"
        else:
            text = f"Thanks. Turn {turn} is of {person[0]} and {person[1]}."
        config = {"configurable": {"thread_id": f"{lane} {conversation}"}}
        return {"messages": [("user", text)]}, config, person

    def _agents(self) -> Callable[[int], None]:
        path = str(self._folder / "threads.sqlite")
        saver = self._stack.enter_context(SqliteSaver.from_conn_string(path))
        agent = self._agent(saver)

        def turn(number: int) -> None:
            given, config, values = self._said("sync", number)
            _whole(agent.invoke(given, config)["messages"][-1].text, *values)

        return turn

    def _streamed_agents(self) -> Callable[[int], None]:
        opened = AsyncSqliteSaver.from_conn_string(str(self._folder / "async.sqlite"))
        agent = self._agent(self._wait(opened.__aenter__()))
        self._stack.callback(lambda: self._wait(opened.__aexit__(None, None, None)))

        async def stream(number: int) -> None:
            given, config, values = self._said("async", number)
            answer, parts = "", agent.astream(given, config, stream_mode="messages")
            async for message, _ in parts:
                answer += message.text
                # Some people close the page while they are answered.
                if number % 10 == TURNS * 2 and answer:
                    await parts.aclose()
                    return
            _whole(answer, *values)

        return lambda number: self._wait(stream(number))

    def _questions(self) -> Callable[[int], None]:
        file = self._folder / "trades.sqlite"
        with sqlite3.connect(file) as connection:
            connection.execute(
                "CREATE TABLE trade (id INTEGER PRIMARY KEY, district TEXT, name TEXT,"
                " price INTEGER, secret TEXT)"
            )
            rows = [
                (n, DISTRICTS[n % len(DISTRICTS)], f"Complex {n % 40}", 1000 + n * 7 % 5000, "s")
                for n in range(2000)
            ]
            connection.executemany("INSERT INTO trade VALUES (?, ?, ?, ?, ?)", rows)
        connection.close()
        url = f"sqlite:///{file}"
        graph = create_private_sql_graph(
            self._model(self.places.model),
            url,
            card=SchemaCard.from_engine(
                url, tables=["trade"], denied_columns={"trade": ["secret"]}
            ),
            policy=SQLPolicy(),
            masker=self.masker,
            guard=self.guard,
        )

        def turn(number: int) -> None:
            what = "secret" if number % 10 == 9 else "lowest price"
            question = f"Which 2 trades in {DISTRICTS[number % len(DISTRICTS)]} have the {what}?"
            result = graph.invoke({"question": question})
            if what == "secret":
                return
            _whole(result["answer"], "Complex")
            if len(result["rows"]) != 2:
                raise WrongAnswerError("a question has not its two rows")

        return turn

    def _attested(self) -> Callable[[int], None]:
        settings = {"model": "m", "policy": SIMULATED, "api_key": "none", "max_retries": 0}
        model = SecureChatModel(endpoint=f"{self.places.gateway}/v1", **settings)

        async def astream(text: str) -> str:
            return "".join([part.text async for part in model.astream(text)])

        def turn(number: int) -> None:
            text = f"Message {number}: " + "word " * 200
            if number % 4 == 0:
                answer = model.invoke(text).text
            elif number % 4 == 1:
                answer = self._wait(astream(text))
            else:
                parts = model.stream(text)
                answer = next(parts).text + next(parts).text
                if number % 4 == 2:  # the person leaves in the middle
                    parts.close()
                    return
                answer += "".join(part.text for part in parts)
            _whole(answer, text.strip())

        return turn

    def _proxied(self) -> Callable[[int], None]:
        model = self._model(self.places.proxy, api_key=TOKEN)

        def turn(number: int) -> None:
            text = f"Through the proxy, {number}."
            given = model.stream(text) if number % 2 else [model.invoke(text)]
            _whole("".join(part.text for part in given), text)

        return turn

    def _door(self) -> Callable[[int], None]:
        guarded = self.guard.wrap(self._model(self.places.model))

        def turn(number: int) -> None:
            session = self.masker.session(f"door {number // 10}")
            email, _ = _person(number // 10)
            masked = session.mask(f"Write to {email}.")
            with session_scope(session.vault):
                if number % 2:
                    guarded.invoke([HumanMessage(masked)])
                    return
                hidden = base64.b64encode(email.encode()).decode()
                try:
                    guarded.invoke([HumanMessage(f"{masked} {hidden}")])
                except EgressBlockedError:
                    return
            raise WrongAnswerError("an encoded address crossed")

        return turn
