"""The report of a ledger: one HTML page to read, to print and to sign, that loads nothing.

`langchain-privacy ledger report` writes it. Its frame is `ledger_report.html`, its words are
`ledger_report.en.json` and `ledger_report.ko.json`. The first line says what an officer is asked to
sign: what crossed, and that no private value did, or which crossing was refused.
"""

import html
import json
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import resources
from typing import Any

from langchain_privacy.egress.ledger import Crossing, PriceTable
from langchain_privacy.egress.ledger.chain import LedgerReport
from langchain_privacy.errors import LedgerError
from langchain_privacy.locale import Language, said_again

_DAYS = 31
_SHOWN = 200
_MOST_BARS = 12
_SEAM = re.compile(r"([_:/.])(?=\w)")
_REAL = "real_text_to_attested"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a report is about, beside what the ledger holds; who writes it says it.

    Attributes:
        application: Name of the application.
        policy: The door's policy, in words.
        mode: How private values are detected, e.g. "strict".
        kept: How many of the signed marks were kept elsewhere.
        written: When the report is written.
    """

    application: str = ""
    policy: str = ""
    mode: str = ""
    kept: int = 0
    written: datetime = field(default_factory=lambda: datetime.now(UTC))


def write_report(
    crossings: Sequence[Crossing],
    prices: PriceTable,
    verified: LedgerReport | LedgerError,
    subject: Subject | None = None,
    *,
    language: Language = "en",
) -> str:
    """Return the page.

    Args:
        crossings: What the ledger holds.
        prices: For the cost.
        verified: What verification returned, or the error that it raised.
        subject: What the report is about.
        language: Of the page.
    """
    page = _Page(crossings, prices, verified, subject or Subject(), language)
    text = resources.files(__package__).joinpath("ledger_report.html").read_text("utf-8")
    for name, value in page.filled().items():
        text = text.replace(f"<!--{name}-->", value)
    return text


class _Page:
    """The pieces of a page."""

    def __init__(
        self,
        crossings: Sequence[Crossing],
        prices: PriceTable,
        verified: LedgerReport | LedgerError,
        subject: Subject,
        language: Language,
    ) -> None:
        source = resources.files(__package__).joinpath(f"ledger_report.{language}.json")
        self._words: dict[str, Any] = json.loads(source.read_text("utf-8"))
        self._crossings, self._prices, self._subject = crossings, prices, subject
        self._verified, self._language = verified, language
        self._allowed = [c for c in crossings if c.decision == "allowed"]
        self._blocked = [c for c in crossings if c.decision == "blocked"]

    def filled(self) -> dict[str, str]:
        """Return what stands in each place of the frame."""
        say = self._say
        sound = isinstance(self._verified, LedgerReport)
        return {
            **{name: say(name) for name in ("language", "title", "name", "date", "signature")},
            **{name: say(name) for name in ("signed", "foot")},
            "state": "good" if sound else "bad",
            "verdict": self._verdict(),
            "refusals": self._refusals(),
            "chain": self._chain(),
            "facts": self._facts(),
            "tiles": self._tiles(),
            "charts": self._charts(),
            "rules": self._rules(),
            "caption": say(
                "latest", shown=min(len(self._crossings), _SHOWN), all=len(self._crossings)
            ),
            "columns": "".join(f"<th>{html.escape(c)}</th>" for c in self._words["columns"]),
            "rows": "".join(self._row(c) for c in self._crossings[-_SHOWN:][::-1]),
        }

    def _say(self, name: str, **about: Any) -> str:
        told = {k: f"{v:,}" if isinstance(v, int) else str(v) for k, v in about.items()}
        return html.escape(self._words[name].format(**told))

    def _verdict(self) -> str:
        real = sum(c.rule == _REAL for c in self._allowed)
        count = len(self._allowed)
        if not count:
            return self._say("nothing")
        if real:
            return self._say("first_line_real", allowed=count, examined=count - real, real=real)
        return self._say("first_line_one" if count == 1 else "first_line", allowed=count)

    def _refusals(self) -> str:
        if not self._blocked:
            return self._say("refused_none")
        first = self._blocked[0]
        count = len(self._blocked)
        name = "refused_one" if count == 1 else "refused"
        return self._say(name, blocked=count, number=first.number, rule=first.rule or "?")

    def _chain(self) -> str:
        found = self._verified
        if isinstance(found, LedgerError):
            why = said_again(str(found), self._language)
            return self._say("chain_broken", number=found.record or "?", message=why)
        return self._say(
            "chain_sound", records=found.records, marks=found.checkpoints, kept=self._subject.kept
        )

    def _facts(self) -> str:
        say, found = self._say, self._verified
        unsaid = say("not_said")
        days = [c.time[:10] for c in self._crossings]
        refused = sum(c.rule == "require_attestation" for c in self._blocked)
        real = sum(c.rule == _REAL for c in self._allowed)
        attested = [say("attested_refused", count=refused)] if refused else []
        attested += [say("attested_real", count=real)] if real else []
        facts = {
            "application": html.escape(self._subject.application) or unsaid,
            "policy": html.escape(self._subject.policy) or unsaid,
            "mode": html.escape(self._subject.mode) or unsaid,
            "period": f"{days[0]} – {days[-1]}" if days else say("none"),
            "models": self._named(c.model for c in self._crossings),
            "destinations": self._named(c.destination for c in self._crossings),
            "attestation": ", ".join(attested) or say("attested_none"),
            "key": _code(getattr(found, "key", "")) or say("none"),
            "head": _code(getattr(found, "head", "")) or say("none"),
            "written": self._subject.written.strftime("%Y-%m-%d %H:%M"),
        }
        return "".join(f"<dt>{say(name)}</dt><dd>{value}</dd>" for name, value in facts.items())

    def _named(self, names: Any) -> str:
        found = sorted({name for name in names if name})
        shown = ", ".join(found[:_MOST_BARS])
        more = f" + {len(found) - _MOST_BARS}" if len(found) > _MOST_BARS else ""
        return _parts(shown + more) or self._say("none")

    def _tiles(self) -> str:
        say, allowed = self._say, self._allowed
        out, back = sum(c.bytes_out for c in allowed), sum(c.bytes_in or 0 for c in allowed)
        asked, said = (
            sum(getattr(c, n) or 0 for c in allowed) for n in ("tokens_out", "tokens_in")
        )
        costs = [self._prices.cost(c.model, c.tokens_out, c.tokens_in) for c in allowed]
        known = [cost for cost in costs if cost is not None]
        tiles = {
            say("crossed_tile"): f"{len(allowed):,}",
            say("refused_tile"): f"{len(self._blocked):,}",
            say("bytes_tile"): f"{out:,}, {back:,}",
            say("tokens_tile"): f"{asked:,}, {said:,}",
            say("cost_tile", currency=self._prices.currency, as_of=self._prices.as_of): (
                f"{sum(known):.4f}" if known else say("no_price")
            ),
        }
        return "".join(
            f"<div><b>{value}</b><span>{name}</span></div>" for name, value in tiles.items()
        )

    def _charts(self) -> str:
        allowed = self._allowed
        span = "day" if len({c.time[:10] for c in allowed}) <= _DAYS else "month"
        days: defaultdict[str, int] = defaultdict(int)
        models: defaultdict[str, int] = defaultdict(int)
        types: Counter[str] = Counter()
        for c in allowed:
            days[c.time[: 10 if span == "day" else 7]] += c.bytes_out
            models[c.model or c.purpose] += c.bytes_out
            types.update(c.entity_types)
        charts = {
            f"by_{span}": dict(sorted(days.items())),
            "by_model": _ranked(models),
            "by_destination": _ranked(Counter(c.destination for c in allowed)),
            "by_type": _ranked(types),
            "by_rule": _ranked(Counter(c.rule or "" for c in self._blocked)),
        }
        return "".join(self._chart(name, bars) for name, bars in charts.items())

    def _chart(self, name: str, bars: Mapping[str, int]) -> str:
        """Draw bars; a single number needs none."""
        title = self._say(name)
        if not bars:
            return f"<section><h2>{title}</h2><p>{self._say('none')}</p></section>"
        highest, drawn = max(bars.values()) or 1, []
        kind = "bad" if name == "by_rule" else "good"
        for label, number in bars.items():
            width = max(0.5, 100 * number / highest)
            bar = (
                f'<svg class="{kind}" viewBox="0 0 100 14" preserveAspectRatio="none" '
                f'aria-hidden="true"><rect width="{width:.1f}" height="14"/></svg>'
            )
            drawn.append(
                f"<span>{_parts(label or '?')}</span>"
                f"{bar if len(bars) > 1 else '<i></i>'}<b>{number:,}</b>"
            )
        return f'<section><h2>{title}</h2><div class="bars">{"".join(drawn)}</div></section>'

    def _rules(self) -> str:
        rules = Counter(c.rule or "?" for c in self._blocked)
        if not rules:
            return ""
        say, meanings = self._say, self._words["meanings"]
        rows = "".join(
            f"<tr><td>{_parts(rule)}</td>"
            f"<td>{html.escape(meanings.get(rule.split(':')[0], meanings['other']))}</td>"
            f"<td>{count:,}</td></tr>"
            for rule, count in sorted(rules.items())
        )
        head = "".join(f"<th>{say(name)}</th>" for name in ("rule", "meaning", "count"))
        return (
            f'<div class="scroll"><table><caption>{say("rules")}</caption><thead><tr>{head}</tr>'
            f"</thead><tbody>{rows}</tbody></table></div>"
        )

    def _row(self, c: Crossing) -> str:
        tokens = "" if c.tokens_out is None else f"{c.tokens_out:,}, {c.tokens_in or 0:,}"
        received = "" if c.bytes_in is None else f", {c.bytes_in:,}"
        outcomes = self._words["outcomes"]
        outcome = c.rule if c.decision == "blocked" else outcomes.get(c.outcome or "open", "")
        types = [f"<span>{_parts(name)} {count}</span>" for name, count in c.entity_types.items()]
        cells = (
            *(html.escape(cell) for cell in (f"{c.number:,}", _seconds(c.time), c.session[:12])),
            _parts(", ".join(part for part in (c.destination, c.model, c.purpose) if part)),
            f"{c.bytes_out:,}{received}",
            tokens,
            ", ".join(types),
            _parts(outcome or ""),
        )
        looks = {0: " class=plain", 1: " class=plain", 2: " class=plain", 3: " class=name"}
        inside = "".join(f"<td{looks.get(i, '')}>{cell}</td>" for i, cell in enumerate(cells))
        return f'<tr class="{"refused" if c.decision == "blocked" else ""}">{inside}</tr>'


def _parts(name: str) -> str:
    """Return a name as markup that a narrow column breaks between its parts only."""
    return _SEAM.sub(r"\1<wbr>", html.escape(name))


def _code(digits: str) -> str:
    return f"<code>{html.escape(digits)}</code>" if digits else ""


def _seconds(time: str) -> str:
    return time[:19].replace("T", " ")


def _ranked(counted: Mapping[str, int]) -> dict[str, int]:
    ranked = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    head, rest = dict(ranked[:_MOST_BARS]), ranked[_MOST_BARS:]
    if rest:
        head[f"+ {len(rest)}"] = sum(number for _, number in rest)
    return head
