"""Words with a capital letter that no vocabulary has are names, without strict mode and models."""

import pytest

from langchain_privacy import Masker, MaskingPolicy
from langchain_privacy.detection import (
    RulesDetector,
    UnlistedDetector,
    default_detectors,
    detect_all,
)
from langchain_privacy.detection.defaults import BY_LANGUAGE, STRUCTURED

RULES = default_detectors(presidio=False)


def _found(text: str) -> list[str]:
    return [text[f.start : f.end] for f in detect_all(text, RULES)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("We would like to move the party to Quimberly next week.", ["Quimberly"]),
        ("Please compare Greenfork with the other brands in the table.", ["Greenfork"]),
        ("It says that Ostrander never paid for the three lamps.", ["Ostrander"]),
        ("There is no reason to think that Zbigniewska's dog was there.", ["Zbigniewska"]),
    ],
)
def test_a_capital_word_that_no_vocabulary_has_is_a_name(text: str, names: list[str]) -> None:
    assert _found(text) == names
    without = [RulesDetector(STRUCTURED, by_language={"en": BY_LANGUAGE["en"]})]
    assert not detect_all(text, without)  # no list and no sentence says so


@pytest.mark.parametrize(
    "text",
    [
        "We would like to deploy it with Kubernetes and Terraform on Monday.",
        "The Tenant shall pay the Landlord, and the Agreement ends in March.",
        "Speaking of Buddhists, the Belgians in the class read it in French.",
        "Call Frobnicate(x) or read /Frobnicate and set Frobnicate=1 for that.",
        "He said that the Refactorings and Misconfigurations were not his.",
    ],
)
def test_a_public_word_and_a_piece_of_code_are_none(text: str) -> None:
    found = UnlistedDetector().detect(text, language="en")
    assert not [text[f.start : f.end] for f in found]


@pytest.mark.parametrize("language", ["de", "ko", "fr"])
def test_only_english_is_judged(language: str) -> None:
    assert not UnlistedDetector().detect("Der Quimberlyweg ist lang.", language=language)


def test_what_the_application_declares_is_public() -> None:
    text = "It is the best of all that Quimberly has, and Ostrander said so."
    masker = Masker(RULES, policy=MaskingPolicy(public=["You answer for Quimberly."]))
    masked = masker.session().mask(text)
    assert "Quimberly" in masked
    assert "Ostrander" not in masked


def test_strict_mode_asks_the_whole_vocabulary_instead() -> None:
    masker = Masker(RULES, policy=MaskingPolicy(strict=True, public=["Quimberly"]))
    assert not [d for d in masker.detectors if isinstance(d, UnlistedDetector)]
    assert "Quimberly" in masker.session().mask("It is the best that Quimberly has.")
    strict = default_detectors(presidio=False, strict=True)
    assert not [d for d in strict if isinstance(d, UnlistedDetector)]


def test_in_capitals_only_an_unknown_word_is_a_name_and_small_words_are_none() -> None:
    text = "PUT UP A NOTICE FOR THE DRIVERS AT THE TARNSLEY DEPOT. MY NAME IS HESTER QUILBY."
    assert _found(text) == ["TARNSLEY", "HESTER QUILBY"]
    for code in (
        "SELECT USERID, ORDERNO FROM TBLCUST WHERE STATUS = 1",
        "We set PYTHONPATH and KUBECONFIG for it.",
        "PLEASE EXPLAIN WHAT THIS ERROR MEANS AND HOW I CAN FIX IT.",
    ):
        assert _found(code) == []


def test_the_name_of_a_street_in_capitals_begins_behind_small_words() -> None:
    text = "I HAVE LIVED ON LARCHFIELD AVENUE FOR AGES"
    (found,) = detect_all(text, RULES)
    assert text[found.start :].startswith("LARCHFIELD AVENUE")
