"""The code fences of a page, run one after another as a reader would run them."""

import os
import runpy
import sys
import traceback
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from langchain_privacy.testing.model_server import OpenAIServer
from tests.support import answers
from tests.support.runners import Runner, ollama


def run_page(page: str, folder: Path, scripts: list[str]) -> str | None:
    """Run scripts in a folder; return the traceback of the first that fails, else nothing.

    A page says `ChatOpenAI(model="gpt-4o-mini")` and `ChatOllama(model="qwen3:4b")` as its reader
    would; here they ask servers of this machine that say what `tests.support.answers` tells them.
    The fences of a tutorial follow each other and share their names, others stand alone.

    Called in a process of its own (`tests.support.processes`): the fences may change whatever they
    like, and what they print goes into a file.

    Args:
        page: Its path below `docs`, without `ko/` and its ending.
        folder: Where to run.
        scripts: Paths of the fences.
    """
    os.chdir(folder)
    os.environ["LANGCHAIN_PRIVACY_HOME"] = str(folder / "home")
    printed = os.open("printed.txt", os.O_WRONLY | os.O_CREAT)
    os.dup2(printed, 1)
    os.dup2(printed, 2)
    names: dict[str, Any] = {}
    with ExitStack() as servers:
        remote = servers.enter_context(OpenAIServer())
        if said := answers.REMOTE.get(page):
            remote.answers(*said)
        local = servers.enter_context(Runner(ollama, replies=answers.LOCAL.get(page, ["OK"])))
        os.environ.update(OPENAI_API_KEY="none", OPENAI_BASE_URL=remote.base_url)
        os.environ["OLLAMA_HOST"] = local.url
        for script in scripts:
            try:
                told = runpy.run_path(script, names, run_name="__main__")
            except BaseException:
                return f"{Path(script).name}\n{traceback.format_exc()}"
            finally:
                sys.stdout.flush()
            if page.startswith("tutorials/"):
                names = {name: told[name] for name in told if not name.startswith("__")}
    return None
