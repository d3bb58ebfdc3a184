"""What is announced in languages that have no rules of their own: relations, names, days."""

import pytest

from langchain_privacy.detection import default_detectors, detect_all

DETECTORS = default_detectors(presidio=False)


@pytest.mark.parametrize(
    ("text", "private"),
    [
        ("Moja córka Zdzisława urodziła się 3 grudnia w szpitalu.", ["Zdzisława", "3 grudnia"]),
        ("Mijn dochter Sjoukje is op 14 maart jarig en wil een feestje.", ["Sjoukje", "14 maart"]),
        ("Kızım Şehnaz 5 şubat günü okula başladı ve çok mutluydu.", ["Şehnaz", "5 şubat"]),
        ("Вчера дочь Майя звонила, приедет 3 декабря.", ["Майя", "3 декабря"]),
        ("Mă numesc Ionuț Bărbulescu și locuiesc aici de mult timp.", ["Ionuț Bărbulescu"]),
        ("Tên tôi là Nguyễn Thị Lụa và tôi bán bún cá ở đây.", ["Nguyễn Thị Lụa"]),
    ],
)
def test_values(text: str, private: list[str]) -> None:
    found = [text[f.start : f.end] for f in detect_all(text, DETECTORS)]
    assert set(private) <= set(found)


@pytest.mark.parametrize(
    "text",
    [
        "Как отмечают 8 марта и 9 мая?",
        "Wat is de beste reistijd voor een vakantie in de bergen?",
        "Jak napisać podanie o urlop na 3 maja?",
    ],
)
def test_nothing_private(text: str) -> None:
    assert not detect_all(text, DETECTORS)
