"""What must not grow: the four bounds of private graphs, each beside a plain one.

    python benchmarks/bounds.py [--threads 2000] [--models 800] [--turns 50]

- a conversation of 50 turns with the complete net on (`EgressGuard`): the least of the last
  five turns against the least of the second to sixth; bound 1.2 (`conversation.py` shows more)
- 1 MB of state, streamed over 38 parts by a session that has seen it; bound 3 times plain
  (`state.py` shows more)
- 2,000 threads of one turn with one private value, without a checkpointer, so that a plain agent
  keeps nothing: bytes that stay for each. A vault in memory keeps the values, that is what it is
  for; with a `ttl` those of threads that nobody goes on with are gone, and a `StoreVault` keeps
  them in its store
- 800 requests, each with a model of its own, as many again, and twice as many: objects of any kind
  that stay for each; bound none

Times are CPU time. Bytes are Python's own allocations (tracemalloc) after a collection, over the
last third of the requests.
"""

import argparse
import gc
import re
import statistics
import sys
import tempfile
import time
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for `benchmarks`, from anywhere

from benchmarks import conversation, state
from langchain_privacy import (
    EgressGuard,
    EgressLedger,
    Masker,
    PrivacyMiddleware,
    create_private_agent,
    private,
)
from langchain_privacy.detection import Detector, DictionaryDetector, Finding
from langchain_privacy.vault import InMemoryVault, StoreVault, Vault, VaultKey

KILO = 1024
TTL = 20
"""Seconds: more than a turn takes on a busy machine."""


class Addresses(Detector):
    """Finds e-mail addresses; what else would be found says nothing about what stays."""

    name = "addresses"
    _ADDRESS = re.compile(r"[\w.]+@[\w.]+\w")

    def detect(self, text: str, *, language: str | None = None) -> list[Finding]:  # noqa: ARG002
        return [
            Finding(start=m.start(), end=m.end(), entity_type="EMAIL", score=1.0, detector="own")
            for m in self._ADDRESS.finditer(text)
        ]


def turns(count: int) -> None:
    for name, make in (
        ("plain", conversation.plain),
        ("private, guarded", conversation.guarded),
    ):
        conversation.turn(name, make(), 0)  # imports and caches
        agent = make()
        seconds = [conversation.turn(name, agent, number) for number in range(1, count + 1)]
        second, last = min(seconds[1:6]), min(seconds[-5:])
        print(
            f"  {name:32} turn 2 {second * 1000:6.1f} ms, turn {count} {last * 1000:6.1f} ms,"
            f" {last / second:5.2f} times"
        )


def parts() -> None:
    masker = Masker([DictionaryDetector({"EMAIL": [state.EMAIL]})])
    for name, held in state.states(masker.session("t").mask(state.EMAIL)).items():
        plain, ours = state.graph(held), private(state.graph(held), masker)
        for run in (plain, ours):
            state.seconds(run)
        # in turns, so that whatever else the machine does falls on both
        pairs = [(state.seconds(plain), state.seconds(ours)) for _ in range(5)]
        ratio = statistics.median(mine / theirs for theirs, mine in pairs)
        least = [min(times) * 1000 for times in zip(*pairs, strict=True)]
        print(
            f"  {name:32} plain {least[0]:6.1f} ms, private {least[1]:6.1f} ms, {ratio:5.2f} times"
        )


@contextmanager
def _vaults() -> Iterator[dict[str, Vault]]:
    with tempfile.TemporaryDirectory() as folder:
        yield {
            "private, vault in memory": InMemoryVault(),
            "private, with a ttl": InMemoryVault(ttl=timedelta(seconds=TTL)),
            "private, vault in SQLite": StoreVault.sqlite(
                Path(folder) / "vault.sqlite", VaultKey.generate()
            ),
        }


def threads(count: int) -> None:
    plain = create_agent(conversation.Model())
    print(f"  {'plain':32} {_stays(_talks(plain), count):7.2f} KB a thread")
    with _vaults() as vaults:
        for name, vault in vaults.items():
            masker = Masker([Addresses()], vault=vault)
            agent = create_private_agent(conversation.Model(), masker=masker)

            def settle(vault: Vault = vault) -> None:
                if "ttl" in name:  # noqa: B023 - called within the loop
                    time.sleep(TTL)
                vault.live_sessions()

            stays = _stays(_talks(agent), count, settle)
            print(f"  {name:32} {stays:7.2f} KB a thread")


def models(count: int) -> None:
    masker = Masker([])

    class OfTheRequest(AgentMiddleware):
        """Asks a model that is made for the request."""

        def wrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
            return handler(request.override(model=conversation.Model()))

    privacy = PrivacyMiddleware(masker, guard=EgressGuard(masker, ledger=EgressLedger("sqlite://")))
    for name, middleware in (
        ("plain", [OfTheRequest()]),
        ("private, guarded", [OfTheRequest(), privacy]),
    ):
        agent: Any = create_agent(conversation.Model(), middleware=middleware)
        agent = agent if name == "plain" else private(agent, masker)

        done, before, stays = 0, 0, []
        for up_to in (count, 2 * count, 4 * count):
            for _ in range(up_to - done):
                # without a thread, whose messages would be remembered
                agent.invoke({"messages": [("user", "hello")]})
            gc.collect()
            now = sys.getallocatedblocks()
            stays.append((now - before) / (up_to - done))
            done, before = up_to, now
        told = ", ".join(f"{objects:.2f}" for objects in stays[1:])
        print(
            f"  {name:32} {told} objects a request up to {2 * count:,}, {4 * count:,}", flush=True
        )


def _talks(agent: Any) -> Callable[[int], None]:
    def talk(number: int) -> None:
        said = f"I am person{number}@example.org. {conversation.WORDS * 5}"
        config = {"configurable": {"thread_id": f"t{number}"}}
        answer = agent.invoke({"messages": [("user", said)]}, config)
        assert answer["messages"][0].content == said

    return talk


def _stays(
    act: Callable[[int], None], count: int, settle: Callable[[], None] = lambda: None
) -> float:
    """Return how many KB stay for each call, of the last third.

    By then what is remembered of the last 512 threads is full.
    """
    tracemalloc.start()
    taken = []
    for numbers in (range(count * 2 // 3), range(count * 2 // 3, count)):
        for number in numbers:
            act(number)
        settle()
        gc.collect()
        taken.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    return (taken[1] - taken[0]) / KILO / len(numbers)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2000)
    parser.add_argument("--models", type=int, default=800)
    parser.add_argument("--turns", type=int, default=50)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # the texts are in no language
    print(f"{arguments.turns} turns with the complete net (bound 1.2):", flush=True)
    turns(arguments.turns)
    print("1 MB of state over 38 parts of a stream (bound 3):", flush=True)
    parts()
    print(f"{arguments.threads:,} threads (bound: what the values take):", flush=True)
    threads(arguments.threads)
    print(f"{arguments.models} models of single requests (bound: flat):", flush=True)
    models(arguments.models)


if __name__ == "__main__":
    main()
