"""What the machines behind an endpoint must be: one policy for each kind of evidence.

`SevSnpPolicy` is about AMD's machines, `TdxPolicy` about Intel's, `AzureCvmPolicy` and
`AzureMaaPolicy` about Azure's confidential VMs, `NvidiaGpuPolicy` about GPUs. An
`AttestationPolicy` holds them, alone or joined by `AllOf` and `AnyOf`; each looks at the reports of
its own kind and refuses when there is none.

```python
SevSnpPolicy(measurements=["7a1e..."], min_tcb={"Genoa": {"snp": 14}}, require_crl=True)
```
"""

import dataclasses
import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from langchain_privacy.errors import (
    ConfigurationError,
    EvidenceExpiredError,
    PolicyMismatchError,
)
from langchain_privacy.secure.policy.base import (
    about,
    against,
    appraise,
    hex_set,
    is_hex,
    is_number,
    scalars,
    text_set,
)
from langchain_privacy.secure.report import AttestationReport, Check, Checks

_PRODUCTS = frozenset({"Milan", "Genoa", "Turin"})
_TCB_FIELDS = frozenset({"bootloader", "tee", "snp", "microcode", "fmc"})
_VERSION = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9}){0,5}", re.ASCII)
_MAX_GPUS = 32
_PCRS = frozenset(map(str, range(24)))

CONFIDENTIAL_COMPUTE = {"enabled": True, "developer_mode": False, "ready": True}
"""The state of a machine's GPUs in which nobody else reads their memory."""

# Bits of TD_ATTRIBUTES, Intel "TDX Module Base Architecture Specification".
_DEBUG, _SEPT_VE_DISABLE, _PKS, _KEY_LOCKER, _PERFMON = 1, 1 << 28, 1 << 30, 1 << 31, 1 << 63
_KNOWN_ATTRIBUTES = _DEBUG | _SEPT_VE_DISABLE | _PKS | _KEY_LOCKER | _PERFMON


