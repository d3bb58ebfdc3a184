"""What of a question becomes a slot, which value it is bound to, and what stays as it is."""

import random
import unicodedata
from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from langchain_privacy.masking import Masker
from langchain_privacy.sql.dates import periods
from langchain_privacy.sql.linking import LinkedQuestion, Namesakes, link_values
from langchain_privacy.sql.people import LatinNames, holds_people
from langchain_privacy.sql.question import arrived
from langchain_privacy.sql.tables import ColumnCard, TableCard
from langchain_privacy.sql.values import ColumnValues

PUBLIC = "진료 진단명 진료비 환자 처방 거래 평균 가격 아파트 patients paper price"
FAMILIES = "김이박최정강조윤장임한오서신권황안송홍유"
FIRST, LAST = "민서지도예하준현윤은수채승재진", "준우서윤민수연진현아은호영희원"


def columns(**values: Sequence[str]) -> ColumnValues:
    table = TableCard(
        name="t", columns=tuple(ColumnCard(name=name, type="text") for name in values)
    )
    found = [(table, column, values[column.name]) for column in table.columns]
    return ColumnValues(found, fuzzy=0.86, public=PUBLIC)


def link(
    question: str,
    known: ColumnValues,
    namesakes: dict[tuple[str, str], Namesakes] | None = None,
    choice: int | None = None,
) -> LinkedQuestion:
    session = Masker([]).session()
    given = arrived(question, session)
    return link_values(given, session, known, lambda _: choice, namesakes or {})


def names(count: int) -> list[str]:
    every = [f + a + b for f in FAMILIES for a in FIRST for b in LAST if a != b]
    random.Random(5).shuffle(every)
    return every[:count]


FORMS = [
    "{}의 진단명은?", "{} 환자의 진료비", "{}님의 처방", "{} 씨가 낸 진료비는?",
    "{}과장님께 처방한 것", "{} 부장에게 처방한 것",
]  # fmt: skip


@pytest.mark.parametrize("size", [50, 200])
def test_an_absent_name_is_nobody(size: int) -> None:
    everybody = names(size + 200)
    known = columns(nm=everybody[:size])
    assert known.of_people == ("t.nm",)
    wrong = []
    for number, name in enumerate(everybody[size:]):
        linked = link(FORMS[number % len(FORMS)].format(name), known)
        wrong += [slot.value for slot in linked.slots if slot.value in everybody[:size]]
    assert wrong == []
    absent = link("김민주의 진단명은?", columns(nm=["김민수", *everybody[:40]]))
    assert [slot.value for slot in absent.slots] == ["김민주"]
    assert [note["remark"] for note in absent.notes] == ["nobody"]


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("고민은의 진단명은?", "고민은"), ("진료비가 가장 높은 한도호의 최근 방문", "한도호"),
        ("전도수의 진단명은?", "전도수"), ("심은린의 진료비", "심은린"),
        ("고민 씨의 진료비", "고민"), ("한도 씨가 낸 진료비", "한도"),
        ("진료비가 가장 높은 안하아의 최근 방문", "안하아"),
    ],
    ids=range(7),
)  # fmt: skip
def test_an_everyday_word_in_the_place_of_a_person_does_not_cross(question: str, name: str) -> None:
    linked = link(question, columns(nm=names(60)))
    assert [slot.value for slot in linked.slots] == [name]
    assert name not in linked.text


@pytest.mark.parametrize(
    "question",
    [
        "신고일의 분포", "이자율의 평균", "연도별 합계", "지난달의 거래", "한도의 평균",
        "고민의 수", "부모님의 진료비", "고객님의 거래", "한의원의 진료비",
        "서비스의 가격", "남성의 평균",
    ],
    ids=range(11),
)  # fmt: skip
def test_words_of_the_language_in_another_place_stay(question: str) -> None:
    assert link(question, columns(nm=names(60))).text == question


def spelled(name: str) -> list[str]:
    return [
        *(form.format(name) for form in FORMS),
        f"{name[0]} {name[1:]}의 진료비",
        f"{name[:2]} {name[2:]} 님의 진료비",
        unicodedata.normalize("NFD", f"{name}의 진료비"),
        f"{name}환자의 진료비",
    ]


