"""People in a row behind a word for who was there."""

import pytest

from langchain_privacy.detection import default_detectors, detect_all

pytest.importorskip("kiwipiepy")

RULES = default_detectors(presidio=False)


def people(text: str) -> list[str]:
    found = [f for f in detect_all(text, RULES) if f.entity_type == "PERSON"]
    return [text[f.start : f.end] for f in sorted(found, key=lambda f: f.start)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("참석: 강슬, Dmitry, 표은채, 나라", ["강슬", "Dmitry", "표은채", "나라"]),
        ("- 참석: 은채, Kevin, 도팀장님, 나", ["은채", "Kevin", "도"]),
        ("참석자: 김민수 팀장, 하늘, 바다, 이레", ["김민수", "하늘", "바다", "이레"]),
        ("등장인물: 하루, 백야, 점례", ["하루", "백야", "점례"]),
        ("멤버(3): 소라 / 여름 / Jay", ["소라", "여름", "Jay"]),
        ("불참: 이레 (병가), 소라님", ["이레", "소라"]),
        ("Attendees: Grace, Will, Bo, Priya", ["Grace", "Will", "Bo", "Priya"]),
        ("Present: Grace, Will and Bo. Minutes follow.", ["Grace", "Will", "Bo"]),
        ("CC: Joy, Mark", ["Joy", "Mark"]),
        ("Cast: Faith (lead), Moss, Hope", ["Faith", "Moss", "Hope"]),
    ],
)
def test_who_was_there(text: str, names: list[str]) -> None:
    assert people(text) == names


@pytest.mark.parametrize(
    "text",
    [
        "참석: 개발팀, 디자인팀. 불참: 없음",
        "참석: 학부모, 교사, 학생",
        "수신: 인사팀, 총무팀. 참조: 각 부서장",
        "담당: 기획, 개발, 디자인. 발표: 서론, 본론, 결론",
        "참가: 무료, 출석: 온라인, 오프라인. 캐릭터: 마법사, 전사, 궁수",
        "Attendees: all, everyone. Present: two forms of ID, Cash.",
        "Team: Legal, Engineering, Support. Cast: iron, steel",
    ],
)
def test_rows_of_other_things(text: str) -> None:
    assert people(text) == []
