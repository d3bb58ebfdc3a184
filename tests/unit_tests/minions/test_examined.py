"""The loop is not refused by its own guard: what the guard would see is masked before."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command

from langchain_privacy import (
    Masker,
    MaskingPolicy,
    MinionNodes,
    create_minion_graph,
    create_minions_graph,
)
from langchain_privacy.detection import default_detectors
from langchain_privacy.minions import MinionState, private_minion_graph
from langchain_privacy.minions.examined import Examined
from tests.support.http import OpenAIServer
from tests.support.long_models import model_at

RECORD = """Employee No.: 2022
Supervisor: Boeing
Patient: Orsolya Vandermeer, born 5 September 1984. Telephone: 415 555 0132.
Revenue in fiscal 2022 was 1,234 million, compared with 1,100 million in 2021.
Is Boeing's business cyclical? The commercial aircraft business of Boeing is cyclical.
The dose was raised to 20 mg in March.
"""


def answer(request: dict[str, Any]) -> str:
    prompt = str(request["messages"][-1]["content"])
    if '"combine":"single|' in prompt:
        return json.dumps(
            {"subs": [{"question": "What was revenue?", "terms": ["revenue", "dose"]}]}
        )
    return json.dumps({"decision": "answer", "answer": "See the first line.", "cite": [1]})


@pytest.mark.parametrize(
    "task",
    [
        "What was revenue in FY2022?",
        "Is Boeing's business cyclical?",
        "What is the dose for Vandermeer, Orsolya?",
        "Whose dose was raised, call four one five five five five zero one three two?",
        "What is the dose of reemrednaV aylosrO?",
        "Dose of the patient since 09/05/84?",
    ],
)
@pytest.mark.parametrize("strict", [False, True])
def test_no_question_is_refused_by_our_own_guard(task: str, strict: bool) -> None:
    masker = Masker(default_detectors(presidio=False, strict=strict), strict=strict)
    with OpenAIServer(answer) as server:
        graph = create_minion_graph(None, model_at(server.base_url, "scripted"), masker=masker)
        out = graph.invoke({"task": task, "documents": [RECORD]})
        wire = server.wire.decode()
    assert not [e for e in out["report"]["errors"] if e.startswith("crossing_refused")]
    assert out["report"]["remote"]["calls"] == 2
    assert "Vandermeer" not in wire
    assert "0132" not in wire
    assert "one three two" not in wire


def test_what_was_masked_again_is_named_on_this_side() -> None:
    masker = Masker(default_detectors(presidio=False))
    task = "What is the dose of reemrednaV aylosrO?"
    with OpenAIServer(answer) as server:
        graph = create_minion_graph(None, model_at(server.base_url, "scripted"), masker=masker)
        out = graph.invoke({"task": task, "documents": [RECORD]})
    (named,) = [e for e in out["report"]["errors"] if e.startswith("masked_again:")]
    assert named == "masked_again:reemrednaV aylosrO"


def test_a_year_in_a_form_hides_no_year() -> None:
    session = Masker(default_detectors(presidio=False)).session("s")
    assert "fiscal 2022" in session.mask(RECORD)
    assert "8812" not in session.mask("Employee No.: 8812")


def test_what_is_public_stays_as_it_is() -> None:
    masker = Masker(default_detectors(presidio=False))
    session = masker.session("s")
    session.mask(RECORD)
    text = "Plan a search of private documents you cannot see."
    assert Examined(masker).session(session).mask(text) == text


def test_a_name_that_the_policy_calls_private_is_hidden_backwards() -> None:
    policy = MaskingPolicy(private=["Orsolya Vandermeer"])
    masker = Masker(default_detectors(presidio=False), policy=policy)
    asked = "What is the dose of reemrednaV aylosrO?"
    assert "reemrednaV" not in Examined(masker).session(masker.session("s")).mask(asked)


WORDS = "four one five five five five zero one three two"
BACKWARDS = "reemrednaV aylosrO"
NOTED = f"""{RECORD}
Whoever asks for a refill calls {WORDS} before noon.
The refill was signed by {BACKWARDS} on paper.
Invoices for a refill go to desk@clinic.example by mail.
"""
HIDDEN = ("desk@clinic.example", WORDS, BACKWARDS)


def stored(folder: Path) -> bytes:
    """What a checkpointer has on its disk, its log included."""
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


@pytest.mark.parametrize("create", [create_minion_graph, create_minions_graph])
@pytest.mark.parametrize("detectors", [[], default_detectors(presidio=False)], ids=["none", "all"])
@pytest.mark.parametrize("remote", [True, False], ids=["remote", "alone"])
def test_what_only_the_guard_knows_stands_in_no_checkpoint(
    create: Callable[..., Any], detectors: list[Any], remote: bool, tmp_path: Path
) -> None:
    masker = Masker(detectors)
    task = f"Who asks {BACKWARDS} for a refill, at desk@clinic.example or {WORDS}?"
    config = {"configurable": {"thread_id": "1"}}
    disk = sqlite3.connect(tmp_path / "checkpoints.sqlite", check_same_thread=False)
    with OpenAIServer(answer) as server, disk:
        model = model_at(server.base_url, "scripted") if remote else None
        graph = create(None, model, masker=masker, checkpointer=SqliteSaver(disk))
        # A session that knows the number and the name, from wherever it has them.
        vault = masker.session("1").vault
        vault.issue("PHONE_NUMBER", "415 555 0132")
        vault.issue("PERSON", "Orsolya Vandermeer")
        first = graph.invoke({"task": task, "documents": [NOTED]}, config)
        graph.invoke({"task": f"And who signed for {BACKWARDS}?"}, config)
        wire = server.wire.decode()
        held = stored(tmp_path)
    assert first["evidence"]
    assert any(form in passage["quote"] for passage in first["evidence"] for form in HIDDEN)
    assert b"refill" in held
    for form in HIDDEN:
        assert form not in wire
        assert form.encode() not in held


def test_what_a_person_writes_when_they_approve_stands_in_no_checkpoint(tmp_path: Path) -> None:
    masker = Masker([])
    config = {"configurable": {"thread_id": "1"}}
    disk = sqlite3.connect(tmp_path / "checkpoints.sqlite", check_same_thread=False)
    with OpenAIServer(answer) as server, disk:
        graph = create_minion_graph(
            None,
            model_at(server.base_url, "scripted"),
            masker=masker,
            approve=True,
            checkpointer=SqliteSaver(disk),
        )
        graph.invoke({"task": "Who signed the refill?", "documents": [NOTED]}, config)
        graph.invoke(Command(resume={"edit": "Plan for desk@clinic.example, please."}), config)
        assert "Plan for [EMAIL" in server.wire.decode()
        held = stored(tmp_path)
    assert b"desk@clinic.example" not in held


def test_what_a_program_writes_into_the_state_stands_in_no_checkpoint(tmp_path: Path) -> None:
    config = {"configurable": {"thread_id": "1"}}
    disk = sqlite3.connect(tmp_path / "checkpoints.sqlite", check_same_thread=False)
    with disk:
        graph = create_minion_graph(None, None, masker=Masker([]), checkpointer=SqliteSaver(disk))
        graph.invoke({"task": "Who signed the refill?", "documents": [NOTED]}, config)
        graph.update_state(config, {"answer": "Ask desk@clinic.example."})
        assert graph.get_state(config).values["answer"].startswith("Ask [EMAIL")
        assert graph.get_state(config, restore=True).values["answer"].endswith("clinic.example.")
        held = stored(tmp_path)
    assert b"desk@clinic.example" not in held


class Office(MinionState):
    """The state of a graph that does something else as well."""

    desk: str


def test_a_graph_of_ones_own_stores_nothing_that_only_the_guard_knows(tmp_path: Path) -> None:
    masker = Masker(default_detectors(presidio=False))
    config = {"configurable": {"thread_id": "1"}}
    task = f"Who asks {BACKWARDS} for a refill, at desk@clinic.example or {WORDS}?"
    disk = sqlite3.connect(tmp_path / "checkpoints.sqlite", check_same_thread=False)
    with OpenAIServer(answer) as server, disk:
        nodes = MinionNodes(None, model_at(server.base_url, "scripted"), masker=masker)
        builder = StateGraph(Office)
        builder.add_node("extract", nodes.extract)
        builder.add_node("plan", nodes.plan)
        builder.add_node("answer", nodes.answer)
        builder.add_edge(START, "extract")
        for node in ("extract", "plan"):
            builder.add_conditional_edges(node, nodes.route)
        builder.add_edge("answer", END)
        graph = private_minion_graph(builder.compile(checkpointer=SqliteSaver(disk)), nodes)
        vault = masker.session("1").vault
        vault.issue("PHONE_NUMBER", "415 555 0132")
        vault.issue("PERSON", "Orsolya Vandermeer")
        given = {"task": task, "documents": [NOTED], "desk": f"{WORDS}, then refill"}
        out = graph.invoke(given, config)
        wire = server.wire.decode()
        held = stored(tmp_path)
    assert out["desk"] == given["desk"]
    assert out["evidence"]
    assert b"then refill" in held
    for form in HIDDEN:
        assert form not in wire
        assert form.encode() not in held
