"""The edge of a base install: without LangChain's agents, or without Deep Agents."""

import subprocess
import sys

MISSING = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {missing!r}:
            raise ImportError(name)

sys.meta_path.insert(0, Missing())
"""


def run(missing: set[str], code: str) -> str:
    """Run a program in which some packages cannot be imported; returns what it prints."""
    program = MISSING.replace("{missing!r}", repr(missing)) + code
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_graphs_and_chains_need_no_agents_and_agents_say_what_they_need() -> None:
    code = """
from langchain_core.runnables import RunnableLambda
from langgraph.graph import START, StateGraph
import langchain_privacy
from langchain_privacy import Masker, local_node, private, ToolPolicy
from langchain_privacy.detection import DictionaryDetector
from langchain_privacy.errors import ConfigurationError

masker = Masker([DictionaryDetector({"PERSON": ["Mira Solheim"]})])
builder = StateGraph(dict)
builder.add_node("say", local_node(lambda state: {"said": state["asked"]}))
builder.add_edge(START, "say")
print(private(builder.compile(), masker).invoke({"asked": "Mira Solheim?"})["said"])
print(private(RunnableLambda(lambda x: x), masker).invoke("Mira Solheim!"))
for name in ("PrivacyMiddleware", "create_private_agent"):
    try:
        getattr(langchain_privacy, name)
    except ConfigurationError as error:
        print("langchain-privacy[agents]" in str(error))
"""
    printed = run({"langchain", "deepagents"}, code)
    assert printed.splitlines() == ["Mira Solheim?", "Mira Solheim!", "True", "True"]


def test_only_deep_agents_need_deep_agents() -> None:
    code = """
from langchain_core.language_models import FakeListChatModel
from langchain_privacy import create_private_agent
from langchain_privacy.edge.agents import private_deep_agent
from langchain_privacy.errors import ConfigurationError

model = FakeListChatModel(responses=["x"])
create_private_agent(model)
try:
    private_deep_agent(model)
except ConfigurationError as error:
    print(error)
"""
    assert "langchain-privacy[deepagents]" in run({"deepagents"}, code)
