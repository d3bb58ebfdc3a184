"""`langchain-privacy models`: which local models fit this machine, and what its runners have.

    langchain-privacy models
    langchain-privacy models --runner http://127.0.0.1:9000 --pins models.json --pin

It asks the runners on this machine and nothing else; a digest that changed is said.
"""

import argparse
import json
import shutil
import subprocess
from pathlib import Path

from rich.console import Console
from rich.table import Table

from langchain_privacy.cli import write_for_owner
from langchain_privacy.errors import ConfigurationError
from langchain_privacy.local.profiles import (
    CATALOGUE,
    Ability,
    ability_by,
    profile_of,
    size_of,
)
from langchain_privacy.local.runners import USUAL, Installed, Runner, look, memory
from langchain_privacy.locale import say

_GIB = 2**30
_USES: dict[Ability, str] = {
    "score": "says yes or no by probability",
    "pick": "picks lines, answers yes or no",
    "read": "reads, copies values, sums up",
}
_FOR_THE_REST = 2.0
"""GiB that the system, this package and a context of 16,384 tokens want beside the weights."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    add = parser.add_argument
    add("--runner", action="append", metavar="URL", help="a runner elsewhere than at a usual port")
    add("--pins", type=Path, metavar="FILE", help="digests to compare with, as --pin wrote them")
    add("--pin", action="store_true", help="write the digests of today into the file of --pins")


def run(arguments: argparse.Namespace) -> int:
    """Show the models; 1 when a digest is not the pinned one."""
    if arguments.pin and arguments.pins is None:
        msg = "--pin needs the file to write: --pins FILE"
        raise ConfigurationError(msg)
    console = Console(highlight=False, soft_wrap=True)
    runners = look(arguments.runner or USUAL)
    _fitting(console)
    pins = {} if arguments.pin or arguments.pins is None else read_pins(arguments.pins)
    changed = 0
    for runner in runners:
        changed += _installed(console, runner, pins)
    if not runners:
        console.print(say("No runner answers: Ollama, LM Studio, llama.cpp and vLLM were asked."))
    if arguments.pin:
        digests = {model.name: model.digest for each in runners for model in each.models}
        known = {name: digest for name, digest in digests.items() if digest}
        write_for_owner(arguments.pins, json.dumps(known, indent=2, sort_keys=True) + "\n")
        console.print(say("Pinned: {count}", count=len(known)))
    return 1 if changed else 0


def read_pins(path: Path) -> dict[str, str]:
    """Read pinned digests.

    Raises:
        ConfigurationError: The file is not there, or not what `--pin` writes.
    """
    try:
        pins = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        pins = None
    if not isinstance(pins, dict):
        msg = "The file of --pins cannot be read: write it with `models --pins FILE --pin`."
        raise ConfigurationError(msg)
    return {str(name): str(digest) for name, digest in pins.items()}


def differs(model: Installed, pins: dict[str, str]) -> bool:
    """Say whether a model is pinned with another digest."""
    return model.name in pins and bool(model.digest) and model.digest != pins[model.name]


def _fitting(console: Console) -> None:
    has = memory() / _GIB
    gpu = _gpu()
    card = gpu[0] if gpu else say("none found")
    console.print(say("This machine: {has:.0f} GiB of memory, GPU: {gpu}", has=has, gpu=card))
    room = max(has - _FOR_THE_REST, gpu[1] if gpu else 0.0)
    heads = ("model", "GB", "what it is good for", "reasoning", "licence")
    table = Table(*map(say, heads), box=None)
    for name, size in CATALOGUE:
        profile = profile_of(name)
        if size * 1e9 / _GIB <= room and profile is not None:
            table.add_row(name, f"{size:g}", _use(name), profile.reasoning, profile.licence)
    console.print(table)


def _installed(console: Console, runner: Runner, pins: dict[str, str]) -> int:
    place = say("{runner} at {url}", runner=runner.name, url=runner.url)
    console.print("\n" + say("{place}: {count} models", place=place, count=len(runner.models)))
    changed = 0
    for model in runner.models:
        profile = profile_of(model.name)
        facts = [
            model.parameters,
            model.quantisation,
            f"{model.bytes / 1e9:.1f} GB" if model.bytes else "",
            say(
                "context {tokens:,}",
                tokens=model.context or (profile.context if profile else 0),
            ),
            _use(model.parameters or model.name),
            say("digest {start}", start=model.digest.removeprefix("sha256:")[:12])
            if model.digest
            else "",
        ]
        console.print(f"  {model.name}: {', '.join(filter(None, facts))}")
        if model.elsewhere:
            sentence = "NOT LOCAL: it runs in Ollama's cloud; langchain-privacy refuses it"
            console.print(f"    {say(sentence)}")
        if profile is not None:
            console.print(f"    {profile.family}, {profile.licence}; {profile.reasoning}")
            console.print("    " + say("set: {settings}", settings=profile.settings))
        if differs(model, pins):
            sentence = "CHANGED: its digest is not the pinned {start}…"
            console.print("    " + say(sentence, start=pins[model.name][:12]))
            changed += 1
    return changed


def _use(name: str) -> str:
    size = size_of(name)
    if size is None:
        return say("size not stated")
    return say(_USES[ability_by(size)])


def _gpu() -> tuple[str, float] | None:
    """Return the name and GiB of the largest GPU of NVIDIA's, which its own tool tells."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    command = [tool, "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)  # noqa: S603 - a fixed command
        rows = [line.rsplit(",", 1) for line in said.stdout.splitlines()]
        gpus = [(name.strip(), float(size) / 1024) for name, size in rows]
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return max(gpus, key=lambda each: each[1], default=None)
