"""Fit the thresholds of the local judge on questions of our own, none of which is measured on.

    python benchmarks/minion_thresholds.py [--large]

72 questions about 12 documents (`tests/vectors/minions/calibration.json`) are asked with
`evidence="none"`; what the ranking and the embedded model make of each candidate is kept, and every
weight and threshold is tried on that. Picked is what answers most questions honestly with at most 4
wrong answers: a wrong answer is worse than "not found". `--large` asks the larger embedded model,
for half an hour on two cores.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from langchain_core.language_models import BaseChatModel

from langchain_privacy.local import EmbeddedServer, yes_no_score
from langchain_privacy.minions.answerable import can_answer
from langchain_privacy.minions.judge import Judge, Verdict
from langchain_privacy.minions.prompts import render
from langchain_privacy.minions.search import Hit
from langchain_privacy.words import Language

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # for `tests.support`, from anywhere

WRONG = 4
WEIGHTS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
THRESHOLDS = [step / 4 for step in range(8, 37)]

Scored = list[tuple[Hit, float]]


class Keeper(Judge):
    """Keeps each candidate with the model's leaning, and decides nothing."""

    name = "keeper"
    candidates = 3

    def __init__(self, model: BaseChatModel) -> None:
        self._model = model
        self.kept: Scored = []

    def judge(self, question: str, hits: Sequence[Hit], language: Language) -> Verdict:
        for hit in hits:
            if not can_answer(question, hit.text):
                continue
            sentence = " ".join(f"{hit.above} {hit.text}".split())
            prompt = render("yes_no", language, sentence=sentence, question=question)
            self.kept.append((hit, yes_no_score(self._model, prompt)))
        return Verdict(hits=list(hits), holds=[False] * len(hits))


def counts(asked: list[tuple[list[str], Scored]], weight: float, threshold: float) -> list[int]:
    """Return the number of honest and of wrong answers."""
    honest = wrong = 0
    for answers, kept in asked:
        ranked = sorted(
            ((hit.score + weight * leaning, hit) for hit, leaning in kept), reverse=True
        )
        held = [hit for score, hit in ranked if hit.covers or score >= threshold]
        right = any(answer in held[0].text for answer in answers) if held else not answers
        honest += right
        wrong += bool(held) and not right
    return [honest, wrong]


def main() -> None:
    from tests.support.minion_cases import Question, ask

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--large", action="store_true", help="the model of embedded-large")
    arguments = parser.parse_args()
    cases = json.loads((ROOT / "tests/vectors/minions/calibration.json").read_text("utf-8"))
    asked: list[tuple[list[str], Scored]] = []
    with EmbeddedServer(large=arguments.large) as server:
        keeper = Keeper(server.chat_model())
        for case in cases:
            for number, about in enumerate(case["questions"]):
                question = Question(
                    id=f"{case['id']}#{number}",
                    kind=about["kind"],
                    text=about["question"],
                    answers=[about["answer"]] if about["answer"] else [],
                    terms=about["terms"],
                    document="\n".join(case["document"]),
                    planted=[],
                )
                keeper.kept = []
                outcome = ask(question, None, evidence="none", judge=keeper, max_rounds=1)
                assert not outcome.crashed, question.id
                asked.append((question.answers, keeper.kept))
    print(f"{len(asked)} questions; honest/wrong by weight of the model and threshold")
    print("weight" + "".join(f"{threshold:8.2f}" for threshold in THRESHOLDS))
    for weight in WEIGHTS:
        tried = {threshold: counts(asked, weight, threshold) for threshold in THRESHOLDS}
        print(f"{weight:6.1f}" + "".join(f"{h:5}/{w:<2}" for h, w in tried.values()))
        allowed = [(honest, t) for t, (honest, wrong) in tried.items() if wrong <= WRONG]
        print("       picked: {1} with {0} honest".format(*max(allowed, key=lambda p: p[0])))


if __name__ == "__main__":
    main()
