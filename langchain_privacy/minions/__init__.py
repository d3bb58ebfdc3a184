"""Minions: a local model reads private documents, a remote model plans and reasons on masks."""

from langchain_privacy.minions.graph import create_minion_graph, create_minions_graph
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
]
