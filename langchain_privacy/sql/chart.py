"""A picture of a result, drawn on this side.

A private SQL graph draws one when the question asks for it or the result is a series, and puts it
beside the answer (`graph.py`). `draw_chart(result["rows"], kind="line")` draws one when you ask.
"""

import base64
import io
import re
from collections.abc import Mapping, Sequence
from datetime import date
from importlib.util import find_spec
from typing import Any, Literal

from langchain_privacy.errors import ConfigurationError
from langchain_privacy.masking.cells import Result

_MOST_BARS = 50
_FEWEST_POINTS = 3
_LEVEL_NAMES = 4
_HANGUL_FONTS = re.compile(
    r"CJK|Nanum|Malgun|AppleGothic|Apple SD Gothic|UnDotum|Baekmuk|Pretendard"
)
_ASKED = re.compile(
    r"차트|그래프|도표|시각화|그림으로|그려|\b(?:charts?|graphs?|plot|visuali[sz]e|diagram)\b",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"(?:19|20)\d\d(?:[-./년 ]{0,2}\d{1,2}(?:[-./월 ]{0,2}\d{1,2})?)?[년월일]?(?:[ T]\d\d:\d\d.*)?"
    r"|(?:19|20)\d\d[-. ]?Q?[1-4](?:분기)?|[1-4]분기|\d{1,2}월"
)


def asks_for_chart(question: str) -> bool:
    """Tell whether a question wants a picture."""
    return _ASKED.search(question) is not None


def can_draw() -> bool:
    """Tell whether matplotlib is installed."""
    try:
        return find_spec("matplotlib") is not None
    except ValueError:  # taken out of the process
        return False


def chart_block(result: Result, computed: Sequence[bool], *, asked: bool) -> dict[str, str] | None:
    """Draw a result as an image block of a message, where it is worth it.

    Args:
        result: Real values, so the block stays on this side.
        computed: For each column whether an aggregate or a window made it.
        asked: The question asks for a picture; else only a series gets one.

    Returns:
        `{"type": "image", "mime_type": "image/png", "base64": …}`, or `None`.
    """
    if len(result.rows) < (1 if asked else _FEWEST_POINTS):
        return None
    rows = [dict(zip(result.labels, row, strict=True)) for row in result.rows]
    axis = next((at for at, made in enumerate(computed) if not made), None)
    x = None if axis is None else result.labels[axis]
    series = x is not None and _is_series([row[x] for row in rows])
    if not (asked or series) or not can_draw():
        return None
    if not any(_is_numeric(rows, name) for name in rows[0] if name != x):
        return None  # nothing to draw besides the axis
    picture = draw_chart(rows, kind="line" if series else "bar", x=x)
    text = base64.b64encode(picture).decode()
    return {"type": "image", "mime_type": "image/png", "base64": text}


def _is_series(values: Sequence[Any]) -> bool:
    """Tell whether values go through time: dates, months, years."""
    there = [value for value in values if value is not None]
    return len(set(map(str, there))) == len(values) >= _FEWEST_POINTS and all(
        isinstance(value, date) or _TIME.fullmatch(str(value)) for value in there
    )


def draw_chart(
    rows: Sequence[Mapping[str, Any]],
    *,
    kind: Literal["bar", "line"] = "bar",
    title: str = "",
    x: str | None = None,
) -> bytes:
    """Draw the rows of an answer: one column along the axis, the numeric ones against it.

    Args:
        rows: `result["rows"]` of a private SQL graph: real values, so keep the picture here.
        kind: `"bar"` or `"line"`.
        title: A heading.
        x: The column along the axis; without it the first that is no number.

    Returns:
        A PNG.

    Raises:
        ConfigurationError: matplotlib is missing, or there is no number to draw.
    """
    try:
        import matplotlib as mpl
    except ImportError:
        msg = 'Charts need matplotlib: pip install "langchain-privacy[chart]".'
        raise ConfigurationError(msg) from None

    shown = list(rows)[:_MOST_BARS]
    numeric = [n for n in (shown[0] if shown else ()) if n != x and _is_numeric(shown, n)]
    if not numeric:
        msg = "The result has no numeric column to draw."
        raise ConfigurationError(msg)
    words = [name for name in shown[0] if name not in numeric]
    axis = x or (words[0] if words else None)
    names = [str(row[axis]) if axis else str(i) for i, row in enumerate(shown, 1)]
    with mpl.rc_context({"font.family": ["DejaVu Sans", *_hangul_fonts()]}):
        return _draw(shown, numeric, names, kind, title)


def _hangul_fonts() -> list[str]:
    """Name the installed fonts that have Hangul; a font cache may be older than they are."""
    from matplotlib import font_manager

    manager = font_manager.fontManager
    found = {f.name for f in manager.ttflist if _HANGUL_FONTS.search(f.name)}
    if not found:
        for path in font_manager.findSystemFonts():
            if _HANGUL_FONTS.search(path):
                manager.addfont(path)
        found = {f.name for f in manager.ttflist if _HANGUL_FONTS.search(f.name)}
    # Sans before Serif, Korean forms before others.
    return sorted(found, key=lambda name: ("Serif" in name, "KR" not in name, name))


def _draw(
    shown: Sequence[Mapping[str, Any]],
    numeric: Sequence[str],
    names: Sequence[str],
    kind: str,
    title: str,
) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import StrMethodFormatter

    figure = Figure(figsize=(max(6.0, 0.35 * len(shown)), 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    drawn = numeric[:3]
    width = 0.8 / len(drawn)
    for at, column in enumerate(drawn):
        values = [float("nan") if row[column] is None else float(row[column]) for row in shown]
        places = [float(place) for place in range(len(shown))]
        if kind == "line":
            axes.plot(places, values, marker="o", label=column)
        else:
            moved = [place + (at - (len(drawn) - 1) / 2) * width for place in places]
            axes.bar(moved, values, width=width, label=column)
    many = len(shown) > _LEVEL_NAMES
    axes.set_xticks(
        range(len(shown)), names, rotation=45 if many else 0, ha="right" if many else "center"
    )
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.10g}"))
    axes.grid(axis="y", alpha=0.3)
    axes.legend()
    if title:
        axes.set_title(title)
    out = io.BytesIO()
    figure.savefig(out, format="png")
    return out.getvalue()


def _is_numeric(rows: Sequence[Mapping[str, Any]], name: str) -> bool:
    values = [row[name] for row in rows if row[name] is not None]
    return (
        bool(values)
        and all(isinstance(v, (int, float)) or hasattr(v, "as_tuple") for v in values)
        and not any(isinstance(v, bool) for v in values)
    )
