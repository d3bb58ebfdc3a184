"""Secure analysis of transactions: numbers stay here, a model behind attestation explains them.

After the financial example of the article on Minions and confidential computing, with what it left
open put right: the statistics are computed here and never leave as rows; what the model is asked
holds placeholders instead of names and accounts; it runs behind an endpoint that must prove itself
before a byte is sent; and the audit record says what was verified and what was not.

Runs offline. The endpoint is a simulated TEE on this machine, which proves nothing and says so; its
policy is obtained from it, as `langchain-privacy policy from-service` does. `--tamper` puts another
build behind the same address after the policy was made: the call raises, and nothing is sent. For a
real endpoint set SECURE_ENDPOINT and SECURE_POLICY (see docs/secure.md).
"""

import argparse
import json
import logging
import os
import random
import socket
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import uvicorn

from langchain_privacy import AttestationPolicy, Masker, SecureChatModel
from langchain_privacy.errors import AttestationError
from langchain_privacy.secure import (
    SimulatedTee,
    UnsafePolicyWarning,
    create_gateway,
)
from langchain_privacy.secure.obtain import Service, observe, policy_for

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


def analyze(model: SecureChatModel, customer: str, transactions: pd.DataFrame) -> dict[str, Any]:
    """Local statistics, an attested explanation, and a record for the auditor."""
    statistics, anomalies = local_statistics(transactions), local_anomalies(transactions)
    session = Masker().session()
    question = QUESTION.format(
        customer=customer,
        statistics=json.dumps(statistics),
        deviations=[round(float(score), 1) for score in anomalies["score"]],
    )
    masked = session.mask(question)
    answer = model.invoke(masked)
    return {
        "statistics": statistics,
        "anomalies_kept_here": len(anomalies),
        "what_crossed": masked,
        "analysis": session.restore(answer.content),
        "audit": {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "attestation": answer.response_metadata["attestation"],
            "customer_named_to_the_model": customer.split(",")[0] in masked,
        },
    }


async def scripted_model(scope: Any, receive: Any, send: Any) -> None:
    """Stands in for the model in the TEE: repeats the customer it was told, as placeholders."""
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    prompt = json.loads(body)["messages"][-1]["content"]
    told = prompt.split("Customer: ")[1].splitlines()[0]
    text = f"Two large transfers of {told} came within one hour; check the recipient."
    answer = {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "scripted",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": text},
            }
        ],
    }
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})


@contextmanager
def serve(app: Any) -> Iterator[str]:
    """Serve an ASGI application on a free port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)


@contextmanager
def simulated_endpoint(tamper: bool = False) -> Iterator[tuple[str, AttestationPolicy]]:
    """The whole path on one machine, with a TEE that is only simulated.

    Args:
        tamper: Whether another build takes the gateway's place once the policy was obtained.
    """
    with serve(scripted_model) as upstream:
        running = [create_gateway(upstream, SimulatedTee())]

        async def machine(scope: Any, receive: Any, send: Any) -> None:
            await running[0](scope, receive, send)

        with serve(machine) as url:
            service = Service("gateway")
            policy = policy_for(observe(url, service), service, url=url, allow_simulated=True)
            if tamper:
                running[0] = create_gateway(upstream, SimulatedTee(measurement="ba" * 48))
            yield f"{url}/v1", policy


def main() -> None:
    parser = argparse.ArgumentParser(description="Analyse transactions with an attested model.")
    parser.add_argument(
        "--tamper", action="store_true", help="change the machine behind the address"
    )
    arguments = parser.parse_args()
    endpoint = os.environ.get("SECURE_ENDPOINT")
    if endpoint:
        policy = AttestationPolicy.load(os.environ["SECURE_POLICY"])
        place: Any = nullcontext((endpoint, policy))
    else:
        # Said once in our own words below, instead of at each use.
        warnings.simplefilter("ignore", UnsafePolicyWarning)
        logging.getLogger("langchain_privacy").setLevel(logging.ERROR)
        print("SIMULATED TEE: this run shows the mechanism and proves nothing.\n")
        place = simulated_endpoint(arguments.tamper)
    with place as (url, policy):
        model = SecureChatModel(
            endpoint=url, model=os.environ.get("SECURE_MODEL", "m"), policy=policy
        )
        customer = "Maria Schmidt, maria.schmidt@example.com, IBAN DE89 3704 0044 0532 0130 00"
        try:
            result = analyze(model, customer, sample_transactions())
        except AttestationError as refusal:
            print(f"REFUSED, and nothing was sent: {refusal}")
            return
    for title, value in result.items():
        print(f"== {title}")
        print(value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False))
        print()


if __name__ == "__main__":
    main()
