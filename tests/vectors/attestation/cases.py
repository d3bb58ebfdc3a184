"""Synthetic evidence, one failure a file; `python -m tests.vectors.attestation.cases` writes them.

Everything here is deterministic, so a test makes the files again and compares. Outcomes are a
closed list: `accepted`, `invalid`, `mismatch`, `expired`, `misconfigured`; `check` names the check
that must fail, so that one fault cannot hide behind another.
"""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import load_der_private_key

from tests.vectors.attestation import authority
from tests.vectors.attestation.tdx_cases import tdx_cases

FOLDER = Path(__file__).parent
NOW = 1735689600 + 86400 * 90  # 2025-04-01
MEASUREMENT = bytes(range(100, 148))
REPORT_DATA = bytes(range(32)) + bytes(32)
NONCE = bytes(range(7, 39))
TCB = bytes([4, 0, 0, 0, 0, 0, 22, 213])
ORDER = int(
    "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973",
    16,
)
_ES384 = ec.ECDSA(hashes.SHA384(), deterministic_signing=True)

Case = dict[str, Any]


def b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


# --- SEV-SNP -------------------------------------------------------------------------------------


def snp_report(
    changes: dict[int, bytes] | None = None, *, resign: bool = True, key="vcek"
) -> bytes:
    """A version 3 Milan report; `changes` are bytes at offsets."""
    report = bytearray(1184)
    fields: dict[int, bytes] = {
        0x00: b"\3",
        0x08: (0x30000).to_bytes(8, "little"),
        0x34: b"\1",
        0x38: TCB,
        0x40: b"\x25",
        0x50: REPORT_DATA,
        0x90: MEASUREMENT,
        0x180: TCB,
        0x188: b"\x19\x01\x01",
        0x1A0: authority.CHIP_ID,
        0x1E0: TCB,
        0x1E8: bytes([29, 55, 1, 0, 29, 55, 1, 0]),
        0x1F0: TCB,
    }
    for offset, value in {**fields, **(changes or {})}.items():
        report[offset : offset + len(value)] = value
    if resign:
        r, s = decode_dss_signature(authority.ec_key(key).sign(bytes(report[:0x2A0]), _ES384))
        report[0x2A0:0x2E8] = r.to_bytes(72, "little")
        report[0x2E8:0x330] = s.to_bytes(72, "little")
    return bytes(report)


def _snp(
    expect: str,
    check: str | None = None,
    changes: dict[int, bytes] | None = None,
    *,
    report: bytes | None = None,
    policy: dict[str, Any] | None = None,
    now: int = NOW,
    **endorsements: Any,
) -> Case:
    given = {"key_certificate": "vcek", "chain": ["ask", "ark"], "crl": None, **endorsements}
    data = snp_report(changes) if report is None else report
    return {
        "kind": "sev-snp",
        "expect": expect,
        "check": check,
        "now": now,
        "report_data": REPORT_DATA.hex(),
        "evidence": data.hex(),
        "endorsements": given,
        "policy": {"sev_snp": {"measurements": [MEASUREMENT.hex()], **(policy or {})}},
    }


def _tail(r: int, s: int) -> bytes:
    report = bytearray(snp_report())
    report[0x2A0:0x2E8], report[0x2E8:0x330] = r.to_bytes(72, "little"), s.to_bytes(72, "little")
    return bytes(report)


