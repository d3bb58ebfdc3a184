"""Bad input: a clear error of ours or an honest answer; nothing private in it, nothing lost."""

import io
import json
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import docx
import pypdf
import pytest
from langchain_openai import ChatOpenAI

from langchain_privacy import EgressGuard, EgressLedger, Masker, create_minion_graph
from langchain_privacy.errors import DocumentError, LocalModelError
from langchain_privacy.minions import Budget
from tests.support.http import OpenAIServer, RecordingServer, Reply
from tests.support.processes import Process
from tests.support.scripted import ScriptedChatModel
from tests.unit_tests.minions.record import (
    NURSE,
    PLANTED,
    RECORD,
    TASK,
    leaks,
    pick,
    plan,
    scripted,
)


def pdf(text: str) -> bytes:
    """Write a PDF of one page by hand: the format's own example, with our lines."""
    lines = b"".join(b"(%s) Tj T* " % line.encode("latin-1") for line in text.splitlines())
    stream = b"BT /F1 10 Tf 12 TL 40 800 Td " + lines + b"ET"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 842 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    return out + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\n"
        b"startxref\n%d\n%%%%EOF" % (size, table, size, len(out))
    )


def encrypted() -> bytes:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(pdf(RECORD)))
    writer.encrypt("secret")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def word() -> bytes:
    document = docx.Document()
    for line in RECORD.splitlines():
        document.add_paragraph(line)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [("Jane Doe.pdf", pdf(RECORD)), ("Jane Doe.docx", word()), ("a.md", RECORD.encode())],
)
def test_files_are_read(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    remote = scripted(plan("refills"), pick("refills"))
    out = create_minion_graph(None, remote).invoke({"task": TASK, "documents": [path]})
    assert NURSE in out["answer"]
    assert not leaks(remote.seen_text)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.txt", b""),
        ("jane.doe@example.com.pdf", encrypted()),
        ("broken.pdf", b"%PDF-1.4 nothing"),
        ("binary.txt", bytes(range(256)) * 64),
        ("huge.txt", b"x" * (50 * 1024 * 1024)),
        ("broken.docx", b"PK\x03\x04"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    remote = scripted(plan("refills"))
    with pytest.raises(DocumentError) as caught:
        create_minion_graph(None, remote).invoke({"task": TASK, "documents": [path]})
    assert remote.seen == []
    assert not leaks(f"{caught.value!r} {caught.value}")


@pytest.mark.parametrize(
    "extra",
    [
        "\x00\x00 NUL \x00",
        "[EMAIL_7K2Q] [PERSON_AAAA] [[hidden_value_1_1]] looks like one.",
        "한글과 English и русский 混在 🙂 עברית.",
        "𝕵𝖆𝖓𝖊 ａｂｃ \u200b\u202e reversed.",
    ],
)
def test_odd_text_is_quoted_as_it_stands(extra: str) -> None:
    text = f"{RECORD}\nThe gate code is written here {extra}\n"
    remote = scripted(plan("gate code"), pick("gate"))
    out = create_minion_graph(None, remote).invoke(
        {"task": "What is the gate code?", "documents": [text]}
    )
    for quoted in out["evidence"]:
        assert text[quoted["start"] : quoted["end"]] == quoted["quote"]
    assert any("gate" in quoted["quote"] for quoted in out["evidence"])


def test_half_a_character_is_replaced() -> None:
    text = f"{RECORD}\nThe gate code is written here \ud800 on the wall.\n"
    remote = scripted(plan("gate code"), pick("gate"))
    out = create_minion_graph(None, remote).invoke(
        {"task": "What is the gate code \udfff?", "documents": [text]}
    )
    assert out["answer"] == "The gate code is written here \ufffd on the wall."


def test_a_local_model_that_is_slow_is_given_up() -> None:
    given_up = threading.Event()

    def slow(_: Any) -> Reply:
        given_up.wait()
        return Reply()

    with RecordingServer(slow) as server:
        local = ChatOpenAI(model="m", base_url=f"{server.url}/v1", api_key="x", max_retries=0)
        remote = scripted(plan("refills"), pick("refills"))
        out = create_minion_graph(local, remote, budget=Budget(call_seconds=0.5)).invoke(
            {"task": TASK, "documents": [RECORD]}
        )
        given_up.set()
    assert NURSE in out["answer"]
    assert "local_unavailable:slow" in out["report"]["errors"]
    assert out["report"]["local"]["judge"] == "bm25"


@pytest.mark.parametrize(
    "nonsense",
    ["", "blah", '{"lines": [99, -1, 0]}', '{"lines": "all"}', f"<think>{PLANTED[0]}", "{" * 5000],
)
def test_a_local_model_that_answers_nonsense(nonsense: str) -> None:
    local = ScriptedChatModel(responses=[nonsense])
    remote = scripted(plan("refills"), pick("refills"))
    out = create_minion_graph(local, remote).invoke({"task": TASK, "documents": [RECORD]})
    assert NURSE in out["answer"]
    assert len(local.seen) <= 2  # one repair, where there was something to repair
    assert not leaks(remote.seen_text)


def test_a_larger_local_model_picks_lines_and_sees_real_text() -> None:
    def choose(messages: list[Any]) -> str:
        lines = str(messages[-1].content).splitlines()
        line = next(line for line in lines if "refills" in line and line[0].isdigit())
        return json.dumps({"lines": [int(line.split(".")[0])], "answer": "the nurse"})

    local = ScriptedChatModel(responses=[choose])
    out = create_minion_graph(local, None).invoke({"task": TASK, "documents": [RECORD]})
    assert NURSE in out["answer"]
    assert NURSE in local.seen_text
    assert out["report"]["local"]["judge"] == "lines"


def test_a_judge_of_ones_own_that_fails_in_one_job_does_not_stop_the_others() -> None:
    from langchain_privacy import create_minions_graph
    from langchain_privacy.minions.judge import RankOnly

    class Moody(RankOnly):
        calls = 0

        def judge(self, question: str, hits: Any, language: Any) -> Any:
            Moody.calls += 1
            if Moody.calls == 2:
                msg = "down"
                raise LocalModelError(msg)
            return super().judge(question, hits, language)

    documents = [f"{RECORD}\nNote {n}: refills are free on day {n}." for n in range(8)]
    out = create_minions_graph(None, None, judge=Moody()).invoke(
        {"task": "Whom to contact for refills of the inhaler?", "documents": documents}
    )
    assert Moody.calls == 8
    assert out["report"]["errors"].count("local_unavailable:failed") == 1
    assert NURSE in out["answer"]


def on_a_full_disk(path: Path, url: str) -> dict[str, Any]:
    """Ask where no file may grow any more."""
    import resource

    masker = Masker()
    guard = EgressGuard(masker, ledger=EgressLedger(path))
    remote = ChatOpenAI(model="m", base_url=url, api_key="x", max_retries=0)
    graph = create_minion_graph(None, remote, masker=masker, guard=guard)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    return graph.invoke({"task": TASK, "documents": [RECORD]})


@pytest.mark.skipif(sys.platform == "win32", reason="resource limits are POSIX's")
def test_a_ledger_that_cannot_be_written_lets_nothing_cross(tmp_path: Path) -> None:
    with OpenAIServer(lambda _: plan("refills")) as server:
        out = Process(on_a_full_disk, tmp_path / "l.sqlite", server.base_url).result()
        assert server.requests == []
    assert "ledger_failed" in out["report"]["errors"]
    assert "this side alone" in out["answer"]
