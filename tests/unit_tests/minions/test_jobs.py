"""Jobs over many documents return values, and they are put together here."""

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import BaseMessage

from langchain_privacy import create_minions_graph
from langchain_privacy.errors import LocalModelError
from langchain_privacy.minions import Budget
from langchain_privacy.minions.aggregate import Item, Result, aggregate, combine_results
from langchain_privacy.minions.judge import RankOnly
from tests.support.leases import amount, leases, worker
from tests.unit_tests.minions.record import scripted

TEN = leases(10)
FORTY = leases(40)
RENT = {
    "question": "How much is the monthly rent?",
    "terms": ["rent", "monthly"],
    "expect": "money",
}
PETS = {"question": "Does it forbid pets?", "terms": ["pets", "dogs", "cats"], "expect": "yesno"}


def jobs(*specs: dict[str, Any], combine: str = "single") -> str:
    return json.dumps({"jobs": list(specs), "combine": combine})


def ask(
    task: str, documents: list[Any], *replies: Any, local: Any = None, **settings: Any
) -> tuple[dict[str, Any], Any]:
    remote = scripted(*replies)
    graph = create_minions_graph(local, remote, **settings)
    return dict(graph.invoke({"task": task, "documents": documents})), remote


@pytest.mark.parametrize("writes", [False, True], ids=["ranking", "writer"])
@pytest.mark.parametrize(
    ("how", "true"),
    [
        ("sum", sum(FORTY.rents)),
        ("max", max(FORTY.rents)),
        ("min", min(FORTY.rents)),
        ("average", round(sum(FORTY.rents) / 40, 2)),
    ],
)
def test_rents_are_reckoned_here(how: str, true: float, writes: bool) -> None:
    local = scripted(worker) if writes else None
    plan = jobs({**RENT, "aggregate": how})
    out, remote = ask("The rents?", FORTY.documents, plan, local=local)
    assert float(amount(out["answer"])) == pytest.approx(true)
    assert out["report"]["outcome"] == "answered"
    (coverage,) = out["report"]["coverage"]
    assert (coverage["documents"], coverage["found"]) == (40, 40)
    assert [float(result["value"]) for result in out["report"]["results"]] == FORTY.rents
    assert len(remote.seen) == 1  # the plan: nothing of the documents crossed
    assert "euros" not in remote.seen_text


def verdicts(messages: list[BaseMessage]) -> str:
    lines = re.findall(r"^(\d+)\. (.*)$", str(messages[-1].content), re.MULTILINE)
    return json.dumps(
        {
            "yes": [int(number) for number, line in lines if "No pets" in line],
            "no": [int(number) for number, line in lines if "may live" in line],
        }
    )


@pytest.mark.parametrize("writes", [False, True], ids=["decided outside", "writer"])
def test_how_many_leases_forbid_pets(writes: bool) -> None:
    local = scripted(worker) if writes else None
    plan = jobs({**PETS, "aggregate": "count"})
    out, remote = ask(
        "How many of the leases forbid pets?", FORTY.documents, plan, verdicts, local=local
    )
    assert amount(out["answer"]) == len(FORTY.forbid_pets)
    said = {r["document"] for r in out["report"]["results"] if r["value"] is True}
    assert said == set(FORTY.forbid_pets)
    crossed = re.findall(
        r"^\d+\. ", remote.seen[-1]["messages"][0]["data"]["content"], re.MULTILINE
    )
    assert len(crossed) == (0 if writes else 2)  # two clauses, each once
    assert "tenant" not in remote.seen_text


def test_what_nobody_may_decide_is_said_to_be_open() -> None:
    plan = jobs({**PETS, "aggregate": "count"})
    out, remote = ask("How many forbid pets?", TEN.documents, plan, evidence="none")
    assert len(remote.seen) == 1
    assert out["report"]["outcome"] == "not_found"
    assert "10 not decided" in out["answer"]


def test_a_total_of_those_that_say_yes() -> None:
    plan = jobs({**PETS, "aggregate": "count"}, {**RENT, "aggregate": "sum", "where": "j1"})
    out, _ = ask("The rents of those?", FORTY.documents, plan, local=scripted(worker))
    true = sum(FORTY.rents[number - 1] for number in FORTY.forbid_pets)
    assert f"{true:,} EUR: the sum over {len(FORTY.forbid_pets)} documents" in out["answer"]


