"""Names that are imported when they are first used, and where a wrong one lives.

```python
__getattr__ = first_used(__name__, {"Check": "secure.report"})
```

A package that tells type checkers its names under `if TYPE_CHECKING:` does this in its `else`:
they see no `__getattr__` then, and go on finding misspelt names.
"""

import re
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent


def first_used(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package.

    Args:
        package: Its full name.
        homes: Name, and the module that it is imported from, without `langchain_privacy.`.
    """

    def get(name: str) -> Any:
        if name in homes:
            return getattr(import_module(f"langchain_privacy.{homes[name]}"), name)
        if not name.startswith("_") and not find_spec(f"{package}.{name}"):
            rooms = [room for room in rooms_of(name) if f"langchain_privacy.{room}" != package]
            if rooms:
                # Python keeps what an AttributeError says from who writes `from ... import`.
                ways = " or ".join(f"from langchain_privacy.{room} import {name}" for room in rooms)
                msg = f"{name} is not among the names of {package}; write: {ways}"
                raise ImportError(msg, name=package)
        msg = f"module {package!r} has no attribute {name!r}"
        raise AttributeError(msg)

    return get


def rooms_of(name: str) -> list[str]:
    """Return the rooms with a public name; they are read, not imported, for some need extras."""
    written = re.compile(rf"\"{name}\"|^    {name},$|import {name}$", re.MULTILINE)
    files = sorted(_HERE.glob("*/__init__.py"))
    found = [file.parent.name for file in files if written.search(file.read_text("utf-8"))]
    errors = (_HERE / "errors.py").read_text("utf-8")
    return [*found, "errors"] if f"\nclass {name}(" in errors else found
