"""Korean names beside a word for what they are, and what only stands there."""

import pytest

from langchain_privacy.detection import default_detectors, detect_all

pytest.importorskip("kiwipiepy")

RULES = default_detectors(presidio=False)
TYPES = ("PERSON", "ORGANIZATION", "LOCATION")


def named(text: str) -> list[str]:
    found = [f for f in detect_all(text, RULES) if f.entity_type in TYPES]
    return [text[f.start : f.end] for f in sorted(found, key=lambda f: f.start)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("검은 밤 사냥꾼 백야. 할머니 점례 의 라디오", ["백야", "점례"]),
        ("제 동생 미르 말만 듣습니다", ["미르"]),
        ("어머니가 하시는 작은 식당 메콩집 을 물려받아", ["메콩집"]),
        ("로컬푸드 매장 초록바구니 에서 1년", ["초록바구니"]),
        ("지원회사: 한빛소재 / 직무: 품질관리", ["한빛소재"]),
        ("도시 누리항, 그리고 비", ["누리항"]),
        ("우리 강아지 두부 지금 13살 이고 아파요", ["두부"]),
        ("(죽은 고양이 먹구름)", ["먹구름"]),
        ("취미는 등산이랑 고양이 두부 집사", ["두부"]),
        ("강아지 뽀삐한테 약을 줬어요", ["뽀삐"]),
        ("남편은 하노이 출신이에요", ["하노이"]),
        ('제가 쓰는 웹소설 "잿빛 등대의 아이" 5화', ["잿빛 등대의 아이"]),
        ("첫 앨범 『느린 오후』가 나왔어요", ["느린 오후"]),
        ("우리 강아지 뽀삐를 찾아요", ["뽀삐"]),
        ("상담자: 동료 나탈리야가 왔다", ["나탈리야"]),
        ("다온물류 단가가 두 번 들어갔어요", ["다온물류"]),
    ],
)
def test_names_beside_what_they_are(text: str, names: list[str]) -> None:
    assert named(text) == names


@pytest.mark.parametrize(
    "text",
    [
        "고양이 사료 추천. 우리 강아지 간식으로 뭐가 좋아? 강아지 말티즈 키워요.",
        "담당자 부재 중. 회사 법인카드 사용. 학생 상담센터 안내. 팀 워크숍 장소.",
        "프로젝트 킥오프 미팅. 학교 급식. 병원 예약. 브랜드 아이덴티티.",
        "친구 결혼식. 환자 바이탈. 고객 클레임. 직원 회식. 부장 승진. 서비스 센터.",
        "도시 열섬 현상. \"도시 '열섬' 현상\"이 주제예요. 팀 '번아웃' 증상.",
        "피해자 코스프레 하는 사람. 사용자 페르소나를 작성. 직장인 브이로그 추천.",
        "강아지 슬개골 탈구. 강아지 슬개골이 아파요. 고양이 구내염 3개월째예요.",
        "강아지 하네스를 샀다. 고양이 츄르를 줬다. 강아지 켄넬에 넣었다.",
        "(강아지 간식) 아기 이유식은 6개월부터. 고양이 사료 3개월치. 아이 아빠한테 말했다.",
        '소설 "토지"를 읽었다. 간 선교사님이 왔다. 저는 한국에 살아요.',
    ],
)
def test_what_only_stands_beside(text: str) -> None:
    assert named(text) == []
