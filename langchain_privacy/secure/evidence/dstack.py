"""Which application a dstack machine runs, proven from its TDX quote.

Every application on dstack (Phala, NEAR AI) boots the same image, so MRTD and RTMR0 to 2 tell none
apart. What does is the SHA-256 of the application's compose file. It stands in two places:

- `mr_config_id`: `01 | compose hash | zeros`, which the measured image compares before it starts;
- RTMR3, into which the image measures its events one after another: `RTMR3 = SHA-384(RTMR3 |
  digest)`, `digest = SHA-384(u32le type | ":" | name | ":" | payload)`. The log of these events is
  not signed; it is believed when replaying it gives the quote's register.

```python
report = with_application(prove_tdx(quote, ...), event_log, compose_file)
report.claims["compose_hash"]
```

After Dstack-TEE's `cc-eventlog` and `dstack-util`.
"""

import dataclasses
import hashlib
from typing import Any

from langchain_privacy.errors import EvidenceInvalidError
from langchain_privacy.secure import parsing
from langchain_privacy.secure.report import AttestationReport, Checks

_WHAT = "event log"
_RUNTIME_EVENT = 0x08000001
_RTMR3 = 3
_MAX_EVENTS = 4096
_COMPOSE = "compose-hash"


def with_application(
    tdx: AttestationReport, event_log: Any, compose_file: Any = None
) -> AttestationReport:
    """Add what identifies the application to a proven TDX report.

    Args:
        tdx: The report about the quote.
        event_log: The log, a JSON list or its text; `None` when the service sends none.
        compose_file: The text that the service says it runs; kept as a claim when its hash is the
            proven one, else dropped.

    Returns:
        The report with the claims `platform`, `compose_hash` and `compose_file`; the hash is `None`
        where nothing proves one.

    Raises:
        EvidenceInvalidError: If the log is malformed, replaying it gives another register, or the
            two places name different applications.
    """
    checks = Checks("tdx")
    configured = bytes.fromhex(tdx.claims["mr_config_id"])
    found: set[str] = set()
    if configured[:1] == b"\x01" and not any(configured[33:]):
        found.add(configured[1:33].hex())
    if event_log is None:
        checks.skip("event_log", "the service sent none")
    else:
        register, events = replay(event_log)
        checks.require(
            "event_log",
            register.hex() == tdx.claims["rtmr3"],
            f"replaying the event log gives RTMR3 {register.hex()}, the quote has "
            f"{tdx.claims['rtmr3']}",
        )
        # All of them: what an application measures under this name comes after the image's own.
        found |= {payload for name, payload in events if name == _COMPOSE}
    checks.require(
        "compose_hash",
        len(found) <= 1 and all(len(digest) == 64 for digest in found),
        "mr_config_id and the event log name different applications",
    )
    proven = next(iter(found), None)
    compose = None
    if isinstance(compose_file, str):
        digest = hashlib.sha256(compose_file.encode("utf-8", "surrogatepass")).hexdigest()
        compose = compose_file if digest == proven else None
        if compose is None:
            checks.skip("compose_file", "the compose file that came along is not the measured one")
    claims = {"platform": "dstack", "compose_hash": proven, "compose_file": compose}
    return dataclasses.replace(tdx, claims={**tdx.claims, **claims}, checks=(*tdx.checks, *checks))


def replay(event_log: Any) -> tuple[bytes, list[tuple[str, str]]]:
    """Replay a log's events of RTMR3.

    Args:
        event_log: A JSON list of `imr`, `event_type`, `digest`, `event` and `event_payload`, or its
            text.

    Returns:
        The register's 48 bytes, and the events' names and payloads in hex.

    Raises:
        EvidenceInvalidError: If it has another form, or an event's digest is not that of its name
            and payload.
    """
    log = parsing.strict_json(event_log, _WHAT) if isinstance(event_log, str) else event_log
    if not isinstance(log, list) or len(log) > _MAX_EVENTS:
        msg = f"{_WHAT}: not a list of events"
        raise EvidenceInvalidError(msg, check="parsing")
    register, events = bytes(48), []
    for entry in log:
        if not isinstance(entry, dict):
            msg = f"{_WHAT}: an event is not an object"
            raise EvidenceInvalidError(msg, check="parsing")
        if parsing.integer(entry.get("imr"), _WHAT) != _RTMR3:
            continue
        name = parsing.text(entry.get("event"), _WHAT)
        payload = parsing.from_hex(entry.get("event_payload"), _WHAT)
        digest = event_digest(name, payload)
        # Newer images leave the digest out, since it follows from the rest.
        given = entry.get("digest") or digest.hex()
        if entry.get("event_type") != _RUNTIME_EVENT or given != digest.hex():
            msg = f"{_WHAT}: an event's digest is not that of its name and payload"
            raise EvidenceInvalidError(msg, check="parsing")
        register = hashlib.sha384(register + digest).digest()
        events.append((name, payload.hex()))
    return register, events


def event_digest(name: str, payload: bytes) -> bytes:
    """What an event extends RTMR3 by."""
    head = _RUNTIME_EVENT.to_bytes(4, "little") + b":"
    return hashlib.sha384(head + name.encode("utf-8", "replace") + b":" + payload).digest()


def parts_of(content: dict[str, Any]) -> tuple[Any, Any]:
    """Event log and compose file of a service's answer, wherever it has put them.

    Both stand beside the quote, or in `info.tcb_info`, which older images send as text. What cannot
    be read counts as absent: without it nothing is proven.
    """
    info = _opened(content.get("info"))
    details = _opened(info.get("tcb_info"))
    log = content.get("event_log") or details.get("event_log") or None
    return log, content.get("app_compose") or details.get("app_compose")


def _opened(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        try:
            value = parsing.strict_json(value, _WHAT)
        except EvidenceInvalidError:
            return {}
    return value if isinstance(value, dict) else {}
