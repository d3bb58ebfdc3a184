"""A leak is caught in each channel, and in that one only where the others are private."""

import base64
import json
import logging
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.globals import set_llm_cache
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableLambda
from langgraph.cache.memory import InMemoryCache as NodeCache
from langgraph.cache.sqlite import SqliteCache
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.store.memory import InMemoryStore
from langgraph.store.sqlite import SqliteStore
from langgraph.store.sqlite.aio import AsyncSqliteStore
from langgraph.types import CachePolicy

from langchain_privacy import EgressGuard, Masker, install_tracing_guard, private
from langchain_privacy.errors import ConfigurationError, PrivacyLeakError
from langchain_privacy.testing import PrivacyProbe, Reply, Report, channels, tool_calls
from langchain_privacy.testing.canaries import Wanted
from langchain_privacy.testing.report import CHANNELS
from langchain_privacy.testing.texts import Text
from tests.unit_tests.testing import apps
from tests.unit_tests.testing.apps import ASKED, EMAIL, KOREAN, NAME, RRN, SAID, VALUES, thread


@pytest.fixture
def probe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivacyProbe]:
    tmp_path_factory.getbasetemp()
    with PrivacyProbe(VALUES) as probe:
        yield probe


def where(report: Report) -> set[str]:
    return {leak.channel for leak in report.leaks}


def no_value_in(text: str) -> None:
    assert not [value for values in VALUES.values() for value in values if value in text]


# ---- one test a channel


def test_a_plain_graph_leaks_into_model_traces_and_checkpoints(probe: PrivacyProbe) -> None:
    graph = apps.plain(probe.chat_model(), checkpointer=InMemorySaver())
    assert probe.invoke(graph, ASKED, thread())["messages"][-1].content == SAID
    report = probe.report()
    assert where(report) >= {"model", "langsmith", "opentelemetry", "checkpoints"}
    for channel in ("model", "langsmith", "opentelemetry", "checkpoints"):
        found = [leak for leak in report.leaks if leak.channel == channel]
        assert {leak.value for leak in found} == {"PERSON 1", "PERSON 2", "EMAIL 1", "KR_RRN 1"}
    (place,) = {leak.place for leak in report.leaks if leak.channel == "model"}
    assert place == "request 1, POST: body.messages[0].content"
    with pytest.raises(PrivacyLeakError, match="private") as caught:
        report.assert_clean()
    assert isinstance(caught.value, AssertionError)
    for told in (str(caught.value), str(report), repr(report), caught.value.args[0]):
        no_value_in(told)


@pytest.mark.parametrize(
    ("channel", "leak"),
    [
        ("logs", apps.into_log),
        ("stdout", apps.into_stdout),
        ("stderr", apps.into_stderr),
        ("files", apps.into_file),
    ],
)
def test_what_a_local_function_leaves(probe: PrivacyProbe, channel: str, leak: Any) -> None:
    apps.run(probe, apps.with_local(leak))
    report = probe.report()
    assert {leak.value for leak in report.leaks if leak.channel == channel} == {"EMAIL 1"}
    assert where(report) == {channel}


def test_files_are_examined_when_the_probe_is_closed() -> None:
    with PrivacyProbe(VALUES) as probe:
        apps.run(probe, apps.with_local(apps.into_file))
    assert where(probe.report()) == {"files"}


def test_exceptions_with_what_is_behind_them(probe: PrivacyProbe) -> None:
    with pytest.raises(RuntimeError):
        apps.run(probe, RunnableLambda(apps.failing))
    found = {
        leak.value: leak.place for leak in probe.report().leaks if leak.channel == "exceptions"
    }
    assert found["EMAIL 1"] == "RuntimeError, caused by ValueError.args[0]"
    assert found["PERSON 1"].startswith("RuntimeError, caused by ValueError.__notes__")


def test_store(probe: PrivacyProbe) -> None:
    apps.run(probe, apps.into_store())
    found = {leak.value: leak.place for leak in probe.report().leaks if leak.channel == "store"}
    assert found["EMAIL 1"] == "InMemoryStore: item 1: value.text"


def keeping(store: Any) -> Any:
    """A graph that writes what it is asked into a store, after other things."""

    async def keep(state: MessagesState) -> dict[str, Any]:
        await store.aput(("people", "all"), "last", {"said": [state["messages"][-1].content]})
        return {}

    return StateGraph(MessagesState).add_node(keep).add_edge(START, "keep").compile(store=store)


