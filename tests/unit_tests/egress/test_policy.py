"""Policies raise, compose, and refuse to be empty."""

import asyncio
import hashlib
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command

from langchain_privacy import EgressGuard, Masker
from langchain_privacy.egress import (
    AllOf,
    AllowHosts,
    AllowModels,
    AnyOf,
    CrossingRequest,
    EgressPolicy,
    HumanApproval,
    MaxBytesPerCrossing,
    MaxBytesPerSession,
    RequireAttestation,
)
from langchain_privacy.errors import AttestationError, ConfigurationError, EgressBlockedError
from langchain_privacy.vault import session_scope
from tests.support.scripted import ScriptedChatModel


def request(**changes: Any) -> CrossingRequest:
    fields: dict[str, Any] = {
        "destination": "api.example.org",
        "model": "gpt-4o",
        "purpose": "chat",
        "session": "s",
        "size": 100,
        "payload": b"x" * 100,
    }
    return CrossingRequest(**fields | changes)


class Yes(EgressPolicy):
    def check(self, request: CrossingRequest) -> None:
        """Agree."""


class No(EgressPolicy):
    def check(self, request: CrossingRequest) -> None:
        raise request.refuse("no", "it says no")


class Attesting:
    def attest(self) -> str:
        return "a report"


class Failing(Attesting):
    def attest(self) -> str:
        raise AttestationError("not what it should be")


TABLE: list[tuple[EgressPolicy, CrossingRequest, str | None]] = [
    (AllOf([Yes(), Yes()]), request(), None),
    (AllOf([Yes(), No()]), request(), "no"),
    (AnyOf([No(), Yes()]), request(), None),
    (AnyOf([No(), No()]), request(), "no"),
    (AllowHosts(["api.example.org"]), request(), None),
    (AllowHosts(["API.example.org"]), request(destination="api.EXAMPLE.org:443"), None),
    (AllowHosts(["api.example.org:443"]), request(), "allow_hosts"),
    (AllowHosts(["example.org"]), request(), "allow_hosts"),
    (AllowHosts(["*.example.org"]), request(), None),
    (AllowHosts(["*.example.org"]), request(destination="example.org"), "allow_hosts"),
    (AllowHosts(["*.example.org"]), request(destination="evilexample.org"), "allow_hosts"),
    (AllowHosts(["example.org"]), request(destination="example.org.evil.net"), "allow_hosts"),
    (AllowHosts(["api.example.org"]), request(destination="unknown"), "allow_hosts"),
    (AllowModels(["gpt-4o"]), request(), None),
    (AllowModels(["gpt-4o-mini"]), request(), "allow_models"),
    (MaxBytesPerCrossing(100), request(), None),
    (MaxBytesPerCrossing(99), request(), "max_bytes_per_crossing"),
    (RequireAttestation(), request(), "require_attestation"),
    (RequireAttestation(), request(sender=Attesting()), None),
    (HumanApproval(), request(), "human_approval"),
    (HumanApproval(when=lambda r: r.size > 100), request(), None),
]


@pytest.mark.parametrize(("policy", "asked", "rule"), TABLE)
def test_table(policy: EgressPolicy, asked: CrossingRequest, rule: str | None) -> None:
    if rule is None:
        policy.check(asked)
        return
    with pytest.raises(EgressBlockedError) as caught:
        policy.check(asked)
    assert caught.value.rule == rule
    assert caught.value.destination == asked.destination


def test_a_failed_attestation_is_told_as_it_is() -> None:
    with pytest.raises(AttestationError):
        RequireAttestation().check(request(sender=Failing()))


@pytest.mark.parametrize(
    "make",
    [
        lambda: AllOf([]),
        lambda: AnyOf([]),
        lambda: AllowHosts([]),
        lambda: AllowModels([]),
        lambda: AllowHosts("api.example.org"),
        lambda: AllowModels("gpt-4o"),
        lambda: MaxBytesPerCrossing(0),
        lambda: MaxBytesPerSession(-1),
        lambda: AnyOf([Yes(), MaxBytesPerSession(1)]),
    ],
)
def test_nothing_means_nothing_allowed(make: Any) -> None:
    with pytest.raises(ConfigurationError):
        make()


