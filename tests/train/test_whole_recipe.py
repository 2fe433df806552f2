"""The whole recipe on a tiny tree, twice: manifest, checkpoints, two ONNX files, `instag tag`; equal weights."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import typer
from typer.testing import CliRunner

import export.__main__
import train.__main__
from instag.labels import LABELS
from tests.support.tiny_yamnet import write_yamnet
from train.models.heads import untrained
from train.models.yamnet_body import read_pretrained

ROOT = Path(__file__).parents[2]
RATE = 16_000
TONES = {"flute": 880.0, "cello": 110.0, "trumpet": 440.0}
MAIN = ROOT / "train" / "configs" / "main.toml"
# The recipe that ships, but for sizes: main.toml's lines, and what they become.
SIZES = {
    r"version = .*": 'version = "0.1"',
    r"pool_size = 12000": "pool_size = 16",
    r"fold_pool_size = .*": "fold_pool_size = 8",
    r"fold_seeds = .*": "fold_seeds = [1]",
    r"export_windows = .*": "export_windows = 2",
    r"batch = 32": "batch = 4",
    r"epochs = .*": "epochs = 1",
    r"(mixtures|pieces|notes) = \d+": r"\1 = 4",
    r"philharmonia = .*": 'hall = ["hall"]',
    r"clips = .*": 'studio = ["studio"]',
    r"stems = .*": "",
}


def write_config(path: Path) -> Path:
    """Writes main.toml with the sizes of the tiny tree."""
    text = MAIN.read_text(encoding="utf-8")
    for pattern, replacement in SIZES.items():
        text, count = re.subn(f"^{pattern}$", replacement, text, flags=re.MULTILINE)
        assert count, pattern
    path.write_text(text, encoding="utf-8")
    return path


def write_tree(folder: Path) -> Path:
    """Recordings of two sources, three instruments, drums and noise; returns the manifest's path."""
    (folder / "audio").mkdir(parents=True)
    rng = np.random.default_rng(0)
    rows = []
    for source in ("hall", "studio"):
        for label, detail, kind in (
            *((label, "", kind) for label in TONES for kind in ("note", "phrase")),
            ("other", "drums", "clip"),
            ("other", "wind", "clip"),
        ):
            seconds = 1.0 if kind == "note" else 4.0
            time = np.arange(int(seconds * RATE)) / RATE
            audio = rng.normal(0, 0.05, time.size)
            if label in TONES:
                audio += 0.3 * np.sin(2 * np.pi * TONES[label] * time)
            elif detail == "drums":
                audio *= 8 * np.exp(-20 * (time % 0.5))
            name = f"audio/{source}-{label}-{kind}-{detail or 'solo'}.flac"
            soundfile.write(folder / name, np.clip(audio, -1, 1), RATE)
            rows.append((name, label, detail, source, kind, f"{source}:{name}", "train", seconds, "CC0-1.0"))
    manifest = folder / "manifest.csv"
    with manifest.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("path", "label", "detail", "source", "kind", "group", "split", "seconds", "licence"))
        table.writerows(rows)
    return manifest


def run(door: typer.Typer, *arguments: object) -> None:
    """Runs a front door in this process; an error of its own fails the test."""
    result = CliRunner().invoke(door, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output


def instag(*arguments: object) -> None:
    """Runs instag as a user would."""
    command = [sys.executable, "-m", "instag", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("one_thread")
def test_the_recipe_gives_the_same_weights_wherever_it_runs(tmp_path: Path) -> None:
    pretrained = write_yamnet(tmp_path / "yamnet.tflite")
    config = write_config(tmp_path / "tiny.toml")
    # Two machines: the same corpus at another path, each with a cache of its own.
    for name in ("here", "there/below"):
        place = tmp_path / name
        manifest = write_tree(place / "corpus")
        run(
            train.__main__.app, "recipe", config, "--manifest", manifest, "--pretrained", pretrained,
            "--cache", place / "cache", "-o", place / "runs" / "main.pt",
        )  # fmt: skip
    kept = []
    for stem in ("main", "main-small"):
        one, other = (
            torch.load(tmp_path / name / "runs" / f"{stem}.pt", weights_only=True) for name in ("here", "there/below")
        )
        assert one["state"].keys() == other["state"].keys()
        for key, value in one["state"].items():
            assert torch.equal(value, other["state"][key]), key
        assert one["recipe"] == other["recipe"] and one["calibration"] == other["calibration"]
        assert one["recipe"]["libraries"]["torch"] == torch.__version__
        kept.append(one)
    moved = kept[0]["state"]["body.layers.26.convolution.weight"]
    assert not torch.equal(moved, untrained(read_pretrained(pretrained)).body.layers[26].convolution.weight)

    for stem in ("main", "main-small"):
        model = tmp_path / f"{stem}.onnx"
        run(export.__main__.app, "model", tmp_path / "here" / "runs" / f"{stem}.pt", "-o", model)
        table = tmp_path / f"{stem}.csv"
        instag(
            "tag", tmp_path / "here" / "corpus" / "audio", "-o", table, "--model", model, "--device", "cpu", "--quiet"
        )
        with table.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == 16 and {row["status"] for row in rows} == {"analysed"}
        assert {row["model_version"] for row in rows} == {"0.1"}
        for row in rows:
            assert sum(float(row[f"score_{label}"]) for label in LABELS) == pytest.approx(1.0, abs=1e-3)