async def test_stores_of_an_event_loop(
    probe: PrivacyProbe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "_PAGE", 100)
    async with AsyncSqliteStore.from_conn_string(str(tmp_path / "s.sqlite")) as store:
        await store.setup()
        for number in range(250):
            await store.aput(("people",), f"{number:03}", {"text": "nothing"})
        await probe.ainvoke(keeping(store), ASKED)
        with pytest.raises(ConfigurationError, match="areport"):
            probe.report()
        report = await probe.areport()
    found = {leak.place for leak in report.leaks if leak.channel == "store"}
    assert found
    assert all(re.fullmatch(r"AsyncSqliteStore: item \d+: value.said\[0\]", at) for at in found)
    assert report.channels["store"].texts > 500


def test_stores_in_sqlite(
    probe: PrivacyProbe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "_PAGE", 100)
    with SqliteStore.from_conn_string(str(tmp_path / "s.sqlite")) as store:
        store.setup()
        for number in range(250):
            store.put(("people",), f"{number:03}", {"text": "nothing"})
        store.put((KOREAN,), RRN, {"text": NAME})
        probe.watch(store)
        probe.invoke(RunnableLambda(lambda x: x), "hello")
        found = {leak.value: leak.place for leak in probe.report().leaks}
    assert found["PERSON 2"].endswith(": namespace[0]")
    assert found["KR_RRN 1"].endswith(": key")
    assert found["PERSON 1"].endswith(": value.text")


def test_cache_in_a_file_that_was_written_before(probe: PrivacyProbe, tmp_path: Path) -> None:
    before: SqliteCache[Any] = SqliteCache(path=str(tmp_path / "c.sqlite"))
    before.set({(("ns",), "k"): ({"text": EMAIL}, None)})
    probe.watch(SqliteCache(path=str(tmp_path / "c.sqlite")))
    probe.invoke(RunnableLambda(lambda x: x), "hello")
    (leak,) = probe.report().leaks
    assert (leak.channel, leak.value) == ("cache", "EMAIL 1")
    assert leak.place.startswith("SqliteCache: c.sqlite: cache.val, row 1.text")


def test_cache(probe: PrivacyProbe) -> None:
    cache = InMemoryCache()
    set_llm_cache(cache)
    try:
        apps.run(probe, apps.plain(probe.chat_model()))
    finally:
        set_llm_cache(None)
    assert "cache" in where(probe.report())
    probe.__exit__(None, None, None)
    assert "update" not in vars(cache)


def test_cache_of_nodes_in_a_subgraph(probe: PrivacyProbe) -> None:
    inner = StateGraph(MessagesState)
    inner.add_node("pass", lambda s: {"messages": s["messages"]}, cache_policy=CachePolicy())
    inner_graph = inner.add_edge(START, "pass").compile(cache=NodeCache())
    graph = StateGraph(MessagesState).add_node("inner", inner_graph).add_edge(START, "inner")
    apps.run(probe, graph.compile())
    found = {leak.place for leak in probe.report().leaks if leak.channel == "cache"}
    assert found
    assert all(place.startswith("InMemoryCache.set") for place in found)


def test_what_a_fake_model_is_asked(probe: PrivacyProbe) -> None:
    model = FakeListChatModel(responses=["fine"])
    probe.watch(remote=[model])
    apps.run(probe, apps.plain(model))
    assert "remote" in where(probe.report())
    probe.__exit__(None, None, None)
    assert not hasattr(FakeListChatModel._call, "__wrapped__")


def test_what_a_model_is_asked_whose_class_was_guarded_before(probe: PrivacyProbe) -> None:
    model, guard = FakeListChatModel(responses=["fine"]), EgressGuard(Masker([]))
    guard.wrap(model).invoke("Is all well?")
    probe.watch(remote=[model])
    probe.invoke(RunnableLambda(lambda _: guard.wrap(model).invoke("Is it raining?").content), "")
    assert probe.report().channels["remote"].texts > 0


