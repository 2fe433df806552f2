"""What a CUDA card does to `instag tag`: the same folder on the CPU and on the card, labels and scores side by side.

    python -m benchmarks.cuda [--files 256] [--seconds 60] [--jobs N] [--turns 3] [-o cuda.md] [--no-card]

Makes its own recordings, takes the examples along, and needs no network. It first asks onnxruntime's own profile which
provider ran each part of the network, then scores windows in batches on both devices, then runs whole jobs in turns.
With `--no-card`, one process holds the model on the CPU in the card's place: all of the way is the same but the card.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import soundfile

from benchmarks.speed import RATE, band
from instag.model.session import Device, Model, find_model, open_model
from instag.table import open_table
from instag.table.rows import Row, Status

_EXAMPLES = Path(__file__).parents[1] / "examples"
# Recordings that differ; the others are copies, since drawing sound takes longer than tagging it.
_DIFFERENT = 16
_BATCHES = (4, 64, 256)
_ON_CARD, _STAND_IN = "cuda", "cpu, one process"
# `instag tag` with its model in one process, as on a card, on the CPU provider.
_SHARED_ON_CPU = """
from instag.cli import main
from instag.model.session import Device
from instag.run import pool

pool._ONE_SESSION_ON = frozenset({Device.CPU})
main()
"""


@dataclass(frozen=True)
class Run:
    """One whole job.

    Attributes:
        seconds: Wall time, start included.
        rows: Its table, by path.
    """

    seconds: float
    rows: dict[str, Row]


def make_folder(folder: Path, files: int, seconds: int) -> None:
    """Recordings in FLAC, few that differ and copies of them; and the examples, which have several labels."""
    folder.mkdir()
    for path in sorted(_EXAMPLES.iterdir()):
        if path.suffix in (".flac", ".mp3", ".ogg", ".wav"):
            shutil.copyfile(path, folder / path.name)
    for number in range(files):
        path = folder / f"{number:04}.flac"
        if number < _DIFFERENT:
            soundfile.write(path, band(seconds, number), RATE)
        else:
            shutil.copyfile(folder / f"{number % _DIFFERENT:04}.flac", path)


def card_name() -> str:
    """The card, its memory and its driver, as NVIDIA's tool names them; "none" where there is none."""
    command = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "none"
    return answer.stdout.strip().replace("\n", "; ") if answer.returncode == 0 else "none"


def providers_used(model_path: Path, providers: list[str], audio: np.ndarray) -> str:
    """Which provider ran how many parts of the network, from onnxruntime's profile.

    The session's list of providers says only what it was given.
    """
    options = _options()
    options.enable_profiling = True
    with tempfile.TemporaryDirectory() as name:
        options.profile_file_prefix = str(Path(name) / "profile")
        session = onnxruntime.InferenceSession(str(model_path), options, providers=providers)
        session.run(None, {"audio": audio})
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    ran = {(event["args"]["provider"], event["name"]) for event in events if event.get("args", {}).get("provider")}
    parts = Counter(provider for provider, _ in ran)
    return ", ".join(f"{provider} {count} parts" for provider, count in sorted(parts.items()))


def _options() -> onnxruntime.SessionOptions:
    """As instag's own sessions have them."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return options


def without_tf32(model: Model, path: Path) -> Model:
    """The model on the card with products in full 32 bits; by default a card rounds their factors to 10 bits (TF32)."""
    providers = [("CUDAExecutionProvider", {"use_tf32": "0"}), "CPUExecutionProvider"]
    return Model(model.card, model.device, onnxruntime.InferenceSession(str(path), _options(), providers=providers))


def windows_a_second(model: Model, batch: int) -> float:
    """How many windows a model scores in a second in batches of a size, when nothing else is done."""
    audio = np.random.default_rng(1).normal(0, 0.1, (batch, model.card.window_samples)).astype(np.float32)
    model.score(audio)
    took: list[float] = []
    while len(took) < 3 or sum(took) < 1.0:
        started = time.perf_counter()
        model.score(audio)
        took.append(time.perf_counter() - started)
    return batch / statistics.median(took)


def largest_difference(one: Model, other: Model, audio: np.ndarray) -> tuple[float, int]:
    """Of all scores and presences of windows, unrounded; and how many windows get another label."""
    (scores, presences), (their_scores, their_presences) = one.score(audio), other.score(audio)
    differences = np.abs(scores - their_scores).max(), np.abs(presences - their_presences).max()
    return float(max(differences)), int((scores.argmax(axis=1) != their_scores.argmax(axis=1)).sum())


def words_for(device: str, model: str, jobs: int) -> list[str]:
    """The command line of a whole job, up to what it is to read and write."""
    start = ["-c", _SHARED_ON_CPU] if device == _STAND_IN else ["-m", "instag"]
    name = _ON_CARD if device == _ON_CARD else "cpu"
    return [sys.executable, *start, "tag", "--model", model, "--device", name, "--jobs", str(jobs), "--quiet"]


def run_job(words: list[str], what: Path, table: Path) -> Run:
    """Runs a job into a new table.

    Raises:
        SystemExit: It did not end well, or a file failed.
    """
    started = time.perf_counter()
    ended = subprocess.run([*words, str(what), "-o", str(table)], capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if ended.returncode:
        raise SystemExit(f"{' '.join(words[1:])} ended with {ended.returncode}:\n{ended.stderr}")
    opened = open_table(table, read_only=True)
    rows = {row.path: row for row in opened.rows()}
    opened.close()
    table.unlink()
    return Run(seconds, rows)


def row_differences(one: dict[str, Row], other: dict[str, Row]) -> tuple[float, int]:
    """Of all numbers in two tables, as rounded there, the largest difference; and how many files get another label.

    Raises:
        SystemExit: They are not of the same files, all analysed.
    """
    if one.keys() != other.keys() or any(row.status is not Status.ANALYSED for row in (*one.values(), *other.values())):
        raise SystemExit("The two tables are not of the same files, all analysed.")
    numbers = [
        np.array([[*row.scores, *row.presences, *row.shares] for _, row in sorted(rows.items())])
        for rows in (one, other)
    ]
    return float(np.abs(numbers[0] - numbers[1]).max()), sum(one[path].dominant != other[path].dominant for path in one)


def model_lines(model_name: str, card_device: str) -> list[str]:
    """The network alone: which providers ran it, how fast, and how far scores are from the CPU's."""
    path = find_model(model_name)
    cpu = open_model(path, Device.CPU)
    models = {"cpu": cpu, card_device: open_model(path, Device.CUDA if card_device == _ON_CARD else Device.CPU)}
    window = cpu.card.window_samples
    # Any sound will do here; it need not have the model's rate.
    seconds = math.ceil(window / RATE) + 1
    audio = np.stack([band(seconds, seed)[:window, 0] for seed in range(64)])
    lines = [
        f"- the network, {name}: {providers_used(path, model.session.get_providers(), audio)}"
        for name, model in models.items()
    ]
    if card_device == _ON_CARD:
        models["cuda without TF32"] = without_tf32(models[_ON_CARD], path)
    for name, model in list(models.items())[1:]:
        difference, labels = largest_difference(cpu, model, audio)
        lines.append(
            f"- {name}, {len(audio)} windows: largest difference of a score from the CPU's {difference:.2g}, "
            f"{labels} with another label"
        )
    lines += ["", "| windows a second, in batches of | " + " | ".join(str(batch) for batch in _BATCHES) + " |"]
    lines.append("|---|" + "---|" * len(_BATCHES))
    for name, model in models.items():
        lines.append(f"| {name} | " + " | ".join(f"{windows_a_second(model, batch):.0f}" for batch in _BATCHES) + " |")
    return [*lines, ""]


