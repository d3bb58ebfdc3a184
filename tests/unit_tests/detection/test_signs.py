"""The signs of rules: one look at a text decides which rules run, and none that would find."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from langchain_privacy.detection import dates, personal
from langchain_privacy.detection.anchors import Anchored
from langchain_privacy.detection.defaults import BY_LANGUAGE, ELSEWHERE, STRUCTURED
from langchain_privacy.detection.finding import Finding
from langchain_privacy.detection.folded import (
    HANGUL,
    LONG_WORD,
    NOT_ASCII,
    FoldedText,
    digits,
    fold,
)
from langchain_privacy.detection.once import one_reading
from langchain_privacy.detection.rules import Cues, Rule, RulesDetector, announced_by, finding

HERE = Path(__file__).parent
RULES = {
    rule
    for rules in (STRUCTURED, *BY_LANGUAGE.values(), *ELSEWHERE.values())
    for rule in rules
    if hasattr(rule, "signs")
}


def texts() -> Iterator[str]:
    """Every text of the tests of detection, whole, by lines, and each line in small letters."""
    for file in sorted(HERE.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
    for file in sorted((HERE.parents[1] / "vectors" / "detection").glob("*.txt")):
        text = file.read_text("utf-8")
        yield from (text, *text.splitlines(), *text.lower().splitlines(), *text.split("\n\n"))


@pytest.fixture(scope="module")
def found_in() -> list[tuple[str, frozenset[str], set[Rule]]]:
    """Which rules find something in a text, asked all of them."""
    found = []
    for text in dict.fromkeys(texts()):
        with one_reading():
            folded = fold(text)
            finders = {rule for rule in RULES if any(True for _ in rule(folded))}
            found.append((text, folded.signs, finders))
    return found


def test_no_rule_finds_something_without_its_signs(
    found_in: list[tuple[str, frozenset[str], set[Rule]]],
) -> None:
    missed = [
        (rule.__name__, text)
        for text, signs, finders in found_in
        for rule in finders
        if rule.signs.isdisjoint(signs)  # type: ignore[attr-defined]
    ]
    assert missed == []


def test_every_rule_with_signs_found_something(
    found_in: list[tuple[str, frozenset[str], set[Rule]]],
) -> None:
    assert set().union(*(finders for _, _, finders in found_in)) == RULES


@pytest.mark.parametrize(
    ("text", "signs"),
    [
        ("Call 555 0134 99", {digits(9)}),
        ("AB12 3456", {digits(6, letters=True)}),
        ("가나 123456", {HANGUL, NOT_ASCII, digits(6)}),
        ("ünder", {NOT_ASCII}),
        ("sk-aaaaaaaaaaaaaaaa", {LONG_WORD}),
        ("a house", {"house"}),
    ],
)
def test_signs_of_a_text(text: str, signs: set[str]) -> None:
    assert signs <= fold(text).signs


def test_digits_far_apart_are_not_counted_together() -> None:
    assert digits(6) not in fold("123 and then 456").signs
    assert digits(6, letters=True) not in fold("가나 123456").signs


def test_a_rule_without_its_sign_is_not_run() -> None:
    @announced_by("zebra", parts=["??"])
    def rule(_: FoldedText) -> Iterator[Finding]:
        raise AssertionError

    assert RulesDetector([rule]).detect("A horse?") == []
    for text in ("A zebra.", "What??"):
        with pytest.raises(Exception, match="AssertionError"):
            RulesDetector([rule]).detect(text)


def test_a_rule_without_signs_is_run_on_a_text_without_any() -> None:
    detector = RulesDetector([lambda text: [finding(0, len(text.text), "ALL", 1.0, "all")]])
    assert len(detector.detect("q")) == 1


def test_what_may_stand_anywhere_is_no_sign() -> None:
    with pytest.raises(AssertionError, match="anywhere"):
        announced_by(Anchored("x"))
    assert announced_by(Cues(["a word"]))(lambda _: []).signs == {"word"}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("cue", "text", "found"),
    [
        ("the hague", "To The Hague, the Hagues, in the hague", [(3, 12), (29, 38)]),
        ("@author", "see @author mira", [(4, 11)]),  # without Hangul
        ("a.k.a.", "Rex, a.k.a. Tom", [(5, 11)]),
        ("token", "a token, mytoken, token2, my_token, 토큰token", [(2, 7), (29, 34), (38, 43)]),
        ("이름", "그의이름은", [(2, 4)]),
    ],
)
def test_a_cue_is_found_as_a_whole_word(cue: str, text: str, found: list[tuple[int, int]]) -> None:
    assert sorted(Cues([cue]).find(fold(text))) == found


# ---- personal details are looked for by their signs, too


def _said_with_their_signs() -> Iterator[str]:
    yield from texts()
    units = dates.MONEY_BEGINS | {"euro", "dollars", "pounds", "won", "rupees", "quid", "grand"}
    for unit in units:
        yield from (f"{unit} 5", f"{unit.upper()}5", f"5 {unit}", f"5.{unit},", f"5k {unit}")
        yield from (f"5{scale}{unit}" for scale in ("k", "bn", "million", "lakh"))
    yield from (f"{sign}5 5{sign}" for sign in dates.MONEY_SIGNS)
    yield from ("it is worth 5", "5 an hour", "5 per hour", "20k", "5 Euro\u017f", "1 \u017fept")
    yield from ("on 1-2-85", "2021. 3. 4", "3월 4일", "the 2nd of next", "(2020)", "2019년 3월")
    yield from (f"since {feast}" for feast in (*personal._FEASTS, "new year's"))
    yield from ("12 years experience", "forty years of marriage", "GPA 3.41", "a 4.1/4.5 CGPA")
    yield from (f"{room} 12A" for room in personal._ROOMS)
    yield from ("연봉 2억", "신용점수는 358", "다음 주 월요일", "금요일까지", "주문 번호 4471-9")


def test_no_personal_detail_is_found_without_its_signs(monkeypatch: pytest.MonkeyPatch) -> None:
    about = personal._About
    for question in ("personal", "others", "named", "has"):  # as if a person were everywhere
        monkeypatch.setattr(about, question, lambda *_, **__: True)
    missed, finders = [], set()
    for text in dict.fromkeys(_said_with_their_signs()):
        with one_reading():
            folded = fold(text)
            found = {look for look in personal._LOOKS if any(True for _ in look(about(folded, ())))}
            announced = personal._ANNOUNCED.announced(folded.signs)
            missed += [(look, text) for look in found if look not in announced]
            finders |= found
    assert missed == []
    assert finders == set(personal._LOOKS)
