"""A small record with planted values, and a remote model that reads only what it is sent."""

import json
import re
from collections.abc import Callable
from typing import Any

from langchain_core.messages import BaseMessage

from tests.support.scripted import ScriptedChatModel

EMAIL, NURSE, PHONE = "jane.doe@example.com", "nurse@clinic.example", "415-555-0132"
PLANTED = (EMAIL, NURSE, PHONE)
RECORD = f"""CLINIC RECORD
Patient mailbox: {EMAIL}, phone {PHONE}.
She was seen on 3 May 2025 for a cough. The doctor stopped lisinopril because of a dry cough.
The invoice for the visit is 120 dollars. The lab fee is 35.50 dollars.
Contact nurse at {NURSE} for refills of the inhaler.
Opening hours are nine to five on weekdays. The clinic is closed on public holidays.
Parking is free for visitors in the yard behind the building. Bicycles stand by the gate.
"""
TASK = f"Whom does {EMAIL} contact for refills?"


def plan(*terms: str, combine: str = "single", **sub: Any) -> str:
    part = {"id": "q1", "question": "Who handles refills?", "terms": list(terms), **sub}
    return json.dumps({"subs": [part], "combine": combine})


def lines(messages: list[BaseMessage]) -> list[str]:
    """The numbered quotes of a reasoning prompt."""
    return re.findall(r"^\d+\. (.*)$", str(messages[-1].content), re.MULTILINE)


def pick(word: str) -> Callable[[list[BaseMessage]], str]:
    """Answer with the first quote that holds a word, as a reader would."""

    def answer(messages: list[BaseMessage]) -> str:
        for number, line in enumerate(lines(messages), 1):
            if word in line:
                return json.dumps({"decision": "answer", "answer": line, "cite": [number]})
        return json.dumps({"decision": "insufficient"})

    return answer


def scripted(*responses: Any) -> ScriptedChatModel:
    return ScriptedChatModel(responses=list(responses))


def leaks(text: str) -> list[str]:
    return [value for value in PLANTED if value in text]
