"""What the processes of `tests.support.processes` share: everything imported, detectors loaded."""

import langchain_openai
import langgraph.checkpoint.sqlite
import langgraph.store.sqlite

from langchain_privacy import EgressLedger, Masker, create_minion_graph
from langchain_privacy.local import embedded

__all__ = ["EgressLedger", "create_minion_graph", "embedded", "langchain_openai", "langgraph"]

Masker().session().mask("Jane Doe called from Portland.")
