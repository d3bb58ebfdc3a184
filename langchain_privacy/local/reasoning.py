"""Reasoning text, taken off before an answer is parsed, stored or sent.

    split_reasoning("<think>Not Monday.</think>On Tuesday.").text  # "On Tuesday."

Whoever reads a model's text reads it with this: the judge, crossings, SQL narration. A model that
thinks aloud quotes the document it thinks about. Where it writes the thought differs: inside the
text between tags (DeepSeek-R1, Qwen, QwQ, Magistral, Kimi, Seed, EXAONE, Cohere), with only the
closing tag when the chat template had opened it, in channels (gpt-oss's harmony format, Gemma), or
beside the text (`reasoning_content` of llama.cpp, DeepSeek and vLLM, Ollama's `thinking`,
LangChain's `reasoning` content blocks). None of it is returned here, only its size.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage

# Each pair opens and closes a thought, as some family of models writes it.
_TAGS = [
    (rf"<{name}(?:\s[^<>]*)?>", rf"</{name}\s*>")
    for name in ("think", "thinking", "thought", "thoughts", "reasoning", "seed:think")
] + [
    (r"\[THINK\]", r"\[/THINK\]"),
    (r"◁think▷", r"◁/think▷"),
    (r"<\|begin_of_thought\|>", r"<\|end_of_thought\|>"),
    (r"<\|START_THINKING\|>", r"<\|END_THINKING\|>"),
    (r"<\|inner_prefix\|>", r"<\|inner_suffix\|>"),
    (r"<\|channel>\s*thought\b", r"<channel\|>"),
]
_OPENER = "|".join(opener for opener, _ in _TAGS)
_CLOSER = "|".join(closer for _, closer in _TAGS)
_TAG = re.compile(rf"(?P<open>{_OPENER})|(?P<close>{_CLOSER})", re.IGNORECASE)

_ANSWER_MARKS = re.compile(
    r"<\|(?:begin_of_solution|end_of_solution|START_RESPONSE|END_RESPONSE|return|end)\|>"
)

# https://cookbook.openai.com/articles/openai-harmony: <|start|>{role}<|channel|>{channel} ...
# <|message|>{text}, ended by <|end|>, <|return|> or <|call|>. "++" and "*+" give nothing back: a
# channel that never gets to its message is left at once, however long it is.
_HARMONY = re.compile(
    r"<\|channel\|>\s*(\w++)[^<]*+(?:<\|constrain\|>[^<]*+)?<\|message\|>"
    r"(.*?)(?=<\|(?:end|return|call|start|channel)\|>|\Z)",
    re.DOTALL,
)
# The same after a server has dropped the special tokens: "analysisWe need…assistantfinal35".
_BARE_HARMONY = re.compile(
    r"\A\s*analysis(?=[^\W\da-z_])(.*?)(?:assistant\s*final(.*))?\Z", re.DOTALL
)

_BESIDE = ("reasoning_content", "reasoning", "thinking", "thought")
_REASONING_BLOCKS = frozenset({"reasoning", "thinking", "redacted_thinking", "reasoning_content"})
_CUT_OFF = frozenset({"length", "max_tokens", "MAX_TOKENS"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a model answered, its thoughts taken off.

    Attributes:
        text: The answer, empty when the model only thought.
        reasoning_characters: How much it thought in characters, wherever it wrote that.
        reasoning_tokens: The same in tokens as counted by the provider, `None` if it did not.
        complete: False when the answer is empty or was cut off, in a thought or at a limit.
    """

    text: str = field(repr=False)
    reasoning_characters: int = 0
    reasoning_tokens: int | None = None
    complete: bool = True

    @property
    def thought_tokens(self) -> int:
        """Tokens of the thoughts: as counted, else a fourth of their characters."""
        return self.reasoning_tokens or (self.reasoning_characters + 3) // 4


def split_reasoning(answer: str | AIMessage) -> Answer:
    """Separate an answer from the reasoning before it.

    A thought that never ends was cut off: nothing after its opening counts as an answer.

    Args:
        answer: A model's text or message.
    """
    if isinstance(answer, str):
        text, thought, closed = _split(answer)
        return Answer(text=text, reasoning_characters=thought, complete=closed and bool(text))
    written, beside = _parts(answer)
    text, thought, closed = _split(written)
    usage = answer.usage_metadata
    details = usage.get("output_token_details", {}) if usage else {}
    about = answer.response_metadata
    reason = about.get("finish_reason") or about.get("done_reason") or about.get("stop_reason")
    return Answer(
        text=text,
        reasoning_characters=thought + beside,
        reasoning_tokens=details.get("reasoning"),
        complete=closed and bool(text) and reason not in _CUT_OFF,
    )


def _parts(message: AIMessage) -> tuple[str, int]:
    """Return a message's text and the number of characters of reasoning beside it."""
    beside = sum(_size(message.additional_kwargs.get(name)) for name in _BESIDE)
    if isinstance(message.content, str):
        return message.content, beside
    text: list[str] = []
    for block in message.content:
        if isinstance(block, str):
            text.append(block)
        elif block.get("type") in _REASONING_BLOCKS:
            beside += _size({k: v for k, v in block.items() if k not in {"type", "id", "index"}})
        elif isinstance(block.get("text"), str):
            text.append(block["text"])
    return "".join(text), beside


def _size(value: Any) -> int:
    """Count the characters of all text in a nested value."""
    if isinstance(value, str):
        return len(value)
    inner: Iterable[Any] = ()
    if isinstance(value, dict):
        inner = value.values()
    elif isinstance(value, list):
        inner = value
    return sum(map(_size, inner))


def _split(text: str) -> tuple[str, int, bool]:
    """Return the answer, the characters of reasoning, and whether every thought ended."""
    if "<|channel|>" in text:
        return _harmony(text)
    if bare := _BARE_HARMONY.match(text):
        return (bare[2] or "").strip(), len(bare[1].strip()), bare[2] is not None
    kept: list[str] = []
    thought, inside, at = 0, False, 0
    for tag in _TAG.finditer(text):
        before = text[at : tag.start()]
        at = tag.end()
        if inside:
            thought += len(before.strip())
        else:
            kept.append(before)
        if not tag["open"] and not inside:
            # Closed but never opened, or closed twice: everything so far was a thought.
            thought += sum(len(piece.strip()) for piece in kept)
            kept = []
        inside = bool(tag["open"])
    rest = text[at:]
    if inside:
        thought += len(rest.strip())
    else:
        kept.append(rest)
    return _ANSWER_MARKS.sub("", "".join(kept)).strip(), thought, not inside


def _harmony(text: str) -> tuple[str, int, bool]:
    channels = [(name, body.strip()) for name, body in _HARMONY.findall(text)]
    final = [body for name, body in channels if name == "final"]
    thought = sum(len(body) for name, body in channels if name != "final")
    return (final[-1] if final else ""), thought, bool(final)
