"""States with a schema of their own: pydantic models and dataclasses that validate.

LangGraph makes the state's object before each node, inside the run, where values are masked: an
`EmailStr`, a pattern, a length or a date refuses a placeholder. So in a private graph a field that
is refused is validated with its real value, and the node gets the object with the placeholder in
it. A node that needs the value is a `local_node`.

`edge.parts` puts the mappers of this file into the nodes of a private graph.
"""

import copy
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from pydantic import BaseModel, ValidationError

from langchain_privacy.edge.errors import masked_validation_error
from langchain_privacy.edge.overlay import overlaid
from langchain_privacy.edge.run import session_of, surrounding
from langchain_privacy.masking import Masker, MaskingSession
from langchain_privacy.subclassing import subclass_maker


def lenient(mapper: Any, masker: Masker) -> Any:
    """Return what makes the object of a node's state, for states that are masked.

    Args:
        mapper: The node's own; it is returned itself where it makes no object of a schema.
        masker: Finds private values and holds the vault.
    """
    return _LenientMapper(mapper, masker) if isinstance(mapper, partial) else mapper


class _LenientMapper:
    """Makes the object of a masked state."""

    def __init__(self, mapper: Callable[[Any], Any], masker: Masker) -> None:
        self._mapper = mapper
        self._masker = masker

    def __repr__(self) -> str:
        return "<mapper of masked states>"

    def __call__(self, state: Any) -> Any:
        try:
            return self._mapper(state)
        except ValidationError as error:
            if not isinstance(state, Mapping):
                raise
            refused = {found["loc"][0] if found["loc"] else None for found in error.errors()}
        names = [name for name in state if name in refused or None in refused]
        session = session_of(self._masker)
        try:
            real = self._mapper({**state, **{n: session.restore([state[n]])[0] for n in names}})
        except ValidationError as error:
            failure = masked_validation_error(session, error)
        else:
            made = copy.copy(real)
            for name in names:
                value = overlaid(session, getattr(real, name), state[name])
                object.__setattr__(made, name, value)
            return made
        raise failure


def validate_real_values(schemas: dict[str, Any]) -> None:
    """Have schemas by which a node validates tool calls see real values within an edge.

    They are replaced in the node's own dict, because what reads the answers out of its graph asks
    the same dict. Outside of an edge they are as they were.

    Args:
        schemas: Pydantic classes by name, `ValidationNode.schemas_by_name`.
    """
    for name, schema in schemas.items():
        if isinstance(schema, type) and issubclass(schema, BaseModel):
            schemas[name] = _validating(schema)


@subclass_maker()
def _validating(base: Any) -> dict[str, Any]:
    def model_validate(cls: type[Any], /, obj: Any, **kwargs: Any) -> Any:  # noqa: ARG001
        around = surrounding()
        if around is None or not isinstance(obj, Mapping):
            return base.model_validate(obj, **kwargs)
        try:
            real = base.model_validate(around.session.restore(obj), **kwargs)
        except ValidationError as error:
            failure = masked_validation_error(around.session, error)
        else:
            return _with_placeholders(around.session, real, obj)
        raise failure

    return {"model_validate": classmethod(model_validate)}


def _with_placeholders(session: MaskingSession, real: Any, given: Mapping[str, Any]) -> Any:
    """Return a copy of an object with the placeholders that its fields were given as."""
    made = copy.copy(real)
    fields = {field.alias or name: name for name, field in type(real).model_fields.items()}
    for key, value in given.items():
        if (name := fields.get(key)) is not None:
            object.__setattr__(made, name, overlaid(session, getattr(real, name), value))
    return made
