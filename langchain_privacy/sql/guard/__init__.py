"""The guard: what may run, decided by allow-lists, and written again from the checked tree."""

from langchain_privacy.sql.guard.check import check_sql
from langchain_privacy.sql.guard.names import GuardedQuery

__all__ = ["GuardedQuery", "check_sql"]
