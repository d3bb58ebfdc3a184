"""The loop, end to end, with a remote model that is written down."""

import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.messages import BaseMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Interrupt

from langchain_privacy import (
    EgressGuard,
    Masker,
    MaskingPolicy,
    MinionNodes,
    create_minion_graph,
    create_minions_graph,
    private,
)
from langchain_privacy.detection import Detector, Finding
from langchain_privacy.errors import ConfigurationError, DocumentError, SessionError
from langchain_privacy.minions import Budget, MinionState
from langchain_privacy.minions.quotes import MAX_CHARACTERS
from tests.unit_tests.minions.record import (
    EMAIL,
    NURSE,
    RECORD,
    TASK,
    leaks,
    lines,
    pick,
    plan,
    scripted,
)

BOTH = pytest.mark.parametrize("create", [create_minion_graph, create_minions_graph])


@BOTH
def test_the_person_gets_real_values_and_the_remote_none(create: Any) -> None:
    remote = scripted(plan("refills", "contact"), pick("refills"))
    out = create(None, remote).invoke({"task": TASK, "documents": [RECORD]})
    assert NURSE in out["answer"]
    assert out["report"]["outcome"] == "answered"
    assert out["report"]["decided_by"] == "remote"
    quoted = out["evidence"][0]
    assert RECORD[quoted["start"] : quoted["end"]] == quoted["quote"]
    assert len(remote.seen) == 2
    assert not leaks(remote.seen_text)
    assert "[EMAIL_" in remote.seen_text


@BOTH
async def test_async(create: Any) -> None:
    remote = scripted(plan("refills"), pick("refills"))
    out = await create(None, remote).ainvoke({"task": TASK, "documents": [RECORD]})
    assert NURSE in out["answer"]
    assert not leaks(remote.seen_text)


def test_evidence_none_sends_the_masked_task_only() -> None:
    remote = scripted(plan("refills", "contact"), pick("refills"))
    out = create_minion_graph(None, remote, evidence="none").invoke(
        {"task": TASK, "documents": [RECORD]}
    )
    assert NURSE in out["answer"]
    assert len(remote.seen) == 1
    assert "inhaler" not in remote.seen_text
    assert out["report"]["crossed"]["passages"] == 0


def test_without_a_remote_nothing_crosses() -> None:
    out = create_minion_graph(None, None).invoke({"task": TASK, "documents": [RECORD]})
    assert NURSE in out["answer"]
    assert out["report"]["remote"]["calls"] == 0


def test_not_found_is_an_answer() -> None:
    question = {"task": "What is the shoe size?", "documents": [RECORD]}
    out = create_minion_graph(None, None).invoke(question)
    assert out["answer"] == "Not found in the documents."
    assert out["evidence"] == []
    remote = scripted(plan("shoe"), '{"decision": "insufficient"}')
    out = create_minion_graph(None, remote, max_rounds=1).invoke(question)
    assert out["report"]["outcome"] == "not_found"


def test_a_second_round_looks_for_what_was_missing() -> None:
    more = {"decision": "more", "subs": [{"question": "Lab fee?", "terms": ["lab fee"]}]}
    remote = scripted(plan("inhaler"), json.dumps(more), pick("35.50"))
    out = create_minion_graph(None, remote).invoke(
        {"task": "What did analysis cost?", "documents": [RECORD]}
    )
    assert "35.50" in out["answer"]
    assert out["rounds"] == 2
    assert len(remote.seen) == 3


