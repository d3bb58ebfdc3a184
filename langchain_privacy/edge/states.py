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

from pydantic import ValidationError

from langchain_privacy.edge.errors import masked_validation_error
from langchain_privacy.edge.overlay import overlaid
from langchain_privacy.edge.run import session_of
from langchain_privacy.masking import Masker


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
