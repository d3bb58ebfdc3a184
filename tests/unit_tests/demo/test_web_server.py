"""The glass box's server: who it lets in, what it takes, and the events of its runs."""

import io
import json
import logging
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pypdfium2
import pytest
from starlette.testclient import TestClient

from langchain_privacy.demo.web.models import Models
from langchain_privacy.demo.web.runs import Run
from langchain_privacy.demo.web.scenarios import SCENARIOS
from langchain_privacy.demo.web.server import MAX_UPLOAD, create_app

TOKEN = "only-for-this-test"
HERE = "http://127.0.0.1"


@pytest.fixture
def stranger() -> Iterator[TestClient]:
    with Models() as models:
        yield TestClient(create_app(TOKEN, models), base_url=HERE)


@pytest.fixture
def client(stranger: TestClient) -> TestClient:
    stranger.get(f"/?token={TOKEN}")
    return stranger


def begin(client: TestClient, **asked: Any) -> str:
    came = client.post("/runs", json=asked)
    assert came.status_code == 201, came.text
    return str(came.json()["id"])


def events(client: TestClient, run: str, after: int = 0) -> list[dict[str, Any]]:
    headers = {"Last-Event-ID": str(after)} if after else {}
    came = client.get(f"/runs/{run}/events", headers=headers)
    lines = [line for line in came.text.splitlines() if line.startswith("data: ")]
    return [json.loads(line[6:]) for line in lines]


def blank_pdf() -> bytes:
    with closing(pypdfium2.PdfDocument.new()) as document:
        document.new_page(200, 200)
        document.save(file := io.BytesIO())
    return file.getvalue()


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/", {}, 403),
        ("/page.js", {}, 403),
        ("/?token=guessed", {}, 403),
        (f"/?token={TOKEN}", {"Host": "evil.example"}, 421),
        (f"/?token={TOKEN}", {"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_who_is_not_let_in(
    stranger: TestClient, path: str, headers: dict[str, str], status: int
) -> None:
    came = stranger.get(path, headers=headers, follow_redirects=False)
    assert came.status_code == status
    assert came.json()["message"]


def test_a_person_without_the_token_reads_a_sentence(stranger: TestClient) -> None:
    headers = {"Accept": "text/html,*/*;q=0.8", "Accept-Language": "ko-KR,ko;q=0.9"}
    came = stranger.get("/", headers=headers)
    assert came.status_code == 403
    assert came.headers["content-type"].startswith("text/plain")
    assert came.text.startswith("명령이 출력한 주소를 여십시오")


def test_errors_are_said_in_the_language_of_the_page(client: TestClient) -> None:
    headers = {"X-File-Name": "empty.txt", "Accept-Language": "ko"}
    came = client.post("/read", content=b"", headers=headers)
    assert came.json()["message"] == "안에 텍스트가 없습니다. 비어 있습니다."
    wrong = {"address": "nonsense", "model": "m"}
    told = events(client, begin(client, scenario="words", language="ko", models=wrong))
    (error,) = [event for event in told if event["event"] == "error"]
    assert error["message"].startswith("원격 모델에는 https://")


def test_the_token_becomes_a_cookie_and_leaves_the_address(stranger: TestClient) -> None:
    came = stranger.get(f"/?token={TOKEN}", follow_redirects=False)
    assert (came.status_code, came.headers["location"]) == (303, "/")
    assert "HttpOnly" in came.headers["set-cookie"]
    assert "samesite=strict" in came.headers["set-cookie"].lower()
    page = stranger.get("/")
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert TOKEN not in page.text


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"scenario": "none"}', b'{"scenario": []}'])
def test_a_request_of_another_page(client: TestClient, body: bytes) -> None:
    assert client.post("/runs", content=body).status_code == 400


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("note.txt", b"The gate code is 4471.", 200),
        ("%EA%B3%84%EC%95%BD.txt", "문은 9시에 닫는다.".encode(), 200),
        ("../../note.md", b"# A note", 200),
        ("image.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(64), 422),
        ("empty.txt", b"", 422),
        ("broken.pdf", b"%PDF-1.7 nothing", 422),
        ("blank.pdf", blank_pdf(), 422),
        ("large.txt", b"a" * (MAX_UPLOAD + 1), 413),
    ],
    ids=["text", "korean", "path", "binary", "empty", "broken", "without text", "large"],
)
def test_a_document_of_ones_own(client: TestClient, name: str, body: bytes, status: int) -> None:
    came = client.post("/read", content=body, headers={"X-File-Name": name})
    assert came.status_code == status
    said = came.json()
    assert said["text"].encode() == body if status == 200 else said["message"]


