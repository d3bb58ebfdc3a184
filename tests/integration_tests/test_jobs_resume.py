"""Jobs over many documents go on where a killed process left them, and none is done twice."""

import json
import random
import sqlite3
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.store.sqlite import SqliteStore

from langchain_privacy import Masker, create_minions_graph
from langchain_privacy.vault import StoreVault
from tests.support.http import OpenAIServer
from tests.support.leases import amount, leases, worker
from tests.support.processes import Process
from tests.support.runners import Runner, ollama

PARALLEL = 4
RENT = {"question": "How much is the monthly rent?", "terms": ["rent", "monthly"]}
PLAN = json.dumps({"jobs": [{**RENT, "expect": "money", "aggregate": "sum"}]})


def run(folder: Path, local: str, remote: str, count: int) -> dict[str, Any]:
    """Ask about `count` leases, or go on where a process before this one was killed (0)."""
    checkpoints = sqlite3.connect(folder / "checkpoints.sqlite", check_same_thread=False)
    shelf = sqlite3.connect(folder / "vault.sqlite", check_same_thread=False, isolation_level=None)
    store = SqliteStore(shelf)
    store.setup()
    graph = create_minions_graph(
        ChatOllama(model="m:7b", base_url=local),
        ChatOpenAI(model="m", base_url=remote, api_key="x", max_retries=0),
        masker=Masker(vault=StoreVault(store, b"k" * 32)),
        checkpointer=SqliteSaver(checkpoints),
    )
    given: Any = {"task": "The sum of the rents?", "documents": leases(count).documents}
    config: Any = {"configurable": {"thread_id": "1"}, "max_concurrency": PARALLEL}
    out = graph.invoke(given if count else None, config, durability="sync")
    return dict(out)


class Worker:
    """Counts what it is asked, and says when so many questions have come."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.due: tuple[int, threading.Event] = (0, threading.Event())
        self._lock = threading.Lock()

    def __call__(self, request: dict[str, Any]) -> str:
        prompt = str(request["messages"][-1]["content"])
        with self._lock:
            self.asked[prompt] += 1
            if sum(self.asked.values()) >= self.due[0]:
                self.due[1].set()
        return worker(prompt)

    def after(self, more: int) -> threading.Event:
        with self._lock:
            self.due = (sum(self.asked.values()) + more, threading.Event())
        return self.due[1]


def killed(folder: Path, count: int, kills: int) -> None:
    counts, plans, chance = Worker(), Counter[str](), random.Random(3)

    def planner(request: dict[str, Any]) -> str:
        plans["plan"] += 1
        return PLAN

    with Runner(ollama, replies=[counts]) as local, OpenAIServer(planner) as remote:
        given = count
        for _ in range(kills):
            enough = counts.after(chance.randint(3, max(3, count // (kills + 1))))
            process = Process(run, folder, local.url, remote.base_url, given)
            assert process.reaches(enough)
            process.kill()
            given = 0
        out = Process(run, folder, local.url, remote.base_url, given).result()
    assert amount(out["answer"]) == sum(leases(count).rents)
    (coverage,) = out["report"]["coverage"]
    assert (coverage["jobs"], coverage["found"]) == (count, count)
    assert len(counts.asked) == count
    # What was under way when the process died is done again, and nothing else.
    assert sum(counts.asked.values()) - count <= kills * PARALLEL
    assert plans["plan"] == 1


def test_killed_twice(tmp_path: Path) -> None:
    killed(tmp_path, 24, 2)


@pytest.mark.slow
def test_two_hundred_documents_killed_twenty_times(tmp_path: Path) -> None:
    killed(tmp_path, 200, 20)
