"""The whole of `instag tag` beside its floor: the same files decoded and resampled, and nothing else.

    python -m benchmarks.floors [--yamnet yamnet.tflite] [--quick] -o benchmarks/SPEED.md

Makes its own recordings. Job, floor and a plain loop over YAMNet's patches take turns on the same folder, each as whole
processes, start included, so that ratios hold on a machine that does other work too. Then come the stages of a file, a
window's cost in each network, the starts, a resume, a walk over a million paths and a ten-hour file. Writes medians and
spreads as Markdown, and all numbers as JSON beside it, from which `python -m benchmarks.figures` takes what the
documents quote. Takes about ten minutes on two idle cores, one or two with --quick.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import soundfile

from benchmarks.speed import RATE, band
from benchmarks.stages import STAGES, stage_lines, stages, tried_lines, window_costs, window_lines
from benchmarks.targets import Cost, Figures, lengths, planning, starts, target_lines
from instag.audio import open_audio
from instag.model.session import find_model, open_model

YAMNET = "YAMNet loop"
_YAMNET_COST = "YAMNet in LiteRT, 3.1 patches"
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


def timed(words: list[str]) -> Cost:
    """Runs Python with words, and watches its memory."""
    started, cpu_before, tree_bytes, largest = time.perf_counter(), _cpu_of_children(), 0, 0
    # As in instag's workers: NumPy's threads would only wait in a busy loop.
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    process = psutil.Popen([sys.executable, *words], stdout=subprocess.DEVNULL, env=environment)
    while process.poll() is None:
        try:
            sizes = [one.memory_info().rss for one in (process, *process.children(recursive=True))]
            tree_bytes, largest = max(tree_bytes, sum(sizes)), max(largest, *sizes)
        except psutil.Error:  # one of them ended just now
            pass
        time.sleep(0.01)
    if process.returncode:
        raise SystemExit(f"{' '.join(words)} ended with {process.returncode}")
    return Cost(time.perf_counter() - started, tree_bytes / 1e6, largest / 1e6, _cpu_of_children() - cpu_before)


def _cpu_of_children() -> float:
    """Processor seconds of all processes that have ended and that this one started, theirs with them."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


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
        found[YAMNET] = ["-m", "benchmarks.floors", "--work", "yamnet", str(folder), str(jobs), str(yamnet)]
    return found


def measure(folder: Path, jobs: int, runs: int, yamnet: Path | None) -> dict[str, list[Cost]]:
    """The cost of each candidate, in turns."""
    costs: dict[str, list[Cost]] = {}
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as name:
            for who, words in candidates(folder, Path(name) / "t.csv", jobs, yamnet).items():
                (Path(name) / "t.csv").unlink(missing_ok=True)
                costs.setdefault(who, []).append(timed(words))
    return costs


def ratios_of(costs: dict[str, list[Cost]], field_name: str = "seconds") -> dict[str, list[float]]:
    """Each run's time divided by the time of the floor above it in the same turn."""
    ratios, floor = {}, next(iter(costs))
    for who, runs in costs.items():
        floor = who if who.startswith("floor") else floor
        ratios[who] = [getattr(a, field_name) / getattr(b, field_name) for a, b in zip(runs, costs[floor], strict=True)]
    return ratios


def rows_of(title: str, files: int, jobs: int, costs: dict[str, list[Cost]]) -> list[str]:
    """Lines of the table over a number of files."""
    rows, ratios, cpu_ratios = [], ratios_of(costs), ratios_of(costs, "cpu_seconds")
    for who, runs in costs.items():
        of_floor = ratios[who]
        spread = f"{statistics.median(of_floor):.2f} ({min(of_floor):.2f} to {max(of_floor):.2f})"
        middle = statistics.median(run.seconds for run in runs)
        memory = max(run.tree_mb for run in runs)
        rate = files / middle / jobs
        cpu = f"{statistics.median(cpu_ratios[who]):.2f}"
        rows.append(f"| {title} | {jobs} | {who} | {middle:.2f} | {rate:.1f} | {spread} | {cpu} | {memory:.0f} |")
    return rows


def figures_of(title: str, jobs: int, costs: dict[str, list[Cost]]) -> Figures:
    """What `TARGETS` asks of the runs over a folder."""
    ratios = ratios_of(costs)
    prefix = title if jobs == 2 else f"{title}, 1 job"
    figures = {
        f"{prefix}: job ÷ floor": ratios["`instag`"],
        f"{prefix}: job ÷ floor, processor time": ratios_of(costs, "cpu_seconds")["`instag`"],
        f"{prefix}: `small` ÷ its floor": ratios["`small`"],
        f"{prefix}: job, s": [run.seconds for run in costs["`instag`"]],
        f"{prefix}: largest process, MB": [run.largest_mb for run in costs["`instag`"]],
    }
    if loop := costs.get(YAMNET):
        figures[f"{prefix}: YAMNet loop ÷ job"] = [
            other.seconds / ours.seconds for other, ours in zip(loop, costs["`instag`"], strict=True)
        ]
    return figures


