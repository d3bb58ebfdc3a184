"""Makes the cases of channel, freshness and parsing: one file, one failure, one outcome.

`python -m tests.vectors.channel.cases` writes them. Nothing here is random, so that a test can
compare the files with what is made. What needs a connection (replay, redirects, endless 422s, slow
answers, plaintext to the gateway) is in `test_gateway.py` and `test_secure_attacker.py`.
"""

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from langchain_privacy.secure import envelope
from langchain_privacy.secure.channel import ehbp, sealed
from langchain_privacy.secure.channel.hpke import exported_sequence
from langchain_privacy.secure.channel.sealed import MAX_FRAME
from langchain_privacy.secure.evidence.simulated import simulate_report

FOLDER = Path(__file__).resolve().parent
NOW = 1_750_000_000
Case = dict[str, Any]

_EXPORTED, _ENC, _ANSWER = (hashlib.sha256(name).digest() for name in (b"exp", b"enc", b"answer"))
_NONCE, _OTHER = (hashlib.sha256(name).digest() for name in (b"nonce", b"another"))
_KEYS = {
    "x-wing": hashlib.shake_256(b"x-wing").digest(1216),
    "ehbp-x25519": hashlib.sha256(b"x25519").digest(),
}
_SAFE = {"all_of": [{"sev_snp": {"measurements": ["ab" * 48]}}]}
_UNSAFE = {"all_of": [{"unsafe_simulated_tee": {}}]}


def _sequence() -> Any:
    return exported_sequence(_EXPORTED, _ENC, _ANSWER)


def _opened(kind: str, expect: str, wire: bytes, **more: Any) -> Case:
    keys = {"exported": _EXPORTED.hex(), "enc": _ENC.hex(), "nonce": _ANSWER.hex()}
    return {"kind": kind, "expect": expect, **keys, "wire": wire.hex(), **more}


def sealed_cases() -> dict[str, Case]:
    """Answers in the profile x-wing."""
    sealer = sealed.Sealer(_sequence())
    one, two = sealer.seal(b"one"), sealer.seal(b"two")
    three = sealer.seal(b"three", final=True)
    flagged = bytes([two[0] | 0x80]) + two[1:]
    unflagged = bytes([three[0] & 0x7F]) + three[1:]
    flipped = two[:-1] + bytes([two[-1] ^ 1])
    wires = {
        "reordered": two + one + three,
        "frame_dropped": one + three,
        "frame_duplicated": one + one + two + three,
        "truncated_before_the_final_frame": one + two,
        "truncated_inside_a_frame": (one + two + three)[:-1],
        "empty": b"",
        "final_flag_moved_forward": one + flagged,
        "final_flag_removed": one + two + unflagged,
        "frame_after_the_final_one": one + two + three + one,
        "oversized_frame": (MAX_FRAME + 1).to_bytes(4) + one,
        "frame_shorter_than_its_tag": b"\0\0\0\1x",
        "bit_flipped": one + flipped + three,
        "sealed_for_another_request": one + two + three,
    }
    made = {f"sealed_{n}": _opened("sealed-answer", "channel", w) for n, w in wires.items()}
    made["sealed_sealed_for_another_request"]["enc"] = _OTHER.hex()
    made["sealed_answer_to_another_request"] = made.pop("sealed_sealed_for_another_request")
    made["sealed_accepted"] = _opened("sealed-answer", "accepted", one + two + three)
    return made


def ehbp_cases() -> dict[str, Case]:
    """Answers in the profile ehbp-x25519, whose end only the content shows."""
    json_type, events = "application/json", "text/event-stream"

    def frames(*parts: bytes) -> list[bytes]:
        sequence = _sequence()
        return [ehbp.frame(sequence.seal(part)) for part in parts]

    whole, done = frames(b'{"a":', b" 1}"), frames(b'data: {"a": 1}\n\n', b"data: [DONE]\n\n")
    wires = {
        "accepted_json": ("accepted", json_type, b"".join(whole)),
        "accepted_events": ("accepted", events, b"".join(done)),
        "json_cut_at_a_frame": ("channel", json_type, whole[0]),
        "events_without_done": ("channel", events, done[0]),
        "cut_inside_a_frame": ("channel", json_type, b"".join(whole)[:-1]),
        "reordered": ("channel", events, done[1] + done[0]),
        "frame_duplicated": ("channel", events, done[0] + done[0] + done[1]),
        "frame_dropped": ("channel", events, done[1]),
        "plain_text": ("channel", "text/plain", b"".join(whole)),
        "oversized_frame": ("channel", json_type, (MAX_FRAME + 1).to_bytes(4) + whole[0]),
        "bit_flipped": ("channel", json_type, whole[0][:-1] + b"\0" + whole[1]),
        "empty": ("channel", json_type, b""),
    }
    return {
        f"ehbp_{name}": _opened("ehbp-answer", expect, wire, content_type=kind)
        for name, (expect, kind, wire) in wires.items()
    }


