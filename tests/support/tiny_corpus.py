"""A tiny corpus of made-up instruments for the tests of fitting."""

import csv

import numpy as np
import soundfile

RATE = 16000
TONES = {"flute": 880.0, "cello": 110.0, "trumpet": 440.0}


def write_corpus(folder, per_label=10, splits=("train",)):
    """Writes notes of three easily told instruments and noise for `other`; returns the manifest's path."""
    rng = np.random.default_rng(0)
    rows = []
    for label in (*TONES, "other"):
        for split in splits:
            for number in range(per_label):
                seconds = rng.uniform(1.0, 4.0)
                time = np.arange(int(seconds * RATE)) / RATE
                tone = TONES.get(label)
                audio = rng.normal(0, 0.05, time.size) if tone is None else 0.3 * np.sin(2 * np.pi * tone * time)
                name = f"{split}-{label}-{number}.wav"
                soundfile.write(folder / name, audio.astype(np.float32), RATE)
                group = f"{split}-{label}-{number // 2}"
                rows.append((name, label, "tiny", "note" if number % 2 else "clip", group, split, seconds))
    manifest = folder / "manifest.csv"
    with manifest.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("path", "label", "source", "kind", "group", "split", "seconds"))
        table.writerows(rows)
    return manifest


CONFIG = """
[system]
architecture = "compact"

[system.arguments]
widths = [4, 8]
bands = 16
hop = 320

[data]
validation_windows = 24

[run]
steps_per_epoch = 3
batch_size = 4
label_smoothing = 0.0

[augment]
noise = 0.5
spec_augment = 0.5
mixup = 0.3
sources = [1, 2]

[[stage]]
epochs = 2
learning_rate = 0.01
frozen = true
schedule = "constant"

[[stage]]
epochs = 2
learning_rate = 0.01
"""
