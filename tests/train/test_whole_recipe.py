"""The whole recipe on a tiny tree, twice: manifest, pools, folds, two checkpoints, two ONNX files, `instag tag`."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from typer.testing import CliRunner

from export.__main__ import app as export_app
from train.corpus.manifest import write_manifest
from train.models.yamnet_body import BLOCKS, CLASSES, EMBEDDING, FFT_SIZE, MEL_BANDS, Pretrained
from train.recipe.run import make_checkpoints

RATE = 16_000
TONES = {"flute": 880.0, "cello": 110.0, "trumpet": 440.0, "violin": 660.0}
CONFIG = """
model_id = "instag-smoke"
version = "0.0.1"
pool_size = 16
average_share = 0.5
seeds = [1]
fold_pool_size = 16
fold_seeds = [1]

[tune]
epochs = 1
batch = 8

[fold_tune]
epochs = 1
batch = 8

[head]
epochs = 2

[judge]
mixtures = 6
pieces = 3
notes = 4

[folds]
second = ["b"]
"""


def write_recordings(folder: Path) -> Path:
    """Tones, hiss and drum-like bursts from two sources; returns the manifest's path."""
    folder.mkdir()
    random = np.random.default_rng(0)
    rows = []
    for source in ("a", "b"):
        for label in (*TONES, "other"):
            for number in range(4):
                time = np.arange(4 * RATE) / RATE
                if label == "other":
                    detail, audio = "drum kit", random.normal(0, 0.2, time.size) * (time % 0.5 < 0.05)
                else:
                    detail, audio = label, 0.3 * np.sin(2 * np.pi * TONES[label] * (1 + 0.01 * number) * time)
                name = f"{source}-{label}-{number}.wav"
                soundfile.write(folder / name, audio.astype(np.float32), RATE)
                kind = ("note", "phrase", "clip", "song")[number] if label != "other" else "phrase"
                group = f"{source}-{label}-{number}"
                rows.append((name, label, detail, source, kind, group, "train", "4.0", "CC0", label))
    write_manifest(folder / "manifest.csv", rows)
    return folder / "manifest.csv"


def random_yamnet() -> Pretrained:
    """A network of YAMNet's shape with fixed random weights: the real one cannot be had everywhere."""
    random = np.random.default_rng(7)

    def normal(*shape: int) -> np.ndarray:
        fan_in = int(np.prod(shape[1:])) if len(shape) > 1 else 1
        return random.normal(0, (2 / fan_in) ** 0.5, shape).astype(np.float32)

    convolutions = [(normal(32, 1, 3, 3), np.zeros(32, np.float32))]
    width = 32
    for channels, _ in BLOCKS:
        convolutions.append((normal(width, 1, 3, 3), np.zeros(width, np.float32)))
        convolutions.append((normal(channels, width, 1, 1), np.zeros(channels, np.float32)))
        width = channels
    mel = np.zeros((MEL_BANDS, FFT_SIZE // 2 + 1), np.float32)
    for band in range(MEL_BANDS):
        mel[band, 4 + 3 * band : 9 + 3 * band] = 0.2
    return Pretrained(mel, tuple(convolutions), normal(CLASSES, EMBEDDING), np.zeros(CLASSES, np.float32))


def run_recipe(folder: Path, name: str) -> tuple[Path, Path]:
    manifest = write_recordings(folder / f"corpus-{name}")
    config = folder / "smoke.toml"
    config.write_text(CONFIG)
    return make_checkpoints(config, [manifest], random_yamnet(), folder / f"cache-{name}", folder / name / "main.pt")


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path]]:
    folder = tmp_path_factory.mktemp("recipe")
    torch.set_num_threads(1)
    return {name: run_recipe(folder, name) for name in ("first", "second")}


def test_two_runs_in_two_places_give_the_same_weights_bit_for_bit(checkpoints: dict[str, tuple[Path, Path]]) -> None:
    for first, second in zip(checkpoints["first"], checkpoints["second"], strict=True):
        one, other = (torch.load(path, weights_only=True) for path in (first, second))
        assert one["state"].keys() == other["state"].keys()
        assert all(torch.equal(value, other["state"][key]) for key, value in one["state"].items())
        assert one["calibration"] == other["calibration"]
        assert one["recipe"]["corpus_fingerprint"] == other["recipe"]["corpus_fingerprint"]
        assert one["recipe"]["libraries"]["torch"].startswith(torch.__version__.partition("+")[0])


def test_both_checkpoints_become_onnx_files_that_tag(checkpoints: dict[str, tuple[Path, Path]], tmp_path: Path) -> None:
    recordings = checkpoints["first"][0].parents[1] / "corpus-first"
    for checkpoint in checkpoints["first"]:
        model = tmp_path / f"{checkpoint.stem}.onnx"
        done = CliRunner().invoke(export_app, ["model", str(checkpoint), "-o", str(model)])
        assert done.exit_code == 0, done.output
        table = tmp_path / f"{checkpoint.stem}.csv"
        command = [sys.executable, "-m", "instag", "tag", str(recordings), "-o", str(table), "--model", str(model)]
        subprocess.run(command, check=True, capture_output=True)
        with table.open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == 40 and {row["status"] for row in rows} == {"analysed"}
        assert {row["model_id"] for row in rows} == {f"instag-smoke{'-small' if 'small' in checkpoint.stem else ''}"}
