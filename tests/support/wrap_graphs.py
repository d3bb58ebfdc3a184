"""A pytest plugin that makes every compiled graph and entrypoint of a test-suite private.

LangGraph's own tests are run with it (`tests/integration_tests/test_langgraph_suite.py`). The
masker has no detectors, so that nothing but the edge itself can make a test fail; what detectors
find in a test's own words would be a placeholder in its nodes, as it should be.
"""

import warnings
from typing import Any

from langgraph.func import entrypoint
from langgraph.graph import StateGraph

from langchain_privacy import Masker, MaskingPolicy, private

# What tests put into state is often of classes that a masker cannot look into.
_MASKER = Masker([], policy=MaskingPolicy(unknown="pass"))

warnings.filterwarnings("ignore")
_compile: Any = StateGraph.compile
_call: Any = entrypoint.__call__


def _private_compile(self: Any, *args: Any, **kwargs: Any) -> Any:
    return private(_compile(self, *args, **kwargs), _MASKER)


def _private_entrypoint(self: Any, function: Any) -> Any:
    return private(_call(self, function), _MASKER)


_private_compile.__wrapped__ = _compile  # type: ignore[attr-defined]  # its signature is asked for
StateGraph.compile = _private_compile  # type: ignore[assignment, method-assign]
entrypoint.__call__ = _private_entrypoint  # type: ignore[method-assign]