def test_what_another_remote_party_is_sent(probe: PrivacyProbe) -> None:
    server = probe.server(lambda _: Reply(body=b'"sunny"'))

    def weather(state: MessagesState) -> dict[str, Any]:
        url = f"{server.url}/weather?who={quote(str(state['messages'][-1].content))}"
        return {"messages": [httpx.get(url, trust_env=False).json()]}

    builder = StateGraph(MessagesState).add_node("weather", weather).add_edge(START, "weather")
    apps.run(probe, builder.compile())
    found = {leak.value: leak.place for leak in probe.report().leaks if leak.channel == "remote"}
    assert found["EMAIL 1"] == "request 1, GET: path"
    assert len(found) == 4


def test_traces_are_clean_with_the_guard_on(probe: PrivacyProbe) -> None:
    known = Masker()
    known.session("t").vault.issue("EMAIL", EMAIL)
    guard = install_tracing_guard(known)
    try:
        apps.run(probe, apps.plain(probe.chat_model()))
        report = probe.report()
    finally:
        guard.remove()
    leaking = {leak.channel for leak in report.leaks if leak.value == "EMAIL 1"}
    assert "model" in leaking
    assert not leaking & {"langsmith", "opentelemetry"}
    assert report.channels["opentelemetry"].size


def test_logs_are_read_whole() -> None:
    logger = logging.getLogger("app.kept.apart")

    def work(_: Any) -> str:
        try:
            raise ValueError(RRN)
        except ValueError:
            logger.debug("failed", exc_info=True, extra={"customer": {"name": NAME}})
        return "done"

    logger.propagate = False
    try:
        with PrivacyProbe(VALUES) as inner:
            inner.invoke(RunnableLambda(work), "x")
        found = {leak.value: leak.place for leak in inner.report().leaks if leak.channel == "logs"}
    finally:
        logger.propagate = True
    assert found["KR_RRN 1"].endswith(": ValueError.args[0]")
    assert found["PERSON 1"].endswith(": extra.customer.name")
    assert not logger.handlers


def test_sqlite_is_searched_row_by_row_and_as_bytes(probe: PrivacyProbe, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "c.sqlite", check_same_thread=False) as connection:
        apps.run(probe, apps.plain(probe.chat_model(), checkpointer=SqliteSaver(connection)))
        places = [text.place for _, held in probe._storage.read() for text in held]
        assert any("c.sqlite: checkpoints.checkpoint, row 1" in place for place in places)
        assert "SqliteSaver: c.sqlite, as bytes" in places
        assert "checkpoints" in where(probe.report())


def test_deleted_rows_are_found_as_bytes(probe: PrivacyProbe, tmp_path: Path) -> None:
    file = tmp_path / "old.sqlite"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE notes (text)")
        connection.execute("INSERT INTO notes VALUES (?)", (f"about {EMAIL}",))
        connection.commit()
        connection.execute("PRAGMA secure_delete = 0")
        connection.execute("DELETE FROM notes")
    connection.close()
    apps.run(probe, apps.private_app(probe.chat_model()))
    probe.watch(files=[tmp_path])
    (leak,) = probe.report().leaks
    assert (leak.channel, leak.value) == ("files", "EMAIL 1")
    assert leak.place.endswith("old.sqlite, as bytes")


def test_placeholders_that_a_person_would_read(probe: PrivacyProbe) -> None:
    probe.model.answers("Dear [PERSON_7K2Q], see [[hidden_value_1_name]]; [EMAIL_7")
    apps.run(probe, apps.plain(probe.chat_model()))
    shown = [found.placeholder for found in probe.report().placeholders]
    assert shown == ["[PERSON_7K2Q]", "[[hidden_value_1_name]]", "[EMAIL_7"]


def test_placeholders_that_a_stream_puts_together(probe: PrivacyProbe) -> None:
    app: RunnableLambda[str, str] = RunnableLambda(lambda _: "x")
    app.stream = lambda *_, **__: iter(["Dear [PER", "SON_7K2Q", "]!"])  # type: ignore[method-assign]
    assert len(list(probe.stream(app, "x"))) == 3
    assert [s.placeholder for s in probe.report().placeholders] == ["[PERSON_7K2Q]"]


def test_what_a_person_does_not_read_may_show_placeholders(probe: PrivacyProbe) -> None:
    answer = {"text": "Dear Mira", "masked": "Dear [PERSON_7K2Q]"}
    app: RunnableLambda[str, dict[str, str]] = RunnableLambda(lambda _: answer)
    probe.reads = lambda answer: answer["text"]
    assert probe.invoke(app, "x") == answer
    assert list(probe.stream(app, "x")) == [answer]
    assert not probe.report().placeholders
    probe.reads = lambda answer: answer
    probe.invoke(app, "x")
    assert [s.place for s in probe.report().placeholders] == ["answer.masked"]


