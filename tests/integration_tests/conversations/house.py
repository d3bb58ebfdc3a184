"""Everything that keeps or sends something while the app runs, and the search of it."""

import logging
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, Self

from ahocorasick_rs import AhoCorasick
from langchain_core.caches import InMemoryCache
from langchain_core.globals import set_llm_cache

from langchain_privacy.loopback import Recorded
from langchain_privacy.testing.canaries import Wanted
from langchain_privacy.testing.channels import (
    Printed,
    all_logs,
    temporary_files,
    texts_of_folder,
    traces,
)
from langchain_privacy.testing.texts import Text, as_text, texts, texts_of_file, texts_of_requests
from tests.integration_tests.conversations.model import Model
from tests.integration_tests.conversations.speech import unescaped
from tests.integration_tests.conversations.tools import Tools
from tests.integration_tests.conversations.values import Value


class Found(NamedTuple):
    """A needle in a text, and the numbers of the conversations that it belongs to."""

    needle: str
    owners: frozenset[int]


class Needles:
    """The texts of all private values, found by a search of its own, not by the masker's index."""

    def __init__(self) -> None:
        self._owners: dict[str, set[int]] = {}
        self._searched = AhoCorasick([])
        self._listed: list[str] = []

    def add(self, value: Value, owner: int) -> None:
        for needle in value.needles:
            self._owners.setdefault(needle, set()).add(owner)

    def within(self, text: str) -> Iterator[Found]:
        if len(self._listed) != len(self._owners):
            self._listed = list(self._owners)
            self._searched = AhoCorasick(self._listed)
        for number, *_ in self._searched.find_matches_as_indexes(unescaped(text).lower()):
            needle = self._listed[number]
            yield Found(needle, frozenset(self._owners[needle]))


_BLOCK = 4096
"""Bytes of a page in SQLite: a file is compared with itself by these."""
_LONGEST = 256
"""Bytes on either side in which a value may go on that begins in a block, or ends in one."""


