"""Tinfoil's attestation document, version 2, for the channel `"ehbp-x25519"`.

`report_data = SHA-256(TLS public key) | HPKE public key`. The document is made when the machine
starts and answers no nonce: it proves which key the measured machine holds, not that it runs now.
Whoever replays it cannot open what is sealed to that key, so the adapter must be told to accept it.
Version 3 binds a nonce; see `tinfoil_v3`.
"""

import datetime as dt
import zlib
from collections.abc import Callable

from langchain_privacy.errors import ConfigurationError, EvidenceInvalidError
from langchain_privacy.secure import parsing
from langchain_privacy.secure.adapters.base import Challenge
from langchain_privacy.secure.evidence.amd_chain import SnpEndorsements
from langchain_privacy.secure.evidence.roots import TrustedRoots
from langchain_privacy.secure.evidence.sev_snp import prove_sev_snp
from langchain_privacy.secure.evidence.tdx import TdxEndorsements, prove_tdx
from langchain_privacy.secure.policy.attestation import AttestationPolicy
from langchain_privacy.secure.policy.base import appraise
from langchain_privacy.secure.report import AttestationReport, Checks

_SNP = "https://tinfoil.sh/predicate/sev-snp-guest/v2"
_TDX = "https://tinfoil.sh/predicate/tdx-guest/v2"
_MAX_REPORT = 64 * 1024

Endorse = Callable[[bytes], SnpEndorsements | TdxEndorsements]


class TinfoilAdapter:
    """Attests an enclave of Tinfoil.

    Args:
        endorsements: Those of the machine, or a function that gives them for a report; the
            document carries none.
        accept_boot_time_evidence: Must be true: the document of version 2 is not fresh.
    """

    def __init__(
        self,
        endorsements: SnpEndorsements | TdxEndorsements | Endorse,
        *,
        accept_boot_time_evidence: bool = False,
    ) -> None:
        if not accept_boot_time_evidence:
            msg = (
                "Tinfoil's version 2 document answers no nonce; pass "
                "accept_boot_time_evidence=True if evidence from the machine's start is enough"
            )
            raise ConfigurationError(msg)
        self._endorsements = endorsements

    def challenge(self, nonce: bytes) -> Challenge:  # noqa: ARG002  version 2 takes none
        """Ask without a nonce."""
        return Challenge("/.well-known/tinfoil-attestation")

    def verify(
        self,
        document: bytes,
        nonce: bytes,  # noqa: ARG002
        policy: AttestationPolicy,
        now: dt.datetime,
        *,
        roots: TrustedRoots,
    ) -> AttestationReport:
        """Verify the document; the report says that freshness was not checked."""
        what = "Tinfoil document"
        content = parsing.members(
            parsing.strict_json(document, what), what, required=("format", "body")
        )
        report = _inflate(parsing.from_base64(content["body"], what))
        given = self._endorsements
        endorsements = given(report) if callable(given) else given
        checks = Checks("endpoint")
        if content["format"] == _SNP and isinstance(endorsements, SnpEndorsements):
            part = prove_sev_snp(report, endorsements, now, report_data=None, roots=roots)
        elif content["format"] == _TDX and isinstance(endorsements, TdxEndorsements):
            part = prove_tdx(report, endorsements, now, report_data=None, roots=roots)
        else:
            msg = f"{what}: an unknown format, or endorsements of another vendor"
            raise EvidenceInvalidError(msg, check="parsing")
        bound = bytes.fromhex(part.claims["report_data"])
        checks.skip("nonce", "the document is of the machine's start and answers none")
        return appraise(
            AttestationReport(
                subject="endpoint",
                claims={"tls_spki_sha256": bound[:32].hex()},
                checks=tuple(checks),
                verified_at=now,
                parts=(part,),
                channel_keys={"ehbp-x25519": bound[32:]},
                not_after=now + dt.timedelta(seconds=policy.max_age_seconds),
            ),
            policy,
        )


def _inflate(data: bytes) -> bytes:
    inflater = zlib.decompressobj(wbits=31)
    try:
        report = inflater.decompress(data, _MAX_REPORT)
    except zlib.error:
        report = b""
    if not report or not inflater.eof or inflater.unused_data:
        msg = "Tinfoil document: the body is not one gzip member of a sensible size"
        raise EvidenceInvalidError(msg, check="parsing")
    return report
