"""A masker with one detector and private values that nobody has."""

import logging
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain_core.globals import set_llm_cache

from langchain_privacy import Masker
from langchain_privacy.detection import Detector, Finding
from tests.support.http import LangSmithServer

EMAIL = "jane.doe@corp-secret.example"
OTHER = "ops.lead@corp-secret.example"
PATTERN = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}")
PLACEHOLDER = re.compile(r"\[EMAIL_[0-9A-Z]{4,}\]")


class EmailDetector(Detector):
    """Finds e-mail addresses; counts what it reads."""

    name = "test"

    def __init__(self) -> None:
        self.characters = 0

    def detect(self, text: str, *, language: str | None = None) -> list[Finding]:
        self.characters += len(text)
        return [
            Finding(start=m.start(), end=m.end(), entity_type="EMAIL", score=1.0, detector="test")
            for m in PATTERN.finditer(text)
        ]


@pytest.fixture
def detector() -> EmailDetector:
    return EmailDetector()


@pytest.fixture
def masker(detector: EmailDetector) -> Masker:
    return Masker([detector])


def holds(value: object, *raws: str) -> bool:
    """Whether any of the private values stands in the text of `value`."""
    text = value if isinstance(value, str) else repr(value)
    return any(raw in text for raw in raws or (EMAIL, OTHER))


def masked(value: object) -> bool:
    text = value if isinstance(value, str) else repr(value)
    return bool(PLACEHOLDER.search(text))


def emails(texts: Sequence[str]) -> list[str]:
    return [found for text in texts for found in PLACEHOLDER.findall(text) + PATTERN.findall(text)]


def frames_hold(error: BaseException) -> list[str]:
    """Name the frames of an error's traceback whose variables show a private value.

    The test's own frames and the edge's (which takes what the caller gave) are not looked at.
    """
    found = []
    trace = error.__traceback__
    while trace is not None:
        frame, trace = trace.tb_frame, trace.tb_next
        file = frame.f_code.co_filename
        outside = "/tests/" in file or file.endswith(("/edge/graph.py", "/edge/runnable.py"))
        if not outside and holds(repr(frame.f_locals)):
            found.append(f"{file}:{frame.f_lineno}")
    return found


@pytest.fixture
def world(
    langsmith_server: LangSmithServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> Iterator[Any]:
    """Everything that could keep a private value; nothing may be left there after the test."""
    from tests.unit_tests.edge.everything import Everything

    caplog.set_level(logging.DEBUG)
    everything = Everything(langsmith_server, tmp_path, caplog)
    set_llm_cache(everything.cache)
    try:
        yield everything
        assert not everything.leaks()
    finally:
        set_llm_cache(None)
        everything.connection.close()
