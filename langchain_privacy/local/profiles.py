"""What local models are: their size, what they can be used for, how they reason, what to set.

    ability_of(ChatOllama(model="qwen3:4b"))  # "read"

The Minion loop chooses by it how a model is used, and `langchain-privacy models` shows it. A family
is told by the name that a runner gives the model.
"""

import re
from dataclasses import dataclass
from typing import Any, Literal

from langchain_privacy.local.call import model_name

Ability = Literal["score", "pick", "read"]
"""What a model can be trusted with: to say yes or no by its probabilities; to pick numbered lines;
to read passages and copy values as JSON."""

PICKS, READS = 1.0, 3.0
"""Billions of parameters from which a model does."""

_SIZE = re.compile(r"(?<![\w.])[eE]?(\d+(?:\.\d+)?)x?(\d+(?:\.\d+)?)?\s?([bBmM])(?![a-zA-Z])")


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A family of models.

    Attributes:
        family: Its name.
        pattern: Found in the names that runners give its models, in small letters.
        licence: As its makers state it.
        context: Tokens that it was made for.
        reasoning: How its thoughts come: `"none"`, `"<think>"`, `"harmony"` or a note on both.
        settings: What to set, for which runner.
    """

    family: str
    pattern: str
    licence: str
    context: int
    reasoning: str
    settings: str


PROFILES = (
    Profile(
        family="gpt-oss",
        pattern=r"gpt-?oss",
        licence="Apache-2.0",
        context=131_072,
        reasoning="harmony channels, always; effort low, medium or high",
        settings='reasoning="low" (ChatOllama) or reasoning_effort="low" (ChatOpenAI); '
        "num_ctx=16384 or more; temperature 1.0",
    ),
    Profile(
        family="Qwen 3",
        pattern=r"qwen-?3",
        licence="Apache-2.0",
        context=32_768,
        reasoning="<think>, on unless switched off (hybrid and Thinking models)",
        settings="reasoning=False (ChatOllama) or extra_body={'chat_template_kwargs': "
        "{'enable_thinking': False}} (vLLM); num_ctx=16384",
    ),
    Profile(
        family="Qwen 2.5",
        pattern=r"qwen-?2\.?5|qwq",
        licence="Apache-2.0; 3B and 72B: Qwen's own",
        context=32_768,
        reasoning="none; QwQ writes <think>",
        settings="temperature=0; num_ctx=16384",
    ),
    Profile(
        family="Gemma 3",
        pattern=r"gemma-?[34]",
        licence="Gemma terms (Gemma 4: Apache-2.0)",
        context=131_072,
        reasoning="none; Gemma 4 in channels",
        settings="temperature=0; num_ctx=16384; 270M and 1B: 32768 tokens at most",
    ),
    Profile(
        family="DeepSeek",
        pattern=r"deepseek",
        licence="MIT; distilled models: their base's too",
        context=131_072,
        reasoning="<think> (R1 and its distilled models), reasoning_content at its own API",
        settings="temperature=0.6 for R1; reply_tokens of 4096 or more, it thinks at length",
    ),
    Profile(
        family="Llama 3",
        pattern=r"llama-?3",
        licence="Llama community licence",
        context=131_072,
        reasoning="none",
        settings="temperature=0; num_ctx=16384",
    ),
    Profile(
        family="EXAONE",
        pattern=r"exaone",
        licence="EXAONE AI licence: research only, unless agreed otherwise",
        context=32_768,
        reasoning="<thought> (Deep), <think> (4.0)",
        settings="temperature=0; num_ctx=16384",
    ),
    Profile(
        family="Mistral",
        pattern=r"mistral|ministral|magistral",
        licence="Apache-2.0 (7B, Nemo, Small, Magistral Small)",
        context=32_768,
        reasoning="none; Magistral [THINK]",
        settings="temperature=0.15; num_ctx=16384",
    ),
)


def profile_of(name: str) -> Profile | None:
    """Return the family of a model by its name."""
    lowered = name.lower()
    return next((each for each in PROFILES if re.search(each.pattern, lowered)), None)


def size_of(name: str) -> float | None:
    """Return billions of parameters as a model's name states them: `qwen3:4b`, `gemma-3-270m`.

    Of a mixture of experts all of them: `qwen3-30b-a3b` is 30, `mixtral-8x7b` 56.
    """
    match = _SIZE.search(re.sub(r"[:/_\-]", " ", name))
    if match is None:
        return None
    size = float(match[1]) * (float(match[2]) if match[2] else 1.0)
    return size / 1000 if match[3] in "mM" else size


def ability_of(model: Any) -> Ability:
    """Say what a model can be used for; one whose name states no size is let read.

    What it copies is checked against the document, so that a model which is too small for it costs
    answers, not truth.
    """
    size = size_of(model_name(model))
    return "read" if size is None else ability_by(size)


def ability_by(size: float) -> Ability:
    """Say what a model of so many billions of parameters can be used for."""
    return "read" if size >= READS else "pick" if size >= PICKS else "score"


CATALOGUE = (
    ("gemma3:1b", 0.8),
    ("qwen3:1.7b", 1.4),
    ("qwen3:4b", 2.5),
    ("gemma3:4b", 3.3),
    ("qwen3:8b", 5.2),
    ("deepseek-r1:8b", 5.2),
    ("gemma3:12b", 8.1),
    ("gpt-oss:20b", 14.0),
    ("gemma3:27b", 17.0),
    ("qwen3:30b", 19.0),
    ("gpt-oss:120b", 65.0),
)
"""Models by the names of Ollama's library, with the GB of their files at its usual quantisation."""
