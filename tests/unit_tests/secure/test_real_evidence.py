"""Evidence of real hardware and services: each file gets its expected verdict, at its own time.

The files are not part of the project; their `README.md` says where each comes from. Without them
these tests skip, and the synthetic vectors beside this suite still run.
"""

import base64
import datetime as dt
import json
from pathlib import Path

import pytest

from langchain_privacy.errors import (
    AttestationError,
    EvidenceExpiredError,
    EvidenceInvalidError,
    PolicyMismatchError,
)
from langchain_privacy.secure import (
    AttestationReport,
    AzureCvmEvidence,
    AzureCvmPolicy,
    AzureMaaPolicy,
    GpuEndorsements,
    GpuEvidence,
    NvidiaGpuPolicy,
    SevSnpPolicy,
    SnpEndorsements,
    TdxEndorsements,
    TdxMeasurement,
    TdxPolicy,
    verify_azure_cvm,
    verify_azure_maa,
    verify_nras_token,
    verify_nvidia_gpu,
    verify_sev_snp,
    verify_tdx,
)
from langchain_privacy.secure.evidence.roots import VENDOR_ROOTS
from langchain_privacy.secure.evidence.sev_snp import parse_report, verify_chain
from langchain_privacy.secure.report import Checks
from tests.support.paths import shared_vectors

D2024, D2025, D2026 = (dt.datetime(year, 6, 1, tzinfo=dt.UTC) for year in (2024, 2025, 2026))
TODAY = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)


def _file(name: str) -> Path:
    return shared_vectors("") / name


def _snp(folder: str, key: str = "vcek.der", roots: str = "ask_ark_milan.pem", **more: bytes):
    endorsements = SnpEndorsements(
        key_certificate=_file(f"sev-snp/{folder}/{key}").read_bytes(),
        chain=_file(f"sev-snp/amd-roots/{roots}").read_bytes(),
        **more,
    )
    return _file(f"sev-snp/{folder}/report.bin").read_bytes(), endorsements


def _own(report: bytes, **changes) -> SevSnpPolicy:
    return SevSnpPolicy(measurements=[report[0x90:0xC0].hex()], **changes)


def _changes_refused(data: bytes, positions, verify) -> None:
    """Every single-byte change at these positions is refused with a typed error."""
    for position in positions:
        changed = bytearray(data)
        changed[position] ^= 0x01
        with pytest.raises(AttestationError):
            verify(bytes(changed))


# --- AMD SEV-SNP ---------------------------------------------------------------------------------


def test_snp_milan_v2_is_accepted() -> None:
    report, endorsements = _snp("milan-v2")
    result = verify_sev_snp(report, endorsements, _own(report), D2025)
    assert result.claims["measurement"].startswith("7a1e5c26")
    assert result.claims["report_data"].startswith("d447b55d197491bf")
    assert {c.name for c in result.skipped} >= {"revocation", "tcb_floor", "report_data"}


def test_snp_uses_the_reported_tcb_for_the_vcek() -> None:
    report, endorsements = _snp("milan-v2-bad-vcek")
    with pytest.raises(PolicyMismatchError, match="not committed"):
        verify_sev_snp(report, endorsements, _own(report), D2025)
    policy = _own(report, allow_uncommitted_tcb=True)
    result = verify_sev_snp(report, endorsements, policy, D2025)
    assert result.claims["reported_tcb"]["microcode"] == 0x73
    assert result.claims["current_tcb"]["microcode"] == 0xCE


def test_snp_debug_report_is_refused_unless_allowed() -> None:
    report, endorsements = _snp("milan-v2-debug")
    with pytest.raises(PolicyMismatchError) as refused:
        verify_sev_snp(report, endorsements, _own(report), D2025)
    assert refused.value.check == "sev-snp.debug"
    verify_sev_snp(report, endorsements, _own(report, allow_debug=True), D2025)


@pytest.mark.parametrize("key", ["vcek-invalid-legacy.der", "vcek-invalid-new.der"])
def test_snp_altered_vcek_is_refused(key: str) -> None:
    report, endorsements = _snp("milan-v2-bad-vcek", key)
    with pytest.raises(EvidenceInvalidError):
        verify_sev_snp(report, endorsements, _own(report, allow_uncommitted_tcb=True), D2025)


