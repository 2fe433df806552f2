"""The whole way of the commands on a tiny corpus: fit, export, tag, log, table, pictures; and IRMAS's test part."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from benchmarks.systems.__main__ import app
from benchmarks.systems.compare import append, read_log, read_outcome
from benchmarks.systems.table import write_table
from export.__main__ import app as export_app
from instag.labels import IRMAS_CODES, LABELS
from tests.support.tiny_corpus import CONFIG, write_corpus
from train.commands import budgeted, training_clips
from train.corpus.manifest import read_manifest
from train.errors import TrainingError
from train.systems.config import read_config


def run(*arguments, door=app):
    result = CliRunner().invoke(door, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A comparison of two configs on a tiny corpus."""
    folder = tmp_path_factory.mktemp("comparison")
    manifest = write_corpus(folder, per_label=6, splits=("train", "dev"))
    for name in ("compact", "augment_none"):
        (folder / f"{name}.toml").write_text(CONFIG)
    run(
        "compare", folder / "compact.toml", folder / "augment_none.toml", "--manifest", manifest, "--seeds", "1",
        "--steps", 8, "--out", folder / "runs", "--cache", folder / "cache", "--log", folder / "log.jsonl",
        "--table", folder / "SYSTEMS.md",
    )  # fmt: skip
    return folder


def test_compare_trains_exports_tags_logs_and_writes(measured):
    rows = read_log(measured / "log.jsonl")
    assert [(row["config"], row["seed"]) for row in rows] == [("compact", 1), ("augment_none", 1)]
    assert all(row["parity"] <= 1e-4 and row["evaluation"]["n"] == 24 for row in rows)
    assert rows[0]["steps"] == 8
    assert rows[0]["windows"] == 32
    assert (measured / "runs" / "compact-seed1" / "model.onnx").stat().st_size / 1e6 == rows[0]["onnx_megabytes"]
    with (measured / "runs" / "compact-seed1" / "tagged.csv").open() as file:
        tagged = list(csv.DictReader(file))
    assert len(tagged) == 24
    assert {row["status"] for row in tagged} == {"analysed"}
    right = sum(row["dominant"] == Path(row["path"]).name.split("-")[1] for row in tagged)
    assert rows[0]["evaluation"]["accuracy"] == pytest.approx(right / 24)
    text = (measured / "SYSTEMS.md").read_text()
    assert f"| {rows[0]['evaluation']['accuracy']:.3f} |" in text
    assert "## Augmentations" in text


def test_a_vocabulary_without_a_label_leaves_its_clips_out(measured):
    clips = [clip for clip in read_manifest(measured / "manifest.csv") if clip.split == "dev"]
    table = measured / "runs" / "compact-seed1" / "tagged.csv"
    everything, irmas = (read_outcome(table, clips, name) for name in ("instag-12", "irmas-11"))
    assert len(everything.truth) == 24
    assert len(irmas.truth) == 18
    assert LABELS.index("other") not in irmas.predicted


def test_figures_are_drawn(measured, tmp_path):
    run(
        "figures", measured / "runs" / "compact-seed1", "--manifest", measured / "manifest.csv",
        "--clip", measured / "dev-flute-0.wav", "--out", tmp_path,
    )  # fmt: skip
    names = {path.name for path in tmp_path.glob("*.png")}
    assert names == {
        "learning_curves.png",
        *(
            f"compact-seed1-{kind}.png"
            for kind in (
                "irmas-11-confusion",
                "irmas-11-classes",
                "report-11-confusion",
                "report-11-classes",
                "reliability",
                "front_end",
            )
        ),
    }
    from matplotlib.image import imread

    for name in names:
        picture = imread(tmp_path / name)
        assert min(picture.shape[:2]) > 200
        assert picture[..., :3].std() > 0.02  # something is on it


def test_figures_want_a_measured_run(measured, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "curves.csv").write_text("epoch,train_loss,macro_f1\n1,1.0,0.5\n")
    with pytest.raises(TrainingError, match=r"tagged.csv: there is no such table"):
        run("figures", tmp_path / "run", "--manifest", measured / "manifest.csv", "--out", tmp_path)


def test_front_ends_show_their_tone():
    from benchmarks.systems.figures import front_end
    from train.models import build
    from train.models.three_stft import ThreeStft

    for system in (build("morlet", {}), ThreeStft(widths=(4,), hidden=4), build("nine_stft", {"widths": [4]})):
        time = np.arange(round(3 * system.sample_rate)) / system.sample_rate
        figure = front_end(system, np.sin(2 * np.pi * 440 * time).astype(np.float32), "a tone")
        pictures = [axes for axes in figure.axes if axes.images]
        assert len(pictures) == {"Morlet": 1, "ThreeStft": 3, "NineStft": 9}[type(system).__name__]