@dataclass(frozen=True, kw_only=True)
class SevSnpPolicy:
    """Accepts an SEV-SNP report whose launch measurement is on a list.

    Attributes:
        measurements: Accepted launch digests, 48 bytes in lowercase hex each; never empty.
        min_tcb: Floors of the reported TCB by product line, e.g.
            `{"Genoa": {"bootloader": 7, "snp": 14, "microcode": 72}}`. A product that is not
            listed is refused; without floors the check is skipped and the report says so.
        min_firmware: Lowest SNP firmware as (major, minor, build).
        host_data: Accepted values of HOST_DATA, 32 bytes in hex; empty skips the check.
        id_key_digests: Accepted digests of the guest owner's key; empty skips the check.
        author_key_digests: Accepted digests of the key that signed the owner's; empty skips the
            check.
        allow_vlek: Accept a key that the cloud provider shares among its machines.
        allow_debug: Accept a guest whose memory its host may read. Never do this for real data.
        allow_migration: Accept a guest with a migration agent.
        max_vmpl: Highest privilege level (0 is the most privileged) that may ask for reports.
        allow_uncommitted_tcb: Accept firmware that can still be rolled back.
        require_alias_check: Refuse a machine that did not test its memory for aliases
            (CVE-2024-21944, "BadRAM").
        allow_smt: Accept simultaneous multithreading.
        require_crl: Refuse evidence that comes without AMD's revocation list.
        max_crl_staleness_days: Days after its next-update date for which a CRL still serves.
    """

    measurements: Iterable[str]
    min_tcb: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    min_firmware: tuple[int, int, int] | None = None
    host_data: Iterable[str] = ()
    id_key_digests: Iterable[str] = ()
    author_key_digests: Iterable[str] = ()
    allow_vlek: bool = False
    allow_debug: bool = False
    allow_migration: bool = False
    max_vmpl: int = 0
    allow_uncommitted_tcb: bool = False
    require_alias_check: bool = False
    allow_smt: bool = True
    require_crl: bool = False
    max_crl_staleness_days: int = 0

    def __post_init__(self) -> None:
        hex_set(self, "measurements", 48, empty=False)
        hex_set(self, "host_data", 32)
        hex_set(self, "id_key_digests", 48)
        hex_set(self, "author_key_digests", 48)
        scalars(self)
        if not isinstance(self.min_tcb, Mapping) or not all(
            product in _PRODUCTS and _is_floor(floor) for product, floor in self.min_tcb.items()
        ):
            msg = (
                f"SevSnpPolicy.min_tcb takes for each of {sorted(_PRODUCTS)} at least one of "
                f"{sorted(_TCB_FIELDS)} with a number from 0 to 255"
            )
            raise ConfigurationError(msg)
        if self.min_firmware is not None:
            given = self.min_firmware
            if (
                not isinstance(given, (tuple, list))
                or len(given) != 3
                or not all(is_number(part, 255) for part in given)
            ):
                msg = "SevSnpPolicy.min_firmware takes three numbers: major, minor, build"
                raise ConfigurationError(msg)
            object.__setattr__(self, "min_firmware", tuple(given))

    def verify(self, report: AttestationReport) -> list[Check]:
        """Raise unless the SEV-SNP report is acceptable."""
        return [c for found in about(report, "sev-snp") for c in self._one(found)]

    def _one(self, report: AttestationReport) -> Iterable[Check]:
        claims, checks = report.claims, Checks("sev-snp", error=PolicyMismatchError)
        checks.require("policy_bits", claims["policy_reserved_one"], "policy bit 17 is not set")
        checks.require(
            "debug", self.allow_debug or not claims["debug"], "the guest allows debugging"
        )
        checks.require(
            "migration", self.allow_migration or not claims["migration"], "a migration agent is set"
        )
        checks.require(
            "vmpl",
            claims["vmpl"] <= self.max_vmpl,
            f"asked for at another VMPL: found {claims['vmpl']}, wanted {self.max_vmpl} or lower",
        )
        checks.require(
            "key_kind", self.allow_vlek or claims["signing_key"] == "vcek", "a VLEK signed it"
        )
        checks.require("chip_key", not claims["masked_chip_key"], "the chip key is masked")
        checks.require(
            "committed_tcb",
            self.allow_uncommitted_tcb
            or (
                claims["committed_tcb"] == claims["current_tcb"]
                and claims["committed_firmware"] == claims["current_firmware"]
            ),
            "the current firmware is not committed and can be rolled back: current "
            f"{claims['current_tcb']}, committed {claims['committed_tcb']}",
        )
        checks.require("smt", self.allow_smt or not claims["smt"], "multithreading is on")
        if self.require_alias_check:
            checks.require("alias_check", claims["alias_check"], "no memory alias check was made")
        else:
            checks.skip("alias_check", "not asked for")
        self._floors(claims, checks)
        self._revocation(report, checks)
        for name, accepted in (
            ("measurement", self.measurements),
            ("host_data", self.host_data),
            ("id_key_digest", self.id_key_digests),
            ("author_key_digest", self.author_key_digests),
        ):
            value = claims[name]
            text = f"an unlisted {name}: {against(value, accepted)}"
            checks.require_listed(name, value, accepted, text)
        return checks

    def _floors(self, claims: Mapping[str, Any], checks: Checks) -> None:
        if not self.min_tcb:
            checks.skip("tcb_floor", "no floor was given")
        else:
            product = claims["product"]
            floor = self.min_tcb.get(product)
            have = {tcb: claims[tcb] for tcb in ("reported_tcb", "launch_tcb")}
            wanted = (
                f"{product} has no floor" if floor is None else f"wanted at least {dict(floor)}"
            )
            # The launch TCB too: what started under old firmware may have been changed by it.
            checks.require(
                "tcb_floor",
                floor is not None
                and all(
                    levels[part] >= least
                    for levels in have.values()
                    for part, least in floor.items()
                ),
                f"the firmware's TCB is below the floor: found {have}, {wanted}",
            )
        if self.min_firmware is None:
            checks.skip("firmware_floor", "no floor was given")
        else:
            checks.require(
                "firmware_floor",
                tuple(claims["committed_firmware"]) >= self.min_firmware,
                "the SNP firmware is too old: "
                + against(tuple(claims["committed_firmware"]), str(self.min_firmware)),
            )

    def _revocation(self, report: AttestationReport, checks: Checks) -> None:
        until = report.claims["crl_next_update"]
        if until is None:
            if self.require_crl:
                checks.require("crl_present", False, "no revocation list came along")
            return
        last = dt.datetime.fromisoformat(until) + dt.timedelta(days=self.max_crl_staleness_days)
        checks.require(
            "crl_fresh",
            report.verified_at <= last,
            f"the revocation list is stale: it was due for renewal on {until[:10]}",
            error=EvidenceExpiredError,
        )


