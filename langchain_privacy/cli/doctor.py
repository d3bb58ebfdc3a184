"""`langchain-privacy doctor`: who reaches the local runners, what they log, how old they are.

    langchain-privacy doctor
    langchain-privacy doctor --runner http://127.0.0.1:9000 --pins models.json

A runner reads real values. This looks at what would let others read them, too, and says what to
mend. It sends nothing but paths, to this machine, and prints nothing of what it finds in a log.
"""

import argparse
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from langchain_privacy.cli.models import differs, read_pins
from langchain_privacy.local.runners import USUAL, Runner, look, own_addresses, request
from langchain_privacy.locale import say

AS_OF = "2026-05"
"""Of the advisories that `_SAFE_FROM` knows."""

_SAFE_FROM: dict[str, tuple[tuple[int, ...], str]] = {
    "ollama": ((0, 17, 1), "earlier ones give other users' prompts away (CVE-2026-7482)"),
    "vllm": ((0, 11, 1), "earlier ones run code from prompt embeddings (CVE-2025-62164)"),
}
"""The version that mended the worst advisory known here. Other runners count their builds, or say
no version at all, so that nothing is known of them."""
_STRANGER = "https://stranger.example"
_REACHED = {
    True: "other machines reach it at {host}:{port}",
    False: "other machines reach it at {host}:{port}, without a key",
}
_HELD = {
    True: "it holds prompts and others on this machine may read it",
    False: "it holds prompts",
}

_LOGS = (
    "~/.ollama/logs",
    "~/.ollama/history",
    "~/.lmstudio/server-logs",
    "~/.cache/lm-studio/server-logs",
    "~/Library/Logs/LM Studio",
)
_BODIES = re.compile(rb'"(?:messages|prompt|content)"\s*:\s*["\[{]|\bprompt="')
_LOOKED_AT = 8 * 1024 * 1024


@dataclass(frozen=True)
class Finding:
    """Something to mend.

    Attributes:
        where: A runner's address, or a place of the disk.
        what: What is wrong.
        mend: What to do.
    """

    where: str
    what: str
    mend: str


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    add = parser.add_argument
    add("--runner", action="append", metavar="URL", help="a runner elsewhere than at a usual port")
    add("--pins", type=Path, metavar="FILE", help="digests that the models must have")
    add("--logs", action="append", metavar="PATH", help="logs elsewhere than at a usual place")


def run(arguments: argparse.Namespace) -> int:
    """Print what is to be mended; 1 when there is something."""
    runners = look(arguments.runner or USUAL)
    pins = read_pins(arguments.pins) if arguments.pins else {}
    findings = [finding for runner in runners for finding in examined(runner, pins)]
    findings += review(arguments.logs or _LOGS)
    for runner in runners:
        print(say("{runner} at {url}", runner=runner.name, url=runner.url) + _unjudged(runner))
    if not runners:
        print(say("No runner answers: Ollama, LM Studio, llama.cpp and vLLM were asked."))
    for finding in findings:
        print(f"- {finding.where}: {finding.what}")
        print("  " + say("mend: {how}", how=finding.mend))
    sentence = (
        "{count} to mend. Versions were held against advisories up to {as_of}; later ones are not "
        "known here: read the security page of each runner."
    )
    print(say(sentence, count=len(findings), as_of=AS_OF))
    return 1 if findings else 0


def examined(runner: Runner, pins: dict[str, str]) -> Iterator[Finding]:
    """Yield what is wrong with one runner."""
    yield from _reach(runner)
    yield from _origins(runner)
    if runner.kind == "llama.cpp" and request(runner.url, "/slots")[0] == 200:
        yield Finding(
            runner.url,
            say("/slots shows the prompts that it works on"),
            say("start it with --no-slots, or with --api-key"),
        )
    newest = _SAFE_FROM.get(runner.kind)
    if newest and runner.version and _number(runner.version) < newest[0]:
        wanted = ".".join(map(str, newest[0]))
        yield Finding(
            runner.url,
            say("version {version}: {why}", version=runner.version, why=say(newest[1])),
            say("update to {version} or later", version=wanted),
        )
    for model in runner.models:
        if model.elsewhere:
            yield Finding(
                f"{runner.url}, {model.name}",
                say("it runs in Ollama's cloud: prompts leave this machine"),
                say("ollama rm {model}, or OLLAMA_NO_CLOUD=1", model=model.name),
            )
        if differs(model, pins):
            yield Finding(
                f"{runner.url}, {model.name}",
                say("its digest is not the pinned one"),
                say(
                    "pull it again from where you trust; pin it anew only when you know why it "
                    "changed"
                ),
            )


def _reach(runner: Runner) -> Iterator[Finding]:
    """Ask at the addresses that other machines see."""
    port = urlsplit(runner.url).port
    for address in own_addresses():
        host = f"[{address}]" if ":" in address else address
        status, _, _ = request(f"http://{host}:{port}", "/v1/models")
        if status == 0:
            continue
        key = status in (401, 403)
        how = {
            "ollama": "OLLAMA_HOST=127.0.0.1",
            "lm studio": "switch off 'Serve on Local Network'",
            "llama.cpp": "--host 127.0.0.1",
            "vllm": "--host 127.0.0.1",
        }[runner.kind]
        yield Finding(
            runner.url,
            say(_REACHED[key], host=host, port=port),
            say("{how}; where others must reach it, put TLS and a key before it", how=say(how)),
        )


def _origins(runner: Runner) -> Iterator[Finding]:
    """Ask as a page of a stranger would in a browser of this machine."""
    _, headers, _ = request(runner.url, "/v1/models", {"Origin": _STRANGER})
    if runner.key or headers.get("access-control-allow-origin") not in ("*", _STRANGER):
        return
    how = {
        "ollama": "unset OLLAMA_ORIGINS, or name your own pages in it",
        "lm studio": "switch off 'Enable CORS'",
        "llama.cpp": "start it with --api-key",
        "vllm": "--allowed-origins with your own pages, and --api-key",
    }[runner.kind]
    open_to_all = say("any web page in a browser of this machine can use it")
    yield Finding(runner.url, open_to_all, say(how))


def review(places: Sequence[str]) -> Iterator[Finding]:
    """Look into logs for requests that were written down; nothing of them is repeated."""
    if os.environ.get("OLLAMA_DEBUG"):
        yield Finding(
            "OLLAMA_DEBUG",
            say("is set: Ollama writes prompts into its log"),
            say("unset it, restart Ollama"),
        )
    for place in places:
        for path in _files(Path(place).expanduser()):
            try:
                with path.open("rb") as file:
                    content = file.read(_LOOKED_AT)
                mode = path.stat().st_mode
            except OSError:
                continue
            held = path.name == "history" and bool(content.strip())
            held = held or _BODIES.search(content) is not None
            if not held:
                continue
            yield Finding(
                str(path),
                say(_HELD[bool(mode & stat.S_IROTH)]),
                say("delete it; switch the logging of requests off; chmod 600"),
            )


def _files(place: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
    elif place.is_dir():
        yield from sorted(path for path in place.rglob("*") if path.is_file())[:500]


def _unjudged(runner: Runner) -> str:
    judged = runner.kind in _SAFE_FROM and _number(runner.version)
    return "" if judged else " " + say("(whether this version is safe is not known here)")


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
