"""The hash chain: what each record's hash covers, and how a chain is checked. Pure, no I/O."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

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
from sqlalchemy import (
    BigInteger,
    Column,
    Engine,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    make_url,
    text,
)
from sqlalchemy.pool import StaticPool

from langchain_privacy.errors import ConfigurationError, LedgerError

# ---- The key that signs a ledger's marks: Ed25519 (RFC 8032).


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

    def verifies(self, signature: str, statement: bytes) -> bool:
        """Tell whether a hexadecimal signature is this key's over `statement`."""
        try:
            self._key.verify(bytes.fromhex(signature), statement)
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

    def sign(self, statement: bytes) -> str:
        """Return the signature in hexadecimal."""
        return self._key.sign(statement).hex()

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


# ---- One message through the door, as the ledger tells it.

Decision = Literal["allowed", "blocked"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Crossing:
    """A crossing. None of its fields holds a private value; `payload` holds what was sent.

    Attributes:
        number: Its sequence number in the ledger.
        time: When it was decided, UTC, ISO 8601.
        session: Keyed digest of the session, `""` when none was known.
        destination: Host and port, or `"unknown"`.
        model: Model that it was meant for.
        purpose: What for: `"chat"`, `"embeddings"`, `"http"` or a name of the caller's.
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
        payload: The payload itself when the ledger keeps payloads and it was allowed.
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


def join(rows: Iterable[Mapping[str, Any]]) -> list[Crossing]:
    """Make crossings of records: each crossing with the receipt that came later."""
    crossings: dict[int, Crossing] = {}
    for row in rows:
        merge(row, crossings)
    return list(crossings.values())


def merge(row: Mapping[str, Any], crossings: dict[int, Crossing]) -> Crossing | None:
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


def each(rows: Iterable[Mapping[str, Any]]) -> Iterator[Crossing]:
    """Yield crossings as records arrive: when they open, and again when they are complete."""
    crossings: dict[int, Crossing] = {}
    for row in rows:
        if crossing := merge(row, crossings):
            yield crossing


# ---- The tables of the ledger, and how a connection to them is set up.

METADATA = MetaData()
_Number = BigInteger().with_variant(Integer, "sqlite")

RECORDS = Table(
    "egress_records",
    METADATA,
    Column("seq", _Number, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("time", String(40), nullable=False),
    Column("session", String(128)),
    Column("destination", Text),
    Column("model", Text),
    Column("purpose", Text),
    Column("decision", String(16)),
    Column("rule", Text),
    Column("bytes_out", _Number),
    Column("bytes_in", _Number),
    Column("tokens_out", _Number),
    Column("tokens_in", _Number),
    Column("measured", String(16)),
    Column("payload_digest", String(64)),
    Column("payload", Text),
    Column("entity_types", Text),
    Column("refers", _Number),
    Column("outcome", String(16)),
    Column("hash", String(64), nullable=False),
)
"""Every record: `kind` is `crossing`, `receipt` (an answer to one) or `retention`."""

_ALLOWED = text("kind = 'crossing' AND decision = 'allowed'")
SPENT = Index(
    "egress_spent",
    *(RECORDS.c[name] for name in ("session", "kind", "decision", "bytes_out")),
    sqlite_where=_ALLOWED,
    postgresql_where=_ALLOWED,
)
"""Lets a session's budget be summed without reading the other sessions' records."""

FIELDS = tuple(column.name for column in RECORDS.columns if column.name != "hash")
"""What the hash of a record covers, beside the hash before it."""

MARKS = Table(
    "egress_marks",
    METADATA,
    Column("kind", String(16), primary_key=True),
    Column("seq", _Number, primary_key=True, autoincrement=False),
    Column("time", String(40), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("key", String(64), nullable=False),
    Column("signature", String(128), nullable=False),
)
"""Signed statements "record `seq` has this hash": one `head`, `checkpoint`s, one `retention`."""


def in_memory(url: str) -> bool:
    """Tell whether a URL names a SQLite database that is no file."""
    parsed = make_url(url)
    named = parsed.database not in (None, "", ":memory:")
    return parsed.get_backend_name() == "sqlite" and not named


def open_engine(url: str) -> Engine:
    """Open a database so that writers wait for each other and a commit is on the disk."""
    parsed = make_url(url)
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, pool_pre_ping=True)
    memory = in_memory(url)
    options: dict[str, Any] = {"connect_args": {"check_same_thread": False, "timeout": 30}}
    if memory:
        options["poolclass"] = StaticPool
    engine = create_engine(parsed, **options)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        if not memory:
            cursor.execute("PRAGMA journal_mode=WAL")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        # A reader's transaction: the driver would begin none, and pages would not agree.
        connection.connection.dbapi_connection.execute("BEGIN")

    return engine


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
