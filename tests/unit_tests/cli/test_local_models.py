"""`models` and `doctor` look at runners as they are, and `eval` scores one's own questions."""

import json
import stat
import uuid
from pathlib import Path
from typing import Any

import pytest

from langchain_privacy.cli import main
from langchain_privacy.demo.models import models_of_ollama
from langchain_privacy.local.profiles import ability_of, profile_of, size_of
from langchain_privacy.local.runners import look
from tests.support.http import LangSmithServer, OpenAIServer, Recorded, Reply
from tests.support.runners import Runner, Told, llama_cpp, lm_studio, ollama, vllm
from tests.support.scripted import ScriptedChatModel

GEMMA = {
    "name": "gemma3:4b",
    "digest": "a2af6cc3eb7f" + "0" * 52,
    "size": 3338801804,
    "details": {"parameter_size": "4.3B", "quantization_level": "Q4_K_M"},
}
CLOUD = {"name": "gpt-oss:120b-cloud", "digest": "b" * 64, "remote_host": "https://ollama.com"}


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No other machine reaches this one; the network of tests is loopback."""
    monkeypatch.setattr("langchain_privacy.cli.doctor.own_addresses", list)


def run(capsys: Any, *arguments: str) -> tuple[int, str]:
    code = main(list(arguments))
    return code, capsys.readouterr().out


def test_models_of_each_runner_are_listed(capsys: Any) -> None:
    with (
        Runner(ollama, models=[GEMMA], version="0.17.1") as first,
        Runner(
            lm_studio, models=[{"id": "qwen3-8b", "type": "llm", "max_context_length": 40960}]
        ) as second,
        Runner(vllm, models=[{"id": "openai/gpt-oss-20b", "owned_by": "vllm"}]) as third,
        Runner(
            llama_cpp, models=[{"id": "/models/Qwen3-4B-Q4_K_M.gguf", "owned_by": "llamacpp"}]
        ) as fourth,
    ):
        urls = [server.url for server in (first, second, third, fourth)]
        assert [runner.kind for runner in look(urls)] == [
            "ollama",
            "lm studio",
            "vllm",
            "llama.cpp",
        ]
        code, out = run(capsys, "models", *(f"--runner={url}" for url in urls))
    assert code == 0
    assert "gemma3:4b: 4.3B, Q4_K_M, 3.3 GB, context 131,072, reads, copies" in out
    assert "gpt-oss-20b" in out
    assert "harmony channels" in out
    assert "Qwen3-4B-Q4_K_M.gguf" in out
    assert "/models/" not in out


def test_the_demo_takes_no_model_that_runs_in_the_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    with Runner(ollama, models=[CLOUD, GEMMA]) as server:
        monkeypatch.setattr("langchain_privacy.demo.models.OLLAMA", server.url)
        assert models_of_ollama() == ["gemma3:4b"]
    assert models_of_ollama() == []  # where nobody answers


def test_a_digest_that_changed_is_said(capsys: Any, tmp_path: Path) -> None:
    pins = tmp_path / "pins.json"
    with Runner(ollama, models=[GEMMA]) as server:
        where = ["--runner", server.url, "--pins", str(pins)]
        assert run(capsys, "models", *where, "--pin")[0] == 0
        assert stat.S_IMODE(pins.stat().st_mode) == 0o600
        assert run(capsys, "models", *where)[0] == 0
        server.told.models = [{**GEMMA, "digest": "c" * 64}]
        code, out = run(capsys, "models", *where)
        assert (code, "CHANGED" in out) == (1, True)
        code, out = run(capsys, "doctor", *where, "--logs", str(tmp_path / "none"))
    assert code == 1
    assert "its digest is not the pinned one" in out


def test_a_runner_elsewhere_is_not_asked(capsys: Any) -> None:
    assert main(["models", "--runner", "http://8.8.8.8:11434"]) == 1
    assert "not this machine" in capsys.readouterr().err


def test_nothing_that_answers_is_no_error(capsys: Any, tmp_path: Path) -> None:
    nobody = ["--runner", "http://127.0.0.1:9"]
    assert run(capsys, "models", *nobody)[0] == 0
    code, out = run(capsys, "doctor", *nobody, "--logs", str(tmp_path))
    assert (code, "0 to mend" in out) == (0, True)


def open_to_all(told: Told, request: Recorded) -> Reply:
    """llama.cpp's server as it comes: pages of strangers may ask, and slots show prompts."""
    if request.path == "/slots":
        return Reply(body=b'[{"prompt": "Jane Doe"}]')
    reply = llama_cpp(told, request)
    origin = request.headers.get("Origin")
    headers = {**reply.headers, "Access-Control-Allow-Origin": origin} if origin else reply.headers
    return Reply(status=reply.status, body=reply.body, headers=headers)