def _is_floor(floor: Any) -> bool:
    return (
        isinstance(floor, Mapping)
        and bool(floor)
        and all(part in _TCB_FIELDS and is_number(v, 255) for part, v in floor.items())
    )


@dataclass(frozen=True, kw_only=True)
class TdxMeasurement:
    """The registers of one build; they are compared together, so builds cannot be mixed.

    Attributes:
        mr_td: The firmware that started the machine, 48 bytes in lowercase hex, as all others.
        rtmr1: The kernel, as the firmware measured it.
        rtmr2: Its command line and initial disk.
        rtmr0: The virtual hardware's configuration; `None` is not compared.
        rtmr3: What the software measured into it; `None` is not compared.
        mr_config_id: What the machine was configured to start. On dstack `01`, the SHA-256 of the
            application's compose file, and zeros.
        mr_owner: Identity of the machine's owner.
        compose_hash: SHA-256 of a dstack application's compose file, 32 bytes in hex; proven from
            `mr_config_id`, or by replaying the event log to RTMR3.

    On dstack every application boots the same image, so the three registers that are required tell
    none apart; there one of `compose_hash`, `mr_config_id` and `rtmr3` is needed besides.
    """

    mr_td: str
    rtmr1: str
    rtmr2: str
    rtmr0: str | None = None
    rtmr3: str | None = None
    mr_config_id: str | None = None
    mr_owner: str | None = None
    compose_hash: str | None = None

    def __post_init__(self) -> None:
        # The firmware alone says nothing about the workload, so three registers are required.
        for name in (f.name for f in fields(self)):
            value = getattr(self, name)
            if value is None and name not in ("mr_td", "rtmr1", "rtmr2"):
                continue
            size = 32 if name == "compose_hash" else 48
            if not is_hex(value, size):
                msg = f"TdxMeasurement.{name} takes {size} bytes in lowercase hex"
                raise ConfigurationError(msg)

    @property
    def names_application(self) -> bool:
        """Whether it tells one application of a dstack image from another."""
        # Without a configuration the register is zero for every application; RTMR3 never is, once
        # the image has measured one.
        configured = self.mr_config_id is not None and bool(self.mr_config_id.strip("0"))
        return configured or self.rtmr3 is not None or self.compose_hash is not None

    def differing(self, report: AttestationReport) -> list[str]:
        """Names of the registers that are given and do not have this value."""
        return [
            f.name
            for f in fields(self)
            if (expected := getattr(self, f.name)) is not None
            and report.claims.get(f.name) != expected
        ]