def snp_cases() -> dict[str, Case]:
    good = snp_report()
    r, s = (int.from_bytes(good[a : a + 72], "little") for a in (0x2A0, 0x2E8))
    swapped = bytearray(good)
    swapped[0x2A0:0x2D0] = good[0x2A0:0x2D0][::-1]
    swapped[0x2E8:0x318] = good[0x2E8:0x318][::-1]
    bits = lambda value: {0x08: value.to_bytes(8, "little")}  # noqa: E731
    floor = {"min_tcb": {"Milan": {"snp": 23}}}
    strict = {"require_alias_check": True}
    no_alias = {0x40: b"\x05"}
    older = TCB[:7] + bytes([212])
    return {
        "snp_accepted": _snp("accepted"),
        "snp_accepted_with_crl": _snp("accepted", crl="crl", policy={"require_crl": True}),
        "snp_accepted_at_the_floor": _snp(
            "accepted", policy={"min_tcb": {"Milan": {"snp": 22}}, "min_firmware": [1, 55, 29]}
        ),
        "snp_truncated": _snp("invalid", "sev-snp.layout", report=good[:-1]),
        "snp_trailing_byte": _snp("invalid", "sev-snp.layout", report=good + b"\0"),
        "snp_version_1": _snp("invalid", "sev-snp.layout", {0: b"\1"}),
        "snp_version_6": _snp("invalid", "sev-snp.layout", {0: b"\6"}),
        "snp_other_algorithm": _snp("invalid", "sev-snp.algorithm", {0x34: b"\2"}),
        "snp_reserved_byte": _snp("invalid", "sev-snp.layout", {0x208: b"\1"}),
        "snp_reserved_policy_bit": _snp("invalid", "sev-snp.layout", bits(0x30000 | 1 << 40)),
        "snp_reserved_key_bit": _snp("invalid", "sev-snp.layout", {0x48: b"\x20"}),
        "snp_signature_big_endian": _snp("invalid", "sev-snp.signature", report=bytes(swapped)),
        "snp_signature_zero_r": _snp("invalid", "sev-snp.signature", report=_tail(0, s)),
        "snp_signature_zero_s": _snp("invalid", "sev-snp.signature", report=_tail(r, 0)),
        "snp_signature_r_above_order": _snp(
            "invalid", "sev-snp.signature", report=_tail(r + ORDER, s)
        ),
        "snp_signature_by_another_key": _snp(
            "invalid", "sev-snp.signature", report=snp_report(key="another")
        ),
        "snp_policy_bit_17_unset": _snp("mismatch", "sev-snp.policy_bits", bits(0x10000)),
        "snp_debug": _snp("mismatch", "sev-snp.debug", bits(0x30000 | 1 << 19)),
        "snp_migration_agent": _snp("mismatch", "sev-snp.migration", bits(0x30000 | 1 << 18)),
        "snp_vmpl_1": _snp("mismatch", "sev-snp.vmpl", {0x30: b"\1"}),
        "snp_vcek_of_another_chip": _snp(
            "invalid", "sev-snp.chip", key_certificate="vcek_other_chip"
        ),
        "snp_chip_id_masked": _snp("invalid", "sev-snp.chip", {0x1A0: bytes(64)}),
        "snp_vcek_of_another_tcb": _snp("invalid", "sev-snp.tcb", {0x180: older}),
        "snp_vcek_expired": _snp(
            "expired", "sev-snp.certificate_dates", key_certificate="vcek_short"
        ),
        "snp_clock_before_certificates": _snp(
            "expired", "sev-snp.certificate_dates", now=1600000000
        ),
        "snp_product_differs": _snp("invalid", "sev-snp.product", {0x188: b"\x19\x11\x01"}),
        "snp_vcek_of_another_product": _snp(
            "invalid", "sev-snp.root", key_certificate="vcek_genoa"
        ),
        "snp_vlek_not_asked_for": _snp(
            "mismatch",
            "sev-snp.key_kind",
            {0x48: b"\4", 0x1A0: bytes(64)},
            key_certificate="vlek",
            chain=["asvk", "ark"],
        ),
        "snp_vlek_under_the_vcek_chain": _snp(
            "invalid", "sev-snp.certificate_names", {0x48: b"\4"}, key_certificate="vlek"
        ),
        "snp_vlek_claimed_signed_by_vcek": _snp("invalid", "sev-snp.signing_key", {0x48: b"\4"}),
        "snp_unsigned": _snp("invalid", "sev-snp.signing_key", {0x48: b"\x1c"}),
        "snp_chip_key_masked": _snp("mismatch", "sev-snp.chip_key", {0x48: b"\2"}),
        "snp_unpinned_ark": _snp("invalid", "sev-snp.root", chain=["ask_of_other", "other_ark"]),
        "snp_ask_of_another_ark": _snp("invalid", "sev-snp.chain", chain=["ask_of_other", "ark"]),
        "snp_chain_incomplete": _snp("invalid", "sev-snp.certificates", chain=["ark"]),
        "snp_no_endorsement": _snp("invalid", "sev-snp.endorsement", key_certificate=None),
        "snp_ask_revoked": _snp("invalid", "sev-snp.revocation", crl="crl_revoked"),
        "snp_crl_stale": _snp("expired", "sev-snp.crl_fresh", crl="crl_stale"),
        "snp_crl_by_another_ark": _snp("invalid", "sev-snp.crl", crl="crl_of_other"),
        "snp_crl_absent_but_required": _snp(
            "mismatch", "sev-snp.crl_present", policy={"require_crl": True}
        ),
        "snp_reported_tcb_below_floor": _snp("mismatch", "sev-snp.tcb_floor", policy=floor),
        "snp_launch_tcb_below_floor": _snp(
            "mismatch",
            "sev-snp.tcb_floor",
            {0x1F0: TCB[:6] + bytes([21, 213])},
            policy={"min_tcb": {"Milan": {"snp": 22}}},
        ),
        "snp_product_without_floor": _snp(
            "mismatch", "sev-snp.tcb_floor", policy={"min_tcb": {"Genoa": {"snp": 1}}}
        ),
        "snp_firmware_too_old": _snp(
            "mismatch", "sev-snp.firmware_floor", policy={"min_firmware": [1, 56, 0]}
        ),
        "snp_committed_differs": _snp("mismatch", "sev-snp.committed_tcb", {0x1E0: older}),
        "snp_committed_firmware_differs": _snp(
            "mismatch", "sev-snp.committed_tcb", {0x1EC: bytes([28, 55, 1])}
        ),
        "snp_no_alias_check": _snp("mismatch", "sev-snp.alias_check", no_alias, policy=strict),
        "snp_smt": _snp("mismatch", "sev-snp.smt", policy={"allow_smt": False}),
        "snp_other_measurement": _snp("mismatch", "sev-snp.measurement", {0x90: b"\0"}),
        "snp_other_host_data": _snp(
            "mismatch", "sev-snp.host_data", policy={"host_data": ["11" * 32]}
        ),
        "snp_other_report_data": _snp("expired", "sev-snp.report_data", {0x50: b"\xff"}),
        "snp_report_data_tail_not_zero": _snp("expired", "sev-snp.report_data", {0x8F: b"\1"}),
        "snp_empty_allow_list": _snp("misconfigured", policy={"measurements": []}),
        "snp_policy_for_intel": {
            **_snp("mismatch", "policy.no_evidence"),
            "policy": {
                "tdx": {"measurements": [{"mr_td": "0" * 96, "rtmr1": "0" * 96, "rtmr2": "0" * 96}]}
            },
        },
    }


