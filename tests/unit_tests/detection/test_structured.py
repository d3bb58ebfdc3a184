"""Structured values: what is found and, beside it, what must not be."""

import pytest

from langchain_privacy.detection import default_detectors, detect_all

FOUND = [
    ("EMAIL", "write to ada@example.org.", "ada@example.org"),
    ("EMAIL", "Adresse: jürgen@müller.example, danke", "jürgen@müller.example"),
    ("EMAIL", "메일은 hong@naver.com으로 주세요", "hong@naver.com"),
    ("EMAIL", "reach me: ada [at] example [dot] org today", "ada [at] example [dot] org"),
    ("EMAIL", "ａｄａ＠ｅｘａｍｐｌｅ．ｏｒｇ 입니다", "ａｄａ＠ｅｘａｍｐｌｅ．ｏｒｇ"),
    ("PHONE", "call 212-555-0147 now", "212-555-0147"),
    ("PHONE", "Tel. +44 131 496 0155,", "+44 131 496 0155"),
    ("PHONE", "연락처는 010-1234-5678입니다", "010-1234-5678"),
    ("PHONE", "０１０－１２３４－５６７８ 로", "０１０－１２３４－５６７８"),
    ("PHONE", "+82 10-1234-5678", "+82 10-1234-5678"),
    ("PHONE", "대표번호 1588-1234", "1588-1234"),
    ("PHONE", "(02)345-6789로", "(02)345-6789"),
    ("PHONE", "김 대리\n02-345-6789\n", "02-345-6789"),
    ("PHONE", "고객센터 031-8012-3456", "031-8012-3456"),
    ("ID", "사건 2025가단51882 대여금", "2025가단51882"),
    ("CREDIT_CARD", "paid with 4111 1111 1111 1111.", "4111 1111 1111 1111"),
    ("CREDIT_CARD", "my credit card 4111111111111112 (typo)", "4111111111111112"),
    ("CREDIT_CARD", "Amex 3782-822463-10005", "3782-822463-10005"),
    ("IBAN", "to GB29 NWBK 6016 1331 9268 19 please", "GB29 NWBK 6016 1331 9268 19"),
    ("IBAN", "DE89370400440532013000", "DE89370400440532013000"),
    ("IBAN", "recipient: US133000000121212121212", "US133000000121212121212"),
    ("IP_ADDRESS", "from 203.0.113.7 at noon", "203.0.113.7"),
    ("IP_ADDRESS", "host 2001:db8::8a2e:370:7334 up", "2001:db8::8a2e:370:7334"),
    ("MAC_ADDRESS", "nic 00:1b:44:11:3a:b7", "00:1b:44:11:3a:b7"),
    ("SECRET", "postgres://bob:s3cr3t@db.internal/app", "postgres://bob:s3cr3t@db.internal/app"),
    ("SECRET", "AKIAIOSFODNN7EXAMPLE is the key", "AKIAIOSFODNN7EXAMPLE"),
    ("SECRET", "password: hunter2!x", "hunter2!x"),
    ("SECRET", "비밀번호는 tiger#2024 입니다", "tiger#2024"),
    ("US_SSN", "SSN 123-45-6789", "123-45-6789"),
    ("US_ROUTING", "Routing number: 021000021", "021000021"),
    ("UK_PLATE", "a grey van, registration KX71 OEV", "KX71 OEV"),
    ("ID", "사건번호는 2025가단10432이다", "2025가단10432"),
    ("BANK_ACCOUNT", "대구은행 508-11-294467-1", "508-11-294467-1"),
    ("BANK_ACCOUNT", "Checking\t7781 0042 9963", "7781 0042 9963"),
    ("ID", "company number 09184427, whose", "09184427"),
    ("UK_NINO", "NI number AB 12 34 56 C", "AB 12 34 56 C"),
    ("KR_RRN", "주민등록번호 900101-1234567", "900101-1234567"),
    ("KR_RRN", "주민번호: 900101 1234567", "900101 1234567"),
    ("KR_RRN", "주민번호: 900101-\n1234567", "900101-\n1234567"),
    ("KR_RRN", "임차인 홍길동 (900101-1234567)", "900101-1234567"),
    ("KR_RRN", "아기 210301-3999999 접종", "210301-3999999"),
    ("KR_FRN", "외국인등록번호 850505-5123456", "850505-5123456"),
    ("KR_BRN", "사업자등록번호 220-81-62517", "220-81-62517"),
    ("KR_CRN", "법인등록번호 130111-0006246", "130111-0006246"),
    ("KR_DRIVER_LICENSE", "운전면허 11-15-123456-01", "11-15-123456-01"),
    ("KR_PASSPORT", "여권번호 M123A4567", "M123A4567"),
    ("KR_HEALTH_INSURANCE", "건강보험증 8-1402936571", "8-1402936571"),
    ("KR_CUSTOMS_CODE", "개인통관고유부호 P123456789012", "P123456789012"),
    ("KR_PLATE", "차량 12가 3456 주차", "12가 3456"),
    ("BANK_ACCOUNT", "신한은행 110-123-456789로 입금", "110-123-456789"),
    ("BANK_ACCOUNT", "account number: 4028-7719-3305", "4028-7719-3305"),
    ("DRIVER_LICENSE", "driver licence DK482915,", "DK482915"),
    ("PASSPORT", "Passport no. 533380006", "533380006"),
    ("MEDICAL_ID", "MRN: 00482913", "00482913"),
    ("ID", "Employee ID: E-30977", "E-30977"),
    ("ID", "사번은 30977이며", "30977"),
    ("DATE_OF_BIRTH", "Date of birth: 5 December 1986", "5 December 1986"),
    ("DATE_OF_BIRTH", "생년월일: 1969년 2월 11일", "1969년 2월 11일"),
]