def test_the_log_keeps_its_newest_rows(tmp_path):
    log = tmp_path / "log.jsonl"
    append(log, {"config": "a", "seed": 1, "value": 1})
    append(log, {"config": "a", "seed": 2, "value": 1})
    append(log, {"config": "a", "seed": 1, "value": 2})
    append(log, {"config": "a", "seed": 1, "value": 2})
    assert len(log.read_text().splitlines()) == 3
    assert {(row["seed"], row["value"]) for row in read_log(log)} == {(1, 2), (2, 1)}


def row(config, seed, accuracy, windows=100):
    return {
        "config": config, "seed": seed, "pretrained": False, "windows": windows, "commit": "c", "corpus": "f",
        "evaluation_set": "split=dev", "parity": 1e-6, "parameters": 1e6, "onnx_megabytes": 4.0,
        "milliseconds_per_window": 2.0, "training_minutes": 1.0, "validation": {"macro_f1": 0.5},
        "evaluation": {
            "n": 10, "n_eleven": 8, "accuracy": accuracy, "accuracy_eleven": accuracy, "macro_f1": 0.2, "ece": 0.1,
        },
    }  # fmt: skip


def test_the_table_says_what_the_figures_say():
    text = write_table(
        [
            *(row("compact", seed, 0.5 + seed / 100) for seed in (1, 2)),
            *(row("nine_stft", seed, 0.3 + seed / 100) for seed in (1, 2)),
            *(row("three_stft", seed, accuracy) for seed, accuracy in ((1, 0.4), (2, 0.6))),
            *(row("three_stft_big", seed, 0.2, windows=50) for seed in (1, 2)),
            row("pann_cnn14", 1, 0.1, windows=40),
            *(row("augment_none", seed, 0.5) for seed in (1, 2)),
            *(row("augment_noise", seed, 0.4) for seed in (1, 2)),
            *(row("augment_mixup", seed, 0.45 + 0.1 * seed) for seed in (0, 1, 2)),
            *(row("augment_volume", seed, 0.6) for seed in (1, 2)),
        ]
    )
    assert "0.515 ± 0.005" in text
    assert "`compact` against `nine_stft`: +20.0 points (+20.0, +20.0): ahead on every seed, its lowest above" in text
    assert "`compact` against `three_stft`: +1.5 points (+11.0, -8.0): not told apart." in text
    assert "`three_stft_big` against `three_stft`: -30.0 points (-20.0, -40.0): it lost on every seed" in text
    assert "On 50 against 100 windows." in text
    assert "It saw 40 windows where the others saw 100: unfair to it. One seed only." in text
    assert "| noise | 2 | 0.400 ± 0.000 | -10.0 | -10.0, -10.0 |" in text
    assert text.count("| lost on every seed |") == 1
    assert text.count("| gained on every seed |") == 2


def test_a_leaky_split_is_marked():
    rows = [{**row("compact", 1, 0.5), "split": "leaky"}, row("nine_stft", 1, 0.5)]
    assert write_table(rows).count("leaky split: too good") == 1


def test_budget_is_shared_out(tmp_path):
    (tmp_path / "tiny.toml").write_text(CONFIG.replace("[run]", "[run]\nstep_share = 0.5"))
    config = budgeted(read_config(tmp_path / "tiny.toml"), 7, 80)
    assert config.run.seed == 7
    assert config.run.steps_per_epoch * config.epochs == 40


def test_one_corpus_is_named(tmp_path):
    with pytest.raises(TrainingError, match="either --manifest or --irmas"):
        training_clips(None, None)
    with pytest.raises(TrainingError, match="either --manifest or --irmas"):
        training_clips(tmp_path, tmp_path)


def test_irmas_from_training_to_the_test_part(tmp_path):
    rng = np.random.default_rng(0)
    for number, code in enumerate(IRMAS_CODES):
        for recording in range(3):
            for excerpt in (1, 2):
                path = tmp_path / "IRMAS-TrainingData" / code / f"[{code}][cla]{recording:04d}__{excerpt}.wav"
                path.parent.mkdir(parents=True, exist_ok=True)
                time = np.arange(8000) / 8000
                tone = 0.3 * np.sin(2 * np.pi * 100 * (number + 1) * time) + rng.normal(0, 0.01, 8000)
                soundfile.write(path, np.stack([tone, tone], axis=1), 8000)
    path = tmp_path / "IRMAS-TestingData-Part1" / "Part1" / "a song-1.wav"
    path.parent.mkdir(parents=True)
    soundfile.write(path, rng.normal(0, 0.1, (32000, 2)), 8000)
    path.with_suffix(".txt").write_text("pia\t\nvoi\t\n")
    (tmp_path / "tiny.toml").write_text(CONFIG.replace("[data]", '[data]\nvocabulary = "irmas-11"'))
    folders = ("--irmas", tmp_path, "--out", tmp_path / "runs", "--cache", tmp_path / "cache")
    assert "model.onnx" in run("system", tmp_path / "tiny.toml", *folders, door=export_app)
    assert json.loads((tmp_path / "runs" / "tiny-seed1" / "origin.json").read_text())["clips"] == 66
    assert "(1 files, threshold 0." in run("irmas-test", tmp_path / "tiny.toml", *folders)