def test_arithmetic_is_done_on_this_side() -> None:
    def sums(messages: list[BaseMessage]) -> str:
        quoted = messages[-1].text  # a sum that is somebody's is a placeholder there
        values = re.findall(r"(?:fee|visit) is (\[\w+\]|[\d.]+\d)", quoted)
        found = {"decision": "answer", "answer": "Together {result} dollars.", "cite": [1, 2]}
        return json.dumps({**found, "combine": "sum", "values": values})

    remote = scripted(plan("invoice", "lab fee", combine="sum"), sums)
    out = create_minion_graph(None, remote).invoke(
        {"task": "What do invoice and lab fee cost together?", "documents": [RECORD]}
    )
    assert out["answer"] == "Together 155.5 dollars."
    assert "Do not calculate" in remote.seen_text


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Together {result} dollars.", "Together 1,500,000 dollars."),
        ("Together ${result} million.", "Together $1.5 million."),
        ("모두 {result}만 달러.", "모두 150만 달러."),
    ],
)
def test_a_result_fits_the_size_that_the_answer_names(answer: str, expected: str) -> None:
    values = ["$1.2 million", "300,000 dollars"]
    found = {"decision": "answer", "answer": answer, "cite": [1], "combine": "sum"}
    remote = scripted(
        plan("roof", "gutters", combine="sum"), json.dumps({**found, "values": values})
    )
    document = (
        "The roof costs $1.2 million.\nGutters cost 300,000 dollars.\n" + "It rains here.\n" * 9
    )
    out = create_minion_graph(None, remote).invoke(
        {"task": "What do roof and gutters cost together?", "documents": [document]}
    )
    assert out["answer"].startswith(expected)


def test_korean_prompts_for_korean_documents() -> None:
    text = (
        "환자 메일: kim@example.com. 진료비는 12만원이다. 약은 하루 두 번 먹는다. 주차는 무료이다."
    )
    remote = scripted(plan("진료비"), pick("진료비"))
    out = create_minion_graph(None, remote).invoke(
        {"task": "진료비는 얼마인가?", "documents": [text]}
    )
    assert "12만원" in out["answer"]
    assert "과제:" in remote.seen_text
    assert "Task:" not in remote.seen_text


def test_state_checkpoints_and_events_hold_no_value(tmp_path: Path) -> None:
    file = tmp_path / "checkpoints.sqlite"
    connection = sqlite3.connect(file, check_same_thread=False)
    masker = Masker()
    for create in (create_minion_graph, create_minions_graph):
        remote = scripted(plan("refills"), pick("refills"))
        graph = create(None, remote, masker=masker, checkpointer=SqliteSaver(connection))
        config = {"configurable": {"thread_id": create.__name__}}
        custom = list(
            graph.stream({"task": TASK, "documents": [RECORD]}, config, stream_mode="custom")
        )
        assert {event["event"] for event in custom} >= {"planned", "crossing", "answered"}
        assert not leaks(json.dumps(custom))
        state = graph.get_state(config)
        assert not leaks(repr(state))
        assert "inhaler" in repr(state)  # a masked quote, so the search above could have found one
        assert NURSE in repr(graph.get_state(config, restore=True).values["answer"])
    connection.commit()
    connection.close()
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"inhaler" in stored
    assert not leaks(stored.decode("latin-1"))
    assert "Bicycles" not in stored.decode("latin-1")


def test_every_stream_mode_gives_real_values_to_the_person() -> None:
    for mode in ("values", "updates"):
        remote = scripted(plan("refills"), pick("refills"))
        parts = list(
            create_minion_graph(None, remote).stream(
                {"task": TASK, "documents": [RECORD]}, stream_mode=mode
            )
        )
        last = parts[-1] if mode == "values" else parts[-1]["answer"]
        assert NURSE in last["answer"]
        assert NURSE in last["evidence"][0]["quote"]


