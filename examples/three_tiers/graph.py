"""Three tiers of trust in one graph: this machine, an attested endpoint, an ordinary cloud model.

    record ─► here (local) ─► assess (attested) ─► letter (masked)
              reads the         reads the real       reads placeholders
              whole record      passage, once the
                                endpoint is proven

`ONLY_PLACEHOLDERS=1` keeps real text from the attested model, too; `TAMPER=1` puts another machine
behind its address: the call is refused, and nothing is sent to it.
"""

import os
from contextlib import ExitStack
from functools import cache
from typing import Any, TypedDict

from langchain.chat_models import init_chat_model
from langgraph.graph import START, StateGraph
from stand_in import simulated_endpoint, suggest

from langchain_privacy import (
    AttestationPolicy,
    EgressGuard,
    EgressLedger,
    Masker,
    SecureChatModel,
    local_node,
    private,
)
from langchain_privacy.egress import RealTextToAttested
from langchain_privacy.errors import AttestationError
from langchain_privacy.local import call_local
from langchain_privacy.testing import OpenAIServer

RECORD = """Patient: Jonas Lindqvist, born 3 April 1957, jonas.lindqvist@example.org.
2 March: a walk in the forest. Feels well.
9 March: creatinine 2.1 mg/dl, rising. Takes metformin 500 mg twice a day.
16 March: asks for a letter to the colleague who looks after the kidneys."""

masker = Masker()
real_text = None if os.environ.get("ONLY_PLACEHOLDERS") else RealTextToAttested()
ledger = EgressLedger("sqlite://")
running = ExitStack()


@cache
def attested() -> Any:
    """The model behind an endpoint that must prove itself: yours, or one that is simulated here."""
    if endpoint := os.environ.get("SECURE_ENDPOINT"):
        policy = AttestationPolicy.load(os.environ["SECURE_POLICY"])
    else:
        print("SIMULATED TEE: this run shows the mechanism and proves nothing.")
        place = simulated_endpoint(tamper=bool(os.environ.get("TAMPER")))
        endpoint, policy = running.enter_context(place)
    model = os.environ.get("SECURE_MODEL", "scripted")
    secure = SecureChatModel(endpoint=endpoint, model=model, policy=policy)
    return EgressGuard(masker, policy=real_text, ledger=ledger).wrap(secure)


@cache
def cloud() -> Any:
    """An ordinary model in the cloud, behind a guard."""
    guard = EgressGuard(masker, ledger=ledger)
    if name := os.environ.get("REMOTE_MODEL"):  # for example openai:gpt-4o
        return guard.wrap(init_chat_model(name))
    server = running.enter_context(OpenAIServer(suggest))
    return guard.wrap(server.chat_model())


class Case(TypedDict):
    record: str
    patient: str
    passage: str
    assessment: str
    letter: str


@local_node
def here(state: Case) -> dict:
    """Tier 1, this machine: the whole record is read here, and one passage is picked."""
    patient = state["record"].split("Patient: ")[1].split(",")[0]
    passage = next(line for line in state["record"].splitlines() if "mg" in line)
    return {"patient": patient, "passage": f"{patient}. {passage}"}


@local_node
def assess(state: Case) -> dict:
    """Tier 2, attested: real text leaves, to a machine that has proven what runs there."""
    answer = call_local(attested(), f"What should be checked? {state['passage']}")
    return {"assessment": answer.text}


def letter(state: Case) -> dict:
    """Tier 3, masked: an ordinary cloud model writes to people whom it does not know."""
    asked = f"Write one sentence to a colleague about {state['patient']}: {state['assessment']}"
    return {"letter": cloud().invoke(asked).text}


builder = StateGraph(Case)
builder.add_sequence([here, assess, letter])
builder.add_edge(START, "here")
graph = private(builder.compile(), masker)


def main() -> None:
    with running:
        try:
            result = graph.invoke({"record": RECORD})
        except AttestationError as refusal:
            print(f"REFUSED, and nothing was sent: {refusal}")
        else:
            print(f"the person reads          {result['letter']}")
            assert "Jonas Lindqvist" in result["letter"]
        for one in ledger.crossings():
            print(f"the ledger says           {one.destination}: {one.decision}, {one.rule}")


if __name__ == "__main__":
    main()
