"""Minion loops on long documents: what crosses, what is answered, at which price.

    python benchmarks/minions_long.py [--pages 150] [--no-local] [--no-remote] [--wrong] [--rules]
        [--strict] [--documents en-report ko] [--embeddings MODEL.onnx TOKENIZER.json]

Documents and questions are made (`tests/support/long_documents.py`); both models are scripted, over
real HTTP (`tests/support/long_models.py`), so that what falls short is ours.
"""

import argparse
import resource
import sys
import time
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for `tests.support`, from anywhere

from langchain_privacy import Masker
from langchain_privacy.detection import default_detectors
from langchain_privacy.local import OnnxEmbeddings
from langchain_privacy.minions.meaning import Meaning
from langchain_privacy.minions.search import WindowIndex
from tests.support.long_documents import LongDocument, corpus, flat
from tests.support.long_models import LongOutcome, LongRun


def table(outcomes: list[LongOutcome], title: str) -> None:
    print(f"\n{title}")
    print("  kind         n  gold  wholly  right  wrong/unmarked  absent said  tokens/doc  refused")
    by_kind: dict[str, list[LongOutcome]] = defaultdict(list)
    for outcome in outcomes:
        by_kind[outcome.question.kind].append(outcome)
    for kind, of in [*by_kind.items(), ("all", outcomes)]:
        asked = [o for o in of if o.question.gold]
        absent = [o for o in of if not o.question.gold]
        unmarked = sum(o.wrong and not o.marked for o in of)
        gold = sum(o.parts for o in asked) / max(1, len(asked))
        said = f"{sum(o.abstained for o in absent)}/{len(absent)}" if absent else "-"
        ratio = sum(o.tokens for o in of) / max(1, sum(o.baseline for o in of))
        whole = f"{sum(o.crossed for o in asked):3}/{len(asked):<3}"
        right = f"{sum(o.right for o in asked):3}/{len(asked):<3}"
        wrong = f"{sum(o.wrong for o in of):3}/{unmarked:<3}"
        print(
            f"  {kind:11} {len(of):3}  {gold:.2f}  {whole}  {right}  {wrong}         {said:8}"
            f"  {ratio:.4f}      {sum(o.refused for o in of)}"
        )


def first(document: LongDocument, meaning: Meaning | None) -> None:
    """Print how much of the gold stands in the first windows, by a plan's terms and without."""
    vault = Masker([]).session("ranking").vault
    ref = vault.documents.put(document.text, {})
    index = WindowIndex(ref, document.text)
    texts = index.texts() if meaning else []
    asked = [question for question in document.questions if question.gold]
    for planned in (True, False):
        for k in (3, 12):
            parts, whole = 0.0, 0
            for question in asked:
                shown = ""
                for terms in question.terms if planned else [[]]:
                    near: list[float] = []
                    if meaning is not None:
                        query = " ".join([question.text, *terms])
                        near = meaning.near(ref, texts, query, vault)
                    hits = index.search(question.text, terms, k, near=near)
                    shown += flat(" ".join(f"{hit.above} {hit.text}" for hit in hits))
                held = sum(flat(piece) in shown for piece in question.gold)
                parts += held / len(question.gold)
                whole += held == len(question.gold)
            print(
                f"  {document.name:22} {'terms' if planned else 'question alone':14} first {k:2}:"
                f" parts {parts / len(asked):.3f}, wholly {whole}/{len(asked)}",
                flush=True,
            )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=150)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--documents", nargs="+", default=[""])
    parser.add_argument("--no-local", action="store_true")
    parser.add_argument("--no-remote", action="store_true")
    parser.add_argument("--rules", action="store_true", help="rules only: the base install")
    parser.add_argument("--strict", action="store_true")
    parser.add_argument("--wrong", action="store_true", help="have the remote model answer wrongly")
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--embeddings", nargs=2, help="an ONNX model and its tokenizer.json")
    parser.add_argument("--retrieval", action="store_true", help="only rank: gold in the first k")
    arguments = parser.parse_args()
    everything: list[LongOutcome] = []
    settings = {}
    if arguments.embeddings:
        settings["embeddings"] = OnnxEmbeddings(*arguments.embeddings)
    for document in corpus(arguments.pages, arguments.seed):
        if not any(document.name.startswith(name) for name in arguments.documents):
            continue
        if arguments.retrieval:
            embeddings = settings.get("embeddings")
            first(document, embeddings and Meaning(embeddings, timeout=600))
            continue
        detectors = default_detectors(presidio=False) if arguments.rules else None
        masker = Masker(detectors, strict=arguments.strict)
        local = None if arguments.no_local else "reader"
        outcomes: list[LongOutcome] = []
        began = time.process_time()
        remote = not arguments.no_remote
        with LongRun(document, local=local, remote=remote, masker=masker, **settings) as run:
            for question in document.questions:
                if arguments.wrong and not question.wrong:
                    continue
                outcomes.append(run.ask(question, wrong=arguments.wrong))
        everything += outcomes
        later = sorted(o.seconds for o in outcomes[1:])
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        table(outcomes, f"{document.name}, {len(document.text):,} characters")
        leaked = sum(len(o.leaked) for o in outcomes)
        print(
            f"  CPU: the first question {outcomes[0].seconds:.2f} s, later ones"
            f" {later[len(later) // 2]:.2f} s (median), all {time.process_time() - began:.1f} s;"
            f" peak {peak:.0f} MB; planted on the wire {leaked}"
        )
        for o in outcomes:
            odd = o.wrong or o.refused or (o.question.gold and not o.right) or o.leaked
            if arguments.show and odd:
                print(
                    f"      {o.question.id} {o.question.kind}: {o.question.text} gold {o.parts:.2f}"
                )
                print(f"        -> {o.answer[:160]!r} {o.report['errors']} {o.leaked}")
    if arguments.retrieval:
        return 0
    table(everything, "All documents")
    leaked = sum(len(o.leaked) for o in everything)
    print(f"  planted on the wire {leaked}")
    return 1 if leaked else 0


if __name__ == "__main__":
    raise SystemExit(main())
