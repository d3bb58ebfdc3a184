"""Yes or no by probability: what a model too small to write can still be asked.

    yes_no_score(model, "Sentence: Rent is 820. Question: How much is the rent? Answered:") > 0

The judge of the Minion loop asks it about each candidate, and the demo's stand-in too. One token is
predicted and its log-probabilities are compared. A model of 270 million parameters that picks an
answer by writing always picks the first one; the same model's difference between "yes" and "no"
ranks sentences well (measured, see docs/local-models.md).
"""

import asyncio
import http.client
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from langchain_core.language_models import BaseChatModel
from pydantic import SecretStr

from langchain_privacy.errors import LocalModelError
from langchain_privacy.local.call import DEFAULT_TIMEOUT, acall_local, call_local, require_local

FLOOR = -8.0
"""Log-probability of a word that is not among the likeliest 40."""

_LIKELIEST = 40
_LIKELIEST_IN_CHAT = 20  # OpenAI's limit, which the servers that copy it share


def yes_no_score(
    model: BaseChatModel,
    prompt: str,
    *,
    yes: Iterable[str] = ("yes",),
    no: Iterable[str] = ("no",),
    timeout: float = DEFAULT_TIMEOUT,
    allowed_networks: Sequence[str] = (),
) -> float:
    """Return log P(yes) - log P(no) for the token after `prompt`.

    A llama.cpp server is asked at its `/completion`, which continues the text as it stands and
    keeps the beginning that prompts share; any other model is asked in chat for `logprobs`.

    Args:
        model: A local chat model at an OpenAI-compatible server.
        prompt: Text up to the point where the model says yes or no, best with a few examples.
        yes: Words that count as yes; letter case and spaces around them do not matter.
        no: Words that count as no.
        timeout: Seconds.
        allowed_networks: Networks that count as local beside loopback, see `assert_local`.

    Returns:
        Above zero for yes. A word that is not among the likeliest counts as `FLOOR`.

    Raises:
        LocalModelError: The server is down, or gives no probabilities.
        ConfigurationError: The model is not local; nothing was sent.
    """
    top = _complete(model, prompt, timeout, allowed_networks)
    if top is None:
        answer = call_local(
            model, prompt, timeout=timeout, allowed_networks=allowed_networks, **_CHAT
        )
        top = _likeliest_in_chat(answer.response_metadata)
    return _best(top, yes) - _best(top, no)


async def ayes_no_score(
    model: BaseChatModel,
    prompt: str,
    *,
    yes: Iterable[str] = ("yes",),
    no: Iterable[str] = ("no",),
    timeout: float = DEFAULT_TIMEOUT,  # noqa: ASYNC109 - the twin of yes_no_score
    allowed_networks: Sequence[str] = (),
) -> float:
    """Like `yes_no_score`, without blocking the event loop."""
    top = await asyncio.to_thread(_complete, model, prompt, timeout, allowed_networks)
    if top is None:
        answer = await acall_local(
            model, prompt, timeout=timeout, allowed_networks=allowed_networks, **_CHAT
        )
        top = _likeliest_in_chat(answer.response_metadata)
    return _best(top, yes) - _best(top, no)


_CHAT: Mapping[str, Any] = {
    "logprobs": True,
    "top_logprobs": _LIKELIEST_IN_CHAT,
    "max_tokens": 1,
    "temperature": 0,
}

_Likeliest = list[tuple[str, float]]


def _best(top: _Likeliest, words: Iterable[str]) -> float:
    wanted = {word.strip().lower() for word in words}
    found = (logprob for token, logprob in top if token.strip().lower() in wanted)
    return max(found, default=FLOOR)


def _complete(
    model: BaseChatModel, prompt: str, timeout: float, allowed_networks: Sequence[str]
) -> _Likeliest | None:
    """Ask llama.cpp's own endpoint; `None` when the server is not llama.cpp's."""
    base = getattr(model, "openai_api_base", None)
    if not isinstance(base, str) or callable(getattr(model, "attest", None)):
        return None
    require_local(model, allowed_networks)
    address = urlsplit(base)
    path = address.path.rstrip("/").removesuffix("/v1") + "/completion"
    headers = {"Content-Type": "application/json"}
    key = getattr(model, "openai_api_key", None)
    if isinstance(key, SecretStr):
        headers["Authorization"] = f"Bearer {key.get_secret_value()}"
    body = {
        "prompt": prompt,
        "n_predict": 1,
        "n_probs": _LIKELIEST,
        "temperature": 0,
        "cache_prompt": True,
    }
    # http.client knows no proxies, no redirects and no hooks: nothing else sees the prompt.
    tls = address.scheme == "https"
    connect = http.client.HTTPSConnection if tls else http.client.HTTPConnection
    connection = connect(address.hostname or "", address.port, timeout=timeout)
    try:
        connection.request("POST", path, json.dumps(body), headers)
        reply = connection.getresponse()
        status, text = reply.status, reply.read()
    except (OSError, http.client.HTTPException) as error:
        failure = type(error).__name__
    else:
        failure = ""
    finally:
        connection.close()
    if failure:
        msg = f"The local model's server did not answer ({failure}). Check that it runs."
        raise LocalModelError(msg)
    if status in {404, 405, 501}:
        return None
    if status != http.client.OK:
        msg = (
            f"The local model's server refused to score (HTTP {status}); the prompt may be longer "
            "than its context."
        )
        raise LocalModelError(msg)
    return _likeliest_of_completion(text)


def _likeliest_of_completion(text: bytes) -> _Likeliest | None:
    try:
        first = json.loads(text)["completion_probabilities"][0]["top_logprobs"]
        return [(str(entry["token"]), float(entry["logprob"])) for entry in first]
    except (ValueError, LookupError, TypeError):
        return None


def _likeliest_in_chat(about: Mapping[str, Any]) -> _Likeliest:
    logprobs = about.get("logprobs")
    # OpenAI: {"content": [{"top_logprobs": [...]}]}; Ollama: the list itself.
    tokens = logprobs.get("content") if isinstance(logprobs, dict) else logprobs
    try:
        found = [
            (str(entry["token"]), float(entry["logprob"]))
            for entry in (tokens or [])[0]["top_logprobs"]
        ]
    except (LookupError, TypeError, ValueError):
        found = []
    found = [(token, logprob) for token, logprob in found if math.isfinite(logprob)]
    if not found:
        msg = (
            "The local model gives no log-probabilities, so it cannot score; let it write instead."
        )
        raise LocalModelError(msg)
    return found
