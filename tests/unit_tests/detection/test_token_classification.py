"""Models of your own that label tokens: labels, whole words, windows, and answers that are wrong.

`transformers` is not installed here. The pipeline is one in shape only, but its tokens and offsets
come from a real tokenizer.
"""

from pathlib import Path
from typing import Any

import pytest

from langchain_privacy.detection import TokenClassificationDetector, detect_all
from langchain_privacy.detection.token_classification import TYPES, type_of, windows
from langchain_privacy.errors import ConfigurationError, DetectionError

pytest.importorskip("tokenizers")
LABELS = {
    "Kjersti": "B-private_person",
    "Bøe": "I-private_person",
    "Kongsvinger": "B-LOC",
    "Tuesday": "DATE",
    "4028": "B-account_number",
}


def pipeline(texts: list[str]) -> list[list[dict[str, Any]]]:
    from tests.support.tiny_ner import tokenizer

    cut: Any = tokenizer(LABELS)
    return [
        [
            {"entity": LABELS[token], "score": 0.9, "start": start, "end": end, "word": token}
            for token, (start, end) in zip(encoding.tokens, encoding.offsets, strict=True)
            if token in LABELS
        ]
        for encoding in cut.encode_batch(texts)
    ]


def test_labels_become_findings_of_our_types() -> None:
    text = "On Tuesday Kjersti Bøe moved to Kongsvinger, account 4028."
    found = detect_all(text, [TokenClassificationDetector(pipeline)])
    assert [(f.entity_type, text[f.start : f.end]) for f in found] == [
        ("PERSON", "Kjersti Bøe"),
        ("LOCATION", "Kongsvinger"),
        ("BANK_ACCOUNT", "4028"),
    ]
    only = TokenClassificationDetector(pipeline, types={"LOC": "PLACE"})
    assert [f.entity_type for f in detect_all(text, [only])] == ["PLACE"]
    assert detect_all(text, [TokenClassificationDetector(pipeline, threshold=0.95)]) == []


def test_long_texts_are_read_in_windows() -> None:
    text = "Kjersti Bøe. " * 500
    detector = TokenClassificationDetector(pipeline, window=100)
    assert {text[f.start : f.end] for f in detector.detect(text)} == {"Kjersti Bøe"}
    assert len({f.start for f in detector.detect(text)}) == 500
    assert len(detect_all("Kjersti Bøe and " * 500, [detector])) == 500


@pytest.mark.parametrize("text", ["", "a", "a b " * 500, "ab. " * 500, "a" * 1000, "\n" * 500])
def test_windows_leave_nothing_out(text: str) -> None:
    seen = set()
    for start, end in windows(text, 100):
        assert 0 < end - start <= 100
        seen.update(range(start, end))
    assert {i for i, char in enumerate(text) if not char.isspace()} <= seen


def test_half_a_word_and_grouped_answers_are_whole_words() -> None:
    def grouped(texts: list[str]) -> list[list[dict[str, Any]]]:
        return [[{"entity_group": "PER", "score": 0.8, "start": 5, "end": 8}] for _ in texts]

    text = "With Kjersti."
    assert [text[f.start : f.end] for f in TokenClassificationDetector(grouped).detect(text)] == [
        "Kjersti"
    ]


@pytest.mark.parametrize(
    "answer",
    [
        [[{"entity": "PER", "score": 0.9, "start": 5, "end": 99}]],
        [[{"entity": "PER", "score": 0.9, "start": -3, "end": 2}]],
        [[{"entity": "PER", "score": 0.9, "start": 8, "end": 5}]],
        [[{"entity": "PER", "score": 0.9, "start": None, "end": None}]],
        [[{"label": "PER", "score": 0.9, "start": 0, "end": 4}]],
        [],
        [[], []],
        None,
        "Kjersti",
    ],
)
def test_a_wrong_answer_is_an_error_without_the_text(answer: Any) -> None:
    detector = TokenClassificationDetector(lambda texts: answer)
    with pytest.raises(DetectionError) as caught:
        detector.detect("With Kjersti.")
    assert "Kjersti" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_model_that_fails_is_an_error_without_the_text() -> None:
    def fails(texts: list[str]) -> None:
        raise RuntimeError(texts[0])

    with pytest.raises(DetectionError) as caught:
        TokenClassificationDetector(fails).detect("With Kjersti.")
    assert "Kjersti" not in str(caught.value)


def test_it_runs_on_its_languages() -> None:
    detector = TokenClassificationDetector(pipeline, languages=("nb",))
    assert detector.detect("Kjersti", language="de") == []
    assert detector.detect("Kjersti", language="nb") != []
    assert detector.detect("Kjersti") != []  # unsure


def test_nothing_is_downloaded(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no folder"):
        TokenClassificationDetector("openai/privacy-filter")
    with pytest.raises(ConfigurationError, match="transformers"):
        TokenClassificationDetector(str(tmp_path))


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ("B-PER", "PERSON"),
        ("I-private_person", "PERSON"),
        ("first name", "PERSON"),
        ("S-LOC", "LOCATION"),
        ("private_email", "EMAIL"),
        ("O", None),
        ("DATE", None),
    ],
)
def test_labels_of_published_models_are_known(label: str, kind: str | None) -> None:
    assert type_of(label) == kind
    assert "O" not in TYPES
