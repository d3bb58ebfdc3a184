"""What the scripted models of the documentation's pages answer.

A model that is not named here answers as it does by default: the remote one repeats the last
message, the local one says "OK". A key is a page below `docs`; the Korean page of the same name is
told the same, so a script reads what it needs from the request.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from langchain_privacy.testing.model_server import Answer, Script, last_text, tool_calls

PLACEHOLDER = re.compile(r"\[[A-Z]+(?:_[A-Z]+)*_[0-9A-Z]+\]")


def _written(said: Any) -> str:
    return json.dumps(said, ensure_ascii=False)


def _lines(prompt: str, *wanted: str) -> list[int]:
    """Return the numbers of the lines that hold one of the words."""
    numbered = re.findall(r"^\s*[\[(]?(\d+)[\])]?[.:)]?\s(.*)$", prompt, re.MULTILINE)
    return [int(number) for number, line in numbered if any(word in line for word in wanted)]


def _lease(request: dict[str, Any]) -> str:
    """Plan, then reason on the passages, with the placeholders of the task."""
    prompt = last_text(request)
    korean = "위약금" in prompt
    if '"combine"' in prompt:
        terms = ["위약금", "월세", "전에"] if korean else ["ends", "before", "owes", "rent"]
        sub = {"question": "?", "terms": terms, "expect": "span"}
        return _written({"subs": [sub], "combine": "single"})
    task = next(
        line for line in prompt.splitlines() if line.startswith(("Task:", "질문:", "과제:"))
    )
    tenant, landlord = PLACEHOLDER.findall(task)[:2]
    said = f"If {tenant} leaves early, she owes {landlord} the rent of two months."
    if korean:
        said = f"{tenant} 씨가 일찍 나가면 {landlord} 씨에게 두 달 치 월세를 내야 합니다."
    cited = _lines(prompt, "two months", "monthly rent", "두 달", "월세")
    return _written({"decision": "answer", "answer": said, "cite": cited})


def _minion(request: dict[str, Any]) -> str:
    """Plan a search or jobs, then quote the line that answers."""
    prompt = last_text(request)
    korean = "비공개" in prompt
    if '"jobs"' in prompt:
        rent = ["월세"] if korean else ["rent", "monthly"]
        job = {"question": "월세는 얼마인가?" if korean else "How much is the monthly rent?"}
        return _written({"jobs": [{**job, "terms": rent, "expect": "money", "aggregate": "sum"}]})
    if '"combine"' in prompt:
        task = prompt.splitlines()[-1]
        likely = ("보증금", "월세", "stopped", "because", "monthly", "rent")
        terms = [word for word in likely if word in task] or ["because"]
        subs = [{"question": "?", "terms": terms, "expect": "span"}]
        return _written({"subs": subs, "combine": "single"})
    said = "보증금은 3,000만 원입니다." if korean else "Because of a dry cough."
    cited = _lines(prompt, "보증금", "because")
    return _written({"decision": "answer", "answer": said, "cite": cited})


def _lease_lines(request: dict[str, Any]) -> str:
    """Mark the lines of the lease that answer."""
    prompt = request["messages"][-1]["content"]
    return _written({"lines": _lines(prompt, "two months", "monthly rent", "두 달", "월세")[:3]})


def _agent(request: dict[str, Any]) -> Answer:
    """Look the customer up, write a mail, report; then answer from what was looked up."""
    messages = request["messages"]
    asked = [index for index, message in enumerate(messages) if message["role"] == "user"]
    who = PLACEHOLDER.search(messages[asked[0]]["content"])
    results = [message["content"] for message in messages if message["role"] == "tool"]
    if who is None or len(asked) > 1:
        return results[0] if results else "OK"
    if not results:
        return tool_calls("crm_lookup", email=who[0])
    if len(results) == 1:
        return tool_calls("send_mail", to=who[0], text=results[0])
    return f"{who[0]}: {results[0]}"


def _staff(request: dict[str, Any]) -> str:
    """Plan the statement of a question about the table of the tutorial."""
    prompt = last_text(request)
    korean = "직원" in prompt
    name, city, pay, table = "name", "city", "salary", "staff"
    if korean:
        name, city, pay, table = "이름", "도시", "연봉", "직원"
    least = "least" in prompt.splitlines()[-1] or "가장 적" in prompt.splitlines()[-1]
    value = f"[[hidden_value_1_{name}]]"
    said = f"{value} earns most, with [[hidden_value_1_{pay}|comma]] euros a year."
    if korean:
        said = f"{value} 님의 연봉이 [[hidden_value_1_{pay}|comma]]만 원입니다."
    order = "ASC" if least else "DESC"
    plan = {
        "keywords": [],
        "columns": [f"{table}.{column}" for column in (name, city, pay)],
        "tables": [table],
        "conditions": [f"{table}.{city} = :v1"],
        "prepared_sql": f"SELECT {name}, {pay} FROM {table} WHERE {city} = :v1 "
        f"ORDER BY {pay} {order} LIMIT 1",
        "template": {"full": said, "single": said, "empty": "-"},
    }
    return _written(plan)


REMOTE: dict[str, Sequence[Answer | Script]] = {
    "minions": [_minion],
    "tutorials/documents": [_lease],
    "tutorials/agent": [_agent],
    "tutorials/database": [_staff],
}
LOCAL: dict[str, Sequence[Any]] = {"tutorials/documents": [_lease_lines]}
