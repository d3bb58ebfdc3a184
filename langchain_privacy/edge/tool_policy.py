"""Which tool gets which real values.

A tool that runs here and keeps to itself (*local*) needs real values; a tool that sends its
arguments elsewhere (*remote*) must not get them unless a person listed them. Nobody can tell the
two apart by looking at a function, so the default is a judgement, and it can be turned around:

- plain Python tools are local, since an agent that becomes private with two lines must go on
  working, but the texts that a model writes for another interpreter (URLs, shell, SQL, code) keep
  their placeholders: there a model that was talked into it can send a value away;
- tools of integration packages and MCP servers are remote;
- tools of LangChain, LangGraph and Deep Agents themselves (`task`, `write_todos`, file tools), and
  of this package (`ask_database`), work on the agent's masked state and get it as it is.

`private_tool` and `PrivacyMiddleware` ask it.

Example:
    ```python
    ToolPolicy(local={"crm"}, restore={"send_mail": {"to": ["EMAIL"]}}, default="remote")
    ```
"""

import functools
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from langchain_core.tools import BaseTool

from langchain_privacy.errors import ConfigurationError

Place = Literal["local", "remote", "inside"]
"""Where a tool works: here, elsewhere, or on the agent's own masked state."""

Kind = Literal["url", "shell", "sql", "code"]

_FRAMEWORK = frozenset({"langchain", "langgraph", "deepagents", "langchain_privacy"})

_NAMES: dict[Kind, frozenset[str]] = {
    "url": frozenset({"url", "urls", "uri", "href", "link", "endpoint", "webhook", "host"}),
    "shell": frozenset({"command", "commands", "cmd", "shell", "bash", "script"}),
    "sql": frozenset({"sql", "statement"}),
    "code": frozenset({"code", "python", "javascript", "source_code", "program", "expression"}),
}
"""Arguments whose whole text is of a kind, by name."""

