"""MinionS on a long contract: searches run in parallel here, masked passages are reasoned on there.

The contract and the question are in Korean in both languages of the page.
"""

from langchain_privacy.demo.show import bundled
from langchain_privacy.demo.web.scenarios.record import show_answer
from langchain_privacy.demo.web.stage import Stage
from langchain_privacy.locale import Language
from langchain_privacy.minions import create_minions_graph


def asks(language: Language) -> str:  # noqa: ARG001 the contract has one language
    """Return what is asked where the person asks nothing."""
    return bundled("long").question


def play(stage: Stage) -> None:
    """Answer a question about a long Korean contract, or about one's own document."""
    asked = stage.asked
    document = bundled("long")
    text = asked.text or document.text
    planted = () if asked.text else document.planted
    stage.show_document(asked.name if asked.text else document.name, text, planted)
    graph = create_minions_graph(
        stage.models.local(asked.chosen),
        stage.models.planner(asked.chosen, stage.guard, stage.sent),
        batch_characters=6_000,
        masker=stage.masker,
        guard=stage.guard,
    )
    task = asked.question or asks(asked.language)
    show_answer(stage, stage.drive(graph, {"task": task, "documents": [text]}))