def obstacles_of(stages_ms: dict[str, tuple[float, ...]], costs_ms: dict[str, float]) -> dict[str, str]:
    """For each ratio, how good it can be with the floor and the networks that there are."""
    start = "the start, which both have, is not divided; nor is a core that other programs want"
    found = {"MP3: speed of 2 jobs ÷ 1 job": start}
    for kind, values in stages_ms.items():
        by_stage = dict(zip(STAGES, values, strict=True))
        floor = by_stage["decode and mix"] + by_stage["resample"]
        network, digest = by_stage["front end and network"], by_stage["digest, beyond what decoding reads"]
        found[f"{kind}: job ÷ floor"] = (
            f"beside {floor:.1f} ms of decoding and resampling the network takes {network:.1f} ms and the digest "
            f"{digest:.1f} ms a file; with these alone it is {(floor + network + digest) / floor:.2f}, and in a job "
            f"that runs already {by_stage['whole file'] / floor:.2f}: the rest is the start"
        )
        if kind == "MP3" and costs_ms:
            card = open_model(find_model("small")).card
            small = costs_ms["`small`"] * 180 / (card.window_samples / card.sample_rate)
            found["MP3: `small` ÷ its floor"] = (
                f"its network takes {small:.1f} ms a file; with that alone it is {(floor + small) / floor:.2f}; the "
                "rest is the start"
            )
            if loop := costs_ms.get(_YAMNET_COST):
                loop *= 180 / 3
                found["MP3: YAMNet loop ÷ job"] = (
                    f"the loop's network takes {loop:.0f} ms a file beside {floor:.0f} ms of decoding and resampling; "
                    f"a job without any network would be {(floor + loop) / floor:.2f} × as fast"
                )
    return found


def peer_lines() -> list[str]:
    """What others publish of programs that tag sound, with their machines; not measured here."""
    return [
        "What peers publish, on their own machines and for their own tasks: `birda` with BirdNET 2.4 547 × real time "
        "(i7-13700K), Perch v2 208 ×, BirdNET 3 as ONNX 118 × (8 cores). Nothing of it was measured here.",
    ]


