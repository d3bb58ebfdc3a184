"""A thousand pages are asked about within two gibibytes."""

import resource
import sys
from typing import Any

import pytest

from langchain_privacy import Masker
from langchain_privacy.detection import default_detectors
from tests.support.long_documents import annual_report
from tests.support.long_models import LongRun
from tests.support.processes import Process

PAGES = 1_000


def asked(pages: int) -> dict[str, Any]:
    document = annual_report(41, pages, "aligned")
    masker = Masker(default_detectors(presidio=False))
    with LongRun(document, masker=masker) as run:
        outcomes = [run.ask(question) for question in document.questions]
    return {
        "characters": len(document.text),
        "crossed": sum(outcome.crossed for outcome in outcomes if outcome.question.gold),
        "asked": sum(bool(outcome.question.gold) for outcome in outcomes),
        "leaked": sum(len(outcome.leaked) for outcome in outcomes),
        "first": outcomes[0].seconds,
        "later": sorted(outcome.seconds for outcome in outcomes[1:])[len(outcomes) // 2],
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak is counted in other units there")
def test_a_thousand_pages_fit_into_two_gibibytes() -> None:
    # In a process of its own: the peak of a process is that of all tests before.
    out = Process(asked, PAGES).result()
    print(out)
    assert out["characters"] > 3_000 * PAGES
    assert out["leaked"] == 0
    assert out["crossed"] >= 0.9 * out["asked"]
    assert out["megabytes"] < 2 * 1024
