"""What an AMD SEV-SNP machine must be."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from langchain_privacy.errors import (
    ConfigurationError,
    EvidenceExpiredError,
    PolicyMismatchError,
)
from langchain_privacy.secure.policy.base import about
from langchain_privacy.secure.policy.fields import hex_set
from langchain_privacy.secure.report import AttestationReport, Check, Checks

_TCB_FIELDS = frozenset({"bootloader", "tee", "snp", "microcode", "fmc"})


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
        if any(set(floor) - _TCB_FIELDS for floor in self.min_tcb.values()):
            msg = f"min_tcb takes {sorted(_TCB_FIELDS)} for each product line"
            raise ConfigurationError(msg)
        if self.min_firmware is not None:
            object.__setattr__(self, "min_firmware", tuple(self.min_firmware))

    def verify(self, report: AttestationReport) -> list[Check]:
        """Raise unless the SEV-SNP report is acceptable."""
        return [c for found in about(report, "sev-snp") for c in self._one(found)]

    def _one(self, report: AttestationReport) -> Iterable[Check]:
        claims, checks = report.claims, Checks("sev-snp")

        def refuse_unless(name: str, condition: object, message: str) -> None:
            checks.require(name, condition, message, error=PolicyMismatchError)

        refuse_unless("policy_bits", claims["policy_reserved_one"], "policy bit 17 is not set")
        refuse_unless(
            "debug", self.allow_debug or not claims["debug"], "the guest allows debugging"
        )
        refuse_unless(
            "migration", self.allow_migration or not claims["migration"], "a migration agent is set"
        )
        refuse_unless("vmpl", claims["vmpl"] <= self.max_vmpl, "asked for at another VMPL")
        refuse_unless(
            "key_kind", self.allow_vlek or claims["signing_key"] == "vcek", "a VLEK signed it"
        )
        refuse_unless("chip_key", not claims["masked_chip_key"], "the chip key is masked")
        refuse_unless(
            "committed_tcb",
            self.allow_uncommitted_tcb
            or (
                claims["committed_tcb"] == claims["current_tcb"]
                and claims["committed_firmware"] == claims["current_firmware"]
            ),
            "the current firmware is not committed and can be rolled back",
        )
        refuse_unless("smt", self.allow_smt or not claims["smt"], "multithreading is on")
        if self.require_alias_check:
            refuse_unless("alias_check", claims["alias_check"], "no memory alias check was made")
        else:
            checks.skip("alias_check", "not asked for")
        self._floors(claims, checks)
        self._revocation(report, checks)
        refuse_unless(
            "measurement", claims["measurement"] in self.measurements, "an unlisted measurement"
        )
        for name, accepted in (
            ("host_data", self.host_data),
            ("id_key_digest", self.id_key_digests),
        ):
            if accepted:
                refuse_unless(name, claims[name] in accepted, f"an unlisted {name}")
            else:
                checks.skip(name, "no values were listed")
        return checks

    def _floors(self, claims: Mapping[str, Any], checks: Checks) -> None:
        if not self.min_tcb:
            checks.skip("tcb_floor", "no floor was given")
        else:
            floor = self.min_tcb.get(claims["product"])
            # The launch TCB too: what started under old firmware may have been changed by it.
            checks.require(
                "tcb_floor",
                floor is not None
                and all(
                    claims[tcb][part] >= least
                    for tcb in ("reported_tcb", "launch_tcb")
                    for part, least in floor.items()
                ),
                "the firmware's TCB is below the floor",
                error=PolicyMismatchError,
            )
        if self.min_firmware is None:
            checks.skip("firmware_floor", "no floor was given")
        else:
            checks.require(
                "firmware_floor",
                tuple(claims["committed_firmware"]) >= self.min_firmware,
                "the SNP firmware is too old",
                error=PolicyMismatchError,
            )

    def _revocation(self, report: AttestationReport, checks: Checks) -> None:
        until = report.claims["crl_next_update"]
        if until is None:
            if self.require_crl:
                checks.require(
                    "crl_present", False, "no revocation list came along", error=PolicyMismatchError
                )
            return
        last = dt.datetime.fromisoformat(until) + dt.timedelta(days=self.max_crl_staleness_days)
        checks.require(
            "crl_fresh",
            report.verified_at <= last,
            "the revocation list is stale",
            error=EvidenceExpiredError,
        )
