"""The whole of `instag tag` beside its floor: the same files decoded and resampled, and nothing else.

    python -m benchmarks.floors [--yamnet yamnet.tflite] [--quick] -o benchmarks/SPEED.md

Makes its own recordings. Job, floor and a plain loop over YAMNet's patches take turns on the same folder, each as whole
processes, start included, so that ratios hold on a machine that does other work too. Then come the stages of a file, a
window's cost in each network, the starts, a resume, a walk over a million paths and a ten-hour file. Writes medians and
spreads. Takes about eight minutes on two cores, a minute with --quick.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import soundfile

from benchmarks.speed import RATE, band
from benchmarks.stages import PREDICTED_MS, stage_lines, window_lines
from benchmarks.targets import length_lines, planning_lines, start_lines
from instag.audio import open_audio
from instag.model.session import find_model, open_model

_YAMNET_RATE = 16_000
_PATCH_SAMPLES = 15_600  # 96 frames of 10 ms and the rest of the last one
_HOP_SAMPLES = 15_360  # 0.96 s


def decode(path: Path, rate: int) -> int:
    """The floor: a file's samples at a rate, thrown away; returns how many there were."""
    with open_audio(path, rate) as stream:
        return sum(len(block) for block in stream.blocks())


def run_yamnet(path: Path, network: Path) -> int:
    """What a user would write otherwise: YAMNet patch by patch; returns the number of patches."""
    with open_audio(path, _YAMNET_RATE) as stream:
        return yamnet_loop(np.concatenate(list(stream.blocks())), network)


def yamnet_loop(audio: np.ndarray, network: Path) -> int:
    """Runs YAMNet over (n,) samples at 16 kHz; returns the number of patches."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(network), num_threads=1)
    (entry,) = interpreter.get_input_details()
    interpreter.resize_tensor_input(entry["index"], [_PATCH_SAMPLES])
    interpreter.allocate_tensors()
    patches = range(0, len(audio) - _PATCH_SAMPLES + 1, _HOP_SAMPLES)
    for start in patches:
        interpreter.set_tensor(entry["index"], audio[start : start + _PATCH_SAMPLES])
        interpreter.invoke()
    return len(patches)


def work(kind: str, folder: Path, jobs: int, argument: str) -> None:
    """One whole run of the floor or of YAMNet, as a process of its own."""
    step = partial(decode, rate=int(argument)) if kind == "floor" else partial(run_yamnet, network=Path(argument))
    with ProcessPoolExecutor(jobs) as pool:
        done = list(pool.map(step, sorted(folder.iterdir())))
    if not all(done):
        raise SystemExit(f"{folder}: a file gave nothing")


def timed(words: list[str]) -> tuple[float, float]:
    """Runs Python with words; returns wall seconds, and the largest resident memory of the process tree in MB."""
    started, peak = time.perf_counter(), 0
    # As in instag's workers: NumPy's threads would only wait in a busy loop.
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    process = psutil.Popen([sys.executable, *words], stdout=subprocess.DEVNULL, env=environment)
    while process.poll() is None:
        try:
            tree = [process, *process.children(recursive=True)]
            peak = max(peak, sum(one.memory_info().rss for one in tree))
        except psutil.Error:  # one of them ended just now
            pass
        time.sleep(0.01)
    if process.returncode:
        raise SystemExit(f"{' '.join(words)} ended with {process.returncode}")
    return time.perf_counter() - started, peak / 1e6


def make_folders(folder: Path, songs: int, clips: int) -> dict[str, Path]:
    """Folders of three-minute recordings in three formats, and one of five-second files."""
    sound, folders = band(180, 1), {}
    for name, more in (("MP3", {"bitrate_mode": "CONSTANT"}), ("FLAC", {}), ("WAV", {})):
        folders[name] = folder / name
        folders[name].mkdir()
        first = folders[name] / f"song-000.{name.lower()}"
        soundfile.write(first, sound, RATE, format=name, **more)
        for number in range(1, songs):
            (folders[name] / f"song-{number:03}.{name.lower()}").write_bytes(first.read_bytes())
    folders["5 s"] = folder / "clips"
    folders["5 s"].mkdir()
    for number in range(clips):
        start = number * 7 % 170 * RATE
        soundfile.write(folders["5 s"] / f"clip-{number:05}.wav", sound[start : start + 5 * RATE], RATE)
    return folders


def candidates(folder: Path, table: Path, jobs: int, yamnet: Path | None) -> dict[str, list[str]]:
    """The command lines that take turns on a folder."""
    found = {}
    for model in ("instag", "small"):
        rate = open_model(find_model(model)).card.sample_rate
        itself = ["-m", "benchmarks.floors", "--work"]
        found[f"floor at {rate} Hz"] = [*itself, "floor", str(folder), str(jobs), str(rate)]
        found[f"`{model}`"] = ["-m", "instag", "tag", str(folder), "--model", model, "--device", "cpu", "--quiet"]
        found[f"`{model}`"] += ["--jobs", str(jobs), "-o", str(table)]
    if yamnet:
        found["YAMNet loop"] = ["-m", "benchmarks.floors", "--work", "yamnet", str(folder), str(jobs), str(yamnet)]
    return found


def measure(folder: Path, jobs: int, runs: int, yamnet: Path | None) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Wall seconds of each candidate, in turns, and the largest memory of its processes in MB."""
    seconds: dict[str, list[float]] = {}
    memory: dict[str, float] = {}
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as name:
            for who, words in candidates(folder, Path(name) / "t.csv", jobs, yamnet).items():
                (Path(name) / "t.csv").unlink(missing_ok=True)
                took, peak = timed(words)
                seconds.setdefault(who, []).append(took)
                memory[who] = max(memory.get(who, 0.0), peak)
    return seconds, memory


