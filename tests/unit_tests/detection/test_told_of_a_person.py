"""What English prompts say of somebody: rooms, grades, terms, ages, names, sums and trades.

The sentences were written before the rules that find them.
"""

import pytest

from langchain_privacy.detection import default_detectors, detect_all

DETECTORS = default_detectors(presidio=False)


def found(text: str) -> list[str]:
    return [text[f.start : f.end] for f in detect_all(text, DETECTORS)]


@pytest.mark.parametrize(
    ("text", "private"),
    [
        # rooms, classes and seats
        ("My daughter Ines is in class 5c at the moment.", ["5c"]),
        ("we live in flat 12A above the baker", ["12A"]),
        ("Deliver it to unit 9F, my husband is home.", ["9F"]),
        ("Mr Adeyemi lies in ward C4 since Sunday.", ["C4"]),
        ("I rented locker B17 for my bike.", ["B17"]),
        ("The heating in apt 3D is off and I have a baby.", ["3D"]),
        ("My allotment is plot 44b.", ["44b"]),
        ("She teaches in room H12 on Fridays.", ["H12"]),
        ("Our tent is on pitch 7b, ask for Lotte.", ["7b"]),
        ("Year 10R has my son's report.", ["10R"]),
        ("APARTMENT 6B IS MINE.", ["6B"]),
        ("My boat is at berth D-14.", ["D-14"]),
        ("I am at gate B22, where are you?", ["B22"]),
        ("his mother sits in seat 21F", ["21F"]),
        ("Please move my desk from room 3-B to room 4-C.", ["3-B", "4-C"]),
        ("I left the keys of stall 18C with Bao.", ["18C"]),
        ("Miss Quist teaches grade 4b, my niece is there.", ["4b"]),
        ("I live in building K2, entrance on the left.", ["K2"]),
        # averages of grades
        ("I finished with a GPA of 3.87.", ["3.87"]),
        ("My GPA: 2.9/4.0, is it enough?", ["2.9/4.0"]),
        ("she has CGPA 8.61 from Pune", ["8.61"]),
        ("I have a 3.4 GPA and no money", ["3.4"]),
        ("her GPA was 3,2 last year", ["3,2"]),
        # how long somebody has done something
        ("I have 14 years experience as a baker.", ["14 years"]),
        ("He brings 25+ years' experience to us.", ["25"]),
        ("i got 6 yrs experience in retail", ["6 yrs"]),
        ("WE HAVE 3 YEARS EXPERIENCE, MY SON AND I", ["3 YEARS"]),
        ("My parents celebrate 40 years of marriage.", ["40 years"]),
        ("After 31 years of service she retires.", ["31 years"]),
        # ages
        ("my nephew turn 18 this friday", ["18"]),
        ("he 45, she 39, three kids", ["45", "39"]),
        ("Bogdan is only 15, his first race", ["15"]),
        ("Ingeborg is just 8.", ["8"]),
        ("Captain Wray, harbour master, 52, drinks too much.", ["52"]),
        ("Mum became a widow at 44.", ["44"]),
        ("He was grey at 29, like me.", ["29"]),
        ("I had my first child at 37!", ["37"]),
        ("She got diabetes at 51, her sister at 60.", ["51"]),
        ("My grandfather has 86 years.", ["86"]),
        ("I have 24 years and I am from Brno.", ["24"]),
        ("Mrs K.L., 71, retired teacher", ["71"]),
        ("My dad lost his hair at 26", ["26"]),
        # names
        ("I took Mr. B.'s bag by mistake", ["B"]),
        ("A client, Ms P., told me", ["P"]),
        ("Dr. H.S. prescribed it", ["H.S"]),
        ("Mrs Z. is my neighbour", ["Z"]),
        ("hosted by me (Sage) and my brother", ["Sage"]),
        ("book for us (Clay and Rosie)", ["Clay"]),
        ("my gf Autumn left me", ["Autumn"]),
        ("her bf Hunter is rude", ["Hunter"]),
        ("my stepdad Rusty snores", ["Rusty"]),
        ('Arturo "Sparky" Bellini fixes radios.', ["Sparky"]),
        ("Folasade “Bunny” Okafor sang", ["Bunny"]),
        ("Married Daisy in spring, buried her in autumn.", ["Daisy"]),
        ("Told Grace about it yesterday.", ["Grace"]),
        ("my grandad Basil kept bees", ["Basil"]),
        ("my bestie Crystal is moving", ["Crystal"]),
        # titles of works and shops
        ('Answer for my shop: "Fern & Fable" was closed.', ["Fern & Fable"]),
        ('Project title: "A Goat Too Far", by Ines', ["A Goat Too Far"]),
        ('She wove her tapestry "Tide Bells" in 1990.', ["Tide Bells"]),
        ("my gf Summer is angry", ["Summer"]),
        ("Your stable boy Robin likes me.", ["Robin"]),
        # sums that were asked, offered or moved
        ("I moved $7,400 on 3 May and $800 on 5 May to my brother.", ["$7,400", "$800"]),
        ("Our revenue in Lisbon grew to $2.7M, says my boss Ana Reis.", ["$2.7M"]),
        ("We owe 380 000 kroner to the bank, my wife knows.", ["380 000 kroner"]),
        ("my budget is 60 quid for dad's gift", ["60 quid"]),
        ("The landlord promised me 500 euros.", ["500 euros"]),
        ("A fee of €14.37 was charged to my account.", ["€14.37"]),
        ("I still owe Zosia 150 zł", ["150 zł"]),
        ("My brother offered 12,500 SEK for the boat.", ["12,500 SEK"]),
        ("My salary is 3,900 AED monthly.", ["3,900 AED"]),
        # what somebody does for a living, in a line with something private
        ("My name is Olga Petrova and I am bus driver in a small town.", ["bus driver"]),
        ("Olga Petrova, 45, tax inspector from Riga.", ["tax inspector"]),
        ("I'm 27, a pastry chef, and broke.", ["pastry chef"]),
        ("I'm 27. I have been stage manager at the opera", ["stage manager"]),
        ("I'm 27. I apply for assistant cook in your hotel", ["assistant cook"]),
        ("I'm 27, my dad was tram conductor", ["tram conductor"]),
        ("I'm 27. She was hired as junior architect.", ["junior architect"]),
        ("I'm 27 and poor.\nI am bus driver in Varna.", ["bus driver"]),
        # where somebody works or learns, in small letters
        ("i work at the copper kettle in bath", ["copper kettle"]),
        ("my shift at pizza planet ended late", ["pizza planet"]),
        ("she is a nurse at saint anne", ["saint anne"]),
        ("my job at the green barn sucks", ["green barn"]),
        ("cashier at the corner pantry, part time", ["corner pantry"]),
        # names that no vocabulary has, at the beginning of a sentence
        ("The plant is shut. Tresmond closed it in a hurry.", ["Tresmond"]),
        ("It was late. Quillbert never paid anything.", ["Quillbert"]),
        ('For sale: "Duskmere" candles made at home', ["Duskmere"]),
        # lists of numbers
        (
            "Ivan Petrov called four times, protocol numbers 33914, 34007 and 35102.",
            ["33914", "34007", "35102"],
        ),
        ("Rosalind took boxes 80441, 80442, 80517 home.", ["80441", "80442", "80517"]),
        # days
        ("my sister comes this saturday, help me cook", ["saturday"]),
        ("I fly to Oslo next Monday.", ["Monday"]),
        ("my dad has not called since easter", ["easter"]),
        ("I see her before Diwali.", ["Diwali"]),
        ("she left me on new years", ["new years"]),
        ("He comes home at Thanksgiving.", ["Thanksgiving"]),
    ],
)
def test_is_found(text: str, private: list[str]) -> None:
    for value in private:
        assert any(value in one for one in found(text)), found(text)


