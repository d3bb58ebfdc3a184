"""A run that is killed in the middle goes on in another process, where the vault permits."""

import json
import sqlite3
import threading
from pathlib import Path
from typing import Any

from langchain_openai import ChatOpenAI
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.store.sqlite import SqliteStore

from langchain_privacy import Masker, create_minion_graph
from langchain_privacy.errors import PrivacyError
from langchain_privacy.vault import InMemoryVault, StoreVault, Vault
from tests.support.http import OpenAIServer
from tests.support.processes import Process
from tests.unit_tests.minions.record import NURSE, RECORD, TASK, leaks, plan


def run(folder: Path, url: str, kept: str, task: str) -> dict[str, Any]:
    """Ask, or go on where a process before this one was killed."""
    checkpoints = sqlite3.connect(folder / "checkpoints.sqlite", check_same_thread=False)
    remote = ChatOpenAI(model="m", base_url=url, api_key="x", max_retries=0)
    graph = create_minion_graph(
        None,
        remote,
        masker=Masker(vault=vault(folder, kept)),
        checkpointer=SqliteSaver(checkpoints),
    )
    given: Any = {"task": task, "documents": [RECORD]} if task else None
    try:
        return graph.invoke(given, {"configurable": {"thread_id": "1"}}, durability="sync")
    except PrivacyError as error:
        return {"error": type(error).__name__, "message": str(error)}


def vault(folder: Path, kept: str) -> Vault:
    if kept == "memory":
        return InMemoryVault()
    shelf = sqlite3.connect(folder / "vault.sqlite", check_same_thread=False, isolation_level=None)
    store = SqliteStore(shelf)
    store.setup()
    return StoreVault(store, b"k" * 32)


class Remote:
    """Plans at once; holds the first reasoning call until it is let go."""

    def __init__(self) -> None:
        self.reasoning = threading.Event()
        self.go_on = threading.Event()
        self.asked: list[str] = []

    def __call__(self, request: dict[str, Any]) -> str:
        prompt = request["messages"][-1]["content"]
        if '"combine"' in prompt:
            self.asked.append("plan")
            return plan("refills", "contact")
        self.asked.append("reason")
        self.reasoning.set()
        self.go_on.wait()
        line = next(line for line in prompt.splitlines() if line.startswith("1. "))
        return json.dumps({"decision": "answer", "answer": line[3:], "cite": [1]})


def killed_and_resumed(folder: Path, kept: str) -> tuple[dict[str, Any], Remote, bytes]:
    remote = Remote()
    with OpenAIServer(remote) as server:
        first = Process(run, folder, server.base_url, kept, TASK)
        assert first.reaches(remote.reasoning)
        first.kill()
        remote.go_on.set()
        return Process(run, folder, server.base_url, kept, "").result(), remote, server.wire


def test_resumed_in_another_process_the_plan_is_not_paid_twice(tmp_path: Path) -> None:
    out, remote, wire = killed_and_resumed(tmp_path, "store")
    assert NURSE in out["answer"]
    assert remote.asked == ["plan", "reason", "reason"]
    assert not leaks(wire.decode())
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"refills" in stored
    assert not leaks(stored.decode("latin-1"))


def test_a_vault_in_memory_says_that_the_session_is_gone(tmp_path: Path) -> None:
    out, remote, _ = killed_and_resumed(tmp_path, "memory")
    assert out["error"] == "SessionError"
    assert not leaks(out["message"])
    assert remote.asked == ["plan", "reason"]
