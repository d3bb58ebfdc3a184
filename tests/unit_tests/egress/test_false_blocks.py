"""How often the guard refuses what the masker let through: at most once in a thousand."""

import json

import pytest

from langchain_privacy import EgressGuard, Masker
from langchain_privacy.detection import DictionaryDetector
from langchain_privacy.egress.payload import of_value
from langchain_privacy.errors import EgressBlockedError
from langchain_privacy.vault import session_scope
from tests.support.paths import shared_data

SENTENCES = "presidio_research_generated_large.json"


def blocked(guard: EgressGuard, text: str) -> str | None:
    try:
        guard.check(of_value({"messages": [{"role": "user", "content": text}]}), "example.org")
    except EgressBlockedError as error:
        return error.rule
    return None


@pytest.mark.parametrize(
    "every", [pytest.param(10, id="a-tenth"), pytest.param(1, marks=pytest.mark.slow, id="all")]
)
def test_masked_sentences_cross(every: int) -> None:
    """Each sentence is a session of its own, as labelled: the guard alone is measured."""
    documents = json.loads(shared_data(SENTENCES).read_text(encoding="utf-8"))[::every]
    refused: list[str] = []
    for document in documents:
        spans = sorted({(s["start_position"], s["end_position"]) for s in document["spans"]})
        text = document["full_text"]
        values = {text[start:end] for start, end in spans}
        masker = Masker([DictionaryDetector({"PRIVATE": values})] if values else [])
        guard = EgressGuard(masker)
        session = masker.session()
        masked = session.mask(text)
        with session_scope(session.vault):
            if rule := blocked(guard, masked):
                refused.append(rule)
    print(f"\nlabels masked: {len(refused)} of {len(documents)} refused: {refused[:8]}")
    assert len(refused) <= max(1, len(documents) // 1000)


@pytest.mark.parametrize(
    "every", [pytest.param(20, id="a-twentieth"), pytest.param(1, marks=pytest.mark.slow, id="all")]
)
def test_sentences_masked_by_our_detectors_cross(every: int) -> None:
    documents = json.loads(shared_data(SENTENCES).read_text(encoding="utf-8"))[::every]
    masker = Masker()
    guard = EgressGuard(masker)
    refused: list[str] = []
    for document in documents:
        session = masker.session()
        masked = session.mask(document["full_text"])
        with session_scope(session.vault):
            if rule := blocked(guard, masked):
                refused.append(rule)
    rate = len(refused) / len(documents)
    print(f"\nmasked by us: {len(refused)} of {len(documents)} refused ({rate:.2%}): {refused[:8]}")
    assert len(refused) <= max(1, len(documents) // 1000)
