"""What masking is measured against: plain Presidio, and piighost with our detectors."""

from collections.abc import Callable, Sequence
from typing import Any

from langchain_privacy.detection import Detector, detect_all
from langchain_privacy.vault import VaultEntry

KEY = "0123456789abcdef"


class Presidio:
    """Presidio's analyzer as it comes, and its anonymizer, which encrypts, and its way back."""

    def __init__(self) -> None:
        from presidio_anonymizer import AnonymizerEngine, DeanonymizeEngine
        from presidio_anonymizer.entities import OperatorConfig

        from benchmarks.detection import plain_presidio_engine

        self._analyzer = plain_presidio_engine()
        self._anonymizer, self._deanonymizer = AnonymizerEngine(), DeanonymizeEngine()
        self._encrypt = {"DEFAULT": OperatorConfig("encrypt", {"key": KEY})}
        self._decrypt = {"DEFAULT": OperatorConfig("decrypt", {"key": KEY})}

    def found(self, text: str) -> Any:
        """Return the analyzer's results."""
        return self._analyzer.analyze(text, language="en")

    def anonymize(self, text: str, *, encrypt: bool = True) -> Any:
        """Return the engine's result, with `text` and the `items` that it changed."""
        operators = self._encrypt if encrypt else None
        return self._anonymizer.anonymize(text, self.found(text), operators)

    def restore(self, anonymized: Any) -> str:
        """Undo what this engine did."""
        result = self._deanonymizer.deanonymize(anonymized.text, anonymized.items, self._decrypt)
        return str(result.text)


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


def piighost_decoder(entries: Sequence[VaultEntry]) -> tuple[Callable[[], Any], dict[str, str]]:
    """Return a maker of piighost's stream decoders, and its token by each of our placeholders."""
    from piighost.components.placeholder import LabelCounterPlaceholderFactory

    tokens = {f"[{e.entity_type}_{e.code}]": f"<<{e.entity_type}:{e.code}>>" for e in entries}
    values = {f"<<{e.entity_type}:{e.code}>>": e.value for e in entries}
    factory = LabelCounterPlaceholderFactory()
    return lambda: factory.stream_decoder(lambda token: values.get(token, token)), tokens
