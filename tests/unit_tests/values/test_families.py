"""One person is one family of placeholders, and ordinary words stay ordinary."""

import re

import pytest

from langchain_privacy import Masker
from langchain_privacy.detection import DictionaryDetector
from langchain_privacy.masking import MaskingSession
from langchain_privacy.values.numbers import amount_of, dates, days_of
from langchain_privacy.vault import PLACEHOLDER


def knowing(*names: str, kind: str = "PERSON") -> MaskingSession:
    """Return a session that knows these values and detects nothing else."""
    session = Masker([DictionaryDetector({})]).session("t")
    for name in names:
        session.vault.issue(kind, name)
    return session


def placeholders(masked: str) -> list[tuple[str, str]]:
    return [(m[1], m[2]) for m in PLACEHOLDER.finditer(masked)]


def test_parts_and_spellings_begin_with_the_code_of_the_name() -> None:
    session = knowing("Mira Solheim")
    [name] = session.vault.entries()
    text = "Mira Solheim; Solheim; Mira; M. Solheim; MIRA SOLHEIM"
    masked = session.mask(text)
    found = placeholders(masked)
    assert found[:3] == [
        ("PERSON", name.code),
        ("PERSON_FAMILY", name.code),
        ("PERSON_GIVEN", name.code),
    ]
    assert [kind for kind, _ in found[3:]] == ["PERSON", "PERSON"]
    assert all(code.startswith(name.code) and code != name.code for _, code in found[3:])
    assert session.restore(masked) == text


def test_two_persons_of_one_family_keep_their_identities() -> None:
    session = knowing("Mira Solheim", "Jonas Solheim")
    mira, jonas = session.vault.entries()
    masked = session.mask("Mira met Jonas. Solheim left. M. Solheim stayed.")
    found = placeholders(masked)
    assert found[0] == ("PERSON_GIVEN", mira.code)
    assert found[1] == ("PERSON_GIVEN", jonas.code)
    assert found[2][0] == "PERSON"
    assert not found[2][1].startswith((mira.code, jonas.code))
    assert found[3][1].startswith(mira.code)
    assert session.restore(masked) == "Mira met Jonas. Solheim left. M. Solheim stayed."


def test_a_name_that_becomes_ambiguous_stands_for_itself_from_then_on() -> None:
    session = knowing("Mira Solheim")
    first = session.mask("Solheim called.")
    session.vault.issue("PERSON", "Jonas Solheim")
    second = session.mask("Then Solheim wrote.")
    assert placeholders(first)[0][0] == "PERSON_FAMILY"
    assert placeholders(second)[0][0] == "PERSON"
    assert session.restore(first + second) == "Solheim called.Then Solheim wrote."


def test_a_full_name_joins_the_family_of_the_name_that_came_alone() -> None:
    session = Masker([DictionaryDetector({"PERSON": ["Mira Solheim", "Solheim"]})]).session("t")
    [(kind, alone)] = placeholders(session.mask("Did Solheim call?"))
    [(_, whole)] = placeholders(session.mask("It was Mira Solheim."))
    assert kind == "PERSON"
    assert whole.startswith(alone)


def test_the_restored_part_takes_the_right_particle() -> None:
    session = knowing("김하늘", "박지우")
    masked = session.mask("박지우 씨")
    [(_, code)] = placeholders(masked)
    assert session.restore(f"[PERSON_{code}]은 왔다") == "박지우는 왔다"
    part = session.mask("오늘 하늘 씨가 왔다")
    [(kind, code)] = placeholders(part)
    assert kind == "PERSON_GIVEN"
    assert session.restore(f"[{kind}_{code}]를 만났다") == "하늘을 만났다"


def test_a_name_in_hanja_is_of_the_family_once_the_pair_was_seen() -> None:
    session = Masker([DictionaryDetector({"PERSON": ["김민수"]})]).session("t")
    name = session.vault.issue("PERSON", "김민수")
    for text in ("피고 김민수(金民洙)는", "원고 金民洙 드림"):
        masked = session.mask(text)
        assert "金" not in masked
        assert all(code.startswith(name.code) for _, code in placeholders(masked))
        assert session.restore(masked) == text
    # a pair of another person says nothing of this one
    assert session.mask("李民洙") == "李民洙"


