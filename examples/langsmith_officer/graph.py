"""Traces in LangSmith, and the check of somebody who does not believe it: what was really sent?

The agent's own runs hold placeholders anyway; the function around it, which is traced too, holds
real values unless the tracing guard is installed. With `LANGSMITH_API_KEY` set the runs go to
LangSmith, and are read back from it. Without a key a server on this machine takes what LangSmith's
own client sends, and every byte of it is searched.
"""

import os
import uuid
from typing import Any

import langsmith
from langchain.chat_models import init_chat_model
from langchain_core.tracers.langchain import wait_for_all_tracers
from langsmith import traceable, tracing_context
from stand_in import CloudModel

from langchain_privacy import Masker, create_private_agent, install_tracing_guard
from langchain_privacy.testing import RecordingServer, Reply

CUSTOMER, PHONE = "maria.keller@northwind.example", "+49 30 901820"


def crm_lookup(email: str) -> str:
    """Look a customer up in our own database."""
    return f"phone {PHONE}" if email == CUSTOMER else "unknown"


name = os.environ.get("REMOTE_MODEL")  # for example openai:gpt-4o
remote: Any = init_chat_model(name) if name else CloudModel()
masker = Masker()
graph = create_private_agent(remote, [crm_lookup], masker=masker)


@traceable(name="desk")
def desk(question: str) -> str:
    """A function of the application around the agent: LangSmith records what it gets and gives."""
    return graph.invoke({"messages": [("user", question)]})["messages"][-1].text


def run(client: langsmith.Client, project: str) -> str:
    """Use the application, and trace it."""
    with tracing_context(enabled=True, client=client, project_name=project):
        answer = desk(f"What do we have on file for {CUSTOMER}?")
    wait_for_all_tracers()
    client.flush()
    return answer


def values_in(sent: str) -> int:
    """Count private values in what was sent: the officer's question."""
    return sum(sent.count(value) for value in (CUSTOMER, PHONE, "maria.keller", "901820"))


def main() -> None:
    project = f"officer-{uuid.uuid4().hex[:8]}"
    if os.environ.get("LANGSMITH_API_KEY"):
        client = langsmith.Client()
        guard = install_tracing_guard(masker, client=client)
        print("the person reads:", run(client, project))
        runs = [r.model_dump_json() for r in client.list_runs(project_name=project)]
        print(f"LangSmith has {len(runs)} runs; private values in them: {values_in(str(runs))}")
        guard.remove()
        return
    for guarded in (False, True):
        with RecordingServer(lambda _: Reply(status=202)) as server:
            info = {"instance_flags": {"zstd_compression_enabled": True}}
            client = langsmith.Client(api_url=server.url, api_key="none", info=info)
            guard = install_tracing_guard(masker, client=client) if guarded else None
            answer = run(client, project)
            client.close()
            sent = server.wire.decode()
        found = values_in(sent)
        with_or_without = "with" if guarded else "without"
        print(
            f"{with_or_without} the tracing guard: {len(server.requests)} requests, "
            f"{len(sent):,} characters, private values: {found}"
        )
        if guard is not None:
            guard.remove()
            assert found == 0
            assert "[EMAIL_" in sent
    print("the person reads:", answer)


if __name__ == "__main__":
    main()
