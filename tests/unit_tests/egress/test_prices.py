"""Prices: a dated name is its model's, another model of the family is not."""

import pytest

from langchain_privacy.egress import PriceTable

TABLE = PriceTable.load()


@pytest.mark.parametrize(
    ("model", "out", "back"),
    [
        ("gpt-4o", 2.5, 10.0),
        ("gpt-4o-2024-08-06", 2.5, 10.0),
        ("gpt-4o-2024-05-13", 5.0, 15.0),
        ("gpt-4o-mini-2024-07-18", 0.15, 0.6),
        ("o3-mini", 1.1, 4.4),
        ("claude-opus-4-20250514", 15.0, 75.0),
        ("claude-opus-4-5-20251101", 5.0, 25.0),
        ("claude-3-5-haiku-latest", 0.8, 4.0),
    ],
)
def test_a_price_is_the_models_own(model: str, out: float, back: float) -> None:
    assert TABLE.cost(model, 1_000_000, 0) == pytest.approx(out)
    assert TABLE.cost(model, 0, 1_000_000) == pytest.approx(back)


@pytest.mark.parametrize(
    "model", ["gpt-4o-realtime-preview", "claude-opus-4-99", "o3-deep-research", "mine", ""]
)
def test_a_model_that_is_not_listed_has_no_price(model: str) -> None:
    assert TABLE.cost(model, 1000, 1000) is None
