"""Our own examples through our own test kit: no channel holds a private value."""

import importlib.util
import json
import logging
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda

from langchain_privacy import EgressGuard, EgressLedger, Masker
from langchain_privacy.demo.run import bundled
from langchain_privacy.testing import PrivacyProbe
from tests.support.paths import REPOSITORY

CUSTOMER = "maria.keller@northwind.example"
ASKED = {
    "messages": [("user", f"Tell the customer what we have on file: {CUSTOMER}")],
}
SENDER, PHONE = "lee.park@contoso.example", "+82 10-2345-6789"
TICKET = {"ticket": f"urgent: the door is stuck. {SENDER}"}
THREAD = {"configurable": {"thread_id": "1"}}


def example(name: str) -> ModuleType:
    """Import an example anew."""
    spec = importlib.util.spec_from_file_location(
        f"example_{name}", REPOSITORY / "examples" / name / "main.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def _forget_examples() -> Iterator[None]:
    log = logging.getLogger("langchain_privacy")
    level = log.level
    yield
    log.setLevel(level)
    for name in [name for name in sys.modules if name.startswith("example_")]:
        del sys.modules[name]


def test_private_agent(privacy_probe: PrivacyProbe) -> None:
    privacy_probe.add_values({"EMAIL": [CUSTOMER], "PHONE": ["+49 30 901820"]})
    module = example("private_agent")
    privacy_probe.watch(remote=[module.CloudModel()])
    answer = privacy_probe.invoke(module.agent, ASKED)
    assert CUSTOMER in answer["messages"][-1].content
    assert CUSTOMER in module.SENT[0]
    privacy_probe.report().assert_clean(examined=["remote", "langsmith", "opentelemetry"])


async def test_private_agent_streams(privacy_probe: PrivacyProbe) -> None:
    privacy_probe.add_values({"EMAIL": [CUSTOMER], "PHONE": ["+49 30 901820"]})
    module = example("private_agent")
    privacy_probe.watch(remote=[module.CloudModel()])
    parts = [p async for p in privacy_probe.astream(module.agent, ASKED, stream_mode="messages")]
    assert CUSTOMER in "".join(message.text for message, _ in parts)
    (await privacy_probe.areport()).assert_clean(examined=["remote", "langsmith"])


def test_private_agent_without_its_two_lines_leaks(privacy_probe: PrivacyProbe) -> None:
    privacy_probe.add_values({"EMAIL": [CUSTOMER]})
    module = example("private_agent")
    privacy_probe.watch(remote=[module.CloudModel()])
    tools: list[Any] = [module.crm_lookup, module.send_mail]
    privacy_probe.invoke(module.create_agent(module.CloudModel(), tools), ASKED)
    leaking = {leak.channel for leak in privacy_probe.report().leaks}
    assert leaking >= {"remote", "langsmith", "opentelemetry", "stdout"}


@pytest.mark.parametrize("streamed", [False, True])
def test_custom_graph(privacy_probe: PrivacyProbe, streamed: bool) -> None:
    privacy_probe.add_values({"EMAIL": [SENDER], "PHONE": [PHONE]})
    module = example("custom_graph")
    privacy_probe.watch(remote=[module.CloudModel()])
    graph = module.build(Masker())
    if streamed:
        assert SENDER in str(list(privacy_probe.stream(graph, TICKET, THREAD)))
    else:
        assert privacy_probe.invoke(graph, TICKET, THREAD)["sender"] == SENDER
    assert [f"to {SENDER}: We call you today at {PHONE}."] == module.OUTBOX
    privacy_probe.report().assert_clean(examined=["remote", "langsmith", "checkpoints"])


def test_retrieval(tmp_path_factory: pytest.TempPathFactory) -> None:
    tmp_path_factory.getbasetemp()
    tenants = {"EMAIL": ["jane.doe@example.org", "joe.roe@example.org"]}
    with PrivacyProbe(tenants, ignore=["stdout"]) as probe:
        module = example("retrieval")
        probe.watch(remote=[module.WordCounts()])
        probe.invoke(RunnableLambda(lambda _: module.main()), "start")
    probe.report().assert_clean(examined=["remote", "langsmith"])


def test_questions_to_a_database(
    privacy_probe: PrivacyProbe, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(REPOSITORY / "examples" / "nl2sql_apartments")
    monkeypatch.delenv("OPENAI_API_KEY")  # else the example asks OpenAI's client
    module = example("nl2sql_apartments")
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


def test_a_contract_and_a_minion(privacy_probe: PrivacyProbe) -> None:
    module = example("minion")
    privacy_probe.add_values({"VALUE": bundled("long").planted})
    remote = module.Reader()
    privacy_probe.watch(remote=[remote])
    masker = Masker()
    guard = EgressGuard(masker, ledger=EgressLedger(keep_payload=True))
    graph = module.create_minion_graph(None, remote, masker=masker, guard=guard)
    privacy_probe.reads = lambda answer: answer["answer"]
    asked = {"task": module.QUESTION, "documents": [module.CONTRACT.read_text("utf-8")]}
    assert "400만원" in privacy_probe.invoke(graph, asked)["answer"]
    privacy_probe.report().assert_clean(examined=["remote", "langsmith"])


async def test_questions_to_postgres(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    url = postgres_url.replace("postgresql://", "postgresql+asyncpg://")
    monkeypatch.setenv("POSTGRES_URL", url)
    with PrivacyProbe({"VALUE": ["Seoul", "Busan", "Daegu"]}, ignore=["stdout"]) as probe:
        monkeypatch.delenv("OPENAI_API_KEY")  # else the example asks OpenAI's client
        module = example("nl2sql_postgres")
        model = module.remote()
        monkeypatch.setattr(module, "remote", lambda: model)
        probe.watch(remote=[model])

        async def main(_: Any) -> None:
            await module.main()

        await probe.ainvoke(RunnableLambda(main), "start")
    (await probe.areport()).assert_clean(examined=["remote"])


def test_the_notebook_asks_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = REPOSITORY / "examples" / "nl2sql_apartments"
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delitem(sys.modules, "main", raising=False)
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
    monkeypatch.delitem(sys.modules, "main", raising=False)
