"""Local models: the only callers of a model that may show it real values."""

from langchain_privacy.local.call import DEFAULT_TIMEOUT, LocalModel, acall_local, call_local
from langchain_privacy.local.reasoning import Answer, split_reasoning

__all__ = [
    "DEFAULT_TIMEOUT",
    "Answer",
    "LocalModel",
    "acall_local",
    "call_local",
    "split_reasoning",
]