def test_doctor_says_what_to_mend(capsys: Any, tmp_path: Path) -> None:
    logs = tmp_path / "server-logs"
    logs.mkdir()
    (logs / "main.log").write_text('POST {"messages": [{"content": "Jane Doe has a cough"}]}')
    (logs / "main.log").chmod(0o644)
    (logs / "start.log").write_text("listening on 127.0.0.1")
    with (
        Runner(open_to_all, models=[{"id": "m"}]) as first,
        Runner(ollama, models=[GEMMA, CLOUD], version="0.5.1") as second,
    ):
        urls = [f"--runner={server.url}" for server in (first, second)]
        code, out = run(capsys, "doctor", *urls, "--logs", str(logs))
    assert code == 1
    for what in (
        "/slots shows the prompts",
        "any web page in a browser",
        "version 0.5.1",
        "whether this version is safe is not known here",
        "runs in Ollama's cloud",
        "main.log: it holds prompts and others on this machine may read it",
    ):
        assert what in out
    assert out.count("mend:") == 5
    assert "Jane" not in out
    assert "start.log" not in out


def test_a_runner_that_others_reach_is_said(
    capsys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("langchain_privacy.cli.doctor.own_addresses", lambda: ["127.0.0.1"])
    with Runner(ollama, models=[GEMMA]) as server:
        code, out = run(capsys, "doctor", "--runner", server.url, "--logs", str(tmp_path))
    assert code == 1
    assert "other machines reach it" in out
    assert "OLLAMA_HOST=127.0.0.1" in out


def test_a_runner_that_is_well_kept_has_nothing_to_mend(capsys: Any, tmp_path: Path) -> None:
    with Runner(ollama, models=[GEMMA], version="0.17.1") as server:
        code, out = run(capsys, "doctor", "--runner", server.url, "--logs", str(tmp_path))
    assert (code, "0 to mend" in out) == (0, True)


@pytest.mark.parametrize(
    ("name", "size", "family", "ability"),
    [
        ("qwen3:4b", 4.0, "Qwen 3", "read"),
        ("gpt-oss:20b", 20.0, "gpt-oss", "read"),
        ("openai/gpt-oss-120b", 120.0, "gpt-oss", "read"),
        ("gemma-3-270m", 0.27, "Gemma 3", "score"),
        ("gemma3:1b", 1.0, "Gemma 3", "pick"),
        ("Qwen2.5-Coder-1.5B-Instruct-Q4_K_M", 1.5, "Qwen 2.5", "pick"),
        ("deepseek-r1:7b", 7.0, "DeepSeek", "read"),
        ("qwen3-30b-a3b", 30.0, "Qwen 3", "read"),
        ("mixtral-8x7b", 56.0, None, "read"),
        ("house-model", None, None, "read"),
    ],
)
def test_what_a_model_is_by_its_name(
    name: str, size: float | None, family: str | None, ability: str
) -> None:
    profile = profile_of(name)
    assert (size_of(name), profile and profile.family) == (size, family)

    class Named(ScriptedChatModel):
        model: str = name

    assert ability_of(Named(responses=["x"])) == ability


LEASE = "Tenant: jane.doe@example.com\nThe monthly rent is 1,240 euros.\nPets are allowed.\n"


def questions(folder: Path) -> Path:
    (folder / "the lease.txt").write_text(LEASE)
    rows: list[dict[str, Any]] = [
        {"task": "How much is the monthly rent?", "documents": ["the lease.txt"], "answer": "1240"},
        {"task": "How much is the deposit?", "documents": [{"text": LEASE}], "answer": None},
        {
            "task": "Are pets allowed?",
            "documents": ["the lease.txt"],
            "answer": ["no pets", "forbidden"],
        },
    ]
    path = folder / "questions.jsonl"
    with path.open("w") as file:
        for number, row in enumerate(rows):
            row |= {"id": f"q{number}", "private": ["jane.doe@example.com"]}
            file.write(json.dumps(row) + "\n\n")
    return path


def remote(request: dict[str, Any]) -> str:
    prompt = request["messages"][-1]["content"]
    if '"subs"' in prompt and "combine" in prompt:
        terms = [word for word in ("rent", "deposit", "pets") if word in prompt]
        return json.dumps({"subs": [{"question": "?", "terms": terms}]})
    for line in prompt.splitlines():
        asked = ("rent" in prompt and "rent" in line) or ("Pets" in line and "pets" in prompt)
        if asked and line[:1].isdigit() and "deposit" not in prompt:
            answer = line.split(". ", 1)[1]
            return json.dumps({"decision": "answer", "answer": answer, "cite": [1]})
    return '{"decision": "insufficient"}'


@pytest.mark.parametrize("graph", ["minion", "minions"])
def test_questions_are_scored(graph: str, capsys: Any, tmp_path: Path) -> None:
    details = tmp_path / "details.jsonl"
    with OpenAIServer(remote) as server:
        code, out = run(
            capsys, "eval", str(questions(tmp_path)), "--remote", f"openai:m@{server.base_url}",
            "--graph", graph, "--details", str(details),
        )  # fmt: skip
        assert server.chats
    assert code == 0
    lines = {line[:36].strip(): line[36:].strip() for line in out.splitlines()}
    assert lines["honest"] == "2/3 (67 %)"
    assert (lines["right"], lines["rightly not found"], lines["wrong"]) == ("1", "1", "1")
    assert lines["private values that crossed"] == "0"
    assert "jane" not in out
    assert "1,240" not in out
    assert stat.S_IMODE(details.stat().st_mode) == 0o600
    assert "1,240" in details.read_text()


class Datasets(LangSmithServer):
    """Keeps the examples of one dataset, as LangSmith does."""

    def __init__(self) -> None:
        self.made: list[dict[str, Any]] = []
        self.exists = False
        super().__init__()

    def _respond(self, request: Recorded) -> Reply:
        at = {"id": str(uuid.UUID(int=1)), "name": "leases", "created_at": "2026-01-01T00:00:00Z"}
        if request.path.startswith("/datasets"):
            there, self.exists = self.exists or request.method == "POST", True
            if request.method == "GET":
                return self._json([at] if there else [])
            return self._json(at)
        if "/examples" in request.path and request.method == "GET":
            return self._json([{**at, "dataset_id": at["id"], **one} for one in self.made])
        if request.path.startswith("/sessions"):
            ids = dict.fromkeys(("tenant_id", "reference_dataset_id"), at["id"])
            return self._json({**at, **ids, "start_time": at["created_at"]})
        if request.path.startswith("/feedback"):
            return self._json({**at, "run_id": at["id"], "key": "k"})
        return super()._respond(request)

    @staticmethod
    def _json(value: Any) -> Reply:
        return Reply(body=json.dumps(value).encode())


def test_a_run_is_written_to_langsmith_masked(capsys: Any, tmp_path: Path) -> None:
    with OpenAIServer(remote) as server, Datasets() as langsmith:
        code, _ = run(
            capsys, "eval", str(questions(tmp_path)), "--remote", f"openai:m@{server.base_url}",
            "--langsmith", "leases", "--langsmith-url", langsmith.url,
        )  # fmt: skip
        wire = langsmith.wire.decode("utf-8", "replace")
    assert code == 0
    assert wire.count("POST /runs") == 3
    assert "How much is the monthly rent?" in wire
    assert '"verdict":"right"' in wire
    assert '"honest"' in wire
    assert "jane" not in wire.lower()
    assert "Tenant" not in wire
    assert "author" not in wire


def test_no_endpoint_is_assumed(capsys: Any, tmp_path: Path) -> None:
    assert main(["eval", str(questions(tmp_path)), "--langsmith", "leases"]) == 1
    assert "--langsmith-url" in capsys.readouterr().err
    nobody = ["--langsmith", "leases", "--langsmith-url", "http://127.0.0.1:9"]
    assert main(["eval", str(questions(tmp_path)), *nobody]) == 1


@pytest.mark.parametrize(
    "line",
    ["{}", "no json", '{"task": "secret jane", "documents": [], "answer": "x"}', '["x"]', ""],
)
def test_a_line_that_is_no_question_is_named_by_number(
    line: str, capsys: Any, tmp_path: Path
) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text(line)
    assert main(["eval", str(path)]) == 1
    said = capsys.readouterr().err
    assert "Line 1" in said or "no question" in said
    assert "jane" not in said


@pytest.mark.parametrize("model", ["qwen", "ollama:", "bedrock:x", ""])
def test_a_model_that_is_not_named_is_refused(model: str, capsys: Any, tmp_path: Path) -> None:
    assert main(["eval", str(questions(tmp_path)), "--local", model]) == 1
    assert "names no model" in capsys.readouterr().err
