"""Ages, days, years, sums and sizes: private where the text ties them to a person."""

import pytest

from langchain_privacy import Masker, MaskingPolicy
from langchain_privacy.detection import default_detectors, detect_all

DETECTORS = default_detectors(presidio=False)


def found(text: str, kinds: str = "AGE DATE_TIME MONEY BODY") -> list[str]:
    findings = detect_all(text, DETECTORS)
    return [text[f.start : f.end] for f in findings if f.entity_type in kinds.split()]


@pytest.mark.parametrize(
    ("text", "private"),
    [
        ("I'm 34 and tired", ["34"]),
        ("im 34, from here", ["34"]),
        ("she is only 23", ["23"]),
        ("he’s turning 70 on Sunday", ["70"]),
        ("they're four and loud", ["four"]),
        ("a 52-year-old woman came", ["52"]),
        ("The patient is 8 months old.", ["8"]),
        ("my mother (71) and my son, 5, came", ["71", "5"]),
        ("Patient: Oluwaseun Adebayo, 38, smoker", ["38"]),
        ("34F with chest pain, f 29, (52M)", ["34F", "52M"]),
        ("aged 54, married", ["54"]),
        ("저는 34살이고 남편은 만 36세입니다", ["34", "36"]),
        ("아이가 네 살이라 걱정", ["네"]),
        ("Der 34-jährige Mann, sie ist 41 Jahre alt", ["34", "41"]),
        ("J'ai 34 ans. Tengo 41 años. Ela tem 52 anos.", ["34", "41", "52"]),
        # beside family words and names
        ("husband drives, kids 4 and 9, one dog", ["4", "9"]),
        ("a cake for our daughters 3, 6 and 11", ["3", "6", "11"]),
        ("Our son 12, daughter 15 and a budget", ["12", "15"]),
        ("Ingrid and Halvard Brekke (62 and 59) travel", ["62", "59"]),
        ("We have Benjamin (boy, 7) and a parrot.", ["7"]),
        ("A poem for Zubaydah (6) about the sea", ["6"]),
        ("I'm 52M, and Im 29f", ["52M", "29f"]),
        ("My client is a 47-year-old former pilot.", ["47"]),
        ("female patient 71 years with a cough, a man of 93 who fell", ["71", "93"]),
        ("He left school at 16 and died at 88.", ["16", "88"]),
        ("Financial question: I (41, divorced) earn enough", ["41"]),
        ("a happy 60th birthday for my uncle", ["60th"]),
        ("The boy Benjamin is eleven. Benjamin is 4.", ["eleven", "4"]),
        ("Benjamin Roth is only 16, Benjamin turns just 17.", ["16", "17"]),
        ("he turn 60 this friday, and she 31, they say", ["60", "31"]),
        ("Benjamin Roth, a retired wick officer, 44, is tired.", ["44"]),
        ("서지훈 씨(72)는 왔다. 김민수 할머니, 81, 계세요.", ["72", "81"]),
    ],
)
def test_ages_of_people(text: str, private: list[str]) -> None:
    assert found(text, "AGE") == private


@pytest.mark.parametrize(
    "text",
    [
        "the house is 100 years old, the car 12 years old car",
        "I'm 5 minutes late, she is 2 hours away, he is 100% sure",
        "30 people in 5 minutes, 3 replicas, 4 of 9",
        "a 10-year-old laptop and a 12-year-old whisky",
        "She was one of them. They are two different things.",
        "raised $52M in round 2; set it to 34 F",
        "people aged 18 to 65, age 18 or over",
        "21세기의 3세대 기술, 30세 이상",
        "chapter 12, page 34, level 5, version 3",
        "for (int i = 0; i < 34; i++) total += 34;",
        "A game for kids 8 and up, beds for kids 3 to 9, boys 2 and girls 3",
        "Figure (4), Table (5), Windows (11), rows.get(key, 0)",
        "Sections 8 and 12 of a 60-year-old building, shifts 2 and 3",
        "See Annex I (12, 13), Section I (41), the 60th anniversary",
        "Benjamin is one. Benjamin is two of them, Benjamin is 5 minutes late",
        "he turned 90 degrees; she 12 times; Benjamin Roth, see pages 4, 44, 45",
        "Benjamin Roth is just 5 minutes late, Benjamin is about 3 km away",
        "서지훈 씨, 12명이 왔다",
        "I'm 10m away, she died at 10:30, the office retired at 5 pm",
    ],
)
def test_numbers_that_are_no_age(text: str) -> None:
    assert found(text, "AGE") == []


@pytest.mark.parametrize(
    ("text", "private"),
    [
        ("Name: Ada Paik   Age: 54   Admitted: 02/05\nUnit: B", ["54", "02/05"]),
        ("Patient: Ada Paik | Age: 61 | Discharged: 9/5 | Ward 3", ["61", "9/5"]),
        ("Patient: Ada Paik\tAge (yrs): 61\tSeen: 14.05.", ["61", "14.05"]),
        ("Patient: Ada Paik; Age : 61 y; Visit : 3-5", ["61", "3-5"]),
        ("Patient: Ada Paik, Age=61, Date of visit: 14/05 at noon", ["61", "14/05"]),
        ("Paciente: Ada Paik   Edad: 54   Ingreso: 12/3", ["54", "12/3"]),
        ("이름: 표수련   나이: 54   입원일: 3/5   퇴원: 5/9", ["54", "3/5", "5/9"]),
        ("성명: 표수련 | 연령 : 54 | 검진일: 05.14", ["54", "05.14"]),
        # no age, no day
        ("Patient: Ada Paik   Max age: 60   Score: 3/5   Visit: 3-5 days", []),
        ("Patient: Ada Paik   max-age: 60   Received: 3/5 of the pages", []),
        ("이름: 표수련   파일: 3/5   최대 나이: 60", []),
        ("Release   Issued: 3/5   Due: 9/5", []),
    ],
)
def test_fields_in_the_middle_of_a_line(text: str, private: list[str]) -> None:
    assert found(text, "AGE DATE_TIME") == private


