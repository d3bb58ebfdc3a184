"""What a second process finds: values, or somebody who says that they are gone."""

import logging
import re
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore
from typing_extensions import TypedDict

from langchain_privacy import Masker, ToolPolicy, create_private_agent, local_node, private
from langchain_privacy.edge import private_tool
from langchain_privacy.edge import run as edge_run
from langchain_privacy.errors import ConfigurationError, UnknownPlaceholderError
from langchain_privacy.vault import StoreVault, VaultKey
from tests.support.scripted import ScriptedChatModel
from tests.unit_tests.edge.conftest import EMAIL, OTHER, PLACEHOLDER, EmailDetector, holds

THREAD = {"configurable": {"thread_id": "t"}}


@pytest.fixture
def saver(tmp_path: Path) -> Iterator[SqliteSaver]:
    with SqliteSaver.from_conn_string(str(tmp_path / "c.sqlite")) as kept:
        yield kept


class Process:
    """An agent with a mailing tool, as each start of a program makes it."""

    def __init__(self, saver: Any, vault: Any = None, policy: ToolPolicy | None = None) -> None:
        self.sent: list[str] = []

        @tool
        def send_mail(to: str, text: str = "") -> str:
            """Send a mail."""
            self.sent.append(to)
            return "sent"

        def answer(messages: list[Any]) -> AIMessage:
            if isinstance(messages[-1], ToolMessage):
                return AIMessage("ready")
            to = re.findall(r"\[(?:EMAIL|LITERAL)_[0-9A-Z]{4,}\]", str(messages))[0]
            call = {"name": "send_mail", "args": {"to": to, "text": f"Dear {to}"}, "id": "1"}
            return AIMessage("", tool_calls=[call])

        self.model = ScriptedChatModel(responses=[answer])
        self.agent = create_private_agent(
            self.model,
            [send_mail],
            masker=Masker([EmailDetector()], vault=vault),
            checkpointer=saver,
            tool_policy=policy,
        )

    def say(self, text: str) -> Any:
        return self.agent.invoke({"messages": [HumanMessage(text)]}, THREAD)["messages"]


@pytest.mark.parametrize(
    "policy", [None, ToolPolicy(restore={"send_mail": {"to": ["EMAIL"]}})], ids=["local", "remote"]
)
def test_a_tool_does_not_act_on_a_placeholder_of_a_lost_vault(saver: Any, policy: Any) -> None:
    first = Process(saver, policy=policy)
    first.say(f"I am {EMAIL}")
    assert first.sent == [EMAIL]
    second = Process(saver, policy=policy)
    messages = second.say("Write again")
    assert second.sent == []
    refusal = next(m for m in reversed(messages) if isinstance(m, ToolMessage))
    assert refusal.status == "error"
    assert "was not called" in refusal.text
    assert PLACEHOLDER.search(refusal.text)
    assert not holds(second.model.seen_text)
    assert messages[-1].text == "ready"


def test_a_vault_that_stays_resolves_it(saver: Any, tmp_path: Path) -> None:
    for _ in range(2):
        process = Process(saver, StoreVault.sqlite(tmp_path / "vault.sqlite"))
        messages = process.say(f"I am {EMAIL}")
        assert process.sent == [EMAIL]
        assert not PLACEHOLDER.search(str(messages))
    assert not holds((tmp_path / "vault.sqlite").read_bytes().decode("latin-1"))


async def test_without_a_call_of_a_model_it_is_an_error(masker: Masker) -> None:
    @tool
    def act(to: str, many: list[dict[str, str]] | None = None) -> str:
        """Act."""
        return to

    mine = private_tool(act, masker)
    for given in ({"to": "[EMAIL_7K2Q]"}, {"to": "x", "many": [{"a": "to [EMAIL_7K2Q]"}]}):
        with pytest.raises(UnknownPlaceholderError, match=r"\[EMAIL_7K2Q\]"):
            mine.invoke(given)
        with pytest.raises(UnknownPlaceholderError):
            await mine.ainvoke(given)
    assert mine.invoke({"to": "[see page 7] or [A_B] [TODO]"}) == "[see page 7] or [A_B] [TODO]"
    remote = private_tool(act, masker, ToolPolicy(remote={"act"}))
    assert remote.invoke({"to": "[EMAIL_7K2Q]"}).startswith("[LITERAL_")  # it was called


# ---- the warning