def answer_cases() -> dict[str, Case]:
    """Status and headers of answers before anything is opened."""
    cut = "ab" * 32 + "\n"
    nonce, ours = ("ehbp-response-nonce", "ab" * 32), ("content-type", sealed.RESPONSE_MEDIA_TYPE)
    plain = ("content-type", "application/json")
    given: dict[str, tuple[str, str, int, list[tuple[str, str]]]] = {
        "ehbp_accepted": ("accepted", "ehbp-x25519", 200, [plain, nonce]),
        "ehbp_accepted_error": ("accepted", "ehbp-x25519", 500, [plain, nonce]),
        "ehbp_2xx_without_nonce": ("channel", "ehbp-x25519", 200, [plain]),
        "ehbp_error_body_trusted": ("channel", "ehbp-x25519", 500, [plain]),
        "ehbp_two_nonces": ("channel", "ehbp-x25519", 200, [plain, nonce, nonce]),
        "ehbp_uppercase_nonce": ("channel", "ehbp-x25519", 200, [plain, (nonce[0], "AB" * 32)]),
        "ehbp_short_nonce": ("channel", "ehbp-x25519", 200, [plain, (nonce[0], "ab" * 31)]),
        "ehbp_nonce_with_newline": ("channel", "ehbp-x25519", 200, [plain, (nonce[0], cut)]),
        "sealed_accepted": ("accepted", "x-wing", 200, [ours]),
        "sealed_plain_answer": ("channel", "x-wing", 200, [plain]),
        "sealed_ehbp_answer": ("channel", "x-wing", 200, [plain, nonce]),
        "sealed_error_body_trusted": ("channel", "x-wing", 500, [plain]),
        "sealed_redirect": ("channel", "x-wing", 302, [("location", "https://evil.example/")]),
    }  # fmt: skip
    return {
        f"answer_{name}": {
            "kind": "answer-headers",
            "expect": expect,
            "profile": profile,
            "status": status,
            "headers": [list(pair) for pair in headers],
        }
        for name, (expect, profile, status, headers) in given.items()
    }


def key_cases() -> dict[str, Case]:
    """Public keys and key configurations that nothing may be sealed to."""
    point = hashlib.sha256(b"point").digest()
    config = ehbp.key_config(point)
    keys = {
        "accepted_x25519": ("accepted", 0x20, point),
        "low_order_zero": ("channel", 0x20, bytes(32)),
        "low_order_one": ("channel", 0x20, b"\1" + bytes(31)),
        "short": ("channel", 0x20, point[:-1]),
        "x25519_as_x_wing": ("channel", 0x647A, point),
        "x_wing_as_x25519": ("channel", 0x20, bytes(1216)),
        "unknown_kem": ("channel", 0x10, point),
    }
    configs = {
        "accepted": ("accepted", config),
        "trailing_byte": ("channel", config + b"\0"),
        "short": ("channel", config[:-1]),
        "other_key_id": ("channel", b"\1" + config[1:]),
        "other_kem": ("channel", config[:1] + b"\x64\x7a" + config[3:]),
        "other_aead": ("channel", config[:-1] + b"\1"),
    }
    made: dict[str, Case] = {
        f"key_{name}": {"kind": "key", "expect": expect, "kem": kem, "public": key.hex()}
        for name, (expect, kem, key) in keys.items()
    }
    for name, (expect, data) in configs.items():
        made[f"key_config_{name}"] = {"kind": "key-config", "expect": expect, "data": data.hex()}
    return made


def _material(**changes: Any) -> bytes:
    content = json.loads(
        envelope.crypto_material(_KEYS, not_after=_time(NOW + 3600), gateway_config="cd" * 32)
    )
    content.update(changes)
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def _time(seconds: int) -> Any:
    import datetime as dt

    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _document(
    change: Callable[[dict[str, Any]], object] | None = None,
    *,
    nonce: bytes = _NONCE,
    bound: bytes | None = None,
    crypto: bytes | None = None,
) -> str:
    crypto = _material() if crypto is None else crypto
    devices = envelope.device_evidence((), None)
    data = bound or envelope.report_data(nonce, crypto, devices)
    cpu = envelope.CpuEvidence(kind="simulated", evidence={"report": simulate_report(data)})
    content = json.loads(envelope.build(nonce, crypto, devices, cpu))
    if change is not None:
        change(content)
    return json.dumps(content, separators=(",", ":"))


def _checked(
    expect: str,
    document: str,
    check: str | None = None,
    *,
    require: Any = None,
    now: int = NOW,
    **policy: Any,
) -> Case:
    settings = {"require": _UNSAFE if require is None else require, **policy}
    return {
        "kind": "document",
        "expect": expect,
        "check": check,
        "now": now,
        "nonce": _NONCE.hex(),
        "document": document,
        "policy": settings,
    }


