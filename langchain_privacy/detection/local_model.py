"""A local language model as a detector: it is asked, window by window, what is private in a text.

Nobody adds it by default; put it beside the rules, as its class says.
"""

import json
import re
from collections.abc import Callable, Iterator
from importlib.resources import files

from langchain_privacy.detection.finding import Detector, Finding
from langchain_privacy.errors import DetectionError
from langchain_privacy.words import guess_language

_PROMPTS = {
    language: (
        files("langchain_privacy.detection") / "prompts" / f"find_private_{language}.txt"
    ).read_text("utf-8")
    for language in ("en", "ko")
}
_TYPES = frozenset(
    {"PERSON", "ADDRESS", "EMAIL", "PHONE", "DATE_OF_BIRTH", "BANK_ACCOUNT", "CREDIT_CARD", "ID",
     "SECRET", "PRIVATE"}
)  # fmt: skip
_WINDOW = 3000
_OVERLAP = 200
_TRIES = 2


class LocalModelDetector(Detector):
    """Asks a local chat model for the private values of a text.

    It takes a function and not a model: how a local model is called outside tracing and caches is
    the business of `langchain_privacy.local`, which this room does not import. Use it as

    ```text
    LocalModelDetector(lambda prompt: call_local(model, [HumanMessage(prompt)]).text)
    ```

    It fails closed: an answer that is no list of values, twice, is an error. Values that do not
    stand in the text are dropped, so a model cannot invent a finding; a model can miss one, so put
    it beside the rules, not in their place.
    """

    name = "local_model"
    names_in: frozenset[str] | None = None

    def __init__(self, ask: Callable[[str], str], *, score: float = 0.6) -> None:
        """Take the function that sends a prompt to the local model and returns its answer."""
        self._ask = ask
        self._score = score

    def detect(self, text: str, *, language: str | None = None) -> list[Finding]:
        """Ask the model, window by window, and find its values in the text."""
        language = guess_language(text) if language is None else language
        prompt = _PROMPTS.get(language or "en", _PROMPTS["en"])
        found: list[Finding] = []
        for start in range(0, max(len(text) - _OVERLAP, 1), _WINDOW - _OVERLAP):
            window = text[start : start + _WINDOW]
            if not window.strip():
                continue
            for kind, value in self._values(prompt.replace("{text}", window)):
                found += self._occurrences(window, start, kind, value)
        return found

    def _values(self, prompt: str) -> list[tuple[str, str]]:
        for _ in range(_TRIES):
            try:
                answer = self._ask(prompt)
            except Exception as error:  # noqa: BLE001 - its text may hold the private text
                msg = f"the local model failed with {type(error).__name__}"
                raise DetectionError(msg) from None
            values = _parsed(answer)
            if values is not None:
                return values
        msg = f"the local model gave no list of values in {_TRIES} tries"
        raise DetectionError(msg)

    def _occurrences(self, window: str, start: int, kind: str, value: str) -> Iterator[Finding]:
        # A model often closes up or breaks white space; nothing else of a value may differ.
        pattern = r"\s+".join(map(re.escape, value.split()))
        for match in re.finditer(pattern, window) if pattern else ():
            yield Finding(
                start=start + match.start(),
                end=start + match.end(),
                entity_type=kind,
                score=self._score,
                detector=self.name,
            )


def _parsed(answer: str) -> list[tuple[str, str]] | None:
    """Return the values of an answer, `None` when it is not the list that was asked for."""
    first, last = answer.find("["), answer.rfind("]")
    if first < 0 or last < first:
        return None
    try:
        items = json.loads(answer[first : last + 1])
    except ValueError:
        return None
    values: list[tuple[str, str]] = []
    for item in items if isinstance(items, list) else [None]:
        if not isinstance(item, dict) or not isinstance(item.get("text"), str):
            return None
        kind = str(item.get("type", "")).upper()
        values.append((kind if kind in _TYPES else "PRIVATE", item["text"]))
    return values
