"""The edge: where real values turn into placeholders and back."""

from langchain_privacy.edge.callbacks import RestoringCallbackHandler
from langchain_privacy.edge.chains import MaskingRunnable, RestoringRunnable
from langchain_privacy.edge.node import local_node
from langchain_privacy.edge.private import private
from langchain_privacy.edge.tool_policy import ToolPolicy
from langchain_privacy.edge.tools import private_tool

__all__ = [
    "MaskingRunnable",
    "RestoringCallbackHandler",
    "RestoringRunnable",
    "ToolPolicy",
    "local_node",
    "private",
    "private_tool",
]
