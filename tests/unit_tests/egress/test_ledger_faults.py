"""What may happen to a ledger's file, disk and neighbours: an error of ours, nothing lost."""

import asyncio
import os
import resource
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.runnables import RunnableLambda

from langchain_privacy import EgressGuard, Masker
from langchain_privacy.egress import EgressLedger
from langchain_privacy.errors import ConfigurationError, LedgerError
from tests.support.scripted import ScriptedChatModel
from tests.unit_tests.egress.test_ledger import CROSSING, change, filled

NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that a user without rights can reach, which pytest's own is not."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    yield folder
    folder.chmod(0o777)
    shutil.rmtree(folder)


def without_rights(act: Callable[[], Any]) -> str:
    """Run `act` in a child that is not root; return its error's type and text, or its result."""
    reader, writer = os.pipe()
    if (pid := os.fork()) == 0:
        try:
            if os.geteuid() == 0:
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            said = str(act())
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        os.write(writer, said.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    return said


def fill_for_all(folder: Path) -> Path:
    path = folder / "ledger.sqlite"
    filled(path, 5).close()
    for file in folder.iterdir():
        file.chmod(0o666)
    return path


def test_a_file_that_is_read_only(open_folder: Path) -> None:
    path = fill_for_all(open_folder)
    path.chmod(0o444)
    said = without_rights(lambda: EgressLedger(path).append(CROSSING))
    assert said.startswith("LedgerError")
    assert "read-only" in said
    path.chmod(0o666)
    assert EgressLedger(path).verify().last == 10


def test_a_folder_that_is_read_only(open_folder: Path) -> None:
    path = fill_for_all(open_folder)
    for file in open_folder.glob("*-*"):
        file.unlink()
    open_folder.chmod(0o555)
    assert without_rights(lambda: EgressLedger(path).append(CROSSING)).startswith("LedgerError")
    new = open_folder / "new.sqlite"
    assert without_rights(lambda: EgressLedger(new)).startswith("ConfigurationError")
    assert EgressLedger(path).verify().last == 10


def test_a_disk_that_is_full(open_folder: Path) -> None:
    """A limit of the file's size fails a write as a full disk does, at any byte."""
    path = fill_for_all(open_folder)
    acknowledged = open_folder / "acknowledged"
    acknowledged.touch()
    acknowledged.chmod(0o666)

    def append_until_full() -> None:
        ledger = EgressLedger(path)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_001, 200_001))
        out = os.open(acknowledged, os.O_WRONLY | os.O_APPEND)
        while True:
            number, _ = ledger.append(CROSSING)
            os.write(out, f"{number}\n".encode())

    assert without_rights(append_until_full).startswith("LedgerError")
    numbers = [int(line) for line in acknowledged.read_text().splitlines()]
    ledger = EgressLedger(path)
    assert len(numbers) > 10
    assert ledger.verify().last == numbers[-1]
    assert [row["seq"] for row in ledger.rows()][10:] == numbers


def test_a_graph_is_told_and_nothing_is_sent(path: Path) -> None:
    ledger = EgressLedger(path)
    inner = ScriptedChatModel(responses=["fine"] * 2)
    model = EgressGuard(Masker(), ledger=ledger).wrap(inner)
    model.invoke("hello")
    change(path, "DROP TABLE egress_marks")
    with pytest.raises(LedgerError, match=r"Nothing crosses"):
        model.invoke("hello")
    assert len(inner.seen) == 1


def test_another_process_that_holds_it(path: Path) -> None:
    ledger = filled(path, 1)
    with ledger._database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 50")
        connection.commit()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerError, match=r"another process"):
        ledger.append(CROSSING)
    other.execute("ROLLBACK")
    assert ledger.append(CROSSING) == (3, True)


