"""Policies: what they refuse to be, how they combine, and how they are kept."""

import dataclasses
import json
import warnings

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from langchain_privacy.errors import (
    ConfigurationError,
    PolicyMismatchError,
)
from langchain_privacy.secure import (
    AllOf,
    AnyOf,
    AttestationPolicy,
    AttestationReport,
    AzureCvmPolicy,
    AzureMaaPolicy,
    Check,
    NvidiaGpuPolicy,
    SevSnpPolicy,
    TdxMeasurement,
    TdxPolicy,
    UnsafeNoAttestation,
    UnsafePolicyWarning,
    UnsafeSimulatedTee,
)
from langchain_privacy.secure.evidence.simulated import prove_simulated, simulate_report
from langchain_privacy.secure.policy.attestation import dumps, loads
from langchain_privacy.secure.policy.base import appraise
from langchain_privacy.secure.report import as_time

M = "ab" * 48
SNP = SevSnpPolicy(measurements=[M], min_tcb={"Genoa": {"snp": 14}}, min_firmware=(1, 55, 21))
TDX = TdxPolicy(measurements=[TdxMeasurement(mr_td=M, rtmr1=M, rtmr2=M)])
GPU = NvidiaGpuPolicy(count=8, min_driver="570.1")
EVERY = AttestationPolicy(
    require=[
        AnyOf(
            [
                SNP,
                TDX,
                AzureCvmPolicy(hardware=SNP, pcrs={"4": "cd" * 32}),
                AzureMaaPolicy(policy_hashes=["h"]),
                UnsafeSimulatedTee(),
                UnsafeNoAttestation(),
            ]
        ),
        GPU,
    ],
    gateway_configs=["ef" * 32],
    max_age_seconds=60,
    require_tls_binding=True,
    allow_unsafe=True,
)


@pytest.mark.parametrize("combinator", [AllOf, AnyOf])
@pytest.mark.parametrize("content", [[], (), GPU, [GPU, "text"], [None]])
def test_combinators_refuse_what_would_accept_everything(combinator, content) -> None:
    with pytest.raises(ConfigurationError):
        combinator(content)


@pytest.mark.parametrize(
    "build",
    [
        lambda: SevSnpPolicy(measurements=[]),
        lambda: SevSnpPolicy(measurements=["AB" * 48]),
        lambda: SevSnpPolicy(measurements=["ab" * 47]),
        lambda: SevSnpPolicy(measurements=[M], min_tcb={"Genoa": {"smp": 1}}),
        lambda: TdxPolicy(measurements=[]),
        lambda: TdxPolicy(measurements=[M]),
        lambda: TdxMeasurement(mr_td=M, rtmr1=M, rtmr2=None),
        lambda: TdxPolicy(measurements=TDX.measurements, tcb_statuses=[]),
        lambda: NvidiaGpuPolicy(count=0),
        lambda: NvidiaGpuPolicy(models=[]),
        lambda: AzureMaaPolicy(),
        lambda: AzureCvmPolicy(hardware=SNP, pcrs={}),
        lambda: AzureCvmPolicy(hardware=SNP, pcrs={"4": "x"}),
        lambda: UnsafeSimulatedTee(measurements=[]),
        lambda: AttestationPolicy(require=[]),
        lambda: AttestationPolicy(require=[SNP], profile="plain"),
        lambda: AttestationPolicy(require=[SNP], max_age_seconds=0),
        lambda: AttestationPolicy(require=[SNP], gateway_configs=["x"]),
        lambda: AttestationPolicy(require=[UnsafeSimulatedTee()]),
        lambda: AttestationPolicy(require=AnyOf([SNP, AllOf([UnsafeNoAttestation()])])),
    ],
)
def test_a_policy_that_cannot_hold_is_refused_at_once(build) -> None:
    with pytest.raises(ConfigurationError):
        build()


def test_unsafe_policies_warn_on_every_use(caplog) -> None:
    report = _simulated()
    for _ in range(3):
        with pytest.warns(UnsafePolicyWarning):
            appraise(report, UnsafeSimulatedTee())
        with pytest.warns(UnsafePolicyWarning):
            UnsafeNoAttestation().verify(_report("endpoint"))
    assert len(caplog.records) == 6


def test_real_policies_refuse_the_simulation() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for policy in (SNP, TDX, GPU, AnyOf([SNP, TDX])):
            with pytest.raises(PolicyMismatchError):
                appraise(_simulated(), policy)


def _simulated() -> AttestationReport:
    return prove_simulated(simulate_report(bytes(64)), as_time(0), report_data=None)


def _report(subject: str, parts=(), **claims) -> AttestationReport:
    return AttestationReport(
        subject=subject, claims=claims, checks=(), verified_at=as_time(0), parts=tuple(parts)
    )


class _Says:
    def __init__(self, name: str, refuse: bool = False) -> None:
        self.name, self.refuse = name, refuse

    def verify(self, report: AttestationReport) -> list[Check]:
        if self.refuse:
            raise PolicyMismatchError(self.name, check=self.name)
        return [Check(subject=report.subject, name=self.name, outcome="passed")]


