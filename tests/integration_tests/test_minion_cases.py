"""The shared cases with the embedded model; the whole table is `benchmarks/minions.py`."""

import functools

import pytest

from langchain_privacy.detection import Detector, Finding, default_detectors
from langchain_privacy.local import EmbeddedServer
from tests.support.minion_cases import ask, count_tokens, questions


class Remembering:
    """A detector that reads a text once: eight questions are about each document, asked twice."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._found = functools.cache(self._detect)

    def _detect(self, text: str, language: str | None) -> tuple[Finding, ...]:
        return tuple(self._detector.detect(text, language=language))

    def detect(self, text: str, *, language: str | None = None) -> list[Finding]:
        return list(self._found(text, language))

    async def adetect(self, text: str, *, language: str | None = None) -> list[Finding]:
        return list(self._found(text, language))


@pytest.fixture(scope="module")
def detectors() -> list[Detector]:
    return [Remembering(detector) for detector in default_detectors(ner=False)]


def measure(
    server: EmbeddedServer,
    evidence: str,
    cases: int | None,
    detectors: list[Detector],
    *,
    model: bool,
) -> None:
    asked = questions(cases=cases)
    local = server.chat_model() if model else None
    outcomes = [ask(question, local, detectors=detectors, evidence=evidence) for question in asked]
    assert not [o.question.id for o in outcomes if o.crashed]
    assert not [o.question.id for o in outcomes if o.leaked]
    factual = [o for o in outcomes if o.question.kind not in ("named", "summary")]
    assert sum(o.honest for o in factual) / len(factual) >= 0.75
    said = sum(o.report["remote"]["output"] for o in outcomes)
    said += sum(count_tokens(server, text) for o in outcomes for text in o.said)
    whole = sum(count_tokens(server, question.document) for question in asked)
    assert said <= 0.25 * whole


@pytest.mark.parametrize("evidence", ["masked", "none"])
def test_ranking_alone(embedded: EmbeddedServer, evidence: str, detectors: list[Detector]) -> None:
    measure(embedded, evidence, 4, detectors, model=False)


@pytest.mark.slow
@pytest.mark.parametrize("evidence", ["masked", "none"])
def test_with_the_embedded_model(
    embedded: EmbeddedServer, evidence: str, detectors: list[Detector]
) -> None:
    measure(embedded, evidence, None, detectors, model=True)
