"""What is wrong with a local model, told by what its runner says, without repeating that.

    kind, hint = fault_of(error, "qwen3:4b")  # "missing", "It is not on this machine: ..."

`call_local` asks it for each error. Ollama, LM Studio, vLLM and llama.cpp say the same few things
with other status codes and other words, and what they say may quote the prompt.
"""

import re
from collections.abc import Iterator
from typing import Any

_MEMORY = re.compile(
    r"out of memory|outofmemory|more (?:system )?memory|not enough (?:free )?memory"
    r"|insufficient (?:system )?(?:memory|resources)|unable to (?:allocate|load).{0,40}buffer"
    r"|(?:failed to|cannot|can't|bad) alloc|signal: killed|no available memory",
    re.IGNORECASE,
)
_MISSING = re.compile(
    r"model.{0,200}(?:not found|does not exist|not exist|no such|is not loaded|not installed)"
    r"|no models? (?:is |are )?(?:loaded|found|available)|model_not_found|try pulling",
    re.IGNORECASE | re.DOTALL,
)
_LOADING = re.compile(r"loading model|model is loading|server busy|max\w* pending", re.IGNORECASE)
_TOO_LONG = re.compile(
    r"exceed\w*[ _](?:\w+[ _]){0,4}context|context[ _](?:length|size|window)|maximum context"
    r"|too many tokens|prompt is too long|input length",
    re.IGNORECASE,
)

_READ = 4_000
"""Characters of a runner's words that are looked at."""

_HINTS = {
    "down": "Check that its server runs and that its address is right.",
    "memory": "It does not fit into the memory that is free: use a smaller model or quantisation, "
    "a shorter context, or close what holds the memory.",
    "busy": "It is loading, or too many requests wait: try again, or lower max_concurrency.",
    "too_long": "The prompt is longer than the model's context: raise it at the server (num_ctx, "
    "--ctx-size, --max-model-len), or send less.",
    "key": "Its server wants another API key.",
    "failed": "Its own text is withheld because it may hold the prompt.",
}


def fault_of(error: BaseException, model: str) -> tuple[str, str]:
    """Say what kind of fault an error of a model's client is, and what to do about it.

    Args:
        error: As the client raised it.
        model: Name of the model, for the hint.

    Returns:
        A kind of `LocalModelError`, and a sentence that holds nothing of the error's text.
    """
    kind = _kind(error)
    if kind == "missing":
        name = model or "the model"
        return kind, (
            f"Its server does not have {name}: pull or load it there (ollama pull {name}, "
            f"lms get {name}), or name one that it has; `langchain-privacy models` lists them."
        )
    return kind, _HINTS[kind]


def _kind(error: BaseException) -> str:
    status = getattr(error, "status_code", None)
    names = " ".join(type(one).__name__ for one in _chain(error))
    said = " ".join(_words(one) for one in _chain(error))[:_READ]
    # Memory first: what does not fit may also be called "not loaded".
    if isinstance(error, MemoryError) or _MEMORY.search(said) or "OutOfMemory" in names:
        return "memory"
    if _LOADING.search(said) or status in {429, 503}:
        return "busy"
    if status in {401, 403}:
        return "key"
    if _MISSING.search(said):
        return "missing"
    if _TOO_LONG.search(said) or status == 413:
        return "too_long"
    if "Connect" in names or isinstance(error, ConnectionError):
        return "down"
    return "failed"


def _words(error: BaseException) -> str:
    body: Any = getattr(error, "body", None)
    return f"{error} {body if isinstance(body, str | dict) else ''}"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it was raised from; clients wrap the ones of their transport."""
    seen: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and at not in seen and len(seen) < 6:
        seen.append(at)
        yield at
        at = at.__cause__ or at.__context__