# --- NVIDIA GPUs ---


def gpu_report(
    serial: int = 1000,
    *,
    nonce: bytes = NONCE,
    fields: dict[int, bytes] | None = None,
    key: str | None = None,
) -> bytes:
    """A report with two measurements, signed by the key of `serial`."""
    opaque = {
        3: b"580.10\0",
        6: bytes.fromhex("009f009601000000"),
        11: b"\x55",
        15: b"882\0",
        17: b"1010\0",
        18: b"0200\0",
        20: authority.FWID,
        36: b"\0\0",
        **(fields or {}),
    }
    tlv = b"".join(
        kind.to_bytes(2, "little") + len(value).to_bytes(2, "little") + value
        for kind, value in sorted(opaque.items())
        if value
    )
    blocks = b"".join(bytes([index, 1, 51, 0, 0, 48, 0]) + bytes([index]) * 48 for index in (1, 2))
    body = bytes.fromhex("11e001ff") + nonce + b"\0"
    body += bytes.fromhex("11600000") + b"\2" + len(blocks).to_bytes(3, "little") + blocks
    body += bytes(32) + len(tlv).to_bytes(2, "little") + tlv
    signer = authority.ec_key(key or f"gpu {serial}")
    r, s = decode_dss_signature(signer.sign(body, _ES384))
    return body + r.to_bytes(48) + s.to_bytes(48)


