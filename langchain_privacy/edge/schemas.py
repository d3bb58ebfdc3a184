"""Schemas that cross, and the answers to them: what a placeholder could not satisfy is told.

A server that enforces a schema (`strict`) writes what fits it. Where a field has a pattern, a
format or a length, a placeholder does not fit, so it would have to invent a value. So these
constraints become words in the field's description, for every tool and every structured answer. The
edge validates the restored value with the schema as it was (`edge.structured`, `edge.steps`).

Types, enumerations and constants stay: they are the builder's own words. Only keys that limit what
a text may be are taken out, so a schema that is legal for `strict` stays legal.

```python
relaxed({"properties": {"born": {"type": "string", "format": "date"}}})
# {"properties": {"born": {"type": "string", "description": "(format: date)"}}}
```

An answer has two sides, real for the parser, masked for what records it: chains and agents restore
it, have it parsed, and put the placeholders back where the model wrote them.
"""

from collections.abc import Collection
from dataclasses import fields, is_dataclass, replace
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.utils.function_calling import convert_to_openai_function
from langchain_core.utils.json import parse_json_markdown
from pydantic import BaseModel

from langchain_privacy.edge.tools import codes_in
from langchain_privacy.masking import MaskingSession
from langchain_privacy.values.walk import same

_LIMITS = (
    "format", "pattern", "minLength", "maxLength", "contentEncoding", "contentMediaType",
)  # fmt: skip
"""Keys of JSON Schema that limit what a text may be."""

_SCHEMAS = ("items", "additionalProperties", "not", "if", "then", "else", "contains")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_NAMED = ("properties", "$defs", "definitions", "patternProperties", "dependentSchemas")
"""Keys under which a schema has others: one, a list of them, or some by name."""


def relaxed(x: Any) -> Any:
    """Return settings of a model call with the JSON schemas in them relaxed.

    Args:
        x: Tools, a response format, or anything that holds them in the form of any provider; it is
            not changed, and is returned itself where there is nothing to relax.
    """
    if isinstance(x, type) and issubclass(x, BaseModel):
        return x
    if isinstance(x, dict):
        if any(isinstance(x.get(key), dict) for key in ("properties", "$defs")):
            return _schema(x)
        return _changed(x, {key: relaxed(value) for key, value in x.items()})
    if isinstance(x, list):
        new = [relaxed(each) for each in x]
        return x if same(x, new) else new
    return x


def relaxed_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a model call relaxed; a response format may be a class."""
    kind = settings.get("response_format")
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        function = convert_to_openai_function(kind, strict=True)
        named = {**function, "schema": function.pop("parameters")}
        named = {key: value for key, value in named.items() if key != "parameters"}
        told = {"type": "json_schema", "json_schema": named}
        settings = {**settings, "response_format": told}
    return _changed(settings, {key: relaxed(value) for key, value in settings.items()})


def _schema(x: Any) -> Any:
    if not isinstance(x, dict):
        return x
    new: dict[str, Any] = {}
    for key, value in x.items():
        if key in _SCHEMAS:
            new[key] = _schema(value)
        elif key in _LISTS and isinstance(value, list):
            inner = [_schema(each) for each in value]
            new[key] = value if same(value, inner) else inner
        elif key in _NAMED and isinstance(value, dict):
            new[key] = _changed(value, {name: _schema(each) for name, each in value.items()})
        else:
            new[key] = value
    told = {key: new.pop(key) for key in _LIMITS if key in new and _limits_text(x)}
    if told:
        words = "; ".join(f"{key}: {value}" for key, value in told.items())
        new["description"] = f"{new.get('description') or ''} ({words})".strip()
        return new
    return _changed(x, new)


def _limits_text(schema: dict[str, Any]) -> bool:
    kind = schema.get("type", "string")
    return kind == "string" or (isinstance(kind, list) and "string" in kind)


def _changed(x: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    return x if same(x.values(), new.values()) else new


# ---- An answer on both sides


def restored_answer(session: MaskingSession, answer: Any) -> Any:
    """Restore an answer: a text, or a message whose text or tool calls are JSON."""
    if isinstance(answer, str):
        return session.restore_json(answer)
    if not isinstance(answer, AIMessage):
        return session.restore(answer)
    real = session.restore(answer)
    if answer.tool_calls:
        return answer.model_copy() if real is answer else real
    return real.model_copy(update={"content": _json(session, answer.content)})


def _json(session: MaskingSession, content: Any) -> Any:
    if isinstance(content, str):
        return session.restore_json(content)
    return [
        {**block, "text": session.restore_json(block["text"])}
        if isinstance(block, dict) and isinstance(block.get("text"), str)
        else session.restore(block)
        for block in content
    ]


def written_in(answer: Any, names: Collection[str | None] | None = None) -> Any:
    """Return what a model wrote for the parsed object: arguments of calls, or a JSON text.

    Args:
        answer: A message or a text.
        names: Of the tools that stand for the object; any when `None`.
    """
    calls = getattr(answer, "tool_calls", None) or ()
    written = [call["args"] for call in calls if names is None or call["name"] in names]
    if written:
        return written[0] if len(written) == 1 else written
    try:
        return parse_json_markdown(answer if isinstance(answer, str) else answer.text)
    except (ValueError, AttributeError):
        return None


def overlaid(session: MaskingSession, parsed: Any, written: Any) -> Any:
    """Put placeholders where the model wrote them, also where a number or a date was made."""
    if isinstance(written, str) and codes_in(written):
        same = not isinstance(parsed, str) or session.restore(written) == parsed
        return written if same else session.mask(parsed)
    if isinstance(parsed, BaseModel) and isinstance(written, dict):
        update = {
            name: overlaid(session, getattr(parsed, name), _named(written, name, field.alias))
            for name, field in type(parsed).model_fields.items()
        }
        return parsed.model_copy(update=update)
    if is_dataclass(parsed) and not isinstance(parsed, type) and isinstance(written, dict):
        names = [field.name for field in fields(parsed) if field.init]
        update = {n: overlaid(session, getattr(parsed, n), written.get(n)) for n in names}
        return replace(parsed, **update)
    if isinstance(parsed, dict) and isinstance(written, dict):
        return {
            session.mask(key): overlaid(session, value, written.get(key))
            for key, value in parsed.items()
        }
    if isinstance(parsed, list):
        each = written if isinstance(written, list) else [written]
        if len(parsed) == len(each):
            return [overlaid(session, p, w) for p, w in zip(parsed, each, strict=True)]
    return session.mask(parsed)


def _named(written: dict[str, Any], name: str, alias: str | None) -> Any:
    return written[name] if name in written else written.get(alias or name)