def test_a_run_tells_what_stays_what_was_decided_and_what_crossed(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        told = events(
            client, begin(client, scenario="words", text="Mail jane.doe@larkmail.example.")
        )
    by_kind = {event["event"]: event for event in told}
    assert ["jane.doe@larkmail.example", by_kind["document"]["parts"][1][1]] in by_kind["document"][
        "parts"
    ]
    assert by_kind["crossing"]["decision"] == "allowed"
    assert by_kind["wire"]["crossing"] == by_kind["crossing"]["number"] == 1
    # The bytes that are shown are those whose digest the ledger holds.
    assert by_kind["wire"]["sha256"] == by_kind["receipt"]["payload_digest"]
    assert "jane.doe" not in json.dumps([by_kind["wire"], by_kind["crossing"], by_kind["receipt"]])
    assert "jane.doe@larkmail.example" in by_kind["answer"]["text"]
    assert (by_kind["totals"]["found"], by_kind["totals"]["crossings"]) == (0, 1)
    assert told[-1] == {"id": len(told), "event": "end", "outcome": "done"}
    assert "jane.doe" not in caplog.text


def test_a_page_that_was_away_goes_on_where_it_was(client: TestClient) -> None:
    run = begin(client, scenario="words")
    told = events(client, run)
    assert events(client, run, after=3) == told[3:]
    assert client.get("/runs/forgotten/events").status_code == 404


def test_the_door_stays_shut_when_the_endpoint_is_another(client: TestClient) -> None:
    told = events(client, begin(client, scenario="attested", tamper=True))
    kinds = [event["event"] for event in told]
    assert "wire" not in kinds
    assert "answer" not in kinds
    (attested,) = [event for event in told if event["event"] == "attestation"]
    assert attested["verified"] is False
    assert attested["checks"][-1]["outcome"] == "failed"
    assert told[-1]["outcome"] == "failed"


def test_a_remote_model_that_is_down(client: TestClient) -> None:
    models = {"address": "http://127.0.0.1:9/v1", "model": "none"}
    told = events(client, begin(client, scenario="words", models=models))
    (error,) = [event for event in told if event["event"] == "error"]
    assert error["message"] == ""  # of another library: its text may hold anything
    assert told[-1]["outcome"] == "failed"
    again = events(client, begin(client, scenario="words"))
    assert again[-1]["outcome"] == "done"


@pytest.mark.parametrize("address", ["ftp://a", "nonsense", "http://"])
def test_an_address_that_is_none(client: TestClient, address: str) -> None:
    models = {"address": address, "model": "m"}
    told = events(client, begin(client, scenario="words", models=models))
    (error,) = [event for event in told if event["event"] == "error"]
    assert "address" in error["message"]


@pytest.mark.parametrize(("decision", "sent"), [("approve", 1), ("reject", 0)])
def test_the_person_decides_what_an_agent_sends(
    client: TestClient, decision: str, sent: int
) -> None:
    run = begin(client, scenario="agent")
    assert client.post(f"/runs/{run}/decision", json={"decision": "maybe"}).status_code == 400
    # Said before it is asked, it waits.
    assert client.post(f"/runs/{run}/decision", json={"decision": decision}).status_code == 204
    by_kind = {event["event"]: event for event in events(client, run)}
    assert by_kind["ask"]["arguments"]["to"] == "m.thistlewood@larkmail.example"
    assert len(by_kind["answer"]["quotes"]) == sent
    assert by_kind["totals"]["found"] == 0


def test_a_run_is_stopped_while_it_waits(client: TestClient) -> None:
    run = begin(client, scenario="agent")
    assert client.delete(f"/runs/{run}").status_code == 204
    told = events(client, run)
    assert told[-1]["outcome"] == "stopped"
    assert "answer" not in [event["event"] for event in told]


def test_words_are_the_same_in_both_languages(client: TestClient) -> None:
    told = client.get("/words.json").json()
    assert told["en"].keys() == told["ko"].keys()
    for name in ("names", "about", "asks"):
        assert list(told["en"][name]) == list(told["ko"][name]) == list(SCENARIOS)


async def test_two_listeners_hear_the_same() -> None:
    go = threading.Event()

    def body(run: Run) -> None:
        go.wait()
        run.tell("text", delta="a")

    run = Run(body)
    run.start()
    first, second = run.follow(), run.follow()
    go.set()
    heard = [[event async for event in listener] for listener in (first, second)]
    assert heard[0] == heard[1]
    assert [event["event"] for event in heard[0]] == ["text", "end"]
