"""Ask a database in words, and no row leaves.

`create_private_sql_graph` and `create_private_sql_tool` put it together; `check_sql` is the guard
on its own, `SchemaCard` what the remote model may know, `SQLPolicy` the limits.
"""

from langchain_privacy.sql.card import ColumnCard, SchemaCard, TableCard
from langchain_privacy.sql.chart import draw_chart
from langchain_privacy.sql.graph import create_private_sql_graph, create_private_sql_tool
from langchain_privacy.sql.guard import GuardedQuery, check_sql
from langchain_privacy.sql.policy import SQLPolicy

__all__ = [
    "ColumnCard",
    "GuardedQuery",
    "SQLPolicy",
    "SchemaCard",
    "TableCard",
    "check_sql",
    "create_private_sql_graph",
    "create_private_sql_tool",
    "draw_chart",
]
