"""The demo's models, a stand-in for the remote one, and how what crosses to it is kept.

```python
with local_side() as local, remote_side() as remote:
    print(local.about, remote.about)
```
"""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Self

from langchain_core.language_models import BaseChatModel
from pydantic import BaseModel, Field

from langchain_privacy.egress.ask import read_json
from langchain_privacy.errors import ConfigurationError, ProtocolError
from langchain_privacy.local import EmbeddedServer, call_local, yes_no_score
from langchain_privacy.local.runners import ollama_models
from langchain_privacy.loopback import Recorded, Reply
from langchain_privacy.minions.ask_local import held_to
from langchain_privacy.minions.prompts import render
from langchain_privacy.minions.sentences import sentences
from langchain_privacy.testing.model_server import OpenAIServer, last_text
from langchain_privacy.words import Language, guess_language

OLLAMA = "http://127.0.0.1:11434"
DEFAULT_REMOTE = "gpt-4o-mini"


@dataclass
class Side:
    """A model, what to call it, and what is to be known about it.

    Attributes:
        crossed: For the remote side: every request as it went over the wire.
    """

    model: BaseChatModel | None
    name: str
    about: str
    crossed: list[bytes] = field(default_factory=list, repr=False)


@contextmanager
def local_side(*, large: bool = False) -> Iterator[Side]:
    """Ollama when it answers on loopback, else the embedded model; the larger one when asked."""
    installed = models_of_ollama()
    if installed:
        try:
            from langchain_ollama import ChatOllama
        except ImportError:
            msg = 'Ollama answers; for it: pip install "langchain-privacy[ollama]"'
            raise ConfigurationError(msg) from None
        name = installed[0]
        yield Side(
            ChatOllama(model=name, base_url=OLLAMA, temperature=0), name, "Ollama on this machine"
        )
        return
    with EmbeddedServer(large=large) as server:
        use = "it judges sentences" if large else "it scores sentences, it does not write"
        about = f"embedded llama.cpp, this machine; {use}"
        yield Side(server.chat_model(), server.model_name, about)


@contextmanager
def remote_side(*, large: bool = False) -> Iterator[Side]:
    """The model of `OPENAI_API_KEY`, else a stand-in on loopback, reached by HTTP."""
    if os.environ.get("OPENAI_API_KEY"):
        name = os.environ.get("OPENAI_MODEL", DEFAULT_REMOTE)
        crossed: list[bytes] = []
        yield Side(
            _chat(model=name, http_client=_recording_client(crossed)),
            name,
            "the model of your OPENAI_API_KEY",
            crossed,
        )
        return
    with StandIn(large=large) as stand_in:
        model = _chat(
            model=stand_in.name,
            base_url=stand_in.base_url,
            api_key="none",
            max_retries=0,
            timeout=600,
        )
        size, does = "tiny", "(270M) that writes search words and weighs quotes, nothing more"
        if large:
            size, does = "small", "(1.5B) that writes search words and answers from quotes"
        about = (
            f"a STAND-IN on loopback over HTTP: a {size} model {does}. Set "
            "OPENAI_API_KEY to have a strong model plan and reason"
        )
        yield Side(model, stand_in.name, about, stand_in.received)


def _chat(**settings: Any) -> BaseChatModel:
    try:
        from langchain_openai import ChatOpenAI
    except ImportError:
        msg = 'ChatOpenAI is not installed: pip install "langchain-privacy[demo]"'
        raise ConfigurationError(msg) from None
    return ChatOpenAI(temperature=0, **settings)


def _recording_client(crossed: list[bytes]) -> Any:
    """Return an HTTP client that keeps what it sends; the key is not kept."""
    import openai

    def keep(request: Any) -> None:
        head = f"{request.method} {request.url} HTTP/1.1\r\n"
        for name, value in request.headers.items():
            shown = "(your key)" if name.lower() == "authorization" else value
            head += f"{name}: {shown}\r\n"
        crossed.append(f"{head}\r\n".encode() + request.read())

    return openai.DefaultHttpxClient(event_hooks={"request": [keep]})


def models_of_ollama() -> list[str]:
    """Return the names of the models that Ollama runs on this machine, and not in its cloud."""
    return [model.name for model in ollama_models(OLLAMA) if not model.elsewhere]


# ---- A stand-in for a remote model, where there is no key: a real model behind a real endpoint
#
# The model is the embedded one, a second process of it, of 270 million parameters. Such a model
# cannot plan or reason in prose, so this endpoint asks it for what it can do and puts the reply
# into the form that was asked for: it writes search words for the question, held to a grammar, and
# says how likely each quote answers it. The larger model of the extra `embedded-large` reads the
# quotes and answers in words of its own. It knows nothing but the HTTP request it was sent, and
# keeps every byte of that, for the demo to show.


