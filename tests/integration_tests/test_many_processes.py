"""An agent served by several processes that share a database: a conversation hops at every turn."""

import multiprocessing
import re
import uuid
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import pytest
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.store.postgres import PostgresStore
from redis import Redis

from langchain_privacy.egress import EgressLedger
from tests.integration_tests.agent_process import ON_FILE, Places, serve
from tests.support.http import OpenAIServer
from tests.support.processes import Process

JANE, ROE, CARD = "jane.doe@example.org", "joe.roe@example.org", "4111 1111 1111 1111"
PRIVATE = (JANE, ROE, CARD, ON_FILE)
PLACEHOLDER = re.compile(r"\[[A-Z_]+_[0-9A-Z]+\]")


class Server:
    """One of the processes."""

    def __init__(self, places: Places, home: Path) -> None:
        self.turns, end = multiprocessing.Pipe()
        self.process = Process(serve, end, places, str(home))
        assert self.turns.recv()[0] == "ready"

    def ask(self, thread: str, text: str | None) -> list[str]:
        self.turns.send((thread, text))
        while (said := self.turns.recv())[0] != "answer":
            assert said[0] == "tool"
        return list(said[1])


def model_answers(request: dict[str, Any]) -> Any:
    """Call the tool about the address in the person's last words; repeat all that was seen."""
    last = request["messages"][-1]
    if last["role"] == "user" and "phone" in last["content"]:
        (email,) = re.findall(r"\[EMAIL_[0-9A-Z]+\]", last["content"])
        note = "hold" if "hold" in last["content"] else "now"
        arguments = f'{{"email": "{email}", "note": "{note}"}}'
        function = {"name": "phone_of", "arguments": arguments}
        return {"tool_calls": [{"id": "c1", "type": "function", "function": function}]}
    return "So far: " + " | ".join(str(m["content"]) for m in request["messages"] if m["content"])


@pytest.fixture(params=["postgres", "redis"])
def database(request: pytest.FixtureRequest) -> str:
    if request.param == "redis":
        if find_spec("langgraph_checkpoint_aws") is None or find_spec("valkey") is None:
            pytest.skip("no checkpointer for plain Redis: langgraph-checkpoint-aws[valkey]")
        return str(request.getfixturevalue("redis_database"))
    address = str(request.getfixturevalue("postgres_database"))
    with PostgresStore.from_conn_string(address) as store:
        store.setup()
    with PostgresSaver.from_conn_string(address) as saver:
        saver.setup()
    return address


@pytest.fixture
def places(database: str, tmp_path: Path, postgres_url: str) -> Iterator[tuple[Places, Any]]:
    """The processes' places and the model's server, as one that records."""
    ledger = database
    if database.startswith("redis://"):  # a ledger lies in SQLite or PostgreSQL
        ledger = str(tmp_path / "ledger.sqlite")
    with OpenAIServer(model_answers) as model:
        yield Places(database, ledger, model.base_url), model


def kept_in(database: str) -> str:
    """Return everything that the database holds, as text."""
    if database.startswith("redis://"):
        client = Redis.from_url(database)
        read = {b"string": client.get, b"hash": client.hgetall}
        others = {
            b"zset": lambda k: client.zrange(k, 0, -1),
            b"list": lambda k: client.lrange(k, 0, -1),
        }
        return str({key: (read | others)[client.type(key)](key) for key in client.keys()})  # noqa: SIM118
    with psycopg.connect(database) as connection:
        tables = connection.execute(
            "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        rows = [connection.execute(f"SELECT * FROM {t}").fetchall() for (t,) in tables]
        assert sum(map(len, rows)) > 20
        return str(rows)


def test_a_conversation_hops_at_every_turn(places: Any, tmp_path: Path) -> None:
    shared, model = places
    home = tmp_path / "home"
    servers = [Server(shared, home) for _ in range(3)]
    thread = f"case {uuid.uuid4().hex}"
    said = [
        f"I am {JANE}, who is {ROE}?",
        f"What is the phone of {JANE}?",
        f"My card is {CARD}.",
        f"And the phone of {ROE}?",
        "Thanks.",
    ]
    for turn, text in enumerate(said):
        answers = servers[turn % 3].ask(thread, text)
        assert not PLACEHOLDER.search("".join(answers))
        assert text in answers[-1] or "phone" in text
    assert all(value in answers[-1] for value in PRIVATE)

    # Killed while a tool runs: another process goes on with the same turn, a third with the next.
    servers[0].turns.send((thread, f"hold: the phone of {JANE}"))
    assert servers[0].turns.recv() == ("tool", JANE)
    servers[0].process.kill()
    servers[1].turns.send((thread, None))
    assert servers[1].turns.recv() == ("tool", JANE)
    servers[1].turns.send("go on")
    kind, answers = servers[1].turns.recv()
    assert kind == "answer"
    assert not PLACEHOLDER.search("".join(answers))
    assert answers[-2] == f"{JANE} has {ON_FILE}"
    assert servers[2].ask(thread, "Thanks.")[:-2] == answers

    for server in servers[1:]:
        server.turns.send(None)
        server.process.result()
    check(shared, model, home)


def check(shared: Places, model: OpenAIServer, home: Path) -> None:
    wire = b"".join(request.body for request in model.requests).decode()
    everywhere = wire + kept_in(shared.database)
    for value in PRIVATE:
        assert value not in everywhere
        assert value.replace(" ", "") not in everywhere
    # One conversation, one placeholder a value, whoever of the processes has masked it.
    history = str(model.chats[-1]["messages"])
    kinds = [p.split("_")[0] for p in set(PLACEHOLDER.findall(history))]
    assert sorted(kinds) == ["[CREDIT", "[EMAIL", "[EMAIL", "[PHONE"]
    assert set(PLACEHOLDER.findall(wire)) == set(PLACEHOLDER.findall(history))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("LANGCHAIN_PRIVACY_HOME", str(home))
        ledger = EgressLedger(shared.ledger)
        assert ledger.verify().records >= len(model.chats)
        ledger.close()
