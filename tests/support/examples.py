"""The examples, loaded as a person runs them: from their own folder."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType

from tests.support.paths import REPOSITORY

FOLDERS = sorted(file.parent for file in (REPOSITORY / "examples").glob("*/graph.py"))


@contextmanager
def example(name: str) -> Iterator[ModuleType]:
    """Import the `graph.py` of an example anew; its modules are forgotten again."""
    folder = REPOSITORY / "examples" / name
    own = {file.stem for file in folder.glob("*.py")}
    kept = {module: sys.modules.pop(module) for module in own if module in sys.modules}
    sys.path.insert(0, str(folder))
    try:
        module = import_module("graph")
        assert Path(module.__file__ or "").parent == folder
        yield module
    finally:
        sys.path.remove(str(folder))
        for module_name in own:
            sys.modules.pop(module_name, None)
        sys.modules.update(kept)