def test_a_file_that_ends_anywhere_is_noticed(path: Path, tmp_path: Path) -> None:
    ledger = filled(path, 60)
    kept = ledger.checkpoint()
    key = ledger.public_key
    ledger.close()
    change(path, "PRAGMA wal_checkpoint(TRUNCATE)")
    data, page = path.read_bytes(), 4096
    copy = tmp_path / "copy.sqlite"
    sizes = [1, 15, 16, 99, 100, 512, *range(page - 1, len(data), page), len(data) - 1]
    for size in sizes:
        for file in tmp_path.glob("copy.sqlite*"):
            file.unlink()
        copy.write_bytes(data[:size])
        with pytest.raises(LedgerError):
            EgressLedger(copy).verify(public_key=key, checkpoints=[kept])


def test_a_journal_that_ends_anywhere_is_an_old_copy(path: Path, tmp_path: Path) -> None:
    ledger = filled(path, 20)
    kept, key = ledger.checkpoint(), ledger.public_key.pem
    journal = path.with_name("ledger.sqlite-wal").read_bytes()
    frame = 4096 + 24
    copy = tmp_path / "copy.sqlite"
    shutil.copy(path.with_name("ledger.sqlite.key"), tmp_path / "copy.sqlite.key")
    for size in [0, 31, 32, 33, *range(frame, len(journal), 7 * frame + 5), len(journal) - 1]:
        for suffix in ("", "-wal", "-shm"):
            copy.with_name(copy.name + suffix).unlink(missing_ok=True)
        shutil.copy(path, copy)
        copy.with_name("copy.sqlite-wal").write_bytes(journal[:size])
        other = EgressLedger(copy)
        if other.verify().last < 40:  # whole records only
            with pytest.raises(LedgerError, match=r"missing at the end"):
                other.verify(public_key=key, checkpoints=[kept])
        other.append(CROSSING)
        other.close()


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE egress_marks SET seq = 'x' WHERE kind = 'head'",
        "UPDATE egress_marks SET seq = 9223372036854775807 WHERE kind = 'head'",
        "UPDATE egress_marks SET hash = x'00ff' WHERE kind = 'head'",
        "UPDATE egress_marks SET seq = 2 WHERE kind = 'head'",
        "DELETE FROM egress_marks",
        "DROP TABLE egress_records",
    ],
)
def test_a_damaged_head_takes_nothing(path: Path, edit: str) -> None:
    ledger = filled(path, 3)
    change(path, edit)
    with pytest.raises(LedgerError):
        ledger.append(CROSSING)
    with pytest.raises(LedgerError):
        ledger.verify()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("entity_types", "{"),
        ("entity_types", "[1]"),
        ("entity_types", b"\xff"),
        ("bytes_out", "many"),
        ("bytes_out", b"1"),
        ("tokens_out", 0.5),
    ],
)
def test_an_edited_record_that_cannot_be_shown_is_named(
    path: Path, column: str, value: Any
) -> None:
    ledger = filled(path, 3)
    change(path, f"UPDATE egress_records SET {column} = ? WHERE seq = 3", value)
    with pytest.raises(LedgerError) as caught:
        ledger.crossings()
    assert caught.value.record == 3
    ledger.append(CROSSING)  # what goes on is recorded


@pytest.mark.parametrize("field", ["model", "destination", "session"])
def test_text_that_no_database_takes(path: Path, field: str) -> None:
    ledger = EgressLedger(path)
    with pytest.raises(LedgerError) as caught:
        ledger.append(CROSSING | {field: "secret\ud800"})
    assert "secret" not in str(caught.value)
    assert ledger.append(CROSSING)[0] == 1


@pytest.mark.parametrize("where", ["sqlite://", "file"])
def test_readers_do_not_undo_writers(path: Path, where: str) -> None:
    ledger = EgressLedger(path if where == "file" else where)

    def act(i: int) -> None:
        if i % 4 == 0:
            ledger.append(CROSSING)
        elif i % 4 == 1:
            ledger.last()
            ledger.spent("5e55")
        elif i % 4 == 2:
            ledger.crossings()
        else:
            ledger.verify()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(act, range(400)))
    assert ledger.verify().last == 100


