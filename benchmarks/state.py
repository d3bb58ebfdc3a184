"""What a large state costs that comes again with every part of a stream.

    python benchmarks/state.py

A graph of 38 steps with 1 MB in its state, streamed with `stream_mode="values"`, plain and private:
text in which every sentence holds a placeholder, prose without any, and structures with the number
of their elements. CPU time, and how many times plain; the first stream of a session restores the
state once, later ones remember it and compare what could have been changed in place.
"""

import dataclasses
import statistics
import sys
import time
from pathlib import Path
from typing import Any, TypedDict

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langgraph.graph import START, StateGraph
from pydantic import BaseModel

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from langchain_privacy import Masker, private
from langchain_privacy.detection import DictionaryDetector

PARTS = 38
EMAIL = "jane.doe@example.org"


class State(TypedDict):
    step: int
    held: Any


class Letter(BaseModel):
    number: int
    text: str
    lines: list[str]


@dataclasses.dataclass
class Entry:
    number: int
    text: str
    lines: list[str]


def graph(held: Any) -> Any:
    builder = StateGraph(State)
    builder.add_node("n0", lambda _: {"held": held, "step": 0})
    builder.add_edge(START, "n0")
    for at in range(1, PARTS):
        builder.add_node(f"n{at}", lambda state: {"step": state["step"] + 1})
        builder.add_edge(f"n{at - 1}", f"n{at}")
    return builder.compile()


def seconds(run: Any) -> float:
    config = {"recursion_limit": 100, "configurable": {"thread_id": "t"}}
    start = time.process_time()
    for _ in run.stream({"step": 0, "held": ""}, config, stream_mode="values"):
        pass
    return time.process_time() - start


def states(placeholder: str) -> dict[str, Any]:
    """Return the kinds of 1 MB that are streamed."""
    line = f"The contract of {placeholder} was sent on monday and has not arrived at our office. "
    page = line * 6

    def message(at: int) -> BaseMessage:
        return HumanMessage(page * 2, id=str(at)) if at % 2 else AIMessage(page * 2, id=str(at))

    def contract(at: int) -> dict[str, Any]:
        parties = [{"name": line, "role": "tenant"}, {"name": line, "role": "landlord"}]
        return {"number": at, "text": page, "parties": parties, "tags": ["lease", str(at)]}

    return {
        "placeholders": (line * 20_000)[:1_000_000],
        "prose": ("The contract was sent on monday. " * 40_000)[:1_000_000],
        "10,000 rows": [{"text": line, "number": str(at)} for at in range(10_000)],
        "1,000 messages": [message(at) for at in range(1000)],
        "1,000 nested": {"contracts": [contract(at) for at in range(1000)]},
        "1,000 pydantic": [Letter(number=at, text=page, lines=[line] * 6) for at in range(1000)],
        "1,000 dataclass": [Entry(number=at, text=page, lines=[line] * 6) for at in range(1000)],
    }


def main() -> None:
    masker = Masker([DictionaryDetector({"EMAIL": [EMAIL]})])
    print(f"{'1 MB of':16}{'plain':>10}{'first':>10}{'later':>10}")
    for name, held in states(masker.session("t").mask(EMAIL)).items():
        plain = graph(held)
        ours = private(plain, masker)
        seconds(plain)
        first = seconds(ours)
        # in turns, so that whatever else the machine does falls on both
        pairs = [(seconds(plain), seconds(ours)) for _ in range(9)]
        base, later = (min(times) for times in zip(*pairs, strict=True))
        ratio = statistics.median(mine / theirs for theirs, mine in pairs)
        print(
            f"{name:16}"
            + "".join(f"{figure * 1000:8.1f}ms" for figure in (base, first, later))
            + f"{first / base:9.1f}x{ratio:9.2f}x",
            flush=True,
        )


if __name__ == "__main__":
    main()
