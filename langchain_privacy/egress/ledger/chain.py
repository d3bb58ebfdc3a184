"""The hash chain: what each record's hash covers, and how a chain is checked. Pure, no I/O."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from langchain_privacy.egress.ledger.signing import PublicKey
from langchain_privacy.egress.ledger.tables import FIELDS
from langchain_privacy.errors import LedgerError

GENESIS = hashlib.sha256(b"langchain-privacy egress ledger 1").hexdigest()
"""The hash before the first record."""


def hash_record(before: str, record: Mapping[str, Any]) -> str:
    """Return the hash of a record: SHA-256 of the hash before it and of its fields as JSON."""
    # A damaged SQLite file may hand out a value of another type: it must not hash the same.
    fields = json.dumps([record.get(name) for name in FIELDS], ensure_ascii=True, default=repr)
    return hashlib.sha256(f"{before}\n{fields}".encode()).hexdigest()


def mark_statement(kind: str, seq: int, time: str, digest: str) -> bytes:
    """Return the bytes that a mark's signature is of."""
    return f"langchain-privacy ledger mark 1\n{kind}\n{seq}\n{time}\n{digest}".encode()


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """A signed statement that record `seq` has hash `hash`; keep some away from the ledger."""

    kind: str
    seq: int
    time: str
    hash: str
    key: str
    signature: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerReport:
    """What `verify` found to be sound.

    Attributes:
        records: Number of records checked.
        first: Sequence number of the first one; above 1 after retention.
        last: Sequence number of the last one, 0 for an empty ledger.
        head: Hash of the last record.
        checkpoints: Number of signed marks that agree with the chain.
        key: Fingerprint of the key that signed them.
    """

    records: int
    first: int
    last: int
    head: str
    checkpoints: int
    key: str


def verify_chain(
    rows: Iterable[Mapping[str, Any]],
    marks: Iterable[Mark],
    public_key: PublicKey,
    *,
    anchored: bool = True,
) -> LedgerReport:
    """Check records in the order of their numbers against the marks.

    Args:
        rows: Records with their `hash`, ascending.
        marks: The ledger's own marks and any that were kept elsewhere.
        public_key: The key that the marks must be signed with.
        anchored: Require a signed head, so that records missing at the end are noticed.

    Raises:
        LedgerError: Something does not hold; `.record` is the first record at fault.
    """
    expected: dict[int, str] = {}
    start, before, head = 0, GENESIS, None
    marks = list(marks)
    for mark in marks:
        if not isinstance(mark.seq, int):
            msg = "A signed mark is damaged: it names no record."
            raise LedgerError(msg)
        if mark.key != public_key.fingerprint:
            msg = (
                f"The {mark.kind} at record {mark.seq} was signed by another key. Verify with the "
                "key of the ledger's writers."
            )
            raise LedgerError(msg, record=mark.seq)
        if not public_key.verifies(
            mark.signature, mark_statement(mark.kind, mark.seq, mark.time, mark.hash)
        ):
            msg = f"The signature of the {mark.kind} at record {mark.seq} does not hold."
            raise LedgerError(msg, record=mark.seq)
        if expected.setdefault(mark.seq, mark.hash) != mark.hash:
            msg = f"Two signed marks disagree about record {mark.seq}: history was rewritten."
            raise LedgerError(msg, record=mark.seq)
        if mark.kind == "retention" and mark.seq >= start:
            start, before = mark.seq, mark.hash
        if mark.kind == "head":
            head = mark
    seq, count, agreed = start, 0, 0
    for row in rows:
        if isinstance(row["seq"], int) and row["seq"] <= start:
            continue
        if row["seq"] != seq + 1:
            msg = f"Record {seq + 1} is missing, or records were reordered."
            raise LedgerError(msg, record=seq + 1)
        if hash_record(before, row) != row["hash"]:
            msg = f"Record {seq + 1} was changed, or one before it was removed or moved."
            raise LedgerError(msg, record=seq + 1)
        seq, before, count = seq + 1, row["hash"], count + 1
        if expected.get(seq, before) != before:
            msg = f"Record {seq} differs from what was signed: the chain was written anew."
            raise LedgerError(msg, record=seq)
        agreed += seq in expected
    latest = max(expected, default=0)
    if latest > seq:
        msg = f"Records {seq + 1} to {latest} are missing at the end: a signed mark names them."
        raise LedgerError(msg, record=seq + 1)
    if anchored and seq and (head is None or head.seq < seq):
        at = seq if head is None else head.seq + 1
        msg = f"Record {at} and what follows were not signed by a writer of this ledger."
        raise LedgerError(msg, record=at)
    return LedgerReport(
        records=count,
        first=start + 1,
        last=seq,
        head=before,
        checkpoints=agreed,
        key=public_key.fingerprint,
    )