@dataclass(frozen=True, kw_only=True)
class TdxPolicy:
    """Accepts a TDX quote whose registers are those of a listed build.

    A machine that its host may debug, or into which it may inject #VE exceptions (SEPT_VE_DISABLE
    off), is never accepted.

    Attributes:
        measurements: Accepted builds; never empty.
        tcb_statuses: Accepted statuses of the platform, `"UpToDate"` by default.
        mr_seam: Accepted TDX modules, 48 bytes in hex; empty relies on Intel's TCB status alone.
        max_collateral_age_days: Intel's statements may be valid for a month; a host that holds
            back newer ones can hide a revocation for that long, so older ones are refused.
        rejected_advisories: Refuse a platform to which one of these applies.
        allow_perfmon: Accept performance counters, a side channel.
    """

    measurements: Sequence[TdxMeasurement]
    tcb_statuses: Iterable[str] = ("UpToDate",)
    mr_seam: Iterable[str] = ()
    max_collateral_age_days: int = 30
    rejected_advisories: Iterable[str] = ()
    allow_perfmon: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.measurements, TdxMeasurement) or not self.measurements:
            msg = "TdxPolicy.measurements is empty or no list; list what you accept"
            raise ConfigurationError(msg)
        object.__setattr__(self, "measurements", tuple(self.measurements))
        if not all(isinstance(m, TdxMeasurement) for m in self.measurements):
            msg = "TdxPolicy.measurements takes TdxMeasurement objects"
            raise ConfigurationError(msg)
        text_set(self, "tcb_statuses", empty=False)
        text_set(self, "rejected_advisories")
        hex_set(self, "mr_seam", 48)
        scalars(self)

    def verify(self, report: AttestationReport) -> list[Check]:
        """Raise unless the TDX quote is acceptable."""
        return [c for found in about(report, "tdx") for c in self._one(found)]

    def _one(self, report: AttestationReport) -> Iterable[Check]:
        claims, checks = report.claims, Checks("tdx", error=PolicyMismatchError)
        attributes = int.from_bytes(bytes.fromhex(claims["td_attributes"]), "little")

        # dcap-qvl refuses these already; they stay refused whatever a later version of it does.
        checks.require("debug", not attributes & _DEBUG, "it allows debugging")
        checks.require("sept_ve_disable", attributes & _SEPT_VE_DISABLE, "SEPT_VE_DISABLE is off")
        checks.require(
            "perfmon",
            self.allow_perfmon or not attributes & _PERFMON,
            "performance counters are on",
        )
        checks.require(
            "attributes", not attributes & ~_KNOWN_ATTRIBUTES, "an unknown TD attribute is set"
        )
        checks.require(
            "seam",
            claims["seam_attributes"] == "00" * 8 and claims["mr_signer_seam"] == "00" * 48,
            "the TDX module is not Intel's, or is under debug",
        )
        if self.mr_seam:
            text = f"an unlisted TDX module: {against(claims['mr_seam'], self.mr_seam)}"
            checks.require("mr_seam", claims["mr_seam"] in self.mr_seam, text)
        else:
            checks.skip("mr_seam", "no modules were listed")
        advisories = ", ".join(claims["advisories"])
        checks.require(
            "tcb_status",
            claims["tcb_status"] in self.tcb_statuses,
            "the platform's TCB status is not accepted: "
            + against(claims["tcb_status"], self.tcb_statuses)
            + (f"; advisories {advisories}" if advisories else ""),
        )
        rejected = sorted(set(claims["advisories"]) & set(self.rejected_advisories))
        checks.require(
            "advisories", not rejected, f"a rejected advisory applies: {', '.join(rejected)}"
        )
        issued = dt.datetime.fromisoformat(claims["collateral_issued"])
        checks.require(
            "collateral_age",
            report.verified_at - issued <= dt.timedelta(days=self.max_collateral_age_days),
            f"the collateral is too old: issued on {issued:%Y-%m-%d}, wanted at most "
            f"{self.max_collateral_age_days} days",
            error=EvidenceExpiredError,
        )
        self._build(report, checks)
        for name in ("rtmr0", "rtmr3", "mr_config_id", "mr_owner"):
            if all(getattr(m, name) is None for m in self.measurements):
                checks.skip(name, "no value was listed")
        return checks

    def _build(self, report: AttestationReport, checks: Checks) -> None:
        builds = self.measurements
        if report.claims.get("platform") == "dstack":
            builds = [build for build in builds if build.names_application]
            checks.require(
                "application",
                builds,
                "every application on dstack has these registers; list its compose_hash, "
                "mr_config_id or rtmr3 besides",
            )
        # The nearest build, so that the refusal names what differs and not everything.
        nearest = min((build.differing(report) for build in builds), key=len)
        found = ", ".join(f"{name} {report.claims.get(name)}" for name in nearest)
        checks.require("measurement", not nearest, f"an unlisted build: found {found}")


@dataclass(frozen=True, kw_only=True)
class AzureCvmPolicy:
    """Accepts an Azure confidential VM by its PCRs, on accepted hardware.

    Attributes:
        hardware: Policy for the hardware report; its measurement is Azure's paravisor.
        pcrs: Required values by PCR number, 32 bytes in lowercase hex; never empty. PCRs 4, 8, 9
            and 11 measure boot loader, command line, kernel and initial disk; 7 secure boot.
    """

    hardware: SevSnpPolicy | TdxPolicy
    pcrs: Mapping[str, str]

    def __post_init__(self) -> None:
        if not isinstance(self.hardware, (SevSnpPolicy, TdxPolicy)):
            msg = "AzureCvmPolicy.hardware takes a SevSnpPolicy or a TdxPolicy"
            raise ConfigurationError(msg)
        _check_pcrs(self)

    def verify(self, report: AttestationReport) -> list[Check]:
        """Raise unless hardware and PCRs are acceptable."""
        made: list[Check] = []
        for found in about(report, "azure-cvm"):
            checks = Checks("azure-cvm", error=PolicyMismatchError)
            kind = found.claims["hardware"]
            for part in found.parts:
                genuine = dataclasses.replace(part, subject=kind)
                made += appraise(genuine, self.hardware).checks[len(part.checks) :]
            quoted = found.claims["pcrs"]
            other = [f"PCR {n} {quoted.get(n)}" for n, v in self.pcrs.items() if quoted.get(n) != v]
            text = f"a PCR differs, or was not quoted: found {', '.join(other)}"
            checks.require("measurement", not other, text)
            made += checks
        return made