@pytest.mark.parametrize(
    ("name", "free", "masked"),
    [
        ("Rose Miller", "a rose is a rose", "Did Rose call?"),
        ("Mark Baker", "Mark this as done. The baker left.", "I told Mark so."),
        ("Rose Miller", "Rose prices went up.", "- Rose's file"),
        ("김하늘", "하늘이 맑다", "하늘 씨가 왔다"),
        ("이나라", "나라 안팎에서", "나라 님이 왔다"),
        ("박지원", "지원 부서에서", "지원 씨가 왔다"),
        ("May June", "in May or june", "May June called"),
    ],
)
def test_everyday_words_are_masked_as_names_only(name: str, free: str, masked: str) -> None:
    session = knowing(name)
    assert session.mask(free) == free
    assert PLACEHOLDER.search(session.mask(masked))


def test_values_of_one_character_and_values_inside_each_other() -> None:
    session = Masker(
        [DictionaryDetector({"CODE": ["Q", "AB-1", "AB-12", "AB-123 and more"]})]
    ).session("t")
    for text in ("Q", "AB-12 and AB-123 and more, AB-1", "Quite a lot of AB-1", "q and Q"):
        masked = session.mask(text)
        assert not re.search(r"\bQ\b|AB-", masked)
        assert session.restore(masked) == text
        assert session.mask(masked) == masked


def letters(number: int) -> str:
    """Write a number as a made-up name."""
    return "Qu" + "".join(chr(ord("a") + int(digit, 36) % 26) for digit in f"{number:05}")


def test_a_session_of_twenty_thousand_values() -> None:
    session = knowing(*(f"{letters(n)} {letters(n)[::-1].title()}" for n in range(20_000)))
    family = letters(19_999)[::-1].title()
    text = f"Did {family}, {letters(7)} or {letters(500).upper()} call? Nobody else did."
    masked = session.mask(text)
    assert len(placeholders(masked)) == 3
    assert session.restore(masked) == text


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("PERSON", "Smith", "Smith"),
        ("PERSON", "Rose", "Rose called."),
        ("SECRET", "hunter", "the password is hunter"),
        ("PASSWORD", "dragon", "dragon"),
        ("CODE", "blue", "it is blue"),
    ],
)
def test_a_value_that_is_an_everyday_word_is_found_as_it_was_written(
    kind: str, value: str, text: str
) -> None:
    session = knowing(value, kind=kind)
    masked = session.mask(text)
    assert value not in masked
    assert session.restore(masked) == text


def test_a_full_stop_is_no_part_of_a_date() -> None:
    session = knowing("1985-03-02", kind="DATE_OF_BIRTH")
    assert session.mask("Born 1985/03/02. It rained.").endswith("]. It rained.")


def test_a_month_with_a_letter_that_looks_like_its_own_is_that_month() -> None:
    # the masking of a text ended in an error that said the month
    for written in ("12 Apr\u0131l 1985", "12 APR\u0130L 1985", "12 Augu\u017ft 1985"):
        day = (1985, 8 if "Au" in written else 4, 12)
        assert list(dates(written)) == [(0, len(written), day)]
        assert day in days_of(written)


def test_a_value_with_full_stops_is_found_in_capitals_as_well() -> None:
    address = "48 Copper Beech Lane. Apt. 5B. Portland, OR 97214"
    session = knowing(address, kind="ADDRESS")
    assert "PORTLAND" not in session.mask(f"Send it to {address.upper()}.")


def test_a_long_run_of_digits_is_no_amount_at_once() -> None:
    # every way to divide the digits was tried before the last letter refused them
    assert amount_of("4111 1111 1111 1111" * 8 + "Y") is None
    assert amount_of("1" * 200 + "Y") is None
    assert amount_of("1,2,3 " * 60 + "!") is None
    assert amount_of("8억 5,000만 원") == 850_000_000
