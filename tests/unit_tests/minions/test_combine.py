"""Arithmetic on what was found."""

from datetime import date
from decimal import Decimal

import pytest

from langchain_privacy.minions.arithmetic import combine, date_of, number_of


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("The fee is 96,000 euros.", "96000"),
        ("T score -3.1", "-3.1"),
        ("예치금은 2억 7천만원이다", "270000000"),
        ("용역 대금 7,200만원", "72000000"),
        ("월 40만원", "400000"),
        ("3,180,000원", "3180000"),
        ("4만 5천원", "45000"),
        ("약 1.2.3만 5천 원", "28000"),
        ("DE" + "1" * 60 + ", 4천 ", "1" * 60),  # years, were each way to cut it up tried
        ("no figure", None),
        ("", None),
    ],
)
def test_numbers(text: str, number: str | None) -> None:
    assert number_of(text) == (None if number is None else Decimal(number))


def test_the_unit_says_which_number() -> None:
    text = "In 2025 the tenant pays 585 dollars within 14 days"
    assert number_of(text, "dollars") == 585
    assert number_of(text, "days") == 14
    assert number_of(text, "cats") == 2025
    assert number_of("In 2025 it was 1.2 million won", "won") == 1_200_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("born 5 December 1986", date(1986, 12, 5)),
        ("on March 21st, 2025", date(2025, 3, 21)),
        ("2025년 9월 26일", date(2025, 9, 26)),
        ("2025-09-26", date(2025, 9, 26)),
        ("fällig am 13.04.2025", date(2025, 4, 13)),
        ("by 06/30/2025", date(2025, 6, 30)),
        ("the 3rd day of May 2021", date(2021, 5, 3)),
        ("account 3333-07-2281940", None),
        ("99 December 2020", None),
        ("2025-13-45", None),
        ("soon", None),
    ],
)
def test_dates(text: str, expected: date | None) -> None:
    assert date_of(text) == expected


@pytest.mark.parametrize(
    ("operation", "texts", "expected"),
    [
        ("sum", ["120 dollars", "35.50 dollars"], "155.5"),
        ("difference", ["8,412.66", "7,903.18"], "509.48"),
        ("sum", ["a deposit of $1.2 million", "300,000 for the roof"], "1,500,000"),
        ("difference", ["보증금 2억", "5천만"], "150,000,000"),
        ("sum", ["a nodule of 8 mm", "one of 5 mm"], "13"),
        ("difference", ["1 March 2025", "31 March 2025"], "30"),
        ("difference", ["13.04.2025", "15.04.2025"], "2"),
        ("ratio", ["1", "3"], "0.3333"),
        ("ratio", ["1", "0"], None),
        ("ratio", ["0", "0"], None),
        ("sum", ["1" * 40, "1"], f"{int('1' * 40) + 1:,}"),  # to the last digit
        ("ratio", ["9" * 27, "3"], f"{int('9' * 27) // 3:,}"),
        ("max", ["7 days", "12 days"], "12"),
        ("min", ["2025-03-01", "2024-12-31"], "2024-12-31"),
        ("compare", ["7", "12"], "7 < 12"),
        ("compare", ["2025-03-01", "2024-12-31"], "2025-03-01 > 2024-12-31"),
        ("list", [" a ", "b", "a"], "a; b"),
        ("list", [], None),
        ("sum", ["120", "none"], None),
        ("sum", ["120"], None),
        ("reason", ["1", "2"], None),
        ("__import__('os')", ["1", "2"], None),
    ],
)
def test_combine(operation: str, texts: list[str], expected: str | None) -> None:
    result = combine(operation, texts)
    assert (result and result.text) == expected


def test_the_chosen_operand_is_named() -> None:
    result = combine("max", ["7 days", "12 days"])
    assert result is not None
    assert result.chosen == 1
