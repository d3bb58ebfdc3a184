"""What an Azure confidential VM must be."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from langchain_privacy.errors import ConfigurationError, PolicyMismatchError
from langchain_privacy.secure.policy.base import about, appraise
from langchain_privacy.secure.policy.sev_snp import SevSnpPolicy
from langchain_privacy.secure.policy.tdx import TdxPolicy
from langchain_privacy.secure.report import AttestationReport, Check, Checks


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
        if not self.pcrs or not all(
            number.isdigit() and len(value) == 64 and not set(value) - set("0123456789abcdef")
            for number, value in self.pcrs.items()
        ):
            msg = 'AzureCvmPolicy.pcrs takes values such as {"4": "<64 hex digits>"}, at least one'
            raise ConfigurationError(msg)

    def verify(self, report: AttestationReport) -> list[Check]:
        """Raise unless hardware and PCRs are acceptable."""
        made: list[Check] = []
        for found in about(report, "azure-cvm"):
            checks = Checks("azure-cvm")
            kind = found.claims["hardware"]
            for part in found.parts:
                genuine = dataclasses.replace(part, subject=kind)
                made += appraise(genuine, self.hardware).checks[len(part.checks) :]
            checks.require(
                "measurement",
                all(found.claims["pcrs"].get(n) == value for n, value in self.pcrs.items()),
                "a PCR differs, or was not quoted",
                error=PolicyMismatchError,
            )
            made += checks
        return made
