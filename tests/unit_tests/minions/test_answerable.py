"""What a passage cannot be the answer to: the family of each rule, with answers that must stay."""

import pytest

from langchain_privacy import create_minion_graph
from langchain_privacy.minions.answerable import can_answer

ANSWERS = [
    # A time: as a date, a day of the year, a span, an event or a condition.
    ("When does the policy expire?", "The policy expires at noon on 3 May 2027."),
    ("When does the policy expire?", "It ends on the last day of February."),
    ("When is the fee due?", "The fee is due within 14 days of the invoice."),
    ("When is the deposit paid back?", "The deposit is paid back once the keys are returned."),
    ("Until when is he on leave?", "He is on leave until further notice."),
    ("When may the landlord enter?", "The landlord may enter if there is an emergency."),
    ("In which month was the roof repaired?", "The roof was repaired in March."),
    ("By what date must objections be filed?", "Objections are filed by 2026-05-01."),
    ("When are wages paid?", "Wages are paid monthly."),
    ("When is the filter changed?", "The filter is changed every 500 hours."),
    ("When are the brakes checked?", "The brakes are checked at 60,000 kilometres."),
    ("필터는 언제 바꾸나요?", "필터는 5만 킬로미터에 바꾼다."),
    ("언제 계약이 끝나나요?", "계약은 2027년 3월 2일에 끝난다."),
    ("월세는 언제 내나요?", "월세는 매월 말일에 낸다."),
    ("보증금은 언제 돌려받나요?", "보증금은 열쇠를 반납한 후에 돌려준다."),
    ("퇴원은 며칠인가요?", "퇴원일은 3월 4일이다."),
    # A figure: in digits or words, or that there is none.
    ("How much is the rent?", "The rent is 820 euros."),
    ("How many rooms has the flat?", "The flat has three rooms."),
    ("How many garages are there?", "There is one garage."),
    ("How much is the parking fee?", "Parking is free of charge."),
    ("How many pets are allowed?", "No pets are allowed."),
    ("How old is the building?", "The building is ninety years old."),
    ("What is the interest rate?", "Interest is 4.5 percent."),
    ("How much did sales grow?", "Sales doubled: they grew to twice those of 2021."),
    ("How much was revenue in 2021?", "| Revenue | 1,204 |"),
    ("월세는 얼마인가요?", "월세는 82만원이다."),
    ("방이 몇 개인가요?", "방은 두 개다."),
    ("주차비는 얼마인가요?", "주차는 무료이다."),
    ("계약금은 얼마입니까?", "계약금은 금 오백만원정으로 한다."),
    ("휴가는 얼마나 남았나요?", "휴가는 석 달 남았다."),
    ("What does a parking space cost?", "A space costs 60 euros a month."),
    ("What did the parcel weigh?", "The parcel weighed two kilograms."),
    ("What does the gate look like?", "The gate is green."),
    # The whole.
    ("What is the total rent for the year?", "The rent for the whole year is 9,840 euros."),
    ("How much is it altogether?", "The total price is 4,000 euros."),
    ("비용은 총 얼마인가요?", "전체 비용은 300만원이다."),
    # Yes or no repeats the question; a row is answered by its value; what is not known stays.
    ("Are pets allowed?", "Pets are allowed."),
    ("반려동물이 허용되나요?", "반려동물은 허용된다."),
    ("What is the deposit?", "Deposit\t3,720 EUR"),
    ("Who is the tenant?", "Tenant: Ada Wynn"),
    ("Where is the meter?", "The meter is in the cellar."),
    ("Name the plants.", "Plants"),
]

NONE = [
    # Only words of the question: a heading, with a number or without.
    ("What is the maximum earn-out?", "Section 3, earn-out."),
    ("What is the notice period?", "4.2 Notice period"),
    ("What are the delivery terms?", "Clause 12(b): Delivery terms"),
    ("What is the purchase price?", "Article IV - Purchase Price"),
    ("Who are the parties?", "## Parties"),
    ("보증금은 얼마입니까?", "제4조(보증금)"),
    ("해지 사유는 무엇인가요?", "해지 사유"),
    # No time where one is asked for.
    ("When does the loan mature?", "The loan of 150,000 pounds bears a rate of 5.35 percent."),
    ("When does the bond mature?", "The bond was bought at 98 percent."),
    ("When was the invoice paid?", "The invoice is for the repair of two lifts."),
    ("By what date is the report due?", "The report names the auditor and her firm."),
    ("공사는 언제 끝났나요?", "공사는 한빛건설이 맡았다."),
    ("잔금은 언제 내나요?", "잔금은 3억원이다."),
    # No figure, or none but a date.
    ("How much is the fine?", "The fine goes to the city."),
    ("What does a parking space cost?", "The cost of a space is agreed with the owner."),
    ("What salary does she get?", "Her salary is paid by the city."),
    ("How much gold is stored?", "Since 4 April 2025 the daughter has a power of attorney."),
    ("How many people work there?", "People who work there wear helmets."),
    ("월세는 얼마인가요?", "월세는 은행으로 보낸다."),
    ("직원은 몇 명인가요?", "직원은 2025년 3월 2일에 만났다."),
    # A part where the whole is asked for.
    ("How much does the client pay overall?", "The client pays 400 euros for the first draft."),
    ("What is the total of the fees?", "The fee of the notary is 900 euros."),
    ("관리비는 총 얼마인가요?", "관리비는 매월 5만원이다."),
]


@pytest.mark.parametrize(("question", "passage"), ANSWERS)
def test_what_may_answer_stays(question: str, passage: str) -> None:
    assert can_answer(question, passage)


@pytest.mark.parametrize(("question", "passage"), NONE)
def test_what_cannot_answer_is_told(question: str, passage: str) -> None:
    assert not can_answer(question, passage)


@pytest.mark.parametrize(
    ("question", "document", "answer"),
    [
        (
            "What is the notice period?",
            "4. Notice period\nEither party may end the contract.\nThe notice period is six weeks.",
            "six weeks",
        ),
        ("When does the lease end?", "The lease: where it ends, a gate stands.", None),
        ("보증금은 얼마입니까?", "제4조(보증금)\n보증금은 3천만원으로 한다.", "3천만원"),
        ("공사는 언제 끝났나요?", "공사는 끝났다. 감리는 한빛건설이 맡았다.", None),
    ],
)
def test_another_passage_answers_or_none(question: str, document: str, answer: str | None) -> None:
    out = create_minion_graph(None, None).invoke({"task": question, "documents": [document]})
    assert (out["report"]["outcome"] == "not_found") == (answer is None)
    assert answer is None or answer in out["answer"]
