"""Secure analysis of transactions: numbers stay here, a model behind attestation explains them.

    transactions ─► compute (local) ─► explain (attested) ─► audit

After the financial example of the article on Minions and confidential computing, with what it left
open put right: the statistics are computed here and never leave as rows; what the model is asked
holds placeholders instead of names and accounts; it runs behind an endpoint that must prove itself
before a byte is sent; and the audit record says what was verified and what was not.

Without `SECURE_ENDPOINT` and `SECURE_POLICY` the endpoint is a simulated TEE on this machine, which
proves nothing and says so; its policy is obtained from it, as `langchain-privacy policy
from-service` does. `TAMPER=1` puts another build behind the same address after the policy was made:
the call raises, and nothing is sent.
"""

import json
import os
import random
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, TypedDict

import pandas as pd
from langgraph.graph import START, StateGraph
from stand_in import simulated_endpoint

from langchain_privacy import AttestationPolicy, Masker, SecureChatModel, local_node, private
from langchain_privacy.errors import AttestationError

CUSTOMER = "Maria Schmidt, maria.schmidt@example.com, IBAN DE89 3704 0044 0532 0130 00"
QUESTION = """A bank asks about one customer's transactions of the last 30 days.
Customer: {customer}
Statistics (computed at the bank): {statistics}
Largest deviations, in standard deviations of their category: {deviations}
In three sentences: what stands out, what could explain it, what should be checked?"""


def sample_transactions(seed: int = 42) -> pd.DataFrame:
    """720 hourly transactions with three planted anomalies."""
    rng = random.Random(seed)
    start = datetime(2025, 1, 1, tzinfo=UTC)
    categories = {"online shop": 60.0, "transfer": 900.0, "card payment": 35.0}
    rows = []
    for hour in range(720):
        category = rng.choice(list(categories))
        usual = categories[category]
        rows.append((start + timedelta(hours=hour), rng.gauss(usual, usual / 5), category))
    for hour, amount in ((100, 4_800.0), (101, 4_750.0), (555, 390.0)):
        rows[hour] = (rows[hour][0], amount, "transfer" if amount > 1000 else "card payment")
    return pd.DataFrame(rows, columns=["time", "amount", "category"])


def local_statistics(transactions: pd.DataFrame) -> dict[str, Any]:
    """What is computed here; no single row is among it."""
    by_category = transactions.groupby("category")["amount"]
    return {
        "transactions": len(transactions),
        "total": round(float(transactions["amount"].sum()), 2),
        "mean_by_category": {k: round(float(v), 2) for k, v in by_category.mean().items()},
        "night_share": round(float((transactions["time"].dt.hour < 6).mean()), 3),
    }


def local_anomalies(transactions: pd.DataFrame, threshold: float = 4.0) -> pd.DataFrame:
    """Rows far from the median of their category, by the robust z-score; they stay here."""
    groups = transactions.groupby("category")["amount"]
    deviation = transactions["amount"] - groups.transform("median")
    spread = deviation.abs().groupby(transactions["category"]).transform("median") * 1.4826
    scored = transactions.assign(score=deviation / spread)
    return scored[scored["score"].abs() > threshold]


masker = Masker()
running = ExitStack()


@cache
def attested() -> SecureChatModel:
    """The model behind an endpoint that must prove itself: yours, or one that is simulated here."""
    if endpoint := os.environ.get("SECURE_ENDPOINT"):
        policy = AttestationPolicy.load(os.environ["SECURE_POLICY"])
    else:
        print("SIMULATED TEE: this run shows the mechanism and proves nothing.\n")
        place = simulated_endpoint(tamper=bool(os.environ.get("TAMPER")))
        endpoint, policy = running.enter_context(place)
    model = os.environ.get("SECURE_MODEL", "scripted")
    return SecureChatModel(endpoint=endpoint, model=model, policy=policy)


class Case(TypedDict):
    customer: str
    question: str
    analysis: str
    audit: dict


@local_node
def compute(state: Case) -> dict:
    """Statistics of the bank's own rows, which are read here and stay here."""
    transactions = sample_transactions()
    anomalies = local_anomalies(transactions)
    question = QUESTION.format(
        customer=state["customer"],
        statistics=json.dumps(local_statistics(transactions)),
        deviations=[round(float(score), 1) for score in anomalies["score"]],
    )
    return {"question": question, "audit": {"anomalies_kept_here": len(anomalies)}}


def explain(state: Case) -> dict:
    """This node sees what the state holds: placeholders instead of the customer."""
    print("== what the model is asked", state["question"], sep="\n")
    answer = attested().invoke(state["question"])
    audit = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "attestation": answer.response_metadata["attestation"],
        "customer_named_to_the_model": "Schmidt" in state["question"],
    }
    return {"analysis": answer.text, "audit": state["audit"] | audit}


builder = StateGraph(Case)
builder.add_sequence([compute, explain])
builder.add_edge(START, "compute")
graph = private(builder.compile(), masker)


def main() -> None:
    with running:
        try:
            result = graph.invoke({"customer": CUSTOMER})
        except AttestationError as refusal:
            print(f"REFUSED, and nothing was sent: {refusal}")
            return
    print("\n== what the person reads", result["analysis"], sep="\n")
    print("\n== audit", json.dumps(result["audit"], indent=2, ensure_ascii=False), sep="\n")


if __name__ == "__main__":
    main()
