"""A model's structured answer on both sides: real for the parser, masked for what records it.

`edge.steps` (chains) and `edge.structured` (agents) restore an answer, have it parsed, and put
the placeholders back where the model wrote them.
"""

from collections.abc import Collection
from dataclasses import fields, is_dataclass, replace
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.utils.json import parse_json_markdown
from pydantic import BaseModel

from langchain_privacy.edge.tools import codes_in
from langchain_privacy.masking import MaskingSession


def restored_answer(session: MaskingSession, answer: Any) -> Any:
    """Restore an answer: a text, or a message whose text or tool calls are JSON."""
    if isinstance(answer, str):
        return session.restore_json(answer)
    if not isinstance(answer, AIMessage):
        return session.restore(answer)
    real = session.restore(answer)
    if answer.tool_calls:
        return answer.model_copy() if real is answer else real
    return real.model_copy(update={"content": _json(session, answer.content)})


def _json(session: MaskingSession, content: Any) -> Any:
    if isinstance(content, str):
        return session.restore_json(content)
    return [
        {**block, "text": session.restore_json(block["text"])}
        if isinstance(block, dict) and isinstance(block.get("text"), str)
        else session.restore(block)
        for block in content
    ]


def written_in(answer: Any, names: Collection[str | None] | None = None) -> Any:
    """Return what a model wrote for the parsed object: arguments of calls, or a JSON text.

    Args:
        answer: A message or a text.
        names: Of the tools that stand for the object; any when `None`.
    """
    calls = getattr(answer, "tool_calls", None) or ()
    written = [call["args"] for call in calls if names is None or call["name"] in names]
    if written:
        return written[0] if len(written) == 1 else written
    try:
        return parse_json_markdown(answer if isinstance(answer, str) else answer.text)
    except (ValueError, AttributeError):
        return None


def overlaid(session: MaskingSession, parsed: Any, written: Any) -> Any:
    """Put placeholders where the model wrote them, also where a number or a date was made."""
    if isinstance(written, str) and codes_in(written):
        same = not isinstance(parsed, str) or session.restore(written) == parsed
        return written if same else session.mask(parsed)
    if isinstance(parsed, BaseModel) and isinstance(written, dict):
        update = {
            name: overlaid(session, getattr(parsed, name), _named(written, name, field.alias))
            for name, field in type(parsed).model_fields.items()
        }
        return parsed.model_copy(update=update)
    if is_dataclass(parsed) and not isinstance(parsed, type) and isinstance(written, dict):
        names = [field.name for field in fields(parsed) if field.init]
        update = {n: overlaid(session, getattr(parsed, n), written.get(n)) for n in names}
        return replace(parsed, **update)
    if isinstance(parsed, dict) and isinstance(written, dict):
        return {
            session.mask(key): overlaid(session, value, written.get(key))
            for key, value in parsed.items()
        }
    if isinstance(parsed, list):
        each = written if isinstance(written, list) else [written]
        if len(parsed) == len(each):
            return [overlaid(session, p, w) for p, w in zip(parsed, each, strict=True)]
    return session.mask(parsed)


def _named(written: dict[str, Any], name: str, alias: str | None) -> Any:
    return written[name] if name in written else written.get(alias or name)
