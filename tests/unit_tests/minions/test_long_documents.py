"""Long documents: the evidence crosses whole, within its budget, and nothing private with it."""

import re
from collections.abc import Iterator

import pytest
from langchain_openai import ChatOpenAI

from langchain_privacy import Masker
from langchain_privacy.detection import default_detectors
from langchain_privacy.local import model_name
from langchain_privacy.local.profiles import size_of
from langchain_privacy.minions.judge import LinePicker, YesNo, judge_for
from langchain_privacy.minions.search import WindowIndex
from langchain_privacy.minions.state import Budget
from langchain_privacy.minions.terms import words
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


@pytest.mark.parametrize("local", [None, "reader"])
def test_without_a_remote_model_nothing_is_claimed_that_is_not_so(local: str | None) -> None:
    report = annual_report(23, 30, "aligned")
    masker = Masker(default_detectors(presidio=False))
    with LongRun(report, masker=masker, local=local, remote=False) as run:
        outcomes = [run.ask(question) for question in report.questions]
    assert [o.question.id for o in outcomes if o.wrong] == []
    if local:
        assert sum(o.right for o in outcomes) >= 8
    missed = next(o for o in outcomes if o.abstained and o.question.gold)
    assert missed.report["closest"]


@pytest.mark.parametrize(
    ("name", "billions"),
    [
        ("gemma3-270m-it", 0.27),
        ("qwen3:4b", 4.0),
        ("Llama-3.2-1B-Instruct", 1.0),
        ("gpt-oss:20b", 20.0),
        ("Qwen2.5-Coder-1.5B", 1.5),
        ("gpt-oss", None),
        ("claude-3-5", None),
    ],
)
def test_the_size_of_a_model_decides_how_it_is_used(name: str, billions: float | None) -> None:
    model = ChatOpenAI(model=name, base_url="http://127.0.0.1:9/v1", api_key="none")
    assert size_of(model_name(model)) == billions
    judge = judge_for(model, timeout=1)
    assert isinstance(judge, LinePicker if (billions or 0) >= 3 else YesNo)


def test_a_table_that_breaks_over_pages_keeps_its_heads() -> None:
    """Page numbers, running headers and a repeated head stand in the middle of a table."""
    rows = [
        f"Region {chr(65 + n // 26)}{chr(65 + n % 26)} {n + 1_210} {n + 1_105}" for n in range(90)
    ]
    prose = annual_report(51, 40, "lines").text
    header = next(line for line in prose.splitlines() if "| Annual Report" in line)
    broken: list[str] = []
    for page, at in enumerate(range(0, len(rows), 30), start=41):
        broken += rows[at : at + 30]
        broken += ["", str(page), "", header, "2022 2021"]
    text = f"{prose}\n\nSales by region\n(in millions)\n2022 2021\n" + "\n".join(broken)
    index = WindowIndex("d", text)
    for row in (rows[0], rows[45], rows[89]):
        name = " ".join(row.split()[:2])
        (hit,) = index.search(f"What were the 2022 sales of {name}?", ["sales by region", name], 1)
        assert row in hit.text
        assert "Sales by region" in hit.above
        assert "(in millions)" in hit.above
        assert "2022 2021" in hit.above


def test_a_report_of_which_every_second_number_is_known_as_private() -> None:
    report = annual_report(52, 20, "lines")
    masker = Masker(default_detectors(presidio=False))
    vault = masker.session(report.name).vault
    numbers = list(
        dict.fromkeys(re.findall(r"(?<![\d,.])\d{1,3}(?:,\d{3})+(?![\d,.])", report.text))
    )
    known = numbers[::2]
    for number in known:
        vault.issue("ID_NUMBER", number)
    with LongRun(report, masker=masker) as run:
        outcomes = [run.ask(question) for question in report.questions]
        wire = run.wire
    asked = [o for o in outcomes if o.question.gold]
    assert len(known) > 50
    assert [o.question.id for o in outcomes if o.refused] == []
    assert [o.question.id for o in asked if not o.crossed] == []
    assert not [number for number in known if re.search(rf"(?<![\d,.]){number}(?![\d,.])", wire)]
    assert [o.question.id for o in outcomes if o.wrong and not o.marked] == []
