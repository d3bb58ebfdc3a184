"""Strict mode's Korean half: which words are public. Real Kiwi, sentences that we wrote."""

import sys
import threading
import unicodedata

import pytest

from langchain_privacy.detection.korean import tokens
from langchain_privacy.detection.korean.everyday import DOMAINS, term_at
from langchain_privacy.detection.vocabulary.korean import private_words
from langchain_privacy.errors import ConfigurationError
from langchain_privacy.words import load
from langchain_privacy.words.korean import PARTICLES

pytest.importorskip("kiwipiepy")


def nothing(word: str) -> bool:
    return False


def masked(text: str, public: frozenset[str] = frozenset()) -> list[str]:
    return [text[a:b] for a, b in private_words(text, public.__contains__)]


# What must be masked, and what stays clear around it.
NAMES = [
    ("김민수는 어제 왔다.", ["김민수"]),
    ("봉하늬 씨와 빙소희를 만났다.", ["봉하늬", "빙소희"]),  # rare names
    ("양희종과 최운정은 선수다.", ["양희종", "최운정"]),  # Kiwi sees three nouns of one syllable
    ("정윤희가 전화했다.", ["정윤희"]),  # ... or a name and a syllable
    ("응우옌티란에게 보냈다.", ["응우옌티란"]),  # foreign names
    ("디미트리스 캄메노스 차관을 만났다.", ["디미트리스", "캄메노스"]),
    ("표秀蓮 씨가 서명했다.", ["표秀蓮"]),
    ("湯川遙菜라고 적었다.", ["湯川遙菜"]),
    ("석씨와 지원 씨는 친구다.", ["석", "지원"]),  # nouns before a title
    ("김 부장에게 물었다.", ["김"]),
    ("금보라는 계약을 해지했다.", ["금보라"]),  # 라는 is no particle here
    ("가수 거미와 도지원이 왔다.", ["거미", "도지원"]),  # names that are words
    ("빙소희 대리", ["빙소희"]),
    ("삼성전자와 카카오를 안다.", ["삼성전자", "카카오"]),  # organisations are not public
]
PUBLIC = [
    "계약서를 검토하고 보증금을 돌려주지 않으면 어떻게 해야 하나요?",
    "서울에서 부산까지 기차로 갔고, 일본과 프랑스에도 갔다.",
    "환자는 두통과 어지럼증으로 내원하여 혈압을 쟀다.",
    "어제 학교에서 친구들과 점심을 먹고 집에 왔습니다.",
    "이 영화는 정말 아름답고 감동적이었어요 ㅋㅋㅋ ㅠㅠ",
    "담당자님, 회의는 다음 주 월요일 오후 3시에 합니다.",
    "美 대통령은 前 정부의 정책을 바꾸었다.",
    "한국어를 영어로 번역해 주세요.",
]


@pytest.mark.parametrize(("text", "names"), NAMES)
def test_a_name_is_masked_without_its_particles_and_titles(text: str, names: list[str]) -> None:
    assert masked(text) == names


@pytest.mark.parametrize("text", PUBLIC)
def test_public_words_stay(text: str) -> None:
    assert masked(text) == []


def test_what_the_application_declares_public_stays() -> None:
    text = "세월호 유가족 김민수 씨"
    assert masked(text) == ["세월호", "김민수"]
    assert masked(text, frozenset({"세월호"})) == ["김민수"]
    assert masked("빙소희가 왔다", frozenset({"빙소희"})) == []  # also where Kiwi cuts it in two


@pytest.mark.parametrize("before", ["", "😀 ", "𠮷野 ", "👩‍👩‍👧 e\u0301 ", "\ud800 ", "\x00\u200b"])
def test_offsets_are_characters_of_the_text(before: str) -> None:
    assert masked(f"{before}봉하늬 씨")[-1] == "봉하늬"


@pytest.mark.parametrize(
    "text",
    [
        unicodedata.normalize("NFD", "봉하늬 씨가 왔다."),  # file names of macOS
        "봉\u200b하\u200b늬 씨가 왔다.",
    ],
)
def test_other_spellings_of_the_same_letters(text: str) -> None:
    assert [unicodedata.normalize("NFC", word).replace("\u200b", "") for word in masked(text)] == [
        "봉하늬"
    ]