# ---- a private graph is clean


def test_private_is_clean(probe: PrivacyProbe) -> None:
    graph = apps.private_app(
        probe.chat_model(), checkpointer=InMemorySaver(), store=InMemoryStore()
    )
    assert apps.run(probe, graph)["messages"][-1].content == SAID
    report = probe.report()
    report.assert_clean(examined=["model", "langsmith", "opentelemetry", "checkpoints"])
    assert not report.placeholders


async def test_private_is_clean_async(probe: PrivacyProbe, tmp_path: Path) -> None:
    async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "a.sqlite")) as saver:
        graph = apps.private_app(probe.chat_model(), checkpointer=saver)
        answer = await probe.ainvoke(graph, ASKED, thread())
        assert answer["messages"][-1].content == SAID
        with pytest.raises(ConfigurationError, match="areport"):
            probe.report()
        (await probe.areport()).assert_clean(examined=["model", "checkpoints"])


async def test_async_checkpoints_are_read(probe: PrivacyProbe, tmp_path: Path) -> None:
    async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "a.sqlite")) as saver:
        await probe.ainvoke(apps.plain(probe.chat_model(), checkpointer=saver), ASKED, thread())
        assert "checkpoints" in where(await probe.areport())


@pytest.mark.parametrize("mode", ["values", "updates", "messages"])
def test_private_streams_are_clean(probe: PrivacyProbe, mode: str) -> None:
    graph = apps.private_app(probe.chat_model(streaming=True), checkpointer=InMemorySaver())
    parts = list(probe.stream(graph, ASKED, thread(), stream_mode=mode))
    assert any(EMAIL in str(part) for part in parts) or mode == "messages"
    probe.report().assert_clean(examined=["model", "checkpoints"])


async def test_private_streams_are_clean_async(probe: PrivacyProbe) -> None:
    graph = apps.private_app(probe.chat_model(streaming=True), checkpointer=InMemorySaver())
    parts = [p async for p in probe.astream(graph, ASKED, thread(), stream_mode="messages")]
    assert "".join(message.content for message, _ in parts).endswith(SAID)
    (await probe.areport()).assert_clean(examined=["model", "checkpoints"])


def test_a_plain_stream_leaks(probe: PrivacyProbe) -> None:
    assert list(probe.stream(apps.plain(probe.chat_model(streaming=True)), ASKED))
    assert where(probe.report()) >= {"model", "langsmith"}


# ---- canaries


def test_canaries_leak_from_a_plain_graph_and_not_from_a_private_one() -> None:
    asked = {"messages": [HumanMessage("Write a letter.")]}
    with PrivacyProbe() as probe:
        probe.invoke(apps.plain(probe.chat_model()), probe.canaries.plant(asked))
    found = {leak.value for leak in probe.report().leaks if leak.channel == "model"}
    assert found == {f"canary {kind}" for kind in probe.canaries.values}
    with PrivacyProbe() as probe:
        graph = private(apps.plain(probe.chat_model()), Masker())
        answer = probe.invoke(graph, probe.canaries.plant(asked))
        assert probe.canaries.text in answer["messages"][-1].content
    probe.report().assert_clean(examined=["model"])


@pytest.mark.parametrize(
    "asked",
    [
        "x",
        [("user", "x")],
        [{"role": "user", "content": "x"}],
        {"messages": [HumanMessage([{"type": "text", "text": "x"}])]},
        {"question": "x", "number": 3},
    ],
)
def test_canaries_are_planted_into_any_input(probe: PrivacyProbe, asked: Any) -> None:
    before = repr(asked)
    assert repr(probe.canaries.plant(asked)).count(probe.canaries.values["EMAIL"]) == 1
    assert repr(asked) == before


# ---- forms and places