@pytest.mark.parametrize(("kind", "text", "value"), FOUND, ids=[f"{k}:{v}" for k, _, v in FOUND])
def test_is_found(kind: str, text: str, value: str) -> None:
    found = [(f.entity_type, text[f.start : f.end]) for f in detect_all(text, default_detectors())]
    assert (kind, value) in found


CLEAR = [
    "Table 4, figure 12, page 345 of 900.",
    "The decorator @property is documented.",
    "ISBN 978-3-16-148410-0",
    "version 10.4.2.1 of the driver",
    "listening on 127.0.0.1 and ::1",
    "order 900101-1234567",
    "주문번호 900101-1234567",
    "상품코드 8801234567890",
    "1234567890123",
    "991332-1234567 은 날짜가 아니다",
    "990101-3234567 은 아직 태어나지 않았다",
    "123-45-67890",
    "666-45-6789",
    "000-12-3456",
    "110111-1234567",
    "값 032-9619-5474 확인",
    "사건 1200건을 처리했다",
    "쇼핑센터 3층에서 만나고 아파트 5동 규모를 짓는다",
    "장소 4곳을 추천해줘",
    "11-15-123456-01",
    "M12345678",
    "P123456789012",
    "10조 2000억 원",
    "300만 1200명",
    "4111 1111 1111 1112",
    "GB00 NWBK 6016 1331 9268 19",
    "Your password must be changed.",
    "비밀번호는 반드시 변경하세요",
    "due on 30 November 2026",
    "2025년 9월 26일에 지급한다",
    "총 1,284,550 파운드",
    "00:00:00:00:00:00",
    "at 12:30:45:10 sharp",
    "Account statement for March 2025",
    "제2024호 고시",
]


@pytest.mark.parametrize("text", CLEAR)
def test_is_left_alone(text: str) -> None:
    assert [
        (f.entity_type, text[f.start : f.end]) for f in detect_all(text, default_detectors())
    ] == []


@pytest.mark.parametrize("day", ["2026-02-11", "11.02.2026", "2026.02.11"])
def test_an_hour_of_a_day_in_a_log_is_no_telephone_number(day: str) -> None:
    text = f"{day} 03:14:07 WARN call failed, phone service 0131 496 0155 is away"
    found = detect_all(text, default_detectors(presidio=False))
    assert [text[f.start : f.end] for f in found if f.entity_type == "PHONE"] == ["0131 496 0155"]
