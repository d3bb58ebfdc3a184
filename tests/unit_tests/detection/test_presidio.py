"""Presidio joins: what it adds, and that it stays at home."""

import importlib.util
import pickle
import socket
import warnings
from pathlib import Path
from typing import Any, ClassVar

import pytest

from langchain_privacy.detection import (
    PresidioDetector,
    default_detectors,
    detect_all,
    presidio,
)
from langchain_privacy.detection.presidio import installed_models
from langchain_privacy.errors import ConfigurationError, DetectionError

pytest.importorskip("presidio_analyzer")
needs_model = pytest.mark.skipif("en" not in installed_models(), reason="no English spaCy model")
TEXT = "Yesterday Boutros visited Kongsvinger with people of Volkswagen. Mail ada@example.co.uk."


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    asked: list[Any] = []

    def refuse(*args: Any, **kwargs: Any) -> None:
        asked.append(args)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return asked


@needs_model
def test_finds_names_that_no_list_has_without_a_socket(no_network: list[Any]) -> None:
    found = {TEXT[f.start : f.end]: f.entity_type for f in detect_all(TEXT, default_detectors())}
    assert found["Kongsvinger"] in ("LOCATION", "PERSON", "ORGANIZATION")
    assert found["ada@example.co.uk"] == "EMAIL"
    assert no_network == []


@needs_model
def test_presidios_own_recognizers_ask_no_suffix_list(no_network: list[Any]) -> None:
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import NlpEngineProvider

    PresidioDetector().detect("Hello Anna")  # sets tldextract on its own list
    model = {"lang_code": "en", "model_name": installed_models()["en"]}
    provider = NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": [model]})
    analyzer = AnalyzerEngine(nlp_engine=provider.create_engine(), supported_languages=["en"])
    found = PresidioDetector(analyzer=analyzer).detect(TEXT)
    assert "EMAIL_ADDRESS" in {f.entity_type for f in found}
    assert no_network == []


class TinyGliner:
    """Answers as GLiNER does; it knows words by heart, cut by a real tokenizer."""

    words: ClassVar = {"Kjersti": "person", "Bodø": "city"}

    @classmethod
    def from_pretrained(cls, name: str, **_: object) -> "TinyGliner":
        assert name == "/models/tiny"
        return cls()

    def predict_entities(
        self, text: str, labels: list[str], threshold: float, **_: object
    ) -> list[dict[str, Any]]:
        from tests.support.tiny_ner import tokenizer

        cut: Any = tokenizer(self.words)
        encoding = cut.encode(text)
        return [
            {"label": self.words[token], "score": 0.9, "start": start, "end": end}
            for token, (start, end) in zip(encoding.tokens, encoding.offsets, strict=True)
            if self.words.get(token) in labels and threshold < 0.9
        ]