@pytest.fixture
def warned(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(edge_run, "_warned", set())
    caplog.set_level(logging.WARNING)
    return lambda: [r.getMessage() for r in caplog.records if "keeps placeholders" in r.message]


def test_one_warning_where_placeholders_outlive_their_values(
    saver: Any, warned: Any, tmp_path: Path
) -> None:
    Process(InMemorySaver()).say(EMAIL)
    Process(saver, StoreVault.sqlite(tmp_path / "v.sqlite")).say(EMAIL)
    assert warned() == []
    Process(saver).say(EMAIL)
    Process(saver, StoreVault(InMemoryStore(), VaultKey.generate())).say(EMAIL)
    [said] = warned()
    assert "StoreVault.sqlite" in said


def test_a_store_that_persists_warns_too(warned: Any) -> None:
    class Kept(InMemoryStore):
        """A store of one's own, told apart by its class only."""

    from langgraph.store.sqlite import SqliteStore

    with SqliteStore.from_conn_string(":memory:") as store:
        store.setup()
        agent = create_private_agent(
            ScriptedChatModel(responses=["x"]), masker=Masker([EmailDetector()]), store=store
        )
        agent.invoke({"messages": [HumanMessage(EMAIL)]})
    assert len(warned()) == 1


# ---- the key


def test_the_key_is_found_or_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LANGCHAIN_PRIVACY_KEY", raising=False)
    vault = tmp_path / "vault.sqlite"

    def seen(path: Path, key: Any = None) -> str:
        return StoreVault.sqlite(path, key).session("t").issue("EMAIL", EMAIL).code

    code = seen(vault)
    assert seen(vault) == code
    key = tmp_path / "vault.sqlite.key"
    for file in (vault, key):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert seen(vault, VaultKey.from_file(key)) == code
    other = VaultKey.generate()
    monkeypatch.setenv("LANGCHAIN_PRIVACY_KEY", other.to_text())
    seen(tmp_path / "other.sqlite")
    assert not (tmp_path / "other.sqlite.key").exists()
    assert seen(tmp_path / "other.sqlite", other) == seen(tmp_path / "other.sqlite")
    key.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        VaultKey.from_file(key)
    (tmp_path / "bad").write_text("x")
    (tmp_path / "bad").chmod(0o600)
    with pytest.raises(ConfigurationError, match="base64"):
        VaultKey.from_file(tmp_path / "bad")


def test_a_key_in_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: dict[Any, str] = {}

    class Ring:
        """A keyring; the package needs a desktop's."""

        get_password = staticmethod(lambda *who: kept.get(who))
        set_password = staticmethod(lambda *args: kept.update({args[:2]: args[2]}))

    monkeypatch.setitem(sys.modules, "keyring", Ring)
    assert VaultKey.from_keyring() == VaultKey.from_keyring()
    assert list(kept) == [("langchain-privacy", "vault")]
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(ConfigurationError, match="keyring"):
        VaultKey.from_keyring()


# ---- whose session it is, and what a local function reads of its config


class State(TypedDict, total=False):
    text: str
    seen: Any


def by_user(config: Any) -> str | None:
    return config["configurable"].get("user_id")


def test_a_session_for_each_user(masker: Masker) -> None:
    @local_node
    def remember(state: State, store: BaseStore) -> State:
        if "@" in state["text"]:
            store.put(("facts",), "mail", {"is": state["text"]})
            return {}
        found = store.get(("facts",), "mail")
        return {"seen": found and found.value["is"]}

    builder = StateGraph(State)
    builder.add_node("remember", remember)
    builder.add_edge(START, "remember")
    store = InMemoryStore()
    graph = private(builder.compile(store=store), masker, session=by_user)

    def ask(text: str, thread: str, user: str | None) -> Any:
        settings = {"thread_id": thread} | ({"user_id": user} if user else {})
        return graph.invoke({"text": text}, {"configurable": settings}).get("seen")

    ask(EMAIL, "1", "u1")
    assert ask("?", "2", "u1") == EMAIL
    assert ask("?", "3", "u2") != EMAIL
    assert ask("?", "1", None) != EMAIL
    assert not holds([item.value for item in store.search(())])
    chain = private(ScriptedChatModel(responses=[lambda m: m[-1].content]), masker, session=by_user)
    first = chain.bind().invoke(OTHER, {"configurable": {"user_id": "u1", "thread_id": "9"}})
    assert first.content == OTHER
    session = masker.session("u1")
    assert session.restore(session.mask(OTHER)) == OTHER
    assert [e.value for e in session.vault.entries()] == [EMAIL, OTHER]


async def test_a_local_function_looks_up_by_its_settings(masker: Masker) -> None:
    got: list[Any] = []

    @local_node
    def look(state: State, config: Any) -> State:
        from langgraph.config import get_config

        for each in (config, get_config()):
            got.append((each["configurable"]["user"], each["metadata"]["who"]))
        return {}

    @tool
    def ask(text: str, config: Any) -> str:
        """Ask."""
        return text

    seen: list[Any] = []

    def plain(state: State, config: Any) -> State:
        seen.append((config["configurable"]["user"], config["metadata"]["who"]))
        return {}

    look.__annotations__["config"] = plain.__annotations__["config"] = edge_run.RunnableConfig
    builder = StateGraph(State)
    builder.add_node("look", look)
    builder.add_node("plain", plain)
    builder.add_edge(START, "look")
    builder.add_edge("look", "plain")
    graph = private(builder.compile(), masker)
    settings: Any = {"configurable": {"user": {"mail": EMAIL}}, "metadata": {"who": OTHER}}
    graph.invoke({"text": "x"}, settings)
    await graph.ainvoke({"text": "x"}, settings)
    assert got == [({"mail": EMAIL}, OTHER)] * 4
    assert not holds(seen)
