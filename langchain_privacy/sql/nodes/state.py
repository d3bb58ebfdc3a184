"""What LangChain sees of a run, and what it must not see beside it.

`SQLState` goes from node to node, and with it into checkpoints and traces: it holds placeholders,
references and codes. `Parts` is what the nodes work with.
"""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Literal, ParamSpec, TypeVar

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langgraph.errors import GraphBubbleUp
from typing_extensions import TypedDict

from langchain_privacy.errors import PrivacyError, QueryError
from langchain_privacy.masking import Masker
from langchain_privacy.sql.answer_check import AnswerCheck
from langchain_privacy.sql.card import SchemaCard
from langchain_privacy.sql.dialects import DialectName
from langchain_privacy.sql.execute import Database
from langchain_privacy.sql.guard import GuardedQuery, check_sql
from langchain_privacy.sql.memory import SQLMemory
from langchain_privacy.sql.policy import SQLPolicy
from langchain_privacy.sql.reading import ValueReader
from langchain_privacy.sql.remote import RemotePlanner
from langchain_privacy.words import Language

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
    language: Language
    slots: list[dict[str, Any]]
    slots_ref: str
    turns: list[dict[str, Any]]
    known: list[dict[str, Any]]
    notes: list[dict[str, str]]
    open: dict[str, Any] | None
    wanted: list[str]
    plan: dict[str, Any] | None
    usable: bool
    codes: list[str]
    faults: list[str]
    reply: str
    labels: list[str]
    attempts: int
    sql: str
    rows: Any
    answer: str
    masked_answer: str
    report: dict[str, Any]


FRESH: dict[str, Any] = {
    "turns": [],
    "known": [],
    "notes": [],
    "open": None,
    "wanted": [],
    "plan": None,
    "usable": False,
    "codes": [],
    "faults": [],
    "reply": "",
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
    """Everything that the nodes need and the state must not hold."""

    planner: RemotePlanner
    remote: BaseChatModel
    database: Database
    reader: ValueReader
    memory: SQLMemory | None
    card: SchemaCard
    dialect: DialectName
    policy: SQLPolicy
    masker: Masker
    narration: Narration
    local_model: BaseChatModel | None
    allowed_networks: Sequence[str]
    name: str

    def check(self, state: SQLState) -> GuardedQuery:
        """Check the statement of the plan; raises `UnsafeSQLError`."""
        slots = frozenset(slot["name"] for slot in (*state["known"], *state["slots"]))
        return check_sql(planned_sql(state), self.card, self.policy, self.dialect, slots=slots)

    def may_repair(self, state: SQLState) -> bool:
        """Whether the remote model may be asked once more."""
        return state["attempts"] <= self.policy.repairs


def planned_sql(state: SQLState) -> str:
    """Return the statement of the plan as the remote model wrote it."""
    plan = state["plan"]
    assert plan is not None
    return str(plan["prepared_sql"])


def answer_check(state: SQLState, guarded: GuardedQuery) -> AnswerCheck:
    """Make the check of what is answered to the question."""
    placeholders = (slot["placeholder"] for slot in (*state["known"], *state["slots"]))
    return AnswerCheck(guarded, state["masked_question"], placeholders)


def crossed(report: dict[str, Any], purpose: str, messages: list[BaseMessage]) -> dict[str, Any]:
    """Note in a report what one call showed the remote model: its length and digest."""
    text = "\n".join(message.text for message in messages)
    digest = hashlib.sha256(text.encode()).hexdigest()
    crossing = {"purpose": purpose, "characters": len(text), "sha256": digest}
    return {**report, "crossings": [*report["crossings"], crossing]}


def noted(report: dict[str, Any], codes: list[str], **more: Any) -> dict[str, Any]:
    """Note codes and more in a report."""
    return {**report, "issues": [*report["issues"], *codes], **more}


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
        raise _withheld(kind)  # out here the error has no context

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
        raise _withheld(kind)

    return run


def _withheld(kind: str) -> QueryError:
    msg = f"A local step of private SQL failed with {kind}; its text is withheld."
    return QueryError(msg, code="failed")
