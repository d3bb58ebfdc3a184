"""A value in Latin letters or digits with a Korean particle behind it: what is found is the value.

`10.20.30.41이고` is one word to a regular expression, and a password is "all but white space". A
value that took its particle along would not be known where it stands without one.
"""

import importlib.util

import pytest

from langchain_privacy import Masker
from langchain_privacy.detection import default_detectors
from langchain_privacy.detection.vocabulary.numbers import private_numbers

VALUES = {
    "비밀번호": "Xk29dq!",
    "PIN": "4821",
    "토큰": "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "서버 IP": "10.20.30.41",
    "홈페이지": "https://intra.corp.kr/x",
    "사번": "20231187",
    "주문번호": "A-118290",
    "계좌번호": "110-234-567890",
    "카드번호": "4111-1111-1111-1111",
    "이메일": "a.kim@corp.kr",
    "전화번호": "02-345-6789",
    "여권번호": "M12345678",
    "차량번호": "12가3456",
    "생년월일": "1985-03-02",
    "아이디": "haneul_k",
    "이름": "John Smith",
    "주소": "서울 강남구 테헤란로 152",
}
TAILS = (
    *("입니다", "이고", "으로", "로", "를", "을", "은", "이에요"),
    *("예요", "라고", "인데", "이라서", "이죠", "에서", "까지", "였습니다"),
)
MARKS = ("는 ", ": ")


@pytest.fixture(scope="module")
def rules() -> Masker:
    return Masker(default_detectors(presidio=False, ner=False))


@pytest.mark.parametrize("label", VALUES)
def test_the_value_is_found_without_its_particle(rules: Masker, label: str) -> None:
    value = VALUES[label]
    for tail in TAILS:
        for mark in MARKS:
            text = f"제 {label}{mark}{value}{tail} 확인해 주세요."
            session = rules.session()
            found = [text[f.start : f.end] for f in session.find(text)]
            assert found == [value], text
            masked = session.mask(text)
            assert session.restore(masked) == text
            assert value not in session.mask(f"{value} 맞나요?"), text


COUNTED = [
    "제12조를 읽었다.",
    "오늘 3시에 만나요. 20명입니다. 2번째입니다.",
    "12조에 따라 3번 출구로 나가요.",
]
PRIVATE = [
    ("금액은 35,000원이고 수량은 12345개입니다.", ["35,000원", "12345"]),
    ("전세 2억 3천에 계약했다.", ["2억 3천"]),
    ("3조 5000억 규모이다.", ["3조 5000억"]),
    ("101동 1203호에 산다.", ["101", "1203"]),
    ("연락처는 010-1234-5678입니다.", ["010-1234-5678"]),
    ("API를 써서 3월 2일에 만들었다.", ["3월 2일"]),
]


@pytest.fixture(scope="module")
def strict() -> Masker:
    pytest.importorskip("kiwipiepy")
    return Masker(default_detectors(presidio=False, ner=False, strict=True), strict=True)


@pytest.mark.parametrize("text", COUNTED)
def test_a_small_number_before_a_korean_counter_is_public(strict: Masker, text: str) -> None:
    assert strict.session().find(text) == []


@pytest.mark.parametrize(("text", "private"), PRIVATE)
def test_a_private_number_ends_where_hangul_begins(
    strict: Masker, text: str, private: list[str]
) -> None:
    assert [text[f.start : f.end] for f in strict.session().find(text)] == private


# What goes on behind a particle-like syllable is one value; what stands in quotes is whole.
ONE_VALUE = [
    ("https://a.kr/A은/B는?x=1로&name=kim", ["https://a.kr/A은/B는?x=1로&name=kim"]),
    ("kim은@corp.kr로 보내요.", ["kim은@corp.kr"]),
    ("http://kim:pass은@host.kr로 접속", ["http://kim:pass은@host.kr"]),
    ("비밀번호: Xk29로.7q 입니다", ["Xk29로.7q"]),
    ('secret = "Xk29은"  # 주석은', ["Xk29은"]),
    ('{"메모": "서버는 10.20.30.41이에요"}', ["10.20.30.41"]),
    ("이름,전화\nHans Oberhuber가,010-1234-5678로", ["Hans Oberhuber", "010-1234-5678"]),
    ("2024년 3월 2일은 John의 생일", ["2024년 3월 2일", "John"]),
    ("3M의 매출과 SK하이닉스의 매출", ["SK하이닉스"]),
    ("😀은 kim@corp.kr은/는 010-1234-5678은(는)😀로", ["kim@corp.kr", "010-1234-5678"]),
]


@pytest.mark.parametrize(("text", "values"), ONE_VALUE)
def test_a_particle_is_set_apart_only_where_the_value_ends(
    rules: Masker, text: str, values: list[str]
) -> None:
    session = rules.session()
    found = [text[f.start : f.end] for f in session.find(text)]
    if importlib.util.find_spec("kiwipiepy") is None:
        values = [value for value in values if value in found or value != "SK하이닉스"]
    assert found == values
    assert session.restore(session.mask(text)) == text


def test_the_particle_behind_an_escaped_value_comes_back_as_it_was(rules: Masker) -> None:
    session = rules.session()
    for text in ("\\uae40\\ubbfc\\uc218는 왔다.", "\\uae40\\ubbfc\\uc218은 왔다."):
        masked = session.mask(text)
        assert "uae40" not in masked
        assert session.restore(masked) == text


def test_kiwi_reads_the_particle_with_its_word(strict: Masker) -> None:
    text = "John Smith가 사는 곳에서 SK의 회장을 만났다."
    found = [text[f.start : f.end] for f in strict.session().find(text)]
    assert found == ["John Smith", "SK"]


def test_a_korean_time_is_of_the_kind_time() -> None:
    """`오후 3시` stands in the table of public numbers, also for who lets times alone cross."""
    text = "오후 3시 30분에, 3개를"
    spans = [text[a:b] for a, b in private_numbers(text, {"time"})]
    assert spans == ["3"]
    assert text.index("3개") in [a for a, _ in private_numbers(text, {"time"})]
