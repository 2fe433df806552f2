"""Pictures of runs and front ends, as PNG."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # no screen is needed

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from instag.labels import DISPLAY_NAMES, LABELS
from instag.results import Samples
from train.corpus.splits import VOCABULARIES
from train.measure.evaluate import Outcome
from train.models import System
from train.models.frontend import PowerSpectrogram
from train.models.morlet import MorletBank
from train.systems.run_folder import CURVES

plt.rcParams.update({"figure.dpi": 110, "font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
_BLUE, _RED = "#2b6ca3", "#c0504d"
_BINS = 10


def save(figure: Figure, path: Path) -> Path:
    """Writes and closes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)
    return path


def learning_curves(folders: Sequence[Path]) -> Figure:
    """Training loss and the validation measure over epochs, a line a run."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    palette = plt.get_cmap("tab10" if len(folders) <= 10 else "tab20")
    for number, folder in enumerate(folders):
        colour = palette(number % palette.N)
        with (folder / CURVES).open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        epochs = [int(row["epoch"]) for row in rows]
        left.plot(epochs, [float(row["train_loss"]) for row in rows], "-o", ms=3, color=colour)
        right.plot(epochs, [float(row["macro_f1"]) for row in rows], "-o", ms=3, color=colour, label=folder.name)
    left.set(xlabel="epoch", ylabel="training loss", ylim=(0, None))
    right.set(xlabel="epoch", ylabel="validation macro F1", ylim=(0, 1))
    for axes in (left, right):
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
    figure.legend(*right.get_legend_handles_labels(), loc="outside right upper", frameon=False)
    return figure


def confusion_matrix(outcome: Outcome, vocabulary: str) -> Figure:
    """Rows are the truth and sum to 1; each cell shows the share in per cent and each row its number of files."""
    names = VOCABULARIES[vocabulary]
    indices = [LABELS.index(name) for name in names]
    counts = np.array([[np.sum((outcome.truth == t) & (outcome.predicted == p)) for p in indices] for t in indices])
    support = counts.sum(axis=1)
    shares = counts / np.maximum(support, 1)[:, None]
    figure, axes = plt.subplots(figsize=(7.2, 6.2), layout="constrained")
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.argwhere(counts > 0):
        share = shares[row, column]
        axes.text(
            column, row, f"{100 * share:.0f}", ha="center", va="center", color="white" if share > 0.55 else "black"
        )
    display = [DISPLAY_NAMES[name] for name in names]
    axes.set_xticks(range(len(names)), display, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), [f"{name}  ({n})" for name, n in zip(display, support, strict=True)])
    axes.set(xlabel="said", ylabel="is (files)", title=f"{vocabulary}: per cent of each row")
    axes.spines[:].set_visible(False)
    figure.colorbar(image, ax=axes, shrink=0.7, label="share of the row")
    return figure


def reliability_diagram(outcome: Outcome) -> Figure:
    """Accuracy against confidence in ten bins, and how many files fall into each."""
    position = np.minimum((outcome.confidence * _BINS).astype(int), _BINS - 1)
    figure, (top, bottom) = plt.subplots(
        2, 1, figsize=(4.6, 5.4), height_ratios=(3, 1), sharex=True, layout="constrained"
    )
    centres = (np.arange(_BINS) + 0.5) / _BINS
    filled = [b for b in range(_BINS) if (position == b).any()]
    accuracy = [outcome.right[position == b].mean() for b in filled]
    confidence = [outcome.confidence[position == b].mean() for b in filled]
    error = sum((position == b).mean() * abs(a - c) for b, a, c in zip(filled, accuracy, confidence, strict=True))
    top.plot([0, 1], [0, 1], "--", color="grey", lw=1)
    top.bar(centres[filled], accuracy, 0.9 / _BINS, color=_BLUE, alpha=0.75, label="accuracy")
    top.plot(confidence, accuracy, "o", color=_RED, ms=4, label="mean confidence of the bin")
    top.set(ylabel="share that is right", xlim=(0, 1), ylim=(0, 1.02), title=f"expected calibration error {error:.3f}")
    top.legend(frameon=False, loc="upper left")
    bottom.bar(centres, np.bincount(position, minlength=_BINS), 0.9 / _BINS, color="grey")
    bottom.set(xlabel="confidence", ylabel="files")
    return figure


def class_bars(outcome: Outcome, vocabulary: str) -> Figure:
    """Precision, recall and F1 of each label that is in the set."""
    indices = [LABELS.index(name) for name in VOCABULARIES[vocabulary]]
    indices = [index for index in indices if (outcome.truth == index).any()]
    figure, axes = plt.subplots(figsize=(9, 3.6), layout="constrained")
    place = np.arange(len(indices))
    for offset, (name, colour) in enumerate((("precision", "#9db8d2"), ("recall", "#d9a9a7"), ("F1", _BLUE))):
        values = [_score(outcome, index, name) for index in indices]
        axes.bar(place + 0.27 * (offset - 1), values, 0.25, color=colour, label=name)
    support = [int((outcome.truth == index).sum()) for index in indices]
    ticks = [f"{DISPLAY_NAMES[LABELS[index]]}\n({n})" for index, n in zip(indices, support, strict=True)]
    axes.set_xticks(place, [tick.replace(" ", "\n", 1) if "guitar" in tick else tick for tick in ticks])
    axes.set(ylim=(0, 1), ylabel=f"{vocabulary} (number of files)")
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    axes.legend(frameon=False, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return figure


def _score(outcome: Outcome, index: int, name: str) -> float:
    hits = np.sum((outcome.truth == index) & (outcome.predicted == index))
    said, there = np.sum(outcome.predicted == index), np.sum(outcome.truth == index)
    total = {"precision": said, "recall": there, "F1": (said + there) / 2}[name]
    return float(hits / total) if total else 0.0


def front_end(system: System, samples: Samples, title: str) -> Figure:
    """What a system sees of one window.

    Args:
        system: Whose spectra are drawn.
        samples: (samples,) float32 at the system's rate, one window.
        title: Over the picture.
    """
    with torch.no_grad():
        spectra = [spectrum[0].numpy() for spectrum in system.spectra(torch.from_numpy(samples)[None])]
    columns = 3 if len(spectra) > 1 else 1
    rows = -(-len(spectra) // columns)
    figure, grid = plt.subplots(
        rows, columns, figsize=(4.0 * columns + (3 if columns == 1 else 0), 2.3 * rows + 1), squeeze=False,
        layout="constrained",
    )  # fmt: skip
    views = getattr(system, "views", [None] * len(spectra))
    for axes, spectrum, view in zip(grid.flat, spectra, views, strict=True):
        _draw(axes, spectrum, system, view)
    for axes in grid[-1]:
        axes.set_xlabel("seconds")
    figure.suptitle(title)
    return figure


def _draw(axes: Axes, spectrum: np.ndarray, system: System, view: PowerSpectrogram | None) -> None:
    low, high = np.percentile(spectrum, (5, 99.8))
    extent = (0.0, system.window_seconds, 0.0, float(spectrum.shape[0]))
    axes.imshow(spectrum, origin="lower", aspect="auto", cmap="magma", vmin=low, vmax=high, extent=extent)
    bank = getattr(system, "bank", None)
    if view is not None:
        axes.set_title(f"{view.n_fft} points, {view.centres_hz[0]:.0f} to {view.centres_hz[-1]:.0f} Hz", fontsize=8)
        _frequency_ticks(axes, view.centres_hz)
    elif isinstance(bank, MorletBank):
        _frequency_ticks(axes, bank.centres_hz)
    else:
        axes.set_ylabel("mel band")


def _frequency_ticks(axes: Axes, centres_hz: np.ndarray) -> None:
    """Five labels in Hz on an axis that counts bands."""
    places = np.unique(np.linspace(0, len(centres_hz) - 1, 5).astype(int))
    axes.set_yticks(places + 0.5, [f"{centres_hz[place]:.0f}" for place in places])
    axes.set_ylabel("Hz")
