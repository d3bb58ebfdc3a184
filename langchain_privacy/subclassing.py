"""Classes made at run time: an object behaves otherwise, and is still of its class.

A guarded `ChatOpenAI` must stay a `ChatOpenAI`: LangChain and its users ask `isinstance`, read the
class's name, and look which methods the class itself defines. So the guard, the edge and the trace
guard wrap no object; they make a subclass of its class with a few methods of their own, and give
that class to the object (on a copy of it, or in place where others hold the object already).

Called by `egress.guarded_models` and `egress.transport` (guarded models and HTTP transports), by
`edge` (private tools, graphs, models), by `tracing` (LangSmith's clients, OpenTelemetry's
processors).

```python
@subclass_maker()
def loud(base: Any) -> dict[str, Any]:
    def greet(self: Any) -> str:
        return base.greet(self).upper()

    return {"greet": greet}

copy = recast_copy(person, loud)  # copy.greet() shouts; it is a Person; person is as it was
made_from(type(copy))             # Person
```
"""

import functools
import types
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from langchain_core.load.serializable import Serializable

T = TypeVar("T")


class SubclassMaker(Protocol):
    """What `subclass_maker` turns a function into."""

    def __call__(self, base: type[T], /) -> type[T]:
        """Return the subclass of `base`: always the same one; of a made class, itself."""


def subclass(base: type[T], members: Mapping[str, Any], *mixins: type, prefix: str = "") -> type[T]:
    """Make a subclass of any class, pydantic's and those with `__slots__` too.

    It takes over the class's module, name and documentation, and a function among `members` takes
    over the name, documentation and signature of the method that it stands for.

    LangChain's `dumps` writes such an object as one that cannot be loaded: its name is its base's,
    so that a plain object would be read back, without what this class adds.

    Args:
        base: Any class.
        members: Its own methods. A setting of a pydantic class needs a name with `__` before it.
        mixins: Classes that come before `base`, e.g. to mark what was made. With a class without
            `__dict__` they need `__slots__ = ()`.
        prefix: Stands before the name.
    """
    name = prefix + base.__name__
    namespace: dict[str, Any] = {
        "__module__": base.__module__,
        "__qualname__": name if prefix else base.__qualname__,
        "__doc__": base.__doc__,
        # An object can change its class only when both lie in memory alike.
        "__slots__": (),
        # Pydantic would take a name with one underscore for a private attribute of instances.
        "__made_from__": base,
    }
    if issubclass(base, Serializable):
        namespace["is_lc_serializable"] = classmethod(lambda _: False)
    for own, member in members.items():
        stood = getattr(base, own, None)
        takes_over = isinstance(member, types.FunctionType) and callable(stood)
        namespace[own] = functools.wraps(stood)(member) if takes_over else member  # type: ignore[arg-type]
    made: Any = types.new_class(name, (*mixins, base), {}, lambda body: body.update(namespace))
    return made  # type: ignore[no-any-return]


def subclass_maker(
    *mixins: type, prefix: str = ""
) -> Callable[[Callable[[Any], Mapping[str, Any]]], SubclassMaker]:
    """Turn a function of a class that returns `members` into one that makes the subclass, once.

    Args:
        mixins: See `subclass`.
        prefix: See `subclass`.
    """

    def decorate(members: Callable[[Any], Mapping[str, Any]]) -> SubclassMaker:
        @functools.wraps(members)
        @functools.cache
        def make(base: Any) -> Any:
            if any(vars(cls).get("__made_by__") is members for cls in base.__mro__):
                return base
            own = {**members(base), "__made_by__": members}
            return subclass(base, own, *mixins, prefix=prefix)

        return make  # type: ignore[return-value]

    return decorate


def recast(thing: Any, cls: type) -> None:
    """Give an object another class, where it stands."""
    # Not by assignment: the class may have a `__setattr__` of its own, as pydantic's do.
    object.__setattr__(thing, "__class__", cls)


def recast_copy(thing: T, make: SubclassMaker, **attributes: Any) -> T:
    """Return a copy of a pydantic object, of a made subclass, with private attributes of it."""
    twin: Any = thing.model_copy()  # type: ignore[attr-defined]
    recast(twin, make(type(thing)))
    for name, value in attributes.items():
        setattr(twin, name, value)
    return twin  # type: ignore[no-any-return]


def made_from(cls: type[T]) -> type[T]:
    """Return the class that a made one was made from; any other as it is."""
    plain: type[T] = getattr(cls, "__made_from__", cls)
    return plain
