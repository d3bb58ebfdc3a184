"""The main job on the shared cases: embedded local model, scripted strong remote, real HTTP.

    python benchmarks/minions.py [--cases N] [--evidence masked none] [--no-model]

Printed beside the figures of HazyResearch/minions at commit 41caffb2, measured once on 20 documents
of the same kind (these are 12 of them) with a scripted supervisor as well; it is not run here.
"""

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for `tests.support`, from anywhere

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


def measure(evidence: str, cases: int | None, model: object, server: EmbeddedServer) -> bool:
    asked = questions(cases=cases)
    tokens = {q.document: count_tokens(server, q.document) for q in asked}
    outcomes: list[Outcome] = []
    spent: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    began = time.monotonic()
    for question in asked:
        outcome = ask(question, model, evidence=evidence)  # type: ignore[arg-type]
        outcomes.append(outcome)
        output = outcome.report.get("remote", {}).get("output", 0)
        spent[question.kind] += output + sum(count_tokens(server, text) for text in outcome.said)
        whole[question.kind] += tokens[question.document]
    seconds = (time.monotonic() - began) / len(asked)
    print(
        f"\nlangchain-privacy, evidence={evidence!r}, {len(asked)} questions, {seconds:.1f} s each"
    )
    for kind in dict.fromkeys(q.kind for q in asked):
        of = [o for o in outcomes if o.question.kind == kind]
        planted = sum(len(o.question.planted) for o in of)
        print(
            f"  {kind:13} honest {sum(o.honest for o in of):3}/{len(of):<3}"
            f" wrong {sum(o.wrong for o in of):2}  crashed {sum(o.crashed for o in of)}"
            f"  remote/document tokens {spent[kind] / whole[kind]:.3f}"
            f"  planted on the wire {sum(len(o.leaked) for o in of)}/{planted}"
        )
        for o in of:
            if o.leaked:
                print(f"      {o.question.id}: {len(o.leaked)} leaked")
    factual = [o for o in outcomes if o.question.kind in ("plain", "unanswerable", "paraphrased")]
    honest = sum(o.honest for o in factual) / len(factual)
    ratio = sum(spent.values()) / sum(whole.values())
    leaked = sum(len(o.leaked) for o in outcomes)
    crashed = sum(o.crashed for o in outcomes)
    print(f"  all: honest {honest:.0%}, tokens {ratio:.3f}, leaked {leaked}, crashed {crashed}")
    return crashed == 0 and leaked == 0 and honest >= 0.75 and ratio <= 0.25


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int)
    parser.add_argument("--evidence", nargs="+", default=["masked", "none"])
    parser.add_argument("--no-model", action="store_true", help="rank only")
    arguments = parser.parse_args()
    print("HazyResearch/minions (measured once, see above)")
    for name, honest, ratio, leaked in PEER:
        print(f"  {name:48} correct {honest:6} tokens {ratio:.2f}  planted on the wire {leaked}")
    with EmbeddedServer() as server:
        model = None if arguments.no_model else server.chat_model()
        met = [measure(e, arguments.cases, model, server) for e in arguments.evidence]
    print("\ntargets (0 crashed, 0 leaked, honest >= 75 %, tokens <= 0.25):", met)
    return 0 if all(met) else 1


if __name__ == "__main__":
    raise SystemExit(main())
