"""Particles agree with the word before them; words that look like particles are left alone."""

import pytest

from langchain_privacy import Masker
from langchain_privacy.masking.particles import Final, agreeing, final, particle_at

ENDINGS = """
VOWEL: 민수 옥수하이츠 2 1000000000000 3% 59㎡ 3km LG 자이(102동) **민수**
RIEUL: 서울 84.97 1 8 010-1234-5677 URL "서울" 롯데월드몰(A동)
CONSONANT: 김민준 3 0 10 100 191,000 10000 20.0 70kg IBM 옥수파크힐스101동~116동 래미안(1단지)
UNKNOWN: iPhone 漢字 jane@example.com RADAR
"""
FORMS = """
서울 으로 로|옥수하이츠 으로 로|김민준 로 으로|민수 은 는|김민준 는 은|민수 을 를
김민준 가 이|민수 과 와
서울 와 과|김민준 야 아|민수 이라고 라고|김민준 라는 이라는|서울 로부터 로부터
민수 이나 나|민수 은(는) 는|서울 (으)로 로|김민준 (으)로 으로|iPhone 은(는) 은(는)|iPhone 은 은
민수 이었다 였다|김민준 예요 이에요
민수 에게 에게
"""
SENTENCES = """
{민수}은 왔다 -> 민수는 왔다
{김서울}으로 간다 -> 김서울로 간다
{민수}은행 -> 민수은행
**{민수}**은 왔다 -> **민수**는 왔다
{민수}, {김서울}와 -> 민수, 김서울과
{민수}이 -> 민수가
{민수}에게 -> 민수에게
{민수}은(는) -> 민수는
{Ann}은(는) -> Ann은(는)
{민수}{김서울}를 -> 민수김서울을
"{민수}"이라고 -> "민수"라고
"""


@pytest.mark.parametrize(
    ("word", "ending"),
    [
        (word, line.split(":")[0])
        for line in ENDINGS.strip().splitlines()
        for word in line.split(": ")[1].split()
    ],
)
def test_how_a_word_ends(word: str, ending: str) -> None:
    assert final(word) is Final[ending]


@pytest.mark.parametrize("case", FORMS.strip().replace("\n", "|").split("|"))
def test_the_form_that_agrees(case: str) -> None:
    word, written, right = case.split()
    assert agreeing(word, written) == right


@pytest.mark.parametrize(
    "text", ["은행", "이상", "가격", "로비", "나무", "이후", "", "x은", "과장"]
)
def test_words_are_no_particles(text: str) -> None:
    assert particle_at(text) == ""


def test_the_longest_form_is_taken() -> None:
    assert particle_at("으로부터 왔다") == "으로부터"
    assert particle_at("은(는) 왔다") == "은(는)"
    assert particle_at("그는", 1) == "는"


@pytest.mark.parametrize("case", SENTENCES.strip().splitlines())
def test_a_model_cannot_know_and_is_corrected(case: str) -> None:
    written, restored = case.split(" -> ")
    session = Masker([]).session()
    for name in ("민수", "김서울", "Ann"):
        entry = session.vault.issue("PERSON", name)
        written = written.replace("{" + name + "}", f"[PERSON_{entry.code}]")
    assert session.restore(written) == restored
    restorer = session.restorer()
    assert "".join(map(restorer.feed, written)) + restorer.flush() == restored