class Files:
    """Files that grow: after each step only what is new in them is searched.

    A value that is new cannot stand in what is as it was before.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, tuple[tuple[int, int], bytes]] = {}

    def paths(self) -> list[Path]:
        return sorted(self._folder.iterdir())

    def news(self) -> Iterator[Text]:
        """Yield what was written since the last time."""
        for path in self.paths():
            known, before = self._read.get(path, ((0, 0), b""))
            status = path.stat()
            if known == (status.st_mtime_ns, status.st_size):
                continue
            now = path.read_bytes()
            self._read[path] = (status.st_mtime_ns, status.st_size), now
            new = [
                now[max(at - _LONGEST, 0) : at + _BLOCK + _LONGEST]
                for at in range(0, len(now), _BLOCK)
                if now[at : at + _BLOCK] != before[at : at + _BLOCK]
            ]
            if new:
                yield Text(f"file {path.name}", "\n".join(map(as_text, new)))

    def whole(self) -> Iterator[Text]:
        """Yield the files as they are."""
        for path in self.paths():
            yield Text(f"file {path.name}", as_text(path.read_bytes()))


class House:
    """The places, opened once for many examples and emptied for each.

    Attributes:
        tools: The tools, and what they were given.
        errors: What was raised, and what is stored of a state.
        cache: LangChain's, of answers.
        node_caches: LangGraph's, one for each start of the app.
        searched: How much was searched in this example, by place.
    """

    def __init__(self) -> None:
        self.tools = Tools()
        self.errors: list[Text] = []
        self.cache = InMemoryCache()
        self.node_caches: list[Any] = []
        self._stack = ExitStack()
        self._printed = (Printed("stdout"), Printed("stderr"))

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.model = stack.enter_context(Model())
            self._traces = stack.enter_context(traces())
            self._temporary = stack.enter_context(temporary_files())
            for name in ("httpcore2", "urllib3"):  # what they tell has no bodies
                log = logging.getLogger(name)
                stack.callback(log.setLevel, log.level)
                log.setLevel(logging.INFO)
            self._logs = stack.enter_context(all_logs())
            for printed in self._printed:
                stack.enter_context(printed.keeping())
            stack.callback(set_llm_cache, None)
            self._folders = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.__exit__(None, None, None)

    def begin(self) -> Path:
        """Empty everything, and return a folder for the files of the app."""
        self._traces.flush()
        self.model.forget()
        for server in self._servers():
            server.requests.clear()
        self._logs.texts.clear()
        self.errors.clear()
        self.tools.forget()
        self.cache = InMemoryCache()
        set_llm_cache(self.cache)
        self.node_caches.clear()
        self._read = self._logged = self._told = self._posted = 0
        self._answers: dict[Any, Any] = {}
        self.needles, self._wanted = Needles(), Wanted()
        self._values: set[str] = set()
        self.searched = Counter[str]()
        self.folder = Path(tempfile.mkdtemp(dir=self._folders))
        self._files = Files(self.folder)
        return self.folder

    def end(self) -> None:
        """Throw the app's files away."""
        shutil.rmtree(self.folder)

    def keep_private(self, value: Value, owner: int) -> None:
        """Look for a value from now on."""
        self.needles.add(value, owner)
        if value.text not in self._values:
            self._values.add(value.text)
            self.searched["private values"] += 1
            self._wanted.add({"PERSON" if "person" in value.kind else value.kind: [value.text]})

    def _servers(self) -> list[Any]:
        found = [self._traces.langsmith, self._traces.collector]
        return [server for server in found if server is not None]

    # ---- after each step

    def leaks(self) -> list[str]:
        """Search what came since the last time, and the files as they are now."""
        requests = self.model.requests[self._read :]
        logged = self._logs.texts[self._logged :]
        self.searched["requests to a model searched"] += len(requests)
        self._read += len(requests)
        self._logged += len(logged)
        files = list(self._files.news())
        self.searched["files searched"] += len(files)
        self.searched["log lines searched"] += len(logged)
        return self._held([*_raw("model", requests), *logged, *self._new_in_process(), *files])

    def _held(self, held: Iterable[Text]) -> list[str]:
        held = list(held)
        # all at once first: nearly always there is nothing
        if not any(self.needles.within("\n\n".join(text for _, text in held))):
            return []
        return [
            f"{place} holds {found.needle!r}"
            for place, text in held
            for found in self.needles.within(text)
        ]

    def _in_process(self) -> Iterator[Text]:
        yield from self.errors
        yield from (Text(f"remote tool {tool}", text) for _, tool, text in self.tools.remote)
        yield from texts(dict(self.cache._cache), "cache of answers")
        yield from self._of_node_caches()

    def _of_node_caches(self) -> Iterator[Text]:
        for cache in self.node_caches:
            for space, kept in cache._cache.items():
                yield from texts({repr(space): kept}, "node cache")

    def _new_in_process(self) -> Iterator[Text]:
        errors, remote = self.errors[self._told :], self.tools.remote[self._posted :]
        self._told += len(errors)
        self._posted += len(remote)
        yield from errors
        yield from (Text(f"remote tool {tool}", text) for _, tool, text in remote)
        answers = dict(self.cache._cache)
        new = {k: v for k, v in answers.items() if self._answers.get(k) is not v}
        self._answers = answers
        self.searched["cached answers searched"] += len(new)
        yield from texts(new, "cache of answers")

    # ---- at the end

    def remains(self, *, thorough: bool) -> list[str]:
        """Search everything, traces too.

        Args:
            thorough: Whether also by every spelling and disguise that the guard knows, in what
                each place says when it is decoded.
        """
        self._traces.flush()
        found = [*self.leaks(), *self._held([*self._in_process(), *self._files.whole()])]
        nodes = [len(kept) for cache in self.node_caches for kept in cache._cache.values()]
        self.searched["cached nodes searched"] += sum(nodes)
        for server in self._servers():
            self.searched["requests with traces searched"] += len(server.requests)
            found += self._held(_raw("traces", server.requests))
        found += self._held(texts_of_folder(self._temporary))
        found += self._held(line for printed in self._printed for line in printed.lines())
        if thorough:
            databases = [path for path in self._files.paths() if path.suffix == ".sqlite"]
            places: dict[str, Iterable[Text]] = {
                "model": texts_of_requests(self.model),
                "process": self._in_process(),
                "files": [text for p in databases for text in texts_of_file(p, p.name)],
                "logs": self._logs.texts,
                "traces": [t for server in self._servers() for t in texts_of_requests(server)],
            }
            for place, held in places.items():
                found += map(str, self._wanted.leaks(place, held))
        return found


_RUNS_BEGIN = re.compile(r"\b\d{8}T\d{12}Z")
"""When a run began, in LangSmith's order of runs. At 10:50:13.462312 it holds a number of Korea
(010-5013-4623), and no value can stand in it."""


def _raw(place: str, requests: Sequence[Recorded]) -> Iterator[Text]:
    """Yield requests as they arrived."""
    for number, request in enumerate(requests, 1):
        head = f"{request.path} {dict(request.headers)}"
        text = _RUNS_BEGIN.sub("", f"{head} {as_text(request.body)}")
        yield Text(f"{place}, request {number}", text)
