import asyncio
import json
import os
import select
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from langchain_privacy.errors import ConfigurationError, LocalModelError
from langchain_privacy.local import EmbeddedServer, acall_local, call_local, split_reasoning
from langchain_privacy.local import embedded as embedded_module

REPOSITORY = Path(__file__).resolve().parents[3]


def alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_until_gone(process: int) -> None:
    """Wait for the end of a process that need not be a child of this one."""
    try:
        handle = os.pidfd_open(process)
    except ProcessLookupError:
        return
    select.select([handle], [], [])
    os.close(handle)


def ask(server: EmbeddedServer, path: str, key: str | None) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    body = json.dumps({"prompt": "one two", "n_predict": 1}).encode()
    request = urllib.request.Request(server.url + path, body, headers)
    try:
        with urllib.request.urlopen(request) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        return error.code, None


def test_it_answers_over_http(embedded: EmbeddedServer) -> None:
    answer = call_local(embedded.chat_model(max_tokens=8), "Count: one two three")
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["output_tokens"] > 0
    assert split_reasoning(answer).text
    other = call_local(embedded.chat_model(), "Count: one two three", max_tokens=8)
    assert other.text == answer.text


async def test_it_answers_several_at_once(embedded: EmbeddedServer) -> None:
    model = embedded.chat_model(max_tokens=4)
    answers = await asyncio.gather(*(acall_local(model, f"Count to {n}") for n in range(4)))
    assert all(a.usage_metadata["output_tokens"] for a in answers)


def test_nobody_else_may_ask(embedded: EmbeddedServer) -> None:
    assert ask(embedded, "/completion", embedded.api_key)[0] == 200
    assert ask(embedded, "/completion", None)[0] == 401
    assert ask(embedded, "/completion", "wrong")[0] == 401


def test_it_shows_no_prompts(embedded: EmbeddedServer) -> None:
    request = urllib.request.Request(
        embedded.url + "/slots", headers={"Authorization": f"Bearer {embedded.api_key}"}
    )
    with pytest.raises(urllib.error.HTTPError, match="501"):
        urllib.request.urlopen(request)
    assert embedded.api_key not in repr(embedded) + repr(embedded.chat_model())


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_it_is_told_no_secrets_of_the_environment(embedded: EmbeddedServer) -> None:
    told = Path(f"/proc/{embedded._process.pid}/environ").read_bytes()
    names = {entry.partition(b"=")[0].decode() for entry in told.split(b"\0") if entry}
    assert "SECRET_X" in os.environ  # the fixture sets it before it starts the server
    assert b"SECRET_X" not in told
    assert b"keep this here" not in told
    assert {"PATH", "OMP_WAIT_POLICY"} <= names
    assert not [name for name in names if "KEY" in name or "TOKEN" in name]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/net/tcp")
def test_it_listens_on_loopback_only(embedded: EmbeddedServer) -> None:
    port = int(embedded.url.rsplit(":", 1)[1])
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    listening = [line.split()[1] for line in lines if line.split()[3] == "0A"]
    assert [a for a in listening if int(a.split(":")[1], 16) == port] == [f"0100007F:{port:04X}"]


def test_a_proxy_in_the_environment_is_not_asked(
    embedded: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.settimeout(0.01)
        address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "OPENAI_PROXY"):
            monkeypatch.setenv(name, address)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        assert call_local(embedded.chat_model(max_tokens=2, max_retries=0), "hello")
        with pytest.raises(TimeoutError):
            proxy.accept()


def test_a_prompt_longer_than_the_context_is_an_error_of_ours(embedded: EmbeddedServer) -> None:
    with pytest.raises(LocalModelError, match="longer than the model's context"):
        call_local(embedded.chat_model(max_retries=0), "x " * 20_000)


def test_stop_ends_the_process_and_start_begins_anew() -> None:
    server = EmbeddedServer(context=512, slots=1)
    with pytest.raises(LocalModelError, match="not running"):
        _ = server.url
    with server:
        assert server.start() is server
        first = server._process.pid
        model = server.chat_model(max_retries=0)
    assert not alive(first)
    server.stop()
    with pytest.raises(LocalModelError, match="Check that its server runs"):
        call_local(model, "hello")
    with server:
        assert server._process.pid != first
        assert call_local(server.chat_model(max_tokens=1), "hello")


@pytest.mark.slow
def test_a_server_that_was_killed_is_noticed() -> None:
    with EmbeddedServer(context=512, slots=1) as server:
        model = server.chat_model(max_retries=0)
        os.kill(server._process.pid, signal.SIGKILL)
        server._process.wait()
        assert not server.running
        with pytest.raises(LocalModelError):
            call_local(model, "hello")


HOST = """
import sys
from langchain_privacy.local import embedded_chat_model, call_local
from langchain_privacy.local import embedded
model, other = embedded_chat_model(max_tokens=1), embedded_chat_model()
assert model.openai_api_base == other.openai_api_base
call_local(model, "hello")
print(embedded._shared._process.pid, flush=True)
{then}
"""


def host(then: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOST.format(then=then)],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("then", "kill"),
    [
        pytest.param("", None, marks=pytest.mark.slow),
        pytest.param("raise SystemExit(3)", None, marks=pytest.mark.slow),
        pytest.param(
            "import os; os.fork() or sys.exit(0); os.wait(); print(flush=True); sys.stdin.read()",
            None,
            marks=pytest.mark.slow,
        ),
        pytest.param("sys.stdin.read()", signal.SIGTERM, marks=pytest.mark.slow),
        pytest.param("sys.stdin.read()", signal.SIGKILL, marks=pytest.mark.slow),
        ("import os; os.fork() and sys.stdin.read() or sys.stdin.read()", signal.SIGKILL),
    ],
    ids=["end", "exit", "child exits", "terminated", "killed", "killed after a fork"],
)
def test_no_server_is_left_behind(then: str, kill: int | None) -> None:
    process = host(then)
    assert process.stdout is not None
    server = int(process.stdout.readline())
    if kill is not None:
        process.send_signal(kill)
    elif "sys.exit" in then:
        process.stdout.readline()
        assert alive(server)  # the child's end is not the host's
        process.stdin.close()
    process.wait()
    wait_until_gone(server)
    process.stdin.close()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_ctrl_c_while_it_starts_leaves_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    server, started = EmbeddedServer(tmp_path / "model.gguf"), []

    def interrupted(_: str) -> str:
        started.append(server._process.pid)
        raise KeyboardInterrupt

    monkeypatch.setattr(server, "_first_line", interrupted)
    with pytest.raises(KeyboardInterrupt):
        server.start()
    assert started
    assert not alive(started[0])
    assert not server.running


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no model at"):
        EmbeddedServer(tmp_path / "none.gguf").start()
    (tmp_path / "bad.gguf").write_bytes(b"GGUF nonsense")
    server = EmbeddedServer(tmp_path / "bad.gguf")
    with pytest.raises(LocalModelError, match=r"did not come up with bad\.gguf"):
        server.start()
    assert not server.running


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_module.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=r"langchain-privacy\[embedded\]"):
        EmbeddedServer().start()
