"""What an edge costs: a conversation of 50 turns through one agent, against its peers.

    python benchmarks/edge.py [--turns 50]

In one process, the same agent, model, checkpointer and texts (400 characters from the person, 600
from the model, a new address in each turn):

- plain: no privacy at all
- ours: `create_private_agent` with the default detectors
- guarded: the same with an `EgressGuard`, which reads what was not masked with all detectors
- rescan: the same detectors, Presidio among them where it is installed, asked for the whole history
  before every call by a middleware that forgets (what a wrapper around the model does)
- piighost: its own middleware, with the same detectors; skipped where it is not installed
- PIIMiddleware: LangChain's own, e-mail and cards, redacting for good

CPU time, since a busy machine makes wall time jump. The figure that counts is the slope: turn 50
against turn 2, medians over three turns each; ours is bound to 1.2, and rescanning has to cost 20
times as much.
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, PIIMiddleware
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.checkpoint.memory import InMemorySaver

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for `benchmarks`, from anywhere

from benchmarks import masking_peers as peers
from langchain_privacy import EgressGuard, EgressLedger, Masker, create_private_agent
from langchain_privacy.detection import Detector, Finding, default_detectors

WORDS = "the contract was sent on monday and the parcel has not arrived at our office yet "


BOUND = {"ours", "guarded"}
"""Whose last turn may cost 1.2 times the second."""


class Model(BaseChatModel):
    @property
    def _llm_type(self) -> str:
        return "benchmark"

    def _generate(self, messages: list[Any], *_: Any, **__: Any) -> ChatResult:
        text = (f"answer {len(messages)}: " + WORDS * 10)[:600]
        return ChatResult(generations=[ChatGeneration(message=AIMessage(text))])


class Reader(Detector):
    """Finds nothing; counts what a detector has to read."""

    name = "reader"

    def __init__(self) -> None:
        self.characters = 0

    def detect(self, text: str, *, language: str | None = None) -> list[Finding]:  # noqa: ARG002
        self.characters += len(text)
        return []


READ = {"ours": Reader(), "rescan": Reader()}


class Rescan(AgentMiddleware):
    """Masks everything before every call, with nothing remembered from the call before."""

    def wrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        session = Masker([*default_detectors(), READ["rescan"]]).session()
        response = handler(request.override(messages=session.mask(request.messages)))
        response.result = session.restore(response.result)
        return response


def guarded() -> Any:
    masker = Masker(default_detectors())
    ledger = EgressLedger("sqlite://")
    guard = EgressGuard(masker, ledger=ledger)
    return create_private_agent(Model(), masker=masker, guard=guard, checkpointer=InMemorySaver())


def agents() -> dict[str, Any]:
    options = {"checkpointer": InMemorySaver()}
    flags = {"apply_to_output": True}
    found = {
        "plain": create_agent(Model(), **options),
        "ours": create_private_agent(
            Model(),
            masker=Masker([*default_detectors(), READ["ours"]]),
            checkpointer=InMemorySaver(),
        ),
        "guarded": guarded(),
        "rescan": create_agent(Model(), middleware=[Rescan()], checkpointer=InMemorySaver()),
        "PIIMiddleware": create_agent(
            Model(),
            middleware=[PIIMiddleware("email", **flags), PIIMiddleware("credit_card", **flags)],
            checkpointer=InMemorySaver(),
        ),
    }
    if not peers.piighost_missing():
        from piighost.integrations.langchain import PIIAnonymizationMiddleware

        pipeline = peers.piighost_pipeline(default_detectors())
        middleware: Any = PIIAnonymizationMiddleware(pipeline)
        found["piighost"] = create_agent(
            Model(), middleware=[middleware], checkpointer=InMemorySaver()
        )
    return found


def selected(names: list[str] | None) -> dict[str, Any]:
    return {name: agent for name, agent in agents().items() if not names or name in names}


def conversation(name: str, agent: Any, turns: int) -> list[float]:
    """Run the turns; returns the CPU seconds of each."""
    config = {"configurable": {"thread_id": "t"}}
    seconds = []
    for turn in range(turns):
        text = (f"I am person{turn}@example.org. " + WORDS * 10)[:400]
        start = time.process_time()
        if name == "piighost":  # its middleware is asynchronous only
            asyncio.run(agent.ainvoke({"messages": [("user", text)]}, config))
        else:
            agent.invoke({"messages": [("user", text)]}, config)
        seconds.append(time.process_time() - start)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=50)
    parser.add_argument("--only", nargs="*", help="plain, ours, guarded, ... ; all by default")
    arguments = parser.parse_args()
    turns, chosen = arguments.turns, arguments.only
    for name, agent in selected(chosen).items():
        conversation(name, agent, 1)  # imports and caches
    for reader in READ.values():
        reader.characters = 0
    print(f"{'':14}{'turn 2':>10}{'last':>10}{'slope':>8}{'all':>10}{'own cost':>10}")
    plain = 0.0
    whole: dict[str, float] = {}
    for name, agent in selected(chosen).items():
        seconds = conversation(name, agent, turns)
        second, last = statistics.median(seconds[1:4]), statistics.median(seconds[-3:])
        whole[name] = total = sum(seconds)
        plain = plain or total
        own = (total - plain) / turns
        print(
            f"{name:14}{second * 1000:8.1f}ms{last * 1000:8.1f}ms{last / second:8.2f}"
            f"{total:9.2f}s{own * 1000:8.1f}ms{' (slope: bound 1.2)' if name in BOUND else ''}"
        )
    if chosen:
        return
    print(f"whole conversation: rescan / ours = {whole['rescan'] / whole['ours']:.1f} (bound 20)")
    ours, rescan = (READ[name].characters for name in ("ours", "rescan"))
    print(f"characters that detectors read: ours {ours:,}, rescan {rescan:,}: {rescan / ours:.1f}x")


if __name__ == "__main__":
    main()
