"""The ranking puts the sentence that answers first, in both languages."""

import pytest

from langchain_privacy.minions.search import BM25, Index
from langchain_privacy.minions.terms import words

ENGLISH = [
    "The bank is open on weekdays.",
    "On 21 March the customer disputed a charge of 218.99 dollars by Zenwave.",
    "Reward points are credited every month.",
]
KOREAN = [
    "은행은 평일에 영업한다.",
    "3월 21일 고객은 결제 한 건에 이의를 제기하였다.",
    "포인트는 매월 적립된다.",
]


def best(texts: list[str], query: str | list[str]) -> int:
    scores = BM25(texts).scores(query)
    return scores.index(max(scores))


def test_finds_by_another_form_of_the_word() -> None:
    assert best(ENGLISH, "Which disputes?") == 1
    assert best(KOREAN, "이의가 제기된 결제") == 1
    assert best(KOREAN, ["포인트를", "적립"]) == 2


def test_a_long_korean_word_counts_once() -> None:
    repairs = "급한 수리는 건물 관리인에게 전화로 알린다."
    assert best(
        ["누수를 발견한 때에는 지체 없이 상대방에게 알려야 한다.", repairs, *KOREAN],
        "급한 수리를 누구에게 어느 번호로 알려야 하는가?",
    ) == 1  # fmt: skip
    once = BM25([repairs, *KOREAN]).scores("관리인")[0]
    assert 0 < once <= BM25([repairs.replace("관리인", "주인"), *KOREAN]).scores("주인")[0] * 1.1


def test_nothing_matches_nothing() -> None:
    assert BM25(ENGLISH).scores("Xylophone?") == [0.0, 0.0, 0.0]
    assert BM25([]).scores("anything") == []
    assert BM25(["", "\x00"]).scores("anything") == [0.0, 0.0]


def test_a_match_in_a_one_sentence_document_still_counts() -> None:
    assert BM25([ENGLISH[1]]).scores("disputed charge")[0] > 4


def test_terms_are_data_not_patterns() -> None:
    assert words(".* (?:a+)+$ [x]") == ["x"] or "x" in words(".* (?:a+)+$ [x]")
    assert BM25(ENGLISH).scores(".*") == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("paid", "pay"),
        ("Who sold it?", "sale"),
        ("acquisitions", "acquired"),
        ("cancelled", "cancel"),
        ("planning", "plan"),
        ("children", "child"),
        ("grew", "growth"),
        ("leases", "leased"),
        ("prescriptions", "prescribed"),
    ],
)
def test_forms_of_an_english_word_are_one(one: str, other: str) -> None:
    assert set(words(other)) <= set(words(one))


@pytest.mark.parametrize(("one", "other"), [("bill", "billed"), ("sell", "selling")])
def test_a_double_consonant_of_the_word_itself_stays(one: str, other: str) -> None:
    assert words(one) == words(other)


@pytest.mark.parametrize("cells", ["\t", " | ", "    "])
def test_the_head_of_a_table_is_no_answer(cells: str) -> None:
    rows = [["Tenant", "Rent", "From"], ["Jane Doe", "820", "May"], ["Kim Hana", "1240", "June"]]
    text = "\n".join(cells.join(row) for row in rows)
    hits = Index("d", text).search("What is the rent?", [], 3)
    assert hits
    assert not any(hit.covers for hit in hits)
    said = Index("d", f"{text}\nThe rent is due in May.").search("What is the rent?", [], 3)
    assert [hit.text for hit in said if hit.covers] == ["The rent is due in May."]
