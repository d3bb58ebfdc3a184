"""Classes made at run time stay the class they were made from, as far as anybody can ask."""

import copy
import inspect
import pickle
from typing import Any

import pytest
from langchain_core.language_models import FakeListChatModel
from pydantic import BaseModel, PrivateAttr

from langchain_privacy.subclassing import made_from, recast, subclass, subclass_maker


class Person:
    """Somebody."""

    name = "Ann"

    def greet(self, *, times: int = 1) -> str:
        """Say hello."""
        return "hello " * times


class Slotted(Person):
    """Has no room for more."""

    __slots__ = ("age",)

    age: int


class Tight:
    """Has no `__dict__` at all."""

    __slots__ = ("age",)

    def greet(self) -> str:
        return "hello"


class Model(BaseModel):
    """A pydantic model."""

    name: str = "Ann"
    _secret: str = PrivateAttr(default="s")

    def greet(self) -> str:
        return f"hello {self.name} {self._secret}"


@subclass_maker()
def loud(base: Any) -> dict[str, Any]:
    def greet(self: Any, **kwargs: Any) -> str:
        return str(base.greet(self, **kwargs)).upper()

    return {"greet": greet}


@pytest.mark.parametrize("thing", [Person(), Slotted(), Tight(), Model()])
def test_an_object_changes_its_class_and_back(thing: Any) -> None:
    plain = type(thing)
    said = thing.greet()
    recast(thing, loud(plain))
    assert isinstance(thing, plain)
    assert thing.greet() == said.upper()
    for name in ("__name__", "__qualname__", "__module__", "__doc__"):
        assert getattr(type(thing), name) == getattr(plain, name)
    assert made_from(type(thing)) is plain
    recast(thing, made_from(type(thing)))
    assert type(thing) is plain
    assert thing.greet() == said


@pytest.mark.parametrize("thing", [Person(), Slotted(), Model(), FakeListChatModel(responses=[])])
def test_a_copy_is_of_the_made_class_and_shares_nothing(thing: Any) -> None:
    quiet = type(thing)
    made = subclass(quiet, {})
    for copied in (copy.copy(thing), copy.deepcopy(thing)):
        recast(copied, made)
        assert type(copy.copy(copied)) is made
        assert type(copy.deepcopy(copied)) is made
    assert type(thing) is quiet


def test_a_made_class_does_not_travel() -> None:
    """Its name is that of the plain class: an object that lost its guard on the way were worse."""
    thing = Person()
    recast(thing, loud(Person))
    with pytest.raises(pickle.PicklingError):
        pickle.dumps(thing)


def test_a_class_is_made_once_and_not_of_itself() -> None:
    made = loud(Person)
    assert loud(Person) is made
    assert loud(made) is made
    below = subclass(made, {})
    assert loud(below) is below  # still loud
    assert loud(Slotted) is not made


def test_methods_keep_name_documentation_and_signature() -> None:
    made = loud(Person)
    assert made.greet.__doc__ == "Say hello."
    assert inspect.signature(made.greet) == inspect.signature(Person.greet)


def test_a_mixin_comes_first_and_a_prefix_before_the_name() -> None:
    class Marked:
        __slots__ = ()

        def greet(self) -> str:
            return "marked"

    made: Any = subclass(Tight, {}, Marked, prefix="Private")
    thing = Tight()
    recast(thing, made)
    assert isinstance(thing, Marked)
    assert thing.greet() == "marked"
    assert made.__name__ == made.__qualname__ == "PrivateTight"


def test_pydantics_parts_stay() -> None:
    class Marker(BaseModel):
        _mark: Any = PrivateAttr(default=None)

    @subclass_maker(Marker)
    def marked(base: Any) -> dict[str, Any]:
        return {}

    model: Any = Model(name="Bob").model_copy()
    recast(model, marked(Model))
    model._mark = 7
    assert (model._mark, model.greet()) == (7, "hello Bob s")
    assert model.model_copy()._mark == 7
    assert model.model_dump() == {"name": "Bob"}
    assert type(model)(name="Cy").greet() == "hello Cy s"
