"""Our own examples through our own test kit: no channel holds a private value."""

import json
import logging
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver

from langchain_privacy import EgressGuard, EgressLedger, Masker, private
from langchain_privacy.demo.show import bundled
from langchain_privacy.testing import PrivacyProbe
from tests.support.examples import example
from tests.support.paths import REPOSITORY

CUSTOMER = "maria.keller@northwind.example"
ASKED = {
    "messages": [("user", f"Tell the customer what we have on file: {CUSTOMER}")],
}
SENDER, PHONE = "lee.park@contoso.example", "+82 10-2345-6789"
TICKET = {"ticket": f"urgent: the door is stuck. {SENDER}"}
THREAD = {"configurable": {"thread_id": "1"}}
Graphs = Callable[[str], ModuleType]


@pytest.fixture
def graph_of() -> Iterator[Callable[[str], ModuleType]]:
    """Imports an example anew; what it quietened is loud again after the test."""
    log = logging.getLogger("langchain_privacy")
    level = log.level
    with ExitStack() as opened:
        yield lambda name: opened.enter_context(example(name))
    log.setLevel(level)


def test_private_agent(graph_of: Graphs, privacy_probe: PrivacyProbe) -> None:
    privacy_probe.add_values({"EMAIL": [CUSTOMER], "PHONE": ["+49 30 901820"]})
    module = graph_of("private_agent")
    privacy_probe.watch(remote=[module.CloudModel()])
    answer = privacy_probe.invoke(module.graph, ASKED)
    assert CUSTOMER in answer["messages"][-1].content
    assert CUSTOMER in module.SENT[0]
    privacy_probe.report().assert_clean(examined=["remote", "langsmith", "opentelemetry"])


async def test_private_agent_streams(graph_of: Graphs, privacy_probe: PrivacyProbe) -> None:
    privacy_probe.add_values({"EMAIL": [CUSTOMER], "PHONE": ["+49 30 901820"]})
    module = graph_of("private_agent")
    privacy_probe.watch(remote=[module.CloudModel()])
    parts = [p async for p in privacy_probe.astream(module.graph, ASKED, stream_mode="messages")]
    assert CUSTOMER in "".join(message.text for message, _ in parts)
    (await privacy_probe.areport()).assert_clean(examined=["remote", "langsmith"])


def test_private_agent_without_its_two_lines_leaks(
    graph_of: Graphs, privacy_probe: PrivacyProbe
) -> None:
    privacy_probe.add_values({"EMAIL": [CUSTOMER]})
    module = graph_of("private_agent")
    privacy_probe.watch(remote=[module.CloudModel()])
    tools: list[Any] = [module.crm_lookup, module.send_mail]
    privacy_probe.invoke(module.create_agent(module.CloudModel(), tools), ASKED)
    leaking = {leak.channel for leak in privacy_probe.report().leaks}
    assert leaking >= {"remote", "langsmith", "opentelemetry", "stdout"}


@pytest.mark.parametrize("streamed", [False, True])
def test_custom_graph(graph_of: Graphs, privacy_probe: PrivacyProbe, streamed: bool) -> None:
    privacy_probe.add_values({"EMAIL": [SENDER], "PHONE": [PHONE]})
    module = graph_of("custom_graph")
    privacy_probe.watch(remote=[module.CloudModel()])
    kept = module.builder.compile(checkpointer=InMemorySaver())
    graph = private(kept, module.masker)
    if streamed:
        assert SENDER in str(list(privacy_probe.stream(graph, TICKET, THREAD)))
    else:
        assert privacy_probe.invoke(graph, TICKET, THREAD)["sender"] == SENDER
    assert [f"to {SENDER}: We call you today at {PHONE}."] == module.OUTBOX
    privacy_probe.report().assert_clean(examined=["remote", "langsmith", "checkpoints"])


def test_retrieval(graph_of: Graphs, tmp_path_factory: pytest.TempPathFactory) -> None:
    tmp_path_factory.getbasetemp()
    tenants = {"EMAIL": ["jane.doe@example.org", "joe.roe@example.org"]}
    with PrivacyProbe(tenants, ignore=["stdout"]) as probe:
        module = graph_of("retrieval")
        probe.watch(remote=[module.WordCounts()])
        probe.invoke(RunnableLambda(lambda _: module.main()), "start")
        module.folder.cleanup()
    probe.report().assert_clean(examined=["remote", "langsmith"])