def test_a_fork_has_connections_of_its_own(path: Path) -> None:
    ledger = filled(path, 1)
    with ledger._database.lock:  # held by another thread of the parent at the moment of the fork
        said = without_rights(lambda: ledger.verify() and ledger.last() and ledger.checkpoint().seq)
    assert said == "2" or said.startswith("LedgerError")  # as another user it cannot be opened
    assert ledger.verify().last == 2


def test_a_home_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("LANGCHAIN_PRIVACY_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(ConfigurationError, match=r"signing key"):
        EgressLedger("postgresql://127.0.0.1:1/none")


@pytest.mark.parametrize(
    "form", ["sqlite:///{}", "sqlite+pysqlite:///{}", "sqlite:///{}?timeout=9"]
)
def test_every_url_of_a_file_keeps_its_key(path: Path, form: str) -> None:
    url = form.format(path)
    EgressLedger(url).append(CROSSING)
    assert EgressLedger(url).verify().last == 1
    assert EgressLedger(path).verify().last == 1


def plan_of_spent(ledger: EgressLedger) -> str:
    """Return how the database finds a session's bytes."""
    with ledger._database.engine.connect() as connection:
        statement = ledger._database.ask.spent._text
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", ("5e55",))
        return " ".join(str(row) for row in rows)


def test_a_budget_is_summed_from_an_index(path: Path) -> None:
    ledger = filled(path, 3)
    assert "COVERING INDEX egress_spent" in plan_of_spent(ledger)
    # A ledger from before there was an index gets it, and verifies as before.
    before = ledger.verify()
    ledger.close()
    change(path, "DROP INDEX egress_spent")
    again = EgressLedger(path)
    assert "COVERING INDEX egress_spent" in plan_of_spent(again)
    assert again.verify() == before
    assert again.spent("5e55") == 300


@pytest.mark.parametrize("way", ["chat", "stream", "embeddings", "runnable", "http"])
def test_the_event_loop_goes_on_while_another_process_holds_the_ledger(
    path: Path, way: str
) -> None:
    """The lock is released by the loop itself: were it blocked, the answer would not be noted."""
    ledger = EgressLedger(path)
    guard = EgressGuard(Masker(), ledger=ledger)
    other = sqlite3.connect(path, isolation_level=None)

    def hold(_: Any = None) -> str:
        other.execute("BEGIN IMMEDIATE")
        asyncio.get_running_loop().call_later(0.05, other.execute, "COMMIT")
        return "fine"

    class Chat(ScriptedChatModel):
        async def _agenerate(self, *args: Any, **kwargs: Any) -> Any:
            hold()
            return self._generate(*args, **kwargs)

        async def _astream(self, *args: Any, **kwargs: Any) -> Any:
            hold()
            yield ChatGenerationChunk(message=AIMessageChunk("fine"))

    class Embedding(DeterministicFakeEmbedding):
        async def aembed_query(self, text: str) -> list[float]:
            hold()
            return [0.0]

    async def ahold(value: Any) -> str:
        return hold()

    async def run() -> None:
        match way:
            case "chat":
                await guard.wrap(Chat(responses=["fine"])).ainvoke("hello")
            case "stream":
                async for _ in guard.wrap(Chat(responses=["fine"])).astream("hello"):
                    pass
            case "embeddings":
                await guard.wrap_embeddings(Embedding(size=1)).aembed_query("hello")
            case "runnable":
                await guard.wrap_runnable(RunnableLambda(hold, afunc=ahold)).ainvoke("hello")
            case "http":
                inner = httpx.MockTransport(lambda _: httpx.Response(200, text=hold()))
                transport = guard.async_transport("httpx", inner)
                async with httpx.AsyncClient(transport=transport) as client:
                    await client.get("http://example.org")

    asyncio.run(run())
    (crossing,) = ledger.crossings()
    assert crossing.outcome == "answered"
