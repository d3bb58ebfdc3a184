"""The model of Korean names, with Kiwi and without it, and its decoder."""

import itertools
import random

import pytest

from langchain_privacy.detection import Detector, default_detectors, detect_all, made_strict
from langchain_privacy.detection.korean import names
from langchain_privacy.detection.korean import people as korean_people
from langchain_privacy.detection.korean.sequence import LABELS, SequenceModel, load_model
from tests.support.marked import marked_texts, shares

RULES = default_detectors(presidio=False)


def people(text: str) -> list[str]:
    return [text[f.start : f.end] for f in detect_all(text, RULES) if f.entity_type == "PERSON"]


BOTH = [  # nothing around them but a sentence
    ("봉하늬가 전화했다.", ["봉하늬"]),
    ("가수 정재영의 노래를 들었다.", ["정재영"]),
    ("배우 안젤리나 졸리는 영화를 찍었다.", ["안젤리나 졸리"]),
]
WITH_KIWI = [
    ("지후가 어제 학교에 갔다.", ["지후"]),
    ("응우옌티란은 지난달에 입사했다.", ["응우옌티란"]),
    ("우빈이랑 도경이는 같은 반이다.", ["우빈", "도경이"]),
    ("가수 거미는 노래했다. 거미가 벽에 있다.", ["거미"]),
    ("제갈민이 왔다.", ["제갈민"]),
    ("도팀장님이 확인했다. 마매니저님께", ["도", "마"]),
    ("여선생님과 부팀장님, 조교수님이 왔다", []),
    ("학생: 팜 티 하은 , 3학년", ["팜 티 하은"]),
    ("친구 쩐 티 마이가 응우옌 티 투 흐엉 씨와 왔다", ["쩐 티 마이", "응우옌 티 투 흐엉"]),
    ("빙소희가 보낸 메일", ["빙소희"]),  # a family name that no list has
    ("표秀蓮이 서명했다. 한中日 회의", ["표秀蓮"]),
    ("성명: 김민수(金民秀)", ["김민수", "金民秀"]),
    ("성명(한자): 金民秀", ["金民秀"]),
    ("계약서에 Kevin Lee가 서명했다.", ["Kevin Lee"]),
    ("회의 참석자: Kevin Lee, 김민수", ["Kevin Lee", "김민수"]),
    ("Grace Kim님께 메일을 보내 주세요.", ["Grace Kim"]),
]
NOBODY = [
    "지역별 거래금액 평균을 높은 순서로 알려줘",  # a particle, not the party 을 of a contract
    "비가 왔다. 나비가 날아간다. 우리는 승리했다.",
    "변동일: 2020-01-01\n현주소: 없음\n변동사유 | 변동일 | 현주소",
    "계약서를 검토하고 보증금을 돌려주지 않으면 어떻게 해야 하나요?",
    "경찰은 조사했고 정부와 국회는 서울에서 회의했다.",
]


