"""Every Python fence of the README and of the docs runs as it stands."""

import pytest
from pytest_examples import CodeExample, EvalExample, find_examples

from tests.support.paths import REPOSITORY

PAGES = [REPOSITORY / "README.md", REPOSITORY / "README.ko.md", REPOSITORY / "docs"]


@pytest.mark.parametrize(
    "example",
    [e for e in find_examples(*filter(lambda p: p.exists(), PAGES)) if e.prefix == "python"],
    ids=str,
)
def test_fence(example: CodeExample, eval_example: EvalExample, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    eval_example.run(example)