def test_questions_to_a_database(
    graph_of: Graphs, privacy_probe: PrivacyProbe, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("REMOTE_MODEL", raising=False)
    module = graph_of("nl2sql_apartments")
    privacy_probe.watch(remote=[module.StandIn()])
    graph = module.make_graph(tmp_path)
    with closing(sqlite3.connect(tmp_path / "trades.sqlite")) as opened:
        names = [name for (name,) in opened.execute("SELECT DISTINCT 단지명 FROM real_transaction")]
    privacy_probe.add_values({"VALUE": names})
    privacy_probe.reads = lambda answer: answer["answer"]  # the masked one is for logs
    answers = [
        privacy_probe.invoke(graph, {"question": question}, THREAD) for question in module.QUESTIONS
    ]
    there = [[name for name in names if name in answer["answer"]] for answer in answers]
    assert [len(found) for found in there[:3]] == [3, 1, 5]
    assert set(there[1]) < set(there[0])  # the follow-up is about the three before
    assert answers[3]["answer"].count("억") == 3
    assert answers[4]["chart"]["mime_type"] == "image/png"
    assert all(answer["report"]["issues"] == [] for answer in answers)
    privacy_probe.report().assert_clean(examined=["remote", "langsmith"])


def test_a_contract_and_a_minion(
    graph_of: Graphs, privacy_probe: PrivacyProbe, tmp_path: Path
) -> None:
    module = graph_of("minion")
    privacy_probe.add_values({"VALUE": bundled("long").planted})
    # A class of its own: the example's graph has a guarded one of `Reader` already.
    remote = type("Watched", (module.Reader,), {})()
    privacy_probe.watch(remote=[remote])
    masker = Masker()
    ledger = EgressLedger(f"sqlite:///{tmp_path / 'ledger.sqlite'}", keep_payload=True)
    guard = EgressGuard(masker, ledger=ledger)
    graph = module.create_minion_graph(None, remote, masker=masker, guard=guard)
    privacy_probe.reads = lambda answer: answer["answer"]
    asked = {"task": module.QUESTION, "documents": [module.CONTRACT.read_text("utf-8")]}
    assert "400만원" in privacy_probe.invoke(graph, asked)["answer"]
    privacy_probe.report().assert_clean(examined=["remote", "langsmith"])


async def test_questions_to_postgres(
    graph_of: Graphs, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres_url.replace("postgresql://", "postgresql+asyncpg://")
    monkeypatch.setenv("POSTGRES_URL", url)
    with PrivacyProbe({"VALUE": ["Seoul", "Busan", "Daegu"]}, ignore=["stdout"]) as probe:
        module = graph_of("nl2sql_postgres")
        probe.watch(remote=[module.remote])

        async def main(_: Any) -> None:
            await module.main()

        await probe.ainvoke(RunnableLambda(main), "start")
    (await probe.areport()).assert_clean(examined=["remote"])


def test_the_notebook_asks_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = REPOSITORY / "examples" / "nl2sql_apartments"
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delenv("REMOTE_MODEL", raising=False)
    monkeypatch.delitem(sys.modules, "graph", raising=False)
    shown: list[Any] = []
    display = ModuleType("IPython.display")
    display.__dict__.update(Image=bytes, Markdown=str, display=shown.append)
    notebook = ModuleType("IPython")
    notebook.__dict__.update(version_info=(9, 0), get_ipython=lambda: None)  # matplotlib asks
    monkeypatch.setitem(sys.modules, "IPython", notebook)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    book = json.loads((folder / "notebook.ipynb").read_text(encoding="utf-8"))
    assert all(not cell.get("outputs") for cell in book["cells"])  # they would hold values
    notebook.__dict__["display"] = display
    here: dict[str, Any] = {}
    for cell in book["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), here)
    assert [type(one) for one in shown] == [str] * 5 + [bytes]
    assert shown[-1].startswith(b"\x89PNG")
    monkeypatch.delitem(sys.modules, "graph", raising=False)
