"""A summary is a map over the whole document, or says that it is none."""

import json
import re
from typing import Any

import pytest
from langchain_core.messages import BaseMessage

from langchain_privacy import Masker, create_minion_graph
from langchain_privacy.detection import default_detectors
from langchain_privacy.minions.summary import planned_form, stretches
from tests.unit_tests.minions.record import EMAIL, PLANTED, RECORD, leaks, plan, scripted

PARTS = 6
LONG = "\n".join(f"PART {n}\n{'Nothing happened here. ' * 500}\n{RECORD}" for n in range(PARTS))


def writer(messages: list[BaseMessage]) -> str:
    """Sum up: which parts were seen, whom to write to, and a figure that stands nowhere."""
    parts = re.findall(r"PART (\d+)", str(messages[-1].content))
    return json.dumps(
        {"sentences": [f"Part {n} names {EMAIL}." for n in parts] + ["It cost 31,337 euros."]}
    )


def summed(local: Any, remote: Any, documents: list[str], task: str = "Summarise this.") -> Any:
    masker = Masker(default_detectors(presidio=False))
    graph = create_minion_graph(local, remote, masker=masker)
    return graph.invoke({"task": task, "documents": documents})


@pytest.mark.parametrize("planned", [True, False])
def test_every_part_is_summed_up_here(planned: bool) -> None:
    remote = scripted(plan("record", expect="summary")) if planned else None
    local = scripted(writer)
    out = summed(local, remote, [LONG])
    assert [f"Part {n} names {EMAIL}." in out["answer"] for n in range(PARTS)] == [True] * PARTS
    assert "31,337" not in out["answer"]
    assert "sentence_not_grounded" in out["report"]["errors"]
    assert out["report"]["outcome"] == "answered"
    assert out["evidence"]
    if remote is not None:
        assert len(remote.seen) == 1  # the plan
        assert not leaks(remote.seen_text)


def test_passages_are_not_called_a_summary() -> None:
    said = json.dumps({"decision": "answer", "answer": "It is about a cough.", "cite": [1]})
    remote = scripted(plan("record", expect="summary"), said)
    out = summed(None, remote, [LONG])
    assert "It is about a cough." in out["answer"]
    assert "From passages, not from the whole." in out["answer"]
    assert out["report"]["outcome"] == "partial"
    assert "summary_of_passages" in out["report"]["errors"]
    assert not any(value in remote.seen_text for value in PLANTED)


def test_a_model_that_does_not_write_one_leaves_the_passages() -> None:
    said = json.dumps({"decision": "answer", "answer": "It is about a cough.", "cite": [1]})
    remote = scripted(plan("record", expect="summary"), said)
    out = summed(scripted('{"lines": [1]}'), remote, [LONG])
    assert "It is about a cough." in out["answer"]
    assert "From passages, not from the whole." in out["answer"]
    assert "no local model" not in out["answer"]


def test_a_summary_and_a_fact_are_both_answered() -> None:
    two = json.loads(plan("invoice"))
    two["subs"].append({"question": "Summarise the record.", "terms": [], "expect": "summary"})
    said = json.dumps({"decision": "answer", "answer": "The invoice is 120 dollars.", "cite": [1]})
    out = summed(scripted(writer), scripted(json.dumps(two), said), [RECORD])
    assert "120 dollars" in out["answer"]


@pytest.mark.parametrize(
    ("task", "form"),
    [
        ("Summarise this document.", "summary"),
        ("Please summarize the lease in ten lines", "summary"),
        ("Could you please sum up what happened?", "summary"),
        ("Give me a short summary of the report", "summary"),
        ("이 문서를 요약해 주세요.", "summary"),
        ("계약서 요약", "summary"),
        ("Who wrote the summary of risks?", "span"),
        ("요약표의 매출액은 얼마인가?", "span"),
        ("What was revenue?", "span"),
    ],
)
def test_what_asks_for_a_summary(task: str, form: str) -> None:
    assert planned_form(task) == form


def test_stretches_cover_the_text() -> None:
    text = "\n".join(["line " * 30] * 100)
    places = list(stretches(text, 4_000))
    assert "".join(text[a:b] for a, b in places) == text
    assert max(b - a for a, b in places) <= 4_000