_SQL = re.compile(
    r"""
    ^\s*(?:                                       # a text that begins with a statement
        select\b.+\bfrom | update\b.+\bset | with\b.+\bas\s*\(
        | insert\s+into | delete\s+from | merge\s+into
        | (?:create | alter | drop | pragma | copy | exec(?:ute)?)\s
    )
    """,
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_CODE = re.compile(
    r"""
    ```                                           # a fence
    | ^\s*(?:                                     # or a line that begins with
        import\s+\w | from\s+[\w.]+\s+import\b     # Python
        | def\s+\w+\s*\( | class\s+\w+\s*[(:]
        | \#!/                                    # a script
        | (?:const | let | var)\s+\w+\s*=         # JavaScript
        | function\s+\w*\s*\( | <script
    )
    """,
    re.MULTILINE | re.VERBOSE,
)
_SHELL = re.compile(
    r"""
    ^\s*(?:sudo\s+)?                              # a line that begins with a command
    (?:curl | wget | bash | sh | ssh | scp | nc | ping | nslookup | dig | python3?)\s+\S
    | \$\(                                        # or a substitution
    | \|\s*(?:sh | bash | nc | curl)\b            # or a pipe into one
    """,
    re.MULTILINE | re.VERBOSE,
)
_HOST = re.compile(
    r"""
    (?:/|\\){2}                                   # with a scheme or without
    | \bwww\.
    | \b(?:https?|wss?|ftp|data|javascript):       # a scheme that needs no slashes
    | [\w\])}][.。．｡][a-z][\w-]*(?:/|[?\#:\\](?=\S))   # a name with a path, a query or a port
    | \b[a-z][a-z\d-]*:\d{1,5}[/?\#\\]            # a machine with a port
    | \b\d{1,3}(?:\.\d{1,3}){3}\b | \[[\da-f:.]*::?[\da-f:.]*\]   # addresses
    | \](?:\.[\w-]+)*\.[a-z]{2,}\b               # a placeholder as a part of a name: DNS
    | \.[a-z]{2,}\[                              # or glued to one
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Anything like a host: whoever opens it sends there what stands beside it."""


_PATTERNS: dict[Kind, re.Pattern[str]] = {"sql": _SQL, "code": _CODE, "shell": _SHELL}


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolPolicy:
    """Which tool gets which real values; deny by default for what leaves.

    Attributes:
        local: Names of tools that stay here and get every real value, also inside URLs, shell
            commands, SQL and code.
        remote: Names of tools that send their arguments elsewhere and get placeholders.
        restore: What a remote tool gets all the same: tool, argument, entity types (`"*"` for
            all), such as `{"send_mail": {"to": ["EMAIL"]}}`. A tool named here is remote.
        allow_inside: Kinds of text, `"url"`, `"shell"`, `"sql"` or `"code"`, in which a tool may
            get real values all the same, such as `{"lookup": {"sql"}}`.
        default: What a plain Python tool is that nobody named.
    """

    local: Collection[str] = frozenset()
    remote: Collection[str] = frozenset()
    restore: Mapping[str, Mapping[str, Collection[str]]] = field(default_factory=dict)
    allow_inside: Mapping[str, Collection[Kind]] = field(default_factory=dict)
    default: Literal["local", "remote"] = "local"

    def __post_init__(self) -> None:
        for name, value in (("local", self.local), ("remote", self.remote)):
            if isinstance(value, str):
                msg = f"ToolPolicy({name}=...) takes several names: write {{{value!r}}}."
                raise ConfigurationError(msg)
        if both := set(self.local) & (set(self.remote) | set(self.restore)):
            msg = f"ToolPolicy names {sorted(both)} as local and as remote; decide for one."
            raise ConfigurationError(msg)
        for tool, arguments in self.restore.items():
            if any(isinstance(types, str) for types in arguments.values()):
                msg = f"ToolPolicy(restore=...): write the entity types of {tool!r} as a list."
                raise ConfigurationError(msg)
        for tool, kinds in self.allow_inside.items():
            if unknown := set(kinds) - set(_NAMES):
                msg = (
                    f"ToolPolicy(allow_inside=...): {tool!r} has {sorted(unknown)}; "
                    f"known are {sorted(_NAMES)}."
                )
                raise ConfigurationError(msg)

    def names(self) -> set[str]:
        """Return the names of all tools that the policy speaks of."""
        return {*self.local, *self.remote, *self.restore, *self.allow_inside}

    def place(self, tool: BaseTool) -> Place:
        """Say where a tool works."""
        if tool.name in self.local:
            return "local"
        if tool.name in self.remote or tool.name in self.restore:
            return "remote"
        root = _origin(tool)
        if root in _FRAMEWORK:
            return "inside"
        return "remote" if root.startswith(("langchain_", "mcp")) else self.default

    def types(self, tool: str, place: Place, argument: str) -> Collection[str]:
        """Return the entity types that an argument gets back, `{"*"}` for all."""
        if place == "local":
            return {"*"}
        return self.restore.get(tool, {}).get(argument, ())

    def denies(self, tool: str, argument: str, text: str) -> bool:
        """Say whether a text keeps its placeholders, because another program interprets it.

        Args:
            tool: Name of the tool.
            argument: Name of the innermost argument or key that holds the text.
            text: What the model wrote.
        """
        if tool in self.local:
            return False
        words = set(re.split(r"[^a-z]+", argument.lower())) | {argument.lower()}
        found: set[Kind] = {kind for kind, names in _NAMES.items() if names & words}
        found |= {kind for kind, pattern in _PATTERNS.items() if pattern.search(text)}
        return not found <= set(self.allow_inside.get(tool, ()))

    def denies_beside(self, tool: str, text: str) -> bool:
        """Say whether everything in an argument keeps its placeholders, because of one text.

        A host in one field and a value in another make a URL as soon as they are put together.
        """
        allowed = tool in self.local or "url" in self.allow_inside.get(tool, ())
        return not allowed and _HOST.search(text) is not None


def _origin(tool: BaseTool) -> str:
    """Return the top-level package of the code that a tool runs, as far as it tells."""
    body: Any = getattr(tool, "func", None) or getattr(tool, "coroutine", None) or type(tool)
    while isinstance(body, functools.partial):
        body = body.func
    return (getattr(body, "__module__", None) or "").partition(".")[0]
