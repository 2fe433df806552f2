"""Making scores mean something: temperatures for windows and files, a scale for presence, and the thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve
from torch import Tensor, nn

from instag.labels import LABELS


@dataclass(frozen=True)
class Calibration:
    """What turns logits into probabilities, and probabilities into decisions.

    Attributes:
        dominant_temperature: Of the windows' dominant logits.
        present_scale: For each label, the factor on its presence logit.
        present_bias: For each label, what is then added.
        file_temperature: Of the file's mean dominant scores.
        review_threshold: Confidence below which a file needs review.
        present_thresholds: Presence from which a label counts as heard.
    """

    dominant_temperature: float = 1.0
    present_scale: tuple[float, ...] = (1.0,) * len(LABELS)
    present_bias: tuple[float, ...] = (0.0,) * len(LABELS)
    file_temperature: float = 1.0
    review_threshold: float = 0.5
    present_thresholds: tuple[float, ...] = (0.5,) * len(LABELS)

    def to_dict(self) -> dict[str, Any]:
        """For checkpoints."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


def calibration_from(document: Mapping[str, Any]) -> Calibration:
    """What `Calibration.to_dict` gave."""
    values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in document.items()}
    return Calibration(**values)


class Calibrated(nn.Module):
    """A trainable model with its calibration: the ONNX contract's two outputs."""

    def __init__(self, net: nn.Module, calibration: Calibration) -> None:
        super().__init__()
        self.net = net
        self.sample_rate: int = net.sample_rate
        self.window_seconds: float = net.window_seconds
        self.temperature = calibration.dominant_temperature
        self.register_buffer("scale", torch.tensor(calibration.present_scale))
        self.register_buffer("bias", torch.tensor(calibration.present_bias))

    def forward(self, audio: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, samples) to `dominant` (rows sum to 1) and `present`, (batch, 12) each."""
        dominant, present = self.net(audio)
        return torch.softmax(dominant / self.temperature, dim=1), torch.sigmoid(present * self.scale + self.bias)


def fit_temperature(logits: NDArray[np.floating], targets: NDArray[np.integer]) -> float:
    """The temperature with the lowest cross-entropy, to half a per cent.

    Args:
        logits: (n, labels), or log-probabilities.
        targets: (n,) indices of the right labels.
    """
    grid = np.exp(np.linspace(np.log(0.1), np.log(10.0), 921))
    return float(min(grid, key=lambda temperature: _cross_entropy(logits / temperature, targets)))


def _cross_entropy(logits: NDArray[np.floating], targets: NDArray[np.integer]) -> float:
    highest = logits.max(axis=1, keepdims=True)
    total = np.log(np.exp(logits - highest).sum(axis=1)) + highest[:, 0]
    return float((total - logits[np.arange(len(targets)), targets]).mean())


# All labels together count for each of them as much as this many of its own windows (or files).
SHARED_WINDOWS, SHARED_FILES = 100.0, 50.0


def fit_presence(
    logits: NDArray[np.floating],
    truth: NDArray[np.floating],
    known: NDArray[np.floating],
    shared_windows: float = SHARED_WINDOWS,
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Platt scaling, label by label: (scales, biases).

    A label with few windows stays near the scale and bias that fit all labels together.

    Args:
        logits: (windows, labels).
        truth: (windows, labels), 1 where the label is heard.
        known: (windows, labels), 0 where `truth` says nothing.
        shared_windows: How many of a label's own windows the common fit counts as.
    """
    x, y, mask = (torch.as_tensor(np.asarray(a), dtype=torch.float64) for a in (logits, truth, known))
    one = torch.ones(1, dtype=torch.float64)
    shared = _platt(x, y, mask, one, 0 * one, 1e-3)
    labels = x.shape[1]
    scale, bias = _platt(x, y, mask, shared[0].repeat(labels), shared[1].repeat(labels), shared_windows)
    return tuple(scale.clamp(min=0.05).tolist()), tuple(bias.tolist())


def _platt(
    x: Tensor, y: Tensor, mask: Tensor, scale_start: Tensor, bias_start: Tensor, pull: float
) -> tuple[Tensor, Tensor]:
    """The scale and bias with the least cross-entropy, pulled towards their starting values."""
    scale, bias = (start.clone().requires_grad_(True) for start in (scale_start, bias_start))
    optimiser = torch.optim.LBFGS([scale, bias], max_iter=300, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(x * scale + bias, y, weight=mask, reduction="sum")
        distance = ((scale - scale_start) ** 2).sum() + ((bias - bias_start) ** 2).sum()
        total = (loss + pull * distance) / mask.sum()
        total.backward()
        return total

    optimiser.step(closure)
    return scale.detach(), bias.detach()


def presence_thresholds(
    scores: NDArray[np.floating],
    truth: NDArray[np.bool_],
    known: NDArray[np.bool_],
    shared_files: float = SHARED_FILES,
) -> tuple[float, ...]:
    """For each label the threshold with the highest F1, held near that of all labels where few files have it.

    Args:
        scores: (files, labels) in 0..1.
        truth: (files, labels).
        known: (files, labels), where `truth` says anything.
        shared_files: How many of a label's own files the common threshold counts as.
    """
    together = _logit(best_threshold(scores[known], truth[known]))
    thresholds = []
    for label in range(scores.shape[1]):
        seen = known[:, label]
        own = _logit(best_threshold(scores[seen, label], truth[seen, label]))
        share = truth[seen, label].sum() / (truth[seen, label].sum() + shared_files)
        thresholds.append(float(1 / (1 + np.exp(-(share * own + (1 - share) * together)))))
    return tuple(thresholds)


def _logit(probability: float) -> float:
    clipped = min(max(probability, 1e-4), 1 - 1e-4)
    return float(np.log(clipped / (1 - clipped)))


def best_threshold(scores: NDArray[np.floating], truth: NDArray[np.bool_]) -> float:
    """The threshold with the highest F1, halfway to the next lower score; 0.5 where nothing is true.

    Args:
        scores: (n,) in 0..1.
        truth: (n,).
    """
    if not truth.any():
        return 0.5
    precision, recall, steps = precision_recall_curve(truth, scores)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    # Where scores are the same but for rounding, the highest threshold is taken.
    best = int(np.flatnonzero(np.isclose(f1[:-1], f1[:-1].max(), rtol=0, atol=1e-12))[-1])
    lower = steps[best - 1] if best else 0.0
    return float(np.clip((steps[best] + lower) / 2, 0.0, 1.0))


def expected_calibration_error(confidence: NDArray[np.floating], right: NDArray[np.bool_], bins: int = 10) -> float:
    """Mean gap between confidence and accuracy over equal-width bins, weighted by how many fall into each."""
    position = np.minimum((np.asarray(confidence) * bins).astype(int), bins - 1)
    error = 0.0
    for one in range(bins):
        chosen = position == one
        if chosen.any():
            error += chosen.mean() * abs(confidence[chosen].mean() - right[chosen].mean())
    return float(error)
