"""A Minion loop on one document: a small model reads it here, a remote one plans and reasons."""

from langchain_privacy.demo.show import bundled
from langchain_privacy.demo.web.stage import Stage
from langchain_privacy.locale import Language
from langchain_privacy.minions import create_minion_graph


def asks(language: Language) -> str:
    """Return what is asked where the person asks nothing."""
    return bundled(language).question


def play(stage: Stage) -> None:
    """Answer a question about a medical record or a lease, or about one's own document."""
    asked = stage.asked
    document = bundled(asked.language)
    text = asked.text or document.text
    planted = () if asked.text else document.planted
    stage.show_document(asked.name if asked.text else document.name, text, planted)
    graph = create_minion_graph(
        stage.models.local(asked.chosen),
        stage.models.planner(asked.chosen, stage.guard, stage.sent),
        masker=stage.masker,
        guard=stage.guard,
    )
    task = asked.question or asks(asked.language)
    result = stage.drive(graph, {"task": task, "documents": [text]})
    show_answer(stage, result)


def show_answer(stage: Stage, result: dict[str, object]) -> None:
    """Show what a Minion graph gave."""
    report, evidence = result["report"], result["evidence"]
    assert isinstance(report, dict)
    assert isinstance(evidence, list)
    stage.cost(
        local_tokens=report["local"]["tokens"],
        without_privacy=report["baseline_tokens"],
    )
    quotes = [" ".join(quote["quote"].split()) for quote in evidence]
    stage.answer(str(result["answer"]), quotes=quotes)
