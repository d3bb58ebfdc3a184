"""How often a private answer is right, beside the same model without privacy.

Each case is a question and one or more gold statements. Right is an answer whose rows are those of
a gold statement (as a multiset, or in order where the gold orders them; columns in any order).
What else may happen is counted apart: a wrong answer with a remark, one without (silent), a
question back, no answer. `langchain-privacy eval-sql` and `benchmarks/sql_accuracy.py` call it.

```python
report = measure(cases, model, "sqlite:///trades.sqlite", compare=True)
report.accuracy / report.without_privacy
```
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import permutations
from typing import Any, Literal

from langchain_core.language_models import BaseChatModel

from langchain_privacy.egress.ask import read_json
from langchain_privacy.errors import PrivacyError
from langchain_privacy.masking import Masker
from langchain_privacy.sql.card import SchemaCard
from langchain_privacy.sql.dialects import dialect_name
from langchain_privacy.sql.execute import open_database
from langchain_privacy.sql.graph import create_private_sql_graph
from langchain_privacy.sql.guard import check_sql
from langchain_privacy.sql.policy import SQLPolicy
from langchain_privacy.sql.prompts import language_of
from langchain_privacy.sql.remote import QueryPlan, RemotePlanner

How = Literal["right", "remarked", "silent", "asked", "none"]
"""Right; wrong, and the answer says what may be; wrong without a word; asked back; no answer."""

_MOST_COLUMNS = 6
_CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Case:
    """A question with the statements that answer it."""

    question: str
    gold: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a case.

    Attributes:
        case: The case.
        how: How it ended.
        crossings: How often the remote model was asked.
        characters: What crossed, prompts included.
        issues: Codes of what was wrong on the way.
        plain: Whether the model was right without privacy; `None` when it was not asked.
    """

    case: Case = field(repr=False)
    how: How
    crossings: int
    characters: int
    issues: tuple[str, ...]
    plain: bool | None


@dataclass(frozen=True, slots=True)
class Accuracy:
    """What `measure` found."""

    outcomes: Sequence[Outcome]

    def count(self, how: How) -> int:
        """Return how many cases ended so."""
        return sum(outcome.how == how for outcome in self.outcomes)

    @property
    def accuracy(self) -> float:
        """Share of right answers, 0.0 to 1.0."""
        return self.count("right") / max(1, len(self.outcomes))

    @property
    def without_privacy(self) -> float:
        """The same of the model without privacy, where it was asked."""
        asked = [outcome.plain for outcome in self.outcomes if outcome.plain is not None]
        return sum(asked) / max(1, len(asked))

    def figures(self) -> dict[str, float]:
        """Return the figures by what they count."""
        many = max(1, len(self.outcomes))
        plain = [outcome for outcome in self.outcomes if outcome.plain]
        again = [outcome for outcome in self.outcomes if outcome.crossings > 1]
        crossings = sum(outcome.crossings for outcome in self.outcomes)
        characters = sum(outcome.characters for outcome in self.outcomes)
        figures: dict[str, float] = {
            "questions": len(self.outcomes),
            "right": round(self.accuracy, 3),
            "asked again": len(again),
            "right when asked again": sum(outcome.how == "right" for outcome in again),
            "wrong without a word": self.count("silent"),
            "wrong with a remark": self.count("remarked"),
            "asked back": self.count("asked"),
            "no answer": self.count("none"),
            "crossings a question": round(crossings / many, 2),
            "tokens a question": characters // _CHARACTERS_PER_TOKEN // many,
        }
        if any(outcome.plain is not None for outcome in self.outcomes):
            figures["right without privacy"] = round(self.without_privacy, 3)
            figures["of these lost"] = sum(outcome.how != "right" for outcome in plain)
        return figures


