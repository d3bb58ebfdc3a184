"""What AgentLeak finds in its 256 scenarios after masking; how: `tests/support/agent_leaks`."""

import pytest

from langchain_privacy import Masker
from tests.support.agent_leaks import mean, ours, risks

pytestmark = pytest.mark.slow  # 256 traces, each masked by every detector


@pytest.mark.parametrize(("strict", "bound"), [(False, 0.05), (True, 0.02)])
def test_little_is_disclosed(strict: bool, bound: float) -> None:
    found = list(risks(ours(Masker(strict=strict))))
    assert len(found) == 256
    assert mean(found) <= bound


def test_the_scenarios_disclose_much_without_a_masker() -> None:
    assert mean(list(risks(None))) > 0.3
