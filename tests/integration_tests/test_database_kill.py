"""`kill -9` on PostgreSQL and Redis in the middle of a conversation, and started again.

The person gets an error of ours; only where LangGraph's checkpointer alone cannot reach the
database is it the driver's own, which is not ours to raise. Nothing that was acknowledged is lost,
nothing crosses half masked, and the same process goes on with the same placeholders when the
database is back.
"""

import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.store.memory import InMemoryStore
from langgraph.store.postgres import PostgresStore
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from langchain_privacy import EgressGuard, EgressLedger, Masker, create_private_agent
from langchain_privacy.detection import default_detectors
from langchain_privacy.errors import LedgerError, PrivacyError, VaultError
from langchain_privacy.vault import StoreVault
from tests.support.databases import PostgresServer, RedisServer, program
from tests.support.http import OpenAIServer

KEY = b"k" * 32
JANE, ROE, ON_FILE = "jane.doe@example.org", "joe.roe@example.org", "+49 30 901820"
PLACEHOLDER = re.compile(r"\[[A-Z_]+_[0-9A-Z]+\]")


def model_answers(request: dict[str, Any]) -> Any:
    """Call the tool about the address in the person's last words; else repeat all that was said."""
    last = request["messages"][-1]
    if last["role"] == "user" and "phone" in last["content"]:
        (email,) = PLACEHOLDER.findall(last["content"])
        function = {"name": "phone_of", "arguments": f'{{"email": "{email}"}}'}
        return {"tool_calls": [{"id": "c1", "type": "function", "function": function}]}
    return "So far: " + " | ".join(str(m["content"]) for m in request["messages"] if m["content"])


def whose(error: BaseException) -> str:
    """Say who raised an error: "ours", "checkpointer", or the module that asked the driver."""
    if isinstance(error, PrivacyError):
        return "ours"
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    modules = [str(frame.f_globals.get("__name__")) for frame in frames]
    asked = [m for m in modules if not m.startswith(("psycopg", "contextlib"))]
    return "checkpointer" if asked[-1].startswith("langgraph.checkpoint.") else asked[-1]


class Service:
    """A private agent whose vault is in the database, and all else that can be.

    With `near` vault and ledger are beside the process, and the checkpointer alone is far.
    """

    def __init__(
        self, server: Any, folder: Path, model: str, stack: ExitStack, *, near: bool = False
    ) -> None:
        self.server, self.pool = server, None
        self.during: Callable[[], None] = lambda: None
        self.asked: list[str] = []
        if isinstance(server, RedisServer):  # the rest needs modules, or lies elsewhere
            vault = StoreVault.redis(server.url, KEY)
            path = str(folder / "threads.sqlite")
            saver: Any = stack.enter_context(SqliteSaver.from_conn_string(path))
            self.ledger = EgressLedger(folder / "ledger.sqlite")
        else:
            settings = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
            check = ConnectionPool.check_connection
            pool = ConnectionPool(server.url, kwargs=settings, check=check, timeout=300)
            stack.enter_context(pool)
            self.pool = pool
            saver, store = PostgresSaver(pool), PostgresStore(pool)
            saver.setup()
            store.setup()
            vault = StoreVault(InMemoryStore() if near else store, KEY)
            self.ledger = EgressLedger(folder / "ledger.sqlite" if near else server.url)
        stack.callback(self.ledger.close)

        @tool
        def phone_of(email: str) -> str:
            """Return a customer's telephone number."""
            self.asked.append(email)
            self.during()
            return f"{email} has {ON_FILE}"

        self.masker = Masker(default_detectors(presidio=False), vault=vault)
        chat = ChatOpenAI(model="m", base_url=model, api_key="x", max_retries=0)
        guard = EgressGuard(self.masker, ledger=self.ledger)
        self._agent = create_private_agent(
            chat, [phone_of], masker=self.masker, guard=guard, checkpointer=saver
        )

    @contextmanager
    def away(self) -> Iterator[None]:
        """Kill the database, start it again at the end; do not wait long for it meanwhile."""
        self.server.kill()
        if self.pool:
            self.pool.timeout = 0.5
        yield
        self.server.start()
        if self.pool:
            self.pool.timeout = 300

    def ask(self, text: str | None) -> list[str]:
        given = None if text is None else {"messages": [("user", text)]}
        config: Any = {"configurable": {"thread_id": "case"}}
        state = self._agent.invoke(given, config, durability="sync")
        said = [message.text for message in state["messages"]]
        assert not PLACEHOLDER.search("".join(said))
        return said


