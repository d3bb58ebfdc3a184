"""A long text is read in pieces, and what runs over a cut is found all the same."""

import asyncio
from functools import partial

import pytest

from langchain_privacy.detection import (
    Detector,
    Finding,
    adetect_all,
    default_detectors,
    detect_all,
    made_strict,
)
from langchain_privacy.detection import detect as settling
from langchain_privacy.detection.pieces import LONGEST, Piece, pieces

PROSE = "the invoice for march was sent to accounting and nobody has answered yet. "
RULES = default_detectors(presidio=False)


def test_a_text_up_to_the_longest_piece_is_one() -> None:
    assert list(pieces("a" * LONGEST)) == [Piece(0, 0, LONGEST, LONGEST)]
    assert list(pieces("")) == [Piece(0, 0, 0, 0)]


@pytest.mark.parametrize("between", ["", " ", ". ", "\n", "\n\n"])
def test_pieces_follow_each_other_and_overlap(between: str) -> None:
    text = between.join(["x" * 37] * 200)
    cut = list(pieces(text, 1000, 100))
    assert [piece.first for piece in cut] == [0, *(piece.last for piece in cut[:-1])]
    assert cut[-1].last == cut[-1].stop == len(text)
    for piece in cut:
        assert piece.last - piece.first <= 1000
        assert piece.first == 0 or 50 <= piece.first - piece.start <= 100
        assert piece.last == len(text) or 50 <= piece.stop - piece.last <= 100
        assert piece.last == len(text) or text[: piece.last].endswith(between)


def test_the_end_of_a_paragraph_is_the_best_cut() -> None:
    text = "one two. three\nfour\n\nfive six. seven\neight nine"
    assert text[: next(pieces(text, 38, 4)).last] == "one two. three\nfour\n\n"


class Everything(Detector):
    """Finds each word in capitals, and notes the texts that it reads."""

    name = "everything"

    def __init__(self) -> None:
        self.read: list[int] = []

    def detect(self, text: str, *, language: str | None = None) -> list[Finding]:
        self.read.append(len(text))
        found, at = [], 0
        for word in text.split():
            at = text.index(word, at)
            if word.isupper():
                end = at + len(word)
                found.append(
                    Finding(start=at, end=end, entity_type="ID", score=0.9, detector=self.name)
                )
            at += len(word)
        return found


def test_detectors_read_no_more_than_a_piece_and_find_each_value_once() -> None:
    text = "".join(f"{PROSE}VALUE{'X' * (n % 7)} " for n in range(5000))
    detector = Everything()
    found = detect_all(text, [detector], everywhere=False)
    assert len(detector.read) > 1
    assert max(detector.read) < LONGEST * 1.2
    assert len(found) == 5000
    assert all(text[f.start : f.end].startswith("VALUE") for f in found)
    assert found == asyncio.run(adetect_all(text, [Everything()]))


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(
    "value",
    ["My name is: Wilhelmina Okonkwo", "담당자: 남궁솔", "DE89 3704 0044 0532 0130 00",
     "12 Birch Street,\nSpringfield, IL 62704"],
)  # fmt: skip
def test_a_value_over_a_cut_is_found_whole(
    value: str, strict: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    longest = 4096
    monkeypatch.setattr(settling, "LONGEST", longest)
    cut = partial(pieces, longest=longest, around=1024)
    monkeypatch.setattr(settling, "pieces", cut)
    detectors = made_strict(RULES) if strict else RULES
    private = value.partition(": ")[2] or value
    for before in range(0, len(value), 3):  # a cut falls into the value, or beside it
        # long words of signs leave no better place for a cut
        text = "=" * (longest - before - 1) + f"\t{value}\t" + "=" * 2000
        assert before == 0 or next(cut(text)).last > longest - before
        hidden = {i for f in detect_all(text, detectors) for i in range(f.start, f.end)}
        at = text.index(private)
        assert hidden.issuperset(at + i for i, c in enumerate(private) if c.isalnum())


def test_a_name_is_masked_in_every_piece_where_one_tells_it() -> None:
    text = f"{PROSE * 1000}\nMy name is Zorblatt Vandeleur.\n{PROSE * 1000} ask Vandeleur."
    found = detect_all(text, RULES)
    said = [text[f.start : f.end] for f in found if f.entity_type == "PERSON"]
    assert said == ["Zorblatt Vandeleur", "Vandeleur"]


@pytest.mark.parametrize("value", ["4471923086" * 30_000, "https://a.example/" + "x7" * 150_000])
def test_what_is_longer_than_a_piece_is_one_value(value: str) -> None:
    text = f"See {value} there."
    found = detect_all(text, made_strict(RULES))
    assert sum(f.end - f.start for f in found) >= len(value)
    assert not set(range(4, 4 + len(value))).difference(*(range(f.start, f.end) for f in found))
