"""Intel TDX: is this quote genuine, and does it satisfy the policy?

Signatures, certificate chains, revocation lists and TCB matching are verified by `dcap-qvl`; its
default collateral service is never asked, collateral is given. What is read here is the layout of
quotes in format 4 (TD 1.0) and 5 (TD 1.0 and 1.5), Intel "TDX DCAP Quoting Library API".

`verify_tdx` is for everybody; the envelope of our gateway, Azure's confidential VMs and the
adapters call `prove_tdx` and appraise the whole endpoint afterwards.

```python
policy = TdxPolicy(measurements=[TdxMeasurement(mr_td="...", rtmr1="...", rtmr2="...")])
collateral = TdxEndorsements(collateral=json_of_quote_collateral)
report = verify_tdx(quote, collateral, policy, datetime.now(UTC), report_data=bound)
```
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from langchain_privacy.errors import (
    AttestationError,
    ConfigurationError,
    EvidenceExpiredError,
    EvidenceInvalidError,
)
from langchain_privacy.secure import parsing
from langchain_privacy.secure.evidence.roots import VENDOR_ROOTS, TrustedRoots
from langchain_privacy.secure.policy.base import Policy, appraise
from langchain_privacy.secure.report import AttestationReport, Checks, LayoutError, as_time

_HEADER, _TD10, _TD15 = 48, 584, 648
_TDX, _P256 = 0x81, 2
_INTEL_QE = bytes.fromhex("939a7233f79c4ca9940a0db3957f0607")
_MAX_QUOTE = 64 * 1024

# Offsets and sizes in the TD report body.
_FIELDS = {
    "tee_tcb_svn": (0, 16),
    "mr_seam": (16, 48),
    "mr_signer_seam": (64, 48),
    "seam_attributes": (112, 8),
    "td_attributes": (120, 8),
    "xfam": (128, 8),
    "mr_td": (136, 48),
    "mr_config_id": (184, 48),
    "mr_owner": (232, 48),
    "mr_owner_config": (280, 48),
    "rtmr0": (328, 48),
    "rtmr1": (376, 48),
    "rtmr2": (424, 48),
    "rtmr3": (472, 48),
    "report_data": (520, 64),
}
_FIELDS_15 = {"tee_tcb_svn_2": (584, 16), "mr_service_td": (600, 48)}


@dataclass(frozen=True, kw_only=True)
class TdxEndorsements:
    """Intel's collateral; signed by Intel, so anybody may carry it.

    Attributes:
        collateral: JSON with the nine members of dcap-qvl's `QuoteCollateralV3`.
    """

    collateral: bytes | str


def _is_filled(data: bytes) -> bool:
    """Whether signature data is filled exactly: these lengths are not signed, so one form only.

    Signature 64, attestation key 64, then type 6 around the QE report 384, its signature 64,
    authentication data and the PCK chain of type 5.
    """

    def number(at: int, size: int) -> int:
        return int.from_bytes(data[at : at + size], "little")

    if len(data) < 592 or number(128, 2) != 6 or number(130, 4) != len(data) - 134:
        return False
    chain = 584 + number(582, 2)
    return number(chain, 2) == 5 and number(chain + 2, 4) == len(data) - chain - 6


def _parse(quote: bytes) -> dict[str, Any]:
    if not _HEADER + _TD10 < len(quote) <= _MAX_QUOTE:
        msg = "the quote has an impossible length"
        raise LayoutError(msg)
    version, key_type = int.from_bytes(quote[0:2], "little"), int.from_bytes(quote[2:4], "little")
    if version not in (4, 5):
        msg = f"quote version {version} is not 4 or 5"
        raise LayoutError(msg)
    if int.from_bytes(quote[4:8], "little") != _TDX:
        msg = "this is not a quote of a TDX machine"
        raise LayoutError(msg)
    if key_type != _P256 or quote[12:28] != _INTEL_QE:
        msg = "another key type or quoting enclave vendor"
        raise LayoutError(msg)
    start, fields = _HEADER, dict(_FIELDS)
    body_size = _TD10
    if version == 5:
        kind = int.from_bytes(quote[48:50], "little")
        body_size = int.from_bytes(quote[50:54], "little")
        start = _HEADER + 6
        if (kind, body_size) not in ((2, _TD10), (3, _TD15)):
            msg = "the quote's body type is not TD 1.0 or TD 1.5"
            raise LayoutError(msg)
        if kind == 3:
            fields |= _FIELDS_15
    if len(quote) < start + body_size + 4:
        msg = "the quote is truncated"
        raise LayoutError(msg)
    body = quote[start : start + body_size]
    end = start + body_size
    signature_size = int.from_bytes(quote[end : end + 4], "little")
    # Some services pad the quote to a fixed size; the padding is unsigned and must be empty.
    if len(quote) < end + 4 + signature_size or any(quote[end + 4 + signature_size :]):
        msg = "the quote is truncated or has bytes after its signature data"
        raise LayoutError(msg)
    if not _is_filled(quote[end + 4 : end + 4 + signature_size]):
        msg = "the lengths in the quote's signature data do not agree"
        raise LayoutError(msg)
    values = {name: body[at : at + size].hex() for name, (at, size) in fields.items()}
    return {"version": version, **values}


def verify_tdx(
    evidence: bytes,
    endorsements: TdxEndorsements | None,
    policy: Policy,
    now: dt.datetime | float,
    *,
    report_data: bytes | None = None,
    roots: TrustedRoots = VENDOR_ROOTS,
) -> AttestationReport:
    """Verify a TDX quote.

    Args:
        evidence: The quote, version 4 or 5.
        endorsements: Collateral of its platform.
        policy: What is acceptable, usually a `TdxPolicy`.
        now: The clock: an aware datetime or seconds since 1970 UTC.
        report_data: The 64 bytes that must stand in the quote; `None` skips the comparison.
        roots: Trust anchors; Intel's by default.

    Raises:
        EvidenceInvalidError: If the quote is malformed, not TDX, or a signature does not hold.
        EvidenceExpiredError: If collateral is not valid at `now`, or the report data differs.
        PolicyMismatchError: If the quote is genuine but not what the policy asks for.
        ConfigurationError: If `dcap-qvl` is not installed.
    """
    proven = prove_tdx(evidence, endorsements, as_time(now), report_data=report_data, roots=roots)
    return appraise(proven, policy)


def prove_tdx(
    evidence: bytes,
    endorsements: TdxEndorsements | None,
    now: dt.datetime,
    *,
    report_data: bytes | None,
    roots: TrustedRoots,
) -> AttestationReport:
    """The half of `verify_tdx` that establishes facts, before any policy."""
    try:
        import dcap_qvl
    except ImportError:
        msg = 'verifying TDX needs dcap-qvl: pip install "langchain-privacy[secure]"'
        raise ConfigurationError(msg) from None
    checks = Checks("tdx")
    fields = checks.require_layout(_parse, evidence)
    checks.require(
        "endorsement", endorsements is not None, "no collateral, so nothing can be verified"
    )
    assert endorsements is not None
    raw = endorsements.collateral
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
    issued: list[dt.datetime] = []
    try:
        collateral = dcap_qvl.QuoteCollateralV3.from_json(text)
        parts = parsing.strict_json(text, "collateral")
        issued = [_issue_date(parts[name]) for name in ("tcb_info", "qe_identity")]
    except (ValueError, KeyError, TypeError, RuntimeError, EvidenceInvalidError):
        collateral = None
    checks.require("collateral", collateral is not None, "the collateral cannot be read")
    seconds = int(now.timestamp())
    verified: Any = None
    fault = ""
    refusal: type[AttestationError] = EvidenceInvalidError
    try:
        if roots.intel_sgx_der is None:
            verified = dcap_qvl.verify(evidence, collateral, seconds)
        else:
            verified = dcap_qvl.verify_with_root_ca(
                evidence, collateral, roots.intel_sgx_der, seconds
            )
    except (ValueError, RuntimeError) as error:
        fault, refusal = _reason(str(error))
    checks.require(
        "quote",
        not fault,
        fault,
        error=refusal,
        detail="signature, PCK chain, revocation lists, QE identity, TCB level",
    )
    checks.require(
        "collateral_not_from_future",
        all(date <= now for date in issued),
        "the collateral is issued in the future",
        error=EvidenceExpiredError,
    )
    checks.require_bound(
        "report_data",
        fields["report_data"],
        None if report_data is None else report_data.hex(),
        "the quote is bound to another challenge or key",
    )
    claims = {
        **fields,
        "tcb_status": verified.status,
        "advisories": sorted(verified.advisory_ids),
        "collateral_issued": min(issued).isoformat(),
        "debug": bool(int(fields["td_attributes"][:2], 16) & 1),
    }
    return AttestationReport(subject="tdx", claims=claims, checks=tuple(checks), verified_at=now)


def _issue_date(document: str) -> dt.datetime:
    issued = dt.datetime.fromisoformat(parsing.strict_json(document, "collateral")["issueDate"])
    return issued.replace(tzinfo=issued.tzinfo or dt.UTC)


def _reason(library_text: str) -> tuple[str, type[AttestationError]]:
    """Say in our words why dcap-qvl refused, and as what; its text is kept out of errors."""
    lowered = library_text.lower()
    invalid, late = EvidenceInvalidError, EvidenceExpiredError
    for needle, reason, error in (
        ("expired", "collateral or a certificate is expired", late),
        ("in the future", "the collateral is issued in the future", late),
        ("not yet valid", "a certificate is not valid yet", late),
        ("notvalidyet", "a certificate is not valid yet", late),
        ("revoked", "a key or the TCB level is revoked", invalid),
        ("matching tcb", "no TCB level of Intel matches this platform", invalid),
        ("fmspc", "the collateral is for another platform (FMSPC)", invalid),
        ("debug", "the machine allows debugging", invalid),
        ("sept_ve_disable", "SEPT_VE_DISABLE is off", invalid),
        ("td attributes", "an unknown TD attribute is set", invalid),
        ("tdx module", "the TDX module is not Intel's, or is under debug", invalid),
        ("qe ", "the quoting enclave's report or identity does not hold", invalid),
        ("signature", "a signature is wrong", invalid),
    ):
        if needle in lowered:
            return reason, error
    return "the quote does not verify", invalid
