"""Read a model's reply into a schema, tolerant of models without a JSON mode."""

import json
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from langchain_privacy.errors import ProtocolError

T = TypeVar("T", bound=BaseModel)

LONGEST_REPLY = 32_000
"""Characters; a plan or an answer is a hundredth of that, so more is a fault or an attack."""


def parse(text: str, schema: type[T]) -> T:
    """Read the last JSON object of a reply that fits a schema.

    Code fences and prose around the object are ignored; models put the answer last.

    Raises:
        ProtocolError: No object fits. The message names the fault by field, never by value.
    """
    if len(text) > LONGEST_REPLY:
        msg = f"reply longer than {LONGEST_REPLY} characters"
        raise ProtocolError(msg)
    fault = "no JSON object"
    for found in reversed(_objects(text)):
        try:
            return schema.model_validate(found)
        except ValidationError as error:
            fault = _describe(error)
    raise ProtocolError(fault)


def _objects(text: str) -> list[dict[str, object]]:
    """Return the outermost JSON objects of a text; braces inside strings do not count."""
    decoder, found, at, tries = json.JSONDecoder(), [], text.find("{"), 0
    while at >= 0 and tries < 200:
        tries += 1
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = at + 1
        else:
            found.append(value)
        at = text.find("{", end)
    return found


def _describe(error: ValidationError) -> str:
    """Name fields and rules only: pydantic's own text quotes the input, and so may we never."""
    names = {
        (".".join(str(part) for part in fault["loc"] if isinstance(part, int | str)), fault["type"])
        for fault in error.errors(include_url=False, include_context=False, include_input=False)
    }
    known = [f"{_safe(where)}: {rule}" for where, rule in sorted(names)]
    return "; ".join(known[:4]) or "wrong form"


def _safe(where: str) -> str:
    """A field's name comes from the reply when the field is unknown: keep only plain ones."""
    return where if len(where) <= 40 and where.replace(".", "").replace("_", "").isalnum() else "?"
