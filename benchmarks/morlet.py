"""What the Morlet front end costs beside the report's Model 2: forward passes of whole systems, one CPU thread.

Run: `python -m benchmarks.morlet`. Times are processor time, so other work on the machine counts little.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import torch

from train.models import System, build
from train.systems.config import read_config

CONFIGS = Path(__file__).parents[1] / "train" / "configs" / "systems"
BATCH, ROUNDS, LIMIT = 8, 7, 3.0


def milliseconds(system: System) -> tuple[float, float]:
    """Of one window: the front end alone, and the whole forward pass; the fastest of several rounds."""
    audio = torch.randn(BATCH, round(system.sample_rate * system.window_seconds)) * 0.1
    system.eval()
    front: list[float] = []
    whole: list[float] = []
    with torch.no_grad():
        for _ in range(ROUNDS):
            for function, times in ((system.spectra, front), (system, whole)):
                started = time.process_time()
                function(audio)
                times.append((time.process_time() - started) / BATCH * 1e3)
    return min(front), min(whole)


def main() -> int:
    """Prints the figures; fails where the limit is broken.

    Returns:
        The exit code.
    """
    torch.set_num_threads(1)
    whole = {}
    print("system          parameters   front end, ms   forward pass, ms a 3 s window")
    for name in ("morlet", "three_stft", "three_stft_big"):
        settings = read_config(CONFIGS / f"{name}.toml").system
        system = build(settings.architecture, settings.arguments)
        front, whole[name] = milliseconds(system)
        count = sum(parameter.numel() for parameter in system.parameters())
        print(f"{name:15} {count / 1e6:8.2f} M {front:15.1f} {whole[name]:18.1f}")
    ratio = whole["morlet"] / whole["three_stft"]
    print(f"morlet costs {ratio:.2f} x three_stft (limit {LIMIT:g})")
    return int(ratio > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