@pytest.mark.parametrize(
    ("text", "private"),
    [
        ("I was born in 1987 in Leeds", ["1987"]),
        ("She moved here in 2011, he left since 2019", ["2011", "2019"]),
        ("I placed the order on 12 August at noon", ["12 August"]),
        ("my leave is from 20 dec to 10 jan", ["20 dec", "10 jan"]),
        ("My wedding is on Saturday 14 June 2025", ["Saturday 14 June 2025"]),
        ("I must be there on the 28th.", ["28th"]),
        ("He was hired in March 2019", ["March 2019"]),
        (
            "I've taught here for 26 years, and she has run it for ten years",
            ["26 years", "ten years"],
        ),
        ("I have a plan for 3 years. Let it stand for 2 years.", []),
        ("my daughter was born in July", ["July"]),
        ("김민수 환자는 2021년 3월 5일에 입원했다", ["2021년 3월 5일"]),
        ("딸 돌잔치는 10월 19일이에요. 초대 글 써줘", ["10월 19일"]),
        ("제가 판매자인데요. 3월 5일 납품분이 불량입니다", ["3월 5일"]),
        ("남편이 1월 28일 집을 나갔고 조정기일은 9월 4일로 잡혔습니다.", ["1월 28일", "9월 4일"]),
        ("저는 막내입니다. 2016년 졸업 후 일했습니다.", ["2016년"]),
        ("엄마가 작년 10월에 결절이 나왔어요", ["10월"]),
        ("My salary is £29,750, rent 740 euros", ["£29,750", "740 euros"]),
        ("i earn about 48k and owe him $340", ["48k", "$340"]),
        ("제 연봉은 5,400만원이에요", ["5,400만원"]),
        ("I weigh 94kg and im 178 cm", ["94kg", "178 cm"]),
    ],
)
def test_what_is_tied_to_a_person(text: str, private: list[str]) -> None:
    assert found(text, "DATE_TIME MONEY BODY") == private


@pytest.mark.parametrize(
    "text",
    [
        "The treaty of 28 June 1919 ended it.",
        "고객이 몰린 매장은 5월 6일 문을 닫았다고 밝혔다.",
        "친구들과 지난해 9월 모인 팬이 3월 3일 공연을 봤다.",
        "행사는 4월 2일에 열립니다.",
        "What happened in the 1990s, and in 1989?",
        "The battle was on 18 June 1815 and he lost it.",
        "Using Excel 2016 under the Consumer Rights Act 2015.",
        "I bought a $5 coffee.",
        "The price is $1,200 for the basic plan.",
        "2024-02-11 08:14:22 WARN login failed for me",
        "my query: WHERE created > '2023-01-01'",
        "Held on 12 May 2025, Room 4.",
        "a 20 kg bag of rice, a 14 cm board",
        "How many orders were there in 2023?",
    ],
)
def test_what_is_nobodys(text: str) -> None:
    assert found(text) == []


def test_a_policy_switches_a_type_off() -> None:
    policy = MaskingPolicy(thresholds={"AGE": 1.0, "MONEY": 1.0})
    session = Masker(DETECTORS, policy=policy).session()
    masked = session.mask("I'm 34, born in 1987, and my salary is $85,000.")
    assert "I'm 34" in masked
    assert "$85,000" in masked
    assert "1987" not in masked


def test_a_small_number_says_nothing_in_the_next_message() -> None:
    session = Masker(DETECTORS).session()
    assert "I'm 34" not in session.mask("I'm 34 and tired")  # a code may hold a 34
    assert session.mask("Give me 34 ideas") == "Give me 34 ideas"
    assert session.restore(session.mask("she is 34 years old")) == "she is 34 years old"


def test_what_somebody_suffers_from_says_nothing_in_the_next_message() -> None:
    session = Masker(DETECTORS, strict=True).session()
    assert "epilepsy" not in session.mask("Emily Watson has epilepsy.")
    assert session.mask("What is epilepsy?") == "What is epilepsy?"


def test_decomposed_text_gives_true_offsets() -> None:
    text = "Mein Mu\u0308ller. Our neighbour Oluwaseun Mu\u0308ller, 38, moved in 2011"
    assert found(text) == ["38", "2011"]


@pytest.mark.parametrize(
    "money",
    ["6,200 kes", "KES 6,200", "84,512 taka", "3,750 meticais", "FJD 38,512", "40,250 dirhams"],
)
def test_sums_in_any_currency_of_the_world(money: str) -> None:
    assert found(f"I still owe Grace {money} for the tent.", "MONEY") == [money]


@pytest.mark.parametrize(
    ("text", "private"),
    [
        ("나 29살 연봉 3,450만원 인데 얼마 저축해야 돼?", ["3,450만원"]),
        ("아내가 아파요. 잔금을 못 내면 계약금 900만원 을 날려요.", ["900만원"]),
        ("Engineer, 34F, net salary 48,200 euros a year", ["48,200 euros"]),
        ("사과나 배 3개를 1,500원에 샀다", []),
        ("보증금 500만원짜리 방을 추천해줘", []),
    ],
)
def test_sums_of_whoever_has_an_age(text: str, private: list[str]) -> None:
    assert found(text, "MONEY") == private
