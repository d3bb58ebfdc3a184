"""What an Intel TDX machine must be."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

from langchain_privacy.errors import (
    ConfigurationError,
    EvidenceExpiredError,
    PolicyMismatchError,
)
from langchain_privacy.secure.policy.base import about
from langchain_privacy.secure.policy.fields import hex_set, is_hex, text_set
from langchain_privacy.secure.report import AttestationReport, Check, Checks

_ZERO_48 = "00" * 48
_SEPT_VE_DISABLE, _PKS, _KEY_LOCKER, _PERFMON = 1 << 28, 1 << 30, 1 << 31, 1 << 63


@dataclass(frozen=True, kw_only=True)
class TdxMeasurement:
    """The registers of one build; they are compared together, so builds cannot be mixed.

    Attributes:
        mr_td: The firmware that started the machine, 48 bytes in lowercase hex, as all others.
        rtmr1: The kernel, as the firmware measured it.
        rtmr2: Its command line and initial disk.
        rtmr0: The virtual hardware's configuration; `None` is not compared.
        rtmr3: What the software measured into it; `None` is not compared.
        mr_config_id: What the host was told to start, e.g. dstack's compose hash.
        mr_owner: Identity of the machine's owner.
    """

    mr_td: str
    rtmr1: str
    rtmr2: str
    rtmr0: str | None = None
    rtmr3: str | None = None
    mr_config_id: str | None = None
    mr_owner: str | None = None

    def __post_init__(self) -> None:
        # The firmware alone says nothing about the workload, so three registers are required.
        for name in (f.name for f in fields(self)):
            value = getattr(self, name)
            if value is None and name not in ("mr_td", "rtmr1", "rtmr2"):
                continue
            if not is_hex(value, 48):
                msg = f"TdxMeasurement.{name} takes 48 bytes in lowercase hex"
                raise ConfigurationError(msg)

    def matches(self, report: AttestationReport) -> bool:
        """Whether every register that is given has this value."""
        return all(
            report.claims[f.name] == expected
            for f in fields(self)
            if (expected := getattr(self, f.name)) is not None
        )


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
        if not self.measurements:
            msg = "TdxPolicy.measurements is empty; it never means 'any': list what you accept"
            raise ConfigurationError(msg)
        object.__setattr__(self, "measurements", tuple(self.measurements))
        if not all(isinstance(m, TdxMeasurement) for m in self.measurements):
            msg = "TdxPolicy.measurements takes TdxMeasurement objects"
            raise ConfigurationError(msg)
        text_set(self, "tcb_statuses", empty=False)
        text_set(self, "rejected_advisories")
        hex_set(self, "mr_seam", 48)

    def verify(self, report: AttestationReport) -> list[Check]:
        """Raise unless the TDX quote is acceptable."""
        return [c for found in about(report, "tdx") for c in self._one(found)]

    def _one(self, report: AttestationReport) -> Iterable[Check]:
        claims, checks = report.claims, Checks("tdx")
        attributes = int.from_bytes(bytes.fromhex(claims["td_attributes"]), "little")
        known = 1 | _SEPT_VE_DISABLE | _PKS | _KEY_LOCKER | _PERFMON

        def refuse_unless(name: str, condition: object, message: str) -> None:
            checks.require(name, condition, message, error=PolicyMismatchError)

        # dcap-qvl refuses these already; they stay refused whatever a later version of it does.
        refuse_unless("debug", not attributes & 1, "it allows debugging")
        refuse_unless("sept_ve_disable", attributes & _SEPT_VE_DISABLE, "SEPT_VE_DISABLE is off")
        refuse_unless(
            "perfmon",
            self.allow_perfmon or not attributes & _PERFMON,
            "performance counters are on",
        )
        refuse_unless("attributes", not attributes & ~known, "an unknown TD attribute is set")
        refuse_unless(
            "seam",
            claims["seam_attributes"] == "00" * 8 and claims["mr_signer_seam"] == _ZERO_48,
            "the TDX module is not Intel's, or is under debug",
        )
        if self.mr_seam:
            refuse_unless("mr_seam", claims["mr_seam"] in self.mr_seam, "an unlisted TDX module")
        else:
            checks.skip("mr_seam", "no modules were listed")
        refuse_unless(
            "tcb_status",
            claims["tcb_status"] in self.tcb_statuses,
            "the platform's TCB status is not accepted",
        )
        refuse_unless(
            "advisories",
            not set(claims["advisories"]) & set(self.rejected_advisories),
            "a rejected advisory applies",
        )
        issued = dt.datetime.fromisoformat(claims["collateral_issued"])
        checks.require(
            "collateral_age",
            report.verified_at - issued <= dt.timedelta(days=self.max_collateral_age_days),
            "the collateral is too old",
            error=EvidenceExpiredError,
        )
        refuse_unless(
            "measurement", any(m.matches(report) for m in self.measurements), "an unlisted build"
        )
        for name in ("rtmr0", "rtmr3", "mr_config_id", "mr_owner"):
            if all(getattr(m, name) is None for m in self.measurements):
                checks.skip(name, "no value was listed")
        return checks
