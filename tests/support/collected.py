"""Say which tests of some files are collected, and with what they are marked.

    python -m tests.support.collected FILE ...

Prints a line of JSON for each: its id without parameters, whether it is skipped here, its marks.
"""

import json
import sys
from typing import Any

import pytest
from _pytest.skipping import evaluate_skip_marks


class Printed:
    """A plugin that prints what was collected."""

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            told: dict[str, Any] = {
                "test": item.nodeid.partition("[")[0].removeprefix("tests/"),
                "skipped": evaluate_skip_marks(item) is not None,
                "marks": sorted({mark.name for mark in item.iter_markers()}),
            }
            print(f"\n>{json.dumps(told)}")


if __name__ == "__main__":
    options = ["--collect-only", "-qq", "-p", "no:cacheprovider", "-p", "no:xdist"]
    sys.exit(pytest.main([*options, *sys.argv[1:]], plugins=[Printed()]))
