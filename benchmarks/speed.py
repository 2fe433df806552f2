"""Speed and memory of `instag tag`, as a user would meet them.

    python -m benchmarks.speed [--files 24] [--runs 5] [--jobs 2] [--hours 10]

Makes its own recordings (a synthetic band, encoded as MP3), runs the command line as whole processes, and prints
× real time with its spread, the largest worker's memory, memory at 10 minutes and at 10 hours, and the start of
`instag --help` beside a bare Python start, the two taken in turns.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import soundfile

RATE = 44_100


def band(seconds: int, seed: int) -> np.ndarray:
    """(frames, 2) float32: plucked notes, a bass and hiss; enough of a texture to cost what music costs a decoder."""
    random = np.random.default_rng(seed)
    mix = random.normal(0, 0.01, (seconds * RATE, 2)).astype(np.float32)
    length = RATE
    time_axis = np.arange(length) / RATE
    for start in range(0, (seconds - 1) * RATE, RATE // 4):
        pitch = 55.0 * 2 ** (random.integers(0, 48) / 12)
        partials = [np.sin(2 * np.pi * pitch * k * time_axis) / k * np.exp(-2.0 * k * time_axis) for k in range(1, 8)]
        note = np.sum(partials, axis=0)
        left = random.uniform(0.3, 0.7)
        mix[start : start + length] += 0.15 * note[:, None].astype(np.float32) * np.array([left, 1 - left], np.float32)
    return np.clip(mix, -1, 1)


def run(words: list[str]) -> tuple[float, int]:
    """Runs a command; returns its seconds and the largest resident memory of any of its processes, in bytes."""
    process = psutil.Popen([sys.executable, "-m", "instag", *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    peak = [0]
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.02):
            try:
                for child in process.children(recursive=True):
                    peak[0] = max(peak[0], child.memory_info().rss)
            except psutil.Error:  # one of them ended just now
                continue

    threading.Thread(target=watch, daemon=True).start()
    started = time.perf_counter()
    _, errors = process.communicate()
    seconds = time.perf_counter() - started
    ended.set()
    if process.returncode != 0:
        raise SystemExit(f"instag {' '.join(words)} ended with {process.returncode}:\n{errors.decode()}")
    return seconds, peak[0]


def spread(values: list[float], unit: str, digits: int = 1) -> str:
    """Median, minimum and maximum."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.{digits}f} {unit} (min {low:.{digits}f}, max {high:.{digits}f}, n={len(values)})"


def measure_speed(folder: Path, files: int, runs: int, jobs: int) -> None:
    """Prints × real time over 3-minute MP3 files, and the largest worker's memory."""
    songs = folder / "songs"
    songs.mkdir()
    first = songs / "song-000.mp3"
    soundfile.write(first, band(180, 1), RATE, format="MP3", bitrate_mode="CONSTANT")
    for i in range(1, files):
        (songs / f"song-{i:03}.mp3").write_bytes(first.read_bytes())
    audio_seconds = 180.0 * files
    base = ["tag", str(songs), "--device", "cpu", "--quiet"]
    speeds, peaks = [], []
    for i in range(runs + 1):
        seconds, peak = run([*base, "--jobs", str(jobs), "-o", str(folder / f"speed-{i}.csv")])
        if i:  # the first run warms the disk's cache
            speeds.append(audio_seconds / seconds)
            peaks.append(peak / 1e6)
    print(f"speed, {files} MP3 files of 3 minutes, --jobs {jobs}, start included: {spread(speeds, '× real time', 0)}")
    print(f"largest worker: {spread(peaks, 'MB', 0)}")


def measure_memory(folder: Path, hours: float) -> None:
    """Prints the largest worker's memory for a short and for a very long file."""
    minute = band(60, 2)[:, 0]
    for name, minutes in (("10 minutes", 10), (f"{hours:g} hours", round(hours * 60))):
        path = folder / f"long-{minutes}.flac"
        with soundfile.SoundFile(path, "w", RATE, 1, format="FLAC") as file:
            for _ in range(minutes):
                file.write(minute)
        seconds, peak = run(["tag", str(path), "--device", "cpu", "--quiet", "-o", str(folder / f"long-{minutes}.csv")])
        path.unlink()
        print(f"memory, one FLAC file of {name}: {peak / 1e6:.0f} MB, {minutes * 60 / seconds:.0f} × real time")


def measure_start(runs: int) -> None:
    """Prints how much longer `instag --help` takes than a bare Python start, in turns."""
    extra = []
    for _ in range(runs):
        times = []
        for words in (["-c", "pass"], ["-m", "instag", "--help"]):
            started = time.perf_counter()
            subprocess.run([sys.executable, *words], stdout=subprocess.DEVNULL, check=True)
            times.append(time.perf_counter() - started)
        extra.append(times[1] - times[0])
    print(f"`instag --help` beyond a bare Python start: {spread(extra, 's', 3)}")


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=24)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--hours", type=float, default=10.0)
    settings = parser.parse_args()
    print(
        f"{platform.processor() or platform.machine()}, {psutil.cpu_count()} cores, Python {platform.python_version()}"
    )
    measure_start(4 * settings.runs)
    with tempfile.TemporaryDirectory() as name:
        measure_speed(Path(name), settings.files, settings.runs, settings.jobs)
        if settings.hours:
            measure_memory(Path(name), settings.hours)


if __name__ == "__main__":
    main()
