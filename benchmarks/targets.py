"""What a job costs before and around its files: starts, a resume, a walk over a million paths, one very long file."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import soundfile

from benchmarks.planning import make_tree, write_finished
from benchmarks.speed import RATE, band

_PLANNING = ("-m", "benchmarks.planning", "--measure")
# Runs Python with words: wall seconds, and the peak of the process tree in MB.
Timed = Callable[[list[str]], tuple[float, float]]


def start_lines(folder: Path, runs: int) -> list[str]:
    """Rows for `instag --help` beyond a bare Python start, in turns, and for one file of three seconds."""
    extra, whole = [], []
    clip = folder / "three.wav"
    soundfile.write(clip, band(4, 3)[: 3 * RATE], RATE)
    for turn in range(runs + 1):
        took = []
        for words in (["-c", "pass"], ["-m", "instag", "--help"], ["-m", "instag", "tag", str(clip), "-q"]):
            started = time.perf_counter()
            subprocess.run([sys.executable, *words], stdout=subprocess.DEVNULL, check=True)
            took.append(time.perf_counter() - started)
        if turn:  # the first turn warms the disk's cache
            extra.append(took[1] - took[0])
            whole.append(took[2])
    return [
        _row("`instag --help` beyond a bare Python start", f"{_spread(extra)} s", "≤ 0.15 s"),
        _row("`instag tag` on one file of 3 s, start included", f"{_spread(whole)} s", "≤ 1.0 s"),
    ]


def planning_lines(folder: Path, finished: int, paths: int) -> list[str]:
    """Rows for a resume over finished rows, and for walking and planning paths."""
    rows = []
    for title, count, is_resume, target in (
        (f"resume over {finished:,} finished rows", finished, True, "≤ 3 s"),
        (f"walk and plan {paths:,} paths", paths, False, "≤ 60 s, ≤ 500 MB"),
    ):
        tree, table = folder / f"tree-{count}", folder / f"tree-{count}.csv"
        make_tree(tree, count)
        if is_resume:
            write_finished(tree, table)
        command = [sys.executable, *_PLANNING, str(tree), str(table)]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        counted, _, cost = said.strip().partition(": ")
        rows.append(_row(f"{title}: {counted}", f"{cost} (processor time)", target))
    return rows


def length_lines(folder: Path, hours: float, timed: Timed) -> list[str]:
    """Rows for one FLAC file of ten minutes and one of many hours: speed, and memory of the process tree."""
    minute, rows = band(60, 2)[:, 0], []
    for title, minutes in (("10 minutes", 10), (f"{hours:g} hours", round(hours * 60))):
        path = folder / f"long-{minutes}.flac"
        with soundfile.SoundFile(path, "w", RATE, 1, format="FLAC", compression_level=0.0) as file:
            for _ in range(minutes):
                file.write(minute)
        words = ["-m", "instag", "tag", str(path), "--device", "cpu", "-q", "-o", str(folder / f"long-{minutes}.csv")]
        seconds, peak = timed(words)
        path.unlink()
        told = f"{minutes * 60 / seconds:.0f} × real time, {peak:.0f} MB of the process tree"
        rows.append(_row(f"one FLAC file of {title}", told, "memory flat"))
    return rows


def _row(what: str, measured: str, target: str) -> str:
    return f"| {what} | {measured} | {target} |"


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"