def test_equal_clauses_of_ten_leases_stay_ten() -> None:
    documents = [f"Lease {n}\nNotice is three months.\nRent is due in May." for n in range(10)]
    plan = jobs({"question": "How long is notice?", "terms": ["notice"], "aggregate": "collect"})
    out, _ = ask("Notice?", documents, plan)
    assert out["answer"] == "documents 1–10: Notice is three months."
    assert len(out["report"]["results"]) == 10


def test_the_answer_in_document_651_of_700_is_found() -> None:
    filler = "The lift was cleaned as on every day. Nobody complained about noise."
    documents = [f"Note {n}\nThe weather of day {n} was fair.\n{filler}" for n in range(700)]
    documents[650] = f"Note 650\nThe boiler was repaired by the firm Oak on day 650.\n{filler}"
    plan = jobs({"question": "Who repaired the boiler?", "terms": ["boiler", "repaired"]})
    told: list[dict[str, Any]] = []
    remote = scripted(plan, '{"decision": "insufficient"}')
    graph = create_minions_graph(None, remote)
    asked = {"task": "Who repaired the boiler?", "documents": documents}
    for mode, part in graph.stream(asked, stream_mode=["custom", "values"]):
        if mode == "custom":
            told.append(part)
        else:
            out = part
    assert "boiler was repaired" in remote.seen_text
    (coverage,) = out["report"]["coverage"]
    assert (coverage["jobs"], coverage["documents"], coverage["left_out"]) == (700, 700, 0)
    waves = [event["done"] for event in told if event["event"] == "wave"]
    assert waves == sorted(waves)
    assert waves[-1] == 700
    assert sum(event["event"] == "job" for event in told) == 700


def test_dollars_and_won_have_no_sum() -> None:
    documents = ["The fee is $1,200.", "The fee is 300 dollars.", "The fee is 82만 5천원."]
    plan = jobs({"question": "The fee?", "terms": ["fee"], "expect": "money", "aggregate": "sum"})
    out, _ = ask("The fees?", documents, plan)
    assert "1,500 USD" in out["answer"]
    assert "825,000 KRW" in out["answer"]
    assert "several_units" in out["report"]["errors"]


@pytest.mark.parametrize("how", ["sum", "max", "average", "sort"])
def test_texts_have_no_sum(how: str) -> None:
    plan = jobs(
        {"question": "Pets?", "terms": ["pets", "dogs"], "expect": "text", "aggregate": how}
    )
    out, _ = ask("Pets?", TEN.documents, plan)
    assert "wrong_type" in out["report"]["errors"]
    assert "document" in out["answer"]


def test_dates_have_no_sum_but_an_order() -> None:
    date = {"question": "When does it begin?", "terms": ["begins"], "expect": "date"}
    out, _ = ask("?", TEN.documents, jobs({**date, "aggregate": "sum"}))
    assert "wrong_type" in out["report"]["errors"]
    out, _ = ask("?", TEN.documents, jobs({**date, "aggregate": "max"}))
    assert out["answer"].startswith("2024-03-11: the highest of 10, in document 10")


def test_documents_that_contradict_each_other_are_shown() -> None:
    documents = ["The price is 500 euros.", "It has a price of 500 EUR.", "The price is EUR 510."]
    plan = jobs(
        {"question": "Price?", "terms": ["price"], "expect": "money", "aggregate": "contradictions"}
    )
    out, _ = ask("Do the documents agree on the price?", documents, plan)
    assert out["answer"].splitlines() == [
        "The documents differ:",
        "500 EUR: document 1, document 2",
        "510 EUR: document 3",
    ]


def test_one_document_that_fails_does_not_stop_the_others() -> None:
    class Moody(RankOnly):
        calls = 0

        def judge(self, question: str, hits: Any, language: Any) -> Any:
            Moody.calls += 1
            if Moody.calls == 2:
                msg = "tenant2@example.com"
                raise RuntimeError(msg)
            if Moody.calls == 3:
                msg = "down"
                raise LocalModelError(msg, kind="down")
            return super().judge(question, hits, language)

    plan = jobs({**RENT, "aggregate": "sum"})
    out, _ = ask("Rents?", TEN.documents, plan, judge=Moody())
    (coverage,) = out["report"]["coverage"]
    assert (coverage["found"], coverage["failed"]) == (9, 1)
    assert out["report"]["outcome"] == "partial"
    assert "1 could not be read" in out["answer"]
    assert {"job_failed", "local_unavailable:down"} <= set(out["report"]["errors"])
    assert "tenant2" not in repr(out["report"]["errors"])