def _gpu(
    expect: str,
    check: str | None = None,
    devices: list[tuple[bytes, str]] | None = None,
    *,
    now: int = NOW,
    ocsp: list[dict[str, Any]] | None = None,
    **policy: Any,
) -> Case:
    return {
        "kind": "nvidia-gpu",
        "expect": expect,
        "check": check,
        "now": now,
        "nonce": NONCE.hex(),
        "evidence": [
            {"report": report.hex(), "chain": chain}
            for report, chain in ([(gpu_report(), "chain_0")] if devices is None else devices)
        ],
        "policy": {"nvidia_gpu": policy},
        **({} if ocsp is None else {"ocsp": ocsp}),
    }


def _ocsp_cases() -> dict[str, Case]:
    """Revocation of the three certificates between root and leaf; files say what responses say."""
    levels = [{"level": level} for level in (1, 2, 3)]
    one = "nvidia-gpu:0.ocsp"

    def changed(expect: str, check: str, **change: Any) -> Case:
        responses = [levels[0], {**levels[1], **change}, levels[2]]
        return _gpu(expect, f"{one}_{check}", ocsp=responses, require_ocsp=True)

    return {
        "gpu_ocsp_accepted": _gpu("accepted", ocsp=levels, require_ocsp=True),
        "gpu_ocsp_by_a_delegate": _gpu(
            "accepted", ocsp=[{**entry, "delegate": "named"} for entry in levels]
        ),
        "gpu_ocsp_revoked": changed("invalid", "status", status="revoked"),
        "gpu_ocsp_hold": changed("invalid", "status", status="hold"),
        "gpu_ocsp_unknown": changed("invalid", "status", status="unknown"),
        "gpu_ocsp_too_old": changed("expired", "dates", age_days=8, valid_days=30),
        "gpu_ocsp_expired": changed("expired", "dates", age_days=3, valid_days=2),
        "gpu_ocsp_from_the_future": changed("expired", "dates", age_days=-1),
        "gpu_ocsp_signed_by_another_key": changed("invalid", "signature", signer="another"),
        "gpu_ocsp_by_an_unnamed_delegate": changed("invalid", "signature", delegate="unnamed"),
        "gpu_ocsp_by_a_foreign_delegate": changed("invalid", "signature", delegate="foreign"),
        "gpu_ocsp_of_another_issuer": changed(
            "invalid", "signature", level=1, chain="chain_other_root", key="other root"
        ),
        "gpu_ocsp_incomplete": _gpu("invalid", f"{one}_complete", ocsp=levels[:2]),
    }


