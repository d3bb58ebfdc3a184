"""The secure server of HazyResearch's Minions, for comparison and migration only.

`GET /attestation`, then one `POST /message` for each conversation: ECDH on P-384, HKDF-SHA-256 with
the info `handshake data`, AES-256-GCM, and ECDSA over `u64be nonce | iv | ciphertext` (the
project's `secure/utils/crypto_utils.py` and `worker_server.py`). It is no adapter of the channel,
because nothing that the server says ties a key to a machine.

```python
policy = AttestationPolicy(require=[UnsafeMinionsAttestor(attestors=["7a..."])], allow_unsafe=True)
server = UnsafeMinionsServer("https://llm.example.com", attestor_pem, policy)
server.chat([{"role": "user", "content": "..."}])
```
"""

import base64
import datetime as dt
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import httpx
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from langchain_privacy.errors import (
    ChannelError,
    ConfigurationError,
    EvidenceExpiredError,
    EvidenceInvalidError,
    PolicyMismatchError,
    PrivacyError,
)
from langchain_privacy.secure import parsing
from langchain_privacy.secure.evidence.signatures import UNREADABLE, is_p384
from langchain_privacy.secure.fetch import LOOPBACK, DocumentReader, tls_spki
from langchain_privacy.secure.policy.attestation import AttestationPolicy
from langchain_privacy.secure.policy.base import appraise
from langchain_privacy.secure.report import AttestationReport, Checks, utc_now

SUBJECT = "unsafe-minions"
_FIRST_ANSWER = 3000
_MAX_ANSWER = 64 * 1024 * 1024
_MAX_AGE = dt.timedelta(minutes=5)
_WHAT = "Minions attestation"
_DOCUMENT = ("report", "report_json", "signature", "public_key_worker", "gpu_eat", "nonce_b64")
_REPORT = (
    "agent_name",
    "pubkey_hash",
    "snp_attestation_token",
    "gpu_eat_hash",
    "tls_pubkey_hash",
    "nonce",
    "timestamp",
)