@dataclass(frozen=True, kw_only=True)
class AzureMaaPolicy:
    """Accepts a confidential VM of Azure by what identifies its workload.

    The launch measurement is Azure's paravisor and the same for every customer, so it is no
    identity: give PCR values or the hash of your own attestation policy.

    Attributes:
        policy_hashes: Accepted `x-ms-policy-hash` values of your attestation provider.
        pcrs: Required PCR values by number, as the token has them.
        require_nonce: Refuse a token that was not compared with a nonce.
    """

    policy_hashes: Iterable[str] = ()
    pcrs: Mapping[str, str] = field(default_factory=dict)
    require_nonce: bool = True

    def __post_init__(self) -> None:
        text_set(self, "policy_hashes")
        scalars(self)
        if self.pcrs:
            _check_pcrs(self)
        if not self.policy_hashes and not self.pcrs:
            msg = (
                "AzureMaaPolicy needs policy_hashes or pcrs: the launch measurement is the same "
                "for every VM of Azure"
            )
            raise ConfigurationError(msg)

    def verify(self, report: AttestationReport) -> list[Check]:
        """Raise unless the token is acceptable."""
        return [c for found in about(report, "azure-maa") for c in self._one(found)]

    def _one(self, report: AttestationReport) -> Iterable[Check]:
        claims, checks = report.claims, Checks("azure-maa", error=PolicyMismatchError)
        checks.require("fresh", claims["fresh"] or not self.require_nonce, "no nonce was compared")
        checks.require(
            "compliance",
            claims["attestation_type"] == "azurevm"
            and claims["tee"] in ("sevsnpvm", "tdxvm")
            and claims["compliance"] == "azure-compliant-cvm",
            "not a compliant confidential VM",
        )
        checks.require("debug", not claims["debug"], "debugging is on, or not said to be off")
        checks.require("migration", not claims["migration"], "migration is allowed")
        checks.require("vmpl", claims["vmpl"] == 0, "asked for at another VMPL")
        checks.require("secure_boot", claims["secure_boot"] is True, "secure boot is off")
        if self.policy_hashes:
            checks.require(
                "measurement",
                claims["policy_hash"] in self.policy_hashes,
                "an unlisted attestation policy: "
                + against(claims["policy_hash"], self.policy_hashes),
            )
        if self.pcrs:
            values = claims["pcrs"] if isinstance(claims["pcrs"], dict) else {}
            checks.require(
                "pcrs",
                all(values.get(str(number)) == value for number, value in self.pcrs.items()),
                "a PCR differs, or the token has none",
            )
        return checks


def _check_pcrs(policy: "AzureCvmPolicy | AzureMaaPolicy") -> None:
    """Refuse PCRs that no quote and no token can have."""
    pcrs, kind = policy.pcrs, type(policy).__name__
    # A token's form of a value is its issuer's choice; a quote's is ours.
    fits = (lambda v: is_hex(v, 32)) if isinstance(policy, AzureCvmPolicy) else bool
    if (
        not isinstance(pcrs, Mapping)
        or not pcrs
        or not all(n in _PCRS and isinstance(v, str) and fits(v) for n, v in pcrs.items())
    ):
        msg = f'{kind}.pcrs takes values such as {{"4": "<64 hex digits>"}}, at least one'
        raise ConfigurationError(msg)


def _numbers(version: str) -> tuple[int, ...] | None:
    """A version as numbers; `None` when it is written in another way."""
    return tuple(map(int, version.split("."))) if _VERSION.fullmatch(version) else None


