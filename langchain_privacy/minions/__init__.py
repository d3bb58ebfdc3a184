"""Minions: a local model reads private documents, a remote model plans and reasons on masks.

`graph` puts the three nodes of `nodes` together. Local: `evidence` keeps documents, `windows` and
`sentences` cut them, `search` finds passages in them, `judge` has the local model weigh them,
`answering` writes the answer and `report` what it cost. Remote: `planning` says what to ask, in the
words of `prompts`, and `crossing` asks it; `schema` is what may come back. `state` is what a run
keeps.
"""

from langchain_privacy.minions.graph import (
    create_minion_graph,
    create_minions_graph,
    documents_tool,
    private_minion_graph,
)
from langchain_privacy.minions.judge import Judge
from langchain_privacy.minions.nodes import MinionNodes
from langchain_privacy.minions.schema import Next, Plan, Sub
from langchain_privacy.minions.state import Budget, MinionInput, MinionOutput, MinionState

__all__ = [
    "Budget",
    "Judge",
    "MinionInput",
    "MinionNodes",
    "MinionOutput",
    "MinionState",
    "Next",
    "Plan",
    "Sub",
    "create_minion_graph",
    "create_minions_graph",
    "documents_tool",
    "private_minion_graph",
]
