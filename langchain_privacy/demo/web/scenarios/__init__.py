"""The scenarios of the page: each is a real run of the package's own parts.

A scenario is a module, or an object, with `play(stage)` and `asks(language)`: the question or text
that is taken where the person gives none.
"""

from collections.abc import Mapping
from typing import Protocol

from langchain_privacy.demo.web.scenarios import agent, attested, database, words
from langchain_privacy.demo.web.scenarios.documents import CONTRACT, RECORD
from langchain_privacy.demo.web.stage import Stage
from langchain_privacy.locale import Language


class Scenario(Protocol):
    """What a scenario has."""

    def play(self, stage: Stage) -> None:
        """Do the work and show it."""

    def asks(self, language: Language) -> str:
        """Return the question or text that is taken where the person gives none."""


SCENARIOS: Mapping[str, Scenario] = {
    "record": RECORD,
    "contract": CONTRACT,
    "agent": agent,
    "database": database,
    "attested": attested,
    "words": words,
}
