"""Names that a Korean sentence says: behind 이름은 and its like, by label, particle and value."""

import pytest

from langchain_privacy.detection import default_detectors, detect_all

pytest.importorskip("kiwipiepy")

RULES = default_detectors(presidio=False)


def labelled(text: str) -> list[tuple[str, str]]:
    found = [f for f in detect_all(text, RULES) if f.entity_type in ("PERSON", "ORGANIZATION")]
    return [(text[f.start : f.end], f.entity_type) for f in sorted(found, key=lambda f: f.start)]


PERSONS = [
    # a name alone, a relation, an animal, a holder of an account, a nickname
    ("딸이 하나 있습니다. 이름은 아지나 , 지금 5학년입니다.", "아지나"),
    ("제 이름은 하늘이고 직장인입니다", "하늘"),
    ("남편 이름은 Rustam, 회사원입니다", "Rustam"),
    ("친구 이름은 팜 티 하은이고 착해요", "팜 티 하은"),
    ("아들 이름은 레오야", "레오"),
    ("강아지 이름은 두부예요", "두부"),
    ("우리 고양이 이름이 코코인데요", "코코"),
    ("받는 분 성함은 이레나님이고", "이레나"),
    ("계좌 예금주는 변상도, 은행은 몰라요", "변상도"),
    ("판매자 닉네임은 달빛고래77, 연락이 안 돼요", "달빛고래77"),
    ("제 닉네임은 달빛고래77이에요.", "달빛고래77"),
    ("예명은 하루예요", "하루"),
    ("태명은 튼튼이에요", "튼튼"),
]
THINGS = [
    ("우리 쇼핑몰 이름은 오후네시. 반품은 돼요", "오후네시"),
    ("앱 이름 모아밥 으로 확정", "모아밥"),
    ("길드 이름 붉은늑대로 정함", "붉은늑대"),
    ("가게 이름은 소금빵연구소로 정했어요", "소금빵연구소"),
    ("카페 이름은 달빛 정원이에요", "달빛 정원"),
    ("팀 이름을 '번개모임'으로 바꾸자", "번개모임"),
    ("회사명은 다온물류, 직원은 셋", "다온물류"),
    ("블로그명은 햇살한줌입니다", "햇살한줌"),
    ("상호명: 오후네시 / 업종: 소매", "오후네시"),
]
NOTHING = [
    "이름은 몰라요. 이름은 나중에 말해 줄게. 이름이 같아요. 이름은 비밀이에요.",
    "변수 이름은 합계로 바꿔줘. 파일 이름은 보고서로 저장해. 꽃 이름은 장미이다.",
    "이름은 뭐야? 강아지 이름은 뭐로 할까? 강아지 이름 추천해줘. 앱 이름 정하는 중이에요.",
    "이름이 길어서 헷갈려. 이름은 필수 입력입니다. 이름을 입력하세요.",
    "닉네임은 영문 필수입니다. 닉네임은 변경 불가. 닉네임이 중복됩니다.",
    "예금주는 본인이어야 합니다. 예금주는 확인이 필요합니다. 별명이 많다.",
    "학생 이름은 가리고 알려줘. 회사 이름은 빼고 써줘. 고객 이름은 괄호 안에",
    "채널명은 소문자로 작성한다. 제품 이름은 짧아야 합니다. 상호 합의로 해지한다.",
    "브랜드 이름은 곧 약속이다. 제품 이름은 표 참고",
]


@pytest.mark.parametrize(("text", "name"), PERSONS)
def test_names_of_people_and_animals(text: str, name: str) -> None:
    assert labelled(text) == [(name, "PERSON")]


@pytest.mark.parametrize(("text", "name"), THINGS)
def test_names_of_things(text: str, name: str) -> None:
    assert labelled(text) == [(name, "ORGANIZATION")]


@pytest.mark.parametrize("text", NOTHING)
def test_what_is_said_of_names(text: str) -> None:
    assert labelled(text) == []