def freshness_cases() -> dict[str, Case]:
    """Documents that answer another challenge, bind another key, or are out of date."""
    other_keys = {**_KEYS, "x-wing": hashlib.shake_256(b"other").digest(1216)}
    swapped = _material(keys={n: _b64(k) for n, k in sorted(other_keys.items())})
    crossed = {"x-wing": _b64(_KEYS["ehbp-x25519"])}
    label = hashlib.sha256(b"https://tinfoil.sh/report-data/v1" + _NONCE).digest() + bytes(32)
    tail = envelope.report_data(_NONCE, _material(), envelope.device_evidence((), None))
    only_ehbp = {"ehbp-x25519": _b64(_KEYS["ehbp-x25519"])}
    no_gpus = _b64(
        envelope.device_evidence((), {"enabled": True, "developer_mode": False, "ready": True})
    )
    bound = "simulated.report_data"
    return {
        "document_accepted": _checked("accepted", _document()),
        "fresh_old_nonce": _checked("expired", _document(nonce=_OTHER), "endpoint.nonce"),
        "fresh_nonce_echoed_but_not_bound": _checked(
            "expired", _document(lambda d: d.update(nonce=_NONCE.hex()), nonce=_OTHER), bound
        ),
        "fresh_no_nonce_bound": _checked("expired", _document(bound=bytes(64)), bound),
        "channel_key_swapped": _checked(
            "expired", _document(lambda d: d.update(crypto_material=_b64(swapped))), bound
        ),
        "channel_bound_under_another_label": _checked("expired", _document(bound=label), bound),
        "channel_report_data_tail": _checked(
            "expired", _document(bound=tail[:-1] + b"\1"), bound
        ),
        "channel_devices_swapped": _checked(
            "expired", _document(lambda d: d.update(device_evidence=no_gpus)), bound
        ),
        "channel_downgrade_to_x25519": _checked(
            "mismatch", _document(crypto=_material(keys=only_ehbp)), "endpoint.profile"
        ),
        "channel_key_under_another_name": _checked(
            "invalid", _document(crypto=_material(keys=crossed)), "endpoint.keys"
        ),
        "channel_no_keys": _checked(
            "invalid", _document(crypto=_material(keys={})), "endpoint.keys"
        ),
        "channel_unknown_kem": _checked(
            "invalid", _document(crypto=_material(keys={"rot13": "AAAA"})), "endpoint.keys"
        ),
        "channel_other_gateway_config": _checked(
            "mismatch", _document(), "endpoint.gateway_config", gateway_configs=["ab" * 32]
        ),
        "fresh_keys_expired": _checked(
            "expired", _document(), "endpoint.key_lifetime", now=NOW + 7200
        ),
        "simulation_refused_by_default": _checked(
            "mismatch", _document(), "policy.no_evidence", require=_SAFE, allow_unsafe=False
        ),
    }  # fmt: skip


def parsing_cases() -> dict[str, Case]:
    """Documents that are not strict."""
    text = _document()
    changes: dict[str, Callable[[dict[str, Any]], object]] = {
        "uppercase_nonce": lambda d: d.update(nonce=d["nonce"].upper()),
        "short_nonce": lambda d: d.update(nonce=d["nonce"][:-2]),
        "unknown_member": lambda d: d.update(more=1),
        "missing_member": lambda d: d.pop("cpu"),
        "unknown_format": lambda d: d.update(format="langchain-privacy-attestation/v0"),
        "format_of_another_service": lambda d: d.update(format="tinfoil"),
        "unknown_kind": lambda d: d["cpu"].update(kind="trust-me"),
        "padded_base64": lambda d: d.update(crypto_material=d["crypto_material"] + "="),
        "number_for_base64": lambda d: d.update(crypto_material=7),
        "list_for_object": lambda d: d.update(cpu=[]),
    }
    made = {n: _checked("invalid", _document(c), "parsing") for n, c in changes.items()}
    made["duplicate_member"] = _checked("invalid", '{"format":"x",' + text[1:], "parsing")
    made["trailing_bytes"] = _checked("invalid", text + "{}", "parsing")
    made["not_a_number"] = _checked("invalid", text[:-1] + ',"more":NaN}', "parsing")
    made["truncated"] = _checked("invalid", text[:-1], "parsing")
    empty = {"all_of": [{"sev_snp": {"measurements": []}}]}
    made["empty_allow_list"] = _checked("misconfigured", text, require=empty)
    made["no_policy"] = _checked("misconfigured", text, require={"all_of": []})
    made["unsafe_not_allowed"] = _checked("misconfigured", text, allow_unsafe=False)
    return {f"parsing_{name}": case for name, case in made.items()}


def cases() -> dict[str, Case]:
    """All cases by the name of their file."""
    groups = (sealed_cases, ehbp_cases, answer_cases, key_cases, freshness_cases, parsing_cases)
    return {name: case for group in groups for name, case in group().items()}


def text(case: Case) -> str:
    """A case as it stands in its file."""
    return json.dumps(case, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    for name, case in cases().items():
        (FOLDER / f"{name}.json").write_text(text(case))
