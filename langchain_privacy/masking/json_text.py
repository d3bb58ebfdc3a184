"""JSON that travels as text: the arguments of a tool call.

Strings are masked one by one, so that no placeholder swallows a quote, and values go back in as
JSON writes them.
"""

import json
import re
from collections.abc import Callable

from langchain_privacy.masking.restore import json_escaped

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|(?<![\w.])-?\d{7,}(?:\.\d+)?(?![\w.])', re.DOTALL)


def is_json(text: str) -> bool:
    """Say whether a text is a JSON object, array or string."""
    if text.lstrip()[:1] not in {"{", "[", '"'}:
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def same_json(a: str, b: str) -> bool:
    """Say whether two JSON texts say the same, however they are escaped."""
    return a == b or bool(json.loads(a) == json.loads(b))


def mask_json(
    text: str, mask: Callable[[str], str], number: Callable[[int | float], object]
) -> str:
    """Mask the strings and long numbers of a JSON text; the rest stays as it is.

    Args:
        text: Valid JSON.
        mask: Masks one decoded string.
        number: Masks one number; returns it, or a placeholder.
    """

    def masked(match: re.Match[str]) -> str:
        token = match[0]
        decoded = json.loads(token, strict=False)
        if isinstance(decoded, str):
            new = mask(decoded)
            return token if new == decoded else f'"{json_escaped(new)}"'
        replaced = number(decoded)
        return token if replaced == decoded else f'"{replaced}"'

    return _TOKEN.sub(masked, text)
