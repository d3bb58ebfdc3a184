"""Everything that crosses, as text in files: a change of it is a change of a file.

Write them anew with `python -m tests.unit_tests.sql.test_prompts`, and read the difference.
"""

from datetime import date
from pathlib import Path

import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel

from langchain_privacy.sql import SchemaCard
from langchain_privacy.sql.faults import fault
from langchain_privacy.sql.question import How, Slot, Turn
from langchain_privacy.sql.remote import RemotePlanner, narration_messages
from langchain_privacy.words import Language

VECTORS = Path(__file__).parents[2] / "vectors" / "sql"
KINDS: tuple[How, ...] = ("equals", "part", "person", "cell", "date", "unknown", "number")


def rendered(language: Language) -> str:
    card = SchemaCard(
        {"trade": {"id": "integer", "district": "text"}, "buyer": {"id": "integer", "rrn": "text"}},
        denied_columns={"buyer": ["rrn"]},
        descriptions={"trade.district": "where"},
        public_values={"trade.district": ["A", "B"]},
        aliases={"buyer": "t2"},
    )
    slots = [
        Slot(
            name=f"v{i}", placeholder=f"[VALUE_AAA{i}]", how=how, columns=("trade.x",), value="비밀"
        )
        for i, how in enumerate(KINDS, 1)
    ]
    planner = RemotePlanner(GenericFakeChatModel(messages=iter([])), card, "postgres", "CONTEXT")
    today, faults = date(2026, 3, 9), [fault("sql:table", "SELECT a FROM nowhere", (1, 15))]
    turns = [Turn("EARLIER", "SELECT 1", tuple(slots[:1])).shown()]
    parts = [
        *planner.messages(
            "QUESTION 지난달",
            slots,
            language,
            faults,
            ["label"],
            today,
            (),
            "LEARNED",
            turns,
            "REPLY",
        ),
        *narration_messages("QUESTION", "SELECT 1", "[]", "sqlite", language, [fault("row_mixed")]),
    ]
    return "\n=====\n".join(f"{part.type}\n{part.text}" for part in parts) + "\n"


@pytest.mark.parametrize("language", ["en", "ko"])
def test_what_crosses_is_what_the_file_says(language: Language) -> None:
    text = rendered(language)
    assert "비밀" not in text
    assert "rrn" not in text
    assert text == (VECTORS / f"crossing.{language}.txt").read_text(encoding="utf-8")


if __name__ == "__main__":
    for each in ("en", "ko"):
        (VECTORS / f"crossing.{each}.txt").write_text(rendered(each), encoding="utf-8")
