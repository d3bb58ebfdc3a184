"""A simulated TEE: the shape of evidence without any of its meaning.

For tests and development on a laptop. Anybody can make such evidence, and it says so in its name;
only `UnsafeSimulatedTee` accepts it. The gateway's `SimulatedTee` makes it with `simulate_report`,
the envelope reads it with `prove_simulated`.
"""

import datetime as dt
import hmac

from langchain_privacy.secure.policy.unsafe import SIMULATED_MEASUREMENT
from langchain_privacy.secure.report import AttestationReport, Checks

_PREFIX = b"langchain-privacy SIMULATED TEE, proves nothing\n"
_TAG_KEY = b"public on purpose"


def simulate_report(report_data: bytes, measurement: str = SIMULATED_MEASUREMENT) -> bytes:
    """Make a simulated report.

    Args:
        report_data: 64 bytes to bind.
        measurement: 48 bytes in hex.
    """
    body = _PREFIX + report_data + bytes.fromhex(measurement)
    return body + hmac.digest(_TAG_KEY, body, "sha256")


def prove_simulated(
    evidence: bytes, now: dt.datetime, *, report_data: bytes | None
) -> AttestationReport:
    """Check the shape of a simulated report; the result is worth nothing by design."""
    checks = Checks("simulated")
    size = len(_PREFIX) + 64 + 48
    checks.require(
        "layout",
        len(evidence) == size + 32 and evidence.startswith(_PREFIX),
        "not a simulated report",
    )
    body, tag = evidence[:size], evidence[size:]
    checks.require(
        "tag", hmac.compare_digest(tag, hmac.digest(_TAG_KEY, body, "sha256")), "it was changed"
    )
    bound = body[len(_PREFIX) : len(_PREFIX) + 64]
    checks.require_bound(
        "report_data", bound, report_data, "it is bound to another challenge or key"
    )
    checks.skip("hardware", "there is no hardware behind a simulation")
    return AttestationReport(
        subject="simulated",
        claims={"measurement": body[-48:].hex(), "report_data": bound.hex()},
        checks=tuple(checks),
        verified_at=now,
    )
