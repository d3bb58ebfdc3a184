"""Ask a database in words, and no row leaves."""

from langchain_privacy.sql.card import ColumnCard, SchemaCard, TableCard
from langchain_privacy.sql.guard import GuardedQuery, check_sql
from langchain_privacy.sql.policy import SQLPolicy

__all__ = ["ColumnCard", "GuardedQuery", "SQLPolicy", "SchemaCard", "TableCard", "check_sql"]
