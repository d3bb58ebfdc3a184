"""Runners as they are: models that reason, servers without probabilities, faults in other words."""

import json
from typing import Any

import pytest
from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI

from langchain_privacy import create_minion_graph
from langchain_privacy.errors import LocalModelError
from langchain_privacy.local import call_local, yes_no_score
from tests.support.http import RecordingServer
from tests.support.runners import (
    Fault,
    Protocol,
    Runner,
    llama_cpp,
    lm_studio,
    ollama,
    openai,
    vllm,
)
from tests.unit_tests.minions.record import NURSE, RECORD, TASK


def at(server: RecordingServer, **more: Any) -> ChatOpenAI:
    return ChatOpenAI(base_url=f"{server.url}/v1", api_key="x", model="m", max_retries=0, **more)


def pulled(server: RecordingServer, **more: Any) -> ChatOllama:
    return ChatOllama(model="m:4b", base_url=server.url, **more)


def asked_about(model: Any) -> dict[str, Any]:
    return dict(create_minion_graph(model, None).invoke({"task": TASK, "documents": [RECORD]}))


THOUGHTS = {"tags": "<think>", "harmony": "<|channel|>", "beside": "We"}


@pytest.mark.parametrize("first", THOUGHTS.values(), ids=THOUGHTS)
def test_a_model_that_begins_with_a_thought_picks_lines_instead(first: str) -> None:
    thought = {"<think>": "<think>which?</think>", "<|channel|>": HARMONY}.get(first, "")
    told = {"first": {first: -0.01, "x": -5.0}, "thinking": thought, "replies": ['{"lines": [1]}']}
    with Runner(openai, **told) as server:
        with pytest.raises(LocalModelError, match="its thought") as caught:
            yes_no_score(at(server), "x")
        assert caught.value.kind == "no_scores"
        out = asked_about(at(server))
    assert NURSE in out["answer"]
    assert out["report"]["errors"] == []
    assert out["report"]["local"]["judge"] == "lines"
    picked = out["report"]["calls"][-1]
    assert (picked["reasoning"] > 0) == bool(thought)


HARMONY = (
    "<|channel|>analysis<|message|>line one<|end|><|start|>assistant<|channel|>final<|message|>"
)


def test_a_server_without_probabilities_is_used_all_the_same() -> None:
    with Runner(lm_studio, replies=['{"lines": [1]}']) as server:
        out = asked_about(at(server))
        again = server.asked("/completion")
        asked_about(at(server))
        assert server.asked("/completion") == again  # what cannot score is not asked again
    assert out["report"]["local"]["judge"] == "lines"
    assert NURSE in out["answer"]


@pytest.mark.parametrize(
    ("protocol", "path", "score"),
    [
        pytest.param(llama_cpp, "/completion", 1.0, id="llama.cpp"),
        pytest.param(vllm, "/v1/completions", 1.5, id="vllm"),
        pytest.param(openai, "/v1/chat/completions", 1.0, id="chat"),
    ],
)
def test_a_server_is_asked_where_its_answer_is_worth_most(
    protocol: Protocol, path: str, score: float
) -> None:
    with Runner(protocol, first={" Yes": -0.5, "no": -1.5}) as server:
        assert yes_no_score(at(server), "x", timeout=30) == pytest.approx(score)
        assert server.requests[-1].path == path


REPLIES = {
    "as asked": '{"lines": [1]}',
    "bare list": "[1]",
    "fenced": "```json\n[1]\n```",
    "one number": '{"lines": 1}',
    "bare number": "1",
    "text": '{"lines": "1, 2"}',
    "thoughts before": "<think>{}</think>[1]",
}


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
def test_what_a_small_model_means_is_read(reply: str) -> None:
    with Runner(ollama, replies=[reply]) as server:
        out = asked_about(pulled(server))
        (asked,) = server.asked("/api/chat")
    assert asked["format"]["properties"]["lines"]["type"] == "array"
    assert out["report"]["errors"] == []
    assert NURSE in out["answer"]


def test_prose_is_asked_for_again_once() -> None:
    with Runner(ollama, replies=["The first line answers it.", "[1]"]) as server:
        out = asked_about(pulled(server))
        first, second = server.asked("/api/chat")
    assert NURSE in out["answer"]
    assert out["report"]["local"]["calls"] == 2
    assert len(second["messages"]) == len(first["messages"]) + 2
    with Runner(ollama, replies=["The first line answers it."]) as server:
        out = asked_about(pulled(server))
        assert len(server.asked("/api/chat")) == 2
    assert out["report"]["errors"] == ["local_reply_unusable"]


@pytest.mark.parametrize(
    ("protocol", "make", "field"),
    [(ollama, pulled, "format"), (openai, at, "response_format")],
    ids=["ollama", "openai"],
)
def test_a_server_that_knows_no_schema_is_asked_by_the_prompt(
    protocol: Protocol, make: Any, field: str
) -> None:
    with Runner(protocol, refuses=[field]) as server:
        out = asked_about(make(server))
    assert NURSE in out["answer"]
    assert out["report"]["errors"] == []


