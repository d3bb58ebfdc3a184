"""What a statement may do, and how much of it.

`create_private_sql_graph(..., policy=SQLPolicy(k=10, timeout=2.0))` gives it to the guard, to the
database and to the nodes of the graph.
"""

from dataclasses import dataclass, replace
from typing import Literal

from langchain_privacy.errors import ConfigurationError

CROSSING_K = 5
"""Least rows or persons of a group of which something crosses, where the policy does not say."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SQLPolicy:
    """Limits of statements, of their execution and of what is shown.

    Attributes:
        functions: Names allowed beyond the built-in list of the dialect, e.g. a safe UDF.
        denied_functions: Names taken off that list.
        max_length: Longest statement, in characters.
        max_depth: Deepest nesting of parentheses.
        max_limit: Largest OFFSET, and LIMIT of a subquery, that a statement may write; the
            outermost LIMIT is cut to `row_limit`.
        allow_cross_join: Let sources stand side by side without an equality between them.
        k: A group of fewer rows, or `persons`, is left out (k-anonymity of aggregates); 0 turns it
            off. `None` is `CROSSING_K` where something of a result crosses (tokens of rows for
            `narration="placeholders"`, the content of the tool) and 0 where the answer stays here.
        persons: Columns that say whose a row is, as `table.column` (`visit.patient_id`). A SELECT
            that reads their tables is counted in different persons and not in rows, for each such
            column. They must be on the card and readable.
        prompt_tokens: About how long the prompt of a question is where the card is large (where it
            would be more than twice as long): then a part of the card crosses, the tables that
            share words with the question, what joins them, and names of others; the remote model
            may ask for more by name.
        row_limit: Rows that are read at most; the answer says when there were more.
        max_bytes: Bytes of cell text that are read at most.
        timeout: Seconds that a statement may run.
        memory_mb: Memory of a DuckDB child process, in MiB.
        narrate_rows: Rows that the answer puts into words; the rest is counted.
        repairs: How often the remote model may try again after a refusal, by code only.
        feedback: `"static"` tells the remote model only what it could have known without the data;
            `"runtime"` also tells it the code of a statement that failed while it ran, which is
            one bit about the data per question.
        ambiguous: A question value that fits several columns: `"ask"` the person (an interrupt)
            or leave it an untyped `"slot"`.
        fuzzy: Least similarity of a linked value by jamo, 0.0 to 1.0; 1.0 turns it off.
        link_values: Distinct values of a linkable column that the local index holds at most.
        history: Earlier questions of the session that the remote model sees again, with their
            statements and slots; 0 for none.
        questions: Questions that one session may have answered, `None` for any number: whoever
            asks often enough recovers a value from counts.
        aggregates_only: Refuse statements whose output is anything but aggregates and groups.
        on_unresolved: When the remote answer cannot be used: a local `"table"`, or `"raise"`.
    """

    functions: frozenset[str] = frozenset()
    denied_functions: frozenset[str] = frozenset()
    max_length: int = 8_000
    max_depth: int = 40
    max_limit: int = 10_000
    allow_cross_join: bool = False
    k: int | None = None
    persons: frozenset[str] = frozenset()
    prompt_tokens: int = 4_000
    row_limit: int = 10_000
    max_bytes: int = 16_000_000
    timeout: float = 5.0
    memory_mb: int = 256
    narrate_rows: int = 20
    repairs: int = 2
    feedback: Literal["static", "runtime"] = "static"
    ambiguous: Literal["ask", "slot"] = "ask"
    fuzzy: float = 0.86
    link_values: int = 50_000
    history: int = 4
    questions: int | None = None
    aggregates_only: bool = False
    on_unresolved: Literal["table", "raise"] = "table"

    def __post_init__(self) -> None:
        if isinstance(self.persons, str):
            msg = "SQLPolicy(persons=...) is a set of 'table.column', not one text."
            raise ConfigurationError(msg)
        positive = (
            "max_length",
            "max_depth",
            "max_limit",
            "prompt_tokens",
            "row_limit",
            "max_bytes",
            "timeout",
            "memory_mb",
            "narrate_rows",
        )
        for name in positive:
            if getattr(self, name) <= 0:
                msg = f"SQLPolicy({name}=...) must be greater than 0."
                raise ConfigurationError(msg)
        if self.smallest_group < 0 or self.repairs < 0 or not 0 < self.fuzzy <= 1:
            msg = "SQLPolicy needs k >= 0, repairs >= 0 and 0 < fuzzy <= 1."
            raise ConfigurationError(msg)

    @property
    def smallest_group(self) -> int:
        """Least size of a group; without `k` the one for what crosses."""
        return CROSSING_K if self.k is None else self.k

    def settled(self, *, crosses: bool) -> "SQLPolicy":
        """Return the policy with `k` decided.

        Args:
            crosses: Something of a result leaves this side: its rows as tokens, or their number.
        """
        return self if self.k is not None else replace(self, k=CROSSING_K if crosses else 0)

    def for_values(self) -> "SQLPolicy":
        """Return the limits for reading the values of columns, which nobody is shown."""
        return replace(
            self, row_limit=self.link_values * 20, max_bytes=max(self.max_bytes, 1 << 27)
        )