def gpu_cases() -> dict[str, Case]:
    good, second = (gpu_report(), "chain_0"), (gpu_report(1001), "chain_1")
    zero = good[0][:-96] + bytes(96)
    cut = "nvidia-gpu:0.layout"
    return {
        "gpu_accepted": _gpu("accepted"),
        "gpu_accepted_two": _gpu("accepted", None, [good, second], count=2),
        "gpu_other_nonce": _gpu(
            "expired", "nvidia-gpu:0.nonce", [(gpu_report(nonce=bytes(32)), "chain_0")]
        ),
        "gpu_signed_by_another_key": _gpu(
            "invalid", "nvidia-gpu:0.signature", [(gpu_report(key="another"), "chain_0")]
        ),
        "gpu_signature_zero": _gpu("invalid", "nvidia-gpu:0.signature", [(zero, "chain_0")]),
        "gpu_chain_of_another_gpu": _gpu(
            "invalid", "nvidia-gpu:0.signature", [(good[0], "chain_1")]
        ),
        "gpu_chain_to_another_root": _gpu(
            "invalid", "nvidia-gpu:0.root", [(gpu_report(1004), "chain_other_root")]
        ),
        "gpu_intermediate_is_no_ca": _gpu(
            "invalid", "nvidia-gpu:0.chain", [(gpu_report(1003), "chain_not_ca")]
        ),
        "gpu_fwid_differs": _gpu(
            "invalid", "nvidia-gpu:0.fwid", [(gpu_report(1005), "chain_other_fwid")]
        ),
        "gpu_fwid_absent": _gpu(
            "mismatch", "nvidia-gpu:0.fwid_present", [(gpu_report(fields={20: b""}), "chain_0")]
        ),
        "gpu_none": _gpu("invalid", "nvidia-gpus.count", []),
        "gpu_fewer_than_expected": _gpu("mismatch", "nvidia-gpus.expected_count", count=2),
        "gpu_more_than_expected": _gpu(
            "mismatch", "nvidia-gpus.expected_count", [good, second], count=1
        ),
        "gpu_twice": _gpu("invalid", "nvidia-gpus.distinct", [good, good], count=2),
        "gpu_unlisted_model": _gpu("mismatch", "nvidia-gpu:0.model", models=["GB100"]),
        "gpu_switch_by_its_certificate": _gpu(
            "mismatch", "nvidia-gpu:0.model", [(gpu_report(1002), "chain_switch")]
        ),
        "gpu_switch_by_its_fields": _gpu(
            "mismatch",
            "nvidia-gpu:0.is_gpu",
            [(gpu_report(fields={26: bytes(8)}), "chain_0")],
        ),
        "gpu_ppcie_mode": _gpu(
            "mismatch", "nvidia-gpu:0.mode", [(gpu_report(fields={36: b"\2\0"}), "chain_0")]
        ),
        "gpu_driver_too_old": _gpu("mismatch", "nvidia-gpu:0.driver_floor", min_driver="590.1"),
        "gpu_no_reference_values": _gpu("mismatch", "nvidia-gpu:0.rim", require_rim=True),
        **_ocsp_cases(),
        "gpu_no_ocsp": _gpu("mismatch", "nvidia-gpu:0.ocsp", require_ocsp=True),
        "gpu_clock_before_certificates": _gpu(
            "expired", "nvidia-gpu:0.certificate_dates", now=1600000000
        ),
        "gpu_truncated": _gpu("invalid", cut, [(good[0][:-1], "chain_0")]),
        "gpu_trailing_byte": _gpu("invalid", cut, [(good[0] + b"\0", "chain_0")]),
        "gpu_empty_report": _gpu("invalid", cut, [(b"", "chain_0")]),
        "gpu_field_twice": _gpu(
            "invalid",
            cut,
            [(gpu_report(fields={37: b"\0"}).replace(b"\x25\0\1\0\0", b"\x24\0\1\0\0"), "chain_0")],
        ),
        "gpu_empty_model_list": _gpu("misconfigured", models=[]),
    }


# --- Tokens ---

_ISSUER = "https://nras.attestation.nvidia.com"


def token(
    claims: dict[str, Any],
    *,
    alg: str = "ES384",
    kid: str = "test-key",
    extra: dict[str, Any] | None = None,
    payload: bytes | None = None,
) -> str:
    """A signed token."""
    header = {"alg": alg, "kid": kid, **(extra or {})}
    body = json.dumps(claims).encode() if payload is None else payload
    signed = f"{b64url(json.dumps(header).encode())}.{b64url(body)}"
    if alg == "none":
        return f"{signed}."
    if alg == "HS256":
        import hmac

        # NVIDIA's local verifier signs this way, with this secret.
        return f"{signed}.{b64url(hmac.digest(b'secret', signed.encode(), 'sha256'))}"
    if alg == "RS256":
        key = load_der_private_key(authority.load()["rsa"]["key"], None)
        signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())  # type: ignore[union-attr,call-arg]
        return f"{signed}.{b64url(signature)}"
    r, s = decode_dss_signature(authority.ec_key("token").sign(signed.encode(), _ES384))
    return f"{signed}.{b64url(r.to_bytes(48) + s.to_bytes(48))}"


def jwks(leaf: str | None = None) -> dict[str, Any]:
    """The issuer's keys, with a certificate of the first that is `"current"` or `"expired"`."""
    numbers = authority.ec_key("token").public_key().public_numbers()
    rsa_key = load_der_private_key(authority.load()["rsa"]["key"], None)
    rsa_numbers = rsa_key.public_key().public_numbers()  # type: ignore[union-attr]
    return {
        "keys": [
            {
                "kid": "test-key",
                "kty": "EC",
                "crv": "P-384",
                "x": b64url(numbers.x.to_bytes(48)),
                "y": b64url(numbers.y.to_bytes(48)),
                **({} if leaf is None else {"x5c": [authority.token_leaf(leaf)]}),
            },
            {
                "kid": "test-rsa",
                "kty": "RSA",
                "n": b64url(rsa_numbers.n.to_bytes(256)),  # type: ignore[union-attr]
                "e": "AQAB",
            },
        ]
    }


