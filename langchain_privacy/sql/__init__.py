"""Ask a database in words, and no row leaves.

`create_private_sql_graph` and `create_private_sql_tool` put it together; `check_sql` is the guard
on its own, `SchemaCard` what the remote model may know, `SQLPolicy` the limits. The way of a
question through this room:

1. `graph.py` puts the question away and starts the graph; `nodes/` are its four nodes.
2. `nodes/link.py` takes the values out of the question (`values.py`) and leaves placeholders.
3. `nodes/plan.py` asks the remote model (`remote.py`, `prompts/`) for a query and a template of the
   answer. It sees the card (`card.py`, read from a database by `introspect.py`) and placeholders.
4. `nodes/query.py` checks the query (`guard/`), makes small groups countable (`k_anonymity.py`) and
   runs it under the database's own defences (`execute/`).
5. `nodes/answer.py` fills the template with tokens of cells, if it holds (`answer_check.py`).
"""

from langchain_privacy.errors import ConfigurationError

try:
    import sqlglot as _sqlglot  # noqa: F401 (whether it is there, before anything here needs it)
except ImportError:
    _MISSING = 'Private SQL needs sqlglot: pip install "langchain-privacy[sql]".'
    raise ConfigurationError(_MISSING) from None

from langchain_privacy.sql.card import SchemaCard
from langchain_privacy.sql.chart import draw_chart
from langchain_privacy.sql.graph import create_private_sql_graph, create_private_sql_tool
from langchain_privacy.sql.guard import GuardedQuery, check_sql
from langchain_privacy.sql.memory import SQLMemory
from langchain_privacy.sql.policy import SQLPolicy
from langchain_privacy.sql.semantics import Meaning, SemanticLayer
from langchain_privacy.sql.tables import ColumnCard, TableCard

__all__ = [
    "ColumnCard",
    "GuardedQuery",
    "Meaning",
    "SQLMemory",
    "SQLPolicy",
    "SchemaCard",
    "SemanticLayer",
    "TableCard",
    "check_sql",
    "create_private_sql_graph",
    "create_private_sql_tool",
    "draw_chart",
]
