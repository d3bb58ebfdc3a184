"""What masking is measured against: plain Presidio, and piighost with our detectors."""

import asyncio
import importlib.util
from collections.abc import Callable, Sequence
from typing import Any

from langchain_privacy.detection import Detector, Finding, detect_all
from langchain_privacy.vault import VaultEntry

Detect = Callable[[str], list[Finding]]


def missing(name: str, install: str) -> bool:
    """Say whether a peer is not installed, and print its name if so."""
    if importlib.util.find_spec(name) is None:
        print(f"  {name} is not installed: skipped (pip install {install})")
        return True
    return False


def presidio() -> Detect | None:
    """Return Presidio as it comes, `None` when it is not installed."""
    if missing("presidio_analyzer", "'langchain-privacy[presidio]'"):
        return None
    from benchmarks.detection import plain_presidio

    return plain_presidio()


def piighost_missing() -> bool:
    """Say whether piighost is not installed."""
    return missing("piighost", "piighost==2.1.1")


def piighost_pipeline(detectors: Sequence[Detector]) -> Any:
    """Return piighost's pipeline for conversations, with our detectors in it."""
    from piighost.models import Detection, Span
    from piighost.pipeline import ThreadAnonymizationPipeline

    class Ours:
        async def detect(self, text: str) -> list[Any]:
            return [
                Detection(Span(f.start, f.end), text[f.start : f.end], f.entity_type, f.score)
                for f in detect_all(text, detectors)
            ]

    return ThreadAnonymizationPipeline(Ours(), trace_clear_text=True)


def piighost_history(pipeline: Any, texts: Sequence[str]) -> list[str]:
    """Mask every text of a conversation, as piighost's middleware does before each model call."""

    async def anonymize() -> list[str]:
        return [(await pipeline.anonymize(text, "thread")).text for text in texts]

    return asyncio.run(anonymize())


def piighost_decoder(entries: Sequence[VaultEntry]) -> tuple[Callable[[], Any], dict[str, str]]:
    """Return a maker of piighost's stream decoders, and its token by each of our placeholders."""
    from piighost.components.placeholder import LabelCounterPlaceholderFactory

    tokens = {f"[{e.entity_type}_{e.code}]": f"<<{e.entity_type}:{e.code}>>" for e in entries}
    values = {f"<<{e.entity_type}:{e.code}>>": e.value for e in entries}
    factory = LabelCounterPlaceholderFactory()
    return lambda: factory.stream_decoder(lambda token: values.get(token, token)), tokens
