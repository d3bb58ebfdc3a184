"""The hash chain: what each record's hash covers, who signs it, and how a chain is checked.

Pure but for reading the key's file: `EgressLedger` appends and verifies with it, and an officer can
verify an export on another machine with the public key and the marks that were kept elsewhere:

```python
rows = [json.loads(line) for line in Path("export.jsonl").open(encoding="utf-8")]
report = verify_chain(rows, marks, PublicKey.from_pem(pem))
```

The hash of a record (SHA-256) covers the hash before it, so that a record that was changed, removed
or moved breaks the chain after it. A mark is a signed statement (Ed25519, RFC 8032) that a record
has a certain hash; without marks the end of a chain could be cut off, or all of it written anew.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from langchain_privacy.errors import ConfigurationError, LedgerError
from langchain_privacy.notebook import table

FIELDS = (
    "seq",
    "kind",
    "time",
    "session",
    "destination",
    "model",
    "purpose",
    "decision",
    "rule",
    "bytes_out",
    "bytes_in",
    "tokens_out",
    "tokens_in",
    "measured",
    "payload_digest",
    "payload",
    "entity_types",
    "refers",
    "outcome",
)
"""The fields of a record: what its hash covers, beside the hash before it."""

GENESIS = hashlib.sha256(b"langchain-privacy egress ledger 1").hexdigest()
"""The hash before the first record."""


def hash_record(before: str, record: Mapping[str, Any]) -> str:
    """Return the hash of a record: SHA-256 of the hash before it and of its fields as JSON."""
    # A damaged SQLite file may hand out a value of another type: it must not hash the same.
    fields = json.dumps([record.get(name) for name in FIELDS], ensure_ascii=True, default=repr)
    return hashlib.sha256(f"{before}\n{fields}".encode()).hexdigest()


# ---- marks, and the keys that sign them


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """A signed statement that record `seq` has hash `hash`; keep some away from the ledger.

    Attributes:
        kind: `"head"` (the last record), `"checkpoint"`, or `"retention"` (the last one removed).
        seq: Number of the record.
        time: When it was signed, UTC, ISO 8601.
        hash: The record's hash.
        key: Fingerprint of the key that signed.
        signature: In hexadecimal.
    """

    kind: str
    seq: int
    time: str
    hash: str
    key: str
    signature: str


def _statement(kind: str, seq: int, time: str, digest: str) -> bytes:
    """Return the bytes that a mark's signature is of."""
    return f"langchain-privacy ledger mark 1\n{kind}\n{seq}\n{time}\n{digest}".encode()


class PublicKey:
    """Checks signatures. `pem` may be given to anybody."""

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key
        raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.fingerprint: str = hashlib.sha256(raw).hexdigest()

    @property
    def pem(self) -> str:
        """The key in PEM."""
        return self._key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def verifies(self, mark: Mark) -> bool:
        """Tell whether a mark's signature is this key's."""
        statement = _statement(mark.kind, mark.seq, mark.time, mark.hash)
        try:
            self._key.verify(bytes.fromhex(mark.signature), statement)
        except (InvalidSignature, ValueError, TypeError):
            return False
        return True

    @classmethod
    def from_pem(cls, pem: str | bytes) -> "PublicKey":
        """Read a key; raises `ConfigurationError`."""
        data = pem.encode() if isinstance(pem, str) else pem
        try:
            key: object = load_pem_public_key(data)
        except ValueError:
            key = None
        if not isinstance(key, Ed25519PublicKey):
            msg = "This is no Ed25519 public key in PEM."
            raise ConfigurationError(msg) from None
        return cls(key)


class SigningKey:
    """Signs marks. Its `repr` shows the fingerprint only."""

    def __init__(self, key: Ed25519PrivateKey | None = None) -> None:
        self._key = key or Ed25519PrivateKey.generate()
        self.public = PublicKey(self._key.public_key())

    def __repr__(self) -> str:
        return f"<SigningKey {self.public.fingerprint[:16]}>"

    def sign(self, kind: str, seq: int, digest: str, time: str) -> dict[str, Any]:
        """Return the fields of a `Mark`."""
        return {
            "kind": kind,
            "seq": seq,
            "time": time,
            "hash": digest,
            "key": self.public.fingerprint,
            "signature": self._key.sign(_statement(kind, seq, time, digest)).hex(),
        }

    @classmethod
    def at(cls, path: Path) -> "SigningKey":
        """Read the key at `path`; make it, readable by its owner only, when there is none."""
        try:
            if not path.exists():
                cls._create(path)
            key = load_pem_private_key(path.read_bytes(), password=None)
        except (OSError, ValueError, TypeError) as error:
            msg = (
                f"The ledger's signing key at {path} can be neither read nor made "
                f"({type(error).__name__}). Make the folder writable or pass signing_key=."
            )
            raise ConfigurationError(msg) from None
        if not isinstance(key, Ed25519PrivateKey):
            msg = f"The key at {path} is no Ed25519 key; move it away or pass signing_key=."
            raise ConfigurationError(msg)
        return cls(key)

    @staticmethod
    def _create(path: Path) -> None:
        pem = Ed25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        # `mkstemp` gives a file that only its owner can read.
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(pem)
            # A link appears whole, and only one of several processes wins.
            os.link(temporary, path)
        except FileExistsError:
            pass
        finally:
            Path(temporary).unlink(missing_ok=True)


# ---- checking


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

    def _repr_html_(self) -> str:
        told = [(f.name, getattr(self, f.name)) for f in fields(self)]
        return table("The ledger is sound", told)


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
    marks = list(marks)
    expected = _checked_marks(marks, public_key)
    removed = [mark for mark in marks if mark.kind == "retention"]
    start = max((mark.seq for mark in removed), default=0)
    before = expected[start] if start else GENESIS
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
    head = max((mark.seq for mark in marks if mark.kind == "head"), default=None)
    if anchored and seq and (head is None or head < seq):
        at = seq if head is None else head + 1
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


def _checked_marks(marks: Iterable[Mark], public_key: PublicKey) -> dict[int, str]:
    """Check the marks themselves; return the hashes that records must have by them."""
    expected: dict[int, str] = {}
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
        if not public_key.verifies(mark):
            msg = f"The signature of the {mark.kind} at record {mark.seq} does not hold."
            raise LedgerError(msg, record=mark.seq)
        if expected.setdefault(mark.seq, mark.hash) != mark.hash:
            msg = f"Two signed marks disagree about record {mark.seq}: history was rewritten."
            raise LedgerError(msg, record=mark.seq)
    return expected
