"""Many short leases of one form, each with a rent of its own, and what is true of all of them."""

import random
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

FORBIDS = "No pets may be kept in the flat."
ALLOWS = "Cats and dogs may live in the flat."


@dataclass(frozen=True)
class Leases:
    """Documents and their totals."""

    documents: list[str]
    rents: list[int]
    forbid_pets: list[int]


def leases(count: int, seed: int = 7) -> Leases:
    """Return leases with tenants and rents of their own, always the same ones."""
    chosen = random.Random(seed)
    documents: list[str] = []
    rents: list[int] = []
    forbid: list[int] = []
    different = chosen.sample(range(700, 2100), count)
    for number, rent in enumerate(different, start=1):
        rents.append(rent)
        pets = chosen.random() < 0.35
        forbid += [number] if pets else []
        mail = f"tenant{number}@example.com"
        documents.append(
            f"LEASE No. {number:04}\nTenant: {mail}, of 12 Mill Lane.\n"
            f"The deposit is {3 * rent:,} euros and is paid before moving in.\n"
            f"The monthly rent is {rent:,} euros, due on the 3rd day of each month.\n"
            f"{FORBIDS if pets else ALLOWS}\n"
            f"The lease begins on {1 + number % 28} March 2024 and has no fixed end.\n"
        )
    return Leases(documents, rents, forbid)


def worker(messages: Any) -> str:
    """Read passages as a competent local model does, from the prompt alone."""
    prompt = str(messages if isinstance(messages, str) else messages[-1].content)
    passages = re.findall(r"^(\d+)\. (.+)$", prompt, re.MULTILINE)
    question = re.findall(r"^Question: (.+)$", prompt, re.MULTILINE)[-1]
    for number, line in passages:
        if '"answer"' in prompt and "pets" in question:
            if "may be kept" in line or "may live" in line:
                said = "yes" if "No pets" in line else "no"
                return f'{{"line": {number}, "answer": "{said}"}}'
        elif "rent" in question and "monthly rent" in line:
            value = re.findall(r"[\d,]+ euros", line)[0]
            return f'{{"line": {number}, "values": ["{value}"]}}'
    return (
        '{"line": 0, "answer": "not stated"}'
        if '"answer"' in prompt
        else '{"line": 0, "values": []}'
    )


def amount(text: str) -> Decimal:
    """Return the first number of an answer."""
    found = re.search(r"[\d,]+(?:\.\d+)?", text)
    assert found is not None, text
    return Decimal(found[0].replace(",", ""))
