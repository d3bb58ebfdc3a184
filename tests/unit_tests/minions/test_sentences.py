"""Sentences are offsets, so whatever is quoted stands in the text."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_privacy.minions.sentences import LONGEST, sentences


def cut(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "It rained all of Monday. Two days! Three?",
            ["It rained all of Monday.", "Two days!", "Three?"],
        ),
        ("Direct deposit. A credit was posted.", ["Direct deposit. A credit was posted."]),
        ("급여 입금. 3월에 입금되었다.", ["급여 입금. 3월에 입금되었다."]),
        ("Seen by Dr. Smith on 3 May. She left.", ["Seen by Dr. Smith on 3 May.", "She left."]),
        ("Paid to J. Miller at 8 p.m. on Monday.", ["Paid to J. Miller at 8 p.m. on Monday."]),
        (
            "1. Rent is due on the first of May. 2. No.",
            ["1. Rent is due on the first of May.", "2. No."],
        ),
        ("제3조 대금. 대금은 7만원이다.", ["제3조 대금. 대금은 7만원이다."]),
        ("Total 8,412.66 dollars. Next", ["Total 8,412.66 dollars.", "Next"]),
        (
            "잔금은 9월에 지급한다. 차임은 40만원이다.",
            ["잔금은 9월에 지급한다.", "차임은 40만원이다."],
        ),
        ("Name: A\nPhone: B\n\n", ["Name: A", "Phone: B"]),
        (
            "The tenant shall give the landlord written notice of at\nleast sixty days. Then go.",
            [
                "The tenant shall give the landlord written notice of at\nleast sixty days.",
                "Then go.",
            ],
        ),
        ("", []),
        ("   \n \n", []),
        ("\x00\x00 odd\x00", ["\x00\x00 odd\x00"]),
    ],
)
def test_cuts(text: str, expected: list[str]) -> None:
    assert cut(text) == expected


def test_no_piece_is_long() -> None:
    text = "word, " * 400
    assert all(len(piece) <= LONGEST for piece in cut(text))
    assert "".join(text.split()) == "".join("".join(cut(text)).split())


@pytest.mark.parametrize("unit", ["A. ", "1. ", ". ", ".\t", "가. ", "x. a "], ids=range(6))
def test_four_times_the_text_takes_no_sixteen_times_as_long(unit: str) -> None:
    def seconds(characters: int) -> float:
        text = (unit * characters)[:characters]
        began = time.thread_time()
        assert all(end - start <= LONGEST for start, end in sentences(text))
        return time.thread_time() - began

    assert seconds(400_000) < 9 * seconds(100_000) + 0.05


@given(st.text(alphabet=st.sampled_from("aB1 .,;!?\n다요가-\"'["), max_size=1200))
def test_offsets_are_ordered_and_lose_nothing(text: str) -> None:
    spans = sentences(text)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(a[1] <= b[0] for a, b in pairwise(spans))
    kept = {i for start, end in spans for i in range(start, end)}
    lost = [c for i, c in enumerate(text) if i not in kept and not c.isspace()]
    assert len(lost) <= text.count("\n") + len(spans) + 1 + text.count(".") * 2
