"""A context in which an app runs against recording servers, and what was found afterwards.

Example:
    ```python
    with PrivacyProbe({"PERSON": ["Mira Solheim"]}) as probe:
        probe.model.answers(tool_calls("crm_lookup", name="Mira Solheim"), "Done.")
        agent = build_my_agent(probe.chat_model())
        probe.invoke(agent, {"messages": [("user", "Who is Mira Solheim?")]})
        probe.report().assert_clean()
    ```
"""

from collections.abc import (
    AsyncIterator,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from langchain_core.globals import get_llm_cache
from langchain_core.runnables import Runnable
from langchain_core.runnables.base import RunnableBindingBase
from langgraph.pregel import Pregel

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.loopback import Recorded, RecordingServer, Reply
from langchain_privacy.testing.canaries import Canaries, Leak, Wanted
from langchain_privacy.testing.channels import (
    NEEDED,
    Printed,
    RemoteCalls,
    Storage,
    all_logs,
    temporary_files,
    texts_of_folder,
    traces,
    variables,
)
from langchain_privacy.testing.model_server import OpenAIServer
from langchain_privacy.testing.report import CHANNELS, Channel, Report, Shown, placeholders_in
from langchain_privacy.testing.texts import Text, texts, texts_of_requests

if TYPE_CHECKING:
    from langchain_openai import ChatOpenAI


class PrivacyProbe:
    """Runs an app and looks into every place that a private value may get to.

    While it is open, OpenAI clients, LangSmith's client and OTLP exporters that are made send to
    servers on this machine, temporary files go into a folder of their own, and logs and prints are
    kept. Make the app inside of it. It is for one app at a time: it changes the process.

    Args:
        values: Values that no channel may hold: a list, or lists by type (`{"PERSON": [...]}`).
        ignore: Channels that are meant for the person, such as `stdout` of a command.

    Attributes:
        model: The model server; `model.answers(...)` says what it answers.
        reads: Says what of an answer a person reads, where that is not all of it:
            `probe.reads = lambda answer: answer["text"]`.
        traces: The capture servers of LangSmith and OpenTelemetry.
        reported: Whether a report was made.

    Raises:
        ConfigurationError: A value is empty, or a channel is unknown.
    """

    def __init__(
        self,
        values: Mapping[str, Sequence[str]] | Sequence[str] = (),
        *,
        ignore: Collection[str] = (),
    ) -> None:
        if unknown := sorted(set(ignore) - set(CHANNELS)):
            msg = f"No channel is called {', '.join(unknown)}; there are {', '.join(CHANNELS)}."
            raise ConfigurationError(msg)
        self._ignore = frozenset(ignore)
        self._wanted = Wanted()
        self._wanted.add(values)
        self._canaries: Canaries | None = None
        self.reads: Callable[[Any], Any] = lambda answer: answer
        self.reported = False
        self._errors: list[Text] = []
        self._shown: list[Shown] = []
        self._open = False
        self._storage = Storage()
        self._remote = RemoteCalls()
        self._left: list[Text] = []
        self._servers: list[RecordingServer] = []
        self._out, self._err = Printed("stdout"), Printed("stderr")
        self._stack = ExitStack()

    def add_values(self, values: Mapping[str, Sequence[str]] | Sequence[str]) -> None:
        """Name more values that no channel may hold."""
        self._wanted.add(values)

    @property
    def canaries(self) -> Canaries:
        """Values of ours: `canaries.plant(input)`. From now on they are looked for as well."""
        if self._canaries is None:
            self._canaries = Canaries()
            for kind, value in self._canaries.values.items():
                self._wanted.add_canary(kind, value)
        return self._canaries

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.model = stack.enter_context(OpenAIServer())
            url = self.model.base_url
            names = {"OPENAI_BASE_URL": url, "OPENAI_API_BASE": url, "OPENAI_API_KEY": "none"}
            stack.enter_context(variables(names))
            self.traces = stack.enter_context(traces())
            self._folder = stack.enter_context(temporary_files())
            for stream in (self._out, self._err):
                stack.enter_context(stream.keeping())
            self._logs = stack.enter_context(all_logs())
            stack.callback(self._storage.release)
            stack.callback(self._remote.release)
            stack.callback(self._look_back)
            self._open = True
            self._stack = stack.pop_all()
        self._watch_global_cache()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.__exit__(None, None, None)

    def _look_back(self) -> None:
        """Keep what is gone when the probe is closed."""
        self.traces.flush()
        self._left = list(texts_of_folder(self._folder))
        self._open = False

    # ---- making ready

    def server(self, respond: Callable[[Recorded], Reply] = lambda _: Reply()) -> RecordingServer:
        """Return a server on this machine that stands in for another remote party.

        What it receives is examined as `remote`. Point a tool or another provider's client at its
        `url`.

        Args:
            respond: Writes the answers; by default an empty JSON object.
        """
        server = self._stack.enter_context(RecordingServer(respond))
        self._servers.append(server)
        return server

    def chat_model(self, **settings: Any) -> "ChatOpenAI":
        """Return a chat model that asks the model server; needs `langchain-openai`."""
        return self.model.chat_model(**settings)

    def watch(
        self,
        *storage: Any,
        remote: Iterable[Any] = (),
        files: Iterable[str | Path] = (),
    ) -> None:
        """Name what else is to be looked into.

        What a graph holds is found when it is run here.

        Args:
            *storage: Checkpointers, stores, caches, or graphs that hold some.
            remote: Models, embeddings, retrievers and tools that do not ask the model server. What
                reaches them is examined.
            files: Files and folders to be searched.

        Raises:
            ConfigurationError: Something is of no kind that is known.
        """
        for x in storage:
            if isinstance(x, Runnable):
                self._watch_graph(x)
            else:
                self._storage.watch(x)
        for x in remote:
            self._remote.watch(x)
        for file in files:
            self._storage.watch_file(Path(file))

    def _watch_graph(self, x: Any) -> None:
        self._watch_global_cache()
        if isinstance(x, RunnableBindingBase):
            self._watch_graph(x.bound)
        if isinstance(x, Pregel):
            for graph in (x, *(inner for _, inner in x.get_subgraphs(recurse=True))):
                for name in ("checkpointer", "store", "cache"):
                    self._storage.watch(getattr(graph, name, None))

    def _watch_global_cache(self) -> None:
        self._storage.watch(get_llm_cache())

    # ---- running

    def invoke(self, app: Runnable[Any, Any], x: Any, config: Any = None, **kwargs: Any) -> Any:
        """Run an app; its answer is what the person reads, and its exception is examined."""
        with self._run(app):
            return self.show(app.invoke(x, config, **kwargs))

    async def ainvoke(
        self, app: Runnable[Any, Any], x: Any, config: Any = None, **kwargs: Any
    ) -> Any:
        """Run an app on the event loop."""
        with self._run(app):
            return self.show(await app.ainvoke(x, config, **kwargs))

    def stream(
        self, app: Runnable[Any, Any], x: Any, config: Any = None, **kwargs: Any
    ) -> Iterator[Any]:
        """Stream an app; texts are examined in parts and as they add up."""
        lanes: dict[str, str] = {}
        try:
            with self._run(app):
                for part in app.stream(x, config, **kwargs):
                    _add(lanes, self.reads(part))
                    yield self.show(part, whole=False)
        finally:
            self._show_lanes(lanes)

    async def astream(
        self, app: Runnable[Any, Any], x: Any, config: Any = None, **kwargs: Any
    ) -> AsyncIterator[Any]:
        """Stream an app on the event loop."""
        lanes: dict[str, str] = {}
        try:
            with self._run(app):
                async for part in app.astream(x, config, **kwargs):
                    _add(lanes, self.reads(part))
                    yield self.show(part, whole=False)
        finally:
            self._show_lanes(lanes)

    @contextmanager
    def _run(self, app: Any) -> Iterator[None]:
        if not self._open:
            msg = "Run the app while the probe is open: `with PrivacyProbe(...) as probe:`."
            raise ConfigurationError(msg)
        self._watch_graph(app)
        with self._out.keeping(), self._err.keeping():
            try:
                yield
            except BaseException as error:
                self._errors += texts(error)
                raise

    def show(self, x: Any, *, whole: bool = True) -> Any:
        """Say that a person reads something, and return it: no placeholder may be left in it.

        Args:
            x: An answer, or a part of a stream.
            whole: Whether nothing comes after it; it may end with half a placeholder otherwise.
        """
        for place, text in texts(self.reads(x), "answer"):
            found = placeholders_in(text, place)
            self._shown += [s for s in found if whole or s.placeholder.endswith("]")]
        return x

    def _show_lanes(self, lanes: Mapping[str, str]) -> None:
        for place, text in lanes.items():
            self._shown += placeholders_in(text, f"{place}, added up")

    # ---- looking

    def report(self) -> Report:
        """Look into every channel.

        Raises:
            ConfigurationError: Something can be read by an event loop only: use `areport`; or the
                probe was never open.
        """
        self._must_have_been_open()
        return self._report(list(self._storage.read()))

    async def areport(self) -> Report:
        """Look into every channel, and read what needs an event loop to be read."""
        self._must_have_been_open()
        return self._report([found async for found in self._storage.aread()])

    def _must_have_been_open(self) -> None:
        if not hasattr(self, "traces"):
            msg = "Nothing was run: open the probe first, `with PrivacyProbe(...) as probe:`."
            raise ConfigurationError(msg)

    def _report(self, stored: Iterable[tuple[str, Iterable[Text]]]) -> Report:
        self.reported = True
        if self._open:
            self.traces.flush()
        found: dict[str, list[Text]] = {
            "model": texts_of_requests(self.model),
            "remote": [
                *self._remote.texts,
                *(t for s in self._servers for t in texts_of_requests(s)),
            ],
            "langsmith": texts_of_requests(self.traces.langsmith),
            "logs": list(self._logs.texts),
            "stdout": [*self._out.lines()],
            "stderr": [*self._err.lines()],
            "files": [*texts_of_folder(self._folder)] if self._open else list(self._left),
            "exceptions": list(self._errors),
        }
        missing = {}
        if self.traces.collector is None:
            missing["opentelemetry"] = NEEDED
        else:
            found["opentelemetry"] = texts_of_requests(self.traces.collector)
        for channel, held in stored:
            found.setdefault(channel, []).extend(held)
        leaks: list[Leak] = []
        channels: dict[str, Channel] = {}
        for name in CHANNELS:
            if name in missing or name in self._ignore:
                continue
            held = found.get(name, [])
            size = sum(len(text.text.encode("utf-8", "replace")) for text in held)
            channels[name] = Channel(texts=len(held), size=size)
            leaks += self._wanted.leaks(name, held)
        missing |= dict.fromkeys(sorted(self._ignore), "ignored, as the test asks")
        return Report(
            leaks=leaks,
            placeholders=list(dict.fromkeys(self._shown)),
            channels=channels,
            missing=missing,
        )


def _add(lanes: dict[str, str], part: Any) -> None:
    for place, text in texts(part, "stream"):
        lanes[place] = lanes.get(place, "") + text