def test_all_of_and_any_of() -> None:
    yes, no = _Says("yes"), _Says("no", refuse=True)
    report = _report("endpoint")
    assert [c.name for c in AllOf([yes, yes]).verify(report)] == ["yes", "yes"]
    assert [c.name for c in AnyOf([no, yes]).verify(report)] == ["yes"]
    with pytest.raises(PolicyMismatchError):
        AllOf([yes, no]).verify(report)
    with pytest.raises(PolicyMismatchError):
        AnyOf([no, no]).verify(report)


def test_a_policy_that_checks_nothing_accepts_nothing() -> None:
    class Silent:
        def verify(self, report: AttestationReport) -> list[Check]:
            return [Check(subject="x", name="y", outcome="skipped")]

    for policy in (Silent(), AnyOf([Silent()])):
        with pytest.raises(PolicyMismatchError):
            appraise(_report("endpoint"), policy)


def test_an_endpoint_without_appraised_workload_is_refused() -> None:
    gpus = _report("nvidia-gpus", [])
    endpoint = dataclasses.replace(
        _report("endpoint", [_report("sev-snp"), gpus]), channel_keys={"x-wing": b"k"}
    )
    # A policy that looks at everything but the CPU's measurement.
    policy = AttestationPolicy(require=[_Says("gpu is fine")])
    with pytest.raises(PolicyMismatchError, match="workload"):
        policy.verify(endpoint)
    with pytest.raises(PolicyMismatchError, match="no other will do"):
        policy.verify(dataclasses.replace(endpoint, channel_keys={"ehbp-x25519": b"k"}))


# --- Intel TDX: the second line behind dcap-qvl, which refuses these before a policy runs ---

_TDX_CLAIMS = {
    "td_attributes": "0000001000000000",
    "seam_attributes": "00" * 8,
    "mr_signer_seam": "00" * 48,
    "mr_seam": M,
    "tcb_status": "UpToDate",
    "advisories": [],
    "collateral_issued": "1970-01-01T00:00:00+00:00",
    **dict.fromkeys(("mr_td", "rtmr1", "rtmr2"), M),
}


def test_tdx_claims_are_accepted() -> None:
    checks = TDX.verify(_report("tdx", **_TDX_CLAIMS))
    assert {c.name for c in checks if c.outcome == "skipped"} >= {"rtmr3", "mr_seam"}


@pytest.mark.parametrize(
    ("check", "changes"),
    [
        ("debug", {"td_attributes": "0100001000000000"}),
        ("sept_ve_disable", {"td_attributes": "0000000000000000"}),
        ("attributes", {"td_attributes": "0200001000000000"}),
        ("seam", {"seam_attributes": "01" + "00" * 7}),
        ("seam", {"mr_signer_seam": M}),
        ("tcb_status", {"tcb_status": "Revoked"}),
    ],
)
def test_tdx_claims_are_refused(check, changes) -> None:
    with pytest.raises(PolicyMismatchError) as refused:
        TDX.verify(_report("tdx", **{**_TDX_CLAIMS, **changes}))
    assert refused.value.check == f"tdx.{check}"


# --- Files ---


def test_policies_come_back_from_their_file(tmp_path) -> None:
    path = tmp_path / "policy.json"
    EVERY.save(path)
    assert AttestationPolicy.load(path) == EVERY
    assert dumps(AttestationPolicy.load(path)) == path.read_bytes()
    text = path.read_text()
    assert '"allow_debug": false' in text  # a reviewer sees every decision


def test_signed_policies(tmp_path) -> None:
    path, key = tmp_path / "policy.json", Ed25519PrivateKey.generate()
    EVERY.save(path, sign_with=key)
    assert AttestationPolicy.load(path, signed_by=key.public_key()) == EVERY
    with pytest.raises(ConfigurationError, match="signature"):
        AttestationPolicy.load(path, signed_by=Ed25519PrivateKey.generate().public_key())
    path.write_text(path.read_text().replace('"count": 8', '"count": 1'))
    with pytest.raises(ConfigurationError, match="signature"):
        AttestationPolicy.load(path, signed_by=key.public_key())
    path.with_name("policy.json.sig").unlink()
    with pytest.raises(ConfigurationError):
        AttestationPolicy.load(path, signed_by=key.public_key())
    with pytest.raises(ConfigurationError):
        AttestationPolicy.load(tmp_path / "absent.json")


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.update(format="v0"),
        lambda c: c.update(unknown=1),
        lambda c: c.pop("require"),
        lambda c: c.update(require={}),
        lambda c: c.update(require={"all_of": []}),
        lambda c: c.update(require={"nobody": {}}),
        lambda c: c.update(require={"sev_snp": {"measurements": []}}),
        lambda c: c.update(require={"sev_snp": {"measurements": [M], "allow_bugs": True}}),
        lambda c: c.update(require={"sev_snp": {"measurements": [M], "allow_debug": "no"}}),
        lambda c: c.update(require={"sev_snp": {}}),
        lambda c: c.update(require={"unsafe_no_attestation": {}}),
        lambda c: c.update(allow_unsafe="yes"),
    ],
)
def test_policy_files_are_strict(change) -> None:
    content = json.loads(dumps(AttestationPolicy(require=[SNP])))
    change(content)
    with pytest.raises(ConfigurationError):
        loads(json.dumps(content).encode())


