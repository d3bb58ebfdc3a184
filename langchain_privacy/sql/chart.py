"""A picture of a result, drawn on this side.

You call it with what a private SQL graph returned: `draw_chart(result["rows"], kind="line")`.
"""

import io
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from langchain_privacy.errors import ConfigurationError

_MOST_BARS = 50
_HANGUL_FONTS = ("Noto Sans CJK KR", "NanumGothic", "Malgun Gothic", "AppleGothic", "UnDotum")


def draw_chart(
    rows: Sequence[Mapping[str, Any]],
    *,
    kind: Literal["bar", "line"] = "bar",
    title: str = "",
) -> bytes:
    """Draw the rows of an answer: the first text or date column against the numeric ones.

    Args:
        rows: `result["rows"]` of a private SQL graph: real values, so keep the picture here.
        kind: `"bar"` or `"line"`.
        title: A heading.

    Returns:
        A PNG.

    Raises:
        ConfigurationError: matplotlib is missing, or there is no number to draw.
    """
    try:
        import matplotlib as mpl
        from matplotlib import font_manager
    except ImportError:
        msg = 'Charts need matplotlib: pip install "langchain-privacy[chart]".'
        raise ConfigurationError(msg) from None

    shown = list(rows)[:_MOST_BARS]
    numeric = [name for name in (shown[0] if shown else ()) if _is_numeric(shown, name)]
    if not numeric:
        msg = "The result has no numeric column to draw."
        raise ConfigurationError(msg)
    words = [name for name in shown[0] if name not in numeric]
    names = [str(row[words[0]]) if words else str(i) for i, row in enumerate(shown, 1)]
    fonts = [name for name in _HANGUL_FONTS if name in font_manager.get_font_names()]
    with mpl.rc_context({"font.family": ["DejaVu Sans", *fonts]}):
        return _draw(shown, numeric, names, kind, title)


def _draw(
    shown: Sequence[Mapping[str, Any]],
    numeric: Sequence[str],
    names: Sequence[str],
    kind: str,
    title: str,
) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(max(6.0, 0.35 * len(shown)), 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    at = range(len(shown))
    for column in numeric[:3]:
        values = [float(row[column]) if row[column] is not None else 0.0 for row in shown]
        if kind == "line":
            axes.plot(at, values, marker="o", label=column)
        else:
            axes.bar(at, values, label=column, alpha=0.8)
    axes.set_xticks(list(at), names, rotation=45, ha="right")
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