def test_a_name_that_is_there_is_found() -> None:
    everybody = names(60)
    known = columns(nm=everybody)
    lost = [
        question
        for name in everybody
        for question in spelled(name)
        if [slot.value for slot in link(question, known).slots] != [name]
    ]
    assert lost == []


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Kim Min-su", "김민수"), ("Minsoo Kim", "김민수"), ("lee seoyeon", "이서연"),
        ("Park Doyun", "박도윤"), ("Jung Ha Jun", "정하준"), ("Hong Gil-dong", "홍길동"),
    ],
)  # fmt: skip
def test_a_korean_name_in_latin_letters_is_asked(written: str, name: str) -> None:
    people = ["김민수", "이서연", "박도윤", "정하준", "홍길동", "최은영"]
    assert [one for one in people if LatinNames([one]).find(written)] == [name]
    known = columns(nm=people)
    asked = link(f"{written}의 진료비", known)
    assert asked.open is not None
    assert asked.open.options == (name,)
    assert link(f"What did {written} pay?", known, choice=0).slots[0].value == name
    assert written not in asked.text


def test_each_of_several_names_in_latin_letters_is_hidden() -> None:
    known = columns(nm=["김민수", "이서연", "박도윤"])
    linked = link("What did Kim Min-su and Lee Seoyeon pay, and Doyun Park?", known, choice=0)
    assert [slot.value for slot in linked.slots] == ["김민수", "이서연", "박도윤"]


def test_two_people_of_one_name() -> None:
    rows = Namesakes(
        "t.id",
        (4, 9),
        ("김민수 (부서: 영업부)", "김민수 (부서: 개발부)"),
        (frozenset({"영업부"}), frozenset({"개발부"})),
    )
    known = columns(nm=["김민수", "이서연", "박도윤"], dept=["영업부", "개발부"])
    both = {("t.nm", "김민수"): rows}
    asked = link("김민수의 진료비", known, both)
    assert asked.open is not None
    assert asked.open.options == rows.options
    chosen = link("김민수의 진료비", known, both, choice=1).slots[0]
    assert (chosen.value, chosen.how, chosen.columns) == (9, "equals", ("t.id",))
    told = link("개발부 김민수의 진료비", known, both)
    assert (told.open, told.slots[1].value) == (None, 9)


PLACES = ["서울특별시 성동구 옥수동", "서울특별시 강남구 신사동", "서울특별시 은평구 신사동"]
COMPLEXES = ["래미안 옥수 리버젠", "강동 헤리티지 자이", "마포 자이", "서초 자이", "옥수하이츠"]
COMPLEXES += [f"단지{n} 자이" for n in range(12)]


@pytest.mark.parametrize(
    ("question", "how", "value"),
    [
        ("옥수동의 평균 가격", "equals", PLACES[0]),
        ("성동구옥수동에서 비싼 아파트", "equals", PLACES[0]),
        ("래미안옥수리버젠아파트 거래", "equals", COMPLEXES[0]),
        ("옥수리버젠 거래", "equals", COMPLEXES[0]),
        ("자이 거래", "part", "자이"),
        ("신사동 거래", "part", "신사동"),
        ("옥수하이즈 거래", "equals", "옥수하이츠"),
    ],
)
def test_words_of_values(question: str, how: str, value: str) -> None:
    linked = link(question, columns(place=PLACES, name=COMPLEXES))
    assert [(slot.how, slot.value) for slot in linked.slots] == [(how, value)]
    remarks = {"신사동 거래": ["several"], "옥수하이즈 거래": ["misspelt"]}
    assert [note["remark"] for note in linked.notes] == remarks.get(question, [])


@pytest.mark.parametrize(
    "question",
    [
        "Return the total number of papers, and how many was open at all",
        "What is the average price of the top 5 in the last 7 days?",
        "Return the distinct list of paper IDs by month, on Saturday or in March",
        "평균 가격이 가장 높은 아파트 5건을 3월부터 보여줘",
        "전용 84제곱미터 이상 거래 건수",
        "1980년 이전에 태어난 환자의 진료, 여자 환자의 처방, 진료한 환자, 3건의 환자",
    ],
)
def test_words_of_the_language_stay(question: str) -> None:
    known = columns(
        kind=["return", "was", "how", "all", "total", "March", "Saturday", "open"],
        memo=["Your trial of 7 days ends in the last week and then all of it stops"],
        place=["평균", "가격"],
    )
    assert link(question, known).text == question


@pytest.mark.parametrize(
    ("question", "hidden"),
    [
        ("papers between Jan 1, 2023 and Mar 31, 2023, or from Jan 1st, or on the 3rd of May", []),
        ("papers of April to June 2024 and of Jan.-Mar", []),
        ("the papers of Jan Solheim", ["Jan Solheim"]),
        ("What did Jan pay?", ["Jan"]),
    ],
)
def test_months_that_are_names_as_well(question: str, hidden: list[str]) -> None:
    known = columns(name=["Jan Solheim", "April Major", "June Lee", "May Doe", "Ann Carter"])
    linked = link(question, known)
    assert [question[len(linked.text.partition("[")[0]) :][: len(h)] for h in hidden] == hidden
    assert len(linked.slots) == len(hidden)