def test_snp_vlek_needs_both_permissions_and_its_time() -> None:
    report, endorsements = _snp("milan-v3-vlek", "vlek.der", "ask_ark_milan_vlek.pem")
    allowed = {"allow_vlek": True, "max_vmpl": 1, "allow_uncommitted_tcb": True}
    result = verify_sev_snp(report, endorsements, _own(report, **allowed), D2025)
    assert result.claims["signing_key"] == "vlek"
    for missing in allowed:
        with pytest.raises(PolicyMismatchError):
            partial = {name: value for name, value in allowed.items() if name != missing}
            verify_sev_snp(report, endorsements, _own(report, **partial), D2025)
    with pytest.raises(EvidenceExpiredError):
        verify_sev_snp(report, endorsements, _own(report, **allowed), D2026)


def test_snp_v4_without_vcek_is_refused_after_its_layout_is_read() -> None:
    report = _file("sev-snp/milan-v4-gce-no-vcek/report.bin").read_bytes()
    assert parse_report(report).version == 4
    assert parse_report(report).product == "Milan"
    with pytest.raises(EvidenceInvalidError, match="no VCEK") as refused:
        verify_sev_snp(report, None, _own(report), D2025)
    assert refused.value.check == "sev-snp.endorsement"


def test_snp_vcek_of_another_chip_is_refused() -> None:
    report, _ = _snp("milan-v2")
    _, other = _snp("milan-v2-debug")
    with pytest.raises(EvidenceInvalidError):
        verify_sev_snp(report, other, _own(report), D2025)


@pytest.mark.parametrize(
    ("now", "error"),
    [
        (dt.datetime(2015, 1, 1, tzinfo=dt.UTC), EvidenceExpiredError),
        (dt.datetime(2060, 1, 1, tzinfo=dt.UTC), EvidenceExpiredError),
    ],
)
def test_snp_clock_outside_the_certificates_is_refused(now, error) -> None:
    report, endorsements = _snp("milan-v2")
    with pytest.raises(error):
        verify_sev_snp(report, endorsements, _own(report), now)


def test_snp_stale_crl_is_refused_and_a_current_one_counts() -> None:
    crl = _file("sev-snp/amd-roots/ark_milan_crl.pem").read_bytes()
    report, endorsements = _snp("milan-v2", crl=crl)
    policy = _own(report, require_crl=True)
    result = verify_sev_snp(report, endorsements, policy, dt.datetime(2026, 5, 1, tzinfo=dt.UTC))
    assert "revocation" not in {c.name for c in result.skipped}
    with pytest.raises(EvidenceExpiredError, match="stale"):
        verify_sev_snp(report, endorsements, policy, TODAY)
    tolerant = _own(report, max_crl_staleness_days=365)
    verify_sev_snp(report, endorsements, tolerant, TODAY)


def test_snp_crl_of_another_root_is_refused() -> None:
    crl = _file("sev-snp/amd-roots/ark_genoa_crl.pem").read_bytes()
    report, endorsements = _snp("milan-v2", crl=crl)
    with pytest.raises(EvidenceInvalidError, match="CRL"):
        verify_sev_snp(report, endorsements, _own(report), D2025)


@pytest.mark.parametrize("product", ["milan", "genoa", "turin_vcek"])
def test_snp_roots_end_at_the_pins(product: str) -> None:
    chain = _file(f"sev-snp/amd-roots/ask_ark_{product}.pem").read_bytes()
    vcek = {
        "milan": "milan-v2/vcek.der",
        "genoa": "genoa-v3-azure-hcl/vcek.der",
        "turin_vcek": "turin-vcek/vcek.der",
    }[product]
    endorsements = SnpEndorsements(
        key_certificate=_file(f"sev-snp/{vcek}").read_bytes(), chain=chain
    )
    key = verify_chain(endorsements, D2026, VENDOR_ROOTS, Checks("sev-snp"))
    assert key.product == product.split("_")[0].title()
    if key.product == "Turin":
        assert key.hwid is not None
        assert len(key.hwid) == 8


def test_snp_vlek_roots_end_at_the_pins() -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    for product in ("milan", "genoa", "turin"):
        pem = _file(f"sev-snp/amd-roots/ask_ark_{product}_vlek.pem").read_bytes()
        asvk, ark = x509.load_pem_x509_certificates(pem)
        asvk.verify_directly_issued_by(ark)
        pinned = VENDOR_ROOTS.amd_ark[product.title()]
        assert ark.fingerprint(hashes.SHA256()).hex() == pinned


