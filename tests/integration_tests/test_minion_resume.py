"""A run that is killed in the middle goes on in another process, where the vault permits."""

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from tests.support.http import OpenAIServer
from tests.unit_tests.minions.record import NURSE, RECORD, TASK, leaks, plan

CHILD = """
import json, sqlite3, sys
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.store.sqlite import SqliteStore
from langchain_privacy import Masker, create_minion_graph
from langchain_privacy.errors import PrivacyError
from langchain_privacy.vault import InMemoryVault, StoreVault

folder, url, kept, task, document = sys.argv[1:]
if kept == "store":
    shelf = sqlite3.connect(f"{folder}/vault.sqlite", check_same_thread=False, isolation_level=None)
    store = SqliteStore(shelf)
    store.setup()
    vault = StoreVault(store, b"k" * 32)
else:
    vault = InMemoryVault()
checkpoints = sqlite3.connect(f"{folder}/checkpoints.sqlite", check_same_thread=False)
remote = ChatOpenAI(model="m", base_url=url, api_key="x", max_retries=0)
graph = create_minion_graph(
    None, remote, masker=Masker(vault=vault), checkpointer=SqliteSaver(checkpoints)
)
config = {"configurable": {"thread_id": "1"}}
given = {"task": task, "documents": [document]} if task else None
try:
    out = graph.invoke(given, config, durability="sync")
    print(json.dumps(out))
except PrivacyError as error:
    print(json.dumps({"error": type(error).__name__, "message": str(error)}))
"""


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
        self.go_on.wait(60)
        line = next(line for line in prompt.splitlines() if line.startswith("1. "))
        return json.dumps({"decision": "answer", "answer": line[3:], "cite": [1]})


def child(folder: Path, url: str, kept: str, task: str) -> "subprocess.Popen[str]":
    arguments = [sys.executable, "-c", CHILD, str(folder), url, kept, task, RECORD]
    return subprocess.Popen(
        arguments, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).resolve().parents[2]
    )


def killed_and_resumed(folder: Path, kept: str) -> tuple[dict[str, Any], Remote, bytes]:
    remote = Remote()
    with OpenAIServer(remote) as server:
        first = child(folder, server.base_url, kept, TASK)
        assert remote.reasoning.wait(90)
        first.kill()
        first.wait()
        remote.go_on.set()
        second = child(folder, server.base_url, kept, "")
        printed, _ = second.communicate(timeout=90)
        return json.loads(printed), remote, server.wire


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
