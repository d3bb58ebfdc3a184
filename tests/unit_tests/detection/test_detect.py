"""`detect_all`: overlaps, propagation, placeholders, thresholds, failures."""

# ruff: noqa: E501 - tables read better whole

import logging
import re

import pytest

from langchain_privacy.detection import (
    Detector,
    DictionaryDetector,
    Finding,
    adetect_all,
    default_detectors,
    detect,
    detect_all,
    high_confidence_detectors,
    merge_findings,
    propagate,
)
from langchain_privacy.detection.detect import _merged
from langchain_privacy.errors import DetectionError

RULES = default_detectors(presidio=False)


def finding(start: int, end: int, kind: str = "A", score: float = 0.5) -> Finding:
    return Finding(start=start, end=end, entity_type=kind, score=score, detector="t")


def values(text: str, found: list[Finding]) -> list[str]:
    return [text[f.start : f.end] for f in found]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([finding(0, 5), finding(5, 9)], [(0, 5), (5, 9)]),
        ([finding(0, 9), finding(2, 4)], [(0, 9)]),
        ([finding(0, 9), finding(6, 12)], [(0, 9), (9, 12)]),
        ([finding(0, 20), finding(5, 9, score=0.9)], [(0, 5), (5, 9), (9, 20)]),
        ([finding(3, 3)], []),
        ([], []),
    ],
)
def test_overlaps_leave_no_found_character_clear(
    given: list[Finding], expected: list[tuple[int, int]]
) -> None:
    assert [(f.start, f.end) for f in merge_findings(given)] == expected


def test_of_equal_spans_the_surer_one_names_the_type() -> None:
    merged = merge_findings([finding(0, 5, "X", 0.5), finding(0, 5, "Y", 0.7)])
    assert [f.entity_type for f in merged] == ["Y"]


def test_a_name_is_found_again_in_its_parts() -> None:
    text = "Tenant: Hans Oberhuber. Oberhuber pays. Hans moved. The hansom cab."
    assert values(text, detect_all(text, RULES)) == ["Hans Oberhuber", "Oberhuber", "Hans"]


def test_a_korean_name_is_found_again_with_a_title() -> None:
    text = "담당자: 서지훈\n서지훈은 왔다. 지훈 씨와 서 부장은 갔다. 서울은 맑다. 지훈련"
    assert values(text, detect_all(text, RULES)) == ["서지훈", "서지훈", "지훈", "서"]


def test_a_number_is_found_again_with_other_separators() -> None:
    text = "Account number: 4028-7719-3305. The sum left 402877193305 and 4028 7719 3305."
    found = values(text, detect_all(text, RULES))
    assert found == ["4028-7719-3305", "402877193305", "4028 7719 3305"]


def test_unsure_findings_spread_nothing() -> None:
    assert propagate("Ada and Ada", [finding(0, 3, "PERSON", 0.3)]) == []
    assert len(propagate("Ada and Ada", [finding(0, 3, "PERSON", 0.6)])) == 1