def test_snp_azure_blob_stands_for_nothing_without_a_vtpm_quote() -> None:
    blob = _file("sev-snp/genoa-v3-azure-hcl/hcl-report.bin").read_bytes()
    endorsements = SnpEndorsements(
        key_certificate=_file("sev-snp/genoa-v3-azure-hcl/vcek.der").read_bytes(),
        chain=_file("sev-snp/amd-roots/ask_ark_genoa.pem").read_bytes(),
    )
    report = blob[32:1216]
    policy = AzureCvmPolicy(hardware=_own(report), pcrs={"4": "00" * 32})
    evidence = AzureCvmEvidence(hcl_report=blob, tpm_quote=None)
    with pytest.raises(EvidenceInvalidError) as refused:
        verify_azure_cvm(evidence, endorsements, policy, D2026, nonce=bytes(32))
    assert refused.value.check == "azure-cvm.quote"
    # The hardware half holds, bound to the runtime data.
    import hashlib

    size = int.from_bytes(blob[1232:1236], "little")
    bound = hashlib.sha256(blob[1236 : 1236 + size]).digest() + bytes(32)
    verify_sev_snp(report, endorsements, _own(report), D2026, report_data=bound)


@pytest.mark.parametrize("folder", ["milan-v2", "milan-v2-bad-vcek", "milan-v2-debug"])
def test_snp_every_byte_of_the_report_counts(folder: str) -> None:
    report, endorsements = _snp(folder)
    policy = _own(report, allow_debug=True, allow_uncommitted_tcb=True)
    verify_sev_snp(report, endorsements, policy, D2025)
    _changes_refused(
        report, range(len(report)), lambda r: verify_sev_snp(r, endorsements, policy, D2025)
    )


def test_snp_every_byte_of_the_vlek_report_counts() -> None:
    report, endorsements = _snp("milan-v3-vlek", "vlek.der", "ask_ark_milan_vlek.pem")
    policy = _own(report, allow_vlek=True, max_vmpl=1, allow_uncommitted_tcb=True)
    _changes_refused(
        report, range(len(report)), lambda r: verify_sev_snp(r, endorsements, policy, D2025)
    )


def test_snp_every_byte_of_the_vcek_counts() -> None:
    report, endorsements = _snp("milan-v2")

    def verify(certificate: bytes) -> AttestationReport:
        changed = SnpEndorsements(key_certificate=certificate, chain=endorsements.chain)
        return verify_sev_snp(report, changed, _own(report), D2025)

    # The two AlgorithmIdentifiers outside the signed part are not used: the scheme is fixed here.
    from langchain_privacy.secure.evidence import der

    leaf = der.parse_certificate(endorsements.key_certificate)
    unsigned = range(4 + len(leaf.signed), len(leaf.der) - len(leaf.signature) - 5)
    positions = [i for i in range(len(leaf.der)) if i not in unsigned]
    _changes_refused(endorsements.key_certificate, positions, verify)


# --- Intel TDX -----------------------------------------------------------------------------------

TDX_CLOCK = 1750329207


def _tdx(name: str) -> tuple[bytes, TdxEndorsements]:
    return (
        _file(f"tdx/{name}.bin").read_bytes(),
        TdxEndorsements(collateral=_file(f"tdx/{name}_collateral.json").read_bytes()),
    )


def _build(quote: bytes, start: int = 48) -> TdxPolicy:
    def register(offset: int) -> str:
        return quote[start + offset : start + offset + 48].hex()

    return TdxPolicy(
        measurements=[TdxMeasurement(mr_td=register(136), rtmr1=register(376), rtmr2=register(424))]
    )


def test_tdx_v4_is_accepted_in_its_time_and_expired_today() -> None:
    quote, collateral = _tdx("phala_quote_v4")
    result = verify_tdx(quote, collateral, _build(quote), TDX_CLOCK)
    assert result.claims["tcb_status"] == "UpToDate"
    assert result.claims["report_data"].startswith("9a9d48e7f679")
    with pytest.raises(EvidenceExpiredError):
        verify_tdx(quote, collateral, _build(quote), TODAY)


def test_tdx_v5_without_matching_tcb_level_is_refused() -> None:
    quote, collateral = _tdx("phala_quote_v5_no_tcb_match")
    with pytest.raises(EvidenceInvalidError, match="TCB level"):
        verify_tdx(quote, collateral, _build(quote, 54), 1771412391)


