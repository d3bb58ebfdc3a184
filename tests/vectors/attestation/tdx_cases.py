"""Synthetic TDX evidence: real parsing and dcap-qvl over quotes of the checked-in Intel."""

import datetime as dt
from typing import Any

from tests.vectors.attestation import intel

NOW = 1735689600 + 86400 * 90  # 2025-04-01
_DAY = dt.timedelta(days=1)
_NOW = dt.datetime.fromtimestamp(NOW, dt.UTC)
REPORT_DATA = bytes(range(32)) + bytes(32)
BUILD = {name: value.hex() for name, value in intel.REGISTERS.items()}
_OTHER = bytes([9]) * 48


def made_collateral(given: dict[str, Any]) -> str:
    """The collateral that a case asks for; ages are in days before its clock."""
    settings = dict(given)
    issued = _NOW - settings.pop("age_days", 2) * _DAY
    if "fmspc" in settings:
        settings["fmspc"] = bytes.fromhex(settings["fmspc"])
    if "crl_until_days" in settings:
        settings["crl_until"] = _NOW + settings.pop("crl_until_days") * _DAY
    return intel.collateral(issued, **settings)


def _case(
    expect: str,
    check: str | None = None,
    changes: dict[str, bytes] | None = None,
    *,
    quote: bytes | None = None,
    policy: dict[str, Any] | None = None,
    builds: list[dict[str, str]] | None = None,
    now: int = NOW,
    **collateral: Any,
) -> dict[str, Any]:
    bound = {"report_data": REPORT_DATA, **(changes or {})}
    given = {"measurements": [BUILD] if builds is None else builds, **(policy or {})}
    return {
        "kind": "tdx",
        "expect": expect,
        "check": check,
        "now": now,
        "report_data": REPORT_DATA.hex(),
        "evidence": (intel.quote(bound) if quote is None else quote).hex(),
        "collateral": collateral,
        "policy": {"tdx": given},
    }


def _attributes(value: int) -> dict[str, bytes]:
    return {"td_attributes": (1 << 28 | value).to_bytes(8, "little")}


def tdx_cases() -> dict[str, dict[str, Any]]:
    """All cases by the name of their file."""
    bound = {"report_data": REPORT_DATA}
    good, later = intel.quote(bound), intel.quote(bound, version=5)
    drifted = {**BUILD, "rtmr3": "00" * 48}
    second = {name: _OTHER.hex() for name in BUILD}
    old = {"policy": {"max_collateral_age_days": 7}, "age_days": 8}
    return {
        "tdx_accepted": _case("accepted"),
        "tdx_accepted_v5": _case("accepted", quote=later),
        "tdx_accepted_with_all_registers": _case(
            "accepted",
            builds=[{**drifted, "rtmr0": "00" * 48, "mr_config_id": "00" * 48}],
            policy={"mr_seam": ["00" * 48]},
        ),
        "tdx_debug": _case("invalid", "tdx.quote", _attributes(1)),
        "tdx_sept_ve_disable_off": _case("invalid", "tdx.quote", {"td_attributes": bytes(8)}),
        "tdx_perfmon": _case("mismatch", "tdx.perfmon", _attributes(1 << 63)),
        "tdx_unknown_attribute": _case("invalid", "tdx.quote", _attributes(1 << 40)),
        "tdx_seam_attributes": _case("invalid", "tdx.quote", {"seam_attributes": b"\1"}),
        "tdx_seam_signer": _case("invalid", "tdx.quote", {"mr_signer_seam": _OTHER}),
        "tdx_unlisted_seam_module": _case(
            "mismatch", "tdx.mr_seam", {"mr_seam": _OTHER}, policy={"mr_seam": ["00" * 48]}
        ),
        "tdx_sgx_quote": _case("invalid", "tdx.layout", quote=intel.quote(bound, tee_type=0)),
        "tdx_v4_as_v5": _case("invalid", "tdx.layout", quote=intel.quote(bound, claimed_version=5)),
        "tdx_v5_as_v4": _case(
            "invalid", "tdx.layout", quote=intel.quote(bound, version=5, claimed_version=4)
        ),
        "tdx_out_of_date": _case("mismatch", "tdx.tcb_status", status="OutOfDate"),
        "tdx_configuration_needed": _case(
            "mismatch", "tdx.tcb_status", status="ConfigurationNeeded"
        ),
        "tdx_revoked": _case("invalid", "tdx.quote", status="Revoked"),
        "tdx_advisory": _case(
            "mismatch",
            "tdx.advisories",
            policy={"rejected_advisories": ["INTEL-SA-00000"]},
            advisories=["INTEL-SA-00000"],
        ),
        "tdx_no_tcb_level": _case("invalid", "tdx.quote", tdx_svn=6),
        "tdx_other_fmspc": _case("invalid", "tdx.quote", fmspc="00906ed50000"),
        "tdx_rtmr3_drift": _case(
            "mismatch", "tdx.measurement", {"rtmr3": _OTHER}, builds=[drifted]
        ),
        "tdx_other_mr_td": _case("mismatch", "tdx.measurement", {"mr_td": _OTHER}),
        "tdx_other_rtmr1": _case("mismatch", "tdx.measurement", {"rtmr1": _OTHER}),
        "tdx_other_rtmr2": _case("mismatch", "tdx.measurement", {"rtmr2": _OTHER}),
        "tdx_registers_of_two_builds": _case(
            "mismatch", "tdx.measurement", {"rtmr2": _OTHER}, builds=[BUILD, second]
        ),
        "tdx_mr_td_alone": _case("misconfigured", builds=[{"mr_td": BUILD["mr_td"]}]),
        "tdx_empty_allow_list": _case("misconfigured", builds=[]),
        "tdx_qe_of_another_signer": _case(
            "invalid", "tdx.quote", quote=intel.quote(bound, qe_signer=bytes(32))
        ),
        "tdx_qe_identity_differs": _case("invalid", "tdx.quote", qe={"isvprodid": 3}),
        "tdx_qe_too_old": _case("invalid", "tdx.quote", quote=intel.quote(bound, qe_svn=3)),
        "tdx_signed_by_another_key": _case(
            "invalid", "tdx.quote", quote=intel.quote(bound, signer="another")
        ),
        "tdx_platform_of_another_root": _case(
            "invalid", "tdx.quote", quote=intel.quote(bound, root_key="another")
        ),
        "tdx_pck_revoked": _case("invalid", "tdx.quote", revoked=["Intel SGX PCK Certificate"]),
        "tdx_tcb_info_of_another_signer": _case("invalid", "tdx.quote", tcb_signer="another"),
        "tdx_collateral_expired": _case("expired", "tdx.quote", age_days=31),
        "tdx_collateral_too_old": _case("expired", "tdx.collateral_age", **old),
        "tdx_collateral_from_the_future": _case("expired", "tdx.quote", age_days=-2),
        "tdx_crl_expired": _case("expired", "tdx.quote", crl_until_days=-1),
        "tdx_clock_before_certificates": _case("expired", "tdx.quote", now=NOW - 86400 * 1000),
        "tdx_other_report_data": _case("expired", "tdx.report_data", {"report_data": bytes(64)}),
        "tdx_report_data_tail_not_zero": _case(
            "expired", "tdx.report_data", {"report_data": REPORT_DATA[:-1] + b"\1"}
        ),
        "tdx_truncated": _case("invalid", "tdx.layout", quote=good[:-1]),
        "tdx_trailing_byte": _case("invalid", "tdx.layout", quote=good + b"\1"),
        "tdx_empty": _case("invalid", "tdx.layout", quote=b""),
    }
