"""Codes, numbers and names are masked in a line with something private, and nowhere else."""

import pytest

from langchain_privacy import Masker, MaskingPolicy
from langchain_privacy.detection import default_detectors, detect_all

RULES = default_detectors(presidio=False)
SOMEBODY = "Rajesh Iyer"


def _found(text: str) -> list[str]:
    return [text[f.start : f.end] for f in detect_all(text, RULES) if f.detector == "unlisted"]


@pytest.mark.parametrize(
    ("said", "private"),
    [
        ("moved to room 312 of the old wing.", "312"),
        ("runs the workshop founded 1988 in a barn.", "1988"),
        ("opened it on WS-ACCT-207 this morning.", "WS-ACCT-207"),
        ("pays for paper 22CS/114903/25 again.", "22CS/114903/25"),
        ("shut down host stg9f3kq21 by mistake.", "stg9f3kq21"),
        ("said that the lot 7719 was bad.", "7719"),
        ("waited, but Hope never came to the station.", "Hope"),
        ("has worked at Harvest and likes it there.", "Harvest"),
    ],
)
def test_they_are_private_beside_somebody_and_nobodys_alone(said: str, private: str) -> None:
    assert private in _found(f"{SOMEBODY} {said}")
    assert private not in _found(f"Somebody {said}")
    assert private not in _found(f"{SOMEBODY} called.\n\nSomebody {said}")


@pytest.mark.parametrize(
    "said",
    [
        "served 214 plates and 1,250 small glass jars.",
        "spoke to 129 of 160 students.",
        "walked 3450 m on the second day.",
        "came 2nd of 12 in the 10th race at 10:30.",
        "has an HbA1c that psycopg2 and utf8 do not know.",
        "wrote `retry(429)` and port=5432 into it.",
        "said on Friday that the Germans and Kubernetes won in Berlin.",
        "at 2026-02-11 03:12:44 and 2026-02-11T03:12:44Z.",
    ],
)
def test_what_is_counted_or_public_or_code_is_left(said: str) -> None:
    assert not _found(f"{SOMEBODY} {said}")


def test_a_score_switches_them_off_and_a_type_that_is_off_does_not_come_back() -> None:
    text = f"{SOMEBODY} moved to room 312 near Greenfork, then back to Portugal."
    off = MaskingPolicy(thresholds={"NUMBER": 0.5, "WORD": 0.5, "LOCATION": 1.0})
    masked = Masker(RULES, policy=off).session().mask(text)
    assert "room 312" in masked
    assert "Greenfork" not in masked
    assert "Portugal" in masked
    assert "Portugal" not in Masker(RULES).session().mask(text)


def test_what_the_application_declares_is_public() -> None:
    policy = MaskingPolicy(public=["Ask at desk 4417 for Harbor."])
    masked = Masker(RULES, policy=policy).session().mask(f"{SOMEBODY} asked desk 4417 for Harbor.")
    assert masked.endswith("asked desk 4417 for Harbor.")


def test_a_number_that_was_masked_once_is_left_where_it_counts() -> None:
    session = Masker(RULES).session()
    assert "312" not in session.mask(f"{SOMEBODY} moved to room 312.")
    assert session.mask("We sold 312 plates.") == "We sold 312 plates."


def test_a_list_of_thousands_of_numbers_is_told_by_its_first() -> None:
    """Each of them once asked the one before, until Python had no more room for the calls."""
    numbers = [str(number) for number in range(22871, 22871 + 4000)]
    assert _found(f"{SOMEBODY} has the numbers {', '.join(numbers)} at home.") == numbers
    assert _found(f"{SOMEBODY}: rows[{', '.join(numbers)}] = 0") == []
