"""Every rendered remote prompt, as it crosses: a change here is a change of what leaves.

The files under `tests/vectors/minions` are written anew by
`UPDATE_VECTORS=1 pytest tests/unit_tests/minions/test_prompts.py`.
"""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from langchain_privacy import create_minion_graph
from langchain_privacy.minions.prompts import language_of, render
from langchain_privacy.vault import PLACEHOLDER
from tests.unit_tests.minions.record import RECORD, TASK, plan, scripted

VECTORS = Path(__file__).resolve().parents[2] / "vectors" / "minions"
LEASE = (
    "임차인 메일: kim@example.com, 전화 010-1234-5678.\n월 차임은 40만원이다. 관리비는 5만원이다.\n"
    "열쇠는 kim@example.com에게 요청하여 받는다. 주차는 무료이다. 반려동물은 고양이만 허용한다.\n"
)
CASES: dict[str, tuple[str, str, list[str]]] = {
    "en": (TASK, RECORD, [plan("refills", "contact"), "no json", '{"decision": "insufficient"}']),
    "en-sum": (
        "What do invoice and lab fee cost together?",
        RECORD,
        [plan("invoice", "lab fee", combine="sum"), '{"decision": "insufficient"}'],
    ),
    "en-unsure": (
        "What is free?",
        RECORD,
        ["prose", plan("yard"), '{"decision": "insufficient"}'],
    ),
    "ko": (
        "열쇠는 누구에게 받는가?",
        LEASE,
        [plan("열쇠", "요청"), "아니요", '{"decision": "insufficient"}'],
    ),
    "ko-sum": (
        "차임과 관리비의 합계는 얼마인가?",
        LEASE,
        [plan("차임", "관리비", combine="sum"), '{"decision": "insufficient"}'],
    ),
}


def rendered(seen: list[dict[str, Any]]) -> str:
    """Write the conversations; codes differ with the session's key and are left out."""
    parts = []
    for number, call in enumerate(seen, 1):
        for message in call["messages"]:
            text = PLACEHOLDER.sub(r"[\1_....]", str(message["data"]["content"]))
            parts.append(f"### call {number}, {message['type']}\n{text}\n")
    return "\n".join(parts)


@pytest.mark.parametrize("name", CASES)
def test_what_crosses_is_what_was_reviewed(name: str) -> None:
    task, document, replies = CASES[name]
    remote = scripted(*replies)
    create_minion_graph(None, remote).invoke({"task": task, "documents": [document]})
    path = VECTORS / f"{name}.txt"
    now = rendered(remote.seen)
    if os.environ.get("UPDATE_VECTORS"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(now, encoding="utf-8")
    assert now == path.read_text(encoding="utf-8")


def test_slots_are_filled_in_one_pass() -> None:
    text = render("reason", "en", task="{evidence} {task}", evidence="{task}{lines}")
    assert text.count("{task}") == 2
    assert "{evidence}" in text


@pytest.mark.parametrize(
    "name", ["plan", "reason", "more", "calculate", "repair", "yes_no", "select"]
)
def test_both_languages_have_every_prompt(name: str) -> None:
    slots = [sorted(re.findall(r"\{(\w+)\}", render(name, language))) for language in ("en", "ko")]
    assert slots[0] == slots[1]


def test_the_shape_in_the_prompt_is_the_schema() -> None:
    from langchain_privacy.minions.schema import Plan

    shape = render("plan", "en").splitlines()[1]
    shape = shape.replace("span|number|date|list|summary", "span")
    shape = re.sub(r'"combine":"[^"]+"', '"combine":"single"', shape)
    assert Plan.model_validate(json.loads(shape))


@pytest.mark.parametrize(
    ("texts", "language"),
    [
        (["plain"], "en"),
        (["한국어 문서"], "ko"),
        (["mostly English 한국"], "en"),
        ([""], "en"),
        ([], "en"),
    ],
)
def test_language(texts: list[str], language: str) -> None:
    assert language_of(texts) == language