def measure(
    cases: Iterable[Case],
    remote: BaseChatModel,
    url: Any,
    *,
    card: SchemaCard | None = None,
    policy: SQLPolicy | None = None,
    masker: Masker | None = None,
    compare: bool = False,
    **graph: Any,
) -> Accuracy:
    """Ask each question in a session of its own, and compare rows with the gold statements'.

    Args:
        cases: Questions with gold statements.
        remote: The remote model.
        url: The database, as for `create_private_sql_graph`.
        card: What may be known.
        policy: Limits.
        masker: Detectors; without it the defaults.
        compare: Whether to ask the same model without privacy too: the questions cross as they are.
        **graph: Further arguments of `create_private_sql_graph`.
    """
    card, policy = card or SchemaCard.from_engine(url), policy or SQLPolicy()
    masker = masker or Masker()
    chain = create_private_sql_graph(remote, url, card=card, policy=policy, masker=masker, **graph)
    golden = _Golden(url, card, policy)
    plain = _Plain(remote, golden) if compare else None
    outcomes = []
    for case in cases:
        wanted = golden.rows(case)
        result = chain.invoke({"question": case.question})
        report, rows = result["report"], result["rows"]
        crossings = report["crossings"]
        outcomes.append(
            Outcome(
                case,
                _how(result, rows, wanted),
                len(crossings),
                sum(crossing["characters"] for crossing in crossings),
                tuple(report["issues"]),
                None if plain is None else plain.right(case, wanted),
            )
        )
    return Accuracy(outcomes)


Rows = list[tuple[Any, ...]]


def _how(result: dict[str, Any], rows: Any, wanted: list[tuple[Rows, bool]]) -> How:
    report = result["report"]
    if "ask" in report:
        return "asked"
    if rows is None:
        return "none"
    if any(
        same_rows([tuple(row.values()) for row in rows], gold, ordered=order)
        for gold, order in wanted
    ):
        return "right"
    return "remarked" if report["remarks"] else "silent"


class _Golden:
    """Runs gold statements, through the guard like every other."""

    def __init__(self, url: Any, card: SchemaCard, policy: SQLPolicy) -> None:
        self.card, self.policy = card, policy
        self.database = open_database(url, card.tables, policy)

    def rows(self, case: Case) -> list[tuple[Rows, bool]]:
        """Return the rows of each gold statement that runs, and whether their order counts."""
        return [found for sql in case.gold if (found := self.run(sql)) is not None]

    def run(self, sql: str) -> tuple[Rows, bool] | None:
        try:
            checked = check_sql(sql, self.card, self.policy, self.database.dialect)
            rows = self.database.run(checked.sql).rows
        except PrivacyError:
            return None
        return [tuple(row) for row in rows], bool(checked.order_by)


class _Plain:
    """The same model, prompt and guard, and the question as it is."""

    def __init__(self, remote: BaseChatModel, golden: _Golden) -> None:
        self._golden = golden
        dialect = dialect_name(golden.database.dialect)
        self._planner = RemotePlanner(remote, golden.card, dialect, "")

    def right(self, case: Case, wanted: list[tuple[Rows, bool]]) -> bool:
        messages = self._planner.messages(case.question, [], language_of(case.question))
        try:
            plan = read_json(self._planner.ask(messages), QueryPlan)
        except PrivacyError:
            return False
        found = self._golden.run(plan.prepared_sql)
        return found is not None and any(
            same_rows(found[0], gold, ordered=order) for gold, order in wanted
        )


def same_rows(rows: Rows, gold: Rows, *, ordered: bool) -> bool:
    """Say whether rows are the gold's, their columns in any order."""
    if len(rows) != len(gold):
        return False
    if not rows:
        return True
    width = len(gold[0])
    if len(rows[0]) != width:
        return False
    left = [tuple(map(_plain, row)) for row in rows]
    right = [tuple(map(_plain, row)) for row in gold]
    orders = permutations(range(width)) if width <= _MOST_COLUMNS else [tuple(range(width))]
    for order in orders:
        turned = [tuple(row[at] for at in order) for row in left]
        if turned == right or (not ordered and Counter(turned) == Counter(right)):
            return True
    return False


def _plain(value: Any) -> Any:
    """Return a value as two databases, or two ways to compute it, agree on it."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, (float, Decimal)):
        rounded = round(float(value), 4)
        return int(rounded) if rounded == int(rounded) else rounded
    return value