@dataclass
class Results:
    """What was measured so far; the page and the file of figures are made from it.

    Attributes:
        words: Options of the run.
        counts: Files of three minutes and of five seconds in a folder, and turns.
        figures: By name, one number a turn.
        rows: Of the table of runs.
        stages: Milliseconds of a file's stages, by kind.
        windows: Milliseconds of a window, by network.
        megabytes: Of a file, by kind.
        loads: Programs that wanted a processor, from the start to the end of the run.
    """

    words: str
    counts: tuple[int, int, int]
    figures: Figures = field(default_factory=dict)
    rows: list[str] = field(default_factory=list)
    stages: dict[str, tuple[float, ...]] = field(default_factory=dict)
    windows: dict[str, float] = field(default_factory=dict)
    megabytes: dict[str, float] = field(default_factory=dict)
    loads: list[float] = field(default_factory=lambda: [os.getloadavg()[0]])

    def page(self) -> str:
        """The page, as Markdown."""
        songs, clips, runs = self.counts
        cores = psutil.cpu_count() or 1
        busy = max(self.loads[1:] or self.loads)
        lines = [
            "# Speed beside the floor",
            "",
            f"Printed by `python -m benchmarks.floors{self.words}` on {cores} cores ({platform.machine()}, Python "
            f"{platform.python_version()}), with {' and '.join(_models())}; "
            f"{songs} files of 3 minutes a folder and {clips} of 5 seconds, {runs} turns "
            "(2 over the short files). Programs that wanted a core in the last minute: "
            f"{self.loads[0]:.1f} before the run, at most {busy:.1f} during it (the run itself wants 2)."
            + (" So other programs used this machine meanwhile: hold to the ratios." if busy > cores + 0.7 else ""),
            "",
            "The floor is the same files decoded and resampled to the model's rate by as many processes, and nothing "
            "else. Ratios are of runs in the same turn.",
            "",
            "## Targets",
            "",
            *target_lines(self.figures, obstacles_of(self.stages, self.windows)),
            "",
            "## Runs",
            "",
            "Memory is the largest of the whole process tree; pages that processes share count once for each.",
            "",
            "| files | jobs | who | seconds | files a second a job | × the floor | × in processor time | memory, MB |",
            "|---|---|---|---|---|---|---|---|",
            *self.rows,
        ]
        if "long file, MB" in self.figures:
            one = {name: values[0] for name, values in self.figures.items()}
            lines += [
                "",
                f"One FLAC file of 10 minutes: {one['10 minutes, × real time']:.0f} × real time, largest process "
                f"{one['10 minutes, MB']:.0f} MB. One of {one['long file, hours']:g} hours: "
                f"{one['long file, × real time']:.0f} × real time, {one['long file, MB']:.0f} MB.",
            ]
        if self.stages:
            lines += ["", "## Where the time of a file goes", ""]
            lines += ["Processor time in one process. Predictions were estimated before each part was measured.", ""]
            lines += [*stage_lines(self.stages), "", *window_lines(self.windows), "", "## What was tried", ""]
            lines += ["For 3-minute files, on a machine that did other work too.", "", *tried_lines()]
        return "\n".join([*lines, "", *peer_lines()]) + "\n"

    def keep(self, page: Path | None) -> None:
        """Writes the page, and the figures beside it; after each part, so that a run that is cut off is not lost."""
        self.loads.append(os.getloadavg()[0])
        if page is None:
            return
        page.write_text(self.page(), encoding="utf-8")
        whole: dict[str, object] = {
            "figures": self.figures,
            "counts": self.counts,
            "megabytes": self.megabytes,
            "loads": self.loads,
        }
        whole |= {"stages": STAGES, "stages_ms": self.stages}
        page.with_suffix(".json").write_text(json.dumps(whole, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _models() -> list[str]:
    """The models that take part, with their versions."""
    cards = [open_model(find_model(name)).card for name in ("instag", "small")]
    return [f"{card.model_id} {card.version}" for card in cards]


def run_folders(results: Results, folders: dict[str, Path], yamnet: Path | None, page: Path | None) -> None:
    """Job, floor and loop in turns over each folder."""
    runs = results.counts[2]
    for title, folder in folders.items():
        for jobs in (2, 1) if title == "MP3" else (2,):
            # The loop's speed is asked of music files only.
            loop = yamnet if title == "MP3" and jobs == 2 else None
            turns = min(2, runs) if title == "5 s" else runs  # thousands of files are a spread of their own
            costs = measure(folder, jobs, turns, loop)
            rows = rows_of(title, len(list(folder.iterdir())), jobs, costs)
            print("\n".join(rows), flush=True)
            results.rows += rows
            results.figures |= figures_of(title, jobs, costs)
            results.keep(page)
    figures = results.figures
    one_job, two_jobs = figures["MP3, 1 job: job, s"], figures["MP3: job, s"]
    figures["MP3: speed of 2 jobs ÷ 1 job"] = [a / b for a, b in zip(one_job, two_jobs, strict=True)]
    figures["largest process of a job"] = [
        value for name, values in figures.items() if name.endswith("largest process, MB") for value in values
    ]


def main() -> None:
    """Measures, and writes the page and its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", nargs=4, metavar=("KIND", "FOLDER", "JOBS", "ARGUMENT"), help=argparse.SUPPRESS)
    parser.add_argument("--yamnet", type=Path, help="The published yamnet.tflite.")
    parser.add_argument("--quick", action="store_true", help="Few files and two turns.")
    parser.add_argument("-o", "--output", type=Path, help="The Markdown file; the figures go beside it, as JSON.")
    settings = parser.parse_args()
    if settings.work:
        kind, folder, jobs, argument = settings.work
        work(kind, Path(folder), int(jobs), argument)
        return
    small, page = settings.quick, settings.output
    words = (" --yamnet yamnet.tflite" if settings.yamnet else "") + (" --quick" if small else "")
    results = Results(words, (4, 60, 2) if small else (40, 5000, 3))
    with tempfile.TemporaryDirectory() as name:
        folders = make_folders(Path(name), *results.counts[:2])
        run_folders(results, folders, settings.yamnet, page)
        results.megabytes = {kind: min(folder.iterdir()).stat().st_size / 1e6 for kind, folder in folders.items()}
        results.stages = {kind: stages(min(folder.iterdir())) for kind, folder in folders.items()}
        results.keep(page)
        results.windows = window_costs(settings.yamnet)
        results.keep(page)
        for more in (
            lambda: starts(Path(name), 2 * results.counts[2]),
            lambda: lengths(Path(name), 0.5 if small else 10.0, timed),
            lambda: planning(Path(name), *((2_000, 10_000) if small else (200_000, 1_000_000))),
        ):
            results.figures |= more()
            results.keep(page)
    print(results.page())


if __name__ == "__main__":
    main()
