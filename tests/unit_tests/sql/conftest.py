"""The small database behind the tests of this room, in words: trades, complexes and buyers."""

import pytest

from langchain_privacy.sql import SchemaCard

TABLES = {
    "trade": {
        "id": "integer",
        "district": "text",
        "name": "text",
        "area": "real",
        "price": "integer",
        "sold": "date",
        "floor": "integer",
    },
    "complex": {"id": "integer", "name": "text", "households": "integer"},
    "buyer": {
        "id": "integer",
        "name": "text",
        "rrn": "text",
        "phone": "text",
        "birth_year": "integer",
        "trade_id": "integer",
    },
    "note": {"id": "integer", "trade_id": "integer", "body": "json"},
}
DENIED = {"buyer": ["name", "rrn", "phone"]}


@pytest.fixture
def card() -> SchemaCard:
    return SchemaCard(TABLES, denied_columns=DENIED)
