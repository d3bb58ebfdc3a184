"""The parser of the command line: its help and its complaints in the person's language."""

import argparse
import sys
from collections.abc import Iterable
from typing import Any, NoReturn

from langchain_privacy.locale import said_again, say


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