@pytest.fixture(params=["postgres", "redis"])
def server(request: pytest.FixtureRequest) -> Iterator[Any]:
    kind = {"postgres": PostgresServer, "redis": RedisServer}[request.param]
    needed = {"postgres": "initdb", "redis": "redis-server"}[request.param]
    if program(needed) is None:
        pytest.skip(f"{needed} is not installed here")
    with kind() as started:
        yield started


def test_killed_and_started_again_in_a_conversation(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANGCHAIN_PRIVACY_HOME", str(tmp_path / "home"))
    with OpenAIServer(model_answers) as model, ExitStack() as stack:
        service = Service(server, tmp_path, model.base_url, stack)
        service.ask(f"I am {JANE}.")

        # Away between two turns, and back: the next turn notices nothing.
        server.kill()
        server.start()
        assert JANE in service.ask("Who am I?")[-1]

        # Away when a new value has to be kept: nothing crosses.
        crossed = len(model.requests)
        with service.away(), pytest.raises((PrivacyError, psycopg.Error)) as caught:
            service.ask(f"And who is {ROE}?")
        assert whose(caught.value) == "ours"  # the vault is asked before the checkpointer
        assert ROE not in str(caught.value)
        assert len(model.requests) == crossed
        assert ROE in service.ask(f"And who is {ROE}?")[-1]

        # Away in the middle of a run, while a tool works.
        with ExitStack() as outage:
            service.during = lambda: outage.enter_context(service.away())
            with pytest.raises((PrivacyError, psycopg.Error)) as caught:
                service.ask(f"What is the phone of {JANE}?")
        assert whose(caught.value) in ("ours", "checkpointer")
        assert ON_FILE not in str(caught.value)
        assert JANE not in str(caught.value)
        service.during = lambda: None
        said = service.ask(None)
        assert said[-2] == f"{JANE} has {ON_FILE}"
        assert set(service.asked) == {JANE}
        assert all(value in said[-1] for value in (JANE, ROE, ON_FILE))

        # Killed and back while a tool works: the turn goes on by itself.
        def short() -> None:
            with service.away():
                pass

        service.during = short
        assert ON_FILE in service.ask(f"The phone of {ROE}?")[-2]

        # One value, one placeholder, before and after; one chain; nothing in clear.
        history = str(model.chats[-1]["messages"])
        kinds = sorted(p.split("_")[0] for p in set(PLACEHOLDER.findall(history)))
        assert kinds == ["[EMAIL", "[EMAIL", "[PHONE"]
        assert service.ledger.verify().records >= len(model.chats)
        for value in (JANE, ROE, ON_FILE):
            assert value not in model.wire.decode()


def test_what_is_away_is_said_by_an_error_of_ours(server: Any, tmp_path: Path) -> None:
    with ExitStack() as stack:
        service = Service(server, tmp_path, "http://127.0.0.1:9/v1", stack)
        session = service.masker.session("case")
        masked = session.mask(f"I am {JANE}.")
        with service.away():
            with pytest.raises(VaultError) as caught:
                session.mask(f"I am {ROE}.")
            assert ROE not in str(caught.value)
            if isinstance(server, PostgresServer):
                with pytest.raises(LedgerError):
                    service.ledger.verify()
        assert session.restore(session.mask(f"I am {ROE}.")) == f"I am {ROE}."
        assert session.mask(f"I am {JANE}.") == masked


def test_only_the_checkpointers_error_is_its_drivers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if program("initdb") is None:
        pytest.skip("initdb is not installed here")
    monkeypatch.setenv("LANGCHAIN_PRIVACY_HOME", str(tmp_path / "home"))
    with PostgresServer() as server, OpenAIServer(model_answers) as model, ExitStack() as stack:
        service = Service(server, tmp_path, model.base_url, stack, near=True)
        service.ask(f"I am {JANE}.")
        crossed = len(model.requests)
        with service.away(), pytest.raises(psycopg.Error) as caught:
            service.ask(f"And who is {ROE}?")
        assert whose(caught.value) == "checkpointer"
        said = "".join(traceback.format_exception(caught.value))
        assert ROE not in said
        assert JANE not in said
        assert len(model.requests) == crossed
        assert JANE in service.ask(f"And who is {ROE}?")[-1]
