"""The same agent asks a person before it sends, and outlives its process.

    python approval.py          # both halves; the first process is killed while it waits
    python approval.py ask      # until the agent waits for a person
    python approval.py approve  # or reject: another process goes on from there

Two files keep what a restart needs: the checkpoints hold placeholders, the vault holds the real
values, encrypted. Only who has both, and the vault's key, reads the conversation.
"""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

from graph import SENT, crm_lookup, remote, send_mail
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Command

from langchain_privacy import Masker, PrivacyMiddleware, private
from langchain_privacy.vault import StoreVault

QUESTION = "Tell the customer what we have on file: maria.keller@northwind.example"
THREAD: Any = {"configurable": {"thread_id": "case-1"}}
WAITS = "the agent waits for a person"


def make_graph(folder: Path) -> Any:
    """The agent of `graph.py` with two more lines: who is asked, and where it is kept."""
    folder.mkdir(exist_ok=True)
    masker = Masker(vault=StoreVault.sqlite(folder / "vault.sqlite"))
    kept = sqlite3.connect(folder / "checkpoints.sqlite", check_same_thread=False)
    agent = create_agent(
        remote,
        [crm_lookup, send_mail],
        middleware=[
            HumanInTheLoopMiddleware(
                interrupt_on={"send_mail": {"allowed_decisions": ["approve", "reject"]}}
            ),
            PrivacyMiddleware(masker),
        ],
        checkpointer=SqliteSaver(kept),
    )
    return private(agent, masker)


def go_on(graph: Any, given: Any) -> None:
    """Run until the end or until a person is asked, and print it as it streams."""
    for mode, part in graph.stream(given, THREAD, stream_mode=["messages", "updates"]):
        if mode == "messages" and part[0].type in ("ai", "AIMessageChunk") and part[0].text:
            print(f"the person reads         {part[0].text}", flush=True)
        elif mode == "updates" and "__interrupt__" in part:
            (asked,) = part["__interrupt__"][0].value["action_requests"]
            print(f"the person is asked      {asked['name']} {asked['args']}", flush=True)


def main(step: str = "both") -> None:
    folder = Path(os.environ.get("STATE_FOLDER", "state"))
    if step == "both":
        with first_half() as process:
            assert process.stdout is not None
            for line in process.stdout:
                print(line, end="")
                if line.startswith(WAITS):
                    process.send_signal(signal.SIGKILL)
                    print("-- its process is killed; another one goes on --", flush=True)
        subprocess.run([sys.executable, __file__, "approve"], check=True)
    elif step == "ask":
        go_on(make_graph(folder), {"messages": [{"role": "user", "content": QUESTION}]})
        print(WAITS, flush=True)
        sys.stdin.read()  # a web application would serve others meanwhile
    else:
        go_on(make_graph(folder), Command(resume={"decisions": [{"type": step}]}))
        print(f"our mail server sent     {SENT[-1] if SENT else 'nothing'}")


def first_half() -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, __file__, "ask"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
