"""`langchain-privacy demo`: the main job on a bundled document, every crossing shown.

    langchain-privacy demo --document lease.pdf --question "When does the lease end?"
    langchain-privacy demo --web

It prints private values: the question and the answer, on this terminal. That is what it is for.
"""

import argparse
import os
import webbrowser
from importlib import import_module
from pathlib import Path

from langchain_privacy.cli import errors_only
from langchain_privacy.cli.progress import working
from langchain_privacy.errors import ConfigurationError
from langchain_privacy.locale import language_of, say


def configure(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    add = parser.add_argument
    add("--document", type=Path, metavar="FILE", help="text, Markdown, PDF or DOCX of your own")
    add("--question", metavar="TEXT", help="what to ask about it")
    add(
        "--language",
        choices=["en", "ko"],
        default=language_of(os.environ),
        help="which bundled document; default LANGCHAIN_PRIVACY_LANG, else the locale's",
    )
    add(
        "--evidence",
        choices=["masked", "none"],
        default="masked",
        help="what the remote model may see: masked passages, or the masked question only",
    )
    add("--large", action="store_true", help="both sides are Qwen2.5-Coder 1.5B (embedded-large)")
    add("--local-only", action="store_true", help="let nothing cross")
    add("--private", action="append", default=[], metavar="TEXT", help="a value to hide as well")
    add("--ledger", type=Path, metavar="FILE", help="where to keep the ledger")
    add("--width", type=int, metavar="N", help="columns of the output")
    add("--web", action="store_true", help="show it on a page, on this machine only")
    add("--port", type=int, default=0, metavar="N", help="port of the page; a free one by default")
    add("--no-browser", action="store_true", help="do not open the page in a browser")


def run(arguments: argparse.Namespace) -> int:
    """Run the demo."""
    if arguments.web:
        return _serve(arguments)
    # The layers of the house keep commands and demo apart; the name is resolved when it is needed.
    demo = import_module("langchain_privacy.demo.show")
    options = demo.Options(
        document=arguments.document,
        question=arguments.question,
        language=arguments.language,
        evidence=arguments.evidence,
        local_only=arguments.local_only,
        large=arguments.large,
        private=arguments.private,
        ledger=arguments.ledger,
        width=arguments.width,
    )
    with errors_only():
        code: int = demo.run(options, lambda: working(say("the models read and answer")))
    return code


def _serve(arguments: argparse.Namespace) -> int:
    try:
        server = import_module("langchain_privacy.demo.web.server")
    except ImportError:
        msg = 'The page needs its extra: pip install "langchain-privacy[web]".'
        raise ConfigurationError(msg) from None

    def tell(address: str) -> None:
        print(say("The page is at {address}", address=address))
        print(say("Stop with Ctrl+C."), flush=True)
        if not arguments.no_browser:
            webbrowser.open(address)

    server.serve(tell, port=arguments.port)
    return 0
