"""Writes letters: a stand-in for files on a disk or in a bucket."""

from typing import Any

CUSTOMERS = 500  # each writes many times


def customer(number: int) -> tuple[str, str]:
    """Return the address and the telephone number of a customer."""
    return f"customer.{number}@northwind.example", f"+49 30 {901000 + number}"


def letters(count: int) -> list[dict[str, Any]]:
    """Return letters with their ids; a customer writes the same two values in each of theirs."""
    written = []
    for number in range(count):
        email, phone = customer(number * 7 % CUSTOMERS)
        text = (
            f"Letter {number}. The heating in our flat has been cold since Monday, and nobody came "
            f"when I called. Please write to {email} or ring {phone} before noon. We have paid the "
            "rent on time for years and expect that repairs are made without delay. Regards"
        )
        written.append({"id": number, "text": text})
    return written
