"""A pattern that is tried only where a match can begin finds what it finds everywhere."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from langchain_privacy.detection import (
    addresses,
    ages,
    contact,
    named_things,
    personal,
    presented,
)
from langchain_privacy.detection.anchors import Anchored, words_of
from langchain_privacy.detection.dates import around_digits
from langchain_privacy.detection.vocabulary import cues, numbers
from langchain_privacy.values.fold import normal

_MODULES = (addresses, ages, contact, cues, named_things, numbers, personal, presented)
_PROMPTS = Path(__file__).parents[2] / "vectors" / "prompts"
# What other texts lack, and letters that patterns without regard to case take for ASCII ones.
_SAYINGS = (
    "I turned 34 in May 2021; she is 5'4\" and weighs 54 kg. J'ai 30 ans, tengo 40 años.",
    "Our dog Rex (my aunt, 71) waits at the Button Museum for the Harbor project, on my way.",
    "Since monday I work as a nurse at st mary ward, rent is 900 a month, order 44719-B, ref12345.",
    "My ſalary is 1,200 and \u0130 am 43. I'm twenty-two, both nine, tel 5 mar, RS.500, $ 1k, #7a.",
    "username foo_bar1 u/gentle_fern kestrel#4471 known as meeple_77. Mr. B, J. R. Ewing, U.S.A.",
    "we live at 12 and the neighbours at number 31, door no. 4b; born here in leeds. 1990-02-03",
    "from 2019년 to 2021 (2020) by 2018, -2017; the 14th of this month for six years. abc123-x/4.",
    "MY SON, 5, WAS BORN IN MARCH. \n34 male, i am half irish, who's dutch, her german mother",
)


def _anchored() -> Iterator[tuple[str, Anchored]]:
    for module in _MODULES:
        for name, held in vars(module).items():
            for index, each in enumerate(held if isinstance(held, tuple) else (held,)):
                if isinstance(each, Anchored):
                    yield f"{module.__name__.rpartition('.')[2]}.{name}.{index}", each


_ALL = dict(_anchored())


def _texts() -> Iterator[str]:
    yield from _SAYINGS
    for text in _SAYINGS:
        yield text.upper()
        yield text.title()
        yield " ".join(text.split()[::-1])
    for part in sorted(_PROMPTS.glob("*.jsonl")):
        for line in part.read_text("utf-8").splitlines():
            yield normal(json.loads(line)["text"]).text


_TEXTS = list(dict.fromkeys(_texts()))


def _spans(matches: Iterable[re.Match[str]]) -> list[tuple[int, int]]:
    return [match.span() for match in matches]


@pytest.mark.parametrize("name", _ALL)
def test_an_anchored_pattern_finds_what_it_finds_everywhere(name: str) -> None:
    anchored = _ALL[name]
    for text in _TEXTS:
        words = words_of(text)
        searched = words.lower if anchored.in_lower else text
        assert _spans(anchored.find(words)) == _spans(anchored.pattern.finditer(searched)), text
        for stretch in around_digits(text):
            begin, stop = stretch.begin, stretch.stop
            found = _spans(anchored.find_in(words, stretch))
            assert found == _spans(anchored.pattern.finditer(searched, begin, stop)), text


def test_every_room_of_detection_with_such_a_pattern_is_looked_at() -> None:
    assert len(_ALL) > 25
    assert {name.partition(".")[0] for name in _ALL} == {
        module.__name__.rpartition(".")[2] for module in _MODULES
    }


@pytest.mark.parametrize(
    "text", ["1.5k at .5 and -.25 or +x3", "a" * 30 + "7 -b7 --8 .9.9", "x-5,6 7%"]
)
def test_numbers_are_taken_with_the_letters_and_the_sign_before_them(text: str) -> None:
    pattern = numbers._NUMBER
    for stretch in around_digits(text):
        found = list(numbers._numbers_in(text, stretch))
        assert found == _spans(pattern.finditer(text, stretch.begin, stretch.stop))


def test_lookalikes_of_ascii_letters_are_words_too() -> None:
    words = words_of("Paſſport, adı")
    assert {"passport", "adi", "adı"} <= words.known


def test_words_are_found_within_a_stretch_only() -> None:
    words = words_of("in 1 in 22 in 333")
    places = frozenset({"in"})
    assert list(words.places(places)) == [0, 5, 11]
    assert words.within(1, 11) == (1, 11, ["in"], [5], [3, 8])
    assert words.within(4, 12).numbers == [8]


def test_a_text_without_a_word_that_a_match_begins_with_is_not_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = words_of("no such word, 1")
    monkeypatch.setattr(type(words), "places", None)
    assert list(Anchored(r"\border \d", ["order"]).find(words)) == []
    assert (
        list(Anchored(r"\b(?:order )?1", ["order"], needs=["id"], numbers=True).find(words)) == []
    )
    with pytest.raises(TypeError):  # a number may begin it
        Anchored(r"\b(?:order )?1", ["order"], numbers=True).find(words)


def test_a_pattern_without_regard_to_case_is_written_in_small_letters() -> None:
    anchored = Anchored(r"\border no (?P<id>\w\d+)", ["order"], any_case=True)
    for text in ("ORDER no a1", "ORDER no a1 é"):
        assert [match.span("id") for match in anchored.find(words_of(text))] == [(9, 11)]
    with pytest.raises(AssertionError):
        Anchored(r"\bOrder", ["order"], any_case=True)