@pytest.mark.parametrize(
    "text",
    [
        "Read table 2a and section 3b first.",
        "The room holds 12 people.",
        "Use class A1 notation for sets.",
        "Vitamin B12 and block C of the form.",
        "A flat 5k run for beginners",
        "Ward off evil with 3d glasses.",
        "What GPA do most universities want?",
        "A GPA of 4.0 is the best.",
        "The job asks for 3 years of experience.",
        "Candidates need five years experience.",
        "The train was late at 18.",
        "It was at 60 percent.",
        "He 2 times called.",
        "The shop was open at 30 places.",
        "The oven was at 180.",
        "The score was tied at 45 when the rain came.",
        "I use Appendix I (Scope) and me (the user).",
        'This "Smart" thing is a "Green" Deal.',
        "Greatings to all. Definately a good day. Recieve it now.",
        "Mr. and Mrs. came too.",
        "Sit on a boy scout bench.",
        "Christmas is in December.",
        "Shops close on Easter Monday.",
        "A decision is expected in the new year.",
        "I love Christmas lights.",
        "Coffee costs $4 in most cities. Tickets are $15 at the door.",
        "The new bridge will cost about £210,000.",
        "Act as a travel agent. You are an experienced immigration lawyer.",
        "Greetngs to all. Definately a good day. Recieved the parcel. Sumary of it follows.",
        "i work at the school, my shift at the hospital was long, the nurse at day ten left",
        "i work at my desk, she works at night, at the moment i study at the same time",
        "Miss U so much! Dr I have pain.",
        "Easter eggs on a Monday, Christmas lights in the new year",
        "The lab has rooms 1, 2 and 3. Each seat has a number.",
    ],
)
def test_is_left(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    "told",
    [
        "I am a hard worker and a good listener.",
        "She is a better player.",
        "He is a big believer in rest.",
        "I am a native speaker, a first time buyer.",
    ],
)
def test_what_kind_of_one_somebody_is_is_no_living(told: str) -> None:
    assert found(f"I'm 27. {told}") == ["27"]


@pytest.mark.parametrize(
    ("text", "private"),
    [
        ("연봉은 3450만원이에요", ["3450만원"]),
        ("대출 8700만원 남았어요", ["8700만원"]),
        ("보증금 5000만원에 월세 65만원입니다", ["5000만원", "65만원"]),
        ("보내는 사람: 민들레, 주소는 아래에", ["민들레"]),
        ("채무자: 하늘", ["하늘"]),
    ],
)
def test_korean_without_a_subject_is_said_of_oneself(text: str, private: list[str]) -> None:
    assert [text[f.start : f.end] for f in detect_all(text, default_detectors(presidio=False))] == (
        private
    )


@pytest.mark.parametrize(
    "text",
    [
        "평균 연봉은 4200만원입니다",
        "연봉 5000만원이면 세금이 얼마인가요?",
        "최저 월급은 206만원이에요",
        "받는 사람: 팀장",
        "수신인: 전 직원",
    ],
)
def test_what_holds_for_everybody_is_nobodys(text: str) -> None:
    assert not detect_all(text, default_detectors(presidio=False))
