"""What is said to a remote model whose answer cannot be used: the code, the place, what it means.

The nodes of the graph write it for the next question to the model. Nothing of it is data: the
meanings are fixed, and the word at fault is one that the model has written itself.
"""

import re

from langchain_privacy.errors import UnsafeSQLError
from langchain_privacy.sql.answer_check import MEANINGS
from langchain_privacy.sql.execute.database import MEANINGS as RUN
from langchain_privacy.sql.guard.refusal import REASONS
from langchain_privacy.sql.mending import MISUSES

_OF_PLANS = {
    "cut_off": "the answer was cut off at its length limit; answer shorter: prepared_sql and a "
    "short template, and null or [] for everything else",
    "not_aggregate": "only counts, sums, averages and their groups may be asked for",
    "persons": "a subquery merges rows of several persons (DISTINCT, UNION, EXCEPT, INTERSECT), so "
    "that persons cannot be counted outside of it; let it give the column that says whose a row is",
}
_CANNOT = "; if [SCHEMAS] cannot answer the question, say so in `unanswerable`"
_MAY_BE_UNANSWERABLE = frozenset({"no_table", "table", "unknown_column", "not_a_query"})
_NAME = re.compile(r"\w[\w.]{0,60}")


def refused(code: str) -> UnsafeSQLError:
    """Make the error of a statement that the guard, or the policy after it, does not let run."""
    reason = REASONS.get(code) or _OF_PLANS[code]
    return UnsafeSQLError(f"The statement was refused: {reason}.", code=code)


def fault(code: str, sql: str = "", position: tuple[int, int] | None = None, more: str = "") -> str:
    """Write one line about what was wrong.

    Args:
        code: `sql:…`, `run:…`, `slot:…`, or a code of a template or plan.
        sql: The statement as the model wrote it.
        position: 1-based line and column in it.
        more: What else the model needs to know, such as the names of slots.
    """
    kind, _, name = code.rpartition(":")
    known = {"sql": REASONS, "run": RUN}.get(kind, {**MEANINGS, **_OF_PLANS})
    meaning = MISUSES.get(code) or known.get(name) or _OF_PLANS.get(name, "it cannot be used")
    if name in _MAY_BE_UNANSWERABLE:
        meaning += _CANNOT
    where = "" if position is None else f", at line {position[0]}, column {position[1]}"
    if position is not None and (word := _word(sql, position)):
        where += f": {word}"
    return f"- {code}: {meaning}{where}{more and f' ({more})'}"


def _word(sql: str, position: tuple[int, int]) -> str:
    """Return the name that stands at a place of a statement."""
    lines = sql.split("\n")
    if position[0] > len(lines):
        return ""
    found = _NAME.search(lines[position[0] - 1], position[1] - 1)
    return found[0] if found is not None and found.start() <= position[1] + 1 else ""
