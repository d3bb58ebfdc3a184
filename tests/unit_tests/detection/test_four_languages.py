"""Names in German, French, Spanish and Portuguese, and the words that are none.

The extra `languages` is installed; rules alone, no model.
"""

import subprocess
import sys

import pytest

from langchain_privacy import Masker, MaskingPolicy
from langchain_privacy.detection import (
    Finding,
    UnlistedDetector,
    default_detectors,
    detect_all,
)
from langchain_privacy.detection.finding import Detector
from langchain_privacy.detection.rules import finding
from tests.support.marked import marked_texts, shares

pytest.importorskip("simplemma")

FOUR = ("de", "fr", "es", "pt")
RULES = default_detectors(("en", *FOUR), presidio=False)
STRICT = default_detectors(("en", *FOUR), presidio=False, strict=True)


def found(text: str, detectors: list[Detector] = RULES) -> list[str]:
    return [text[f.start : f.end] for f in detect_all(text, detectors)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Gestern hat Wrozvik die Rechnung bei der Werkstatt in Wittmund bezahlt.",
         ["Wrozvik", "Wittmund"]),
        ("Ich glaube, dass Roswitha den Vertrag nicht mehr verlängern will.", ["Roswitha"]),
        ("Die Straße nach Harthausen ist wegen einer Baustelle gesperrt.", ["Harthausen"]),
        ("Hier hat sich Corentin bien installé avec sa petite famille à Concarneau.",
         ["Corentin", "Concarneau"]),
        ("Ils sont partis d'Audierne hier matin avec deux de leurs enfants.", ["Audierne"]),
        ("Ayer estuvimos con Gorostiza en la oficina de correos de Tudela.",
         ["Gorostiza", "Tudela"]),
        ("Ontem encontrei a Iracema na farmácia e ela perguntou por ti.", ["Iracema"]),
    ],
)  # fmt: skip
def test_a_capital_word_that_no_dictionary_has_is_a_name(text: str, names: list[str]) -> None:
    assert found(text) == names


@pytest.mark.parametrize(
    "text",
    [
        "Der Wohngeldbescheid und die Nebenkostennachzahlung liegen der Testabdeckung bei.",
        "Bei einer Bratensoße kommt das Butterschmalz zuerst in den Topf, dann die Zwiebelringe.",
        "Nach Rücksprache mit der Hausarztpraxis wurde die Schmerzmedikation mit Ramipril ergänzt.",
        "Die Zeugin und der Kontoinhaber haben der Sachbearbeiterin eine Vollmacht gegeben.",
        "Le médecin a prescrit de l'amoxicilline et le patient la supporte bien depuis hier.",
        "Rogamos nos indiquen fecha y hora para la revisión anual de la caldera de gas.",
        "A senhoria devolveu a caução porque a casa estava limpa e a renda estava paga.",
    ],
)
def test_words_of_a_language_and_compounds_of_them_are_none(text: str) -> None:
    assert not found(text)


@pytest.mark.parametrize(
    "text",
    [
        "Kaufvertrag: Betrag und Konto siehe Anlage, Kennzeichen folgt per Post.",
        "Vollmacht, Erbschein und Grundbuchauszug bitte zum Notartermin mitbringen.",
        "Analítica: leucocitos normales, plaquetas normales. Pendiente de resonancia.",
    ],
)
def test_a_short_note_is_taken_for_one_of_the_languages_that_are_named(text: str) -> None:
    assert not found(text)


class _Guesses(Detector):
    """Stands in for a model: finds what it is told to find."""

    name = "presidio"
    names_in = frozenset(FOUR)

    def __init__(self, *values: str) -> None:
        self.values = values

    def detect(self, text: str, *, language: str | None = None) -> list[Finding]:
        return [
            finding(text.index(v), text.index(v) + len(v), "PERSON", 0.6, self.name)
            for v in self.values
        ]