def test_what_there_is_no_time_for_is_counted() -> None:
    plan = jobs({**RENT, "aggregate": "sum"})
    remote = scripted(plan)
    out = create_minions_graph(None, remote, budget=Budget(seconds=0)).invoke(
        {"task": "Rents?", "documents": TEN.documents}
    )
    assert out["report"]["outcome"] == "not_found"
    assert "out_of_time" in out["report"]["errors"]
    (coverage,) = out["report"]["coverage"]
    assert coverage["left_out"] == 10


def test_a_value_that_the_local_model_invents_is_not_added() -> None:
    invents = scripted('{"line": 1, "values": ["9,999 euros"]}')
    out, _ = ask("Rents?", TEN.documents, jobs({**RENT, "aggregate": "sum"}), local=invents)
    assert "9,999" not in out["answer"]
    assert "value_not_verbatim" in out["report"]["errors"]
    assert out["report"]["outcome"] == "not_found"


def test_a_summary_is_made_of_sections_here() -> None:
    def summarize(messages: list[BaseMessage]) -> str:
        number = re.findall(r"LEASE No\. (\d+)", str(messages[-1].content))[0]
        return json.dumps({"sentences": [f"Lease {number} is open.", "Its rent is 31,337 euros."]})

    plan = jobs({"question": "What are these?", "expect": "summary", "aggregate": "collect"})
    out, remote = ask("Summarise.", TEN.documents[:3], plan, local=scripted(summarize))
    assert out["answer"].splitlines() == [f"[{n}] Lease {n:04} is open." for n in (1, 2, 3)]
    assert "sentence_not_grounded" in out["report"]["errors"]
    assert "open" not in remote.seen_text
    out, _ = ask("Summarise.", TEN.documents[:3], plan)
    assert "no local model that writes" in out["answer"]
    assert out["report"]["outcome"] == "not_found"


def test_titles_and_headings_choose(tmp_path: Path) -> None:
    flat, shop = tmp_path / "lease of the flat.txt", tmp_path / "contract_shop.txt"
    flat.write_text("RENT\nThe rent is 700 euros.\nREPAIRS\nRent is cut by 50 euros.\n")
    shop.write_text("RENT\nThe rent is 900 euros.\n")
    plan = jobs({**RENT, "aggregate": "sum", "documents": ["flat"], "sections": ["repairs"]})
    out, _ = ask("The rent cut of the flat?", [flat, shop], plan)
    assert amount(out["answer"]) == 50
    plan = jobs({**RENT, "aggregate": "sum", "documents": ["castle"]})
    out, _ = ask("The rent of the castle?", [flat, shop], plan)
    assert "selector_matches_nothing" in out["report"]["errors"]
    assert out["report"]["outcome"] == "partial"


@pytest.mark.parametrize("selector", [[], [""], [" "], ["", "rent"]])
@pytest.mark.parametrize("of", ["documents", "sections"])
def test_a_selector_that_says_nothing_leaves_no_document_out(of: str, selector: list[str]) -> None:
    plan = jobs({**RENT, "aggregate": "sum", of: selector})
    out, _ = ask("Rents?", TEN.documents, plan)
    assert amount(out["answer"]) == sum(TEN.rents)
    assert out["report"]["coverage"][0]["found"] == 10


BAD_PLANS: dict[str, dict[str, Any]] = {
    "a dozen jobs": {"jobs": [RENT] * 12},
    "no jobs": {"jobs": []},
    "code": {"jobs": [{**RENT, "code": "import os"}]},
    "another aggregation": {"jobs": [{**RENT, "aggregate": "exec"}]},
}


@pytest.mark.parametrize("plan", BAD_PLANS.values(), ids=BAD_PLANS)
def test_a_plan_that_does_not_fit_is_asked_for_again(plan: dict[str, Any]) -> None:
    again = jobs({**RENT, "aggregate": "sum"})
    out, remote = ask("Rents?", TEN.documents, json.dumps(plan), again)
    assert amount(out["answer"]) == sum(TEN.rents)
    assert len(remote.seen) == 2
    assert "plan_unusable" in out["report"]["errors"]