def test_tdx_google_quote_is_refused_for_its_tail_and_for_its_tcb() -> None:
    quote, collateral = _tdx("google_quote_v4_spr_e4")
    clock = dt.datetime(2023, 7, 1, tzinfo=dt.UTC)
    with pytest.raises(EvidenceInvalidError, match="after its signature"):
        verify_tdx(quote, collateral, _build(quote), clock)
    end = 636 + int.from_bytes(quote[632:636], "little")
    with pytest.raises(EvidenceInvalidError, match="TCB level"):
        verify_tdx(quote[:end], collateral, _build(quote), clock)


@pytest.mark.parametrize("name", ["google_quote_v5", "azure_td_quote_v4"])
def test_tdx_quote_without_its_collateral_is_refused(name: str) -> None:
    quote = _file(f"tdx/{name}.bin").read_bytes()
    with pytest.raises(EvidenceInvalidError, match="no collateral"):
        verify_tdx(quote, None, _build(quote), TDX_CLOCK)
    _, other = _tdx("phala_quote_v4")
    with pytest.raises(AttestationError):
        verify_tdx(quote, other, _build(quote), TDX_CLOCK)


def test_tdx_azure_blob_is_read_and_refused_without_quote() -> None:
    blob = _file("tdx/azure_td_hcl_report.bin").read_bytes()
    quote = _file("tdx/azure_td_quote_v4.bin").read_bytes()
    from langchain_privacy.secure.evidence.azure_cvm import parse_hcl

    hcl = parse_hcl(blob, Checks("azure-cvm"))
    assert hcl.kind == "tdx"
    assert hcl.runtime_digest.hex().startswith("c8dfc2ce")
    assert quote[568:632] == hcl.runtime_digest
    policy = AzureCvmPolicy(hardware=_build(quote), pcrs={"4": "00" * 32})
    evidence = AzureCvmEvidence(hcl_report=blob, tpm_quote=None, td_quote=quote)
    with pytest.raises(EvidenceInvalidError):
        verify_azure_cvm(evidence, None, policy, TODAY, nonce=bytes(32))


def test_tdx_v4_presented_as_v5_is_refused() -> None:
    quote, collateral = _tdx("phala_quote_v4")
    changed = b"\x05" + quote[1:]
    with pytest.raises(EvidenceInvalidError):
        verify_tdx(changed, collateral, _build(quote), TDX_CLOCK)


def test_tdx_sgx_quote_is_refused() -> None:
    quote, collateral = _tdx("phala_quote_v4")
    changed = quote[:4] + bytes(4) + quote[8:]
    with pytest.raises(EvidenceInvalidError, match="not a quote of a TDX"):
        verify_tdx(changed, collateral, _build(quote), TDX_CLOCK)


def test_tdx_other_report_data_and_old_collateral_are_refused() -> None:
    quote, collateral = _tdx("phala_quote_v4")
    with pytest.raises(EvidenceExpiredError, match="another challenge"):
        verify_tdx(quote, collateral, _build(quote), TDX_CLOCK, report_data=bytes(64))
    strict = TdxPolicy(measurements=_build(quote).measurements, max_collateral_age_days=7)
    verify_tdx(quote, collateral, strict, TDX_CLOCK)
    with pytest.raises(EvidenceExpiredError, match="too old"):
        verify_tdx(quote, collateral, strict, TDX_CLOCK + 8 * 86400)


def test_tdx_every_byte_of_the_signed_part_and_signature_counts() -> None:
    quote, collateral = _tdx("phala_quote_v4")
    policy = _build(quote)
    signed = [*range(48 + 584), *range(632, 636 + 64 + 64)]
    _changes_refused(quote, signed, lambda q: verify_tdx(q, collateral, policy, TDX_CLOCK))


@pytest.mark.slow
def test_tdx_every_byte_of_the_whole_quote_counts_or_is_proven_unsigned() -> None:
    quote, collateral = _tdx("phala_quote_v4")
    policy = _build(quote)
    accepted = []
    for position in range(636 + 128, len(quote)):
        changed = bytearray(quote)
        changed[position] ^= 0x01
        try:
            verify_tdx(bytes(changed), collateral, policy, TDX_CLOCK)
        except AttestationError:
            continue
        accepted.append(position)
    # What is left is the text form of the PCK chain (line breaks, the root that is pinned anyway).
    chain = quote.find(b"-----BEGIN CERTIFICATE-----")
    assert all(position >= chain for position in accepted)


