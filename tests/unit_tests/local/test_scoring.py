import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_openai import ChatOpenAI

from langchain_privacy.errors import LocalModelError
from langchain_privacy.local import EmbeddedServer, ayes_no_score, yes_no_score
from langchain_privacy.local.scoring import FLOOR
from tests.support.http import Recorded, RecordingServer, Reply
from tests.support.scripted import ScriptedChatModel

PROMPT = """Does the sentence answer the question? Write yes or no.

Sentence: The tenant Anna Lee pays a monthly rent of 820 euros.
Question: How much is the rent?
Answered: yes

Sentence: The deposit was paid in cash.
Question: When does the lease end?
Answered: no

Sentence: The adjuster inspected the roof and found hail damage.
Question: What is the policy number?
Answered: no

Sentence: Lisinopril was stopped because of a dry cough.
Question: Why was lisinopril stopped?
Answered: yes

Sentence: {sentence}
Question: Why was the shipment late?
Answered:"""

GOOD = "The shipment was late because of a storm at sea."
BAD = "The invoice is payable within thirty days."


async def test_the_sentence_that_answers_scores_higher(embedded: EmbeddedServer) -> None:
    model = embedded.chat_model()
    good = yes_no_score(model, PROMPT.format(sentence=GOOD))
    bad = await ayes_no_score(model, PROMPT.format(sentence=BAD))
    assert good > bad
    assert yes_no_score(model, PROMPT.format(sentence=GOOD)) == pytest.approx(good, abs=0.05)


def test_words_are_the_callers(embedded: EmbeddedServer) -> None:
    model = embedded.chat_model()
    counting = "one two three one two three one two"
    assert yes_no_score(model, counting, yes=["three"], no=["five", "seven"]) > 2
    assert yes_no_score(model, counting, yes=["qqqq"], no=["zzzz"]) == 0


def chat_server(logprobs: Any, requests: list[Any]) -> RecordingServer:
    def respond(request: Recorded) -> Reply:
        requests.append(request.path)
        if "/chat/" not in request.path:
            return Reply(status=404)
        choice = {
            "index": 0,
            "finish_reason": "length",
            "message": {"role": "assistant", "content": "yes"},
            "logprobs": logprobs,
        }
        done = {"id": "1", "object": "chat.completion", "created": 0, "model": "m"}
        return Reply(body=json.dumps({**done, "choices": [choice]}).encode())

    return RecordingServer(respond)


def test_other_servers_are_asked_in_chat() -> None:
    top = [{"token": " Yes", "logprob": -0.5, "bytes": None}]
    content = [{"token": "Yes", "logprob": -0.5, "bytes": None, "top_logprobs": top}]
    asked: list[str] = []
    with chat_server({"content": content}, asked) as server:
        model = ChatOpenAI(base_url=f"{server.url}/v1", api_key="none", model="m")
        assert yes_no_score(model, "x") == -0.5 - FLOOR
        body = server.requests[-1].json
    assert asked == ["/completion", "/v1/completions", "/v1/chat/completions"]
    assert (body["logprobs"], body["max_completion_tokens"]) == (True, 1)


def test_ollamas_form_of_probabilities() -> None:
    top = [{"token": "no", "logprob": -0.1}, {"token": "yes", "logprob": -2.1}]
    about = {"logprobs": [{"token": "no", "logprob": -0.1, "top_logprobs": top}]}
    model = ScriptedChatModel(responses=[AIMessage("no", response_metadata=about)])
    assert yes_no_score(model, "x") == pytest.approx(-2.0)


async def test_a_model_without_probabilities_cannot_score() -> None:
    with chat_server(None, []) as server:
        model = ChatOpenAI(base_url=f"{server.url}/v1", api_key="none", model="m")
        with pytest.raises(LocalModelError, match="cannot score"):
            yes_no_score(model, "x")
        with pytest.raises(LocalModelError, match="cannot score"):
            await ayes_no_score(model, "x")
    with pytest.raises(LocalModelError, match="cannot score"):
        yes_no_score(ScriptedChatModel(responses=["yes"]), "x")


def test_errors_say_what_to_do(embedded: EmbeddedServer) -> None:
    with pytest.raises(LocalModelError, match="Check that it runs"):
        yes_no_score(ChatOpenAI(base_url="http://127.0.0.1:9/v1", api_key="x"), "secret")
    with pytest.raises(LocalModelError, match="longer than the model's context"):
        yes_no_score(embedded.chat_model(), "x " * 20_000)
    with pytest.raises(LocalModelError, match="HTTP 401"):
        yes_no_score(embedded.chat_model(api_key="wrong"), "x")
