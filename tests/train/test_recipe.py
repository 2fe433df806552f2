from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from instag.labels import LABELS, OTHER_INDEX
from train.errors import TrainingError
from train.models.heads import FactorisedHead
from train.recipe.calibrate import CalibrationSettings, FoldScores, calibrate_folds, file_verdicts, shift_heard
from train.recipe.config import read_recipe
from train.recipe.fit import HeadSettings, average, fit_head
from train.recipe.judge import HeldSet
from train.recipe.pool import Labels

CONFIG = Path(__file__).parents[2] / "train" / "configs" / "main.toml"


def held_set(name: str, truth: np.ndarray) -> HeldSet:
    count = len(truth)
    present = np.eye(len(LABELS), dtype=np.float32)[truth]
    return HeldSet(
        name=name,
        patches=np.zeros((count, 0), np.float16),
        spans=np.tile([0.0, 3.0, -20.0], (count, 1)),
        counts=np.ones(count, np.int64),
        truth=truth,
        present=present,
        known=np.ones_like(present),
        sources=("s",) * count,
    )


def test_the_shift_acts_on_what_is_heard_alone() -> None:
    head = FactorisedHead(8)
    features = torch.randn(20, 3, 8) * 3
    with torch.no_grad():
        before = head(features)[0].numpy()
        head.shift += 1.7
        after = head(features)[0].numpy()
    np.testing.assert_allclose(shift_heard(before, 1.7), after, atol=1e-4)
    np.testing.assert_allclose(shift_heard(before, 0.0), before, atol=1e-4)


def test_a_network_that_calls_too_much_other_is_shifted_and_its_boasting_cooled() -> None:
    rng = np.random.default_rng(0)
    sets, dominant, present = {}, {}, {}
    for name, share in (("recordings", 0.3), ("bands", 0.0), ("others", 1.0)):
        is_other = rng.random(400) < share
        truth = np.where(is_other, OTHER_INDEX, rng.integers(0, 11, 400))
        sets[name] = held_set(name, truth)
        # Right in 4 of 5 cases with far too much certainty, and 3 too low on "heard".
        said = np.where(rng.random(400) < 0.8, truth % 11, rng.integers(0, 11, 400))
        instruments = np.full((400, 11), -8.0)
        instruments[np.arange(400), said] = 0.0
        instruments -= np.log(np.exp(instruments).sum(axis=1, keepdims=True))
        heard = np.where(is_other, 0.0, 4.0) + rng.normal(0, 1, 400) - 3.0
        unheard = -np.logaddexp(0.0, heard)
        dominant[name] = np.column_stack([instruments - np.logaddexp(0.0, -heard)[:, None], unheard]).astype("f4")
        logits = np.where(sets[name].present > 0, 2.0, -2.0)
        present[name] = (logits + rng.normal(0, 1, logits.shape)).astype("f4")
    folds = {"one": FoldScores(sets, dominant, present)}
    calibration, shift = calibrate_folds(folds, CalibrationSettings())
    assert 0.0 < shift < 4.0
    given = file_verdicts(folds["one"], "bands", calibration, shift)
    lost = np.mean([one.dominant == "other" for one in given])
    assert lost <= CalibrationSettings().lost_under_bands + 0.01
    less = file_verdicts(folds["one"], "bands", calibration, shift - 0.3)
    # No more shift than keeps the loss within bounds.
    assert np.mean([one.dominant == "other" for one in less]) > CalibrationSettings().lost_under_bands
    given = file_verdicts(folds["one"], "recordings", calibration, shift)
    right = np.array([LABELS.index(one.dominant) for one in given]) == sets["recordings"].truth
    assert abs(np.mean([one.confidence for one in given]) - right.mean()) < 0.12
    assert all(0.05 < threshold < 0.95 for threshold in calibration.present_thresholds)


def test_the_head_learns_and_a_strong_pull_holds_it_back() -> None:
    torch.manual_seed(0)
    count = 600
    dominant = np.random.default_rng(0).integers(0, 12, count)
    features = torch.eye(12)[dominant][:, None, :] + 0.1 * torch.randn(count, 1, 12)
    labels = Labels(dominant, np.eye(12, dtype=np.float32)[dominant], np.ones((count, 12), np.float32))
    start = FactorisedHead(12)
    free = fit_head(start, features, labels, HeadSettings(epochs=40, lr=1e-2, pull=0.0, any_pull=0.0), seed=1)
    held = fit_head(start, features, labels, HeadSettings(epochs=40, lr=1e-2, pull=50.0, any_pull=50.0), seed=1)
    with torch.no_grad():
        assert (free(features)[0].argmax(dim=1).numpy() == dominant).mean() > 0.95
    distance = [(one.instruments.weight - start.instruments.weight).norm() for one in (held, free)]
    assert distance[0] < 0.2 * distance[1]


def test_weights_are_averaged_by_share() -> None:
    nets = [torch.nn.Linear(2, 2) for _ in range(3)]
    for value, net in enumerate(nets):
        torch.nn.init.constant_(net.weight, float(value))
    mixed = average(nets[0], nets[1:], 0.4)
    torch.testing.assert_close(mixed.weight, torch.full((2, 2), 0.6))


def test_the_configuration_is_read_and_unknown_fields_are_named(tmp_path: Path) -> None:
    config = read_recipe(CONFIG)
    assert config.model_id == "instag-yamnet" and config.folds and config.mix.degrade.white_share == 0.5
    path = tmp_path / "wrong.toml"
    path.write_text(CONFIG.read_text().replace("[tune]", "[tune]\nepoch = 3", 1))
    with pytest.raises(TrainingError, match=r"wrong\.toml tune: there is no key 'epoch'"):
        read_recipe(path)
