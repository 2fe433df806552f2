"""What the whole of `instag tag` shall reach, and what it costs before and around its files.

Each measurement has a name and one number a turn; `TARGETS` says which number is wanted.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import soundfile

from benchmarks.planning import make_tree, write_finished
from benchmarks.speed import RATE, band

_PLANNING = ("-m", "benchmarks.planning", "--measure")
# One number a turn, by the name of what was measured.
Figures = dict[str, list[float]]


@dataclass(frozen=True)
class Cost:
    """One run of a program.

    Attributes:
        seconds: Wall time, start included.
        tree_mb: Largest resident memory of the process tree; pages that processes share count once for each.
        largest_mb: Largest resident memory of any one of its processes.
        cpu_seconds: Processor time of all its processes; hardly depends on what else the machine does.
    """

    seconds: float
    tree_mb: float
    largest_mb: float
    cpu_seconds: float


# Runs Python with words.
Timed = Callable[[list[str]], Cost]


@dataclass(frozen=True)
class Target:
    """A number that is wanted.

    Attributes:
        name: Of the measurement.
        limit: The number.
        unit: Of both.
        is_least: Whether more is better.
    """

    name: str
    limit: float
    unit: str = ""
    is_least: bool = False

    def line(self, values: list[float], obstacle: str) -> str:
        """A row of the table: target, measured, spread, met or not."""
        middle = statistics.median(values)
        is_met = middle >= self.limit if self.is_least else middle <= self.limit
        wanted = f"{'≥' if self.is_least else '≤'} {self.limit:g}{self.unit}"
        spread = f"{min(values):.2f} to {max(values):.2f}" if len(values) > 1 else "one run"
        verdict = "yes" if is_met else f"**no**{': ' if obstacle else ''}{obstacle}"
        return f"| {self.name} | {wanted} | {middle:.2f}{self.unit} | {spread} | {verdict} |"


TARGETS = (
    Target("MP3: job ÷ floor", 1.6),
    Target("FLAC: job ÷ floor", 1.6),
    Target("WAV: job ÷ floor", 2.4),
    Target("5 s: job ÷ floor", 1.8),
    Target("MP3: `small` ÷ its floor", 1.3),
    Target("MP3: job ÷ floor, processor time", 1.6),
    Target("FLAC: job ÷ floor, processor time", 1.6),
    Target("WAV: job ÷ floor, processor time", 2.4),
    Target("5 s: job ÷ floor, processor time", 1.8),
    Target("MP3: YAMNet loop ÷ job", 2.0, is_least=True),
    Target("MP3: speed of 2 jobs ÷ 1 job", 1.85, is_least=True),
    Target("largest process of a job", 300, " MB"),
    Target("memory at the long file ÷ at 10 minutes", 1.1),
    Target("`instag --help` beyond a bare Python start", 0.15, " s"),
    Target("`instag tag` on one file of 3 s", 1.0, " s"),
    Target("resume over finished rows", 3.0, " s"),
    Target("walk and plan", 60.0, " s"),
    Target("walk and plan, memory", 500, " MB"),
)


def target_lines(figures: Figures, obstacles: dict[str, str]) -> list[str]:
    """The targets as Markdown, those that were measured."""
    lines = [
        "| what | target | measured (median) | spread | met; if not, what stands in the way |",
        "|---|---|---|---|---|",
    ]
    measured = [target for target in TARGETS if figures.get(target.name)]
    return lines + [target.line(figures[target.name], obstacles.get(target.name, "")) for target in measured]


def starts(folder: Path, runs: int) -> Figures:
    """`instag --help` beyond a bare Python start, in turns, and one file of three seconds, start included."""
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
    return {"`instag --help` beyond a bare Python start": extra, "`instag tag` on one file of 3 s": whole}


def planning(folder: Path, finished: int, paths: int) -> Figures:
    """A resume over finished rows, and walking and planning paths: processor seconds, and megabytes.

    Raises:
        SystemExit: The planner did not find what is there.
    """
    figures: Figures = {}
    for name, count, is_resume in (("resume over finished rows", finished, True), ("walk and plan", paths, False)):
        tree, table = folder / f"tree-{count}", folder / f"tree-{count}.csv"
        make_tree(tree, count)
        if is_resume:
            write_finished(tree, table)
        command = [sys.executable, *_PLANNING, str(tree), str(table)]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found = re.fullmatch(r"(\d+) to do, (\d+) done before: ([\d.]+) s, peak (\d+) MB\s*", said)
        if found is None or int(found[2 if is_resume else 1]) != count:
            raise SystemExit(f"{name}: of {count} files the planner said {said!r}")
        figures |= {name: [float(found[3])], f"{name}, memory": [float(found[4])], f"{name}, files": [count]}
    return figures


def lengths(folder: Path, hours: float, timed: Timed) -> Figures:
    """One FLAC file of ten minutes and one of many hours: × real time, and the largest process's memory."""
    minute, figures = band(60, 2)[:, 0], Figures()
    for title, minutes in (("10 minutes", 10), ("long file", round(hours * 60))):
        path = folder / f"long-{minutes}.flac"
        with soundfile.SoundFile(path, "w", RATE, 1, format="FLAC", compression_level=0.0) as file:
            for _ in range(minutes):
                file.write(minute)
        words = ["-m", "instag", "tag", str(path), "--device", "cpu", "-q", "-o", str(folder / f"long-{minutes}.csv")]
        cost = timed(words)
        path.unlink()
        figures |= {f"{title}, × real time": [minutes * 60 / cost.seconds], f"{title}, MB": [cost.largest_mb]}
        figures[f"{title}, hours"] = [minutes / 60]
    figures["memory at the long file ÷ at 10 minutes"] = [figures["long file, MB"][0] / figures["10 minutes, MB"][0]]
    return figures
