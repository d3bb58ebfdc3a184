"""The tools of the app: local ones that see real values, remote ones that must not, failing ones.

What each was given is kept, with the conversation that it was for.
"""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

from langchain.tools import ToolRuntime
from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool, ToolException, tool
from langgraph.types import Command, interrupt

from langchain_privacy import ToolPolicy

POLICY = ToolPolicy(remote={"post"}, restore={"mail": {"to": ["EMAIL", "EMAIL_ADDRESS"]}})


class Stopped(BaseException):
    """What is no `Exception`: a worker that was told to stop."""


class RefusedError(Exception):
    """An error of the app's own, which carries more than its text."""

    def __init__(self, text: str) -> None:
        super().__init__(f"refused: {text}")
        self.text = text


RAISED: dict[str, Callable[[str], BaseException]] = {
    "ValueError": ValueError,
    "KeyError": KeyError,
    "UnicodeError": lambda text: UnicodeEncodeError("ascii", text, 0, 1, f"no {text}"),
    "OSError": lambda text: OSError(2, f"no file {text}", f"/tmp/{text}"),
    "own": RefusedError,
    "ToolException": ToolException,
    "group": lambda text: ExceptionGroup(f"both of {text}", [ValueError(text), RefusedError(text)]),
    "caused": lambda text: _caused(text),
    "Stopped": Stopped,
}
"""What a failing tool raises, by name."""


def _caused(text: str) -> BaseException:
    error = RuntimeError(f"while reading {text}")
    error.__cause__ = KeyError(text)
    error.add_note(f"the file was of {text}")
    return error


class Given(NamedTuple):
    """What a tool was called with."""

    thread: str
    tool: str
    text: str


class Tools:
    """The tools, what is in their database, and what they were given.

    Attributes:
        local: What local tools were given.
        remote: What remote tools were given, and what of it must stay masked.
        records: What `look_up` finds, by thread.
        failed: The calls that have failed once.
        raised: The threads in which a tool has failed.
        all: The tools; they are made once, because their schemas are costly.
        leave: What makes the person go away who waits for a slow tool, by thread.
    """

    def __init__(self) -> None:
        self.local: list[Given] = []
        self.remote: list[Given] = []
        self.records: dict[str, list[str]] = {}
        self.failed: set[str] = set()
        self.raised: set[str] = set()
        self.leave: dict[str, Callable[[], object]] = {}
        self.all: list[BaseTool] = [
            self._look_up(), self._file(), self._ask(), self._change(), self._keep(),
            self._recall(), self._fail(), self._fail_once(), self._wait(), self._post(),
            self._mail(),
        ]  # fmt: skip

    def forget(self) -> None:
        """Begin anew."""
        for kept in (self.local, self.remote, self.records, self.failed, self.raised, self.leave):
            kept.clear()

    def _took(self, runtime: ToolRuntime, name: str, text: str) -> str:
        thread = str(runtime.config["configurable"]["thread_id"])
        self.local.append(Given(thread, name, text))
        return thread

    def _look_up(self) -> BaseTool:
        @tool
        def look_up(text: str, runtime: ToolRuntime) -> str:
            """Look something up."""
            thread = self._took(runtime, "look_up", text)
            found = self.records.get(thread)
            return found.pop() if found else f"Nothing about {text}"

        return look_up

    def _file(self) -> BaseTool:
        @tool(response_format="content_and_artifact")
        async def file(text: str, runtime: ToolRuntime) -> tuple[list[Any], dict[str, Any]]:
            """Fetch a file."""
            return _filed(self._took(runtime, "file", text), text)

        def _filed(thread: str, text: str) -> tuple[list[Any], dict[str, Any]]:
            found = self.records.get(thread)
            record = found.pop() if found else f"Empty file of {text}"
            return [{"type": "text", "text": record}], {"pages": [record, {"of": text}]}

        def at_once(text: str, runtime: ToolRuntime) -> tuple[list[Any], dict[str, Any]]:
            return _filed(self._took(runtime, "file", text), text)

        file.func = at_once
        return file

    def _ask(self) -> BaseTool:
        @tool
        def ask(text: str, runtime: ToolRuntime) -> str:
            """Ask the person."""
            self._took(runtime, "ask", text)
            answer = interrupt({"question": f"What about {text}?"})
            self._took(runtime, "ask", str(answer))
            return f"The person says: {answer}"

        return ask

    def _change(self) -> BaseTool:
        @tool
        def change(text: str, runtime: ToolRuntime) -> Command[Any]:
            """Change the state."""
            self._took(runtime, "change", text)
            for message in runtime.state["messages"]:
                self._took(runtime, "change", message.text)
            said = ToolMessage(f"changed to {text}", tool_call_id=runtime.tool_call_id)
            return Command(update={"messages": [said]})

        return change

    def _keep(self) -> BaseTool:
        @tool
        def keep(text: str, runtime: ToolRuntime) -> str:
            """Keep a note."""
            thread = self._took(runtime, "keep", text)
            assert runtime.store is not None
            runtime.store.put(("notes",), thread, {"text": text, "more": [{text: 1}]})
            return "kept"

        return keep

    def _recall(self) -> BaseTool:
        @tool
        def recall(text: str, runtime: ToolRuntime) -> str:
            """Recall the notes."""
            thread = self._took(runtime, "recall", text)
            assert runtime.store is not None
            found = runtime.store.get(("notes",), thread)
            if found is None:
                return "no notes"
            self._took(runtime, "recall", str(found.value))
            return str(found.value["text"])

        return recall

    def _fail(self) -> BaseTool:
        @tool
        def fail(text: str, how: str, runtime: ToolRuntime) -> str:
            """Fail."""
            self.raised.add(self._took(runtime, "fail", text))
            raise RAISED[how](text)

        return fail

    def _fail_once(self) -> BaseTool:
        @tool
        def fail_once(text: str, runtime: ToolRuntime) -> str:
            """Fail, and work the next time."""
            thread = self._took(runtime, "fail_once", text)
            if runtime.tool_call_id in self.failed:
                return f"worked with {text}"
            assert runtime.tool_call_id is not None
            self.failed.add(runtime.tool_call_id)
            self.raised.add(thread)
            raise RefusedError(text)

        return fail_once

    def _wait(self) -> BaseTool:
        @tool
        async def wait(text: str, runtime: ToolRuntime) -> str:
            """Wait for ever."""
            thread = self._took(runtime, "wait", text)
            asyncio.get_running_loop().call_soon(self.leave[thread])
            await asyncio.Event().wait()
            return text

        def at_once(text: str, runtime: ToolRuntime) -> str:
            raise Stopped(f"waited for {self._took(runtime, 'wait', text)} with {text}")

        wait.func = at_once
        return wait

    def _post(self) -> BaseTool:
        @tool
        def post(text: str, runtime: ToolRuntime) -> str:
            """Post to a service of somebody else."""
            self.remote.append(Given("", "post", f"{text} {runtime.config} {runtime.state}"))
            return f"posted {text}"

        return post

    def _mail(self) -> BaseTool:
        @tool
        def mail(to: str, text: str, runtime: ToolRuntime) -> str:
            """Mail something to somebody by a service of somebody else."""
            self.remote.append(Given("", "mail", text))
            return f"mailed to {to}: {text}"

        return mail
