"""Names, papers, machines and institutions that their form and the words beside them tell."""

import pytest

from langchain_privacy.detection import StrictDetector, default_detectors, detect_all
from langchain_privacy.detection.ages import ages
from langchain_privacy.detection.folded import fold
from langchain_privacy.detection.korean.tokens import is_kiwi_installed
from langchain_privacy.detection.presented import find_presented_people
from langchain_privacy.detection.presidio import _worth

DETECTORS = default_detectors(presidio=False)


def found(text: str) -> list[str]:
    return [text[f.start : f.end] for f in detect_all(text, DETECTORS)]


@pytest.mark.parametrize(
    ("text", "private"),
    [
        # titles before ordinary words, also in small letters
        ("The neighbour, Mr Ash, plays drums all day.", "Ash"),
        ("We were told so in front of Dr. House.", "House"),
        ("Mrs. D.W., retired, came with a cough", "D.W."),
        ("The complaint of Mr. K. is on file", "K."),
        ("i was told so by dr hale at the front desk", "hale"),
        # brackets and quotation marks behind a role
        ("Our little one (Elif, 3 years old) got stung.", "Elif"),
        ('Notes about the client "Robin", who sleeps badly.', "Robin"),
        # sign-offs within a line
        ("We regret that. Kind regards, T. Vance", "T. Vance"),
        ("it needs doing by then. cheers, sunny", "sunny"),
        ("My teacher says I am good. Love, Pip", "Pip"),
        # chats
        ("[10:14] Jaz: is she coming?\n[10:15] bigdave: she is at home", "bigdave"),
        ("Temi: where?\nsunbean: at home\nTemi: ok, sharp", "sunbean"),
        # handles without an at sign
        ("I wrote it under the name meeplewitch_77 last night.", "meeplewitch_77"),
        ("INFO [auth] unlock requested by helpdesk_mira for him", "helpdesk_mira"),
        ("Should I answer u/gentle_fern or not?", "gentle_fern"),
        ("A dm from kestrel#4471 says so.", "kestrel#4471"),
        # machines and houses
        ("psql: no route to host db.umhlanga-health.example", "db.umhlanga-health.example"),
        ("image: registry.tinyharvest.example/shop:latest", "registry.tinyharvest.example/shop"),
        ("I wrote to my neighbour at number 31.", "31"),
        # institutions and projects
        ("Her hours were cut at the Button Museum.", "Button Museum"),
        ("Project: Warm Wheels, a mobile laundry", "Warm Wheels"),
        ("Our repo is called orgel-billing.", "orgel-billing"),
        ("He is a lecturer at University of the Free State.", "University of the Free State"),
        ("They had the party at Jump Zone.", "Jump Zone"),
        ("Sign as an assistant from Moss & Thimble.", "Moss & Thimble"),
        ("My family (the Okonkwos) likes jollof.", "Okonkwos"),
        ("my band called the wet matches is bad", "the wet matches"),
        ("the customer of the Sunflower class said so", "Sunflower"),
    ],
)
def test_is_found(text: str, private: str) -> None:
    assert any(private in value for value in found(text)), found(text)


@pytest.mark.parametrize(
    "text",
    [
        "Dear all, the minutes are below. Thanks, everyone",
        "Thank you. Best, the team",
        "Question: what is a lemma?\nAnswer: a step.\nQuestion: and a corollary?",
        "Step one: boil water.\nStep two: add salt.\nTip: not too much.",
        "dr said to rest",
        "import os.path; pandas.core.frame; torch.nn.functional",
        "See docs.github.com and api.openai.com for that.",
        "We moved in 2011 and live in 3 rooms.",
        "git commit as user_name, sorted by created_at",
        "The file is in src/u/test.",
        "The Beatles and the Greeks are plural.",
        "We need a project manager and a project plan.",
    ],
)
def test_is_left(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "private"),
    [
        ("I complain about order no. FB-2209-48173 which I placed.", "FB-2209-48173"),
        ("Our ticket #55201 is still open.", "#55201"),
        ("My parcel is late, tracking RR123456785NO.", "RR123456785NO"),
        ("제 주문 20240211-33 환불해 주세요", "20240211-33"),
        ("rent is 900 a month and we both work", "900"),
        ("저는 전세 2억 3천에 살아요", "2억 3천"),
        ("The revenue was $312,000. I run it alone.", "$312,000"),
        ("Anna Vandeleur\nMBA, Rotterdam School of Management, 2022", "2022"),
        ("My wedding is on Saturday", "Saturday"),
        ("She has palpitations since April.", "April"),
        ("He has worked in Goole for 37 years.", "37 years"),
        ("I am leaving after eleven years.", "eleven years"),
        ("환자: 김민수 (72/F), 낙상", "72/F"),
    ],
)
def test_what_is_tied_to_a_person(text: str, private: str) -> None:
    assert private in found(text), found(text)


@pytest.mark.parametrize(
    "text",
    [
        "Case 12 of the switch handles it, see issue 4471 of the tracker.",
        "The order 1234 comes before 1235.",
        "Trains run on Saturday and every Friday.",
        "Budget 5 minutes for it, the deposit is 20% of it.",
        "See chapter 3, 2022",
        "Let the wine stand for two weeks; the plan runs for six months.",
    ],
)
def test_what_is_nobodys(text: str) -> None:
    assert found(text) == []


@pytest.mark.skipif(not is_kiwi_installed(), reason="the extra korean is not installed")
@pytest.mark.parametrize(
    ("text", "private"),
    [
        ("우리 애는 솔빛초등학교에 다녀요", "솔빛초등학교"),
        ("우리 딸은 3학년 2반이에요", "3학년 2반"),
        ("해맑은소아과에서 독감이라고 했어", "해맑은소아과"),
    ],
)
def test_korean_institutions(text: str, private: str) -> None:
    assert private in found(text), found(text)


@pytest.mark.parametrize(
    "text", ["대학병원은 멀어요", "종합병원과 한의원의 차이", "영어학원 홍보 문구를 써줘"]
)
def test_korean_kinds_of_institutions_are_left(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize("text", ["마스킹된 값을 보여줘", "마스킹한 문서를 저장했다"])
def test_a_korean_noun_before_a_verbal_ending_is_no_name(text: str) -> None:
    assert found(text) == []


def test_a_file_is_no_person() -> None:
    assert not _worth("/report.md", "PERSON")
    assert not _worth("notes.md", "PERSON")
    assert _worth("Okonkwo", "PERSON")


@pytest.mark.parametrize(
    ("text", "private"),
    [("지난주 목요일 회식에서 그랬어요", "지난주 목요일"), ("금요일까지 답을 주세요", "금요일")],
)
def test_strict_mode_masks_days_that_are_known_by_the_week(text: str, private: str) -> None:
    spans = [text[f.start : f.end] for f in StrictDetector().detect(text)]
    assert any(private in span for span in spans), spans


def test_strict_mode_leaves_days_that_come_again() -> None:
    assert StrictDetector().detect("매주 금요일에 청소를 해요") == []


def test_an_age_stands_behind_an_initial() -> None:
    assert ages("Agnes P., 88, fell", {len("Agnes P")}) == [(10, 12)]


def test_labels_of_a_form_are_nobody() -> None:
    form = "임대인: 도윤경\n주소: 서울\n전화: 02\n임차인: 서지후\n주소: 인천\n전화: 032\n"
    assert list(find_presented_people(fold(form))) == []
