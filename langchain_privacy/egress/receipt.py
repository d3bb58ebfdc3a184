"""What came back: recorded when an answer is complete."""

import json
import logging
from typing import TYPE_CHECKING, Any

from langchain_core.messages import BaseMessage

from langchain_privacy.errors import LedgerError

if TYPE_CHECKING:
    from langchain_privacy.egress.guard import OpenCrossing
    from langchain_privacy.egress.ledger import EgressLedger

_log = logging.getLogger(__name__)


def take(crossing: "OpenCrossing", message: BaseMessage) -> None:
    """Take a message or a chunk of one into the account."""
    crossing.texts.append(message.content)
    for calls in (getattr(message, "tool_call_chunks", None), getattr(message, "tool_calls", None)):
        if calls:
            crossing.texts.append([call.get("args") for call in calls])
            break
    usage = getattr(message, "usage_metadata", None)
    if usage:
        crossing.usage = usage if crossing.usage is None else _added(crossing.usage, usage)


def _added(a: Any, b: Any) -> dict[str, int]:
    # Providers send usage once or in increments; LangChain adds chunks up, so do we.
    return {name: a.get(name, 0) + b.get(name, 0) for name in ("input_tokens", "output_tokens")}


def receipt_of(
    ledger: "EgressLedger", crossing: "OpenCrossing", outcome: str, received: int | None
) -> None:
    """Append the receipt of a crossing.

    A ledger that cannot take it is reported in the log only: the crossing is recorded already, and
    the next one will be refused.
    """
    wire = crossing.requests > 0
    if received is None:
        received = sum(
            len(
                (
                    t if isinstance(t, str) else json.dumps(t, ensure_ascii=False, default=str)
                ).encode("utf-8", "replace")
            )
            for t in crossing.texts
        )
    usage = crossing.usage or {}
    try:
        ledger.append(
            {
                "kind": "receipt",
                "refers": crossing.number,
                "outcome": outcome,
                "bytes_out": crossing.request_bytes if wire else None,
                "payload_digest": crossing.digest,
                "bytes_in": crossing.response_bytes if wire else received,
                "tokens_out": usage.get("input_tokens"),
                "tokens_in": usage.get("output_tokens"),
                "measured": "wire" if wire else "payload",
            }
        )
    except LedgerError as error:
        _log.error("The answer to crossing %d was not recorded: %s", crossing.number, error)
