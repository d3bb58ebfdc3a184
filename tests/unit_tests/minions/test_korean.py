"""Plain Korean questions find their passage, without Kiwi: what asks and endings do not count."""

import json
from pathlib import Path
from typing import Any

import pytest

from langchain_privacy import Masker, create_minion_graph
from langchain_privacy.minions.korean import stem
from tests.support.minion_cases import Question, ask

CASES = json.loads(
    (Path(__file__).parents[2] / "vectors" / "minions" / "korean.json").read_text(encoding="utf-8")
)


ASKING = """얼마예요 얼마인가요 얼마죠 얼마였나요 얼마인지 얼마나 언제까지 누구예요 누가 누군가요
뭐예요 뭔가요 무엇입니까 어디서 어떻게 되나요 돼요 됩니까 되는지 해야 하나요 있어요 있을까요 없나요
알려주세요 알려줘 주세요 궁금한 궁금합니다 수"""
NOUNS = """단가 화면 도면 관리비 차임 임차인 기간 제한 북한 휴지 단지 분야 창고 보증금 회의 필요
중개사"""


@pytest.mark.parametrize("asking", ASKING.split())
def test_what_only_asks_does_not_count(asking: str) -> None:
    assert stem(asking) == ""


@pytest.mark.parametrize(
    ("forms", "same"),
    [
        ("월세가 월세를 월세는 월세의 월세로", "월세"),
        ("완공됐어요 완공되었고 완공되는 완공된 완공", "완공"),
        ("가입해요 가입하고 가입한다 가입했나요 가입하는 가입할", "가입"),
        ("주주총회에서는 주주총회의 주주총회인가요", "주주총회"),
        ("냈어요 낸다 냅니다 내야 내나요", "내"),
        ("고쳐요 고친다 고쳤습니다", "고치"),
        ("명 몇명인가요 명이에요", "명"),
    ],
)
def test_forms_of_a_word_are_one(forms: str, same: str) -> None:
    assert {stem(form) for form in forms.split()} == {same}


@pytest.mark.parametrize("noun", NOUNS.split())
def test_a_noun_that_ends_like_a_verb_stays(noun: str) -> None:
    assert stem(noun) == noun


def questions() -> list[Question]:
    return [
        Question(
            id=f"{case['id']}#{number}",
            kind=asked["kind"],
            text=asked["question"],
            answers=[asked["answer"]] if asked["answer"] else [],
            terms=asked["terms"],
            document="\n".join(case["document"]),
            planted=[],
        )
        for case in CASES
        for number, asked in enumerate(case["questions"])
    ]


def outcome(question: Question, **settings: Any) -> tuple[bool, bool]:
    """Say whether the ranking alone answers honestly, and whether wrongly."""
    graph = create_minion_graph(None, None, masker=Masker([]), **settings)
    out = graph.invoke({"task": question.text, "documents": [question.document]})
    found = out["report"]["outcome"] != "not_found"
    right = any(answer in out["answer"] for answer in question.answers) if found else False
    return (right if question.answers else not found), found and not right


def test_the_ranking_alone_answers_plain_questions() -> None:
    asked = [question for question in questions() if question.kind != "paraphrased"]
    outcomes = [outcome(question) for question in asked]
    assert len(asked) == 48
    assert sum(honest for honest, _ in outcomes) / len(asked) >= 0.92
    assert not any(wrong for _, wrong in outcomes)


def test_with_a_planner_the_passage_crosses() -> None:
    asked = questions()
    honest = [ask(question, None, detectors=[]).honest for question in asked]
    assert sum(honest) / len(asked) >= 0.92