# --- NVIDIA GPUs ---

ACCEPTED = ["hopper_550.90.07", "hopper_570.124.03", "hopper_580.159.03", "blackwell_gb100_575.32"]


def _gpu(name: str, chain: str | None = None) -> GpuEvidence:
    return GpuEvidence(
        report=bytes.fromhex(_file(f"nvidia-gpu/{name}_report.hex").read_text().strip()),
        certificate_chain=_file(f"nvidia-gpu/{chain or name}_chain.pem").read_bytes(),
    )


def _listed(name: str) -> tuple[GpuEvidence, ...]:
    return GpuEvidence.from_nvidia_json(_file(f"nvidia-gpu/{name}.json").read_bytes())


def _nonce(evidence: GpuEvidence) -> bytes:
    return evidence.report[4:36]


ANY_MODE = NvidiaGpuPolicy(modes=["spt", "mpt", "ppcie"])


@pytest.mark.parametrize(
    ("name", "nonce"),
    [
        (
            "hopper_550.90.07",
            "931d8dd0add203ac3d8b4fbde75e115278eefcdceac5b87671a748f32364dfcb",
        ),
        (
            "hopper_570.124.03",
            "931d8dd0add203ac3d8b4fbde75e115278eefcdceac5b87671a748f32364dfcb",
        ),
        (
            "hopper_580.159.03",
            "5bb22e377702d4e1e8215a903ba094826b9ac7f731dee1fe8102958bf2840aca",
        ),
        (
            "blackwell_gb100_575.32",
            "931d8dd0add203ac3d8b4fbde75e115278eefcdceac5b87671a748f32364dfcb",
        ),
    ],
)
def test_gpu_is_accepted_with_its_nonce_only(name: str, nonce: str) -> None:
    evidence = _gpu(name)
    result = verify_nvidia_gpu(evidence, None, ANY_MODE, TODAY, nonce=bytes.fromhex(nonce))
    assert result.parts[0].claims["model"] == ("GB100" if "blackwell" in name else "GH100")
    with pytest.raises(EvidenceExpiredError) as refused:
        verify_nvidia_gpu(evidence, None, ANY_MODE, TODAY, nonce=bytes(32))
    assert refused.value.check == "nvidia-gpu:0.nonce"


def test_gpu_ueid_is_the_leaf_serial() -> None:
    evidence = _gpu("hopper_550.90.07")
    result = verify_nvidia_gpu(evidence, None, ANY_MODE, TODAY, nonce=_nonce(evidence))
    assert result.claims["ueids"] == ["478176379286082186618948445787393647364802107249"]
    assert result.parts[0].claims["vbios"] == "96.00.9F.00.01"


def test_gpu_responder_nonce_is_not_the_request_nonce() -> None:
    evidence = _gpu("hopper_550.90.07")
    response = evidence.report[37:]
    end = 8 + int.from_bytes(response[5:8], "little")
    with pytest.raises(EvidenceExpiredError):
        verify_nvidia_gpu(evidence, None, ANY_MODE, TODAY, nonce=response[end : end + 32])


def test_gpu_without_fwid_needs_permission() -> None:
    evidence = _gpu("hopper_535.86.09_no_fwid")
    with pytest.raises(PolicyMismatchError, match="firmware digest"):
        verify_nvidia_gpu(evidence, None, ANY_MODE, TODAY, nonce=_nonce(evidence))
    lenient = NvidiaGpuPolicy(require_fwid=False)
    verify_nvidia_gpu(evidence, None, lenient, TODAY, nonce=_nonce(evidence))


def test_gpu_invalid_signature_is_refused() -> None:
    evidence = _gpu("hopper_invalid_signature", "hopper_535.86.09_no_fwid")
    with pytest.raises(EvidenceInvalidError) as refused:
        verify_nvidia_gpu(evidence, None, ANY_MODE, TODAY, nonce=_nonce(evidence))
    assert refused.value.check == "nvidia-gpu:0.signature"


@pytest.mark.parametrize("name", ["hopper_evidence", "hopper_evidence_cert_hold"])
def test_gpu_evidence_list_is_accepted(name: str) -> None:
    evidence = _listed(name)
    verify_nvidia_gpu(evidence, None, ANY_MODE, TODAY, nonce=_nonce(evidence[0]))


