"""The guard: what may run, decided by allow-lists, and written again from the checked tree.

`check.py` goes from a model's text to a tree of allowed constructs, `names.py` gives every name in
it its meaning on the card, `query.py` holds what comes out. `refusal.py` lists why a statement is
refused.
"""

from langchain_privacy.sql.guard.check import check_sql
from langchain_privacy.sql.guard.query import GuardedQuery

__all__ = ["GuardedQuery", "check_sql"]
