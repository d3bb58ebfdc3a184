"""Appends to a ledger and says what was acknowledged, until it is killed."""

import os

from langchain_privacy.egress import EgressLedger

CROSSING = {
    "kind": "crossing",
    "session": "s",
    "destination": "example.org",
    "decision": "allowed",
    "bytes_out": 1,
    "measured": "payload",
}


def write(url: str, said: str, mark: str) -> None:
    """Append for ever; one line a record, in one write call, so that it is there whole or not."""
    ledger = EgressLedger(url)
    out = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    i = 0
    while True:
        i += 1
        number, _ = ledger.append(CROSSING | {"purpose": f"{mark}.{i}"})
        os.write(out, f"{number} {mark}.{i}\n".encode())
