"""LangSmith's `evaluate()`, run for real against a server that answers as LangSmith does."""

import asyncio
import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import langsmith
import pytest
from langsmith import aevaluate, evaluate
from langsmith.schemas import Example

from langchain_privacy import Masker, install_tracing_guard
from tests.support.http import LangSmithServer, Recorded, Reply

WHO, CARD, NOTE = "jane.doe@corp-secret.com", "4111 1111 1111 1111", "홍길동 주임"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
DATASET, PROJECT, TENANT = (str(uuid.UUID(int=i)) for i in (1, 2, 3))


class AnsweringServer(LangSmithServer):
    """Answers what `evaluate()` reads: a dataset, and the experiment that it has made."""

    def _respond(self, request: Recorded) -> Reply:
        if request.path.startswith("/datasets"):
            return self._json({"id": DATASET, "name": "d", "created_at": NOW.isoformat()})
        if request.path.startswith("/sessions"):
            project = {"id": PROJECT, "name": "e", "start_time": NOW.isoformat()}
            return self._json(project | {"tenant_id": TENANT, "reference_dataset_id": DATASET})
        return super()._respond(request)

    @staticmethod
    def _json(value: dict[str, Any]) -> Reply:
        return Reply(body=json.dumps(value).encode())


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[AnsweringServer]:
    with AnsweringServer() as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        langsmith.utils.get_env_var.cache_clear()
        server.client = langsmith.Client(api_url=server.url, api_key="lsv2_pt_test")
        yield server
        server.client.close()
    langsmith.utils.get_env_var.cache_clear()


def run_evaluation(client: langsmith.Client, *, asynchronous: bool = False) -> list[Any]:
    def target(inputs: dict[str, Any]) -> dict[str, Any]:
        if inputs["q"] == CARD:
            raise ValueError(f"no answer for {CARD}")
        return {"answer": f"ask {inputs['q']}"}

    def judge(run: Any, example: Any) -> dict[str, Any]:
        return {"key": "judge", "score": 1, "comment": f"{NOTE} says {run.inputs}", "value": WHO}

    examples = [
        Example(id=uuid.uuid4(), inputs={"q": q}, outputs={"a": NOTE}, dataset_id=DATASET)
        for q in (WHO, CARD)
    ]
    settings: Any = {
        "data": examples,
        "evaluators": [judge],
        "client": client,
        "metadata": {"for": WHO},
        "description": f"about {NOTE}",
        "experiment_prefix": "guarded",
    }

    async def atarget(inputs: dict[str, Any]) -> dict[str, Any]:
        return target(inputs)

    async def run() -> list[Any]:
        return [result async for result in await aevaluate(atarget, **settings)]

    results = asyncio.run(run()) if asynchronous else list(evaluate(target, **settings))
    client.flush()
    return sorted(results, key=lambda result: result["example"].inputs["q"] != WHO)


def leaked(server: LangSmithServer) -> list[str]:
    wire = server.wire.decode("utf-8", "replace")
    return [v for v in (WHO, CARD, NOTE) if v in wire or json.dumps(v)[1:-1] in wire]


@pytest.mark.parametrize("asynchronous", [False, True])
def test_evaluate_sends_no_value(server: AnsweringServer, asynchronous: bool) -> None:
    masker = Masker()
    session = masker.session("t").vault
    for value in (WHO, CARD, NOTE):
        session.issue("SECRET", value)
    guard = install_tracing_guard(masker, client=server.client)
    results = run_evaluation(server.client, asynchronous=asynchronous)
    guard.remove()
    # The evaluation itself saw real values ...
    assert results[0]["run"].outputs == {"answer": f"ask {WHO}"}
    assert results[0]["evaluation_results"]["results"][0].value == WHO
    # ... runs, feedback and the experiment left without them.
    assert b"judge" in server.wire
    assert b"[SECRET_" in server.wire
    assert leaked(server) == []


def test_without_the_guard_every_value_comes_out(server: AnsweringServer) -> None:
    run_evaluation(server.client)
    assert leaked(server) == [WHO, CARD, NOTE]