def test_gpu_certificate_on_hold_is_refused_where_ocsp_is_required() -> None:
    evidence = _listed("hopper_evidence_cert_hold")
    strict = NvidiaGpuPolicy(require_ocsp=True)
    with pytest.raises(PolicyMismatchError, match="revocation"):
        verify_nvidia_gpu(evidence, None, strict, TODAY, nonce=_nonce(evidence[0]))


def test_gpu_four_are_four_and_neither_three_nor_a_duplicate() -> None:
    evidence = _listed("multi_gpu_hopper")
    nonce = _nonce(evidence[0])
    four = NvidiaGpuPolicy(count=4, modes=["spt", "mpt", "ppcie"])
    assert verify_nvidia_gpu(evidence, None, four, TODAY, nonce=nonce).claims["count"] == 4
    with pytest.raises(PolicyMismatchError, match="3 GPUs"):
        verify_nvidia_gpu(evidence[:3], None, four, TODAY, nonce=nonce)
    with pytest.raises(EvidenceInvalidError, match="twice"):
        verify_nvidia_gpu([*evidence[:3], evidence[0]], None, four, TODAY, nonce=nonce)
    with pytest.raises(EvidenceInvalidError, match="no GPU"):
        verify_nvidia_gpu([], None, four, TODAY, nonce=nonce)


def test_gpu_old_report_beside_others_is_refused() -> None:
    old, new = _gpu("hopper_535.86.09_no_fwid"), _gpu("hopper_550.90.07")
    with pytest.raises(EvidenceExpiredError):
        verify_nvidia_gpu([new, old], None, NvidiaGpuPolicy(count=2), TODAY, nonce=_nonce(new))


def test_gpu_switch_does_not_count() -> None:
    evidence = _listed("switch_evidence_ls10")
    with pytest.raises(PolicyMismatchError, match="NVSwitch"):
        verify_nvidia_gpu(evidence, None, ANY_MODE, TODAY, nonce=_nonce(evidence[0]))


def test_gpu_chain_of_another_device_is_refused() -> None:
    evidence = _gpu("hopper_550.90.07", "hopper_580.159.03")
    with pytest.raises(EvidenceInvalidError, match="signature"):
        verify_nvidia_gpu(evidence, None, ANY_MODE, TODAY, nonce=_nonce(evidence))


@pytest.mark.parametrize(
    ("manifest", "now", "error"),
    [
        ("vbios_1010_0200_882_96005E0001.swidtag", D2024, None),
        ("vbios_1010_0200_882_96005E0001.swidtag", TODAY, EvidenceExpiredError),
        ("vbios_1010_0200_882_96005E0001_mismatch.xml", D2024, PolicyMismatchError),
        ("incorrect_signature_driver_rim.xml", D2026, EvidenceInvalidError),
        ("incorrect_cert_chain_driver_rim.xml", D2026, EvidenceInvalidError),
        ("NV_GPU_DRIVER_GH100_570.124.03_expired.xml", D2026, EvidenceExpiredError),
        ("NV_GPU_DRIVER_GH100_550.144.03.xml", D2026, EvidenceInvalidError),
    ],
)
def test_gpu_reference_manifests(manifest: str, now: dt.datetime, error) -> None:
    pytest.importorskip("signxml", reason="the extra rim is not installed")
    evidence = _gpu("hopper_535.86.09_no_fwid")
    endorsements = GpuEndorsements(manifests=[_file(f"nvidia-gpu/rim/{manifest}").read_bytes()])
    policy = NvidiaGpuPolicy(require_fwid=False)

    def verify() -> AttestationReport:
        return verify_nvidia_gpu(evidence, endorsements, policy, now, nonce=_nonce(evidence))

    if error is None:
        assert "rim_measurements" in {c.name for c in verify().all_checks()}
        return
    with pytest.raises(error) as refused:
        verify()
    if "mismatch" in manifest:
        assert "measurement 9" in str(refused.value)
    if manifest.endswith("550.144.03.xml"):
        # Genuine, but of a driver that this report is not about.
        assert refused.value.check == "nvidia-gpu:0.rim_versions"


@pytest.mark.parametrize("name", ACCEPTED[:1])
def test_gpu_every_byte_of_the_report_counts(name: str) -> None:
    _mutate_gpu(_gpu(name), ANY_MODE)


