"""Long documents: the evidence crosses whole, within its budget, and nothing private with it."""

from collections.abc import Iterator

import pytest

from langchain_privacy import Masker
from langchain_privacy.detection import default_detectors
from langchain_privacy.minions.search import WindowIndex, words
from langchain_privacy.minions.state import Budget
from tests.support.long_documents import Style, annual_report, flat, korean_report
from tests.support.long_models import LongOutcome, LongRun


@pytest.fixture(scope="module")
def asked() -> Iterator[list[LongOutcome]]:
    outcomes = []
    for document in (annual_report(21, 40, "lines"), korean_report(22, 40, "bars")):
        with LongRun(document, masker=Masker(default_detectors(presidio=False))) as run:
            outcomes += [run.ask(question) for question in document.questions]
    yield outcomes


def test_the_evidence_crosses_whole(asked: list[LongOutcome]) -> None:
    missed = [o.question.id for o in asked if o.question.gold and not o.crossed]
    assert missed == []


def test_it_costs_a_fraction_of_the_documents(asked: list[LongOutcome]) -> None:
    assert sum(o.tokens for o in asked) <= 0.06 * sum(o.baseline for o in asked)


def test_nothing_private_is_on_the_wire_and_nothing_is_refused(asked: list[LongOutcome]) -> None:
    assert [o.leaked for o in asked if o.leaked] == []
    assert [o.question.id for o in asked if o.refused] == []


def test_what_the_document_does_not_say_is_not_found(asked: list[LongOutcome]) -> None:
    absent = [o for o in asked if o.question.kind == "absent"]
    assert absent
    assert all(o.abstained for o in absent)


@pytest.mark.parametrize("style", ["lines", "aligned", "bars", "cells"])
def test_tables_of_every_layout_are_found(style: Style) -> None:
    report = annual_report(31, 12, style)
    index = WindowIndex("d", report.text)
    cells = [q for q in report.questions if q.kind == "cell"]
    for question in cells:
        hits = index.search(question.text, question.terms[0], 3)
        shown = flat(" ".join(f"{hit.above} {hit.text}" for hit in hits))
        assert all(flat(piece) in shown for piece in question.gold), question.id


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("FY2022", "fiscal 2022"),
        ("FY22", "2022"),
        ("3Q22", "third quarter 2022"),
        ("1,240", "1240.00"),
        ("long-term", "long term"),
        ("Boeing's", "Boeing"),
        ("e-mail", "email"),
        ("R&D", "r&d"),
    ],
)
def test_one_thing_is_one_word(one: str, other: str) -> None:
    assert set(words(one)) <= set(words(other))


def test_the_budget_is_a_thirtieth_and_never_more_than_its_tokens() -> None:
    budget = Budget()
    assert budget.evidence(5_000, 1_250, last=True) == 1_200
    first = budget.evidence(400_000, 100_000, last=False)
    assert 8_000 < first < budget.evidence(400_000, 100_000, last=True) < 400_000 / 30
    assert budget.evidence(9_000_000, 2_250_000, last=True) <= 24_000
    assert Budget(evidence_characters=500).evidence(400_000, 100_000, last=True) == 500