def test_a_refusal_by_policy_is_recorded() -> None:
    guard = EgressGuard(Masker(), policy=AllowHosts(["api.example.org"]))
    with pytest.raises(EgressBlockedError):
        guard.wrap(ScriptedChatModel(responses=["fine"])).invoke("hello")
    assert [(c.decision, c.rule) for c in guard.ledger] == [("blocked", "allow_hosts")]


def test_a_budget_is_a_sessions_own() -> None:
    masker = Masker()
    policy = AllOf([Yes(), MaxBytesPerSession(1000), MaxBytesPerSession(5000)])
    guard = EgressGuard(masker, policy=policy)
    model = guard.wrap(ScriptedChatModel(responses=["fine"]))
    first, second = masker.session("a").vault, masker.session("b").vault
    with session_scope(first):
        model.invoke("word " * 100)
        with pytest.raises(EgressBlockedError) as caught:
            model.invoke("word " * 100)
    assert caught.value.rule == "max_bytes_per_session"
    assert guard.ledger.spent(first.id) <= 1000
    with session_scope(second):
        model.invoke("word " * 100)


@pytest.mark.parametrize(("answer", "sent"), [("approve", 1), (True, 1), ("no", 0), (False, 0)])
def test_a_person_decides(answer: Any, sent: int) -> None:
    inner = ScriptedChatModel(responses=["fine"])
    guard = EgressGuard(Masker(), policy=HumanApproval())
    model = guard.wrap(inner)

    def call(state: MessagesState) -> Any:
        return {"messages": [model.invoke(state["messages"])]}

    graph = StateGraph(MessagesState).add_node("call", call)
    graph.add_edge(START, "call").add_edge("call", END)
    compiled = graph.compile(checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "t"}}
    asked = compiled.invoke({"messages": ["hello there"]}, config)["__interrupt__"][0].value
    assert asked["masked"] is True
    assert "hello there" in asked["crossing"]["payload"]
    assert inner.seen == []
    if sent:
        compiled.invoke(Command(resume=answer), config)
    else:
        with pytest.raises(EgressBlockedError):
            compiled.invoke(Command(resume=answer), config)
    assert len(inner.seen) == sent
    decisions = [c.decision for c in guard.ledger]
    assert decisions == (["allowed"] if sent else ["blocked"])


@pytest.mark.parametrize(("answer", "sent"), [("digest", 1), ("0" * 64, 0), ("approve", 1), (1, 0)])
def test_a_person_decides_async_and_may_approve_one_payload_only(answer: Any, sent: int) -> None:
    inner = ScriptedChatModel(responses=["fine"])
    guard = EgressGuard(Masker(), policy=HumanApproval())
    model = guard.wrap(inner)

    async def call(state: MessagesState) -> Any:
        return {"messages": [await model.ainvoke(state["messages"])]}

    graph = StateGraph(MessagesState).add_node("call", call)
    graph.add_edge(START, "call").add_edge("call", END)
    compiled = graph.compile(checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "t"}}

    async def run() -> None:
        paused = await compiled.ainvoke({"messages": ["hello there"]}, config)
        asked = paused["__interrupt__"][0].value["crossing"]
        assert asked["digest"] == hashlib.sha256(asked["payload"].encode()).hexdigest()
        given = asked["digest"] if answer == "digest" else answer
        if sent:
            await compiled.ainvoke(Command(resume=given), config)
            assert guard.ledger.crossings()[0].payload_digest == asked["digest"]
        else:
            with pytest.raises(EgressBlockedError):
                await compiled.ainvoke(Command(resume=given), config)

    asyncio.run(run())
    assert len(inner.seen) == sent


def test_an_approved_digest_does_not_approve_another_payload() -> None:
    """The node runs again after the answer, and may make another prompt by then."""
    inner = ScriptedChatModel(responses=["fine"])
    model = EgressGuard(Masker(), policy=HumanApproval()).wrap(inner)
    runs = iter(range(9))

    def call(state: MessagesState) -> Any:
        return {"messages": [model.invoke(f"run {next(runs)}")]}

    graph = StateGraph(MessagesState).add_node("call", call)
    graph.add_edge(START, "call").add_edge("call", END)
    compiled = graph.compile(checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "t"}}
    paused = compiled.invoke({"messages": []}, config)
    asked = paused["__interrupt__"][0].value["crossing"]
    with pytest.raises(EgressBlockedError):
        compiled.invoke(Command(resume=asked["digest"]), config)
    assert inner.seen == []
