"""Azure confidential VMs: hardware report → runtime data → vTPM key → quote of nonce and PCRs."""

import dataclasses
import datetime as dt
from dataclasses import dataclass

from langchain_privacy.secure.evidence.amd_chain import SnpEndorsements
from langchain_privacy.secure.evidence.azure_hcl import TpmQuote, parse_hcl, verify_quote
from langchain_privacy.secure.evidence.roots import VENDOR_ROOTS, TrustedRoots
from langchain_privacy.secure.evidence.sev_snp import prove_sev_snp
from langchain_privacy.secure.evidence.tdx import TdxEndorsements, prove_tdx
from langchain_privacy.secure.policy.base import Policy, appraise
from langchain_privacy.secure.report import AttestationReport, Checks, as_time


@dataclass(frozen=True, kw_only=True)
class AzureCvmEvidence:
    """Evidence of an Azure confidential VM.

    Attributes:
        hcl_report: The blob of NV index 0x01400001.
        tpm_quote: A quote of the vTPM; without it the evidence is refused.
        td_quote: The TDX quote that Azure's local service made of the blob's TDREPORT; `None` on
            SEV-SNP.
    """

    hcl_report: bytes
    tpm_quote: TpmQuote | None
    td_quote: bytes | None = None


def verify_azure_cvm(
    evidence: AzureCvmEvidence,
    endorsements: SnpEndorsements | TdxEndorsements | None,
    policy: Policy,
    now: dt.datetime | float,
    *,
    nonce: bytes,
    roots: TrustedRoots = VENDOR_ROOTS,
) -> AttestationReport:
    """Verify an Azure confidential VM by its hardware report and its vTPM's quote.

    Args:
        evidence: The blob and the quotes.
        endorsements: Those of the hardware.
        policy: What is acceptable, usually an `AzureCvmPolicy`.
        now: The clock: an aware datetime or seconds since 1970 UTC.
        nonce: Qualifying data that the vTPM's quote must carry.
        roots: Trust anchors; the vendors' by default.

    Raises:
        EvidenceInvalidError: If anything is malformed, missing, or a signature does not hold.
        EvidenceExpiredError: If the quote carries another nonce, or a certificate is not valid.
        PolicyMismatchError: If the machine is genuine but not what the policy asks for.
    """
    clock = as_time(now)
    checks = Checks("azure-cvm")
    hcl = parse_hcl(evidence.hcl_report, checks)
    if hcl.kind == "sev-snp":
        given = endorsements if isinstance(endorsements, SnpEndorsements) else None
        hardware = prove_sev_snp(
            hcl.report, given, clock, report_data=hcl.runtime_digest, roots=roots
        )
    else:
        collateral = endorsements if isinstance(endorsements, TdxEndorsements) else None
        hardware = prove_tdx(
            evidence.td_quote or b"",
            collateral,
            clock,
            report_data=hcl.runtime_digest,
            roots=roots,
        )
    digest = verify_quote(hcl, evidence.tpm_quote, nonce, checks)
    assert evidence.tpm_quote is not None
    report = AttestationReport(
        subject="azure-cvm",
        claims={
            "hardware": hcl.kind,
            "pcrs": {str(n): value.hex() for n, value in sorted(evidence.tpm_quote.pcrs.items())},
            "measurement": digest,
        },
        checks=tuple(checks),
        verified_at=clock,
        # Under a name of its own, so that a policy for bare metal, whose measurement identifies the
        # workload, never accepts Azure's paravisor, whose measurement does not.
        parts=(dataclasses.replace(hardware, subject=f"azure-cvm/{hcl.kind}"),),
    )
    return appraise(report, policy)