def test_a_long_text_is_read_in_parts_with_its_offsets() -> None:
    text = "어제 점심을 먹었다. " * 700 + "봉하늬 씨가 왔다. " + "가나다라" * 3000
    assert "봉하늬" in masked(text)


def test_threads_read_the_same() -> None:
    texts = [text for text, _ in NAMES] * 5
    alone = [masked(text) for text in texts]
    results: list[list[list[str]]] = []
    threads = [
        threading.Thread(target=lambda: results.append([masked(text) for text in texts]))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [alone] * 4


def test_without_kiwi_korean_is_refused_and_english_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens._kiwi.cache_clear()
    monkeypatch.setitem(sys.modules, "kiwipiepy", None)
    assert list(private_words("No Korean here: 42", nothing)) == []
    with pytest.raises(ConfigurationError, match=r"langchain-privacy\[korean\]") as raised:
        masked("봉하늬 씨가 왔다")
    assert "봉하늬" not in repr(raised.value)
    assert raised.value.__cause__ is None
    tokens._kiwi.cache_clear()


@pytest.mark.parametrize(
    "text",
    [
        "근로계약서와 우편번호, 등록기준지를 적어 주세요.",
        "배송지를 바꿔 주세요. 피보험자가 다릅니다.",
        "건강보험자격득실확인서와 등기부등본, 소득금액증명원을 내 주세요.",
        "아메리카노 두 잔과 텀블러, 물대포와 활화산",
    ],
)
def test_labels_and_compounds_of_everyday_nouns_are_public(text: str) -> None:
    assert masked(text) == []


TERMS = [
    "캐시와 쿼리가 느려서 파이썬 코드를 고치고 도커에 배포했다.",
    "엑셀 파일을 태블릿에서 열고 와이파이로 보냈다. 카톡으로도 보냈다.",
    "백엔드 서버의 세션과 토큰을 클러스터에서 관리한다.",  # Kiwi cuts 백 + 엔드
    "캐시서버를 껐다. 쿠버네티스까지 재시작했다.",
    "거래명세서와 발주서를 컨펌하고 온보딩 일정을 잡았다.",
    "메트포르민, 로수바스타틴과 란소프라졸을 처방했다.",  # known by the stem of their class
]


@pytest.mark.parametrize("text", TERMS)
def test_terms_that_kiwi_does_not_know_are_public(text: str) -> None:
    assert masked(text) == []


def test_a_term_before_an_honorific_is_a_name() -> None:
    assert masked("캐시 씨가 도커를 설치했다.") == ["캐시"]
    assert masked("캐시 님께 엑셀 파일을 보냈다.") == ["캐시"]


@pytest.mark.parametrize("domain", DOMAINS)
def test_no_term_is_a_name(domain: str) -> None:
    """Nor does a name begin with one whose rest could be a particle: 알바 + 로."""
    terms = load(f"korean_public_{domain}")
    names = load("korean_foreign_names") | load("korean_given_whole")
    assert not terms & (names | load("korean_given_words_as_well"))
    for name in names:
        end = term_at(name, 0, len(name))
        assert end == 0 or name[end:] not in PARTICLES, name
    first, last = load("korean_given_first"), load("korean_given_last")
    families = load("korean_surnames")
    for term in terms:
        assert len(term) > 2 or not (term[0] in first and term[1] in last), term
        if len(term) == 3 and term[0] in families:
            assert not (term[1] in first and term[2] in last), term


@pytest.mark.parametrize(
    "name",
    ["스미스", "메리", "제임스", "올리비아", "응우옌", "에밀리", "데이비드", "캐서린",
     "조던", "클로이", "라일라", "강하늘", "역도산", "외환은행", "일간스포츠", "케이티",
     "성덕중학교", "국민연금공단",
     "문화체육관광부", "신용보증기금", "행복나눔병원"],
)  # fmt: skip
def test_names_stay_private_whatever_they_are_made_of(name: str) -> None:
    assert name in masked(f"어제 {name}에 대하여 들었다.")
