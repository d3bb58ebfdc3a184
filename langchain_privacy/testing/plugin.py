"""The pytest fixture. pytest loads this module at every start, so it imports nothing heavy."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from langchain_privacy.testing.probe import PrivacyProbe


@pytest.fixture
def privacy_probe(tmp_path_factory: pytest.TempPathFactory) -> Iterator["PrivacyProbe"]:
    """An open probe; a test that asks for no report is checked when it ends."""
    from langchain_privacy.testing.probe import PrivacyProbe

    tmp_path_factory.getbasetemp()  # pytest's own folder must not be made inside of the probe's
    with PrivacyProbe() as probe:
        yield probe
        if not probe.reported:
            probe.report().assert_clean()