@dataclass(frozen=True, kw_only=True)
class NvidiaGpuPolicy:
    """Accepts a machine with exactly these GPUs.

    Attributes:
        count: Exact number of GPUs.
        models: Accepted chips as the device certificate names them; never empty.
        modes: Accepted modes, `"spt"` (single GPU), `"mpt"` or `"ppcie"` (several GPUs; here
            NVSwitch traffic is in clear). Drivers before 570 do not report it; the check is then
            skipped.
        min_driver: Lowest driver version, e.g. `"570.86"`; `None` skips the check.
        require_fwid: Refuse a report without the digest of its firmware (drivers before 545).
        require_rim: Refuse GPUs that were not compared with NVIDIA's reference values for both
            driver and VBIOS.
        require_ocsp: Refuse GPUs whose certificates' revocation was not looked up.
        require_confidential_compute: Refuse an endpoint whose measured gateway does not say that
            confidential computing is on, ready, and not in developer mode. A GPU report alone does
            not show this.
    """

    count: int = 1
    models: Iterable[str] = ("GH100", "GB100", "GB102", "GB202")
    modes: Iterable[str] = ("spt", "mpt")
    min_driver: str | None = None
    require_fwid: bool = True
    require_rim: bool = False
    require_ocsp: bool = False
    require_confidential_compute: bool = True

    def __post_init__(self) -> None:
        text_set(self, "models", empty=False)
        text_set(self, "modes", empty=False)
        scalars(self)
        if not 1 <= self.count <= _MAX_GPUS:
            msg = "NvidiaGpuPolicy.count is 1 to 32; leave the policy out for no GPU"
            raise ConfigurationError(msg)
        floor = self.min_driver
        if floor is not None and (not isinstance(floor, str) or _numbers(floor) is None):
            msg = 'NvidiaGpuPolicy.min_driver takes a version such as "570.86"'
            raise ConfigurationError(msg)

    def verify(self, report: AttestationReport) -> list[Check]:
        """Raise unless number, kind and state of the GPUs are acceptable."""
        made: list[Check] = []
        for machine in about(report, "nvidia-gpus"):
            checks = Checks("nvidia-gpus", error=PolicyMismatchError)
            checks.require(
                "expected_count",
                len(machine.parts) == self.count,
                f"{len(machine.parts)} GPUs, the policy asks for {self.count}",
            )
            for index, part in enumerate(machine.parts):
                made += self._one(f"nvidia-gpu:{index}", part)
            made += checks
        return made + self._confidential_compute(report)

    def _one(self, subject: str, report: AttestationReport) -> Iterable[Check]:
        claims, checks = report.claims, Checks(subject, error=PolicyMismatchError)
        checks.require("is_gpu", not claims["is_switch"], "an NVSwitch is offered as a GPU")
        model, mode = claims["model"], claims["mode"]
        text = f"an unlisted GPU model: {against(model, self.models)}"
        checks.require("model", model in self.models, text)
        if mode is None:
            checks.skip("mode", "the driver does not report it")
        else:
            checks.require(
                "mode", mode in self.modes, f"an unlisted mode: {against(mode, self.modes)}"
            )
        checks.require(
            "fwid_present", claims["fwid"] or not self.require_fwid, "no firmware digest"
        )
        if self.min_driver is None:
            checks.skip("driver_floor", "no floor was given")
        else:
            driver, floor = _numbers(claims["driver"] or ""), _numbers(self.min_driver)
            checks.require(
                "driver_floor",
                driver and floor and driver >= floor,
                f"an old driver: {against(claims['driver'], self.min_driver)}",
            )
        passed = {c.name for c in report.checks if c.outcome == "passed"}
        if self.require_rim:
            checks.require("rim", "rim_complete" in passed, "no comparison with reference values")
        if self.require_ocsp:
            checks.require("ocsp", "ocsp_complete" in passed, "revocation was not looked up")
        return checks

    def _confidential_compute(self, report: AttestationReport) -> list[Check]:
        checks = Checks("nvidia-gpus", error=PolicyMismatchError)
        if report.subject in ("nvidia-gpus", "dstack"):
            checks.skip("confidential_compute", "only a measured gateway can say so")
        elif not self.require_confidential_compute:
            checks.skip("confidential_compute", "not asked for")
        else:
            state = report.claims.get("confidential_compute")
            checks.require(
                "confidential_compute",
                state == CONFIDENTIAL_COMPUTE,
                "confidential computing is off, not ready or in developer mode",
            )
        return list(checks)
