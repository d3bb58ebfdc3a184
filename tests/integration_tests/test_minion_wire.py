"""The main job with real parts: what each observer could have seen."""

import asyncio
import json
import logging
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.sqlite import SqliteSaver

from langchain_privacy import (
    EgressGuard,
    EgressLedger,
    Masker,
    create_minion_graph,
    create_minions_graph,
)
from langchain_privacy.local import EmbeddedServer
from tests.support.http import LangSmithServer, OpenAIServer
from tests.unit_tests.minions.record import NURSE, PLANTED, RECORD, TASK, leaks, plan


def reader(request: dict[str, Any]) -> str:
    """A remote model that plans, then quotes the passage about refills."""
    prompt = request["messages"][-1]["content"]
    if '"combine"' in prompt:
        return plan("refills", "contact")
    for line in prompt.splitlines():
        number, _, quote = line.partition(". ")
        if number.isdigit() and "refills" in quote:
            return json.dumps({"decision": "answer", "answer": quote, "cite": [int(number)]})
    return json.dumps({"decision": "insufficient"})


@pytest.mark.parametrize("create", [create_minion_graph, create_minions_graph])
@pytest.mark.parametrize("asynchronous", [False, True])
def test_no_observer_sees_a_planted_value(
    create: Any,
    asynchronous: bool,
    embedded: EmbeddedServer,
    langsmith_server: LangSmithServer,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    masker = Masker()
    ledger = EgressLedger(tmp_path / "ledger.sqlite", keep_payload=True)
    connection = sqlite3.connect(tmp_path / "checkpoints.sqlite", check_same_thread=False)
    config = {"configurable": {"thread_id": "1"}, "tags": ["t"], "metadata": {"who": PLANTED[0]}}
    asked = {"task": TASK, "documents": [RECORD]}
    with OpenAIServer(reader) as server:
        remote = ChatOpenAI(model="scripted", base_url=server.base_url, api_key="x")
        checkpointer = None if asynchronous else SqliteSaver(connection)
        graph = create(
            embedded.chat_model(),
            remote,
            masker=masker,
            guard=EgressGuard(masker, ledger=ledger),
            checkpointer=checkpointer,
        )
        if asynchronous:
            out = asyncio.run(graph.ainvoke(asked, config))
        else:
            parts = list(graph.stream(asked, config, stream_mode=["values", "custom", "tasks"]))
            out = [data for mode, data in parts if mode == "values"][-1]
            custom = [data for mode, data in parts if mode == "custom"]
            assert {event["event"] for event in custom} >= {"planned", "crossing", "answered"}
            assert not leaks(json.dumps(custom))
        langsmith_server.flush()
        wire = server.wire
    connection.commit()
    connection.close()
    assert NURSE in out["answer"]
    assert out["report"]["local"]["judge"] == "yes_no"
    assert out["report"]["local"]["calls"] >= 1
    assert b"refills" in wire
    assert not leaks(wire.decode())
    traced = langsmith_server.wire.decode("utf-8", "replace")
    assert "refills" in traced
    assert not leaks(traced)
    logged = "\n".join(record.getMessage() for record in caplog.records)
    assert "Sending HTTP Request" in logged  # so DEBUG was on
    assert not leaks(logged)
    files = b"".join(p.read_bytes() for p in tmp_path.iterdir() if p.is_file())
    assert b"refills" in files
    assert not leaks(files.decode("latin-1"))
    ledger.verify()
    sent = [crossing for crossing in ledger.crossings() if crossing.decision.startswith("allow")]
    assert len(sent) == len(server.chats) == 2


def test_errors_in_a_run_carry_nothing_out(
    langsmith_server: LangSmithServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    remote = ChatOpenAI(model="x", base_url="http://127.0.0.1:9/v1", api_key="x", max_retries=0)
    local = ChatOpenAI(model="x", base_url="http://127.0.0.1:9/v1", api_key="x", max_retries=0)
    out = create_minion_graph(local, remote).invoke({"task": TASK, "documents": [RECORD]})
    langsmith_server.flush()
    assert NURSE in out["answer"]
    assert {"crossing_failed", "local_unavailable:down"} <= set(out["report"]["errors"])
    assert out["report"]["local"]["judge"] == "bm25"
    assert not leaks(langsmith_server.wire.decode("utf-8", "replace"))
    assert not leaks("\n".join(record.getMessage() for record in caplog.records))
