"""Run operations wait for one another; none is lost, late or sent as it is not."""

import datetime as dt
import os
import re
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import langsmith
import pytest
from langsmith import traceable

from langchain_privacy import Masker, install_tracing_guard
from langchain_privacy.tracing import TracingGuard
from langchain_privacy.tracing.scrub import Scrubber
from langchain_privacy.vault import VaultSession
from tests.support.http import LangSmithServer

NAME = "Jane Roe-Miller"


@pytest.fixture
def session(masker: Masker) -> VaultSession:
    session = masker.session("t").vault
    session.issue("PERSON", NAME)
    return session


def create(client: langsmith.Client, name: str, **fields: Any) -> None:
    """Trace a run that is over, so that it waits for no end."""
    run = uuid.uuid4()
    over = {"end_time": dt.datetime.now(dt.UTC)}
    client.create_run(
        name,
        fields.pop("inputs", {}),
        "chain",
        id=run,
        trace_id=run,
        dotted_order=f"20260101T000000000000Z{run}",
        **over | fields,
    )


def until(seconds: float, condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


class Noting(langsmith.Client):
    """A client that notes in which order it gets its runs; it sends frames in parallel."""

    __slots__ = ("noted",)
    noted: list[tuple[str, Any]]

    def _create_run(self, run_create: dict[str, Any], **kwargs: Any) -> None:
        self.noted.append(("post", run_create["id"]))
        super()._create_run(run_create, **kwargs)

    def _update_run(self, run_update: dict[str, Any], **kwargs: Any) -> None:
        self.noted.append(("patch", run_update["id"]))
        super()._update_run(run_update, **kwargs)


def test_every_run_of_many_threads_is_sent_once_and_in_order(
    guard: TracingGuard, langsmith_server: LangSmithServer
) -> None:
    client = Noting(api_url=langsmith_server.url, api_key="lsv2_pt_own")
    client.noted = []
    guard.protect(client)
    langsmith.configure(client=client)

    @traceable
    def inner(x: str) -> str:
        return x

    @traceable
    def outer(x: str) -> str:
        return inner(x)

    def work(number: int) -> None:
        for i in range(40):
            outer(f"<{number}.{i}> of {NAME}")

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client.flush()
    assert len(client.noted) == len(set(client.noted)) == 2 * 2 * 4 * 40
    begun = set()
    for kind, run in client.noted:
        begun |= {run} if kind == "post" else set()
        assert run in begun
    wire = langsmith_server.wire
    assert NAME.encode() not in wire
    for number in range(4):
        for i in range(40):
            assert b"<%d.%d> of [PERSON_" % (number, i) in wire


def test_what_changes_while_a_run_waits_is_not_sent(
    guard: TracingGuard, langsmith_server: LangSmithServer
) -> None:
    client, inputs, tags = langsmith_server.client, {"text": ["one"]}, ["a-tag"]
    extra = {"metadata": {"who": "nobody"}}
    create(client, "run", inputs=inputs, tags=tags, extra=extra)
    inputs["text"].append("later-input")
    tags.append("later-tag")
    extra["metadata"]["who"] = "later-metadata"
    langsmith_server.flush()
    assert b"a-tag" in langsmith_server.wire
    assert b"later" not in langsmith_server.wire


def test_a_value_that_is_issued_while_a_run_waits_is_taken_out(
    guard: TracingGuard, session: VaultSession, langsmith_server: LangSmithServer
) -> None:
    create(langsmith_server.client, "about Later Person", inputs={"q": "Later Person"})
    session.issue("PERSON", "Later Person")
    langsmith_server.flush()
    assert b"Later Person" not in langsmith_server.wire
    assert b"about [PERSON_" in langsmith_server.wire


def test_removing_the_guard_sends_what_waits_cleaned(
    masker: Masker, session: VaultSession, langsmith_server: LangSmithServer
) -> None:
    guard = install_tracing_guard(masker)
    create(langsmith_server.client, "waits", inputs={"q": NAME})
    guard.remove()
    create(langsmith_server.client, "is free", inputs={"q": "plain"})
    langsmith_server.flush()
    assert b"waits" in langsmith_server.wire
    assert b"is free" in langsmith_server.wire
    assert NAME.encode() not in langsmith_server.wire


def test_a_second_guard_loses_nothing_of_the_first(
    guard: TracingGuard, langsmith_server: LangSmithServer
) -> None:
    create(langsmith_server.client, "first", inputs={"q": NAME})
    other = Masker()
    other.session("o").vault.issue("PERSON", "Other Person")
    second = install_tracing_guard(other)
    create(langsmith_server.client, "second", inputs={"q": "Other Person"})
    langsmith_server.flush()
    assert b"first" in langsmith_server.wire
    assert NAME.encode() not in langsmith_server.wire
    assert b"Other Person" not in langsmith_server.wire
    create(langsmith_server.client, "third", inputs={"q": f"{NAME}, Other Person"})
    second.remove()
    create(langsmith_server.client, "fourth", inputs={"q": NAME})
    langsmith_server.flush()
    assert b"fourth" in langsmith_server.wire
    assert NAME.encode() not in langsmith_server.wire
    assert b"Other Person" not in langsmith_server.wire


def test_one_run_that_cannot_be_cleaned_does_not_take_others_with_it(
    guard: TracingGuard,
    langsmith_server: LangSmithServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # A fault of the scrubber itself, which nothing else provokes.
    whole = Scrubber.structure

    def structure(self: Scrubber, value: Any, write: Any = None) -> Any:
        if "poison" in str(value):
            raise RuntimeError(str(value))
        return whole(self, value, write)

    monkeypatch.setattr(Scrubber, "structure", structure)
    for i in range(3):
        create(langsmith_server.client, f"good-{i}", inputs={"q": NAME})
    create(langsmith_server.client, "bad", inputs={"q": f"poison of {NAME}"})
    create(langsmith_server.client, "good-3", inputs={"q": NAME})
    langsmith_server.flush()
    wire = langsmith_server.wire
    assert all(b"good-%d" % i in wire for i in range(4))
    assert b"poison" not in wire
    assert NAME.encode() not in wire
    assert "A run was not traced: RuntimeError." in caplog.text
    assert "poison" not in caplog.text


def test_many_bytes_do_not_wait(guard: TracingGuard, langsmith_server: LangSmithServer) -> None:
    client = langsmith_server.client
    for i in range(8):
        create(client, f"large-{i}", inputs={"q": "x" * 400_000})
    assert until(10, lambda: b"large-2" in langsmith_server.wire)


def test_a_client_that_sends_at_once_does_so(
    masker: Masker, session: VaultSession, langsmith_server: LangSmithServer
) -> None:
    own = langsmith.Client(
        api_url=langsmith_server.url, api_key="lsv2_pt_own", auto_batch_tracing=False
    )
    guard = install_tracing_guard(masker, client=own)
    create(own, "at once", inputs={"q": NAME})
    assert b"at once" in langsmith_server.wire
    assert NAME.encode() not in langsmith_server.wire
    guard.remove()


def test_a_file_that_is_gone_when_a_run_is_passed_on_was_read_in_time(
    guard: TracingGuard, langsmith_server: LangSmithServer, tmp_path: Path
) -> None:
    file = tmp_path / "note.txt"
    file.write_text(f"for {NAME}")
    none = tmp_path / "none.txt"
    create(
        langsmith_server.client,
        "with files",
        attachments={"note": ("text/plain", file), "none": ("text/plain", none)},
        dangerously_allow_filesystem=True,
    )
    file.unlink()
    none.write_text(f"later, {NAME}")
    langsmith_server.flush()
    assert b"with files" in langsmith_server.wire
    assert b"for [PERSON_" in langsmith_server.wire
    assert NAME.encode() not in langsmith_server.wire


def test_half_a_character_in_a_name_takes_nothing_with_it(
    guard: TracingGuard, langsmith_server: LangSmithServer
) -> None:
    create(langsmith_server.client, "half \ud800 name", tags=["a-tag"], inputs={"q": "\udcff put"})
    langsmith_server.flush()
    assert b"half ? name" in langsmith_server.wire
    assert b"a-tag" in langsmith_server.wire
    assert b" put" in langsmith_server.wire


def test_values_that_are_issued_while_others_trace_are_taken_out(
    guard: TracingGuard, session: VaultSession, langsmith_server: LangSmithServer
) -> None:
    client = langsmith_server.client
    failed: list[Exception] = []

    def work(number: int) -> None:
        texts = [f"conversation {number}: " + "harmless words, " * 100]
        try:
            for i in range(60):
                session.issue("PERSON", name := f"Thread{number} Issued{i}")
                create(client, f"{number}.{i}", inputs={"all": [*texts, f"about {name}."]})
                # What was traced as harmless before is a value from here on.
                texts.append(f"Word{number}x{i} and more")
                create(client, f"{number}.{i}", inputs={"all": list(texts)})
                if i % 7 == 0:
                    client.flush()
                    session.issue("PERSON", word := f"Word{number}x{i}")
                    create(client, "again", inputs={"all": list(texts), "again": f"<{word}>"})
                    texts.pop()
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    langsmith_server.flush()
    wire = langsmith_server.wire
    assert not failed
    assert b"Issued" not in wire
    assert not re.findall(rb"<Word\d+x\d+>", wire)
    assert wire.count(b"about [PERSON_") == 6 * 60


GUARDED = f"""
import time
import langsmith
from langsmith import traceable
from langchain_privacy import Masker, install_tracing_guard

masker = Masker([])
masker.session("t").vault.issue("PERSON", {NAME!r})
client = langsmith.Client()
langsmith.configure(client=client)
install_tracing_guard(masker)
"""


def in_a_process(code: str, server: LangSmithServer) -> None:
    """Run code after `GUARDED` in a process of its own, to its end."""
    environment = os.environ | server.environment()
    command = [sys.executable, "-c", GUARDED + code]
    subprocess.run(command, env=environment, capture_output=True, check=False)


@pytest.mark.parametrize("end", ["falls off", "raises", "exits"])
def test_a_process_that_ends_sends_what_waits(langsmith_server: LangSmithServer, end: str) -> None:
    code = f"""
import sys, threading
begun = threading.Event()

@traceable
def inner(x):
    return x + " was inside"

@traceable
def endless(x):
    inner(x)
    begun.set()
    threading.Event().wait()

threading.Thread(target=endless, args=({NAME!r},), daemon=True).start()
begun.wait()
if {end!r} == "raises":
    raise ValueError("the end")
if {end!r} == "exits":
    sys.exit(3)
"""
    in_a_process(code, langsmith_server)
    assert b"was inside" in langsmith_server.wire
    assert b"endless" in langsmith_server.wire
    assert NAME.encode() not in langsmith_server.wire


def test_threads_that_outlive_the_main_thread_are_sent(langsmith_server: LangSmithServer) -> None:
    code = f"""
import threading
from concurrent.futures import ThreadPoolExecutor

@traceable
def late(x):
    return x + " was there"

def work():
    while not threading._SHUTTING_DOWN:
        time.sleep(0.01)
    late({NAME!r})

ThreadPoolExecutor(1).submit(work)
"""
    in_a_process(code, langsmith_server)
    assert b"was there" in langsmith_server.wire
    assert NAME.encode() not in langsmith_server.wire


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_sends_its_own_runs_only(langsmith_server: LangSmithServer) -> None:
    code = f"""
import os
from tests.unit_tests.tracing.test_outbox import create

create(client, "from the parent", inputs=dict(q={NAME!r}))
child = os.fork()
if child == 0:
    create(client, "from the child", inputs=dict(q={NAME!r}))
    time.sleep(1)  # without a flush
    client.flush_compressed_traces()
    os._exit(0)
os.waitpid(child, 0)
client.flush()
"""
    in_a_process(code, langsmith_server)
    assert langsmith_server.wire.count(b'"from the parent"') == 1
    assert langsmith_server.wire.count(b'"from the child"') == 1
    assert NAME.encode() not in langsmith_server.wire