def job_lines(folder: Path, model_name: str, card_device: str, jobs: int, turns: int) -> list[str]:
    """Whole jobs in turns, and what the two tables say."""
    devices = ("cpu", card_device)
    one_file = min(folder.iterdir())
    runs: dict[str, list[Run]] = {device: [] for device in devices}
    starts: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        table = Path(name) / "t.csv"
        for device in devices:  # the first start reads libraries from the disk, the second one counts
            starts[device] = [run_job(words_for(device, model_name, 1), one_file, table).seconds for _ in range(2)][1]
        for _ in range(turns):
            for device in devices:
                runs[device].append(run_job(words_for(device, model_name, jobs), folder, table))
    lines = ["| device | one file, s | whole job, s | files a second | windows a second |", "|---|---|---|---|---|"]
    for device, done in runs.items():
        seconds = [run.seconds for run in done]
        files, windows = len(done[0].rows), sum(row.windows or 0 for row in done[0].rows.values())
        middle = statistics.median(seconds)
        spread = f"{middle:.2f} ({min(seconds):.2f} to {max(seconds):.2f})"
        lines.append(f"| {device} | {starts[device]:.2f} | {spread} | {files / middle:.1f} | {windows / middle:.0f} |")
    difference, labels = row_differences(runs["cpu"][0].rows, runs[card_device][0].rows)
    return [
        *lines,
        "",
        f"Largest difference of a number in the two tables: {difference:.4f}; files with another label: {labels}.",
    ]


def report(folder: Path, model_name: str, card_device: str, jobs: int, turns: int) -> list[str]:
    """The whole page, as Markdown."""
    head = [
        f"# `instag tag` on the CPU and on {card_device}",
        "",
        f"- card: {card_name()}",
        f"- machine: {os.cpu_count()} cores ({platform.machine()}), load {os.getloadavg()[0]:.1f} before the run",
        f"- Python {platform.python_version()}, onnxruntime {onnxruntime.__version__} with "
        f"{', '.join(onnxruntime.get_available_providers())}",
        f"- model: {model_name}; {jobs} jobs; {turns} turns; {sum(1 for _ in folder.iterdir())} files",
    ]
    parts: tuple[Callable[[], list[str]], ...] = (
        lambda: head,
        lambda: model_lines(model_name, card_device),
        lambda: job_lines(folder, model_name, card_device, jobs, turns),
    )
    lines: list[str] = []
    for part in parts:  # printed as it comes, so that a run that is cut off has not measured in vain
        added = part()
        print("\n".join(added), flush=True)
        lines += added
    return lines


def main(words: list[str] | None = None) -> Any:
    """Measures, prints, and writes where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=256)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--folder", type=Path, help="Your own recordings; they are only read.")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--model", default="instag")
    parser.add_argument("--no-card", action="store_true", help="Put the CPU in the card's place.")
    parser.add_argument("-o", "--output", type=Path, help="The Markdown file to write.")
    settings = parser.parse_args(words)
    card_device = _STAND_IN if settings.no_card else _ON_CARD
    with tempfile.TemporaryDirectory() as name:
        folder = settings.folder
        if folder is None:
            folder = Path(name) / "songs"
            make_folder(folder, settings.files, settings.seconds)
        lines = report(folder, settings.model, card_device, settings.jobs, settings.turns)
    if settings.output:
        settings.output.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
