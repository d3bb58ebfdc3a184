"""What crossed: an append-only, hash-chained record."""

from langchain_privacy.egress.ledger.chain import Crossing
from langchain_privacy.egress.ledger.ledger import EgressLedger
from langchain_privacy.egress.ledger.prices import PriceTable

__all__ = ["Crossing", "EgressLedger", "PriceTable"]