@needs_model
def test_gliner_comes_through_presidio(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tokenizers")
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import NlpEngineProvider
    from presidio_analyzer.predefined_recognizers.ner import gliner_recognizer

    monkeypatch.setattr(gliner_recognizer, "GLiNER", TinyGliner)
    recognizer = gliner_recognizer.GLiNERRecognizer(
        model_name="/models/tiny", entity_mapping={"person": "PERSON", "city": "LOCATION"}
    )
    model = {"lang_code": "en", "model_name": installed_models()["en"]}
    provider = NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": [model]})
    analyzer = AnalyzerEngine(
        registry=RecognizerRegistry(recognizers=[recognizer], supported_languages=["en"]),
        nlp_engine=provider.create_engine(),
        supported_languages=["en"],
    )
    text = "Yesterday we asked Kjersti whether she moves to Bodø, and she said " + "no " * 200
    text += "to Kjersti's boss."  # beyond the first chunk
    found = detect_all(text, [PresidioDetector(analyzer=analyzer)], language="en")
    assert {(f.entity_type, text[f.start : f.end]) for f in found} == {
        ("PERSON", "Kjersti"),
        ("LOCATION", "Bodø"),
    }
    assert len(found) == 3


@needs_model
def test_a_name_ends_with_its_line() -> None:
    text = (
        "Patient: Marianne Thistlewood\nDate of birth: 3 May 1961\nOxygen: 98 %\nSimvastatin 20 mg"
    )
    found = {text[f.start : f.end] for f in detect_all(text, default_detectors())}
    assert found == {"Marianne Thistlewood", "3 May 1961"}


@needs_model
def test_a_language_without_a_model_gives_nothing() -> None:
    assert PresidioDetector({"en": installed_models()["en"]}).detect("홍길동은 부산에 산다") == []


@needs_model
def test_long_and_broken_texts(no_network: list[Any]) -> None:
    detector = PresidioDetector()
    text = "\ud800\x00 " + "Nothing here.\n" * 4000 + "Ask Barack Obama in Chicago."
    found = detector.detect(text, language="en")
    assert "Barack Obama" in {text[f.start : f.end] for f in found}


@needs_model
def test_detectors_share_the_loaded_model_and_pickle_without_it() -> None:
    first, second = PresidioDetector(), PresidioDetector()
    first.detect("Hello Anna")
    second.detect("Hello Anna")
    assert first._loaded() is second._loaded()
    again = pickle.loads(pickle.dumps(first))
    assert again.detect("Barack Obama spoke.", language="en")


class Recording:
    """An analyzer that finds nothing and keeps what it was shown."""

    supported_languages = ("en",)

    def __init__(self) -> None:
        self.shown: list[str] = []

    def analyze(self, text: str, language: str) -> list[Any]:
        self.shown.append(text)
        return []


def shown(text: str) -> list[str]:
    analyzer = Recording()
    PresidioDetector({"en": "x"}, analyzer=analyzer).detect(text, language="en")
    return analyzer.shown


@pytest.mark.parametrize("end", ["\n", ". ", " "])
def test_a_long_text_is_shown_in_parts_that_end_where_a_line_a_sentence_or_a_word_does(
    end: str,
) -> None:
    text = ("Ask Barack Obama in Chicago" + end) * 40_000  # more than spaCy takes in one piece
    parts = shown(text)
    assert "".join(parts) == text
    assert len(text) > 1_000_000
    assert max(map(len, parts)) <= 50_000
    assert all(part[-1].isspace() or part.endswith(".") for part in parts)


@pytest.mark.parametrize("mark", ["[", "(", '"', "'", "$", "_", "“", ":)", "'s", "[a", "1]", "a-"])
def test_no_word_with_many_marks_reaches_the_tokenizer(mark: str) -> None:
    """It takes them off one by one and looks at the rest each time: quadratic time."""
    text = mark * 4_000
    (part,) = shown(text)
    assert len(part) == len(text)
    assert max(map(len, part.split()), default=0) <= 300 + len(mark)


def test_ordinary_text_is_shown_as_it_is() -> None:
    text = "".join(
        [
            "Name ........................................ Ada | ------------------------ |\n",
            "https://example.org/" + "a-path/with?marks=1&more=2/" * 9 + "\n",
            "a" * 2_000 + " 남궁솔\n",  # no marks, no harm
        ]
    )
    assert shown(text) == [text]


class Failing:
    supported_languages = ("en",)

    def analyze(self, text: str, language: str) -> None:
        raise RuntimeError(text)


def test_a_failure_is_a_detection_error_without_the_text() -> None:
    with pytest.raises(DetectionError) as caught:
        PresidioDetector({"en": "x"}, analyzer=Failing()).detect("hunter2", language="en")
    assert "hunter2" not in repr(caught.value)


def test_one_warning_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(presidio, "_warned", set())
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda n: None if n == "spacy" else find_spec(n)
    )
    with pytest.warns(UserWarning, match=r"langchain-privacy\[presidio\]") as said:
        names = [detector.name for detector in default_detectors(ner=False)]
    assert [warning.filename for warning in said] == [__file__]  # not a line of ours
    assert names == ["rules", "personal", "unlisted"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        default_detectors(ner=False)
    with pytest.raises(ConfigurationError, match="presidio"):
        default_detectors(presidio=True)


def test_korean_alone_needs_no_english_model() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        detectors = default_detectors(("ko",))
    assert detectors[0].detect("Tenant: Hans Oberhuber") == []


@pytest.fixture
def french_model(tmp_path: Path) -> str:
    """A French pipeline of spaCy's own parts that knows two names."""
    import spacy

    nlp = spacy.blank("fr")
    nlp.add_pipe("entity_ruler").add_patterns(  # type: ignore[attr-defined]
        [
            {"label": "PER", "pattern": "Yannig Le Bihan"},
            {"label": "LOC", "pattern": "Plougastel"},
            {"label": "MISC", "pattern": "mari"},
        ]
    )
    nlp.to_disk(tmp_path / "fr_model")
    return str(tmp_path / "fr_model")


FRENCH = "Mon mari, Yannig Le Bihan, habite à Plougastel."


@pytest.mark.parametrize("language", [None, "fr"])
def test_a_model_of_another_language_is_run(french_model: str, language: str | None) -> None:
    detectors = [*default_detectors(presidio=False), PresidioDetector({"fr": french_model})]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # and nobody says that French is not read
        found = detect_all(FRENCH, detectors, language=language)
    assert [(f.entity_type, FRENCH[f.start : f.end]) for f in found] == [
        ("PERSON", "Yannig Le Bihan"),
        ("LOCATION", "Plougastel"),
    ]


@needs_model
def test_a_text_that_is_unsure_is_read_by_every_model_of_its_script(french_model: str) -> None:
    detector = PresidioDetector({"en": installed_models()["en"], "fr": french_model})
    text = "Yannig Le Bihan\nPlougastel\n"
    assert "Plougastel" in {text[f.start : f.end] for f in detector.detect(text)}
    assert detector.detect("Yannig Le Bihan, Plougastel", language="en") != detector.detect(text)
    assert detector.detect(FRENCH, language="de") == []


def test_languages_without_a_model_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presidio, "_warned", set())
    monkeypatch.setattr(presidio, "installed_models", lambda languages: {})
    with pytest.warns(UserWarning, match="'fr' is installed .*fr_core_news_sm.*'tlh' is installed"):
        default_detectors(("fr", "tlh"), ner=False)


def test_a_package_that_carries_a_model_in_a_folder_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, french_model: str
) -> None:
    package = tmp_path / "carries_a_model"
    package.mkdir()
    (package / "__init__.py").write_text("")
    Path(french_model).rename(package / "_model")
    monkeypatch.syspath_prepend(tmp_path)
    found = PresidioDetector({"fr": "carries_a_model"}).detect(FRENCH)
    assert {FRENCH[f.start : f.end] for f in found} == {"Yannig Le Bihan", "Plougastel"}
