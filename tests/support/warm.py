"""What the processes of `tests.support.processes` share: everything imported, detectors loaded."""

import langchain_ollama
import langchain_openai
import langgraph.checkpoint.sqlite
import langgraph.store.postgres
import langgraph.store.sqlite
import redis

from langchain_privacy import EgressLedger, Masker, create_minion_graph
from langchain_privacy.local import embedded
from langchain_privacy.sql import check_sql

__all__ = ["EgressLedger", "check_sql", "create_minion_graph", "embedded"]
__all__ += ["langchain_ollama", "langchain_openai", "langgraph", "redis"]

Masker().session().mask("Jane Doe called from Portland. 김하늘 님이 답했다.")
Masker(strict=True).session().mask("The vocabularies are read.")
