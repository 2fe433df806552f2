"""The fits of the ear's head on embeddings that are made up."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from instag.labels import LABELS, OTHER_INDEX
from train.errors import TrainingError
from train.models.ear import EarConfig, EarNet, untrained_ear
from train.models.efficientat import HIDDEN, Mn04
from train.recipe import ear as recipe
from train.recipe.ear_fit import EarTune, Targets, fit_correction, fit_ear_head

SETTINGS = EarTune(
    head_epochs=5, head_batch=64, correction_epochs=30, correction_batch=32, correction_decay=0.0, refit_lr=0.01
)


@pytest.fixture
def net() -> EarNet:
    torch.manual_seed(0)
    return untrained_ear(Mn04(), EarConfig(any_hidden=16))


def ring(count: int = 400) -> tuple[torch.Tensor, Targets]:
    """Windows of the eleven near the origin, those of `other` in a ring around them: no straight line parts them."""
    rng = np.random.default_rng(3)
    other = np.arange(count) % 2 == 0
    angle, length = rng.uniform(0, 2 * np.pi, count), np.where(other, 6.0, 1.0)
    embedded = np.zeros((count, 1, HIDDEN), np.float32)
    embedded[:, 0, 0], embedded[:, 0, 1] = length * np.cos(angle), length * np.sin(angle)
    dominant = torch.from_numpy(np.where(other, OTHER_INDEX, 6).astype(np.int64))
    present = torch.zeros(count, len(LABELS))
    return torch.from_numpy(embedded), Targets(dominant, present, torch.ones_like(present))


def share_right(net: EarNet, embedded: torch.Tensor, targets: Targets) -> float:
    with torch.no_grad():
        said_other = net.head(embedded)[0][:, OTHER_INDEX] > np.log(0.5)
    return float((said_other == (targets.dominant == OTHER_INDEX)).float().mean())


def test_the_hidden_layer_parts_what_no_straight_line_parts(net: EarNet) -> None:
    embedded, targets = ring()
    assert share_right(fit_ear_head(net, embedded, targets, SETTINGS, 1), embedded, targets) < 0.8
    assert share_right(fit_correction(net, embedded, targets, SETTINGS, 1), embedded, targets) > 0.9


def test_several_runs_give_their_mean() -> None:
    torch.manual_seed(0)
    network = Mn04()
    embedded, targets = ring()
    together = fit_correction(
        untrained_ear(network, EarConfig(any_hidden=24)), embedded, targets, replace(SETTINGS, correction_runs=3), 5
    )
    alone = [
        fit_correction(untrained_ear(network, EarConfig(any_hidden=8)), embedded, targets, SETTINGS, seed)
        for seed in (5, 6, 7)
    ]
    with torch.no_grad():
        expected = torch.stack([one.head.correction(embedded) for one in alone]).mean(dim=0)
        assert torch.allclose(together.head.correction(embedded), expected, atol=1e-4)


def test_units_that_cannot_be_shared_out_are_refused(net: EarNet) -> None:
    with pytest.raises(TrainingError, match="16 hidden units cannot be shared out among 3 runs"):
        fit_correction(net, *ring(), replace(SETTINGS, correction_runs=3), 1)


def test_the_hidden_layer_changes_neither_rows_nor_presence(net: EarNet) -> None:
    embedded, targets = ring()
    before = copy.deepcopy(net.state_dict())
    after = fit_correction(net, embedded, targets, SETTINGS, 1).state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed and all(name.startswith("head.correction") for name in changed)


def test_the_fit_of_the_rows_leaves_the_hidden_layer_alone(net: EarNet) -> None:
    embedded, targets = ring()
    after = fit_ear_head(net, embedded, targets, SETTINGS, 1)
    for mine, its in zip(net.head.correction.parameters(), after.head.correction.parameters(), strict=True):
        assert torch.equal(mine, its)
    assert not torch.equal(net.head.any.weight, after.head.any.weight)


def pool(key: str, size: int = 24) -> Any:
    rng = np.random.default_rng(4)
    mel = rng.normal(0, 1, (size, 128, 300)).astype(np.float16)
    dominant = rng.integers(0, len(LABELS), size)
    present = np.eye(len(LABELS), dtype=np.float32)[dominant]
    return SizedPool(mel=mel, dominant=dominant, present=present, known=np.ones_like(present), key=key)


def test_a_run_is_tuned_on_single_notes_too_and_a_second_recipe_takes_it_from_the_folder(
    net: EarNet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pools = recipe.EarPools((pool("mix"),), pool("solo"), pool("notes"), None)
    config = recipe.EarRecipe("a", "1", 24, (1,), (1,), 24, 5, 0.6, tune=replace(SETTINGS, epochs=1, batch=24))
    seen = []
    tune = recipe.tune_ear

    def watched(*arguments: Any) -> EarNet:
        seen.append(len(arguments[1]))
        return tune(*arguments)

    monkeypatch.setattr(recipe, "tune_ear", watched)
    first = recipe.fit_ear(net, pools, config, tmp_path)
    with torch.no_grad():
        for value in net.head.correction.parameters():
            value.normal_()  # which no run learns from, and which starts at random
    again = recipe.fit_ear(net, pools, replace(config, tune=replace(config.tune, pull=0.5)), tmp_path)
    assert seen == [72], "mixtures, recordings and notes, once"
    for name, value in first.body.state_dict().items():
        torch.testing.assert_close(again.body.state_dict()[name], value, rtol=0, atol=0)
    recipe.fit_ear(net, pools, replace(config, tune=replace(config.tune, body_lr=1e-5)), tmp_path)
    assert seen == [72, 72], "another learning rate is another run"


def test_with_a_tuned_body_only_the_head_is_fitted(
    net: EarNet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tuned = copy.deepcopy(net.body)
    with torch.no_grad():
        tuned.widen[0].bias.add_(0.25)
    size = 24
    pools = recipe.EarPools((pool("mix"),), pool("solo"), pool("notes"), pool("worn"))
    config = recipe.EarRecipe("a", "1", size, (1,), (1,), size, 5, 0.6, heard_shift=0.5, tune=SETTINGS)
    monkeypatch.setattr(recipe, "tune_ear", refuse("the body was tuned"))
    made = recipe.fit_ear(net, pools, config, tmp_path, tuned)
    for name, value in tuned.state_dict().items():
        torch.testing.assert_close(made.body.state_dict()[name], value)
    assert float(made.head.shift) == 0.5
    assert pools.worn.known.all(), "the pool on disk keeps its labels"


class SizedPool(SimpleNamespace):
    """Looks like a pool on disk."""

    def __len__(self) -> int:
        return len(self.dominant)


def refuse(what: str) -> Callable[..., Any]:
    def fail(*_: Any) -> Any:
        raise AssertionError(what)

    return fail
