"""Firms whose Korean name is an everyday word and a trade, and days as forms write them."""

import pytest

from langchain_privacy.detection import default_detectors, detect_all

pytest.importorskip("kiwipiepy")

RULES = default_detectors(presidio=False)
STRICT = default_detectors(presidio=False, strict=True)


def found(text: str, *, strict: bool = False) -> list[str]:
    findings = detect_all(text, STRICT if strict else RULES)
    return [text[f.start : f.end] for f in findings if f.entity_type != "PERSON"]


# A quality, or a root, stands before a noun without a space in a name only.
NAMED = ["튼튼손해보험", "싱싱수산", "넉넉상회", "맑은물산", "고요한찻집", "포근호텔"]
# Each part an everyday noun: what is written so may be a kind of shop too.
BY_NOUNS = ["미소세탁", "사랑치과", "새싹유치원", "깔끔세탁소"]
KINDS = [
    "좋은병원 추천해 주세요",
    "새로운산업을 키운다",
    "다양한보험 상품이 있다",
    "저축은행과 종합병원",
    "유기농식품을 샀다",
    "온라인서점에서 샀다",
]


@pytest.mark.parametrize("name", NAMED)
def test_a_firm_named_by_a_quality_is_found(name: str) -> None:
    assert found(f"어제 {name}에 전화했다") == [name]


# Places one goes to; what stands before them says nothing of their kind.
SHOPS = [
    "미소치과", "한마음내과", "달빛서점", "별빛유치원", "으뜸공인중개사", "바다횟집", "봄날카페",
    "해맑은동물의료센터",
]  # fmt: skip


@pytest.mark.parametrize("name", SHOPS)
@pytest.mark.parametrize("strict", [False, True])
def test_a_place_named_by_everyday_nouns_is_found(name: str, strict: bool) -> None:
    assert found(f"어제 {name}에 다녀왔어요", strict=strict) == [name]


KINDS_OF_PLACES = "대학병원 동물병원 어린이치과 중고서점 스터디카페 영어학원 동네약국 한옥펜션"


@pytest.mark.parametrize("name", KINDS_OF_PLACES.split())
def test_a_kind_of_place_is_no_name(name: str) -> None:
    assert not found(f"어제 {name}에 다녀왔어요")


@pytest.mark.parametrize("name", ["솔빛초", "한빛중", "늘푸른고", "가람여고", "푸른솔초"])
def test_what_a_school_is_called_for_short_is_found_before_a_class(name: str) -> None:
    assert found(f"{name} 2학년 3반 학부모님께") == [name, "2학년 3반"]


@pytest.mark.parametrize(
    "text", ["새학기초 3학년", "재학중 3학년", "저는 고등학생이고 3학년", "우리 애는 초 3학년"]
)
def test_a_time_or_a_verb_before_a_class_is_no_school(text: str) -> None:
    assert not found(text)


@pytest.mark.parametrize("name", BY_NOUNS)
def test_strict_masks_a_firm_named_by_nouns(name: str) -> None:
    assert found(f"어제 {name}에 전화했다", strict=True) == [name]


@pytest.mark.parametrize("text", KINDS)
def test_kinds_of_firms_are_left(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize("text", ["동해안과 서해안을 달렸다", "동물병원에 갔다", "우체국과 은행"])
def test_strict_leaves_what_only_ends_like_a_trade(text: str) -> None:
    assert not any(len(value) > 3 for value in found(text, strict=True))


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("담당: 김민수\n접수일시 4/11 밤 9시", "4/11"),
        ("김민수 씨 예약일: 5/3", "5/3"),
        ("김민수 씨와 6/12(수) 회의", "6/12"),
        ("김민수 씨가 7/8 오전에 왔다", "7/8"),
    ],
)
@pytest.mark.parametrize("strict", [False, True])
def test_a_day_without_a_year(text: str, day: str, *, strict: bool) -> None:
    assert day in found(text, strict=strict)


@pytest.mark.parametrize("text", ["김민수 씨가 3/4 지점에서 멈췄다", "김민수 씨가 피자 1/2 먹음"])
def test_a_fraction_is_no_day(text: str) -> None:
    assert found(text) == []
