"""The documents quote the figures of the last run of the benchmark, and no others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.figures import passages, put


@pytest.mark.parametrize("document", ["README.md", "docs/scaling.md"])
def test_documents_quote_the_figures_of_the_last_run(document: str) -> None:
    folder = Path(__file__).parents[2]
    text = (folder / document).read_text(encoding="utf-8")
    quoted = passages(json.loads((folder / "benchmarks/SPEED.json").read_text(encoding="utf-8")))
    places = [name for name in quoted if f"<!-- figure {name} -->" in text]
    assert places
    for name in places:
        assert put(text, name, quoted[name]) == text, "run python -m benchmarks.figures --write"
