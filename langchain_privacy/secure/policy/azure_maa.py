"""What an MAA token must say."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from langchain_privacy.errors import ConfigurationError, PolicyMismatchError
from langchain_privacy.secure.policy.base import about
from langchain_privacy.secure.policy.fields import text_set
from langchain_privacy.secure.report import AttestationReport, Check, Checks


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
        claims, checks = report.claims, Checks("azure-maa")

        def refuse_unless(name: str, condition: object, message: str) -> None:
            checks.require(name, condition, message, error=PolicyMismatchError)

        refuse_unless("fresh", claims["fresh"] or not self.require_nonce, "no nonce was compared")
        refuse_unless(
            "compliance",
            claims["attestation_type"] == "azurevm"
            and claims["tee"] in ("sevsnpvm", "tdxvm")
            and claims["compliance"] == "azure-compliant-cvm",
            "not a compliant confidential VM",
        )
        refuse_unless("debug", not claims["debug"], "debugging is on, or not said to be off")
        refuse_unless("migration", not claims["migration"], "migration is allowed")
        refuse_unless("vmpl", claims["vmpl"] == 0, "asked for at another VMPL")
        refuse_unless("secure_boot", claims["secure_boot"] is True, "secure boot is off")
        if self.policy_hashes:
            refuse_unless(
                "measurement",
                claims["policy_hash"] in self.policy_hashes,
                "an unlisted attestation policy",
            )
        if self.pcrs:
            values = claims["pcrs"] if isinstance(claims["pcrs"], dict) else {}
            refuse_unless(
                "pcrs",
                all(values.get(str(number)) == value for number, value in self.pcrs.items()),
                "a PCR differs, or the token has none",
            )
        return checks
