"""Names, streets, firms and numbers in Cyrillic and Greek text, and what is none."""

# ruff: noqa: E501 - tables read better whole

from importlib.resources import files

import pytest

from langchain_privacy.detection import RulesDetector, default_detectors, detect_all
from langchain_privacy.detection.cyrillic_greek import _KINDS, find_cyrillic_and_greek_values

ALONE = RulesDetector([find_cyrillic_and_greek_values])
DEFAULT = default_detectors(presidio=False)


@pytest.mark.parametrize(
    ("text", "private"),
    [
        # relations, forms of address, what somebody says a name with
        ("У меня дочь Майя и бабушка Нюра.", {"PERSON": ["Майя", "Нюра"]}),
        ("Меня зовут Валентина Орлова, я из Пскова.", {"PERSON": ["Валентина Орлова"], "WORD": ["Пскова"]}),
        ("Мене звати Оксана, моя донька Софійка вчиться.", {"PERSON": ["Оксана", "Софійка"]}),
        ("Казвам се Димитър Колев и пиша за пръв път.", {"PERSON": ["Димитър Колев"]}),
        ("Με λένε Ελένη Παπαδοπούλου και μένω στην Καλαμάτα.", {"PERSON": ["Ελένη Παπαδοπούλου"], "WORD": ["Καλαμάτα"]}),
        # whoever stands in a sentence, a greeting, a signature
        ("Вчера Анна Павлова ответила Вам.", {"WORD": ["Анна Павлова"]}),
        ("Уважаемая Айгуль Сериковна, направляем Вам договор.", {"WORD": ["Айгуль Сериковна"]}),
        ("Иван Петрович не пришёл.", {"WORD": ["Иван Петрович"]}),
        ("Договор подписал Иванов И. И. вчера.", {"WORD": ["Иванов И. И"]}),
        ("С уважением,\nТимур Валеев", {"WORD": ["Тимур Валеев"]}),
        ("В конце подпись: Тимур Валеев. Спасибо.", {"PERSON": ["Тимур Валеев"]}),
        # streets and cities
        ("Живу в городе Кандалакша, улица Пронина, 17.", {"LOCATION": ["Кандалакша"], "ADDRESS": ["улица Пронина, 17"]}),
        ("Адрес: г. Караганда, ул. Ермекова 58, кв. 3.", {"LOCATION": ["Караганда"], "ADDRESS": ["ул. Ермекова 58, кв. 3"]}),
        ("Магазин на Рижском проспекте, д. 12 закрыт.", {"ADDRESS": ["Рижском проспекте, д. 12"]}),
        ("Адреса: вул. Шевченка, 5.", {"ADDRESS": ["вул. Шевченка, 5"]}),
        ("Το σπίτι είναι στην οδό Αριστομένους 14.", {"ADDRESS": ["οδό Αριστομένους 14"]}),
        # firms, papers, ages
        ("Договор с ТОО «Степной Ветер» подписан.", {"ORGANIZATION": ["Степной Ветер"]}),
        ("Управляющая компания — «Уют-Север».", {"ORGANIZATION": ["Уют-Север"]}),
        ("Договор № 17/04-К и номер последней заявки А-5519, ИНН 7707083893.", {"ID": ["17/04-К", "А-5519", "7707083893"]}),
        ("Мне 54 года, ей 7 лет.", {"AGE": ["54", "7"]}),
    ],
)  # fmt: skip
def test_values(text: str, private: dict[str, list[str]]) -> None:
    found: dict[str, list[str]] = {}
    for f in detect_all(text, [ALONE]):
        found.setdefault(f.entity_type, []).append(text[f.start : f.end])
    assert found == private


@pytest.mark.parametrize(
    "text",
    [
        "Объясни простыми словами, что такое инфляция. Приведи два примера из жизни.",
        "Напиши рецепт борща на 6 порций. Сколько варить свёклу? Спасибо!",
        "Составь план тренировок на неделю: понедельник — бег, вторник — отдых.",
        "Переведи на английский: «Добрый день! Мы получили Ваш запрос и ответим завтра».",
        "Чем отличается ипотека от кредита? ИНН и СНИЛС нужны? Что говорит ГК РФ?",
        "Тема: Жалоба на отопление\n\nУважаемые соседи!\nПрошу Вас закрывать дверь.",
        "1. Купить молоко\n2. Позвонить маме\n- Заплатить за свет",
        "Как составить договор аренды в 2024 году? Пишу в компанию. Посоветуй, что указать.",
        "Зміни тон цього листа. Ви отримаєте відповідь завтра.",
        "Γράψε μια συνταγή για φασολάδα. Πόση ώρα βράζει;",
        "The angle α and the sum Σ of Ω are in Δt.",
    ],
)
def test_nothing_private(text: str) -> None:
    assert not detect_all(text, [ALONE])


def test_the_default_finds_them_in_any_prompt() -> None:
    text = 'Translate into English: "Вчера дочь Майя ездила в город Кандалакша."'
    found = [text[f.start : f.end] for f in detect_all(text, DEFAULT)]
    assert found == ["Майя", "Кандалакша"]


def test_what_announces_is_in_small_letters_and_of_one_kind() -> None:
    assert all(cue == cue.lower() for cue in _KINDS)
    text = (files("langchain_privacy.words") / "announced_cyrillic_greek.txt").read_text("utf-8")
    lines = [line.split()[1:] for line in text.splitlines() if line[0] != "#"]
    assert len({cue for line in lines for cue in line}) == len(_KINDS)
    for kind in ("PERSON", "LOCATION", "ADDRESS", "ORGANIZATION", "ID"):
        cues = {w for line in text.splitlines() if line.startswith(kind) for w in line.split()[1:]}
        assert cues == {cue.replace(" ", "_") for cue, of in _KINDS.items() if of == kind}