_AGAIN = (
    "Ask <PERSON:Graham Tolliver>, <PERSON:Graham> or G. Tolliver; TOLLIVER knows graham_tolliver.",
    "Ask <PERSON:Graham Tolliver>; <PERSON:Tolliver> is away, says Mira. M. <PERSON:Solheim> too.",
    "<PERSON:Mira Solheim> writes from <EMAIL:mira.solheim@example.org>, <WORD:Solheim Bay>.",
    "<PERSON:Mira O'N> and O'N. <PERSON:Jean-Luc Roy>, Jean Luc. <PERSON:La La> in La La La.",
    "<WORD:12 12> in 12 12 12, <NUMBER:471-1923> is 4711923; <ID:AB 12345> and 12345.",
    "<ID:1a23456> and 123456, <ID:77-123456-x>. <AGE:34> and 34, <AGE:1234> and 12 34.",
    "Born <DATE_OF_BIRTH:2 March 1985>, so 1985-03-02. On <NUMBER:2024-05-03>, paid in 2024.",
    "Born <DATE_OF_BIRTH:2 March 1985>. <DATE_TIME:4 May 2019> and <DATE_TIME:May 4, 2019>.",
    "Call +44 <PHONE:131 496 0155> or <PHONE:+1 415 555 0134>, (415) 555-0134.",
    "Call <PHONE:0131 496 0155>, +44 131 496 0155; <PHONE:+49 30 1234567> alone. ,+1 <PHONE:2>",
    "It costs <MONEY:$312,000>, so 312000; <MONEY:850,000,000원> is 8억 5,000만, <MONEY:€31,500>.",
    "<MONEY:팔억 오천만>이고 850,000,000원이다. <MONEY:12,500원>, <NUMBER:일이삼사>.",
    "담당자 <PERSON:서지훈>, 지훈 씨와 서 부장, <PERSON:김민수>는 <PERSON:민수> 씨. 김 <ID:부장>",
    "<PERSON:Zoë Ågren> and ZOË, <LOCATION:Göteborg> (GO\u0308TEBORG), “<WORD:Ågren>” \u24b6gren.",
    "<LOCATION:Japan> to Japan, <LOCATION:Brazil>. <HEALTH:asthma> and asthma. <SECRET:--> --",
)


