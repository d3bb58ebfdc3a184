"""Strict mode in what people build: agents, Minions, SQL, bare models."""

import json

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.tools import tool

from langchain_privacy import EgressGuard, Masker, MaskingPolicy, create_private_agent
from langchain_privacy.errors import EgressBlockedError
from tests.support.scripted import ScriptedChatModel

# Names that no list and no rule knows, beside words of everyday life.
QUESTION = "Please ask Wrozvik of Lost Bubble whether parcel 4471923 for Tharnby has arrived."
HIDDEN = ("Wrozvik", "Lost Bubble", "4471923", "Tharnby")


def strict(**settings):
    return Masker(policy=MaskingPolicy(strict=True, **settings))


@tool
def zephyr_lookup(parcel: str) -> str:
    """Look up a parcel in the Zephyrex warehouse."""
    return f"Parcel {parcel} lies at Quorndale, says Wrozvik."


def test_an_agent_sends_public_words_only():
    seen = []

    def call(messages):
        seen.append(messages[-1].content)
        number = messages[-1].content.split("parcel ")[1].split()[0]
        calls = [{"name": "zephyr_lookup", "args": {"parcel": number}, "id": "call_1"}]
        return AIMessage("", tool_calls=calls)

    model = ScriptedChatModel(responses=[call, lambda messages: f"It says: {messages[-1].content}"])
    masker = strict()
    agent = create_private_agent(
        model, [zephyr_lookup], masker=masker, guard=EgressGuard(masker),
        system_prompt="You help with parcels.",
    )  # fmt: skip
    answer = agent.invoke({"messages": [HumanMessage(QUESTION)]})["messages"][-1].content
    assert answer == "It says: Parcel 4471923 lies at Quorndale, says Wrozvik."
    assert not [value for value in (*HIDDEN, "Quorndale") if value in model.seen_text]
    assert "zephyr_lookup" in model.seen_text and "a parcel in the" in model.seen_text


@pytest.mark.parametrize("value", HIDDEN)
def test_the_guard_refuses_what_nobody_masked(value):
    masker = strict()
    model = ScriptedChatModel(responses=["never"])
    with pytest.raises(EgressBlockedError) as refused:
        EgressGuard(masker).wrap(model).invoke(f"What do you know about {value} today?")
    assert refused.value.rule.startswith("strict:")
    assert value not in str(refused.value) and "public=[" in str(refused.value)
    assert not model.seen


def test_the_guard_lets_public_words_and_its_own_placeholders_pass():
    masker = strict(public=["You answer for Larkfield Motors."])
    session = masker.session("t")
    model = EgressGuard(masker).wrap(ScriptedChatModel(responses=["fine"]))
    masked = session.mask(QUESTION)
    config = {"configurable": {"thread_id": "t"}}
    prompt = [SystemMessage("You answer for Larkfield Motors."), HumanMessage(masked)]
    assert model.invoke(prompt, config).content == "fine"
    assert session.restore(masked) == QUESTION


def test_a_placeholder_that_was_not_issued_is_no_way_out():
    masker = strict()
    model = EgressGuard(masker).wrap(ScriptedChatModel(responses=["never"]))
    with pytest.raises(EgressBlockedError):
        model.invoke("Tell [WROZVIK_7K2Q] that")


def test_tool_arguments_and_keys_are_judged_at_the_door():
    masker = strict()
    model = EgressGuard(masker).wrap(ScriptedChatModel(responses=["never"]))
    call = {"name": "find", "args": {"Wrozvik": "x"}, "id": "call_1"}
    with pytest.raises(EgressBlockedError):
        model.invoke([AIMessage("", tool_calls=[call])])


def test_what_the_application_declares_crosses_and_private_names_do_not():
    masker = strict(public=["Zephyrium 3000"], private={"PERSON": ["Rose Tharnby"]})
    session = masker.session()
    masked = session.mask("Does Zephyrium 3000 fit Rose Tharnby?")
    assert "Zephyrium 3000" in masked and "Tharnby" not in masked


def test_public_words_are_not_masked_without_strict_mode_either():
    session = Masker(
        policy=MaskingPolicy(public=["Front desk of Alvarez Dental, Austin"])
    ).session()
    assert session.mask("Call Alvarez Dental in Austin") == "Call Alvarez Dental in Austin"
    assert "Alvarez" not in session.mask("Call Maria Alvarez")


def test_numbers_in_structures_cross_only_when_public():
    session = strict().session()
    masked = session.mask({"rows": 7, "share": 0.25, "salary": 48213, "limit": 1000})
    assert masked["rows"] == 7 and masked["share"] == 0.25 and masked["limit"] == 1000
    assert masked["salary"] != 48213 and session.restore(masked)["salary"] == 48213


def test_a_masker_in_strict_mode_pickles():
    import pickle

    masker = pickle.loads(pickle.dumps(strict(public=["Zephyrium"])))
    masked = masker.session().mask("Zephyrium beats Wrozvik")
    assert masked.startswith("Zephyrium beats [") and "Wrozvik" not in masked


def test_masking_twice_and_restoring_give_the_same():
    session = strict().session()
    text = json.dumps({"to": "Wrozvik", "note": "Lost Bubble\nfor \u00e9lan", "n": 4471923})
    once = session.mask(text)
    assert session.mask(once) == once and session.restore(once) == text
