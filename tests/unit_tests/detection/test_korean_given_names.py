"""Given names without a family name, names beside names, and words that only look like names."""

import pytest

from langchain_privacy.detection import default_detectors, detect_all

pytest.importorskip("kiwipiepy")

RULES = default_detectors(presidio=False)


def people(text: str) -> list[str]:
    found = [f for f in detect_all(text, RULES) if f.entity_type == "PERSON"]
    return [text[f.start : f.end] for f in sorted(found, key=lambda f: f.start)]


SOMEBODY = [
    ("여울아 내일 몇 시에 볼까", "여울"),
    ("샛별아, 엄마 왔다!", "샛별"),
    ("서우야 숙제 다 했니?", "서우"),
    ("구름 씨는 오늘 재택이에요", "구름"),
    ("윤재 님 자료 확인했습니다", "윤재"),
    ("가을 양이 상을 받았다", "가을"),
    ("보호자(아들 지율)와 면담함", "지율"),
    ("보호자 (이모 하율) 동행", "하율"),
    ("조카 로하한테 책을 사 줬다", "로하"),
    ("둘째 노을이가 열이 나요", "노을"),
    ("죽은 언니 하늘, 그리고 나", "하늘"),
    ("동생 소율이랑 싸웠어", "소율"),
    ("주인공은 이슬, 12살 소년이고 말이 없다", "이슬"),
    ("반장은 나래입니다", "나래"),
    ("제 이름은 여름입니다", "여름"),
    ("우리 딸 이름은 유리예요", "유리"),
    ("진주라는 애가 전학 왔어", "진주"),
    ("보라 라는 친구랑 갔다", "보라"),
    ("하람(7세)은 또래보다 말이 늦다", "하람"),
    ("바다, 9살, 겁이 많음", "바다"),
    ("내 별명은 ‘왕눈이’였다", "왕눈이"),
    ("별명이 번개예요", "번개"),
    ("‘불도저’라는 별명을 얻었다", "불도저"),
    ("안내 데스크는 설다온입니다", "설다온"),  # a full name that nothing around it says
    ("그 상자는 라희수가 들고 갔다", "라희수"),
]
NOBODY = [
    "수박 씨를 뱉었다. 해바라기 씨가 많이 들었어요.",
    "전남 고흥 군에서 열린 축제",
    "많은 양은 필요 없다. 소금 양을 줄이세요.",
    "정말이야, 믿어 줘",
    "얘들아 모여라",
    "친구야 보고 싶다",
    "알아 두면 좋은 상식",
    "보호자(직원 교육)에게 알림",
    "담당자 (고객 응대)",
    "환자 상태에 따라 다르다. 환자 한명이 왔다.",
    "고객 정보는 암호화한다. 학생 수가 줄었다.",
    "엄마 사랑은 끝이 없다. 동생 학교에 갔다.",
    "담당자는 휴가입니다. 주인공은 학생이다.",
    "이름은 비밀이에요. 변수 이름은 정수이다.",
    "대표는 여성이고 직원은 다섯 명이다.",
    "천재라는 사람도 실수한다. 바보라는 애도 있었다.",
    "기사라는 사람이 길도 모르더라. 팀장이라는 사람이 그런 말을 해?",
    "별명이 많다. 별명이 뭐야? 별명은 없어요.",
    "여성, 45세",
    "서울, 부산, 대구에서 열린다. 사과, 배, 포도를 샀다.",
    "첫째 이유는 돈이다. 둘째 문제는 시간이 없다는 것이다.",
    "환자 보호자에게 설명함. 직원 가족에게 혜택을 준다.",
    "고객 님의 주문. 회원 님께만 드리는 혜택.",
    "의사 소견, 검사 결과. 학생 지도, 상담.",
    "1. 서론 - 연구 배경\n2. 본론 - 실험 방법\n3. 결론 - 요약",
    "담당자: 예정인 경우\n책임자: 부재인 때에는 대리가 한다",
    "학생은 교과서를 가져온다. 직원은 유니폼을 입는다.",
    "이름은 소문자로 시작한다. 사용자는 신기능을 쓸 수 있다.",
    "변동일 | 변동사유 | 현주소",
]


@pytest.mark.parametrize(("text", "name"), SOMEBODY)
def test_what_stands_around_a_word_makes_it_a_name(text: str, name: str) -> None:
    (found,) = people(text)
    assert found.startswith(name)  # the model takes more now and then: 소율이


@pytest.mark.parametrize("text", NOBODY)
def test_everyday_words_are_nobody(text: str) -> None:
    assert people(text) == []


def test_names_beside_names_are_found() -> None:
    assert people("1. 이도윤 - 축구부\n2. 봄 - 리더십\n3. 박서준 - 고집") == [
        "이도윤",
        "봄",
        "박서준",
    ]
    assert people("참석자 이도윤, 솔, 박서준") == ["이도윤", "솔", "박서준"]


def test_the_heads_of_fields_beside_names_are_no_names() -> None:
    text = "담당자: 이도윤\n일시: 오전 열 시\n장소: 회의실"
    assert people(text) == ["이도윤"]


def test_who_speaks_is_no_label() -> None:
    assert people("이도윤 팀장: 예산은 다음에 논의합시다") == ["이도윤"]
    assert people("영업부 팀장: 박서준") == ["박서준"]


@pytest.mark.parametrize("name", ["진달래", "이상인", "정다인"])
def test_a_word_behind_a_role_is_somebody(name: str) -> None:
    assert name in people(f"피해자 {name}는 기억하지 못했다")
