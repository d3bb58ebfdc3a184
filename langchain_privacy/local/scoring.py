"""Yes or no by probability: what a model too small to write can still be asked.

    yes_no_score(model, "Sentence: Rent is 820. Question: How much is the rent? Answered:") > 0

The judge of the Minion loop asks it about each candidate, and the demo's stand-in too. One token is
predicted and its log-probabilities are compared. A model of 270 million parameters that picks an
answer by writing always picks the first one; the same model's difference between "yes" and "no"
ranks sentences well (measured, see docs/local-models.md).

Servers are asked in the order in which the answer is worth most: one that continues the text as it
stands (llama.cpp's `/completion`, the `/v1/completions` of vLLM and others) shows what follows
"Answered:"; in a chat a model that reasons begins with `<think>` or `<|channel|>`, and neither of
these is a yes or a no.
"""

import asyncio
import http.client
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from langchain_core.language_models import BaseChatModel
from pydantic import SecretStr

from langchain_privacy.errors import LocalModelError
from langchain_privacy.local.call import (
    DEFAULT_TIMEOUT,
    acall_local,
    call_local,
    model_name,
    require_local,
)
from langchain_privacy.local.endpoints import connected
from langchain_privacy.local.faults import fault_of

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
        LocalModelError: The server is down; or, of the kind `"no_scores"`, it gives no
            probabilities, or the model begins with something else, a thought for instance.
        ConfigurationError: The model is not local; nothing was sent.
    """
    yes, no = tuple(yes), tuple(no)
    top = _complete(model, prompt, timeout, allowed_networks)
    if top is None:
        answer = call_local(
            model, prompt, timeout=timeout, allowed_networks=allowed_networks, **_CHAT
        )
        top = _likeliest_in_chat(answer.response_metadata, [*yes, *no])
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
    yes, no = tuple(yes), tuple(no)
    top = await asyncio.to_thread(_complete, model, prompt, timeout, allowed_networks)
    if top is None:
        answer = await acall_local(
            model, prompt, timeout=timeout, allowed_networks=allowed_networks, **_CHAT
        )
        top = _likeliest_in_chat(answer.response_metadata, [*yes, *no])
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


# Servers that continue a text.


class _Way(NamedTuple):
    """An endpoint that continues a text as it stands.

    Attributes:
        path: Put to the server's address without `/v1`.
        body: What it wants beside the prompt.
        read: Takes the likeliest tokens out of its reply; raises `LookupError`, `TypeError` or
            `ValueError` where there are none.
    """

    path: str
    body: Mapping[str, Any]
    read: Callable[[Any], _Likeliest]


def _of_llama_cpp(reply: Any) -> _Likeliest:
    first = reply["completion_probabilities"][0]["top_logprobs"]
    return [(str(entry["token"]), float(entry["logprob"])) for entry in first]


def _of_completions(reply: Any) -> _Likeliest:
    logprobs = reply["choices"][0]["logprobs"]
    if "content" in logprobs:  # llama.cpp and others write both endpoints in one form
        first = logprobs["content"][0]["top_logprobs"]
        return [(str(entry["token"]), float(entry["logprob"])) for entry in first]
    return [(str(token), float(value)) for token, value in logprobs["top_logprobs"][0].items()]


_WAYS = (
    _Way(
        "/completion",
        {"n_predict": 1, "n_probs": _LIKELIEST, "cache_prompt": True},
        _of_llama_cpp,
    ),
    _Way("/v1/completions", {"max_tokens": 1, "logprobs": _LIKELIEST_IN_CHAT}, _of_completions),
)

_unable: set[tuple[str, str, str]] = set()
"""Server, model and way that gave no probabilities: not to be asked again by this process."""


def _complete(
    model: BaseChatModel, prompt: str, timeout: float, allowed_networks: Sequence[str]
) -> _Likeliest | None:
    """Ask for the continuation of a text; `None` when the server gives none that can be read."""
    base = getattr(model, "openai_api_base", None)
    if not isinstance(base, str) or callable(getattr(model, "attest", None)):
        return None
    require_local(model, allowed_networks)
    name = model_name(model)
    for way in _WAYS:
        if (base, name, way.path) in _unable:
            continue
        body = {"model": name, "prompt": prompt, "temperature": 0, **way.body}
        status, text = _post(base, way.path, body, getattr(model, "openai_api_key", None), timeout)
        if status != http.client.OK:
            _raise_fault(status, text, name)
        try:
            top = way.read(json.loads(text))
        except (ValueError, LookupError, TypeError, AttributeError):
            top = []
        top = [(token, logprob) for token, logprob in top if math.isfinite(logprob)]
        if top:
            return top
        _unable.add((base, name, way.path))
    return None


def _post(
    base: str, path: str, body: Mapping[str, Any], key: Any, timeout: float
) -> tuple[int, bytes]:
    address = urlsplit(base)
    path = address.path.rstrip("/").removesuffix("/v1") + path
    headers = {"Content-Type": "application/json"}
    if isinstance(key, SecretStr):
        headers["Authorization"] = f"Bearer {key.get_secret_value()}"
    connection = connected(address, timeout)
    failure = "down"
    try:
        connection.request("POST", path, json.dumps(body), headers)
        reply = connection.getresponse()
        return reply.status, reply.read()
    except TimeoutError:
        failure = "slow"
    except (OSError, http.client.HTTPException):
        pass
    finally:
        connection.close()
    msg = "The local model's server did not answer in time. Raise `timeout`."
    if failure == "down":
        msg = "The local model's server did not answer. Check that it runs."
    raise LocalModelError(msg, kind=failure)


def _raise_fault(status: int, text: bytes, name: str) -> None:
    """Raise what is wrong with the model; not when the server only has no such endpoint."""
    kind, hint = fault_of(_ServerError(status, text), name)
    if kind != "failed" or (status >= 500 and status != http.client.NOT_IMPLEMENTED):
        msg = f"The local model's server refused to score (HTTP {status}). {hint}"
        raise LocalModelError(msg, kind=kind)


class _ServerError(Exception):
    """What a server replied, in the form that `fault_of` reads."""

    def __init__(self, status: int, text: bytes) -> None:
        super().__init__(text.decode("utf-8", "replace"))
        self.status_code = status


def _likeliest_in_chat(about: Mapping[str, Any], words: Iterable[str]) -> _Likeliest:
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
        raise LocalModelError(msg, kind="no_scores")
    wanted = {word.strip().lower() for word in words}
    if not any(token.strip().lower() in wanted for token, _ in found):
        msg = (
            "The local model begins with neither of the words, so it cannot score: one that reasons"
            " begins with its thought. Let it write instead, or switch its reasoning off."
        )
        raise LocalModelError(msg, kind="no_scores")
    return found
