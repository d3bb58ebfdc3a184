"""Questions about a document: small models read it here, a remote one plans and reasons.

`RECORD` is a Minion loop on a medical record or a lease. `CONTRACT` is MinionS on a long contract:
searches run in parallel here, masked passages are reasoned on there; the contract and the question
are in Korean in both languages of the page. Both take one's own document instead.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from langchain_privacy.demo.show import bundled
from langchain_privacy.demo.web.stage import Stage
from langchain_privacy.locale import Language
from langchain_privacy.minions import create_minion_graph, create_minions_graph


@dataclass(frozen=True, kw_only=True)
class Documents:
    """A scenario about one document.

    Attributes:
        make: Makes the graph that answers.
        name: The bundled document of a language of the page.
        settings: Further arguments of the graph.
    """

    make: Callable[..., Any]
    name: Callable[[Language], str]
    settings: Mapping[str, Any] = field(default_factory=dict)

    def asks(self, language: Language) -> str:
        """Return what is asked where the person asks nothing."""
        return bundled(self.name(language)).question

    def play(self, stage: Stage) -> None:
        """Answer a question about the bundled document, or about one's own."""
        asked = stage.asked
        document = bundled(self.name(asked.language))
        text = asked.text or document.text
        planted = () if asked.text else document.planted
        stage.show_document(asked.name if asked.text else document.name, text, planted)
        graph = self.make(
            stage.models.local(asked.chosen),
            stage.models.planner(asked.chosen, stage.guard, stage.sent),
            masker=stage.masker,
            guard=stage.guard,
            **self.settings,
        )
        task = asked.question or document.question
        result = stage.drive(graph, {"task": task, "documents": [text]})
        report = result["report"]
        local, baseline = report["local"]["tokens"], report["baseline_tokens"]
        stage.cost(local_tokens=local, without_privacy=baseline)
        quotes = [" ".join(quote["quote"].split()) for quote in result["evidence"]]
        stage.answer(str(result["answer"]), quotes=quotes)


RECORD = Documents(make=create_minion_graph, name=lambda language: language)
CONTRACT = Documents(
    make=create_minions_graph, name=lambda _: "long", settings={"batch_characters": 6_000}
)
