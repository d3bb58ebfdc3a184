"""What is remembered of sentences: their outcome by a keyed digest, and none of their words."""

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from langchain_privacy import detection
from langchain_privacy.detection.korean.tokens import parts
from langchain_privacy.detection.once import remembered

SENTENCE = "환자 이름은 남궁솔입니다."


def counting(most: int) -> tuple[Callable[[str], int], list[str]]:
    asked: list[str] = []

    @remembered(most)
    def length(sentence: str) -> int:
        asked.append(sentence)
        return len(sentence)

    return length, asked


def test_a_sentence_is_worked_out_once() -> None:
    length, asked = counting(2)
    assert [length(SENTENCE), length(SENTENCE)] == [len(SENTENCE)] * 2
    assert asked == [SENTENCE]


def test_the_sentence_that_nobody_asked_for_longest_is_forgotten() -> None:
    length, asked = counting(2)
    for sentence in "abacab":
        length(sentence)
    assert asked == ["a", "b", "c", "b"]


def test_no_word_of_a_sentence_is_kept() -> None:
    length, asked = counting(2)
    length(SENTENCE)
    asked.clear()
    held: list[Any] = list(vars(length).values())
    kept = next(each for each in held if isinstance(each, OrderedDict))
    assert [len(digest) for digest in kept] == [16]
    assert "남궁솔" not in repr(held)


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("첫째. 둘째? 셋째", ["첫째. ", "둘째? ", "셋째"]),
        ("이름\n\n  홍길동", ["이름\n\n  ", "홍길동"]),
        ("2024. 3. 2. 계약", ["2024. 3. 2. 계약"]),  # no sentence ends behind a number
        ("", []),
        ("가 " * 1500, ["가 " * 1000, "가 " * 500]),
        ("가" * 4100, ["가" * 2000, "가" * 2000, "가" * 100]),
    ],
)
def test_a_text_is_cut_into_sentences_and_lines(text: str, cut: list[str]) -> None:
    assert [part for _, part in parts(text)] == cut
    assert all(text.startswith(part, at) for at, part in parts(text))


def test_no_word_of_a_text_is_kept_in_a_cache_of_its_own() -> None:
    """What remembers words keeps them beyond the session that they belong to."""
    room = Path(detection.__file__).parent
    assert not [file for file in room.rglob("*.py") if "lru_cache" in file.read_text("utf-8")]
