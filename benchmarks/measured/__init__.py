"""What the benchmarks share: tables, plots, measuring in turns, peers, and the page of it all.

| file | what |
|---|---|
| `tables.py` | what a benchmark returns: tables with a plot; the command line that prints them |
| `turns.py` | CPU time and memory of contestants that take turns |
| `peers.py` | the peers at their fixed versions, in environments of their own |
| `plots.py` | lines and bars as SVG |
| `page.py` | `docs/measured.md` and its Korean page, from all that was measured |
"""
