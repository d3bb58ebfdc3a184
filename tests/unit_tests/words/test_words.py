"""Public words: the lists, and the one guess of a text's language."""

import unicodedata

import pytest

from langchain_privacy.words import guess_language, is_medical, load


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Hello there", "en"),
        ("안녕하세요 AI 시대", "ko"),
        ("12345 !!", None),
        ("", None),
        ("Grüße", "en"),
        ("Ελλάδα", None),
        ("東京", None),
        ("이 PDF의 SQL query를 JSON으로 바꿔 줘", "ko"),
        ("가" + "a" * 4, "ko"),  # a fifth
        ("가" + "a" * 5, "en"),
        ("Kim's name in Hangul is 김, as far as we know", "en"),
        (unicodedata.normalize("NFD", "계약서를 보내 줘"), "ko"),
        ("계약 " * 800 + "English " * 9_000, "ko"),  # the first 4,000 characters decide
    ],
)
def test_the_language_is_guessed_from_the_letters(text: str, language: str | None) -> None:
    assert guess_language(text) == language


def test_detection_offers_the_same_guess() -> None:
    from langchain_privacy import detection

    assert detection.guess_language is guess_language


def test_lists_hold_words_in_lower_case_and_names_with_spaces() -> None:
    assert {"portugal", "burkina faso"} <= load("places")
    assert not [word for word in load("places") if word != word.lower() or "_" in word]
    assert not [word for word in load("surnames") if "#" in word]


@pytest.mark.parametrize(
    ("word", "medical"),
    [("simvastatin", True), ("hepatitis", True), ("statin", False), ("oskar", False), ("", False)],
)
def test_medical_words_are_known_by_their_ending(word: str, medical: bool) -> None:
    assert is_medical(word) is medical
