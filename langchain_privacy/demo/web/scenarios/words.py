"""One's own text: what of it stays, by default or in strict mode, and what a model is told."""

from typing import Any

from langchain_core.messages import HumanMessage

from langchain_privacy.demo.web.stage import Stage
from langchain_privacy.edge.chains import MaskingRunnable, RestoringRunnable
from langchain_privacy.locale import Language
from langchain_privacy.testing.model_server import last_text

_TEXT: dict[Language, str] = {
    "en": "Please tell Wilhelmina Okonjo-Bright that the Marlowfield order is late. She can call "
    "me on 503-555-0166 before Thursday, or write to w.okonjo@bright-tools.example. Her assistant "
    "Tobias knows about the Heron project.",
    "ko": "황보가람 님께 해오름상사 주문이 늦어진다고 전해 주세요. 목요일 전에 "
    "010-4417-9920으로 전화하거나 garam.hb@haeoreum.example로 편지할 수 있습니다. 담당자 "
    "나래 씨가 두루미 과제를 압니다.",
}
_ANSWERS: dict[Language, str] = {
    "en": "This is all that I was told: {told}",
    "ko": "제가 들은 것은 이것이 전부입니다: {told}",
}


def asks(language: Language) -> str:
    """Return what is said where the person says nothing."""
    return _TEXT[language]


def play(stage: Stage) -> None:
    """Show a text as it stays and as it crosses, and what comes back."""
    language = stage.asked.language
    text = stage.asked.text or asks(language)
    stage.show_document(stage.asked.name or "text", text)

    def reply(request: dict[str, Any]) -> str:
        return _ANSWERS[language].format(told=last_text(request))

    with stage.scripted(reply) as model:
        converse(stage, model, text)


def converse(stage: Stage, model: Any, text: str) -> None:
    """Say a text to a remote model, masked, and show its answer as it comes back."""
    masked = MaskingRunnable(stage.masker)
    chain = masked | stage.guard.wrap(model) | RestoringRunnable(stage.masker)
    said = ""
    for chunk in chain.stream([HumanMessage(text)], stage.config):
        said += chunk.text
        stage.text(chunk.text)
    stage.answer(said)
