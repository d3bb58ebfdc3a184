"""What the GPUs of a machine must be."""

from collections.abc import Iterable
from dataclasses import dataclass

from langchain_privacy.errors import ConfigurationError, PolicyMismatchError
from langchain_privacy.secure.policy.base import about
from langchain_privacy.secure.policy.fields import text_set
from langchain_privacy.secure.report import AttestationReport, Check, Checks


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


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
        if self.count < 1:
            msg = "NvidiaGpuPolicy.count must be at least 1; leave the policy out for no GPU"
            raise ConfigurationError(msg)

    def verify(self, report: AttestationReport) -> list[Check]:
        """Raise unless number, kind and state of the GPUs are acceptable."""
        made: list[Check] = []
        for machine in about(report, "nvidia-gpus"):
            checks = Checks("nvidia-gpus")
            checks.require(
                "expected_count",
                len(machine.parts) == self.count,
                f"{len(machine.parts)} GPUs, the policy asks for {self.count}",
                error=PolicyMismatchError,
            )
            for index, part in enumerate(machine.parts):
                made += self._one(f"nvidia-gpu:{index}", part)
            made += checks
        return made + self._confidential_compute(report)

    def _one(self, subject: str, report: AttestationReport) -> Iterable[Check]:
        claims, checks = report.claims, Checks(subject)

        def refuse_unless(name: str, condition: object, message: str) -> None:
            checks.require(name, condition, message, error=PolicyMismatchError)

        refuse_unless("is_gpu", not claims["is_switch"], "an NVSwitch is offered as a GPU")
        refuse_unless("model", claims["model"] in self.models, "an unlisted GPU model")
        if claims["mode"] is None:
            checks.skip("mode", "the driver does not report it")
        else:
            refuse_unless("mode", claims["mode"] in self.modes, "an unlisted mode")
        refuse_unless("fwid_present", claims["fwid"] or not self.require_fwid, "no firmware digest")
        if self.min_driver is None:
            checks.skip("driver_floor", "no floor was given")
        else:
            driver = _numbers(claims["driver"] or "")
            refuse_unless("driver_floor", driver >= _numbers(self.min_driver), "an old driver")
        passed = {c.name for c in report.checks if c.outcome == "passed"}
        if self.require_rim:
            refuse_unless("rim", "rim_complete" in passed, "no comparison with reference values")
        if self.require_ocsp:
            refuse_unless("ocsp", "ocsp_complete" in passed, "revocation was not looked up")
        return checks

    def _confidential_compute(self, report: AttestationReport) -> list[Check]:
        checks = Checks("nvidia-gpus")
        if report.subject != "endpoint":
            checks.skip("confidential_compute", "only a measured gateway can say so")
        elif not self.require_confidential_compute:
            checks.skip("confidential_compute", "not asked for")
        else:
            state = report.claims.get("confidential_compute")
            checks.require(
                "confidential_compute",
                state == {"enabled": True, "developer_mode": False, "ready": True},
                "confidential computing is off, not ready or in developer mode",
                error=PolicyMismatchError,
            )
        return list(checks)
