from __future__ import annotations

import numpy as np
import pytest
import torch

from train.measure.calibration import (
    Calibrated,
    Calibration,
    best_threshold,
    calibration_from,
    expected_calibration_error,
    fit_presence,
    fit_temperature,
    presence_thresholds,
)


def draw(logits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Labels that follow the logits' own probabilities."""
    probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return np.array([rng.choice(len(row), p=row) for row in probability])


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_was_put_in_is_found(temperature: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (4000, 5))
    targets = draw(logits, rng)
    assert fit_temperature(logits * temperature, targets) == pytest.approx(temperature, rel=0.1)


def heard(count: int, labels: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logits, what is true with the probability of half of them less one, and that all of it is known."""
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 2, (count, labels))
    truth = (rng.random((count, labels)) < 1 / (1 + np.exp(-(0.5 * logits - 1.0)))).astype(float)
    return logits, truth, np.ones_like(truth)


def test_presence_is_scaled_to_what_is_true_and_ignores_the_unknown() -> None:
    logits, truth, known = heard(6000, 2)
    known[3000:, 1] = 0
    truth[3000:, 1] = 1  # nonsense, but masked
    scale, bias = fit_presence(logits, truth, known)
    np.testing.assert_allclose(scale, 0.5, atol=0.1)
    np.testing.assert_allclose(bias, -1.0, atol=0.2)


def test_a_label_that_is_hardly_known_follows_the_others() -> None:
    logits, truth, known = heard(3000, 4)
    known[2:, 3] = 0
    truth[:2, 3] = 1 - (logits[:2, 3] > 0)  # two windows that say the opposite
    scale, bias = fit_presence(logits, truth, known)
    np.testing.assert_allclose(scale[3], 0.5, atol=0.15)
    np.testing.assert_allclose(bias[3], -1.0, atol=0.3)
    scores = 1 / (1 + np.exp(-logits))
    thresholds = presence_thresholds(scores, truth > 0, known > 0)
    own = best_threshold(scores[:, 0], truth[:, 0] > 0)
    assert thresholds[0] == pytest.approx(own, abs=0.05)
    assert thresholds[3] == pytest.approx(np.mean(thresholds[:3]), abs=0.1)


def test_the_threshold_is_between_what_is_and_what_is_not() -> None:
    scores = np.array([0.1, 0.2, 0.3, 0.8, 0.9])
    assert best_threshold(scores, np.array([False, False, False, True, True])) == pytest.approx(0.55)
    assert best_threshold(scores, np.zeros(5, bool)) == 0.5
    assert best_threshold(np.full(4, 0.7), np.array([True, True, False, True])) <= 0.7


def test_calibration_error_of_honest_and_of_boasting_scores() -> None:
    rng = np.random.default_rng(2)
    confidence = rng.uniform(0.3, 1.0, 20000)
    right = rng.random(20000) < confidence
    assert expected_calibration_error(confidence, right) < 0.02
    assert expected_calibration_error(np.full(1000, 0.95), np.arange(1000) < 500) == pytest.approx(0.45)


def test_calibrated_outputs_keep_the_contract_and_calibration_survives_a_checkpoint() -> None:
    class Net(torch.nn.Module):
        sample_rate, window_seconds = 16000, 3.0

        def forward(self, audio: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return audio[:, :12], audio[:, 12:24]

    calibration = Calibration(2.0, (0.5,) * 12, (1.0,) * 12)
    assert calibration_from(calibration.to_dict()) == calibration
    audio = torch.randn(3, 24) * 4
    dominant, present = Calibrated(Net(), calibration)(audio)
    torch.testing.assert_close(dominant, torch.softmax(audio[:, :12] / 2, dim=1))
    torch.testing.assert_close(present, torch.sigmoid(audio[:, 12:] * 0.5 + 1))