@pytest.mark.parametrize(
    ("text", "guess", "names"),
    [
        ("Die Zeugin Dörte Papenfuß gab an, der Wagen sei zu schnell gefahren.",
         "Zeugin Dörte Papenfuß", ["Dörte Papenfuß"]),
        ("Das Fleisch wird mit Butterschmalz angebraten und mit Wein abgelöscht.",
         "Butterschmalz", []),
        ("Der Wagen gehört Frau Nachtigall, die im ersten Stock wohnt.",
         "Nachtigall", ["Nachtigall"]),
        ("No refiere dolor. Buena tolerancia oral desde la semana pasada.", "Buena", []),
        ("Le permis a été refusé par arrêté du maire de la commune.", "arrêté", []),
        ("O médico vê uma dor lombar que piora com o movimento.", "dor lombar", []),
        ("A vizinha falou com o filho da rosa do terceiro andar.", "rosa", ["rosa"]),
    ],
)  # fmt: skip
def test_what_a_model_takes_for_a_name_loses_its_ordinary_words(
    text: str, guess: str, names: list[str]
) -> None:
    detectors = [_Guesses(guess), UnlistedDetector(languages=("en", *FOUR))]
    assert found(text, detectors) == names
    assert found(text, [_Guesses(guess)]) == [guess]


def test_what_a_label_or_the_application_says_stays() -> None:
    text = "Nachname: Butterschmalz\nDie Bank hat den Antrag gestern abgelehnt."
    policy = MaskingPolicy(private={"PERSON": ["Antrag"]})
    masked = Masker(RULES, policy=policy).session().mask(text)
    assert "Butterschmalz" not in masked
    assert "Antrag" not in masked
    assert "Bank" in masked


def test_declared_words_are_public_in_every_language() -> None:
    text = "Gestern hat Wrozvik die Rechnung bei der Werkstatt bezahlt."
    masker = Masker(languages=("en", "de"), policy=MaskingPolicy(public=["Wrozvik"]))
    assert "Wrozvik" in masker.session().mask(text)


WROZVIK = "Gestern hat Wrozvik die Rechnung bei der Werkstatt bezahlt."
NOT_NAMED = default_detectors(presidio=False)


def test_a_list_of_languages_keeps_to_what_it_names() -> None:
    assert UnlistedDetector(languages=("en", "ko", "ja", "de")).languages == {"en", "de"}
    assert not found(WROZVIK, default_detectors(("en", "ko"), presidio=False))
    for masker, read in ((Masker(), True), (Masker(languages=("en", "ko")), False)):
        unlisted = [d for d in masker.detectors if isinstance(d, UnlistedDetector)]
        assert ["de" in d.names_in for d in unlisted] == [read]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (WROZVIK, ["Wrozvik"]),
        ("Ieri abbiamo incontrato Brusaferro davanti alla posta e non ci ha salutati.",
         ["Brusaferro"]),
        ("Gisteren heeft Wijnkamper de rekening bij de garage betaald.", ["Wijnkamper"]),
        ("Bescheid vom Amt: der Antrag wurde abgelehnt, Widerspruch möglich.", []),
        ("Jürgen Müller, Berliner Straße 4", ["Jürgen Müller", "Berliner Straße 4"]),
    ],
)  # fmt: skip
def test_what_is_surely_in_a_frequent_language_is_read_where_none_is_named(
    text: str, names: list[str]
) -> None:
    assert found(text, NOT_NAMED) == names


def test_no_dictionary_is_loaded_for_texts_in_other_languages() -> None:
    code = (
        "import sys\n"
        "from langchain_privacy.detection import default_detectors, detect_all\n"
        "found = default_detectors(presidio=False)\n"
        "for text in ('Dear Ms Roe, the meeting is at nine.', 'ls -la foo', '내일 만나요'):\n"
        "    detect_all(text, found)\n"
        "assert 'simplemma' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_german_words_behind_a_preposition_in_strict_mode() -> None:
    text = "Nach Rücksprache kommt bei Bedarf ein Kollege aus Straubing."
    assert found(text, STRICT) == ["Straubing"]


@pytest.mark.parametrize(
    ("language", "left", "over", "strictly_left", "strictly_over"),
    [
        ("de", 0.21, 0.035, 0.115, 0.11),
        ("fr", 0.065, 0.01, 0.025, 0.05),
        ("es", 0.095, 0.01, 0.065, 0.055),
        ("pt", 0.145, 0.01, 0.08, 0.035),
    ],
)
def test_notes(
    language: str, left: float, over: float, strictly_left: float, strictly_over: float
) -> None:
    notes = [note for note in marked_texts("notes") if note.kind == language]
    for detectors, bounds in (
        (RULES, (left, over)),
        (NOT_NAMED, (left + 0.02, over)),
        (STRICT, (strictly_left, strictly_over)),
    ):
        reached = shares(notes, detectors)
        assert reached[0] <= bounds[0]
        assert reached[1] <= bounds[1]
