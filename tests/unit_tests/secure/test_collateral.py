"""Fetching what vendors say, from servers on loopback that speak their services' protocols."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from langchain_privacy.errors import EndpointUnavailableError, EvidenceInvalidError
from langchain_privacy.secure import (
    GpuEvidence,
    NvidiaGpuPolicy,
    SevSnpPolicy,
    TdxMeasurement,
    TdxPolicy,
    verify_nvidia_gpu,
    verify_sev_snp,
    verify_tdx,
)
from langchain_privacy.secure import collateral as collateral_module
from langchain_privacy.secure.collateral import Collateral
from langchain_privacy.secure.report import utc_now
from tests.support import vendors
from tests.support.http import RecordingServer, Reply
from tests.support.tls import Identity, trusting
from tests.support.vendors import AMD, GPU_CHAIN, NOW, REPORT, ROOTS, services
from tests.vectors.attestation import cases, intel

QUOTE = intel.quote({"report_data": bytes(64)})
GPU = GpuEvidence(report=cases.gpu_report(), certificate_chain=GPU_CHAIN)


@pytest.fixture
def vendor() -> Iterator[RecordingServer]:
    with RecordingServer(vendors.vendor) as server:
        yield server


def _made(url: str, folder: Path, **changes: Any) -> Collateral:
    return Collateral(folder, services=services(url), **changes)


def test_amd_and_intel_vouch_for_machines(vendor, tmp_path) -> None:
    collateral = _made(vendor.url, tmp_path)
    snp = SevSnpPolicy(measurements=[cases.MEASUREMENT.hex()], require_crl=True)
    verify_sev_snp(REPORT, collateral.snp(REPORT), snp, NOW, roots=ROOTS)
    build = TdxMeasurement(**{name: value.hex() for name, value in intel.REGISTERS.items()})
    tdx = TdxPolicy(measurements=[build])
    verify_tdx(QUOTE, collateral.tdx(QUOTE), tdx, utc_now(), roots=ROOTS)


def test_nvidia_vouches_for_gpus(vendor, tmp_path) -> None:
    given = _made(vendor.url, tmp_path).gpus([GPU])
    assert sorted(given.manifests) == [
        b"NV_GPU_DRIVER_GH100_580.10",
        b"NV_GPU_VBIOS_1010_0200_882_96009F0001",
    ]
    policy = NvidiaGpuPolicy(require_ocsp=True)
    only = dataclasses.replace(given, manifests=())
    verify_nvidia_gpu(GPU, only, policy, NOW, nonce=cases.NONCE, roots=ROOTS)


FETCHES: dict[str, Callable[[Collateral], object]] = {
    "amd": lambda c: c.snp(REPORT),
    "intel": lambda c: c.tdx(QUOTE),
    "nvidia": lambda c: c.gpus([GPU]),
}


@pytest.mark.parametrize("fetch", FETCHES.values(), ids=FETCHES)
def test_what_was_fetched_is_kept_and_serves_an_outage_and_offline(
    vendor, tmp_path, fetch, monkeypatch
) -> None:
    first = fetch(_made(vendor.url, tmp_path))
    asked = len(vendor.requests)
    assert asked
    assert fetch(_made(vendor.url, tmp_path)) == first
    assert len(vendor.requests) == asked
    # Old by now, but its service is gone: it serves within the stale days, and no longer.
    gone = services(vendor.url)
    now = collateral_module.time.time()
    monkeypatch.setattr(collateral_module.Collateral, "_fetch", _unanswered)
    monkeypatch.setattr(collateral_module.time, "time", lambda: now + 2 * 86_400)
    assert fetch(Collateral(tmp_path, services=gone)) == first
    monkeypatch.setattr(collateral_module.time, "time", lambda: now + 400 * 86_400)
    with pytest.raises(EndpointUnavailableError):
        fetch(Collateral(tmp_path, services=gone))
    assert fetch(Collateral(tmp_path, services=gone, offline=True)) == first
    with pytest.raises(EndpointUnavailableError, match="offline"):
        fetch(Collateral(tmp_path / "empty", services=gone, offline=True))


def _unanswered(*_: Any) -> Any:
    msg = "gone"
    raise EndpointUnavailableError(msg)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=503),
        Reply(status=429),
        Reply(status=302, headers={"location": "http://portal.example"}),
        Reply(body=b"<html>sign in</html>", headers={"content-type": "text/html"}),
        Reply(body=b"x" * 5_000_000),
    ],
    ids=["503", "429", "redirect", "portal", "too-large"],
)
def test_services_that_misbehave_are_unavailable_and_nothing_is_kept(tmp_path, reply) -> None:
    with RecordingServer(lambda _: reply) as server:
        for fetch in FETCHES.values():
            with pytest.raises(EndpointUnavailableError) as refused:
                fetch(_made(server.url, tmp_path))
            assert refused.value.is_retryable
    assert not list(tmp_path.glob("*.json"))


def test_answers_in_another_format_are_refused(tmp_path) -> None:
    with RecordingServer(lambda _: Reply(body=b'{"tcbInfo": 5}')) as server:
        with pytest.raises(EvidenceInvalidError):
            _made(server.url, tmp_path).tdx(QUOTE)
        with pytest.raises(EvidenceInvalidError):
            _made(server.url, tmp_path).gpus([GPU])


@pytest.mark.parametrize("fetch", ["snp", "tdx"])
@pytest.mark.parametrize(
    "evidence", [b"", b"\0" * 1184, b"\0" * 5000], ids=["none", "zeros", "more"]
)
def test_evidence_that_names_no_machine_is_refused(tmp_path, fetch, evidence) -> None:
    with pytest.raises(EvidenceInvalidError):
        getattr(_made("http://127.0.0.1:1", tmp_path), fetch)(evidence)


def test_own_authorities_and_a_proxy(tmp_path) -> None:
    tls = Identity(tmp_path)
    with RecordingServer(vendors.vendor, tls=tls.server_context()) as server:
        with pytest.raises(EndpointUnavailableError):
            _made(server.url, tmp_path / "a").snp(REPORT)
        assert _made(server.url, tmp_path / "a", verify=trusting(tls)).snp(REPORT).crl == AMD["crl"]
    with RecordingServer(vendors.vendor) as proxy:
        through = _made("http://kds.example", tmp_path / "b", proxy=proxy.url)
        assert through.snp(REPORT).crl == AMD["crl"]
        assert proxy.requests[0].path.startswith("http://kds.example/vcek")
