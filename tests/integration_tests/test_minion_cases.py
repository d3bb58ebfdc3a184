"""The shared cases with the embedded model; the whole table is `benchmarks/minions.py`."""

import pytest

from langchain_privacy.local import EmbeddedServer
from tests.support.minion_cases import ask, count_tokens, questions


def measure(server: EmbeddedServer, evidence: str, cases: int | None, model: bool) -> None:
    asked = questions(cases=cases)
    local = server.chat_model() if model else None
    outcomes = [ask(question, local, evidence=evidence) for question in asked]
    assert not [o.question.id for o in outcomes if o.crashed]
    assert not [o.question.id for o in outcomes if o.leaked]
    factual = [o for o in outcomes if o.question.kind not in ("named", "summary")]
    assert sum(o.honest for o in factual) / len(factual) >= 0.75
    said = sum(o.report["remote"]["output"] for o in outcomes)
    said += sum(count_tokens(server, text) for o in outcomes for text in o.said)
    whole = sum(count_tokens(server, question.document) for question in asked)
    assert said <= 0.25 * whole


@pytest.mark.parametrize("evidence", ["masked", "none"])
def test_ranking_alone(embedded: EmbeddedServer, evidence: str) -> None:
    measure(embedded, evidence, 4, model=False)


@pytest.mark.slow
@pytest.mark.parametrize("evidence", ["masked", "none"])
def test_with_the_embedded_model(embedded: EmbeddedServer, evidence: str) -> None:
    measure(embedded, evidence, None, model=True)