def rows_of(title: str, files: int, jobs: int, seconds: dict[str, list[float]], memory: dict[str, float]) -> list[str]:
    """Lines of the table over a number of files. Each run is divided by the floor of the same turn."""
    rows, floor = [], next(iter(seconds))
    for who, took in seconds.items():
        floor = who if who.startswith("floor") else floor
        ratios = [a / b for a, b in zip(took, seconds[floor], strict=True)]
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        middle = statistics.median(took)
        rate = files / middle / jobs
        rows.append(f"| {title} | {jobs} | {who} | {middle:.2f} | {rate:.1f} | {spread} | {memory[who]:.0f} |")
    return rows


def peer_lines() -> list[str]:
    """What others publish of programs that tag sound, with their machines; not measured here."""
    return [
        "What peers publish, on their own machines and for their own tasks: `birda` with BirdNET 2.4 547 × real time "
        "(i7-13700K), Perch v2 208 ×, BirdNET 3 as ONNX 118 × (8 cores). Nothing of it was measured here.",
    ]


def main() -> None:
    """Measures and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", nargs=4, metavar=("KIND", "FOLDER", "JOBS", "ARGUMENT"), help=argparse.SUPPRESS)
    parser.add_argument("--yamnet", type=Path, help="The published yamnet.tflite.")
    parser.add_argument("--quick", action="store_true", help="Few files and two turns.")
    parser.add_argument("-o", "--output", type=Path, help="The Markdown file to write.")
    settings = parser.parse_args()
    if settings.work:
        kind, folder, jobs, argument = settings.work
        work(kind, Path(folder), int(jobs), argument)
        return
    songs, clips, runs = (4, 60, 2) if settings.quick else (12, 5000, 3)
    load = os.getloadavg()
    lines = [
        "# Speed beside the floor",
        "",
        f"Printed by `python -m benchmarks.floors{' --quick' if settings.quick else ''}` on {psutil.cpu_count()} cores "
        f"({platform.machine()}, Python {platform.python_version()}); {songs} files of 3 minutes a folder and {clips} "
        f"of 5 seconds, {runs} turns (2 over the short files). Load of the machine in the last minute before the run: "
        f"{load[0]:.1f}.",
        "",
        "The floor is the same files decoded and resampled to the model's rate by as many processes, and nothing else. "
        "A ratio divides each run by the floor above it of the same turn: median (least to largest). Memory is the "
        "largest of the whole process tree; pages that processes share count once for each.",
        "",
        "| files | jobs | who | seconds | files a second a job | × the floor | memory, MB |",
        "|---|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as name:
        folders = make_folders(Path(name), songs, clips)
        for title, folder in folders.items():
            for jobs in (2, 1) if title == "MP3" else (2,):
                # The loop's speed is asked of music files only.
                yamnet = settings.yamnet if title == "MP3" and jobs == 2 else None
                turns = min(2, runs) if title == "5 s" else runs  # thousands of files are a spread of their own
                lines += rows_of(title, len(list(folder.iterdir())), jobs, *measure(folder, jobs, turns, yamnet))
                print("\n".join(lines[-5:]), flush=True)
        small = settings.quick
        for more in (
            lambda: ["", *stage_lines([(kind, next(folders[kind].iterdir())) for kind in PREDICTED_MS])],
            lambda: ["", *window_lines(settings.yamnet)],
            lambda: ["", "| what | measured | target |", "|---|---|---|", *start_lines(Path(name), 2 * runs)],
            lambda: length_lines(Path(name), 0.5 if small else 10.0, timed),
            lambda: planning_lines(Path(name), *((2_000, 10_000) if small else (200_000, 1_000_000))),
            lambda: ["", *peer_lines()],
            lambda: ["", f"Load of the machine in the last minute of the run: {os.getloadavg()[0]:.1f}."],
        ):
            added = more()
            print("\n".join(added), flush=True)
            lines += added
            if settings.output:  # after each part, so that a run that is cut off has not measured in vain
                settings.output.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
