"""What crossed: an append-only, hash-chained record.

`ledger` appends and reads, `database` holds the tables, `chain` hashes, signs and verifies,
`record` makes crossings of records, `prices` says what they cost.
"""

from langchain_privacy.egress.ledger.ledger import EgressLedger
from langchain_privacy.egress.ledger.prices import PriceTable
from langchain_privacy.egress.ledger.record import Crossing

__all__ = ["Crossing", "EgressLedger", "PriceTable"]
