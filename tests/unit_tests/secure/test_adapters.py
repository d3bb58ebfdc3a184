"""Adapters of other services: what their documents bind, and what is refused."""

import base64
import datetime as dt
import gzip
import hashlib
import json
import subprocess
import sys

import pytest
from cryptography import x509

from langchain_privacy.errors import (
    AttestationError,
    ConfigurationError,
    EvidenceExpiredError,
    EvidenceInvalidError,
    PolicyMismatchError,
)
from langchain_privacy.secure import (
    AttestationPolicy,
    SevSnpPolicy,
    SnpEndorsements,
    TdxEndorsements,
    TdxMeasurement,
    TdxPolicy,
    TrustedRoots,
)
from langchain_privacy.secure.adapters import TinfoilAdapter, verify_dstack_report
from tests.support.paths import shared_vectors
from tests.vectors.attestation import authority, cases

KEPT = authority.load()
ROOTS = TrustedRoots(amd_ark={"Milan": hashlib.sha256(KEPT["amd"]["ark"]).hexdigest()})
NOW = dt.datetime.fromtimestamp(cases.NOW, dt.UTC)
ENDORSED = SnpEndorsements(
    key_certificate=KEPT["amd"]["vcek"], chain=[KEPT["amd"]["ask"], KEPT["amd"]["ark"]]
)
POLICY = AttestationPolicy(
    require=[SevSnpPolicy(measurements=[cases.MEASUREMENT.hex()])], profile="ehbp-x25519"
)


def _tinfoil(report: bytes, **changes) -> bytes:
    body = base64.b64encode(gzip.compress(report)).decode()
    kind = "https://tinfoil.sh/predicate/sev-snp-guest/v2"
    return json.dumps({"format": kind, "body": body, **changes}).encode()


def _verify(document: bytes, policy: AttestationPolicy = POLICY):
    adapter = TinfoilAdapter(lambda report: ENDORSED, accept_boot_time_evidence=True)
    return adapter.verify(document, bytes(32), policy, NOW, roots=ROOTS)


def test_tinfoil_key_comes_from_the_report() -> None:
    tls, key = bytes(range(32)), bytes(range(64, 96))
    report = _verify(_tinfoil(cases.snp_report({0x50: tls + key})))
    assert report.channel_keys == {"ehbp-x25519": key}
    assert report.claims["tls_spki_sha256"] == tls.hex()
    assert "nonce" in {c.name for c in report.skipped}


def test_tinfoil_must_be_told_that_evidence_is_old() -> None:
    with pytest.raises(ConfigurationError, match="nonce"):
        TinfoilAdapter(ENDORSED)


@pytest.mark.parametrize(
    ("document", "error"),
    [
        (_tinfoil(cases.snp_report({0x50: b"\1"}, resign=False)), EvidenceInvalidError),
        (_tinfoil(cases.snp_report({0x90: b"\1"})), PolicyMismatchError),
        (_tinfoil(cases.snp_report(), format="https://tinfoil.sh/v9"), EvidenceInvalidError),
        (_tinfoil(cases.snp_report(), body="AAAA"), EvidenceInvalidError),
        (_tinfoil(cases.snp_report(), more=1), EvidenceInvalidError),
        (_tinfoil(b"\0" * 10_000_000), EvidenceInvalidError),
        (_tinfoil(cases.snp_report() + b"\0"), EvidenceInvalidError),
    ],
)
def test_tinfoil_documents_are_refused(document, error) -> None:
    with pytest.raises(error):
        _verify(document)


def test_tinfoil_does_not_satisfy_the_other_channel() -> None:
    policy = AttestationPolicy(require=POLICY.require)
    with pytest.raises(PolicyMismatchError, match="x-wing"):
        _verify(_tinfoil(cases.snp_report()), policy)


def test_dstack_binds_address_and_nonce() -> None:
    quote = shared_vectors("tdx/phala_quote_v4.bin").read_bytes()
    collateral = TdxEndorsements(
        collateral=shared_vectors("tdx/phala_quote_v4_collateral.json").read_bytes()
    )

    def register(offset: int) -> str:
        return quote[48 + offset : 96 + offset].hex()

    policy = TdxPolicy(
        measurements=[
            TdxMeasurement(
                mr_td=register(136),
                rtmr1=register(376),
                rtmr2=register(424),
                rtmr3=register(472),
            )
        ]
    )
    # This quote binds something else; its two halves serve as address and nonce here.
    address, nonce = quote[568:600], quote[600:632]
    document = {"intel_quote": quote.hex(), "signing_address": address.hex(), "info": {}}

    def verify(content: dict, challenge: bytes = nonce):
        text = json.dumps(content)
        return verify_dstack_report(text, collateral, policy, 1750329207, nonce=challenge)

    report = verify(document)
    assert report.claims["signing_address"] == address.hex()
    assert report.channel_keys == {}
    with pytest.raises(EvidenceExpiredError):
        verify(document, bytes(32))
    with pytest.raises(EvidenceExpiredError):
        verify({**document, "signing_address": "ab" * 32})
    for bad in ({}, {**document, "intel_quote": "zz"}, {**document, "signing_address": ""}):
        with pytest.raises(AttestationError):
            verify(bad)


def test_synthetic_roots_are_not_the_vendors() -> None:
    from langchain_privacy.secure.evidence.roots import VENDOR_ROOTS

    ark = x509.load_der_x509_certificate(KEPT["amd"]["ark"])
    assert "Milan" in ark.subject.rfc4514_string()
    assert VENDOR_ROOTS.amd_ark["Milan"] != ROOTS.amd_ark["Milan"]


FIRST = """
import importlib, sys
for name in ("endpoint", "transport", "envelope", "adapters", "chat_model"):
    for ours in [n for n in sys.modules if n.startswith("langchain_privacy")]:
        del sys.modules[ours]
    importlib.import_module(f"langchain_privacy.secure.{name}")
"""


def test_each_module_can_be_the_first_to_be_imported() -> None:
    subprocess.run([sys.executable, "-c", FIRST], check=True)
