"""What crossed: an append-only, hash-chained record."""

from langchain_privacy.egress.ledger.ledger import EgressLedger
from langchain_privacy.egress.ledger.prices import PriceTable
from langchain_privacy.egress.ledger.record import Crossing

__all__ = ["Crossing", "EgressLedger", "PriceTable"]
