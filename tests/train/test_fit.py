"""Fitting: configs, stages, resuming after a kill, early stop, curves."""

import csv
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.support.tiny_corpus import CONFIG, write_corpus
from train.corpus.manifest import AudioCache, read_manifest
from train.errors import TrainingError
from train.systems.config import Stage, read_config
from train.systems.fit import _learning_rate, fit, load_best

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def cache(corpus, tmp_path_factory):
    return AudioCache(read_manifest(corpus), 16000, tmp_path_factory.mktemp("cache"))


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(CONFIG)
    return read_config(path)


def weights(folder, name="last.pt"):
    return torch.load(folder / name, weights_only=True)["weights"]


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


class InterruptError(Exception):
    pass


def test_a_run_ends_with_curves_and_its_best_weights(config, cache, tmp_path):
    result = fit(config, cache, tmp_path / "run")
    assert [epoch.epoch for epoch in result.epochs] == [1, 2, 3, 4]
    assert result.windows == 4 * 3 * 4
    best = max(result.epochs, key=lambda epoch: epoch.macro_f1)
    assert result.best_epoch == best.epoch
    with (tmp_path / "run" / "curves.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["train_loss"]) for row in rows] == [epoch.train_loss for epoch in result.epochs]
    assert json.loads((tmp_path / "run" / "result.json").read_text())["best_epoch"] == result.best_epoch
    assert list((tmp_path / "run").glob("events.out.tfevents.*"))
    system, document = load_best(tmp_path / "run")
    assert same(system.state_dict(), weights(tmp_path / "run", "best.pt"))
    assert document["run"]["batch_size"] == 4


def test_a_frozen_stage_trains_the_heads_alone(config, cache, tmp_path):
    frozen = replace(config, stages=config.stages[:1])
    fit(frozen, cache, tmp_path / "run")
    torch.manual_seed(config.run.seed)
    from train.models import build

    before = build("compact", config.system.arguments).state_dict()
    after = weights(tmp_path / "run")
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {f"heads.{head}.{part}" for head in ("dominant", "present") for part in ("weight", "bias")}


@pytest.mark.parametrize("step", [1, 4, 6, 10])
def test_an_interrupted_run_ends_with_the_same_weights(config, cache, tmp_path, step):
    fit(config, cache, tmp_path / "whole")

    def interrupt(number):
        if number == step:
            raise InterruptError

    with pytest.raises(InterruptError):
        fit(config, cache, tmp_path / "broken", interrupt)
    torch.rand(7)  # whatever else draws from the generator in between
    resumed = fit(config, cache, tmp_path / "broken")
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "broken"))
    assert same(weights(tmp_path / "whole", "best.pt"), weights(tmp_path / "broken", "best.pt"))
    assert len(resumed.epochs) == 4


KILLED = """
import os, signal, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from train.systems.config import read_config
from train.corpus.manifest import AudioCache, read_manifest
from train.systems.fit import fit
config, manifest, cache, folder, step = sys.argv[1:]
clips = read_manifest(Path(manifest))
def kill(number):
    if number == int(step):
        os.kill(os.getpid(), signal.SIGKILL)
fit(read_config(Path(config)), AudioCache(clips, 16000, Path(cache)), Path(folder), kill)
"""


@pytest.fixture
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("one_thread")
def test_a_killed_process_is_taken_up_with_the_same_weights(config, corpus, cache, tmp_path):
    def run(folder, step):
        command = [sys.executable, "-c", KILLED, tmp_path / "tiny.toml", corpus, tmp_path / "cache", folder, step]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        return subprocess.run(list(map(str, command)), cwd=ROOT, env=environment, check=False).returncode

    assert run(tmp_path / "killed", 8) == -signal.SIGKILL
    assert run(tmp_path / "killed", -1) == 0
    fit(config, cache, tmp_path / "whole")
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "killed"))
    assert same(weights(tmp_path / "whole", "best.pt"), weights(tmp_path / "killed", "best.pt"))


def test_a_finished_run_is_not_trained_again(config, cache, tmp_path):
    first = fit(config, cache, tmp_path / "run")
    steps = []
    second = fit(config, cache, tmp_path / "run", steps.append)
    assert steps == []
    assert second == first


def test_another_config_does_not_continue_the_run(config, cache, tmp_path):
    fit(replace(config, stages=config.stages[:1]), cache, tmp_path / "run")
    with pytest.raises(TrainingError, match=r"last.pt: belongs to a run with other settings"):
        fit(config, cache, tmp_path / "run")


def test_training_stops_early_where_nothing_rises(config, cache, tmp_path):
    stage = Stage(epochs=8, learning_rate=0.0, schedule="constant")
    patient = replace(config, run=replace(config.run, patience_epochs=2), stages=(stage,))
    result = fit(patient, cache, tmp_path / "run")
    # Batch norm statistics still move, so the measure may rise once or twice.
    assert len(result.epochs) == result.best_epoch + 2 < 8


def test_it_learns(config, cache, tmp_path):
    stages = (Stage(epochs=4, learning_rate=0.02),)
    longer = replace(config, run=replace(config.run, steps_per_epoch=8, batch_size=8), stages=stages)
    plain = replace(longer, augment=replace(config.augment, mixup=0.0, sources=(1, 1)))
    result = fit(plain, cache, tmp_path / "run")
    assert result.epochs[-1].train_loss < 0.75 * result.epochs[0].train_loss
    assert max(epoch.accuracy for epoch in result.epochs) >= 0.6


def test_learning_rates():
    constant = Stage(epochs=1, learning_rate=0.1, schedule="constant")
    assert {_learning_rate(constant, step, 20) for step in range(20)} == {0.1}
    cosine = Stage(epochs=1, learning_rate=0.1)
    rates = [_learning_rate(cosine, step, 20) for step in range(20)]
    assert rates[0] == pytest.approx(0.05)
    assert max(rates) == rates[2] == pytest.approx(0.1)
    assert rates[-1] < 0.01


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[augment]", "[augmentation]", r"no table \[augmentation\]"),
        ("noise = 0.5", "nois = 0.5", r"\[augment\]: there is no key 'nois'"),
        ("[[stage]]", "[stage]", r"tiny.toml"),
        ('schedule = "constant"', 'schedule = "linear"', r"\[\[stage\]\].*schedule"),
        ("epochs = 2", "", r"\[\[stage\]\].*epochs"),
        ('architecture = "compact"', "", r"\[system\].*architecture"),
        ("[data]", '[data]\nvocabulary = "gm"', r"\[data\].*vocabulary"),
    ],
)
def test_a_senseless_config_is_named(tmp_path, old, new, message):
    path = tmp_path / "tiny.toml"
    path.write_text(CONFIG.replace(old, new, 1))
    with pytest.raises(TrainingError, match=message):
        read_config(path)


def test_every_committed_config_can_be_read_and_built():
    from train.models import build

    paths = sorted((ROOT / "train" / "configs" / "systems").glob("*.toml"))
    assert len(paths) >= 20
    for path in paths:
        config = read_config(path)
        if config.system.architecture != "pann_cnn14":  # 80 million parameters
            assert build(config.system.architecture, config.system.arguments)
