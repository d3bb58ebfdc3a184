"""What a ledger's records tell: crossings, each with the receipt that came later.

`EgressLedger` reads rows and has them joined here; the command line, reports and `PriceTable` work
with `Crossing`. See `egress.crossing` for what a crossing is before it is a record.

```python
[crossing] = join(ledger.rows())  # a crossing's row, and its receipt's
crossing.decision, crossing.outcome  # ("allowed", "answered")
```
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from langchain_privacy.errors import LedgerError
from langchain_privacy.notebook import marked, table
from langchain_privacy.placeholder import PLACEHOLDER

Decision = Literal["allowed", "blocked"]
_TOLD = ("time", "destination", "model", "purpose", "rule", "bytes_out", "bytes_in")


@dataclass(frozen=True, kw_only=True, slots=True)
class Crossing:
    """A crossing as the ledger tells it. None of its fields holds a private value.

    Attributes:
        number: Its sequence number in the ledger.
        time: When it was decided, UTC, ISO 8601.
        session: Keyed digest of the session, `""` when none was known.
        destination: Host and port, or `"unknown"`.
        model: Model that it was meant for.
        purpose: What for: `"chat"`, `"embeddings"`, `"http"`, the name of the JSON that is asked
            for, or a name of the caller's.
        decision: `"allowed"` or `"blocked"`.
        rule: The rule that refused, or `None`.
        bytes_out: Bytes of the payload; once complete and counted by the HTTP client, of all
            request bodies, retries included.
        bytes_in: Bytes of the answer, `None` while there is none.
        tokens_out: Tokens of the prompt as the provider counts them, or `None`.
        tokens_in: Tokens of the answer as the provider counts them, or `None`.
        measured: `"wire"` when an HTTP client of ours counted the bytes, else `"payload"`.
        payload_digest: SHA-256 in hexadecimal, of the (last) request body when our HTTP client
            sent it, else of the payload; `None` for a blocked one, because the digest of a short
            text that holds a private value would let the value be guessed.
        payload: What was sent, when the ledger keeps payloads and it was allowed.
        entity_types: How many placeholders of each type it held; for a blocked one, what it held.
        complete: Whether the answer has come.
        outcome: `"answered"`, `"failed"`, `"abandoned"`, or `None` while there is none.
    """

    number: int
    time: str
    session: str = ""
    destination: str = ""
    model: str = ""
    purpose: str = ""
    decision: Decision
    rule: str | None = None
    bytes_out: int = 0
    bytes_in: int | None = None
    tokens_out: int | None = None
    tokens_in: int | None = None
    measured: str = "payload"
    payload_digest: str | None = None
    payload: str | None = field(default=None, repr=False)
    entity_types: Mapping[str, int] = field(default_factory=dict)
    complete: bool = False
    outcome: str | None = None

    def _repr_html_(self) -> str:
        """Show it in a notebook, with the payload that was kept and its placeholders marked."""
        told = [(name, getattr(self, name)) for name in _TOLD if getattr(self, name) is not None]
        held = ", ".join(f"{kind} {count}" for kind, count in self.entity_types.items())
        shown = table(f"Crossing {self.number}: {self.decision}", [*told, ("placeholders", held)])
        return shown + (marked(self.payload, PLACEHOLDER) if self.payload else "")


def join(rows: Iterable[Mapping[str, Any]]) -> list[Crossing]:
    """Make crossings of records: each crossing with the receipt that came later."""
    crossings: dict[int, Crossing] = {}
    for row in rows:
        _merge(row, crossings)
    return list(crossings.values())


def follow(rows: Iterable[Mapping[str, Any]]) -> Iterator[Crossing]:
    """Yield crossings as records arrive: when they open, and again when they are complete."""
    crossings: dict[int, Crossing] = {}
    for row in rows:
        if crossing := _merge(row, crossings):
            yield crossing


_NUMBERS = ("seq", "bytes_out", "bytes_in", "tokens_out", "tokens_in", "refers")
_COPIED = (
    "time",
    "session",
    "destination",
    "model",
    "purpose",
    "decision",
    "rule",
    "bytes_out",
    "measured",
    "payload_digest",
    "payload",
)
_TEXTS = (*(name for name in _COPIED if name not in _NUMBERS), "outcome")


def _merge(row: Mapping[str, Any], crossings: dict[int, Crossing]) -> Crossing | None:
    """Take one record into `crossings` and return the crossing that it made or completed.

    Raises:
        LedgerError: The record was damaged so that it cannot be shown; `.record` names it.
    """
    if not all(isinstance(row[name], int | None) for name in _NUMBERS):
        raise _damaged(row)
    if not all(isinstance(row[name], str | None) for name in _TEXTS):
        raise _damaged(row)
    if row["kind"] == "crossing":
        if row["time"] is None or row["decision"] is None:
            raise _damaged(row)
        crossing = Crossing(
            number=row["seq"],
            entity_types=_types(row),
            **{name: row[name] for name in _COPIED if row[name] is not None},
        )
    elif row["kind"] == "receipt" and (opened := crossings.get(row["refers"])):
        crossing = replace(
            opened,
            complete=True,
            outcome=row["outcome"],
            payload_digest=row["payload_digest"] or opened.payload_digest,
            bytes_in=row["bytes_in"],
            tokens_out=row["tokens_out"],
            tokens_in=row["tokens_in"],
            measured=row["measured"],
            bytes_out=opened.bytes_out if row["bytes_out"] is None else row["bytes_out"],
        )
    else:
        return None
    crossings[crossing.number] = crossing
    return crossing


def _types(row: Mapping[str, Any]) -> dict[str, int]:
    try:
        types: Any = json.loads(row["entity_types"] or "{}")
    except (ValueError, TypeError):
        types = None
    if not isinstance(types, dict):
        raise _damaged(row)
    return types


def _damaged(row: Mapping[str, Any]) -> LedgerError:
    return LedgerError(f"Record {row['seq']} is damaged; see what verify says.", record=row["seq"])