def _spki(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _pem(key: ec.EllipticCurvePublicKey) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")


def _p384(pem: Any, what: str) -> ec.EllipticCurvePublicKey:
    key: object = None
    with suppress(*UNREADABLE):
        key = load_pem_public_key(parsing.text(pem, what).encode())
    if not is_p384(key):
        msg = f"{what}: not a P-384 public key in PEM"
        raise EvidenceInvalidError(msg, check="parsing")
    return key


def _signed(key: ec.EllipticCurvePublicKey, signature: bytes, data: bytes) -> bool:
    try:
        key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def verify_minions_report(
    document: bytes | str,
    attestor: ec.EllipticCurvePublicKey,
    policy: AttestationPolicy,
    now: dt.datetime,
    *,
    tls_spki_sha256: str | None,
) -> AttestationReport:
    """Verify what little the answer of `GET /attestation` says; see `UnsafeMinionsServer`.

    Args:
        document: The JSON answer.
        attestor: The software key that signs reports.
        policy: Must hold `UnsafeMinionsAttestor`; every other policy refuses.
        now: The clock.
        tls_spki_sha256: SHA-256 of the TLS key of this connection in hex; `None` without TLS.

    Raises:
        EvidenceInvalidError: If it is malformed or the software signature does not hold.
        EvidenceExpiredError: If the report is older than five minutes by the server's clock.
        PolicyMismatchError: If TLS ends elsewhere, or the policy asks for more than this.
    """
    checks = Checks(SUBJECT)
    content = parsing.members(parsing.strict_json(document, _WHAT), _WHAT, required=_DOCUMENT)
    text = parsing.text(content["report_json"], _WHAT)
    signature = parsing.from_base64(content["signature"], _WHAT)
    checks.require(
        "software_signature",
        _signed(attestor, signature, text.encode()),
        "the report is not signed by the software key that was given",
    )
    report = parsing.members(parsing.strict_json(text, _WHAT), _WHAT, required=_REPORT)
    digest = hashlib.sha256(_spki(attestor)).digest()
    checks.require(
        "signer", parsing.from_base64(report["pubkey_hash"], _WHAT) == digest, "another signer"
    )
    gpu = hashlib.sha256(parsing.text(content["gpu_eat"], _WHAT).encode()).digest()
    checks.require(
        "gpu_hash",
        parsing.from_base64(report["gpu_eat_hash"], _WHAT) == gpu,
        "the GPU tokens are not those of the report",
    )
    made = report["timestamp"]
    number = type(made) in (int, float) and 0 <= made <= parsing.LATEST
    checks.require("timestamp", number, "the timestamp is not one")
    checks.require(
        "age",
        abs(now.timestamp() - made) <= _MAX_AGE.total_seconds(),
        "the report is old, or from the future",
        error=EvidenceExpiredError,
    )
    attested_tls = parsing.from_base64(report["tls_pubkey_hash"], _WHAT).hex()
    if tls_spki_sha256 is None:
        checks.skip("tls_binding", "there is no TLS")
    else:
        checks.require(
            "tls_binding",
            attested_tls == tls_spki_sha256,
            "TLS does not end where the report says",
            error=PolicyMismatchError,
        )
    checks.skip("nonce", "the server chooses its own")
    checks.skip("channel_key", "the key that messages are sealed to is in no signed field")
    checks.skip("machine", "the token has no nonce and measures Azure's shared paravisor")
    checks.skip("gpus", "the tokens carry the server's own nonce and bind no key")
    worker = _p384(content["public_key_worker"], _WHAT)
    return appraise(
        AttestationReport(
            subject=SUBJECT,
            claims={"attestor_sha256": digest.hex(), "tls_spki_sha256": attested_tls},
            checks=tuple(checks),
            verified_at=now,
            channel_keys={"minions-p384": _spki(worker)},
        ),
        policy,
    )


class _Conversation:
    """One request and its answer under a key pair of its own."""

    def __init__(self, worker: ec.EllipticCurvePublicKey) -> None:
        self._own, self._worker = ec.generate_private_key(ec.SECP384R1()), worker
        shared = self._own.exchange(ec.ECDH(), worker)
        self._aead = AESGCM(HKDF(hashes.SHA256(), 32, None, b"handshake data").derive(shared))

    def request(self, messages: Sequence[Mapping[str, Any]]) -> bytes:
        iv, nonce = os.urandom(12), 1000
        ciphertext = self._aead.encrypt(iv, json.dumps(list(messages)).encode(), None)
        signature = self._own.sign(nonce.to_bytes(8) + iv + ciphertext, ec.ECDSA(hashes.SHA256()))
        fields = {"iv": iv, "ciphertext": ciphertext, "signature": signature}
        payload = {name: base64.b64encode(value).decode() for name, value in fields.items()}
        body = {
            "peer_public_key": _pem(self._own.public_key()),
            "payload": {"nonce": nonce, **payload},
            "session_id": os.urandom(16).hex(),
        }
        return json.dumps(body).encode()

    def answer(self, data: bytes) -> str:
        names = ("nonce", "iv", "ciphertext", "signature")
        try:
            payload = parsing.members(
                parsing.strict_json(data, "answer", limit=_MAX_ANSWER), "answer", required=names
            )
            iv, ciphertext, signature = (
                parsing.from_base64(payload[name], "answer") for name in names[1:]
            )
        except EvidenceInvalidError:
            msg = "the answer is not a sealed message, so it is not used"
            raise ChannelError(msg) from None
        # The server counts the answers to each client key from here; ours is used once.
        if payload["nonce"] != _FIRST_ANSWER or len(iv) != 12:
            msg = "the answer is not the first one to this key"
            raise ChannelError(msg)
        if not _signed(self._worker, signature, _FIRST_ANSWER.to_bytes(8) + iv + ciphertext):
            msg = "the answer's signature does not hold"
            raise ChannelError(msg)
        try:
            return self._aead.decrypt(iv, ciphertext, None).decode()
        except (InvalidTag, UnicodeDecodeError):
            msg = "the answer does not open"
            raise ChannelError(msg) from None


class UnsafeMinionsServer:
    """Unsafe: talks to the secure server of Minions as its own client does, but fails loudly.

    **Whoever is on the path of a connection whose TLS they can end can read everything, whatever
    the evidence says.** Faults of the protocol, which a client cannot repair:

    - the key that messages are sealed to is in no signed field, so it can be swapped;
    - the nonce is the server's, so a recorded attestation can be replayed (reports older than five
      minutes are refused here, but the time is the server's too);
    - the report is signed by a software key on a disk, not by the machine;
    - Azure's token carries no nonce, and its launch measurement is of Azure's paravisor, the same
      for every customer; the GPU tokens are bound neither to the machine nor to a key;
    - the server's key is static (no forward secrecy, nothing post-quantum), one AES key serves both
      directions, and no request can be told from its replay.

    What can be done on this side is done: the software signature, GPU hash, age and, over TLS, the
    TLS key of this very connection are checked; every call has a fresh key pair, so an answer
    belongs to its request; a wrong signature raises. The streaming endpoint is not used, for the
    end of its streams is not authenticated.

    Args:
        endpoint: URL of the server.
        attestor: Its attestor's P-384 public key in PEM, obtained from somebody you trust.
        policy: An `AttestationPolicy` with `UnsafeMinionsAttestor` and `allow_unsafe=True`.
        verify: TLS verification: `True`, or an `ssl.SSLContext`.
        timeout: Seconds for each step of a request.
        clock: Gives the time; for tests.

    Raises:
        ConfigurationError: If the URL or the key is unusable.
    """

    def __init__(
        self,
        endpoint: str,
        attestor: str,
        policy: AttestationPolicy,
        *,
        verify: Any = True,
        timeout: float = 300.0,
        clock: Callable[[], dt.datetime] = utc_now,
    ) -> None:
        url = urlsplit(endpoint)
        loopback = url.scheme == "http" and url.hostname in LOOPBACK
        if url.scheme != "https" and not loopback:
            msg = "UnsafeMinionsServer needs an https endpoint: TLS is all that protects its keys"
            raise ConfigurationError(msg)
        if not isinstance(policy, AttestationPolicy):
            msg = "UnsafeMinionsServer needs policy=AttestationPolicy(...)"
            raise ConfigurationError(msg)
        try:
            self._attestor = _p384(attestor, "attestor")
        except EvidenceInvalidError as error:
            raise ConfigurationError(str(error)) from None
        self._base, self._policy, self._clock = endpoint.rstrip("/"), policy, clock
        self._settings: Any = {"timeout": timeout, "verify": verify, "trust_env": False}
        self.report: AttestationReport | None = None

    def chat(self, messages: Sequence[Mapping[str, Any]]) -> str:
        """Attest, seal the messages, and return the opened answer.

        Args:
            messages: Of the form `{"role": ..., "content": ...}`.

        Raises:
            AttestationError: If the attestation or the policy refuses; nothing was sent then.
            ChannelError: If the answer is not a whole sealed message.
        """
        with httpx.Client(**self._settings) as client:
            with _reading(), client.stream("GET", f"{self._base}/attestation") as response:
                reader = _reader(response, EvidenceInvalidError)
                for chunk in response.iter_bytes():
                    reader.feed(chunk)
            conversation = self._accept(reader.finish(), tls_spki(response))
            body, headers = conversation.request(messages), {"content-type": "application/json"}
            url = f"{self._base}/message"
            posted = client.stream("POST", url, content=body, headers=headers)
            with _reading(sealed=True), posted as response:
                self._same_end(response)
                reader = _reader(response, ChannelError)
                for chunk in response.iter_bytes():
                    reader.feed(chunk)
            return conversation.answer(reader.finish())

    async def achat(self, messages: Sequence[Mapping[str, Any]]) -> str:
        """The asynchronous twin of `chat`."""
        async with httpx.AsyncClient(**self._settings) as client:
            url = f"{self._base}/attestation"
            with _reading():
                async with client.stream("GET", url) as response:
                    reader = _reader(response, EvidenceInvalidError)
                    async for chunk in response.aiter_bytes():
                        reader.feed(chunk)
            conversation = self._accept(reader.finish(), tls_spki(response))
            body, headers = conversation.request(messages), {"content-type": "application/json"}
            url = f"{self._base}/message"
            with _reading(sealed=True):
                async with client.stream("POST", url, content=body, headers=headers) as response:
                    self._same_end(response)
                    reader = _reader(response, ChannelError)
                    async for chunk in response.aiter_bytes():
                        reader.feed(chunk)
            return conversation.answer(reader.finish())

    def _accept(self, document: bytes, spki: str | None) -> _Conversation:
        self.report = None
        report = verify_minions_report(
            document, self._attestor, self._policy, self._clock(), tls_spki_sha256=spki
        )
        self.report = report
        content = parsing.strict_json(document, _WHAT)
        return _Conversation(_p384(content["public_key_worker"], _WHAT))

    def _same_end(self, response: httpx.Response) -> None:
        assert self.report is not None
        spki = tls_spki(response)
        if spki is not None and spki != self.report.claims["tls_spki_sha256"]:
            msg = "the TLS connection does not end where the attestation was fetched"
            raise ChannelError(msg)


@contextmanager
def _reading(*, sealed: bool = False) -> Iterator[None]:
    """Turns errors of the connection, and of an answer without end, into ours."""
    try:
        yield
    except httpx.HTTPError:
        msg = "the connection failed or broke, so the answer is incomplete"
        raise ChannelError(msg) from None
    except EvidenceInvalidError:
        if not sealed:
            raise
        msg = "the answer is too large or takes too long"
        raise ChannelError(msg) from None


def _reader(response: httpx.Response, error: type[PrivacyError]) -> DocumentReader:
    if response.status_code != 200:
        msg = f"the server answered {response.status_code}; its text is not used"
        raise error(msg)
    limit = parsing.MAX_DOCUMENT if error is EvidenceInvalidError else _MAX_ANSWER
    return DocumentReader(limit, seconds=3600.0)