def test_a_person_approves_each_crossing() -> None:
    remote = scripted(plan("refills"), pick("refills"))
    graph = create_minion_graph(None, remote, approve=True, checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    asked = graph.invoke({"task": TASK, "documents": [RECORD]}, config)["__interrupt__"][0].value
    assert asked["purpose"] == "plan"
    assert not leaks(asked["text"])
    assert remote.seen == []
    asked = graph.invoke(Command(resume="ok"), config)["__interrupt__"][0].value
    assert asked["purpose"] == "reason"
    assert "[EMAIL_" in asked["text"]
    assert not leaks(asked["text"])
    out = graph.invoke(Command(resume="ok"), config)
    assert NURSE in out["answer"]
    assert len(remote.seen) == 2
    assert asked["text"] == remote.seen[1]["messages"][0]["data"]["content"]


@BOTH
@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("mode", ["updates", "values", "tasks", "checkpoints", "debug"])
def test_an_approval_stays_masked_in_every_stream(create: Any, mode: str, version: str) -> None:
    graph = create(None, scripted(plan("refills")), approve=True, checkpointer=InMemorySaver())
    asked = {"task": TASK, "documents": [RECORD]}
    config = {"configurable": {"thread_id": "1"}}
    seen: list[str] = []
    for part in graph.stream(asked, config, stream_mode=mode, version=version):
        seen += crossings(part)
    assert seen or (mode, version) in NO_APPROVAL
    assert not any(leaks(text) for text in seen)


NO_APPROVAL = {("values", "v1"), ("checkpoints", "v1"), ("checkpoints", "v2")}
"""Streams that LangGraph gives no interrupt to."""


def crossings(x: Any) -> list[str]:
    """Return the texts of approvals that stand anywhere in what is streamed."""
    if isinstance(x, Interrupt):
        return crossings(x.value)
    if isinstance(x, dict):
        own = [x["text"]] if x.get("kind") == "crossing" else []
        return own + [text for value in x.values() for text in crossings(value)]
    return [text for value in x for text in crossings(value)] if isinstance(x, list | tuple) else []


def test_a_denied_crossing_is_answered_on_this_side() -> None:
    remote = scripted(plan("refills"))
    graph = create_minion_graph(None, remote, approve=True, checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    graph.invoke({"task": TASK, "documents": [RECORD]}, config)
    out = graph.invoke(Command(resume="deny"), config)
    assert remote.seen == []
    assert NURSE in out["answer"]
    assert "this side alone" in out["answer"]
    assert "crossing_denied" in out["report"]["errors"]


def test_what_a_person_types_into_an_approval_is_masked() -> None:
    remote = scripted(plan("refills"), pick("refills"))
    graph = create_minion_graph(None, remote, approve=True, checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    graph.invoke({"task": TASK, "documents": [RECORD]}, config)
    graph.invoke(Command(resume={"edit": f"Plan for {EMAIL}, please."}), config)
    assert "please" in remote.seen_text
    assert not leaks(remote.seen_text)


def test_a_second_question_in_a_thread_starts_anew() -> None:
    second = plan("lab fee", question="How much is the lab fee?")
    remote = scripted(plan("refills"), pick("refills"), second, pick("35.50"))
    graph = create_minion_graph(None, remote, checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    graph.invoke({"task": TASK, "documents": [RECORD]}, config)
    out = graph.invoke({"task": "What is the lab fee?", "documents": [RECORD]}, config)
    assert "35.50" in out["answer"]
    assert out["rounds"] == 1
    assert len(out["report"]["calls"]) == 2
    assert "refills" not in json.dumps(remote.seen[3])


def test_a_document_is_never_quoted_whole() -> None:
    remote = scripted(plan(*RECORD.split()[:12], expect="summary"), pick("x"))
    create_minion_graph(None, remote).invoke({"task": "Quote it whole.", "documents": [RECORD]})
    quoted = sum(map(len, lines_of(remote)))
    assert 0 < quoted <= 0.5 * len(RECORD)


def lines_of(remote: Any) -> list[str]:
    from langchain_core.messages import HumanMessage

    return lines([HumanMessage(remote.seen[-1]["messages"][0]["data"]["content"])])


def test_nodes_in_a_graph_of_ones_own() -> None:
    masker = Masker()
    remote = scripted(plan("refills"), pick("refills"))
    nodes = MinionNodes(None, remote, masker=masker)
    graph = StateGraph(MinionState)
    graph.add_node("extract", nodes.extract)
    graph.add_node("plan", nodes.plan)
    graph.add_node("answer", nodes.answer)
    graph.add_edge(START, "extract")
    graph.add_conditional_edges("extract", nodes.route)
    graph.add_conditional_edges("plan", nodes.route)
    graph.add_edge("answer", END)
    refs = nodes.keep([RECORD], masker.session("mine"))
    out = private(graph.compile(), masker).invoke(
        {"task": TASK, "documents": refs}, {"configurable": {"thread_id": "mine"}}
    )
    assert NURSE in out["answer"]
    assert not leaks(remote.seen_text)


@pytest.mark.parametrize(
    ("documents", "error"),
    [
        ([], ConfigurationError),
        ([""], DocumentError),
        ([" \n\t"], DocumentError),
        ([b"%PDF"], ConfigurationError),
        (["record.pdf"], ConfigurationError),
        (["my records/lease of the flat.docx"], ConfigurationError),
        (["임대차 계약서.hwp"], ConfigurationError),
        (["rents.XLSX"], ConfigurationError),
        ([{"text": "x"}], ConfigurationError),
        (["x" * (MAX_CHARACTERS + 1)], DocumentError),
        ([Document("")], DocumentError),
    ],
)
def test_documents_that_cannot_be_read(documents: list[Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        create_minion_graph(None, None).invoke({"task": TASK, "documents": documents})


@BOTH
def test_a_graph_is_a_tool_with_a_schema(create: Any) -> None:
    graph = create(None, None)
    assert set(graph.get_input_jsonschema()["properties"]) == {"task", "documents"}
    assert "answer" in graph.get_output_jsonschema()["properties"]
    assert graph.input_schema(task="x", documents=["y"])
    tool = graph.as_tool(name="ask_documents", description="Ask about documents.")
    assert set(tool.args) == {"task", "documents"}
    assert NURSE in tool.invoke({"task": TASK, "documents": [RECORD]})["answer"]


@pytest.mark.parametrize("given", [{}, {"task": "x"}, {"documents": ["x"]}, "x", {"task": 1}])
def test_input_of_another_form(given: Any) -> None:
    with pytest.raises((ConfigurationError, DocumentError)):
        create_minion_graph(None, None).invoke(given)


def test_settings_that_make_no_sense() -> None:
    for settings in ({"evidence": "raw"}, {"max_rounds": 0}):
        with pytest.raises(ConfigurationError):
            create_minion_graph(None, None, **settings)


@pytest.mark.parametrize(
    "limit", [{"share_of_document": 40}, {"share_of_document": float("nan")}, {"remote_calls": -1}]
)
def test_a_budget_that_limits_nothing_is_refused(limit: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(limit))):
        Budget(**limit)


def test_budgets_end_in_an_honest_answer() -> None:
    for budget in (Budget(remote_calls=1), Budget(remote_tokens=200), Budget(seconds=0)):
        remote = scripted(plan("refills"), pick("refills"))
        out = create_minion_graph(None, remote, budget=budget).invoke(
            {"task": TASK, "documents": [RECORD]}
        )
        assert len(remote.seen) <= 1
        assert "budget_reached" in out["report"]["errors"]
        assert NURSE in out["answer"]


def test_the_report_adds_up() -> None:
    remote = scripted(plan("refills"), pick("refills"))
    out = create_minion_graph(None, remote).invoke({"task": TASK, "documents": [RECORD]})
    report = out["report"]
    calls = [call for call in report["calls"] if call["side"] == "remote"]
    assert [call["node"] for call in calls] == ["plan", "reason"]
    spent = sum(call["input"] + call["output"] for call in calls)
    assert report["remote"]["tokens"] == spent
    assert report["saved_tokens"] == report["baseline_tokens"] - spent
    assert report["crossed"]["placeholders"] == {"EMAIL": 2}
    assert report["crossed"]["characters"] == sum(e["end"] - e["start"] for e in out["evidence"])


def test_a_reference_of_another_session_is_said_to_be_gone() -> None:
    with pytest.raises(SessionError):
        create_minion_graph(None, None).invoke({"task": TASK, "documents": ["doc_" + "0" * 16]})


def test_what_only_the_guard_knows_is_masked_again_and_named_on_this_side() -> None:
    masker = Masker(detectors=[])
    remote = scripted(plan("refills"), pick("refills"))
    guard = EgressGuard(masker)
    out = create_minion_graph(None, remote, masker=masker, guard=guard).invoke(
        {"task": "Whom to contact for refills?", "documents": [RECORD]}
    )
    assert NURSE in out["answer"]
    assert f"masked_again:{NURSE}" in out["report"]["errors"]
    assert not leaks(remote.seen_text)
    assert {crossing.decision for crossing in guard.ledger.crossings()} == {"allowed"}


class RefillsArePrivate(Detector):
    """A rule that one guard has and the masker does not."""

    name = "refills"

    def detect(self, text: str, *, language: str | None = None) -> list[Finding]:
        at = text.find("refills of the inhaler")
        place = {"start": at, "end": at + 22}
        return [] if at < 0 else [Finding(**place, entity_type="DRUG", score=1, detector=self.name)]


def test_what_a_guard_of_ones_own_refuses_stays_here() -> None:
    masker = Masker(detectors=[])
    remote = scripted(plan("refills"), pick("refills"))
    guard = EgressGuard(masker, detectors=[RefillsArePrivate()])
    out = create_minion_graph(None, remote, masker=masker, guard=guard).invoke(
        {"task": "Whom to contact for more?", "documents": [RECORD]}
    )
    assert NURSE in out["answer"]
    assert "crossing_refused" in out["report"]["errors"]
    assert len(remote.seen) == 1
    assert [crossing.decision for crossing in guard.ledger.crossings()][-1] != "allowed"


def test_a_value_that_the_caller_names_does_not_cross() -> None:
    policy = MaskingPolicy(private={"PROJECT": frozenset({"inhaler"})})
    remote = scripted(plan("refills"), pick("refills"))
    out = create_minion_graph(None, remote, masker=Masker(policy=policy)).invoke(
        {"task": "Who refills the inhaler?", "documents": [RECORD]}
    )
    assert "inhaler" in out["answer"]
    assert "inhaler" not in remote.seen_text


def test_a_passage_cuts_no_private_value_in_two() -> None:
    address = "48 Copper Beech Lane. Apt. 5B. Portland, OR 97214"
    text = f"The parcel goes to {address} on Monday. {RECORD}"
    policy = MaskingPolicy(private={"ADDRESS": frozenset({address})})
    remote = scripted(plan("Portland", "parcel"), pick("parcel"))
    out = create_minion_graph(None, remote, masker=Masker(policy=policy)).invoke(
        {"task": "Where does the parcel go?", "documents": [text]}
    )
    assert "Copper" not in remote.seen_text
    assert "Portland" not in json.dumps(remote.seen[1])
    assert address in out["answer"]


def test_a_short_question_about_a_short_text_is_answered() -> None:
    out = create_minion_graph(None, None).invoke(
        {"task": "How much is the deposit?", "documents": ["The deposit is 500 euros. No pets."]}
    )
    assert out["answer"] == "The deposit is 500 euros."


def test_a_local_model_that_is_not_local_is_refused() -> None:
    from langchain_openai import ChatOpenAI

    model = ChatOpenAI(model="m", base_url="http://10.1.2.3:8000/v1", api_key="x")
    with pytest.raises(ConfigurationError):
        create_minion_graph(model, None)
    assert create_minion_graph(model, None, allowed_networks=["10.0.0.0/8"])


@pytest.mark.parametrize(("name", "asked"), [("qwen3:8b", True), ("gemma-3-270m", False)])
def test_a_larger_local_model_says_what_is_private_as_well(name: str, asked: bool) -> None:
    from langchain_openai import ChatOpenAI

    from langchain_privacy.testing import OpenAIServer

    def local(request: dict[str, Any]) -> str:
        content = str(request["messages"][-1]["content"])
        return '[{"type": "PERSON", "text": "the lodger"}]' if "the lodger" in content else "[]"

    with OpenAIServer(local) as server:
        model = ChatOpenAI(model=name, base_url=server.base_url, api_key="none", max_retries=0)
        remote = scripted(plan("rent"), pick("rent"))
        create_minion_graph(model, remote).invoke(
            {"task": "What does the lodger pay in rent?", "documents": [RECORD]}
        )
    assert ("the lodger" not in remote.seen_text) is asked
