"""Figures of an answer follow from what it cites, or they are named."""

import pytest

from langchain_privacy.minions.figures import Cited, derivations, figures, unfounded, verify

MILLIONS = "Statements of income > (in millions) > 2022 2021"
THOUSANDS = "(in thousands, except per share data) > 2022 2021"
KOREAN = "손익계산서 > (단위: 백만원) > 구분 2022 2021"
SALES = Cited("Net sales $ 1,812 $ 1,700", MILLIONS)
PROFIT = Cited("Operating profit 546 480", MILLIONS)
PLANTS = [Cited(f"• {name};") for name in ("Haugesund", "Esbjerg", "Gdynia", "Trieste")]
LEASE = Cited("The term commences on 1 May 2020 and expires on 30 April 2025.")

FOLLOWS = [
    ("It was 1.8 billion.", [SALES]),
    ("It was $1,812 million.", [SALES]),
    ("About $1.8 million", [Cited("Net sales 1,812 1,700", THOUSANDS)]),
    ("Revenue rose by 6.6 %.", [SALES]),
    ("It rose by 112 million.", [SALES]),
    ("The margin was 30.1 percent.", [PROFIT, SALES]),
    ("Sales were 3.3 times the profit.", [PROFIT, SALES]),
    ("Two years.", [Cited("upon 24 months' written notice")]),
    ("about 24 months", [Cited("The term is two years.")]),
    ("0.8 cm", [Cited("a nodule of 8 mm in the left lobe")]),
    ("$180,000 a year", [Cited("a base rent of $15,000 per month")]),
    ("Four plants.", PLANTS),
    ("Three names.", [Cited("Haugesund, Esbjerg and Gdynia")]),
    ("It runs for 5 years.", [LEASE]),
    ("It runs for 60 months.", [LEASE]),
    ("It ends on 2025-04-30.", [LEASE]),
    ("It ends on 30.04.2025.", [LEASE]),
    ("It runs for 5 years.", [Cited("Laufzeit vom 01.05.2020 bis zum 30.04.2025")]),
    ("90 days", [Cited("within ninety days")]),
    ("ninety days", [Cited("within 90 days")]),
    ("1240 euros", [Cited("1,240.00 euros")]),
    ("1,240 euros", [Cited("1240 euros")]),
    ("1. A\n2. B\n3. C", [Cited("A, B and C")]),
    ("In FY2022 it was 1,812.", [SALES]),
    ("About 46,000 people", [Cited("approximately 45,800 employees")]),
    ("16,632 in all", [Cited("Unit A 5,000"), Cited("Unit B 6,000"), Cited("Unit C 5,632")]),
    ("4120억", [Cited("매출액 412,000 398,000", KOREAN)]),
    ("4,120억원입니다.", [Cited("매출액 412,012 398,000", KOREAN)]),
    ("5억 5천만원입니다.", [Cited("보증금 55,000만원을 지급한다.")]),
    ("55,000만원입니다.", [Cited("보증금 5억 5천만원을 지급한다.")]),
    ("3.5% 늘었습니다.", [Cited("매출액 412,000 398,000", KOREAN)]),
    ("6,120만원입니다.", [Cited("월 차임은 510만원으로 한다.")]),
    ("2년입니다.", [Cited("2021년 4월 1일부터 2023년 3월 31일까지로 한다.")]),
    ("3곳입니다.", PLANTS[:3]),
]

DOES_NOT = [
    ("It was 1.9 billion.", [SALES]),
    ("It was 1.8 million.", [SALES]),
    ("Revenue rose by 16.6 %.", [SALES]),
    ("The margin was 41.1 percent.", [PROFIT, SALES]),
    ("Three years.", [Cited("upon 24 months' written notice")]),
    ("3.1 cm", [Cited("a nodule of 8 mm in the left lobe")]),
    ("Nine plants.", PLANTS),
    ("It runs for 7 years.", [LEASE]),
    ("It ends on 2025-05-30.", [LEASE]),
    ("Since 2003.", [Cited("auditor since 1998")]),
    ("20 euros", [Cited("820 euros")]),
    ("5,120억원입니다.", [Cited("매출액 412,012 398,000", KOREAN)]),
    ("9회입니다.", [Cited("차임을 2회 이상 연체하면")]),
    ("The two years were 3,512 together.", [Cited("Net sales 1,812 1,600", MILLIONS)]),
]


@pytest.mark.parametrize(
    ("answer", "cited"), FOLLOWS, ids=[f"{a[:24]}-{n}" for n, (a, _) in enumerate(FOLLOWS)]
)
def test_natural_figures_follow(answer: str, cited: list[Cited]) -> None:
    assert unfounded(verify(answer, cited, asked="What was it in FY2022?")) == []


@pytest.mark.parametrize(
    ("answer", "cited"), DOES_NOT, ids=[f"{a[:24]}-{n}" for n, (a, _) in enumerate(DOES_NOT)]
)
def test_wrong_figures_are_named(answer: str, cited: list[Cited]) -> None:
    assert unfounded(verify(answer, cited, asked="What was it in FY2022?")) != []


def test_how_a_figure_follows_is_told() -> None:
    checks = verify("Its margin was 30.1 %.", [PROFIT, SALES])
    assert derivations(checks) == ["30.1 % = 546 / $ 1,812"]
    assert checks[0].used == (0, 1)
    assert derivations(verify("It was 1.8 billion.", [SALES])) == []


def test_a_figure_may_stand_in_a_passage_that_was_not_cited() -> None:
    assert unfounded(verify("It was 546 million.", [SALES], beside=[PROFIT])) == []
    assert unfounded(verify("The margin was 30.1 %.", [SALES], beside=[PROFIT])) != []


def test_figures_are_read_as_people_write_them() -> None:
    read = {
        f.text: f.value for f in figures("$1.8 billion, (56.7), 12 %, 2억 7천만원 and 3,000 units")
    }
    assert [int(v * 10) for v in read.values()] == [18 * 10**9, -567, 120, 27 * 10**8, 30_000]


def test_no_text_is_too_strange() -> None:
    for text in (
        "",
        "%",
        "1" * 500,
        "1,2,3,4,",
        "(((" * 50,
        "in (000s)",
        "억만천",
        "9" * 40 + " billion",
    ):
        verify(text, [Cited(text, text)], asked=text)