@pytest.mark.slow
@pytest.mark.parametrize("name", ACCEPTED[1:])
def test_gpu_every_byte_of_the_other_reports_counts(name: str) -> None:
    _mutate_gpu(_gpu(name), ANY_MODE)


@pytest.mark.slow
@pytest.mark.parametrize("index", range(6))
def test_gpu_every_byte_of_the_listed_reports_counts(index: int) -> None:
    lists = [*_listed("multi_gpu_hopper"), *_listed("hopper_evidence")]
    lists += _listed("hopper_evidence_cert_hold")
    _mutate_gpu(lists[index], ANY_MODE)


@pytest.mark.slow
def test_gpu_every_byte_of_the_old_report_counts() -> None:
    _mutate_gpu(_gpu("hopper_535.86.09_no_fwid"), NvidiaGpuPolicy(require_fwid=False))


def _mutate_gpu(evidence: GpuEvidence, policy: NvidiaGpuPolicy) -> None:
    nonce = _nonce(evidence)

    def verify(report: bytes) -> AttestationReport:
        changed = GpuEvidence(report=report, certificate_chain=evidence.certificate_chain)
        return verify_nvidia_gpu(changed, None, policy, TODAY, nonce=nonce)

    verify(evidence.report)
    _changes_refused(evidence.report, range(len(evidence.report)), verify)


# --- Tokens ---


@pytest.mark.parametrize(
    "name", ["nras_v3claims_eat_no_jwks.json", "nras_v2claims_eat_no_jwks_20251006.json"]
)
def test_nras_answer_with_unknown_key_is_refused(name: str) -> None:
    answer = _file(f"jwt/{name}").read_bytes()
    overall = json.loads(answer)[0][1].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(overall + "=="))
    with pytest.raises(EvidenceInvalidError) as refused:
        verify_nras_token(
            answer,
            {"keys": []},
            NvidiaGpuPolicy(),
            claims["iat"],
            nonce=bytes.fromhex(claims["eat_nonce"]),
        )
    assert refused.value.check == "nvidia-gpus.kid"


MAA_CLOCK = 1680180000
MAA_ISSUER = "https://sharedweu.weu.attest.azure.net"


def _maa(token: str, now: float | dt.datetime, policy: AzureMaaPolicy | None = None, **changes):
    jwks = _file("jwt/maa_sharedweu_jwks.json").read_bytes()
    own = policy or AzureMaaPolicy(policy_hashes=["wm9mHlvTU82e8UqoOy1Yj1FBRSNkfe99-69IYDq9eWs"])
    arguments = {"issuer": MAA_ISSUER, "nonce": "QURFMDEwMQ==", **changes}
    return verify_azure_maa(token, jwks, own, now, **arguments)


def test_maa_token_is_accepted_in_its_time() -> None:
    token = _file("jwt/maa_sharedweu_2023.jwt").read_text().strip()
    assert _maa(token, MAA_CLOCK).claims["tee"] == "sevsnpvm"
    with pytest.raises(EvidenceExpiredError):
        _maa(token, TODAY)
    with pytest.raises(EvidenceExpiredError, match="nonce"):
        _maa(token, MAA_CLOCK, nonce="b3RoZXI=")
    with pytest.raises(PolicyMismatchError, match="nonce"):
        _maa(token, MAA_CLOCK, nonce=None)
    with pytest.raises(EvidenceInvalidError, match="issuer"):
        _maa(token, MAA_CLOCK, issuer="https://other.attest.azure.net")
    with pytest.raises(PolicyMismatchError, match="PCR"):
        _maa(token, MAA_CLOCK, AzureMaaPolicy(pcrs={"4": "x"}))


def test_maa_every_byte_of_the_token_counts() -> None:
    token = _file("jwt/maa_sharedweu_2023.jwt").read_text().strip().encode()
    _changes_refused(token, range(len(token)), lambda t: _maa(t.decode("latin-1"), MAA_CLOCK))


def test_maa_claims_without_signature_are_refused() -> None:
    claims = _file("jwt/maa_claims_sample_2022.json").read_bytes()
    body = base64.urlsafe_b64encode(claims).rstrip(b"=").decode()
    header = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    for token in (f"{header}.{body}.", claims.decode()):
        with pytest.raises(EvidenceInvalidError):
            _maa(token, 1652993094)
