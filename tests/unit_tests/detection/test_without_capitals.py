"""People in scripts without capital letters, behind a title or what says a name."""

import pytest

from langchain_privacy.detection import default_detectors, detect_all

RULES = default_detectors(presidio=False)


def people(text: str) -> list[str]:
    return [text[f.start : f.end] for f in detect_all(text, RULES) if f.entity_type == "PERSON"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("أريد رسالة شكر إلى الدكتورة هالة المنصوري في مستشفى النخيل", "هالة المنصوري"),
        ("اسمي سامر البكري وأعمل في الموصل", "سامر البكري"),
        ("مع السيد سامر", "سامر"),
        ("والسيدة هديل قالت", "هديل قالت"),  # a verb is told from a name by nobody
        ('ד"ר תמר בירנבוים אמרה', "תמר בירנבוים"),
        ("שמי אורי כהן ואני", "אורי כהן"),
        ("कृपया श्रीमती कविता बरूआ को पत्र लिखें", "कविता बरूआ"),
        ("मेरा नाम कविता है", "कविता"),
        ("آقای پرستو کیانی از تهران", "پرستو کیانی"),
        ("میرا نام عائشہ ہے", "عائشہ"),
        ("আমার নাম রোকসানা আক্তার", "রোকসানা আক্তার"),
    ],
)
def test_a_name_is_found_behind_what_announces_it(text: str, name: str) -> None:
    assert people(text) == [name]


@pytest.mark.parametrize(
    "text",
    ["السيد المدير المحترم", "ما هو أفضل هاتف؟", "كيف أكتب السيرة الذاتية", "خانم در خانه است",
     "हिंदी में श्री का अर्थ"],
)  # fmt: skip
def test_roles_and_other_words_stay(text: str) -> None:
    assert people(text) == []
