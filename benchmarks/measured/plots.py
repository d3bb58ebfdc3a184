"""Lines and bars as SVG: some text and shapes, legible on a light and on a dark page.

The colours are those of the pictures in `docs/pictures`. A file has its own page colour behind it,
for a site may be dark where the reader's machine is light.
"""

import math
from collections.abc import Iterator
from xml.sax.saxutils import escape

from benchmarks.measured.tables import Plot

WIDTH, LEFT, RIGHT, TOP = 720, 150, 150, 56
HEIGHT = 300
FONT = (
    'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Apple SD Gothic Neo", '
    '"Malgun Gothic", "Noto Sans CJK KR", sans-serif'
)
LIGHT = ("#0f766e", "#b35900", "#5b5fc7", "#b3261e", "#57606a", "#7a5c00", "#1f6feb")
DARK = ("#4fd1c5", "#f0a04b", "#a5a8ff", "#ff8a80", "#a9b4c0", "#e3c45c", "#79b8ff")
DASHES = ("", "7 4", "2 3", "10 3 2 3", "4 2", "3 5", "12 4")


def svg(plot: Plot) -> str:
    """Return the picture of a plot."""
    drawn = _bars(plot) if plot.kind == "bars" else _lines(plot)
    body, height = "\n".join(drawn[0]), drawn[1]
    dark = "".join(f".s{i} {{ stroke: {c}; }} .f{i} {{ fill: {c}; }} " for i, c in enumerate(DARK))
    light = "".join(
        f".s{i} {{ stroke: {c}; }} .f{i} {{ fill: {c}; }} " for i, c in enumerate(LIGHT)
    )
    told = "; ".join(f"{name}: {_number(points[-1][1])}" for name, points in plot.series.items())
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" \
aria-labelledby="title desc">
<title id="title">{escape(plot.title)}</title>
<desc id="desc">{escape(f"{plot.y} by {plot.x or 'contestant'}. At the end, {told}.")}</desc>
<style>
text {{ font: 12px {FONT}; fill: #1f2328; }} .head {{ font-size: 14px; font-weight: 600; }}
.soft {{ fill: #57606a; }} .page {{ fill: #ffffff; stroke: #d0d7de; }} .grid {{ stroke: #d0d7de; }}
.line {{ fill: none; stroke-width: 2; }} {light}
.told {{ paint-order: stroke; stroke: #ffffff; stroke-width: 5px; }}
@media (prefers-color-scheme: dark) {{
text {{ fill: #e6edf3; }} .soft {{ fill: #a9b4c0; }} .page {{ fill: #16191d; stroke: #444c56; }}
.grid {{ stroke: #444c56; }} .told {{ stroke: #16191d; }} {dark}}}
</style>
<rect class="page" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>
<text class="head" x="20" y="28">{escape(plot.title)}</text>
{body}
</svg>
"""


def _number(value: float) -> str:
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _ticks(low: float, high: float, *, log: bool) -> list[float]:
    """Return round numbers from at most `low` to at least `high`."""
    if log:
        first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
        return [10.0**power for power in range(first, max(last, first + 1) + 1)]
    rough = (high - low) / 4 or 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= rough)
    return [low + step * n for n in range(math.ceil((high - low) / step - 1e-9) + 1)]


def _place(value: float, ticks: list[float], start: float, end: float, *, log: bool) -> float:
    low, high = ticks[0], ticks[-1]
    if log:
        low, high, value = math.log10(low), math.log10(high), math.log10(max(value, low))
    return start + (end - start) * (value - low) / (high - low)


def _lines(plot: Plot) -> tuple[list[str], int]:
    points = [point for line in plot.series.values() for point in line]
    ys = [y for _, y in points if y > 0 or not plot.log]
    xticks = _ticks(0, max(x for x, _ in points), log=False)
    yticks = _ticks(min(ys) if plot.log else 0, max(ys), log=plot.log)
    left, right, bottom = 70, WIDTH - RIGHT - 20, HEIGHT - 46

    def at(x: float, y: float) -> tuple[float, float]:
        across = _place(x, xticks, left, right, log=False)
        return across, _place(y, yticks, bottom, TOP, log=plot.log)

    out = [f'<text class="soft" x="20" y="46">{escape(plot.y)}</text>']
    for tick in yticks:
        y = at(0, tick)[1]
        out.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        label = f'<text class="soft" x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">'
        out.append(f"{label}{_number(tick)}</text>")
    for tick in xticks:
        label = f'<text class="soft" x="{at(tick, yticks[0])[0]:.1f}" y="{bottom + 18}"'
        out.append(f'{label} text-anchor="middle">{_number(tick)}</text>')
    out.append(
        f'<text class="soft" x="{(left + right) / 2:.0f}" y="{HEIGHT - 10}" text-anchor="middle">'
        f"{escape(plot.x)}</text>"
    )
    ends = _apart({name: at(*line[-1])[1] for name, line in plot.series.items()}, TOP, bottom)
    first = sorted(plot.series, key=lambda name: not name.startswith("ours"))
    for name, line in plot.series.items():
        index = first.index(name)  # ours have the colours of ours in the bars
        path = " ".join("{:.1f},{:.1f}".format(*at(*point)) for point in line)
        dash = DASHES[index % len(DASHES)]
        style = f' stroke-dasharray="{dash}"' if dash else ""
        out.append(f'<polyline class="line s{index % len(LIGHT)}"{style} points="{path}"/>')
        said = f'<text class="f{index % len(LIGHT)}" x="{right + 8}" y="{ends[name] + 4:.1f}"'
        out.append(f"{said}>{escape(name)}</text>")
    return out, HEIGHT


def _apart(places: dict[str, float], top: float, bottom: float) -> dict[str, float]:
    """Move labels so that none stands on another."""
    gap, placed = 15.0, {}
    last = top - gap
    for name, y in sorted(places.items(), key=lambda item: item[1]):
        last = placed[name] = max(y, last + gap)
    over = last - bottom
    return {name: y - max(0.0, over) for name, y in placed.items()}


def _bars(plot: Plot) -> tuple[list[str], int]:
    figures = {name: points[0][1] for name, points in plot.series.items()}
    positive = [figure for figure in figures.values() if figure > 0] or [1.0]
    ticks = _ticks(min(positive) if plot.log else 0, max(positive), log=plot.log)
    left, right, step = LEFT + 50, WIDTH - 90, 30
    height = TOP + step * len(figures) + 46
    out = list(_bar_grid(ticks, left, right, height - 46, log=plot.log))
    for index, (name, figure) in enumerate(figures.items()):
        y = TOP + step * index
        end = _place(figure, ticks, left, right, log=plot.log) if figure > 0 else left
        out += [
            f'<text x="{left - 10}" y="{y + 19}" text-anchor="end">{escape(name)}</text>',
            f'<rect class="{"f0" if name.startswith("ours") else "f4"}" x="{left}" y="{y + 5}"'
            f' width="{max(1.0, end - left):.1f}" height="20" rx="3"/>',
            f'<text class="told" x="{max(left + 1, end) + 6:.1f}" y="{y + 19}">'
            f"{_number(figure)}</text>",
        ]
    out.append(
        f'<text class="soft" x="{(left + right) / 2:.0f}" y="{height - 10}" text-anchor="middle">'
        f"{escape(plot.y)}</text>"
    )
    return out, height


def _bar_grid(
    ticks: list[float], left: float, right: float, bottom: float, *, log: bool
) -> Iterator[str]:
    for tick in ticks:
        x = _place(tick, ticks, left, right, log=log)
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}"/>'
        label = f'<text class="soft" x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">'
        yield f"{label}{_number(tick)}</text>"
