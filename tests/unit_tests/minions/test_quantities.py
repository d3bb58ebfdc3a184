"""Numbers, amounts and dates as people write them."""

import pytest

from langchain_privacy.minions.quantities import days, quantities

NUMBERS = {
    "월세 82만원, 관리비 ₩50,000": "820000 KRW; 50000 KRW",
    "2억 7천 5백만원": "275000000 KRW",
    "3조 4,567억원 규모": "3456700000000 KRW",
    "1억 2,000만 원": "120000000 KRW",
    "3천5백만원": "35000000 KRW",
    "1억 3만 5천 원": "100035000 KRW",
    "5만 개": "50000 개",
    "금 이억칠천만원정 (₩270,000,000)": "270000000 KRW; 270000000 KRW",
    "보증금 5,000만원/월세 50만원": "50000000 KRW; 500000 KRW",
    "１２，３４５원": "12345 KRW",
    "2 천안": "2 천안",
    "1,234.56 USD and $1.2 million": "1234.56 USD; 1200000 USD",
    "US$3bn": "3000000000 USD",
    "EUR 1.234,50 und 3,5 %": "1234.50 EUR; 3.5 %",
    "1 234,50 €": "1234.50 EUR",
    "1'234.50 CHF": "1234.50 CHF",
    "12,34,567 rupees": "1234567 INR",
    "1.234.567,89": "1234567.89",
    "Loss\t(1,234)\t$ (55)": "-1234; -55",
    "three hundred (300) shares": "300",
    "between 10-20 units": "10; 20 units",
    "flat A-4": "4",
    "a rent of 820 euros": "820 EUR",
    "12.5% of 90 days": "12.5 %; 90 days",
    "€0,75": "0.75 EUR",
    "room 3.2": "3.2",
    "a nodule of 8 mm": "8 mm",
    "$5mm, 5mm EUR, USD 3 B": "5000000 USD; 5000000 EUR; 3000000000 USD",
    "Room 4 B": "4",
    "about 2k or 5M": "2000 or; 5000000",
}


@pytest.mark.parametrize(("text", "expected"), NUMBERS.items())
def test_numbers(text: str, expected: str) -> None:
    found = [f"{q.value:f} {q.unit}".strip() for q in quantities(text)]
    found = [f.replace(".0 ", " ") for f in found]
    assert "; ".join(found) == expected
    for quantity in quantities(text):
        assert text[quantity.start : quantity.end].strip() == text[quantity.start : quantity.end]


DATES = {
    "from 1 March 2025 to 2025-03-31": "2025-03-01; 2025-03-31",
    "2025년 9월 26일, 2025. 9. 27.": "2025-09-26; 2025-09-27",
    "03/04/2025": "",
    "25/04/2025 and 03/04/2025": "2025-04-25; 2025-04-03",
    "04/25/2025 and 04/03/2025": "2025-04-25; 2025-04-03",
    "3.4.2025": "2025-04-03",
    "the 3rd day of May, 2024; Sept. 26, 2025": "2024-05-03; 2025-09-26",
    "31 February 2024": "",
}


@pytest.mark.parametrize(("text", "expected"), DATES.items())
def test_dates(text: str, expected: str) -> None:
    assert "; ".join(day.value.isoformat() for day in days(text)) == expected


@pytest.mark.parametrize("text", ["1," * 50_000, "1 " * 50_000, "1억" * 20_000, "일" * 100_000])
def test_long_runs_are_read_in_linear_time(text: str) -> None:
    quantities(text)
