"""The edge: where real values turn into placeholders and back."""

from langchain_privacy.edge.private import private

__all__ = ["private"]
