"""The child process that serves the embedded model. Run as a script; imports nothing of ours.

`EmbeddedServer` (`embedded.py`) starts it as `python -P embedded_process.py`.

It reads one line of JSON settings from stdin, writes the server's address to stdout and lives until
stdin ends: the pipe closes when the parent ends in whatever way, so no server is left behind.
"""

import json
import os
import sys
import threading


def main() -> None:
    """Serve until stdin ends or the parent is gone."""
    import xllamacpp

    settings = json.loads(sys.stdin.readline())
    parent = os.getppid()
    parameters = xllamacpp.CommonParams()
    parameters.model.path = settings["model"]
    parameters.model_alias = {settings["alias"]}
    parameters.n_parallel = settings["slots"]
    parameters.n_ctx = settings["context"] * settings["slots"]
    parameters.cpuparams.n_threads = settings["threads"]
    parameters.cpuparams_batch.n_threads = settings["threads"]
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.api_keys = [settings["api_key"]]
    parameters.offline = True
    parameters.ui = False
    parameters.endpoint_slots = False  # it shows the prompts
    parameters.cors_origins = ""
    parameters.cache_ram_mib = settings["prompt_cache_mib"]
    parameters.verbosity = -1
    server = xllamacpp.Server(parameters)
    print(server.listening_address, flush=True)  # noqa: T201 - the protocol with the parent

    ended = threading.Event()

    def wait_for_end() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=wait_for_end, daemon=True).start()
    # A fork of the parent may hold the pipe open: look at who the parent is, too.
    while not ended.wait(1.0) and os.getppid() == parent:
        pass
    os._exit(0)  # nothing to save; llama.cpp's own shutdown waits for answers nobody reads


if __name__ == "__main__":
    main()
