"""How a placeholder is written: `[EMAIL_7K2Q]`, and the entity types that only masking issues.

A type is upper case with underscores (`KR_RRN`), a code is Crockford base 32 and ends in a check
character that depends on the session's key and the type (`vault/codes.py`).
"""

import re

PLACEHOLDER = re.compile(r"\[([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)_([0-9A-HJKMNP-TV-Z]{4,})\]")
"""A placeholder exactly as issued; groups are the entity type and the code."""

INTEGER, FLOATING = "_INT", "_FLOAT"
"""Suffixes of a type: a number in a structure, which comes back as a number."""


def write(entity_type: str, code: str) -> str:
    """Write a placeholder."""
    return f"[{entity_type}_{code}]"
