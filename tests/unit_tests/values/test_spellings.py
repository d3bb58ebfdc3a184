"""Every consumer finds every spelling of a known value, unless the table says why it does not."""

import pytest

from tests.support.paths import REPOSITORY
from tests.support.spellings import CONSUMERS, SPELLINGS, Spelling, expected, outcome, table


@pytest.mark.parametrize("consumer", CONSUMERS)
@pytest.mark.parametrize("row", SPELLINGS, ids=lambda row: row.name)
def test_a_cell_is_as_the_table_says(row: Spelling, consumer: str) -> None:
    assert outcome(row, consumer) == expected(row, consumer)


def test_the_page_shows_the_table() -> None:
    assert table() in (REPOSITORY / "docs" / "spellings.md").read_text("utf-8")