@pytest.mark.parametrize(
    ("written", "form"),
    [
        (EMAIL, "plain"),
        (EMAIL.upper(), "case"),
        (base64.b64encode(f"to {EMAIL} now".encode()).decode(), "base64"),
        (EMAIL.encode().hex(), "hex"),
        (EMAIL.replace("@", "%40"), None),
        (json.dumps(KOREAN), None),
        (EMAIL[::-1], "reversed"),
    ],
)
def test_forms(written: str, form: str | None) -> None:
    wanted = Wanted()
    wanted.add(VALUES)
    (leak,) = wanted.leaks("logs", [Text("a", "nothing"), Text("b", f"x {written} y")])
    assert leak.place == "b"
    assert form is None or leak.form == form


def test_a_value_in_a_path_is_not_printed() -> None:
    wanted = Wanted()
    wanted.add(VALUES)
    (leak,) = wanted.leaks("store", [Text(f"store.{EMAIL}.note", EMAIL)])
    assert leak.place == "store.….note"


# ---- nothing is clean that was not examined


def test_nothing_seen_is_not_clean(probe: PrivacyProbe) -> None:
    with pytest.raises(PrivacyLeakError, match="No run was seen"):
        probe.report().assert_clean()
    probe.invoke(RunnableLambda(lambda x: x), "hello")
    probe.report().assert_clean()
    with pytest.raises(PrivacyLeakError, match="Nothing was seen in model"):
        probe.report().assert_clean(examined=["model"])


def test_channels_may_be_ignored() -> None:
    with PrivacyProbe(VALUES, ignore=["stdout"]) as probe:
        apps.run(probe, apps.with_local(apps.into_stdout))
        probe.report().assert_clean()
        assert "stdout" in probe.report().missing
    with pytest.raises(ConfigurationError, match="stdout"):
        PrivacyProbe(ignore=["output"])


@pytest.mark.parametrize("values", [[""], {"PERSON": [" "]}, [7]])
def test_empty_values_are_refused(values: Any) -> None:
    with pytest.raises(ConfigurationError):
        PrivacyProbe(values)


def test_what_cannot_be_watched_is_refused(probe: PrivacyProbe) -> None:
    with pytest.raises(ConfigurationError):
        probe.watch(object())
    with pytest.raises(ConfigurationError):
        probe.watch(remote=[object()])


def test_runs_outside_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="open"):
        PrivacyProbe().invoke(RunnableLambda(lambda x: x), "x")
    with pytest.raises(ConfigurationError, match="open"):
        PrivacyProbe().report()


def test_tools_and_turns(probe: PrivacyProbe) -> None:
    probe.model.answers(tool_calls("look", who="x"), "Done.")
    model = probe.chat_model()
    assert model.invoke("hi").tool_calls[0]["args"] == {"who": "x"}
    assert [model.invoke("hi").content for _ in range(2)] == ["Done.", "Done."]


def test_everything_is_put_back() -> None:
    import os
    import tempfile

    from langsmith import run_trees

    def state() -> Any:
        return dict(os.environ), tempfile.gettempdir(), sys.stdout, run_trees._CLIENT

    before = state()
    with PrivacyProbe(VALUES):
        assert state() != before
    assert state() == before


# ---- the fixture


FIXTURE = """
from langchain_core.runnables import RunnableLambda

def test_clean(privacy_probe):
    privacy_probe.add_values([{value!r}])
    privacy_probe.invoke(RunnableLambda(lambda x: "fine"), {asked!r})
"""


@pytest.mark.parametrize("leaks", [False, True])
def test_the_fixture_checks_by_itself(tmp_path: Path, leaks: bool) -> None:
    test = tmp_path / "test_app.py"
    test.write_text(FIXTURE.format(value=RRN, asked=f"about {RRN}" if leaks else "hello"))
    arguments = ["-q", "-p", "langchain_privacy.testing.plugin", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments, str(test)],
        capture_output=True, text=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert ("PrivacyLeakError" in done.stdout) == leaks, done.stdout + done.stderr
    assert done.returncode == int(leaks)


def test_the_plugin_is_light() -> None:
    """pytest loads it at every start, in every project that has the package."""
    code = (
        "import sys, pytest; before = set(sys.modules); import langchain_privacy.testing.plugin;"
        "loaded = {m.split('.')[0] for m in set(sys.modules) - before};"
        "print(*sorted(loaded - sys.stdlib_module_names))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["langchain_privacy"]


def test_every_channel_has_its_test() -> None:
    source = Path(__file__).read_text("utf-8")
    assert not [name for name in CHANNELS if f'"{name}"' not in source]
    assert NAME
