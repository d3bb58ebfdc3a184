"""A long conversation costs what is new in it: each text is read once."""

from typing import Any

from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver

from langchain_privacy import Masker, create_private_agent
from tests.support.scripted import ScriptedChatModel
from tests.unit_tests.edge.agents import thread
from tests.unit_tests.edge.conftest import EmailDetector

TURNS, LENGTH = 50, 1000


def test_each_text_is_read_once(masker: Masker, detector: EmailDetector) -> None:
    def respond(messages: Any) -> AIMessage:
        return AIMessage(f"answer {len(messages)} " + "x" * LENGTH)

    agent = create_private_agent(
        ScriptedChatModel(responses=[respond]),
        masker=masker,
        checkpointer=InMemorySaver(),
        system_prompt="You help." * 20,
    )
    costs = []
    for turn in range(TURNS):
        before = detector.characters
        text = f"turn {turn} person{turn}@corp-secret.example " + "y" * LENGTH
        agent.invoke({"messages": [text]}, thread())
        costs.append(detector.characters - before)
    assert costs[-1] <= 1.2 * costs[1]
    assert sum(costs) <= 1.5 * TURNS * 2 * LENGTH
