"""The page of figures is what its figures say, and its plots can be read on any page."""

import argparse
import json
import re
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks import run as bench
from benchmarks.measured import page, plots, record
from benchmarks.measured.korean import in_korean
from benchmarks.measured.tables import Plot, Table
from benchmarks.run import PARTS
from tests.support.paths import REPOSITORY

DOCS = REPOSITORY / "docs"


def test_the_page_is_made_of_the_kept_figures(tmp_path: Path) -> None:
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


def test_a_part_that_was_measured_by_itself_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its script writes all that the page needs, also of what a longer run found elsewhere."""
    table = Table("soak", "A soak", ["process"], [["service"]], "7 turns in 1 minutes.", "days")
    monkeypatch.setattr(sys, "argv", ["soak.py", "--json", str(tmp_path / "soak.json")])
    record.run(lambda _: [table], argparse.ArgumentParser())
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    monkeypatch.setattr(bench, "KEPT", tmp_path / "docs" / "measured" / "figures.json")
    (tmp_path / "docs" / "ko").mkdir(parents=True)
    monkeypatch.setattr(sys, "argv", ["run.py", "soak", "--take", str(tmp_path / "soak.json")])
    assert bench.main() == 0
    written = (tmp_path / "docs" / "measured.md").read_text("utf-8")
    assert "**7 turns in 1 minutes.**" in written
    assert "`python soak.py --json" in written