FAULTS: dict[str, tuple[Protocol, Any, Fault, str]] = {
    "ollama, not pulled": (ollama, pulled, Fault(404, "model 'm:4b' not found"), "missing"),
    "ollama, memory": (
        ollama,
        pulled,
        Fault(500, "model requires more system memory (9.1 GiB) than is available (3.4 GiB)"),
        "memory",
    ),
    "ollama, killed": (
        ollama,
        pulled,
        Fault(500, "llama runner process has terminated: signal: killed"),
        "memory",
    ),
    "ollama, cuda": (
        ollama,
        pulled,
        Fault(500, "llama runner process has terminated: cudaMalloc failed: out of memory"),
        "memory",
    ),
    "ollama, busy": (
        ollama,
        pulled,
        Fault(503, "server busy, please try again. maximum pending requests exceeded"),
        "busy",
    ),
    "vllm, another model": (
        vllm,
        at,
        Fault(404, {"error": {"message": "The model `m` does not exist.", "code": 404}}),
        "missing",
    ),
    "vllm, too long": (
        vllm,
        at,
        Fault(400, {"error": {"message": "This model's maximum context length is 4096 tokens."}}),
        "too_long",
    ),
    "lm studio, nothing loaded": (
        lm_studio,
        at,
        Fault(400, {"error": {"message": "No models loaded. Please load a model."}}),
        "missing",
    ),
    "lm studio, memory": (
        lm_studio,
        at,
        Fault(400, {"error": "Model loading was stopped due to insufficient system resources."}),
        "memory",
    ),
    "llama.cpp, loading": (
        llama_cpp,
        at,
        Fault(503, {"error": {"code": 503, "message": "Loading model"}}),
        "busy",
    ),
    "llama.cpp, too long": (
        llama_cpp,
        at,
        Fault(
            400,
            {
                "error": {
                    "code": 400,
                    "type": "exceed_context_size_error",
                    "message": "the request exceeds the available context size",
                }
            },
        ),
        "too_long",
    ),
    "a key": (openai, at, Fault(401, {"error": {"message": "Invalid API Key"}}), "key"),
}


@pytest.mark.parametrize(("protocol", "make", "fault", "kind"), FAULTS.values(), ids=FAULTS)
def test_faults_are_told_apart(protocol: Protocol, make: Any, fault: Fault, kind: str) -> None:
    with Runner(protocol, replies=[fault]) as server:
        with pytest.raises(LocalModelError) as caught:
            call_local(make(server), f"{NURSE} asks.")
        assert caught.value.kind == kind
        assert NURSE not in str(caught.value)
        out = asked_about(make(server))
    if protocol not in (vllm, llama_cpp):  # those were asked to score, which they can
        assert out["report"]["errors"] == [f"local_unavailable:{kind}"]
    assert NURSE in out["answer"]


def test_a_runner_that_is_down_is_not_one_that_has_no_such_model() -> None:
    for model in (
        ChatOllama(model="m", base_url="http://127.0.0.1:9"),
        ChatOpenAI(base_url="http://127.0.0.1:9/v1", api_key="x", model="m", max_retries=0),
    ):
        out = asked_about(model)
        assert out["report"]["errors"] == ["local_unavailable:down"]
        assert json.dumps(out["report"]["errors"])


@pytest.mark.parametrize(
    ("name", "answered"), [("qwen2.5-coder-1.5b", True), ("gemma-270m", False)]
)
def test_a_larger_model_outweighs_a_low_rank(name: str, answered: bool) -> None:
    """The passage has one word of the question: what a larger model says of it decides."""
    with Runner(llama_cpp, first={" yes": -0.1, " no": -2.1}) as server:
        model = ChatOpenAI(model=name, base_url=f"{server.url}/v1", api_key="x", max_retries=0)
        graph = create_minion_graph(model, None)
        document = "The cellar is dry. The borrowing costs 5.35 percent. The attic is empty."
        out = graph.invoke(
            {"task": "How much is borrowing money over the year?", "documents": [document]}
        )
    assert (out["report"]["outcome"] == "answered") == answered


def test_a_model_is_not_asked_about_what_cannot_answer() -> None:
    with Runner(llama_cpp, first={" yes": -0.01, " no": -6.0}) as server:
        model = ChatOpenAI(model="m-1b", base_url=f"{server.url}/v1", api_key="x", max_retries=0)
        document = (
            "Section 2, notice period.\nThe notice period is set by law.\n"
            "The notice period is six weeks."
        )
        out = create_minion_graph(model, None).invoke(
            {"task": "How much time is the notice period?", "documents": [document]}
        )
    assert "six weeks" in out["answer"]
    assert out["report"]["local"]["calls"] == 1
