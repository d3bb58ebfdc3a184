"""What tokens cost, from a dated table that can be replaced.

`langchain-privacy ledger`, its report and Minions show amounts with it:

```python
prices = PriceTable.load()  # or load("my-prices.json")
prices.total(ledger), prices.currency, prices.as_of
```
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Self

from langchain_privacy.egress.ledger.record import Crossing
from langchain_privacy.errors import ConfigurationError

_DATE = re.compile(r"-(?:\d{4}-\d\d-\d\d|\d{8}|latest)$")


@dataclass(frozen=True, kw_only=True, slots=True)
class PriceTable:
    """Prices by model; `out` is for tokens that leave (the prompt), `in` for those that come back.

    Attributes:
        as_of: Date of the prices; show it beside every amount.
        currency: ISO 4217 code.
        per_tokens: Number of tokens that a price is for.
        models: `{model: {"out": price, "in": price}}`; a dated name such as `gpt-4o-2024-08-06`
            takes its model's price unless it is listed itself. Other names that begin alike
            (`gpt-4o-realtime-preview`) are other models, of another price.
    """

    as_of: str
    currency: str
    per_tokens: int
    models: Mapping[str, Mapping[str, float]]

    @classmethod
    def load(cls, path: str | Path | None = None) -> Self:
        """Read a table in the form of `prices.json`; without a path the one that comes with us."""
        try:
            source = resources.files(__package__) / "prices.json" if path is None else Path(path)
            data: dict[str, Any] = json.loads(source.read_text(encoding="utf-8"))
            return cls(
                as_of=data["as_of"],
                currency=data["currency"],
                per_tokens=data["per_tokens"],
                models=data["models"],
            )
        except (OSError, ValueError, KeyError) as error:
            msg = f"The price table cannot be read ({type(error).__name__}); see prices.json."
            raise ConfigurationError(msg) from None

    def cost(self, model: str, tokens_out: int | None, tokens_in: int | None) -> float | None:
        """Return what a crossing cost, or `None` when the model or its usage is not known."""
        price = self.models.get(model) or self.models.get(_DATE.sub("", model))
        if price is None or tokens_out is None or tokens_in is None:
            return None
        return (tokens_out * price["out"] + tokens_in * price["in"]) / self.per_tokens

    def total(self, crossings: Iterable[Crossing]) -> float:
        """Return what `crossings` cost together; those without a price count nothing."""
        return sum(self.cost(c.model, c.tokens_out, c.tokens_in) or 0.0 for c in crossings)
