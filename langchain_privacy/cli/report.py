"""The report of a ledger: one HTML page with charts, that loads nothing from anywhere.

`langchain-privacy ledger report` writes it; the page around the charts is `report.html`.
"""

import html
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from importlib import resources

from rich.cells import cell_len, set_cell_size

from langchain_privacy.egress.ledger import Crossing, PriceTable

_WIDTH, _BAR, _LABEL = 560, 24, 200
_NAME = 23
"""Letters of a label; those of double width count twice."""
_DAYS = 31
_NUMBERS = (0, 6, 7, 8)
"""Columns of the table that hold numbers."""


def write_report(crossings: Sequence[Crossing], prices: PriceTable, verdict: str) -> str:
    """Return the page.

    Args:
        crossings: What the ledger holds.
        prices: For the cost by model.
        verdict: What verification said; `sound...` or not.
    """
    allowed = [c for c in crossings if c.decision == "allowed"]
    blocked = [c for c in crossings if c.decision == "blocked"]
    span = "day" if len({c.time[:10] for c in allowed}) <= _DAYS else "month"
    days: defaultdict[str, int] = defaultdict(int)
    models: defaultdict[str, int] = defaultdict(int)
    hosts: Counter[str] = Counter()
    types: Counter[str] = Counter()
    for c in allowed:
        days[c.time[: 10 if span == "day" else 7]] += c.bytes_out
        models[c.model or c.purpose] += c.bytes_out
        hosts[c.destination] += 1
        types.update(c.entity_types)
    charts = [
        _chart(f"Bytes that crossed, by {span}", dict(sorted(days.items())), "bytes"),
        _chart("Bytes that crossed, by model", _ranked(models), "bytes"),
        _chart("Crossings, by destination", _ranked(hosts), ""),
        _chart("Placeholders that crossed in place of a value, by type", _ranked(types), ""),
        _chart("Refused, by rule", _ranked(Counter(c.rule or "" for c in blocked)), "", "bad"),
    ]
    first = crossings[0].time[:10] if crossings else "-"
    last = crossings[-1].time[:10] if crossings else "-"
    tiles = {
        "crossed": f"{len(allowed):,}",
        "refused": f"{len(blocked):,}",
        "bytes out": f"{sum(c.bytes_out for c in allowed):,}",
        "bytes in": f"{sum(c.bytes_in or 0 for c in allowed):,}",
        "tokens out": f"{sum(c.tokens_out or 0 for c in allowed):,}",
        "tokens in": f"{sum(c.tokens_in or 0 for c in allowed):,}",
        f"cost, {prices.currency}, prices of {prices.as_of}": f"{prices.total(allowed):.4f}",
    }
    page = resources.files("langchain_privacy.cli").joinpath("report.html").read_text("utf-8")
    filled = {
        "period": f"{first} to {last}",
        "verdict": html.escape(verdict),
        "state": "good" if verdict.startswith("sound") else "bad",
        "tiles": "".join(
            f"<div><b>{html.escape(value)}</b><span>{html.escape(name)}</span></div>"
            for name, value in tiles.items()
        ),
        "charts": "".join(charts),
        "rows": "".join(_row(c) for c in crossings[-200:][::-1]),
        "shown": f"{min(len(crossings), 200)} of {len(crossings):,}",
    }
    for name, value in filled.items():
        page = page.replace(f"<!--{name}-->", value)
    return page


def _ranked(counted: Mapping[str, int], most: int = 12) -> dict[str, int]:
    ranked = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    head, rest = dict(ranked[:most]), ranked[most:]
    if rest:
        head[f"{len(rest)} more"] = sum(number for _, number in rest)
    return head


def _chart(title: str, bars: Mapping[str, int], unit: str, kind: str = "good") -> str:
    """Draw horizontal bars as SVG."""
    if not bars:
        return f"<section><h2>{html.escape(title)}</h2><p>none</p></section>"
    highest = max(bars.values()) or 1
    room = _WIDTH - _LABEL - 100
    drawn = []
    for i, (label, number) in enumerate(bars.items()):
        y = i * _BAR
        width = max(2, round(room * number / highest))
        label = label or "(no name)"
        short = label if cell_len(label) <= _NAME else f"{set_cell_size(label, _NAME - 1).strip()}…"
        drawn.append(
            f"<g><title>{html.escape(label)}: {number:,} {unit}</title>"
            f'<text x="{_LABEL - 8}" y="{y + 17}" text-anchor="end">{html.escape(short)}</text>'
            f'<rect class="{kind}" x="{_LABEL}" y="{y + 3}" width="{width}" height="{_BAR - 6}" '
            f'rx="2"/><text x="{_LABEL + width + 6}" y="{y + 17}">{number:,}</text></g>'
        )
    height = len(bars) * _BAR + 4
    return (
        f"<section><h2>{html.escape(title)}</h2>"
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{html.escape(title)}">'
        f"{''.join(drawn)}</svg></section>"
    )


def _row(c: Crossing) -> str:
    tokens = "" if c.tokens_out is None else f"{c.tokens_out:,} + {c.tokens_in or 0:,}"
    decision = c.rule if c.decision == "blocked" else (c.outcome or "no answer yet")
    types = ", ".join(f"{name} {count}" for name, count in c.entity_types.items())
    received = "" if c.bytes_in is None else f"{c.bytes_in:,}"
    cells = (
        c.number,
        c.time[:19].replace("T", " "),
        c.session[:12],
        c.destination,
        c.model,
        c.purpose,
        f"{c.bytes_out:,}",
        received,
        tokens,
        types,
        decision,
    )
    inside = "".join(
        f"<td{' class=number' if i in _NUMBERS else ''}>{html.escape(str(cell))}</td>"
        for i, cell in enumerate(cells)
    )
    return f'<tr class="{"bad" if c.decision == "blocked" else ""}">{inside}</tr>'