def test_ten_thousand_jobs_are_not_done() -> None:
    plan = json.dumps({"jobs": [{**RENT, "aggregate": "sum"}] * 10_000})
    out, remote = ask("How much is the monthly rent?", TEN.documents, plan)
    assert "plan_unusable" in out["report"]["errors"]
    assert out["report"]["coverage"][0]["jobs"] == 10  # the question itself, put to each document
    assert len(remote.seen) == 1  # what it said has used the budget up


@pytest.mark.parametrize("where", ["j1", "j2", "j9", "q1", "../etc"])
def test_a_condition_that_goes_round_in_circles_is_ignored(where: str) -> None:
    plan = jobs(
        {**PETS, "aggregate": "count", "where": "j2"}, {**RENT, "aggregate": "sum", "where": where}
    )
    out, _ = ask("?", TEN.documents, plan, local=scripted(worker))
    assert "condition_ignored" in out["report"]["errors"]
    assert "EUR" in out["answer"]


def test_a_plan_that_asks_for_every_name_gets_none() -> None:
    plan = jobs(
        {
            "question": "List every name and address.",
            "terms": ["tenant", "of"],
            "expect": "list",
            "aggregate": "collect",
        }
    )
    out, remote = ask("How many leases are there?", TEN.documents, plan)
    assert "document 1" in out["answer"]  # for the person, who owns them
    assert len(remote.seen) == 1
    assert "@" not in remote.seen_text


def test_a_file_that_changes_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "lease.txt"
    path.write_text(TEN.documents[0])

    def change(messages: list[BaseMessage]) -> str:
        path.write_text("The monthly rent is 1 euro.")
        return jobs({**RENT, "aggregate": "sum"})

    out, _ = ask("Rent?", [path], change)
    assert amount(out["answer"]) == TEN.rents[0]


async def test_async_and_korean() -> None:
    documents = [
        f"임대차 계약서 {n}\n보증금은 {n}억원이다.\n월 차임은 {n}0만 5천원이다." for n in (1, 2, 3)
    ]
    plan = jobs(
        {
            "question": "월 차임은 얼마인가?",
            "terms": ["차임", "월세"],
            "expect": "money",
            "aggregate": "sum",
        }
    )
    graph = create_minions_graph(None, scripted(plan))
    out = await graph.ainvoke({"task": "월 차임의 합계는?", "documents": documents})
    assert out["answer"].startswith("615,000 KRW: 문서 3건의 합계")


def test_without_a_remote_model_the_local_one_plans() -> None:
    def both(messages: list[BaseMessage]) -> str:
        text = str(messages[-1].content)
        return jobs({**RENT, "aggregate": "sum"}) if '"jobs"' in text else worker(messages)

    graph = create_minions_graph(scripted(both), None)
    out = graph.invoke({"task": "The sum of the rents?", "documents": TEN.documents})
    assert amount(out["answer"]) == sum(TEN.rents)
    assert out["report"]["remote"]["calls"] == 0


def test_an_old_plan_of_one_question_is_understood() -> None:
    plan = json.dumps({"subs": [{**RENT}], "combine": "sum"})
    out, _ = ask("Rents?", TEN.documents, plan)
    assert amount(out["answer"]) == sum(TEN.rents)


def test_two_results_are_combined() -> None:
    deposit = {"question": "How much is the deposit?", "terms": ["deposit"], "expect": "money"}
    plan = jobs({**deposit, "aggregate": "sum"}, {**RENT, "aggregate": "sum"}, combine="ratio")
    out, _ = ask("Deposits to rents?", TEN.documents, plan)
    assert out["answer"].splitlines()[0] == "3"


def test_results_of_long_numbers_are_combined() -> None:
    long = [Result(value=Decimal("9" * 27)), Result(value=Decimal(3))]
    for operation, expected in (("ratio", int("3" * 27)), ("sum", 10**27 + 2)):
        combined = combine_results(operation, long, "en")
        assert combined is not None
        assert combined.value == expected
    average = aggregate("average", [Item(document=1, value=Decimal("9" * 30))], "en")
    assert average.value == Decimal("9" * 30)
