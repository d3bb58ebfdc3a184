"""Strict mode in languages that are neither English nor Korean, with the extra `languages`."""

import importlib.util
import warnings

import pytest

from benchmarks.detection_corpora import prose
from langchain_privacy import EgressGuard, Masker
from langchain_privacy.detection import StrictDetector, default_detectors, detect_all
from langchain_privacy.detection.vocabulary import others
from langchain_privacy.detection.vocabulary.declared import PublicWords
from tests.support.scripted import ScriptedChatModel


def found(text: str, *languages: str) -> list[str]:
    return [text[f.start : f.end] for f in StrictDetector(languages=languages).detect(text)]


@pytest.mark.parametrize(
    ("language", "text", "private"),
    [
        ("de", "Bitte prüfen Sie den Mietvertrag und die Haftpflichtversicherung.", []),
        ("de", "Der Vertrag mit Frau Wrozvik aus Straubing endet.", ["Wrozvik", "Straubing"]),
        ("de", "Ich war bei Herrn Herbst in Plön.", ["Herbst", "Plön"]),
        ("fr", "Aujourd'hui l'entreprise relit le contrat de location.", []),
        ("fr", "Il habite à Plougastel avec Yannig.", ["Plougastel", "Yannig"]),
        ("es", "Quiero revisar el contrato de la vivienda antes de firmar.", []),
        ("es", "Ayer hablé con Yaretzi Xochitl.", ["Yaretzi Xochitl"]),
        ("es", "un exfumador con dolor prerrenal en interconsulta", []),  # prefixes
        (
            "es",
            "ayer vi a exavier, a exmarina y a interlaken",
            ["exavier", "exmarina", "interlaken"],
        ),
        ("pt", "a energia do grupo antissocial", []),
        ("pt", "Ontem falei com Ubirajara sobre a decisão.", ["Ubirajara"]),
        ("ja", "契約書を確認して、要点をまとめてください。", []),
        ("ja", "田中さんは東京都港区に住んでいます。", ["田中", "東京都港区"]),
        ("zh", "病人需要每天服用两次药物，并于下周复诊。", []),
        ("zh", "张伟昨天在北京看病。", ["张伟", "北京"]),
    ],
)
def test_words_of_a_language_are_public_and_names_are_not(
    language: str, text: str, private: list[str]
) -> None:
    assert found(text, language) == private


def test_japanese_and_chinese_side_by_side_and_other_scripts_stay_private() -> None:
    text = "田中さんと会議。张伟看病。Сергей пишет"
    assert found(text, "ja", "zh") == ["田中", "张伟", "Сергей пишет"]
    assert found("会議の資料", "zh") == ["会議の資料"]  # nobody here reads kana


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("कृपया कविता बरूआ को पत्र लिखें", "कृपया कविता बरूआ को पत्र लिखें"),
        ("Write to สมหญิง ทองแท้ please", "สมหญิง ทองแท้"),
        ("Write to ញូវ សុខា please", "ញូវ សុខា"),
        ("Write to கவிதா please", "கவிதா"),
        ("Write to מִרְיָם please", "מִרְיָם"),
        ("Write to مُحَمَّد please", "مُحَمَّد"),
    ],
)
def test_a_word_is_hidden_with_its_signs(text: str, words: str) -> None:
    assert found(text) == [words]


def test_what_the_application_wrote_in_any_script_is_public() -> None:
    declared = ["Помоги мне написать письмо", "मेरे को पत्र लिखें", "اكتب رسالة"]
    detector = StrictDetector(PublicWords(declared))
    for text in declared:
        assert not detector.detect(text)
    for text, private in (
        ("Помоги мне написать письмо Алевтине", ["Алевтине"]),
        ("मेरे कविता बरूआ को पत्र लिखें", ["कविता बरूआ"]),
        ("اكتب سامر رسالة", ["سامر"]),
    ):
        assert [text[f.start : f.end] for f in detector.detect(text)] == private


@pytest.mark.parametrize(
    ("language", "left", "over"),
    [("de", 0.15, 0.06), ("fr", 0.02, 0.08), ("es", 0.02, 0.1), ("pt", 0.02, 0.08)],
)
def test_prose_of_a_language(language: str, left: float, over: float) -> None:
    detectors = default_detectors(("en", "ko", language), presidio=False, strict=True)
    private = clear = benign = masked = 0
    for item in prose(language):
        hidden = bytearray(len(item.text))
        for f in detect_all(item.text, detectors, language=language):
            hidden[f.start : f.end] = b"\1" * (f.end - f.start)
        secret = bytearray(len(item.text))
        for start, end, _ in item.spans:
            secret[start:end] = b"\1" * (end - start)
        for char, is_hidden, is_secret in zip(item.text, hidden, secret, strict=True):
            if char.isalnum():
                private += is_secret
                clear += is_secret and not is_hidden
                benign += not is_secret
                masked += is_hidden and not is_secret
    assert clear <= left * private
    assert masked <= over * benign


def test_the_door_reads_what_the_masker_reads() -> None:
    masker = Masker(languages=("en", "de"), strict=True)
    model = EgressGuard(masker).wrap(ScriptedChatModel(responses=["gut"]))
    session = masker.session("t")
    text = session.mask("Bitte prüfen Sie den Vertrag mit Frau Wrozvik.")
    assert text.startswith("Bitte prüfen Sie den Vertrag mit Frau [")
    config = {"configurable": {"thread_id": "t"}}
    assert model.invoke(text, config).content == "gut"  # type: ignore[arg-type]


def test_without_the_extra_every_word_is_masked_and_that_is_said_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    find_spec = importlib.util.find_spec
    absent = {"simplemma", "sudachipy", "rjieba"}
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda n: None if n in absent else find_spec(n)
    )
    monkeypatch.setattr(others, "_said", set())
    with pytest.warns(UserWarning, match=r"langchain-privacy\[languages\]") as said:
        assert found("Mietvertrag prüfen", "de", "ja") == ["Mietvertrag prüfen"]
    assert len(said) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert found("契約書", "de", "ja") == ["契約書"]
