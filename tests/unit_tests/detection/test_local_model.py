"""A local model as a detector: real spans only, and closed when it fails."""

# ruff: noqa: E501 - tables read better whole

import pytest

from langchain_privacy.detection import LocalModelDetector, detect_all
from langchain_privacy.errors import DetectionError

TEXT = "Ask Wilhelmina about the  boat\nat pier nine. Wilhelmina knows."


def test_values_are_found_wherever_they_stand_and_inventions_dropped() -> None:
    answer = 'Here: [{"type": "PERSON", "text": "Wilhelmina"}, {"type": "SHIP", "text": "boat at pier"}, {"type": "ID", "text": "nobody"}]'
    found = LocalModelDetector(lambda _: answer).detect(TEXT)
    assert [(f.entity_type, TEXT[f.start : f.end]) for f in found] == [
        ("PERSON", "Wilhelmina"),
        ("PERSON", "Wilhelmina"),
        ("PRIVATE", "boat\nat pier"),
    ]


def test_windows_overlap_so_that_no_value_is_cut() -> None:
    text = "x" * 2990 + " Wilhelmina " + "y" * 3000
    asked: list[str] = []

    def ask(prompt: str) -> str:
        asked.append(prompt)
        return '[{"type": "PERSON", "text": "Wilhelmina"}]' if "Wilhelmina" in prompt else "[]"

    found = detect_all(text, [LocalModelDetector(ask)])
    assert len(asked) > 1
    assert [text[f.start : f.end] for f in found] == ["Wilhelmina"]


def test_the_prompt_is_in_the_language_of_the_text() -> None:
    asked: list[str] = []
    LocalModelDetector(lambda p: asked.append(p) or "[]").detect("이 글에는 아무것도 없다.")
    assert "JSON 배열" in asked[0]


@pytest.mark.parametrize(
    "answer", ["I cannot help", "[{}]", '["Wilhelmina"]', "[", "][", '{"a": 1}']
)
def test_an_answer_that_is_no_list_fails_closed(answer: str) -> None:
    asked: list[str] = []
    with pytest.raises(DetectionError, match="no list"):
        LocalModelDetector(lambda p: asked.append(p) or answer).detect(TEXT)
    assert len(asked) == 2


def test_a_model_that_is_down_fails_closed() -> None:
    def down(prompt: str) -> str:
        raise ConnectionError(prompt)

    with pytest.raises(DetectionError) as caught:
        LocalModelDetector(down).detect(TEXT)
    assert "Wilhelmina" not in repr(caught.value)


def test_an_empty_text_asks_nobody() -> None:
    assert LocalModelDetector(lambda p: pytest.fail("asked")).detect(" \n") == []
