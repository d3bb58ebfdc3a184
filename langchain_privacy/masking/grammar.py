"""How a placeholder is written: `[EMAIL_7K2Q]`."""

import re

PLACEHOLDER = re.compile(r"\[([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)_([0-9A-HJKMNP-TV-Z]{4,})\]")


def write(entity_type: str, code: str) -> str:
    """Write a placeholder."""
    return f"[{entity_type}_{code}]"
