"""AgentLeak's 256 scenarios behind us and behind the peers: what is still disclosed.

    python benchmarks/leaks.py [--every 4] [--only "ours, strict"]

How a scenario is scored: `tests/support/agent_leaks.py`. Each peer masks the text of an event as
AgentLeak itself reads it; Presidio writes `<PERSON>`, and PIIMiddleware's `[REDACTED_EMAIL]` is
shown to AgentLeak in angle brackets like ours.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for `benchmarks`, from anywhere

from agentleak.core.trace import content_to_text

from benchmarks import masking_peers as peers
from benchmarks.masking import pii_middleware
from benchmarks.measured.peers import versions
from benchmarks.measured.record import run
from benchmarks.measured.tables import Plot, Table
from benchmarks.measured.turns import cpu, result_of
from langchain_privacy import Masker
from langchain_privacy.detection import default_detectors
from tests.support.agent_leaks import PACKS, Mask, Risk, mean, ours, risks


def presidio() -> Callable[[], Mask]:
    engine = peers.Presidio()

    def mask(content: Any) -> str:
        return str(engine.anonymize(content_to_text(content), encrypt=False).text)

    return lambda: mask


CONTESTANTS: dict[str, Callable[[], Callable[[], Mask] | None]] = {
    "nothing": lambda: None,
    "PIIMiddleware": lambda: lambda: lambda content: pii_middleware(content_to_text(content)),
    "Presidio": presidio,
    "ours, rules": lambda: ours(Masker(default_detectors(presidio=False))),
    "ours, default": lambda: ours(Masker()),
    "ours, strict": lambda: ours(Masker(strict=True)),
}


def disclosed(names: list[str], every: int) -> Table:
    found: dict[str, list[Risk]] = {}
    seconds = {}
    for name in names:
        kept: list[list[Risk]] = []
        mask = CONTESTANTS[name]()
        seconds[name] = cpu(result_of(lambda mask=mask: list(risks(mask, every)), kept))
        found[name] = kept[0]
    rows = [
        [
            name,
            f"{mean(of):.3f}",
            *(f"{mean([r for r in of if r.pack == pack]):.3f}" for pack in PACKS),
            f"{sum(r.index > 0 for r in of)}",
            f"{sum(r.with_facts for r in of) / len(of):.3f}",
            f"{seconds[name]:.0f} s",
        ]
        for name, of in found.items()
    ]
    default = found.get("ours, default", [])
    left = Counter(kind for risk in default for kind in risk.kinds).most_common(6)
    rates = {name: mean(of) for name, of in found.items()}
    said = ", ".join(f"{name} {rate:.3f}" for name, rate in rates.items())
    return Table(
        name="leaks",
        title="AgentLeak's scenarios",
        columns=[
            *("", "mean risk", "AgentLeak Bench", "PrivacyLens", "AgentDojo"),
            *("scenarios with any", "with stated facts", "CPU of masking and scoring"),
        ],
        rows=rows,
        ratio=f"Mean risk: {said} (bounds: ours .05, strict .02).",
        how=f"{len(found[names[0]])} of the 256 traces that the package `agentleak` carries, each "
        "masked event by event in one session, scored by its detectors. Risk is the weighted share "
        "of the observed secrets that stand in tool calls, memory, files, logs, messages and "
        "answers. Its detectors know a redaction by angle brackets only, so `[EMAIL_7K2Q]` is "
        "shown to them as `<EMAIL_7K2Q>`. The last column but one adds the facts that its "
        "scenarios state word by word; they need not be personal data (“The user likes pizza”), so "
        "masking is no answer to all of them."
        + (f" Left by the default: {', '.join(f'{k} {n}' for k, n in left)}." if left else ""),
        not_measured="an agent that really runs: tools that are given real values take them where "
        "the agent sends them ([tools](tools.md) says how that is limited); LLM judges.",
        versions=versions("agentleak", "presidio-analyzer", "langchain"),
        plot=Plot(
            "bars", "AgentLeak: mean risk of its scenarios", "", "mean risk, 0 is best",
            {name: [(0.0, rate)] for name, rate in rates.items()},
        ),
    )  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=CONTESTANTS, default=list(CONTESTANTS))
    parser.add_argument("--every", type=int, default=1, help="one of every N scenarios")
    run(lambda arguments: [disclosed(arguments.only, arguments.every)], parser)