def _device(**changes: Any) -> dict[str, Any]:
    claims = {
        "iss": _ISSUER,
        "iat": NOW - 10,
        "nbf": NOW - 10,
        "exp": NOW + 3590,
        "eat_nonce": NONCE.hex(),
        "ueid": "1000",
        "hwmodel": "GH100 A01 GSP BROM",
        "measres": "success",
        "secboot": True,
        "dbgstat": "disabled",
        "x-nvidia-gpu-driver-version": "580.10",
        "x-nvidia-gpu-vbios-version": "96.00.9F.00.01",
        "x-nvidia-gpu-attestation-report-parsed": True,
        "x-nvidia-gpu-attestation-report-nonce-match": True,
        "x-nvidia-gpu-attestation-report-signature-verified": True,
        "x-nvidia-gpu-arch-check": True,
        "x-nvidia-gpu-attestation-report-cert-chain": {
            "x-nvidia-cert-status": "valid",
            "x-nvidia-cert-ocsp-status": "good",
        },
        "x-nvidia-gpu-attestation-report-cert-chain-fwid-match": True,
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def bundle(
    device: dict[str, Any] | None = None,
    overall: dict[str, Any] | None = None,
    *,
    device_tokens: dict[str, str] | None = None,
    **header: Any,
) -> str:
    """A detached EAT bundle; changes apply to the overall token, `header` to its header."""
    devices = device_tokens or {"GPU-0": token(_device(**(device or {})))}
    claims = {
        "sub": "NVIDIA-PLATFORM-ATTESTATION",
        "iss": _ISSUER,
        "iat": NOW - 10,
        "nbf": NOW - 10,
        "exp": NOW + 3590,
        "eat_nonce": NONCE.hex(),
        "x-nvidia-ver": "3.0",
        "x-nvidia-overall-att-result": True,
        "submods": {
            name: ["DIGEST", ["SHA-256", hashlib.sha256(text.encode()).hexdigest()]]
            for name, text in devices.items()
        },
        **(overall or {}),
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    return json.dumps([["JWT", token(claims, **header)], devices])


def _nras(expect: str, check: str | None = None, answer: str | None = None, **more: Any) -> Case:
    return {
        "kind": "nras",
        "expect": expect,
        "check": check,
        "now": NOW,
        "nonce": NONCE.hex(),
        "evidence": bundle() if answer is None else answer,
        "policy": {"nvidia_gpu": {}},
        **more,
    }


def nras_cases() -> dict[str, Case]:
    two = {"GPU-0": token(_device()), "GPU-1": token(_device(ueid="1001"))}
    head = "nvidia-gpus.header"
    swapped = json.loads(bundle())
    swapped[1]["GPU-0"] = token(_device(ueid="999"))
    fewer = json.loads(bundle(device_tokens=two))
    del fewer[1]["GPU-1"]
    return {
        "nras_accepted": _nras("accepted"),
        "nras_accepted_with_leaf": _nras("accepted", leaf="current"),
        "nras_leaf_expired": _nras("expired", "nvidia-gpus.key_dates", leaf="expired"),
        "nras_alg_none": _nras("invalid", "nvidia-gpus.algorithm", bundle(alg="none")),
        "nras_alg_hs256_local_verifier": _nras(
            "invalid", "nvidia-gpus.algorithm", bundle(alg="HS256")
        ),
        "nras_alg_rs256": _nras(
            "invalid", "nvidia-gpus.algorithm", bundle(alg="RS256", kid="test-rsa")
        ),
        **{
            f"nras_header_{name}": _nras("invalid", head, bundle(extra={name: value}))
            for name, value in {
                "jku": "https://evil.example/jwks.json",
                "x5u": "https://evil.example/x5u",
                "x5c": ["AAAA"],
                "jwk": {"kty": "EC"},
                "crit": ["exp"],
            }.items()
        },
        "nras_header_typ": _nras("invalid", head, bundle(extra={"typ": "at+jwt"})),
        "nras_unknown_kid": _nras("invalid", "nvidia-gpus.kid", bundle(kid="other")),
        "nras_key_of_another_type": _nras("invalid", "nvidia-gpus.key", bundle(kid="test-rsa")),
        "nras_other_issuer": _nras(
            "invalid", "nvidia-gpus.issuer", bundle(overall={"iss": "https://evil.example"})
        ),
        "nras_staging_issuer": _nras(
            "invalid",
            "nvidia-gpus.issuer",
            bundle(overall={"iss": "https://nras.attestation-stg.nvidia.com"}),
        ),
        "nras_other_subject": _nras(
            "invalid", "nvidia-gpus.subject", bundle(overall={"sub": "SOMETHING-ELSE"})
        ),
        "nras_exp_missing": _nras("invalid", "parsing", bundle(overall={"exp": None})),
        "nras_exp_past": _nras(
            "expired",
            "nvidia-gpus.not_expired",
            bundle(overall={"iat": NOW - 3000, "nbf": NOW - 3000, "exp": NOW - 100}),
        ),
        "nras_exp_far": _nras(
            "invalid", "nvidia-gpus.lifetime", bundle(overall={"exp": NOW + 86400})
        ),
        "nras_iat_in_future": _nras(
            "expired", "nvidia-gpus.not_from_future", bundle(overall={"iat": NOW + 600})
        ),
        "nras_nonce_absent": _nras(
            "expired", "nvidia-gpus.nonce", bundle(overall={"eat_nonce": None})
        ),
        "nras_nonce_differs": _nras(
            "expired", "nvidia-gpus.nonce", bundle(overall={"eat_nonce": "00" * 32})
        ),
        "nras_device_nonce_differs": _nras(
            "expired", "nvidia-gpu:0.nonce", bundle(device={"eat_nonce": "00" * 32})
        ),
        "nras_overall_false": _nras(
            "mismatch",
            "nvidia-gpus.overall",
            bundle(overall={"x-nvidia-overall-att-result": False}),
        ),
        "nras_overall_text": _nras(
            "mismatch",
            "nvidia-gpus.overall",
            bundle(overall={"x-nvidia-overall-att-result": "true"}),
        ),
        "nras_device_token_swapped": _nras("invalid", "nvidia-gpus.digests", json.dumps(swapped)),
        "nras_device_token_dropped": _nras("invalid", "nvidia-gpus.digests", json.dumps(fewer)),
        "nras_no_devices": _nras(
            "invalid", "nvidia-gpus.bundle", json.dumps([json.loads(bundle())[0], {}])
        ),
        "nras_two_where_one_is_expected": _nras(
            "mismatch", "nvidia-gpus.expected_count", bundle(device_tokens=two)
        ),
        "nras_secure_boot_off": _nras(
            "mismatch", "nvidia-gpu:0.secure_boot", bundle(device={"secboot": False})
        ),
        "nras_debug_enabled": _nras(
            "mismatch", "nvidia-gpu:0.debug", bundle(device={"dbgstat": "enabled"})
        ),
        "nras_measurements_failed": _nras(
            "mismatch", "nvidia-gpu:0.measurements", bundle(device={"measres": "fail"})
        ),
        "nras_certificate_on_hold": _nras(
            "mismatch",
            "nvidia-gpu:0.device_checks",
            bundle(
                device={
                    "x-nvidia-gpu-attestation-report-cert-chain": {
                        "x-nvidia-cert-status": "valid",
                        "x-nvidia-cert-ocsp-status": "revoked",
                    }
                }
            ),
        ),
        "nras_fwid_mismatch": _nras(
            "mismatch",
            "nvidia-gpu:0.fwid",
            bundle(device={"x-nvidia-gpu-attestation-report-cert-chain-fwid-match": False}),
        ),
        "nras_duplicate_member": _nras(
            "invalid",
            "parsing",
            json.dumps([["JWT", token({}, payload=b'{"iss":1,"iss":2}')], {"GPU-0": "x"}]),
        ),
        "nras_signature_not_canonical_base64": _nras("invalid", "parsing", _uncanonical(bundle())),
        "nras_not_json": _nras("invalid", "parsing", "[[JWT"),
        "nras_trailing_bytes": _nras("invalid", "parsing", bundle() + "x"),
    }


def _uncanonical(answer: str) -> str:
    content = json.loads(answer)
    content[0][1] += "="
    return json.dumps(content)


def _maa_claims(**changes: Any) -> dict[str, Any]:
    tee = {
        "x-ms-attestation-type": "sevsnpvm",
        "x-ms-compliance-status": "azure-compliant-cvm",
        "x-ms-sevsnpvm-is-debuggable": False,
        "x-ms-sevsnpvm-migration-allowed": False,
        "x-ms-sevsnpvm-vmpl": 0,
        "x-ms-sevsnpvm-launchmeasurement": MEASUREMENT.hex(),
        **changes.pop("tee", {}),
    }
    claims = {
        "iss": "https://test.attest.azure.net",
        "iat": NOW - 10,
        "nbf": NOW - 10,
        "exp": NOW + 28790,
        "secureboot": True,
        "x-ms-attestation-type": "azurevm",
        "x-ms-policy-hash": "hash",
        "x-ms-isolation-tee": tee,
        "x-ms-runtime": {"client-payload": {"nonce": NONCE.hex()}},
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def _maa(expect: str, check: str | None = None, text: str | None = None, **changes: Any) -> Case:
    policy = changes.pop("policy", {"policy_hashes": ["hash"]})
    made = token(_maa_claims(**changes), alg="RS256", kid="test-rsa", extra={"jku": "https://x"})
    return {
        "kind": "maa",
        "expect": expect,
        "check": check,
        "now": NOW,
        "nonce": NONCE.hex(),
        "evidence": made if text is None else text,
        "policy": {"azure_maa": policy},
    }


def maa_cases() -> dict[str, Case]:
    return {
        "maa_accepted": _maa("accepted"),
        "maa_no_client_payload_nonce": _maa("expired", "azure-maa.nonce", **{"x-ms-runtime": {}}),
        "maa_other_nonce": _maa(
            "expired", "azure-maa.nonce", **{"x-ms-runtime": {"client-payload": {"nonce": "00"}}}
        ),
        "maa_debuggable": _maa(
            "mismatch", "azure-maa.debug", tee={"x-ms-sevsnpvm-is-debuggable": True}
        ),
        "maa_debug_not_said": _maa(
            "mismatch", "azure-maa.debug", tee={"x-ms-sevsnpvm-is-debuggable": None}
        ),
        "maa_kernel_debug": _maa(
            "mismatch", "azure-maa.debug", **{"x-ms-azurevm-kerneldebug-enabled": True}
        ),
        "maa_secure_boot_off": _maa("mismatch", "azure-maa.secure_boot", secureboot=False),
        "maa_not_compliant": _maa(
            "mismatch", "azure-maa.compliance", tee={"x-ms-compliance-status": "none"}
        ),
        "maa_migration": _maa(
            "mismatch", "azure-maa.migration", tee={"x-ms-sevsnpvm-migration-allowed": True}
        ),
        "maa_no_isolation": _maa("invalid", "azure-maa.isolation", **{"x-ms-isolation-tee": None}),
        "maa_other_policy_hash": _maa(
            "mismatch", "azure-maa.measurement", **{"x-ms-policy-hash": "other"}
        ),
        "maa_without_pcrs": _maa("mismatch", "azure-maa.pcrs", policy={"pcrs": {"4": "00"}}),
        "maa_measurement_is_no_identity": _maa("misconfigured", policy={}),
        "maa_other_issuer": _maa(
            "invalid", "azure-maa.issuer", iss="https://evil.attest.azure.net"
        ),
        "maa_es384": _maa(
            "invalid", "azure-maa.algorithm", token(_maa_claims(), extra={"jku": "https://x"})
        ),
        "maa_lifetime_too_long": _maa("invalid", "azure-maa.lifetime", exp=NOW + 86400),
    }


def cases() -> dict[str, Case]:
    """All cases by the name of their file."""
    return {**snp_cases(), **tdx_cases(), **gpu_cases(), **nras_cases(), **maa_cases()}


def text(case: Case) -> str:
    """A case as it stands in its file."""
    return json.dumps(case, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    for name, case in cases().items():
        (FOLDER / f"{name}.json").write_text(text(case))