@pytest.fixture(params=["kiwi", "syllables"])
def reading(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "kiwi":
        pytest.importorskip("kiwipiepy")
    monkeypatch.setattr(names, "is_kiwi_installed", lambda: request.param == "kiwi")
    return str(request.param)


@pytest.mark.usefixtures("reading")
@pytest.mark.parametrize(("text", "found"), BOTH)
def test_a_name_is_found_by_its_sentence(text: str, found: list[str]) -> None:
    assert people(text) == found


@pytest.mark.parametrize(("text", "found"), WITH_KIWI)
def test_kiwi_helps(text: str, found: list[str]) -> None:
    pytest.importorskip("kiwipiepy")
    assert people(text)[: len(found)] == found


INFLECTED = [
    "고객 성함이 어떻게 되세요?",
    "담당자 성함이 누락되었습니다.",
    "다음 주 방문할 예정인 고객입니다.",
    "퇴원 예정인 환자가 있다.",
    "환자가 고령인 점을 고려한다.",
    "직원 명단이 필요하다. 환자 한명이 왔다.",
]
NAMES_LIKE_THESE = ["이상인", "이정인", "신정인", "정다인", "한송이"]


@pytest.mark.parametrize("text", INFLECTED)
def test_a_noun_with_its_ending_is_nobody(text: str) -> None:
    pytest.importorskip("kiwipiepy")
    assert people(text) == []


@pytest.mark.parametrize("name", NAMES_LIKE_THESE)
def test_a_name_that_ends_so_is_somebody(name: str) -> None:
    pytest.importorskip("kiwipiepy")
    assert name in people(f"담당자 {name} 연락처를 알려 주세요.")
    assert name in people(f"환자 {name} 씨가 왔다.")


def test_a_term_is_nobody_unless_a_title_says_so() -> None:
    pytest.importorskip("kiwipiepy")
    assert people("스트림도 스레드도 캐시도 프롬프트도 없다.") == []
    assert people("담당자: 정토큰 과장") == ["정토큰"]


@pytest.mark.parametrize("text", NOBODY)
def test_nobody_is_found(text: str) -> None:
    pytest.importorskip("kiwipiepy")
    assert people(text) == []


STRUCTURED = [
    ("BANK_ACCOUNT", "카뱅 3333-07-2281940", "3333-07-2281940"),
    ("BANK_ACCOUNT", "3333-07-2281940으로 보내 줘", "3333-07-2281940"),
    ("ADDRESS", "저는 203-1107에 살아요", "203-1107"),
    ("ADDRESS", "아파트 동호수는 105-1203", "105-1203"),
    ("ADDRESS", "203-1107호로 와", "203-1107호"),
    ("KR_HEALTH_INSURANCE", "건보 증 번호 1-7700128834", "1-7700128834"),
    ("PHONE", "공일공 팔팔이이 삼사오육이에요", "공일공 팔팔이이 삼사오육"),
    ("PHONE", "영일영에 일이삼사에 오육칠팔로 전화", "영일영에 일이삼사에 오육칠팔"),
    ("PHONE", "공이 오오오 공일공일", "공이 오오오 공일공일"),
    (
        "ADDRESS",
        "주소는 서울 마포구 월드컵북로 396, 12층이에요.",
        "서울 마포구 월드컵북로 396, 12층",
    ),
    ("ADDRESS", "주소는 서울 마포구 월드컵북로 396인데 오세요", "서울 마포구 월드컵북로 396"),
]
NO_NUMBER = [
    "점수는 203-1107이다.",  # no door
    "서쪽으로 330 킬로미터",  # a particle, no road
    "한 번 본적 있는데 20여년 지난 지금도 생각난다.",  # no 본적, whose address would follow
    "공이 굴러가서 일이 생겼다.",  # a ball
    "이 일이 사오일 걸린다.",
    "02-123-4567로 보내 줘",  # a telephone, no account
]


@pytest.mark.parametrize(("kind", "text", "value"), STRUCTURED)
def test_numbers_and_places_as_people_write_them(kind: str, text: str, value: str) -> None:
    assert (kind, value) in [
        (f.entity_type, text[f.start : f.end]) for f in detect_all(text, RULES)
    ]


@pytest.mark.parametrize("text", NO_NUMBER)
def test_what_only_looks_so(text: str) -> None:
    kinds = {f.entity_type for f in detect_all(text, RULES)}
    assert kinds.isdisjoint({"ADDRESS", "BANK_ACCOUNT"})
    assert "PHONE" not in kinds or "02-" in text


def test_no_word_outlives_its_text() -> None:
    detect_all("봉하늬가 왔다. 담당자: 서지훈", RULES)
    kept = repr(korean_people._READ)
    assert "서지훈" not in kept
    assert "하늬" not in kept


def test_places_and_organisations_have_a_name_of_their_own() -> None:
    pytest.importorskip("kiwipiepy")
    text = "박지훈은 서울에 살고 삼성전자에 다닌다. 경찰과 학교에 물었다."
    found = [(f.entity_type, text[f.start : f.end]) for f in detect_all(text, RULES)]
    assert found == [("PERSON", "박지훈"), ("ORGANIZATION", "삼성전자")]


def test_a_stretch_ends_where_the_line_ends() -> None:
    assert "서지훈\n서지훈" not in people("담당자: 서지훈\n서지훈은 왔다.")


@pytest.mark.parametrize("name", ["morphemes", "syllables"])
def test_the_weights_are_there(name: str) -> None:
    assert load_model(name) is load_model(name)


@pytest.mark.parametrize("eager", [0, 3])
def test_the_best_labels_are_found(eager: int) -> None:
    """Against all sequences of labels, one after the other."""
    rng = random.Random(12)
    allowed = {
        (a, b) for a in range(7) for b in range(7) if b % 2 or b == 0 or a in (b - 1, b)
    }  # an inside follows its own begin or inside

    def lines() -> list[str]:
        steps = [
            f"{LABELS[a]}>{LABELS[b]}={rng.randint(-9, 9)}" for a in range(7) for b in range(7)
        ]
        weights = [f"f{i}\t{LABELS[rng.randrange(7)]}={rng.randint(-9, 9)}" for i in range(9)]
        return ["\t" + " ".join(steps), *weights]

    given: dict[str, int] = {}  # weights of a feature beside a label

    def score(model: SequenceModel, pieces: list[list[str]], path: tuple[int, ...]) -> int:
        total = -eager * path.count(0)
        for features, label in zip(pieces, path, strict=True):
            total += sum(given.get(f"{f}\t{LABELS[label]}", 0) for f in features)
        return total + sum(model._next[a][b] for a, b in itertools.pairwise(path))

    for _ in range(60):
        written = lines()
        given = {line.partition("=")[0]: int(line.partition("=")[2]) for line in written[1:]}
        model = SequenceModel(written)
        pieces = [[f"f{rng.randrange(9)}" for _ in range(3)] for _ in range(4)]
        paths = [
            path
            for path in itertools.product(range(7), repeat=4)
            if (path[0] % 2 or path[0] == 0) and allowed.issuperset(itertools.pairwise(path))
        ]
        best = max(score(model, pieces, path) for path in paths)
        candidates = [path for path in paths if score(model, pieces, path) == best]
        found = model.spans(pieces, eager=eager)
        assert found in [_spans(path) for path in candidates]


def _spans(path: tuple[int, ...]) -> list[tuple[int, int, str]]:
    spans = []
    for index, label in enumerate(path):
        if label % 2:
            end = index + 1
            while end < len(path) and path[end] == label + 1:
                end += 1
            spans.append((index, end, LABELS[label][2:]))
    return spans


# Sixty-six sentences of thirteen genres (mails, chats, notes of clinics, courts, news, forms ...),
# written and marked before any of them was run; names that are words among them: 이슬, 겨울.
@pytest.mark.parametrize(
    ("detectors", "most_left", "most_over"),
    [(RULES, 0.12, 0.025), (made_strict(RULES), 0.06, 0.045)],
    ids=["rules", "strict"],
)
def test_sentences_that_nobody_tuned_for(
    detectors: list[Detector], most_left: float, most_over: float
) -> None:
    pytest.importorskip("kiwipiepy")
    left, over = shares(marked_texts("korean_persons"), detectors)
    assert left <= most_left
    assert over <= most_over