def test_a_state_is_meant_by_its_name_and_by_its_code() -> None:
    known = columns(state=["CA", "NV", "NY"], city=["New York", "Reno"])
    for question in ("papers in California", 'papers in "California"', "papers in CA"):
        assert [slot.value for slot in link(question, known).slots] == ["CA"], question
    assert [slot.columns for slot in link("papers in New York", known).slots] == [("t.city",)]
    codes = columns(kind=["CA", "open", "closed"])
    assert link("papers in California", codes).slots == []


def test_a_quoted_place_of_the_gazetteer_is_read_as_without_quotes() -> None:
    question = 'papers in the state of "California"'
    assert link(question, columns(name=COMPLEXES)).text == question
    hidden = link(question, columns(state=["California", "Nevada"]))
    assert [slot.value for slot in hidden.slots] == ["California"]


@pytest.mark.parametrize(
    ("question", "hidden"),
    [
        ("How many papers of Wrenfield Holdings?", "Wrenfield"),
        ("'한강뷰' 거래", "한강뷰"),
        ("계좌 110234567890 거래", "110234567890"),
        ("박서연 고객의 거래", "박서연"),
        ("papers with code QX-8817-B", "8817"),
    ],
)
def test_what_looks_like_a_value_is_hidden(question: str, hidden: str) -> None:
    linked = link(question, columns(name=COMPLEXES))
    assert hidden not in linked.text
    assert len(linked.slots) == 1


@pytest.mark.parametrize(
    ("name", "values", "people"),
    [
        ("c3", ["김민수", "이서연", "박도윤", "최은영"], True),
        ("patient_name", ["Mira Solheim", "John Doe"], True),
        ("name", ["John Doe", "Mary Major", "Ann Lee"], True),
        ("city", ["San Jose", "Los Angeles", "New York"], False),
        ("color", ["Silver", "White", "Black"], False),
        ("동", ["신사동", "서초동", "정자동"], False),
        ("name", ["래미안", "자이", "아크로리버파크"], False),
        ("x", [], False),
    ],
)
def test_columns_of_people(name: str, values: list[str], people: bool) -> None:
    assert holds_people(name, values) is people


def test_long_texts_of_a_column_are_looked_at_once() -> None:
    """A run of letters that could be split anywhere would be tried 2 ** 60 times."""
    assert not holds_people("title", ["a" * 60 + "!", " ".join(["Introduction"] * 30) + "?"])


TODAY = date(2026, 3, 9)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("지난달 거래", "2026-02-01", "2026-02-28"),
        ("작년 12월 거래", "2025-12-01", "2025-12-31"),
        ("2024년 1분기", "2024-01-01", "2024-03-31"),
        ("올해 상반기", "2026-01-01", "2026-06-30"),
        ("최근 30일", "2026-02-07", "2026-03-09"),
        ("3개월 전", "2025-12-01", "2025-12-31"),
        ("지난주", "2026-03-02", "2026-03-08"),
        ("in the last 3 months", "2025-12-09", "2026-03-09"),
        ("two weeks ago", "2026-02-23", "2026-02-23"),
        ("last quarter", "2025-10-01", "2025-12-31"),
        ("Q3 2023", "2023-07-01", "2023-09-30"),
    ],
)
def test_periods(text: str, first: str, last: str) -> None:
    assert [(str(p.first), str(p.last)) for p in periods(text, TODAY)] == [(first, last)]


@pytest.mark.parametrize("text", ["2월 31일", "2024년식", "1분기별 평균", "99999일 전", "3번째"])
def test_no_periods(text: str) -> None:
    assert periods(text, TODAY) == []


def test_nothing_of_a_slot_is_printed() -> None:
    linked: Any = link("김민수의 진료비", columns(nm=["김민수", "이서연"]))
    assert "김민수" not in repr(linked.slots)


def test_a_placeholder_that_holds_more_than_the_value() -> None:
    session = Masker([]).session()
    entry = session.vault.issue("PERSON", "김민수 과장")
    question = f"[{entry.entity_type}_{entry.code}]의 진료비"
    known = columns(nm=["김민수", "이서연"])
    linked = link_values(arrived(question, session), session, known, lambda _: None, {})
    assert [slot.value for slot in linked.slots] == ["김민수"]
    assert "김민수" not in linked.text
