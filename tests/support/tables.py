"""Made-up tables and timelines of any size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from instag.labels import LABELS
from instag.results import Silence, WindowScores
from instag.table import open_table
from instag.table.rows import Row, Status
from instag.table.timeline import Timeline, WindowRow


def analysed(path: str, label: str, confidence: float, **more: Any) -> Row:
    """A row of a file of thirty seconds in which one label dominates."""
    rest = (1 - confidence) / (len(LABELS) - 1)
    scores = tuple(round(confidence if name == label else rest, 4) for name in LABELS)
    values: dict[str, Any] = {
        "needs_review": confidence < 0.5,
        "instruments": (label,),
        "duration_seconds": 30.0,
        "windows": 10,
        "silent_windows": 0,
        "model_id": "instag",
        "model_version": "2.0.0",
        "scores": scores,
        "shares": scores,
        "presences": scores,
    }
    return Row(path, Status.ANALYSED, label, confidence, **(values | more))


def failed(path: str, code: str = "corrupt-audio") -> Row:
    """A row of a file that could not be analysed."""
    return Row(path, Status.FAILED, error_code=code, error=f"{path}: nothing could be decoded. Get a new copy.")


def windows_of(labels: list[str]) -> WindowScores:
    """Windows of three seconds, each with its label."""
    scores = np.full((len(labels), len(LABELS)), 0.02, np.float32)
    scores[np.arange(len(labels)), [LABELS.index(label) for label in labels]] = 0.78
    starts = 3.0 * np.arange(len(labels))
    return WindowScores(starts, starts + 3, np.full(len(labels), -20.0), scores, scores)


def write_job(folder: Path, rows: list[Row], heard: dict[str, list[str]]) -> tuple[Path, Path]:
    """Writes a table and its timeline; `heard` gives the labels of each path's windows."""
    table, timeline = open_table(folder / "t.jsonl"), Timeline(folder / "w.jsonl")
    for row in rows:
        table.append(row)
        if labels := heard.get(row.path):
            timeline.append(row.path, windows_of(labels), [Silence.NONE] * len(labels))
    table.finish()
    timeline.finish()
    return folder / "t.jsonl", folder / "w.jsonl"


class BusyTimeline:
    """Stands in for the timeline of a large job, which would take a minute to write: sixty windows for each path."""

    def __init__(self) -> None:
        """Draws a hundred recordings, which the paths share."""
        random = np.random.default_rng(0)
        self._recordings = [
            tuple(_window(at, int(label)) for at, label in enumerate(random.integers(0, 12, 60))) for _ in range(100)
        ]

    def windows(self, path: str) -> tuple[WindowRow, ...]:
        """The windows of a path."""
        return self._recordings[hash(path) % 100]


def _window(at: int, label: int) -> WindowRow:
    scores = tuple(0.78 if number == label else 0.02 for number in range(len(LABELS)))
    return WindowRow(3.0 * at, 3.0 * at + 3, -20.0, Silence.NONE, LABELS[label], 0.78, scores, scores)


def large_table(folder: Path, count: int) -> Path:
    """Writes a table of `count` files in many folders."""
    random = np.random.default_rng(0)
    table = open_table(folder / "t.csv")
    for number in range(count):
        path = f"archive/series {number % 9}/box {number % 211:03}/recording {number:06} of a collection.flac"
        table.append(analysed(path, LABELS[number % 12], 0.2 + 0.8 * float(random.random()), audio_digest=f"d{number}"))
    table.finish()
    return folder / "t.csv"