def test_policy_file_with_duplicate_members_is_refused() -> None:
    text = dumps(AttestationPolicy(require=[SNP])).decode()
    with pytest.raises(ConfigurationError):
        loads(text.replace('"profile"', '"profile": "x-wing", "profile"', 1).encode())


def test_own_policies_cannot_be_written(tmp_path) -> None:
    with pytest.raises(ConfigurationError, match="your own class"):
        AttestationPolicy(require=[_Says("x")]).save(tmp_path / "p.json")


# --- what a file or a constructor may hold: nothing that loads and then never checks ---

_TYPED = [
    ("sev_snp", "min_tcb", [{"Milan": {}}, {"Milan": {"snp": "5"}}, {"Milan": {"snp": True}},
                            {"Milan": {"snp": 256}}, {"Milan": {"snp": -1}}, {"Milan": 5},
                            {"Rome": {"snp": 5}}, {"Milan": {"ucode": 5}}, [], "x", 5]),
    ("sev_snp", "min_firmware", [[], [1], [1, 55], [1, 55, "x"], [1, 55, True], [1, 55, 21, 0],
                                 [1, 55, -1], "155", 155, {}]),
    ("sev_snp", "max_vmpl", [True, "0", 1.0, -1, None, [0], 10**30]),
    ("sev_snp", "max_crl_staleness_days", [True, "1", 10**30, -1, None]),
    ("sev_snp", "allow_debug", [1, "true", None, 0]),
    ("sev_snp", "measurements", ["ab" * 48, {"ab" * 48: 1}, 5, None, [5], [["ab" * 48]]]),
    ("sev_snp", "author_key_digests", ["ab" * 48, ["ab"], [None], 5]),
    ("tdx", "max_collateral_age_days", [True, "30", 10**30, -1, 2.5, None]),
    ("tdx", "tcb_statuses", [[], "UpToDate", [1], None]),
    ("tdx", "mr_seam", ["00" * 48, [0], None]),
    ("nvidia_gpu", "count", [0, True, "1", 33, 10**30, None]),
    ("nvidia_gpu", "min_driver", ["", "x", "570.", "five", "5\u00b2", 570, [570], "570-1"]),
    ("nvidia_gpu", "require_rim", ["false", 0, None]),
    ("nvidia_gpu", "models", [[], "GH100", [None]]),
]  # fmt: skip
_MINIMAL = {
    "sev_snp": {"measurements": [M]},
    "tdx": {"measurements": [{"mr_td": M, "rtmr1": M, "rtmr2": M}]},
    "nvidia_gpu": {},
}
TYPED = [(kind, name, value) for kind, name, values in _TYPED for value in values]


def _file(require: object, **members: object) -> bytes:
    content = {"format": "langchain-privacy-policy/v1", "require": require, **members}
    return json.dumps(content).encode()


@pytest.mark.parametrize("kind", _MINIMAL)
def test_the_smallest_file_of_a_kind_loads(kind) -> None:
    assert loads(_file({kind: _MINIMAL[kind]}))


@pytest.mark.parametrize(
    ("kind", "name", "value"), TYPED, ids=[f"{n}-{t[0]}.{t[1]}" for n, t in enumerate(TYPED)]
)
def test_files_are_strictly_typed(kind, name, value) -> None:
    with pytest.raises(ConfigurationError):
        loads(_file({kind: {**_MINIMAL[kind], name: value}}))


@pytest.mark.parametrize(
    "members",
    [
        {"max_age_seconds": True},
        {"max_age_seconds": "60"},
        {"max_age_seconds": 10**30},
        {"max_age_seconds": 0.5},
        {"require_tls_binding": 1},
        {"allow_unsafe": "false"},
        {"gateway_configs": "ab" * 32},
        {"profile": None},
        {"profile": ["x-wing"]},
        {"roles": []},
        {"roles": {"a": {}}},
        {"roles": "near-model"},
    ],
    ids=str,
)
def test_members_of_the_whole_are_strictly_typed(members) -> None:
    with pytest.raises(ConfigurationError):
        loads(_file({"nvidia_gpu": {}}, **members))


@pytest.mark.parametrize("number", ["\u00b2", "24", "04", "-1", "", "9" * 5000, " 4"])
def test_pcr_numbers_are_those_of_a_tpm(number) -> None:
    for kind, more in (("azure_cvm", {"hardware": {"sev_snp": {"measurements": [M]}}}),
                       ("azure_maa", {})):  # fmt: skip
        with pytest.raises(ConfigurationError):
            loads(_file({kind: {"pcrs": {number: "cd" * 32}, **more}}))


def test_hardware_of_another_kind_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        loads(_file({"azure_cvm": {"hardware": {"nvidia_gpu": {}}, "pcrs": {"4": "cd" * 32}}}))
    with pytest.raises(ConfigurationError):
        AzureCvmPolicy(hardware=GPU, pcrs={"4": "cd" * 32})  # type: ignore[arg-type]
