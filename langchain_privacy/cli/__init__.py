"""The `langchain-privacy` command.

Text rules: results go to stdout, everything else to stderr; an error starts with
`langchain-privacy:` and says what to do, and the line below it where to read on, in the person's
language; exit codes are 0 done, 1 found or refused, 2 wrong usage.
No private value is printed, unless printing it is what the command is for and its help says so.
"""

import argparse
import logging
import os
import sys
import warnings
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from langchain_privacy._version import __version__
from langchain_privacy.errors import PrivacyError, where_to_read_on
from langchain_privacy.locale import language_of, said_again, say

# ---- The parser of the command line: its help and its complaints in the person's language


class Formatter(argparse.HelpFormatter):
    """Says each piece of a help text in the person's language, when it is shown."""

    def start_section(self, heading: str | None) -> None:
        """Begin a section, e.g. "options"."""
        super().start_section(say(heading) if heading else heading)

    def add_text(self, text: str | None) -> None:
        """Add a description or an epilog."""
        super().add_text(say(text) if text and text is not argparse.SUPPRESS else text)

    def add_usage(
        self,
        usage: str | None,
        actions: Iterable[argparse.Action],
        groups: Iterable[Any],
        prefix: str | None = None,
    ) -> None:
        """Add the line that says how a command is called."""
        super().add_usage(usage, actions, groups, say("usage: ") if prefix is None else prefix)

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return say(action.help) if action.help else action.help


class Parser(argparse.ArgumentParser):
    """An `ArgumentParser` that speaks the person's language; its subparsers do, too."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"formatter_class": Formatter, **settings})

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the call, and exit with 2."""
        head, colon, rest = message.partition(": ")
        if head.startswith("argument ") and colon:
            message = say("argument {name}", name=head.removeprefix("argument "))
            message += f": {said_again(rest)}"
        else:
            message = said_again(message)
        self.print_usage(sys.stderr)
        self.exit(2, say("{program}: error: {message}", program=self.prog, message=message) + "\n")


COMMANDS: dict[str, str] = {
    "attest": "fetch an endpoint's evidence, verify it and show every check",
    "policy": "obtain a policy from a service, see what changed, read one in words",
    "proxy": "give OpenAI clients of this machine an attested endpoint",
    "gateway": "serve a model behind attestation and encryption, inside a confidential VM",
    "doctor": "say who reaches the local runners, what they log, and what to mend",
    "eval": "ask your own questions and score answers, leaks, tokens and cost",
    "demo": "ask about a private document and see everything that crosses",
    "eval-sql": "measure how often private SQL answers questions with gold statements rightly",
    "ledger": "show, verify or report what crossed",
    "models": "show which local models fit this machine, and what its runners have",
    "scan": "find private values in files",
    "vocabulary": "show which words are public in strict mode, and why",
}
"""Name of a command, its line of help. Each is a module of this folder, with `_` for `-`, with two
functions: `configure(parser)` and `run(arguments) -> exit code`."""


_OVERVIEW = {
    "en": """langchain-privacy {version}: private data stays here, a cloud model still helps.

See it                langchain-privacy demo            a question about a medical record
                      langchain-privacy demo --web      six scenarios on a page, every byte shown
Look at your files    langchain-privacy scan FILE --highlight
                      langchain-privacy scan FILE --strict --html view.html
Look at what crossed  langchain-privacy ledger show
                      langchain-privacy ledger report   a page to print and sign
Attest an endpoint    langchain-privacy policy from-service gateway URL
                      langchain-privacy attest URL

All commands          langchain-privacy --help""",
    "ko": """langchain-privacy {version}: 개인정보는 여기에 남고, 클라우드 모델은 그래도 돕습니다.

보기            langchain-privacy demo --language ko  임대차 계약서에 대한 질문
                langchain-privacy demo --web          여섯 시나리오와 나간 바이트를 페이지로
내 파일 보기    langchain-privacy scan FILE --highlight
                langchain-privacy scan FILE --strict --html view.html
나간 것 보기    langchain-privacy ledger show
                langchain-privacy ledger report       인쇄하고 서명할 페이지
증명 확인       langchain-privacy policy from-service gateway URL
                langchain-privacy attest URL

모든 명령       langchain-privacy --help""",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    argv = list(sys.argv[1:] if argv is None else argv)
    arguments = made_parser(argv).parse_args(argv)
    if arguments.command is None:
        print(_OVERVIEW[language_of(os.environ)].format(version=__version__))
        return 0
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _warn
            code: int = _module(arguments.command).run(arguments)
    except PrivacyError as error:
        print(f"langchain-privacy: {said_again(str(error))}", file=sys.stderr)
        print(f"  {where_to_read_on(type(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(say("langchain-privacy: stopped"), file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Who read the output has closed it (`| head`); the flush at exit must not find that again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def made_parser(named: Container[str]) -> Parser:
    """Return the parser; a command that is not among `named` has no arguments yet."""
    parser = Parser(prog="langchain-privacy", description="The `langchain-privacy` command.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, line in COMMANDS.items():
        command = commands.add_parser(name, help=line, description=line)
        if name in named:
            _module(name).configure(command)
    return parser


def _module(command: str) -> ModuleType:
    return import_module(f"langchain_privacy.cli.{command.replace('-', '_')}")


@contextmanager
def errors_only() -> Iterator[None]:
    """Keep the package's log to errors: what it would say, the command says in its own words."""
    ours = logging.getLogger("langchain_privacy")
    level = ours.level
    ours.setLevel(logging.ERROR)
    try:
        yield
    finally:
        ours.setLevel(level)


def write_for_owner(path: Path, text: str) -> None:
    """Write a file of a command; a new one can be read by its owner only, as the ledger itself.

    A file that is there keeps its mode: who made it said who may read it.
    """
    with open(path, "w", encoding="utf-8", opener=_for_owner_only) as file:
        file.write(text)


def _for_owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _warn(message: Warning | str, *_: object, **__: object) -> None:
    said = said_again(str(message))
    print(say("langchain-privacy: warning: {message}", message=said), file=sys.stderr)
