"""One text as a person reads it: what of it is private, and what would cross.

`langchain-privacy scan --highlight` prints `highlighted`, `scan --html` writes `view_page`: a page
that loads nothing and runs nothing.
"""

import html
import os
from collections.abc import Sequence
from importlib import resources

from rich.text import Text

from langchain_privacy.detection import UNTYPED, Finding
from langchain_privacy.locale import language_of, say

View = tuple[str, str, Sequence[Finding]]
"""Name of a text, the text, and what was found in it, in order."""


def highlighted(text: str, findings: Sequence[Finding]) -> Text:
    """Return a text for the terminal, with what is private marked and named."""
    shown, at = Text(), 0
    for f in findings:
        shown.append(text[at : f.start])
        shown.append(text[f.start : f.end], "bold black on yellow")
        shown.append(f" {f.entity_type} ", "dim")
        at = f.end
    return shown.append(text[at:])


def view_page(views: Sequence[View]) -> str:
    """Return a page that shows texts beside what would cross of them."""
    page = resources.files(__package__).joinpath("view.html").read_text("utf-8")
    return (
        page.replace("<!-- language -->", language_of(os.environ))
        .replace("<!-- title -->", say("What stays and what would cross"))
        .replace("<!-- texts -->", "\n".join(_section(*view) for view in views))
    )


def _section(name: str, text: str, findings: Sequence[Finding]) -> str:
    here, crosses, at = [], [], 0
    numbers: dict[tuple[str, str], int] = {}
    for f in findings:
        between = html.escape(text[at : f.start])
        value = text[f.start : f.end]
        number = numbers.setdefault((f.entity_type, value), len(numbers) + 1)
        kind = html.escape(f.entity_type)
        reason = say("not known to be public") if f.entity_type in UNTYPED else kind
        here += [between, f'<mark title="{reason}">{html.escape(value)}</mark>']
        crosses += [between, f'<b title="{reason}">[{kind}_{number}]</b>']
        at = f.end
    here.append(html.escape(text[at:]))
    crosses.append(html.escape(text[at:]))
    hidden = sum(f.end - f.start for f in findings)
    share = f"{hidden / len(text):.1%}" if text else "0%"
    told = say("{count} private values, {share} of the text.", count=len(findings), share=share)
    stays, crossing = say("Stays here"), say("Would cross")
    return (
        f"<section><h2>{html.escape(name)}</h2>"
        f"<p>{html.escape(told)}</p>"
        f'<div class="pair"><article><h3>{stays}</h3><pre>{"".join(here)}</pre></article>'
        f"<article><h3>{crossing}</h3><pre>{''.join(crosses)}</pre></article></div>"
        "</section>"
    )
