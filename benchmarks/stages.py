"""Where the time of one file goes, stage by stage, and what one window costs in each network.

The predictions are estimates from a profile of whole jobs, made before the first run of this script.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from instag.aggregate import aggregate
from instag.analyse import AnalysisSettings, score_windows
from instag.audio import open_audio
from instag.containers.digest import HeardSamples, audio_digest
from instag.model.session import Device, find_model, open_model
from instag.run.worker import WorkerSettings, process_file, start_worker
from instag.table import open_table
from instag.windows import cut

# Milliseconds of processor time for a file of three minutes, and one of five seconds (44.1 kHz, stereo).
STAGES = (
    "read (part of decoding)",
    "digest, beyond what decoding reads",
    "decode and mix",
    "resample",
    "cut and level",
    "front end and network",
    "aggregate",
    "write",
    "whole file",
)
# In the order of `STAGES`.
PREDICTED_MS = {
    "MP3": (1.0, 4.0, 115.0, 20.0, 5.0, 95.0, 0.3, 0.3, 250.0),
    "FLAC": (5.0, 0.2, 105.0, 20.0, 5.0, 95.0, 0.3, 0.3, 240.0),
    "WAV": (8.0, 16.0, 15.0, 30.0, 7.0, 95.0, 0.3, 0.3, 168.0),
    "5 s": (0.2, 0.6, 0.6, 0.9, 0.2, 3.3, 0.3, 0.3, 6.3),
}
# Milliseconds for a window of three seconds on one core.
PREDICTED_WINDOW_MS = {
    "`instag`": 1.6,
    "`small`": 0.5,
    "YAMNet in LiteRT, 3.1 patches": 20.0,
    "CNN14 in PyTorch": 150.0,
}
_RUNS = 5
_TRIED = Path(__file__).with_name("speed_tried.csv")


def seconds_of(step: Callable[[], Any], runs: int = _RUNS) -> float:
    """Median processor seconds of a step; other programs do not count, this one's threads do."""
    step()
    took = []
    for _ in range(runs):
        started = time.process_time()
        step()
        took.append(time.process_time() - started)
    return statistics.median(took)


def stages(path: Path) -> tuple[float, ...]:
    """Milliseconds of each of `STAGES` for one file."""
    model = open_model(find_model("instag"), Device.CPU)
    card = model.card

    def decode(rate: int, heard: HeardSamples | None = None) -> list[np.ndarray]:
        with open_audio(path, rate, heard) as stream:
            return [block.copy() for block in stream.blocks()]

    with open_audio(path, card.sample_rate) as stream:
        own_rate = stream.info.sample_rate
    blocks = decode(card.sample_rate)
    windows = list(cut(blocks, card.sample_rate, card.window_samples))
    scores = score_windows(windows, model, 4)
    start_worker(WorkerSettings(find_model("instag"), Device.CPU, AnalysisSettings()), silent=False)
    row = process_file(path).row
    with tempfile.TemporaryDirectory() as name:
        table = open_table(Path(name) / "t.csv")
        write = seconds_of(lambda: table.append(row), 50)
        table.close()
    decoded = seconds_of(lambda: decode(own_rate))
    heard = HeardSamples()
    decode(own_rate, heard)
    digest = (
        seconds_of(lambda: decode(own_rate, HeardSamples())) - decoded + seconds_of(lambda: audio_digest(path, heard))
    )
    return tuple(
        1000 * seconds
        for seconds in (
            seconds_of(path.read_bytes),
            max(0.0, digest),
            decoded,
            max(0.0, seconds_of(lambda: decode(card.sample_rate)) - decoded),
            seconds_of(lambda: list(cut(blocks, card.sample_rate, card.window_samples))),
            seconds_of(lambda: score_windows(windows, model, 4)),
            seconds_of(lambda: aggregate(scores, card), 50),
            write,
            seconds_of(lambda: process_file(path)),
        )
    )


def window_costs(yamnet: Path | None) -> dict[str, float]:
    """Milliseconds of each network for three seconds of sound on one core."""
    random, found = np.random.default_rng(1), {}
    for name in ("instag", "small"):
        model = open_model(find_model(name), Device.CPU)
        audio = random.normal(0, 0.1, (4, model.card.window_samples)).astype(np.float32)
        found[f"`{name}`"] = 1000 * seconds_of(lambda m=model, a=audio: m.score(a), 20) / 4  # type: ignore[misc]
    if yamnet:
        from benchmarks.floors import yamnet_loop

        audio = random.normal(0, 0.1, 96 * 15_360 + 15_600).astype(np.float32)
        found["YAMNet in LiteRT, 3.1 patches"] = 1000 * seconds_of(lambda: yamnet_loop(audio, yamnet)) / 97 / 0.96 * 3
    found["CNN14 in PyTorch"] = 1000 * _cnn14_seconds(random)
    return found


def _cnn14_seconds(random: np.random.Generator) -> float:
    """Processor seconds of a CNN14 with drawn weights, whose cost is that of trained ones."""
    import torch

    from train.models.pann import Cnn14

    torch.set_num_threads(1)
    network = Cnn14().eval()
    audio = torch.from_numpy(random.normal(0, 0.1, (4, 96_000)).astype(np.float32))

    def step() -> None:
        with torch.inference_mode():
            network.clipwise(network.embed(network.log_mel(audio)))

    return seconds_of(step, 3) / 4


def stage_lines(measured: dict[str, tuple[float, ...]]) -> list[str]:
    """The stages of a file of each kind, as Markdown."""
    lines = ["| stage, ms a file (predicted) | " + " | ".join(measured) + " |", "|---|" + "---|" * len(measured)]
    for index, stage in enumerate(STAGES):
        cells = [f"{ms[index]:.2f} ({PREDICTED_MS[kind][index]:g})" for kind, ms in measured.items()]
        lines.append(f"| {stage} | " + " | ".join(cells) + " |")
    return lines


def tried_lines() -> list[str]:
    """What was tried to make a file cheaper, with what was expected of it, as Markdown."""
    with _TRIED.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    lines = ["| tried | predicted | measured | kept |", "|---|---|---|---|"]
    return lines + [f"| {row['tried']} | {row['predicted']} | {row['measured']} | {row['kept']} |" for row in rows]


def window_lines(costs: dict[str, float]) -> list[str]:
    """What a window costs in each network, as Markdown."""
    lines = ["| network | ms a 3 s window, one core (predicted) |", "|---|---|"]
    for name, cost in costs.items():
        lines.append(f"| {name} | {cost:.2f} ({PREDICTED_WINDOW_MS[name]:g}) |")
    return lines


def main() -> None:
    """Prints the stages of one recording."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=sorted(PREDICTED_MS))
    parser.add_argument("file", type=Path)
    parser.add_argument("--yamnet", type=Path, help="The published yamnet.tflite.")
    options = parser.parse_args()
    print(
        "\n".join([*stage_lines({options.kind: stages(options.file)}), "", *window_lines(window_costs(options.yamnet))])
    )


if __name__ == "__main__":
    main()
