"""Names of machines: spelling x place, and what looks like one."""

import pytest

from langchain_privacy.detection import default_detectors, detect_all

RULES = default_detectors(presidio=False)

NAMES = ("kiln-prod-03", "mq02", "oslobuild-7", "pg-quern.corp-a.internal", "Quernstein")
PLACES = {
    "address of a service": "WARN redis://{}:6379 timed out",
    "address with a user": "amqps://worker@{}/jobs is closed",
    "RFC 3164": "Nov  5 06:12:44 {} sshd[2213]: Failed password for root",
    "RFC 5424": "<34>1 2024-10-11T22:14:15.003Z {} su 4213 - failed",
    "journald": "2024-11-05T06:12:44+0900 {} systemd[1]: Started the worker.",
    "later line": "it says\n2024-11-05 06:12:44 {} cron[77]: (root) CMD (run)",
    "prompt": "[root@{} ~]$ ls",
    "prompt of Debian": "root@{}:/etc# cat passwd",
    "ssh": "ssh -p 22 -i ~/.ssh/id_ed25519 deploy@{} fails",
    "ssh without a user": "I ran `ssh {}` twice",
    "scp": "scp a.txt root@{}:/tmp",
    "ping": "ping {} has no answer",
    "client of a database": "psql -U app --host={} orders",
}


def found(text: str) -> list[str]:
    return [text[f.start : f.end] for f in detect_all(text, RULES)]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", NAMES)
def test_hidden(name: str, place: str) -> None:
    text = PLACES[place].format(name)
    address = "@" in text and "." in name  # of an e-mail, by its form
    hidden = found(text)
    assert any(one.endswith(f"@{name}") if address else one == name for one in hidden), hidden


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("host=kiln-prod-03 is full", "kiln-prod-03"),
        ('"hostname": "web-eu-17",', "web-eu-17"),
        ("The server web-eu-17 is down again.", "web-eu-17"),
        ("서버 kiln-prod-03이 죽었어요", "kiln-prod-03"),
        ("호스트명: web-eu-17", "web-eu-17"),
        ("user rsubramanian@ip-10-41-7-22 holds the lock", "ip-10-41-7-22"),
        ("tilde.vos@quern-7:~$ make", "tilde.vos"),
    ],
)
def test_hidden_behind_a_label(text: str, hidden: str) -> None:
    assert hidden in found(text)


def test_said_again_without_its_place() -> None:
    text = "ssh kiln-prod-03 works, so kiln-prod-03 is up."
    assert found(text) == ["kiln-prod-03", "kiln-prod-03"]


@pytest.mark.parametrize(
    "text",
    [
        "redis://localhost:6379/0 or redis://redis:6379 in the container",
        "DATABASE_URL=postgres://db:5432/app",
        "postgres://db.internal/app",
        "host=localhost port=5432; host: db; hostname: my-app-prod",
        "server: nginx/1.18.0, server-side rendering, node 20.1, node-20 image",
        "uses: actions/checkout@v4 and npm install next@canary-15",
        "2024-11-05 06:12:44 INFO main: start\n2024-11-05 06:12:45 ERROR app.main: stop",
        "Nov  5: lunch. Nov  6: dinner.",
        "ping me later, nc to me, dig deeper, ssh into it",
        "file://etc/hosts and jdbc:h2:mem",
        "a@b is a matrix product",
    ],
)
def test_left(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize("end", ["", ":15", ":15.003Z", ":15,003", ":15+09:00"])
def test_a_time_far_back_is_hidden_whole(end: str) -> None:
    assert found(f"at 1985-03-11T22:14{end} it failed") == [f"1985-03-11T22:14{end}"]


@pytest.mark.parametrize(
    "host",
    [
        "pg-main.lan.ferrow.example",
        "api.staging.quernstein.com",
        "my-bucket.s3.amazonaws.com",
        "payroll-db01.int.ferrow-quern.de",
        "node-3.quern.com.au",
        "web-1.ferrow.fr",
    ],
)
@pytest.mark.parametrize("place", ["DB_HOST: {}\n", "ERROR [{}] FATAL", "connect to {}, please"])
def test_a_host_is_its_domains(host: str, place: str) -> None:
    assert found(place.format(host)) == [host]


@pytest.mark.parametrize(
    "text",
    [
        "api.github.com and docs.python.org",
        "host.docker.internal",
        "en-us.wikipedia.org",
        "kubernetes.default.svc.cluster.local",
        "import main-menu.spec.ts, run foo-bar.baz.py",
        "a state-of-the-art.in this",
    ],
)
def test_what_everybody_knows_and_code_are_no_hosts(text: str) -> None:
    assert not found(text)