_QUOTE = re.compile(r"^(\d+)\. (.+)$", re.MULTILINE)
_TASK = re.compile(r"^(?:Task|과제): (.+)$", re.MULTILINE)
_WORDS: dict[Language, str] = {
    "en": """Write words that stand near the answer.

Question: When does the lease end?
Words: lease, end, expires, term

Question: Why was lisinopril stopped?
Words: lisinopril, stopped, because, side effect

Question: {task}
Words:""",
    "ko": """답 근처에 있을 낱말을 쓴다.

질문: 임대차는 언제 끝나는가?
낱말: 임대차, 종료, 만료, 기간

질문: 리시노프릴을 왜 중단하였는가?
낱말: 리시노프릴, 중단, 이유, 부작용

질문: {task}
낱말:""",
}
_LETTERS: dict[Language, str] = {"en": "a-zA-Z", "ko": "가-힣"}
_GRAMMAR = (
    r'root ::= (" " word ",")? (" " word ",")? (" " word ",")? " " word "\n"'
    "\nword ::= [{letters}]{{2,12}}( [{letters}]{{2,12}})?"
)
"""Words only: of dates and numbers, which such a model likes to write, it can know nothing."""
_LEANING = -3.0
"""Of yes over no, below which the best quote is no answer."""


class _Reply(BaseModel):
    """What the larger model is held to: what is asked for, without what it only copies.

    It cites line 1 whatever it has read, as the example does; without a citation the other side
    looks for the passages that the answer shares its words with.
    """

    decision: Literal["answer", "insufficient"]
    answer: str = Field(max_length=400)


class StandIn(OpenAIServer):
    """An OpenAI-compatible endpoint on loopback; `with StandIn() as remote:`.

    Attributes:
        received: Every request as it arrived: request line, headers and body, in bytes.
    """

    name = "gemma-3-270m (stand-in)"

    def __init__(self, *, large: bool = False) -> None:
        self.received: list[bytes] = []
        self._large = large
        self._model = EmbeddedServer(large=large)
        if large:
            self.name = f"{self._model.model_name} (stand-in)"
        super().__init__(self.reply)

    def __enter__(self) -> Self:
        self._model.start()
        return super().__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, trace)
        self._model.stop()

    def _respond(self, request: Recorded) -> Reply:
        head = f"{request.method} {request.path} HTTP/1.1\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        self.received.append(head.encode("latin-1", "replace") + b"\r\n" + request.body)
        return super()._respond(request)

    def reply(self, request: dict[str, Any]) -> str:
        """Answer a chat request from nothing but what it holds."""
        prompt = last_text(request)
        asked = _TASK.search(prompt)
        task = asked[1] if asked else prompt[-200:]
        language = guess_language(prompt) or "en"
        quotes = _QUOTE.findall(prompt)
        if quotes and self._large:
            said = self._read(prompt)
        else:
            said = self._judge(task, quotes, language) if quotes else self._plan(task, language)
        return json.dumps(said, ensure_ascii=False)

    def _plan(self, task: str, language: Language) -> dict[str, Any]:
        written = self._complete(_WORDS[language].format(task=task), _LETTERS[language])
        words = [word.strip() for word in written.split(",") if word.strip()]
        terms = list(dict.fromkeys(words))[:8]
        sub = {"id": "q1", "question": task[:300], "terms": terms, "expect": "span"}
        return {"subs": [sub], "combine": "single"}

    def _read(self, prompt: str) -> dict[str, Any]:
        """Let a model of 1.5 billion parameters read the quotes and answer in words of its own."""
        model = self._model.chat_model(max_tokens=300, timeout=600)
        message = call_local(model, prompt, timeout=600, **held_to(model, _Reply))
        try:
            said = read_json(message, _Reply)
        except ProtocolError:
            return {"decision": "insufficient"}
        # Behind its first sentence a model of this size copies on: other quotes, and the prompt.
        end = next((end for _, end in sentences(said.answer)), 0)
        return {**said.model_dump(), "answer": said.answer[:end]}

    def _judge(
        self, task: str, quotes: list[tuple[str, str]], language: Language
    ) -> dict[str, Any]:
        model = self._model.chat_model()
        scored = [
            (
                yes_no_score(
                    model,
                    render("yes_no", language, sentence=quote, question=task),
                ),
                int(number),
                quote,
            )
            for number, quote in quotes
        ]
        # The first quote is the one that the other side ranked first; it wins a near tie.
        leaning, number, quote = max(scored, key=lambda s: s[0] - 0.4 * s[1])
        if leaning < _LEANING:
            return {"decision": "insufficient"}
        return {"decision": "answer", "answer": quote, "cite": [number]}

    def _complete(self, prompt: str, letters: str) -> str:
        model = self._model.chat_model(max_tokens=40)
        message = call_local(
            model, prompt, extra_body={"grammar": _GRAMMAR.format(letters=letters)}
        )
        return str(message.content)
