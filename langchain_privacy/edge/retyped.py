"""Structured responses that were restored as text, given their types back.

In the state, a field that holds a date or a number may be a placeholder; restored, it is the text
of the date. Validating the restored object once more makes it what the schema says.
"""

from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

_KEY = "structured_response"


def retyped(data: Any) -> Any:
    """Validate the structured response of a state, or of one node's update in it, again."""
    if not isinstance(data, dict):
        return data
    if isinstance(data.get(_KEY), BaseModel):
        return {**data, _KEY: _validated(data[_KEY])}
    nested = {k: v for k, v in data.items() if isinstance(v, dict) and _KEY in v}
    return {**data, **{key: retyped(value) for key, value in nested.items()}} if nested else data


def _validated(response: BaseModel) -> BaseModel:
    fields = {name: getattr(response, name) for name in type(response).model_fields}
    by_alias = {f.alias or name: fields[name] for name, f in type(response).model_fields.items()}
    adapter = TypeAdapter(type(response))
    try:
        return adapter.validate_python(by_alias)
    except ValidationError:
        return response
