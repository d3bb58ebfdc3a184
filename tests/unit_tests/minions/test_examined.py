"""The loop is not refused by its own guard: what the guard would see is masked before."""

import json
from typing import Any

import pytest

from langchain_privacy import Masker, create_minion_graph
from langchain_privacy.detection import default_detectors
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
    assert Examined(masker).mask(text, session) == (text, [])
