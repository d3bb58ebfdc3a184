"""What is said about the GPUs of one machine, each about its own: OCSP, NRAS."""

import datetime as dt
import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa
from cryptography.hazmat.primitives.serialization import Encoding

from langchain_privacy.errors import EvidenceInvalidError, PolicyMismatchError
from langchain_privacy.secure import (
    GpuEndorsements,
    GpuEvidence,
    NvidiaGpuPolicy,
    TrustedRoots,
    verify_nras_token,
    verify_nvidia_gpu,
)
from tests.vectors.attestation import authority, cases, revocation

KEPT = authority.load()
NOW = dt.datetime.fromtimestamp(cases.NOW, dt.UTC)
_FIRST = KEPT["nvidia"]["chain_0"]
ROOTS = TrustedRoots(
    nvidia_device=x509.load_pem_x509_certificates(_FIRST)[-1].fingerprint(hashes.SHA256()).hex()
)


def _reissued(chain_pem: bytes, serial: int, **changes) -> bytes:
    """The chain with its second certificate issued anew: every GPU has one of its own."""
    chain = x509.load_pem_x509_certificates(chain_pem)
    own = chain[1]
    builder = (
        x509.CertificateBuilder()
        .subject_name(own.subject)
        .issuer_name(own.issuer)
        .public_key(changes.get("key", own.public_key()))
        .serial_number(serial)
        .not_valid_before(own.not_valid_before_utc)
        .not_valid_after(own.not_valid_after_utc)
    )
    for extension in own.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    made = builder.sign(authority.ec_key("ICA"), hashes.SHA384())
    return b"".join(c.public_bytes(Encoding.PEM) for c in (chain[0], made, *chain[2:]))


CHAINS = [_FIRST, _reissued(KEPT["nvidia"]["chain_1"], 4242)]


def _verify(ocsp: list[bytes], chains: list[bytes] = CHAINS):
    gpus = [
        GpuEvidence(report=cases.gpu_report(1000 + index), certificate_chain=chain)
        for index, chain in enumerate(chains)
    ]
    given = GpuEndorsements(ocsp=ocsp)
    policy = NvidiaGpuPolicy(count=len(gpus), require_ocsp=True)
    return verify_nvidia_gpu(gpus, given, policy, NOW, nonce=cases.NONCE, roots=ROOTS)


def _responses(chain: bytes, **changes) -> list[bytes]:
    return [revocation.response(chain, NOW, level=level, **changes) for level in (1, 2, 3)]


def test_each_gpu_has_responses_of_its_own() -> None:
    report = _verify([*_responses(CHAINS[0]), *_responses(CHAINS[1])[2:]])
    assert [p.subject for p in report.parts] == ["nvidia-gpu"] * 2
    for missing in (_responses(CHAINS[0]), _responses(CHAINS[1])):
        with pytest.raises(EvidenceInvalidError, match="whole chain"):
            _verify(missing)


def test_a_bad_response_counts_for_its_gpu_and_a_foreign_one_for_all() -> None:
    good = [*_responses(CHAINS[0]), *_responses(CHAINS[1])]
    revoked = revocation.response(CHAINS[1], NOW, level=3, status="revoked")
    with pytest.raises(EvidenceInvalidError, match="nvidia-gpu:1: a certificate is revoked"):
        _verify([*good, revoked])
    foreign = revocation.response(_reissued(_FIRST, 7), NOW, level=3)
    with pytest.raises(EvidenceInvalidError, match="does not hold"):
        _verify([*good, foreign])


def test_a_key_of_an_unknown_type_is_refused() -> None:
    key = dsa.generate_private_key(2048).public_key()
    with pytest.raises(EvidenceInvalidError):
        _verify([], [_reissued(_FIRST, 9, key=key)])


# --- NVIDIA's service, claims of version 2 ---

_V2 = {
    "x-nvidia-gpu-attestation-report-cert-chain-fwid-match": None,
    "x-nvidia-gpu-attestation-report-cert-chain": None,
    "x-nvidia-gpu-attestation-report-cert-chain-validated": True,
}


def _answer(version: str = "2.0", **device) -> str:
    claims = {k: v for k, v in {**cases._device(), **_V2, **device}.items() if v is not None}
    tokens = {"GPU-0": cases.token(claims)}
    return cases.bundle(overall={"x-nvidia-ver": version}, device_tokens=tokens)


def _nras(answer: str, **policy):
    keys = json.dumps(cases.jwks()).encode()
    return verify_nras_token(answer, keys, NvidiaGpuPolicy(**policy), cases.NOW, nonce=cases.NONCE)


def test_claims_of_version_2_are_accepted_by_the_default_policy() -> None:
    report = _nras(_answer(), require_rim=True, require_ocsp=True)
    made = {c.name: c for c in report.parts[0].checks}
    assert made["fwid"].outcome == "passed"
    assert "within the chain" in made["fwid"].detail


@pytest.mark.parametrize(
    "answer",
    [
        _answer("3.0"),
        _answer(**{"x-nvidia-gpu-attestation-report-cert-chain-validated": False}),
        _answer(**{"x-nvidia-gpu-attestation-report-cert-chain-validated": None}),
        _answer(**{"x-nvidia-gpu-attestation-report-cert-chain-fwid-match": False}),
        _answer(measres="fail"),
    ],
    ids=["silent-3.0", "chain-false", "chain-absent", "fwid-false", "measures"],
)
def test_what_version_2_does_not_vouch_for_is_refused(answer) -> None:
    with pytest.raises(PolicyMismatchError):
        _nras(answer)
