"""Real evidence through the ways that users take: adapters and `attest --offline`, not verifiers.

What binds a real report was chosen by its owner, so a gateway's document with it is refused for its
binding and for nothing else; where a format takes keys out of the report, it is accepted.
"""

import base64
import datetime as dt
import gzip
import json
from pathlib import Path

import pytest

from langchain_privacy.cli import main
from langchain_privacy.errors import AttestationError, EvidenceExpiredError, PolicyMismatchError
from langchain_privacy.secure import (
    AttestationPolicy,
    SevSnpPolicy,
    SnpEndorsements,
    envelope,
    verify_sev_snp,
)
from langchain_privacy.secure.adapters import GatewayAdapter, TinfoilAdapter
from langchain_privacy.secure.evidence.roots import VENDOR_ROOTS
from tests.support.paths import shared_vectors

TURIN_FROM = dt.datetime(2026, 2, 6, tzinfo=dt.UTC)
ROOTS = "amd-roots/ask_ark_milan.pem"
MACHINES = {
    "turin-v5": ("turin-v5/vcek.pem", "turin-v5/ask_ark.pem", TURIN_FROM, {}),
    "milan-v2": ("milan-v2/vcek.der", ROOTS, dt.datetime(2025, 6, 1, tzinfo=dt.UTC), {}),
    "milan-v2-bad-vcek": (
        "milan-v2-bad-vcek/vcek.der",
        ROOTS,
        dt.datetime(2025, 6, 1, tzinfo=dt.UTC),
        {"allow_uncommitted_tcb": True},
    ),
}


def _machine(name: str) -> tuple[bytes, SnpEndorsements, dt.datetime, SevSnpPolicy]:
    key, chain, clock, allowed = MACHINES[name]
    report = shared_vectors(f"sev-snp/{name}/report.bin").read_bytes()
    endorsements = SnpEndorsements(
        key_certificate=shared_vectors(f"sev-snp/{key}").read_bytes(),
        chain=shared_vectors(f"sev-snp/{chain}").read_bytes(),
    )
    policy = SevSnpPolicy(measurements=[report[0x90:0xC0].hex()], **allowed)
    return report, endorsements, clock, policy


def test_the_turin_report_is_accepted_in_its_time_only() -> None:
    report, endorsements, clock, policy = _machine("turin-v5")
    result = verify_sev_snp(report, endorsements, policy, clock)
    assert (result.claims["version"], result.claims["product"]) == (5, "Turin")
    with pytest.raises(EvidenceExpiredError):
        verify_sev_snp(report, endorsements, policy, clock - dt.timedelta(days=60))
    with pytest.raises(PolicyMismatchError, match=f"found {report[0x90:0xC0].hex()}, wanted"):
        other = SevSnpPolicy(measurements=["ab" * 48])
        verify_sev_snp(report, endorsements, other, clock)


@pytest.mark.parametrize("position", [0x00, 0x08, 0x38, 0x50, 0x90, 0x180, 0x1A0, 0x1F8, 0x29F])
def test_a_changed_turin_report_is_refused(position) -> None:
    report, endorsements, clock, policy = _machine("turin-v5")
    changed = bytearray(report)
    changed[position] ^= 1
    with pytest.raises(AttestationError):
        verify_sev_snp(bytes(changed), endorsements, policy, clock)


@pytest.mark.parametrize("name", MACHINES)
def test_keys_come_out_of_a_real_report(name) -> None:
    report, endorsements, clock, machine = _machine(name)
    document = json.dumps(
        {
            "format": "https://tinfoil.sh/predicate/sev-snp-guest/v2",
            "body": base64.b64encode(gzip.compress(report)).decode(),
        }
    ).encode()
    policy = AttestationPolicy(require=[machine], profile="ehbp-x25519")
    adapter = TinfoilAdapter(endorsements, accept_boot_time_evidence=True)
    result = adapter.verify(document, bytes(32), policy, clock, roots=VENDOR_ROOTS)
    assert result.channel_keys == {"ehbp-x25519": report[0x70:0x90]}


@pytest.mark.parametrize("name", MACHINES)
def test_a_real_report_in_a_gateways_document_fails_at_its_binding(name, tmp_path, capsys) -> None:
    report, endorsements, clock, machine = _machine(name)
    nonce = bytes(range(32))
    crypto = envelope.crypto_material(
        {"x-wing": bytes(1216)}, not_after=clock + dt.timedelta(days=1), gateway_config="00" * 32
    )
    chain = endorsements.chain
    assert isinstance(chain, bytes)
    cpu = envelope.CpuEvidence(
        kind="sev-snp",
        evidence={"report": report},
        endorsements={"key_certificate": endorsements.key_certificate, "chain": chain},
    )
    document = envelope.build(nonce, crypto, envelope.device_evidence([], None), cpu)
    policy = AttestationPolicy(require=[machine])
    with pytest.raises(EvidenceExpiredError) as refused:
        GatewayAdapter().verify(document, nonce, policy, clock, roots=VENDOR_ROOTS)
    assert refused.value.check == "sev-snp.report_data"
    kept, file = tmp_path / "evidence.json", tmp_path / "policy.json"
    policy.save(file)
    _keep(kept, document, nonce, clock)
    assert main(["attest", "--offline", str(kept), "--policy", str(file), "--json"]) == 1
    rows = json.loads(capsys.readouterr().out)["checks"]
    outcomes = {row["check"]: row["outcome"] for row in rows if row["subject"] == "sev-snp"}
    assert outcomes["signature"] == "passed"
    assert outcomes["report_data"] == "failed"


def _keep(path: Path, document: bytes, nonce: bytes, clock: dt.datetime) -> None:
    content = {
        "format": "langchain-privacy-evidence/v1",
        "service": "gateway",
        "fetched_at": clock.isoformat(),
        "nonce": nonce.hex(),
        "document": base64.b64encode(document).decode(),
    }
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    "content",
    ["[" * 100_000, "{}", "null", '{"format": 5}', '{"nonce": "zz"}', "\ud800"],
    ids=["nested", "empty", "null", "number", "nonce", "surrogate"],
)
def test_files_that_are_none_of_ours_are_refused(content, tmp_path, capsys) -> None:
    kept, file = tmp_path / "evidence.json", tmp_path / "policy.json"
    kept.write_bytes(content.encode("utf-8", "surrogatepass"))
    AttestationPolicy(require=[SevSnpPolicy(measurements=["ab" * 48])]).save(file)
    assert main(["attest", "--offline", str(kept), "--policy", str(file)]) == 1
    assert "not a file that attest --save wrote" in capsys.readouterr().err
