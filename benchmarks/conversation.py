"""A conversation that grows: one agent, its peers, and what each turn costs up to turn 200.

    python benchmarks/conversation.py [--turns 200]

The same agent, scripted model, checkpointer and texts (400 characters from the person, 600 from the
model, a new address in each turn), all in one process; each turn is taken by every agent before the
next, and who goes first changes. CPU time. The slope is the last turns by the second to sixth.

- plain: no privacy at all
- ours: `create_private_agent` with the default detectors
- ours, guarded: the same with an `EgressGuard`, which reads what was not masked with all detectors
- piighost: its own middleware, with the same detectors
- PIIMiddleware: LangChain's own, e-mail and cards, redacting for good
- Presidio: a middleware that has its analyzer and anonymizer over the whole history before a call,
  as a wrapper around a model does. It forgets, so a turn costs what the history costs: it is on in
  the turns that the table shows and off in the others.
"""

import argparse
import asyncio
import functools
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
from benchmarks.measured import turns as measuring
from benchmarks.measured.peers import versions
from benchmarks.measured.record import run
from benchmarks.measured.tables import Plot, Table
from langchain_privacy import EgressGuard, EgressLedger, Masker, create_private_agent
from langchain_privacy.detection import default_detectors

WORDS = "the contract was sent on monday and the parcel has not arrived at our office yet "


class Model(BaseChatModel):
    @property
    def _llm_type(self) -> str:
        return "benchmark"

    def _generate(self, messages: list[Any], *_: Any, **__: Any) -> ChatResult:
        text = (f"answer {len(messages)}: " + WORDS * 10)[:600]
        return ChatResult(generations=[ChatGeneration(message=AIMessage(text))])


class PresidioMiddleware(AgentMiddleware):
    """Masks everything before every call, with nothing remembered from the call before."""

    def __init__(self) -> None:
        super().__init__()
        self.on = False

    @functools.cached_property
    def presidio(self) -> Any:
        """Loaded when it is asked first: `bounds.py` runs where it is not installed."""
        return peers.Presidio()

    def wrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        if not self.on:
            return handler(request)
        masked = [
            m.model_copy(
                update={"content": self.presidio.anonymize(str(m.text), encrypt=False).text}
            )
            for m in request.messages
        ]
        return handler(request.override(messages=masked))


PRESIDIO = PresidioMiddleware()


def plain() -> Any:
    return create_agent(Model(), checkpointer=InMemorySaver())


def ours() -> Any:
    masker = Masker(default_detectors())
    return create_private_agent(Model(), masker=masker, checkpointer=InMemorySaver())


def guarded() -> Any:
    masker = Masker(default_detectors())
    guard = EgressGuard(masker, ledger=EgressLedger("sqlite://"))
    return create_private_agent(Model(), masker=masker, guard=guard, checkpointer=InMemorySaver())


def pii_middleware() -> Any:
    kinds: tuple[Any, Any] = ("email", "credit_card")
    middleware = [PIIMiddleware(kind, apply_to_output=True) for kind in kinds]
    return create_agent(Model(), middleware=middleware, checkpointer=InMemorySaver())


def piighost() -> Any:
    from piighost.integrations.langchain import PIIAnonymizationMiddleware

    middleware: Any = PIIAnonymizationMiddleware(peers.piighost_pipeline(default_detectors()))
    return create_agent(Model(), middleware=[middleware], checkpointer=InMemorySaver())


def presidio() -> Any:
    return create_agent(Model(), middleware=[PRESIDIO], checkpointer=InMemorySaver())


AGENTS: dict[str, Callable[[], Any]] = {
    "plain": plain,
    "ours": ours,
    "ours, guarded": guarded,
    "piighost": piighost,
    "PIIMiddleware": pii_middleware,
    "Presidio": presidio,
}


def turn(name: str, agent: Any, number: int) -> float:
    """Run a turn; returns its CPU seconds."""
    config = {"configurable": {"thread_id": "t"}}
    text = (f"I am person{number}@example.org. " + WORDS * 10)[:400]
    start = time.process_time()
    if name == "piighost":  # its middleware is asynchronous only
        asyncio.run(agent.ainvoke({"messages": [("user", text)]}, config))
    else:
        agent.invoke({"messages": [("user", text)]}, config)
    return time.process_time() - start


def shown(last: int) -> list[int]:
    """Return the turns in the table: each is the median of it and two turns on either side."""
    return [n for n in (4, 25, 50, 100, 150) if n < last - 4] + [last - 2]


def conversations(last: int) -> dict[str, list[float]]:
    """Run every agent, turn by turn; returns the seconds of each turn."""
    made = {name: make() for name, make in AGENTS.items()}
    PRESIDIO.on = True
    for name, make in AGENTS.items():
        turn(name, make(), 0)  # imports, models and caches
    seconds: dict[str, list[float]] = {name: [] for name in made}
    names = list(made)
    samples = set(shown(last))
    for number in range(1, last + 1):
        PRESIDIO.on = number in samples
        first = number % len(names)
        for name in names[first:] + names[:first]:
            seconds[name].append(turn(name, made[name], number))
    return seconds


def at(name: str, seconds: list[float], number: int) -> float:
    """Return what a turn costs; one turn alone is noise, where more can be had."""
    if name == "Presidio":
        return seconds[number - 1]
    return statistics.median(seconds[number - 3 : number + 2])


def growth(last: int) -> Table:
    seconds = conversations(last)
    numbers = shown(last)
    cost = {name: [at(name, of, n) for n in numbers] for name, of in seconds.items()}

    def short(name: str) -> Callable[[], None]:
        def work() -> None:
            PRESIDIO.on = True
            agent = AGENTS[name]()
            for number in range(20):
                turn(name, agent, number)

        return work

    held = {name: measuring.memory(short(name)) for name in AGENTS}
    whole = {name: sum(of) for name, of in seconds.items() if name != "Presidio"}
    rows = [
        [
            name,
            *map(measuring.ms, costs),
            f"{costs[-1] / costs[0]:.2f}",
            f"{whole[name]:.1f} s" if name in whole else "–",
            measuring.mb(held[name]),
        ]
        for name, costs in cost.items()
    ]
    mine = cost["ours"][-1]
    return Table(
        name="conversation",
        title="A conversation that grows",
        columns=["", *(f"turn {n}" for n in numbers), "slope", "all turns", "memory, 20 turns"],
        rows=rows,
        ratio=f"At turn {numbers[-1]}: Presidio / ours {cost['Presidio'][-1] / mine:.1f}, "
        f"piighost / ours {cost['piighost'][-1] / mine:.1f}, PIIMiddleware / ours "
        f"{cost['PIIMiddleware'][-1] / mine:.2f}, ours / no privacy "
        f"{mine / cost['plain'][-1]:.1f}.",
        how="One agent with a checkpointer; 400 characters from the person and 600 from the model "
        "a turn, an e-mail address in each. Medians of five turns; Presidio's is one. "
        "PIIMiddleware looks at the newest message alone and gives nothing back; Presidio "
        "anonymizes the whole history before each call.",
        not_measured="tools and streams; a real model, which takes longer than all of these; the "
        "disk of a checkpointer.",
        versions=versions("langchain", "langgraph", "piighost", "presidio-anonymizer"),
        plot=Plot(
            "lines", "CPU time of a turn, as the conversation grows", "turn",
            "milliseconds of CPU time",
            {
                name: [(float(n), s * 1e3) for n, s in zip(numbers, costs, strict=True)]
                for name, costs in cost.items()
            },
            log=True,
        ),
    )  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=200)
    run(lambda arguments: [growth(arguments.turns)], parser)
