"""What LangChain sees of a run, and what it must not see beside it."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from functools import wraps
from typing import Any, Literal, ParamSpec, TypedDict, TypeVar

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langgraph.errors import GraphBubbleUp

from langchain_privacy.errors import PrivacyError, QueryError
from langchain_privacy.masking import Masker
from langchain_privacy.masking.placeholder import PLACEHOLDER
from langchain_privacy.sql.answer_check import check_template
from langchain_privacy.sql.card import SchemaCard
from langchain_privacy.sql.execute import Database
from langchain_privacy.sql.guard import GuardedQuery, check_sql
from langchain_privacy.sql.policy import SQLPolicy
from langchain_privacy.sql.remote import AnswerTemplate, QueryPlan, RemotePlanner, crossing

Narration = Literal["template", "placeholders", "local_model", "table"]

P = ParamSpec("P")
T = TypeVar("T")


class SQLInput(TypedDict):
    """What a caller gives."""

    question: str


class SQLOutput(TypedDict):
    """What a caller gets; inside a recorded run `rows` is a reference and `answer` is masked."""

    answer: str
    masked_answer: str
    sql: str
    rows: list[dict[str, Any]] | None
    report: dict[str, Any]


class SQLState(TypedDict, total=False):
    """What LangChain sees of a run. No member ever holds a value of the database."""

    question: str
    masked_question: str
    language: Literal["en", "ko"]
    slots: list[dict[str, Any]]
    slots_ref: str
    plan: dict[str, Any] | None
    codes: list[str]
    labels: list[str]
    attempts: int
    sql: str
    rows: Any
    answer: str
    masked_answer: str
    report: dict[str, Any]


FRESH: dict[str, Any] = {
    "plan": None,
    "codes": [],
    "labels": [],
    "attempts": 0,
    "sql": "",
    "rows": None,
    "answer": "",
    "masked_answer": "",
}

"""What a question starts with: nothing of an earlier one of its thread lives on."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Parts:
    """Everything that the steps need and the state must not hold."""

    planner: RemotePlanner
    remote: BaseChatModel
    database: Database
    card: SchemaCard
    policy: SQLPolicy
    masker: Masker
    narration: Narration
    local_model: BaseChatModel | None

    def check(self, state: SQLState) -> GuardedQuery:
        """Check the statement of the plan; raises `UnsafeSQLError`."""
        return check_sql(
            QueryPlan.model_validate(state["plan"]).prepared_sql,
            self.card,
            self.policy,
            self.database.dialect,
            slots=frozenset(slot["name"] for slot in state["slots"]),
        )

    def may_repair(self, state: SQLState) -> bool:
        """Whether the remote model may be asked once more."""
        return state["attempts"] <= self.policy.repairs


def sealed(body: Callable[P, T]) -> Callable[P, T]:
    """Let only our errors (and LangGraph's interrupts) out of a local body."""

    @wraps(body)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return body(*args, **kwargs)
        except (PrivacyError, GraphBubbleUp):
            raise
        except Exception as error:  # noqa: BLE001 (its text may hold a value)
            kind = type(error).__name__
        msg = f"A local step of private SQL failed with {kind}; its text is withheld."
        raise QueryError(msg, code="failed")

    return run


def asealed(body: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Like `sealed`, for a coroutine function."""

    @wraps(body)
    async def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await body(*args, **kwargs)
        except (PrivacyError, GraphBubbleUp):
            raise
        except Exception as error:  # noqa: BLE001 (its text may hold a value)
            kind = type(error).__name__
        msg = f"A local step of private SQL failed with {kind}; its text is withheld."
        raise QueryError(msg, code="failed")

    return run


def template_codes(template: AnswerTemplate, guarded: GuardedQuery, state: SQLState) -> list[str]:
    """Check the texts of a template against the statement; see `verify`."""
    question = state["masked_question"]
    codes: list[str] = []
    texts = [(template.full, None), (template.single, 1), (template.empty, 0)]
    if not (template.full + template.single).strip():
        codes.append("empty_answer")
    known = {slot["placeholder"] for slot in state["slots"]}
    for text, rows in texts:
        codes += check_template(text, guarded, question, rows=rows)
        if foreign(text, known):
            codes.append("unresolved_token")
    return list(dict.fromkeys(codes))


def foreign(text: str, known: set[str]) -> bool:
    """Whether a text holds a placeholder that is none of the question's."""
    return any(match[0] not in known for match in PLACEHOLDER.finditer(text))


def crossed(report: dict[str, Any], purpose: str, messages: list[BaseMessage]) -> dict[str, Any]:
    """Note a crossing in a report."""
    return {
        **report,
        "crossings": [*report["crossings"], asdict(crossing(purpose, messages))],
    }


def noted(report: dict[str, Any], codes: list[str], **more: Any) -> dict[str, Any]:
    """Note codes and more in a report."""
    return {**report, "issues": [*report["issues"], *codes], **more}
