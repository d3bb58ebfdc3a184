"""The page of figures is what its figures say, and its plots can be read on any page."""

import json
import re
from xml.etree import ElementTree as ET

import pytest

from benchmarks.measured import page, plots
from benchmarks.measured.korean import in_korean
from benchmarks.measured.tables import Plot
from benchmarks.run import PARTS
from tests.support.paths import REPOSITORY

DOCS = REPOSITORY / "docs"


def test_the_page_is_made_of_the_kept_figures(tmp_path) -> None:
    (tmp_path / "ko").mkdir()
    kept = json.loads((DOCS / "measured" / "figures.json").read_text("utf-8"))
    page.write(kept, tmp_path, list(PARTS))
    written = {p.relative_to(tmp_path) for p in tmp_path.rglob("*.*")}
    assert {"measured.md", "ko/measured.md"} < {str(name) for name in written}
    for name in written:
        assert (tmp_path / name).read_text("utf-8") == (DOCS / name).read_text("utf-8"), name
    plotted = {p.relative_to(DOCS) for p in (DOCS / "measured").glob("*.svg")}
    assert plotted <= written


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("kind", ["lines", "bars"])
def test_a_plot_names_everything_in_text(kind: str, log: bool) -> None:
    lines = {"ours": [(0.0, 3.0), (9.0, 4.0)], "peer <1 & 2>": [(0.0, 2.0), (9.0, 0.0)]}
    drawn = plots.svg(Plot(kind, "a < b", "turn", "ms", lines, log=log))
    root = ET.fromstring(drawn)
    texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"a < b", "ms", *lines} <= set(texts)
    assert "prefers-color-scheme: dark" in drawn
    assert "nan" not in drawn


def test_the_korean_page_says_each_ratio_in_korean() -> None:
    kept = json.loads((DOCS / "measured" / "figures.json").read_text("utf-8"))
    ratios = [table["ratio"] for part in kept.values() for table in part["tables"]]
    assert ratios
    for ratio in ratios:
        spoken = in_korean(ratio)
        assert spoken != ratio, ratio
        assert re.findall(r"\d+\.\d+", spoken) == re.findall(r"\d+\.\d+", ratio)
