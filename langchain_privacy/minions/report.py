"""What a run cost and what crossed, in counts: nothing private can be in it.

The `answer` node writes it; it is `out["report"]` of a graph.

The baseline is what sending the documents whole, once, with the question would have cost the same
remote model. `saved` is baseline minus actual and is negative when the run cost more: for a page or
less it often is.
"""

import functools
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from langchain_privacy.egress import PriceTable
from langchain_privacy.minions.state import Call, Span, estimate_tokens, place
from langchain_privacy.vault import PLACEHOLDER, VaultSession


def baseline_tokens(refs: Iterable[str], vault: VaultSession, task: str) -> int:
    """Estimate the input tokens of sending the documents whole with the question."""
    return sum(map(functools.partial(_tokens, vault), refs)) + estimate_tokens(task)


def _tokens(vault: VaultSession, ref: str) -> int:
    """Return the tokens of a document: counted when it was kept, else now."""
    counted = vault.documents.metadata(ref).get("tokens")
    return counted if isinstance(counted, int) else estimate_tokens(vault.documents.get(ref))


def write_report(
    *,
    outcome: str,
    decided_by: str,
    judge: str,
    calls: Sequence[Call],
    sent: Sequence[Span],
    notes: Sequence[str],
    baseline: int,
    answer: str,
    masked_texts: Iterable[str],
    seconds: float,
    prices: PriceTable,
) -> dict[str, Any]:
    """Put a run's report together.

    Args:
        outcome: `answered`, `partial` or `not_found`.
        decided_by: `remote` or `local`.
        judge: How the local side judged: `yes_no`, `lines` or `bm25`.
        calls: Every answered call.
        sent: Passages that crossed.
        notes: Codes of what went wrong on the way.
        baseline: Tokens of the documents and the question.
        answer: The masked answer, which the baseline would have had to write as well.
        masked_texts: The texts that crossed.
        seconds: Wall clock.
        prices: What remote tokens cost; a model that it does not know has no cost in the report.
    """
    remote = [call for call in calls if call["side"] == "remote"]
    local = [call for call in calls if call["side"] == "local"]
    spent = sum(call["input"] + call["output"] for call in remote)
    whole = baseline + estimate_tokens(answer)
    hidden: Counter[str] = Counter()
    for placeholder in {m[0]: m[1] for t in masked_texts for m in PLACEHOLDER.finditer(t)}.items():
        hidden[placeholder[1]] += 1
    report: dict[str, Any] = {
        "outcome": outcome,
        "decided_by": decided_by,
        "local": {
            "judge": judge,
            "calls": len(local),
            "tokens": sum(call["input"] + call["output"] for call in local),
            "seconds": round(sum(call["seconds"] for call in local), 2),
        },
        "remote": {
            "calls": len(remote),
            "input": sum(call["input"] for call in remote),
            "cached": sum(call["cached"] for call in remote),
            "output": sum(call["output"] for call in remote),
            "reasoning": sum(call["reasoning"] for call in remote),
            "tokens": spent,
        },
        "baseline_tokens": whole,
        "saved_tokens": whole - spent,
        "crossed": {
            "messages": len(remote),
            "passages": len({place(span) for span in sent}),
            "characters": sum(s["end"] - s["start"] for s in sent),
            "placeholders": dict(sorted(hidden.items())),
        },
        "calls": list(calls),
        "errors": list(dict.fromkeys(notes)),
        "seconds": round(seconds, 2),
    }
    model = remote[0]["model"] if remote else ""
    actual = prices.cost(model, report["remote"]["input"], report["remote"]["output"])
    alternative = prices.cost(model, baseline, estimate_tokens(answer))
    if actual is not None and alternative is not None:
        report["cost"] = {
            "remote": round(actual, 6),
            "baseline": round(alternative, 6),
            "currency": "USD",
        }
    return report
