"""Minions: a local model reads private documents, a remote model plans and reasons on masks.

`graph` puts the three nodes of `nodes` together; `fanout` has those for many documents, `jobs` what
one of its jobs does and `aggregate` what becomes of their values. Local: `quotes` keeps documents
and quotes them, `windows` and `sentences` cut them, `search` finds passages in them, `judge` has
the local model weigh them (asked by `ask_local`), `answering` writes the answer and `report` what
it cost. Remote: `planning` says what to ask, in the words of `prompts`, and `ask_remote` asks it;
`schema` is what may come back. Numbers and dates are read by `quantities`, those of an answer
verified by `figures`. `state` is what a run keeps.
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