@pytest.mark.parametrize("marked", _AGAIN)
@pytest.mark.parametrize("score", [0.5, 0.9])
def test_what_is_looked_for_nowhere_else_stands_nowhere_else(
    marked: str, score: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, text = [], ""
    for before, kind, value in re.findall(r"([^<]*)(?:<(\w+):([^>]*)>)?", marked):
        text += before
        sure = score if kind.startswith(("P", "W", "M")) else 0.7
        found += [finding(len(text), len(text) + len(value), kind, sure)] if value else []
        text += value
    settled = _merged(text, found + propagate(text, found))
    monkeypatch.setattr(detect, "_FEW", 0)  # an index of everything
    assert settled == _merged(text, found + propagate(text, found))


def test_placeholders_are_neither_seen_nor_touched() -> None:
    text = "Name: Hans [PERSON_7K2Q] and ada@example.org"
    start = text.index("[")
    end = text.index("]") + 1
    seen: list[str] = []

    class Spy(Detector):
        name = "spy"

        def detect(self, text: str, *, language: str | None = None) -> list[Finding]:
            seen.append(text)
            return [finding(0, len(text), "PERSON", 0.6)]

    found = detect_all(text, [*RULES, Spy()], skip=[(start, end)])
    assert "7K2Q" not in seen[0]
    assert len(seen[0]) == len(text)
    assert all(f.end <= start or end <= f.start for f in found)
    assert "ada@example.org" in values(text, found)


def test_many_placeholders_cost_no_more_than_their_number() -> None:
    """Twenty thousand placeholders and as many findings: each is cut once, not by all others."""
    one = "[EMAIL_7K2Q] ada@example.org "
    text = one * 20_000
    skip = [(at, at + 12) for at in range(0, len(text), len(one))]

    class Wide(Detector):
        """Finds every placeholder together with what stands around it."""

        name = "wide"

        def detect(self, text: str, *, language: str | None = None) -> list[Finding]:
            wide = re.finditer("\ufffc{12} ada@example", text)  # a long text comes in pieces
            return [finding(*match.span(), "ID", 0.3) for match in wide]

    found = detect_all(text, [Wide()], skip=skip)
    assert values(text, found) == ["ada@example"] * 20_000
    assert [f.start for f in found] == [end + 1 for _, end in skip]


def test_skipped_spans_may_overlap_and_come_in_any_order() -> None:
    text = "abcdefghij"

    class All(Detector):
        name = "all"

        def detect(self, text: str, *, language: str | None = None) -> list[Finding]:
            return [finding(0, len(text))]

    assert values(text, detect_all(text, [All()], skip=[(6, 7), (2, 4), (3, 5)])) == ["ab", "f", "hij"]  # fmt: skip


def test_allow_list_and_thresholds() -> None:
    text = "Write to info@example.org or ada@example.org; born 30 June 1961."
    assert values(text, detect_all(text, RULES, allow=["INFO@example.org"])) == ["ada@example.org", "30 June 1961"]  # fmt: skip
    assert values(text, detect_all(text, RULES, thresholds={"*": 0.95})) == ["info@example.org", "ada@example.org"]  # fmt: skip
    assert values(text, detect_all(text, RULES, thresholds={"EMAIL": 1.1})) == ["30 June 1961"]


class Broken(Detector):
    name = "broken"

    def detect(self, text: str, *, language: str | None = None) -> list[Finding]:
        raise ValueError(text)


class OutOfBounds(Detector):
    name = "outside"

    def detect(self, text: str, *, language: str | None = None) -> list[Finding]:
        return [finding(0, len(text) + 1)]


@pytest.mark.parametrize("detector", [Broken(), OutOfBounds()])
async def test_a_failing_detector_is_an_error_that_says_nothing(
    detector: Detector, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for run in ("sync", "async"):
        with pytest.raises(DetectionError) as caught:
            if run == "sync":
                detect_all("my secret is hunter2", [detector])
            else:
                await adetect_all("my secret is hunter2", [detector])
        error = caught.value
        assert "hunter2" not in f"{error!r}{error.__context__!r}{error.__cause__!r}" or (
            error.__suppress_context__ and error.__cause__ is None and "hunter2" not in repr(error)
        )
        assert detector.name in str(error)
    assert "hunter2" not in caplog.text


async def test_async_finds_the_same() -> None:
    text = "Tenant: Hans Oberhuber, 010-1234-5678"
    assert await adetect_all(text, RULES) == detect_all(text, RULES)


def test_high_confidence_detectors_do_not_guess() -> None:
    text = (
        "Dear Hans Oberhuber, 18 Larkspur Lane: ada@example.org, 123-45-6789, AKIAIOSFODNN7EXAMPLE"
    )
    (detector,) = high_confidence_detectors()
    found = detector.detect(text)
    assert sorted(values(text, found)) == ["123-45-6789", "AKIAIOSFODNN7EXAMPLE", "ada@example.org"]
    assert all(f.score >= 0.85 for f in found)


class TestDictionary:
    detector = DictionaryDetector({"PERSON": ["서지훈", "Ann Lee", "Zoë"], "ID": ["010-1234-5678", "AB-12"], "X": ["", " - "]})  # fmt: skip

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("서지훈은 왔고 서 지훈님도", ["서지훈", "서 지훈"]),
            ("ANN LEE and ann  lee", ["ANN LEE", "ann  lee"]),
            ("Joann Leeds, scann leeway", []),
            ("01012345678 / 010 1234 5678 / ０１０－１２３４－５６７８", ["01012345678", "010 1234 5678", "０１０－１２３４－５６７８"]),
            ("9010123456789", []),
            ("ab12 AB 12 xab12", ["ab12", "AB 12"]),
            ("Zoe\u0308 and ZOË", ["Zoe\u0308", "ZOË"]),
            ("", []),
        ],
    )  # fmt: skip
    def test_finds_spellings_of_the_value(self, text: str, expected: list[str]) -> None:
        assert values(text, self.detector.detect(text)) == expected

    def test_shows_nothing(self) -> None:
        assert "서지훈" not in repr(self.detector)

    def test_without_values_finds_nothing(self) -> None:
        assert DictionaryDetector({}).detect("anything") == []


def test_a_placeholder_that_reads_like_base64_is_not_decoded() -> None:
    """`MONEY_NGFV` is base64url of something readable; a name was found in one of forty."""

    class AnyOther(Detector):
        name = "any other"

        def detect(self, text: str, *, language: str | None = None) -> list[Finding]:
            if text.startswith("Pay "):
                return []
            return [finding(0, len(text), "PERSON", 0.9)]

    text = "Pay [MONEY_NGFV] now"
    assert detect_all("Pay MONEY_NGFV now", [AnyOther()]), "it does read like base64"
    assert detect_all(text, [AnyOther()], skip=[(4, 16)]) == []
