"""The benchmark of a CUDA card, with the CPU in the card's place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import cuda
from instag.labels import LABELS
from instag.model.session import Device, Model, open_model
from instag.table.rows import Row, Status


def test_a_run_without_a_card_gives_the_whole_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda, "_BATCHES", (2,))
    page = tmp_path / "cuda.md"
    cuda.main(["--no-card", "--files", "2", "--seconds", "4", "--jobs", "2", "--turns", "1", "-o", str(page)])
    text = page.read_text(encoding="utf-8")
    assert (
        "- the network, cpu, one process: CPUExecutionProvider " in text
        and "CUDA" not in text.partition("- the network")[2]
    )
    assert "64 windows: largest difference of a score from the CPU's 0, 0 with another label" in text
    assert "Largest difference of a number in the two tables: 0.0000; files with another label: 0." in text
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith(("| cpu |", "| cpu, one"))]
    assert [len(line) for line in lines] == [2, 2, 5, 5]
    assert all(float(line[1]) > 0 and float(line[-1]) > 0 for line in lines)


def test_without_a_card_the_other_side_is_the_way_of_the_card(monkeypatch: pytest.MonkeyPatch) -> None:
    from instag.run import pool

    called = []
    monkeypatch.setattr("instag.cli.main", lambda: called.append(pool._ONE_SESSION_ON))
    monkeypatch.setattr(pool, "_ONE_SESSION_ON", frozenset({Device.CUDA}))
    words = cuda.words_for(cuda._STAND_IN, "instag", 1)
    exec(words[2], {})
    assert called == [frozenset({Device.CPU})]
    assert cuda.words_for("cuda", "instag", 1)[-4:-3] == ["cuda"]


def test_differences_are_found(tiny_model: Path) -> None:
    row = Row(
        path="a",
        status=Status.ANALYSED,
        dominant="cello",
        scores=(0.5,) * len(LABELS),
        presences=(0.5,) * len(LABELS),
        shares=(0.5,) * len(LABELS),
    )
    other = replace(row, dominant="flute", presences=(0.75, *row.presences[1:]))
    assert cuda.row_differences({"a": row}, {"a": other}) == (0.25, 1)
    with pytest.raises(SystemExit, match="same files"):
        cuda.row_differences({"a": row}, {"b": row})
    model = open_model(tiny_model, Device.CPU)

    class Other:
        def run(self, names: list[str], feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
            scores, presences = model.session.run(names, feeds)
            return [np.roll(scores, 1, axis=1), presences]

    audio = np.random.default_rng(1).normal(0, 0.1, (3, model.card.window_samples)).astype(np.float32)
    difference, labels = cuda.largest_difference(model, Model(model.card, Device.CPU, Other()), audio)
    assert difference > 0 and labels == 3
