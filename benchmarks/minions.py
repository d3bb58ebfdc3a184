"""The main job on the shared cases: embedded local model, scripted strong remote, real HTTP.

    python benchmarks/minions.py [--cases N] [--evidence masked none] [--no-model] [--large]

Printed beside the figures of HazyResearch/minions at commit 41caffb2, measured once on 20 documents
of the same kind (these are 12 of them) with a scripted supervisor as well; it is not run here.
"""

import argparse
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for `tests.support`, from anywhere

from benchmarks.measured.record import run
from benchmarks.measured.tables import Table
from benchmarks.measured.turns import mb, memory, result_of
from langchain_privacy.local import EmbeddedServer
from tests.support.minion_cases import Outcome, ask, count_tokens, questions

PEER = [
    ("Minion, privacy off, factual question", "20/20", 1.26, "2/159"),
    ("Minion, privacy off, question names the person", "20/20", 1.29, "22/159"),
    ("Minion, privacy off, summary", "-", 1.69, "94/159"),
    ("Minion, privacy on, summary", "-", 1.69, "48/159"),
    ("MinionS, factual question", "5/20", 4.00, "1/159"),
    ("MinionS, jobs sent one by one, summary", "-", 6.14, "119/159"),
]


def measure(
    evidence: str, cases: int | None, model: object, server: EmbeddedServer
) -> tuple[list[list[str]], dict[str, float]]:
    asked = questions(cases=cases)
    tokens = {q.document: count_tokens(server, q.document) for q in asked}
    outcomes: list[Outcome] = []
    spent: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    began = time.process_time()
    for question in asked:
        outcome = ask(question, model, evidence=evidence)  # type: ignore[arg-type]
        outcomes.append(outcome)
        output = outcome.report.get("remote", {}).get("output", 0)
        spent[question.kind] += output + sum(count_tokens(server, text) for text in outcome.said)
        whole[question.kind] += tokens[question.document]
    seconds = (time.process_time() - began) / len(asked)
    rows = []
    for kind in dict.fromkeys(q.kind for q in asked):
        of = [o for o in outcomes if o.question.kind == kind]
        planted = sum(len(o.question.planted) for o in of)
        rows.append(
            [
                f"ours, evidence {evidence}, {kind}",
                f"{sum(o.honest for o in of)}/{len(of)}",
                f"{sum(o.wrong for o in of)}",
                f"{sum(o.crashed for o in of)}",
                f"{spent[kind] / whole[kind]:.3f}",
                f"{sum(len(o.leaked) for o in of)}/{planted}",
                f"{seconds:.2f} s",
            ]
        )
    factual = [o for o in outcomes if o.question.kind in ("plain", "unanswerable", "paraphrased")]
    honest = sum(o.honest for o in factual) / len(factual)
    ratio = sum(spent.values()) / sum(whole.values())
    leaked = sum(len(o.leaked) for o in outcomes)
    crashed = sum(o.crashed for o in outcomes)
    figures = {"honest": honest, "tokens": ratio, "leaked": leaked, "crashed": crashed}
    return rows, figures


def loops(arguments: argparse.Namespace) -> Table:
    rows = [
        [f"HazyResearch, {name}", right, "–", "–", f"{ratio:.2f}", leaked, "–"]
        for name, right, ratio, leaked in PEER
    ]
    found = {}
    held: dict[str, float | None] = {}
    with EmbeddedServer(large=arguments.large, progress=False) as server:
        model = None if arguments.no_model else server.chat_model()
        for evidence in arguments.evidence:
            kept: list[tuple[list[list[str]], dict[str, float]]] = []

            def work(evidence: str = evidence) -> Any:
                return measure(evidence, arguments.cases, model, server)

            held[evidence] = memory(result_of(work, kept))
            ours, found[evidence] = kept[0]
            rows += ours
    said = "; ".join(
        f"evidence {evidence}: honest {figures['honest']:.0%}, tokens {figures['tokens']:.3f}, "
        f"leaked {figures['leaked']:.0f}, crashed {figures['crashed']:.0f}, memory "
        f"{mb(held[evidence])}"
        for evidence, figures in found.items()
    )
    least = min(ratio for _, _, ratio, _ in PEER)
    times = least / max(figures["tokens"] for figures in found.values())
    return Table(
        name="minions",
        title="Minion loops",
        columns=[
            *("", "honest or correct", "wrong", "crashed", "remote tokens by the document's"),
            *("planted values on the wire", "CPU a question, without the model's server"),
        ],
        rows=rows,
        ratio=f"Remote tokens, theirs at least / ours at most {times:.0f}. Ours: {said}.",
        how="Questions about 12 synthetic documents, English and Korean, "
        + (
            "ranked only"
            if arguments.no_model
            else f"with the packaged model {server.model_name} as the local one"
        )
        + "; the strong remote model is scripted, so that what falls short is ours. **The "
        "figures of HazyResearch/minions were taken once**, at its published commit 41caffb2, on "
        "20 documents of the same kind with a scripted supervisor, and stand as they are: it is on "
        "no package index. `minions` on PyPI (0.0.2, by crios1) is another project, so nothing of "
        "that name is installed or run here. The memory of the first evidence has the detection "
        "models in it, which it loads.",
        not_measured="real strong models; long documents: `benchmarks/minions_long.py`.",
        versions={"HazyResearch/minions": "41caffb2 (its published state, measured once)"},
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int)
    parser.add_argument("--evidence", nargs="+", default=["masked", "none"])
    parser.add_argument("--no-model", action="store_true", help="rank only")
    parser.add_argument("--large", action="store_true", help="the model of embedded-large")
    run(lambda arguments: [loops(arguments)], parser)
