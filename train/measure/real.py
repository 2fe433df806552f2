"""Figures over real recordings: what a model says of files, against what is written of them."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instag.aggregate import aggregate
from instag.labels import LABELS, OTHER, OTHER_INDEX
from instag.model.card import ModelCard
from instag.results import Verdict, WindowScores
from train.measure.calibration import best_threshold, expected_calibration_error

CHOOSE, REPORT = "choose", "report"
APART = "world-view"
JOIN_SECONDS = (15.0, 60.0, 180.0, 600.0, 3600.0)
BOOTSTRAPS = 1000


@dataclass(frozen=True)
class RealFile:
    """One recording of the manifest.

    Attributes:
        path: The audio file.
        label: The dominant label, or "" where nobody says which of several dominates.
        labels: Everything of the twelve that is heard; () where only `label` is known.
        source: The collection that it comes from.
        kind: `phrase`, `clip`, `song`, `stem` or `negative`.
        group: Recordings of one group stay together.
        part: `choose` or `report`.
    """

    path: Path
    label: str
    labels: tuple[str, ...]
    source: str
    kind: str
    group: str
    part: str

    @property
    def polyphonic(self) -> bool:
        """Whether presence is judged on it: all its labels are known, and one of the eleven is among them."""
        return bool(self.labels) and self.labels != (OTHER,)


def read_real(manifest: Path, part: str) -> list[RealFile]:
    """The recordings of one part.

    Raises:
        ValueError: The manifest has none of them, or a label is unknown; the message names the file.
    """
    files = []
    with manifest.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["part"] != part:
                continue
            labels = tuple(name for name in row["labels"].split(";") if name)
            unknown = {*labels, row["label"]} - {*LABELS, ""}
            if unknown:
                raise ValueError(
                    f"{manifest}: {row['path']} has the label {min(unknown)!r}, which instag does not know"
                )
            place = manifest.parent / row["path"]
            files.append(RealFile(place, row["label"], labels, row["source"], row["kind"], row["group"], part))
    if not files:
        raise ValueError(f"{manifest}: no recording has part={part}")
    return files


@dataclass(frozen=True)
class Judged:
    """Recordings with the verdicts on them, as arrays.

    Attributes:
        files: (files,) what is known.
        verdicts: (files,) what the model says.
        truth: (files,) index of the dominant label, -1 where nobody says.
        said: (files,) index of the label given.
        confidence: (files,).
        review: (files,) whether a person should listen.
        scores: (files, 12) dominant scores.
        presences: (files, 12).
        heard: (files, 12) whether the label is among the instruments named.
        real: (files, 12) whether it is heard, where `files[i].labels` says.
    """

    files: tuple[RealFile, ...]
    verdicts: tuple[Verdict, ...]
    truth: NDArray[np.int64]
    said: NDArray[np.int64]
    confidence: NDArray[np.float64]
    review: NDArray[np.bool_]
    scores: NDArray[np.float64]
    presences: NDArray[np.float64]
    heard: NDArray[np.bool_]
    real: NDArray[np.bool_]


def judged(files: Sequence[RealFile], windows: Sequence[WindowScores], card: ModelCard) -> Judged:
    """Aggregates every file by the runtime's own rule."""
    verdicts = tuple(aggregate(one, card) for one in windows)
    return Judged(
        files=tuple(files),
        verdicts=verdicts,
        truth=np.array([LABELS.index(file.label) if file.label else -1 for file in files], np.int64),
        said=np.array([LABELS.index(verdict.dominant) for verdict in verdicts], np.int64),
        confidence=np.array([verdict.confidence for verdict in verdicts]),
        review=np.array([verdict.needs_review for verdict in verdicts], bool),
        scores=np.stack([verdict.scores for verdict in verdicts]).astype(np.float64),
        presences=np.stack([verdict.presences for verdict in verdicts]).astype(np.float64),
        heard=np.array([[name in verdict.instruments for name in LABELS] for verdict in verdicts]),
        real=np.array([[name in file.labels for name in LABELS] for file in files]),
    )


def figures(result: Judged, at: NDArray[np.int64] | None = None) -> dict[str, float]:
    """The main figures.

    Args:
        result: Recordings and verdicts.
        at: Which of the files, with repetitions in a bootstrap; all where None.

    Returns:
        Counts `n_eleven`, `n_other` and so on, and the shares of the table; NaN where there is nothing to judge.
    """
    at = np.arange(len(result.files)) if at is None else at
    truth, said = result.truth[at], result.said[at]
    eleven, other = (truth >= 0) & (truth != OTHER_INDEX), truth == OTHER_INDEX
    apart = np.array([result.files[i].source == APART for i in at])
    poly = np.array([result.files[i].polyphonic for i in at])
    known = np.array([bool(result.files[i].labels) for i in at])
    kept = ~result.review[at]
    right = truth == said
    heard, real = result.heard[at][:, :OTHER_INDEX], result.real[at][:, :OTHER_INDEX]
    presences = result.presences[at][:, :OTHER_INDEX]
    best = result.scores[at][:, :OTHER_INDEX].argmax(axis=1)
    micro, macro = f1_scores(heard[poly], real[poly])
    threshold = best_threshold(presences[poly].ravel(), real[poly].ravel()) if poly.any() else 0.5
    best_micro, best_macro = f1_scores(presences[poly] >= threshold, real[poly])
    labelled = truth >= 0
    # Where a list names several instruments, which of them dominates is the least certain part of a manifest.
    listed = right | (result.real[at, said] & eleven)
    return {
        "n_eleven": int(eleven.sum()),
        "right": _mean(right[eleven]),
        "right_or_listed": _mean(listed[eleven]),
        "best_of_eleven": _mean((best == truth)[eleven]),
        "lost_to_other": _mean((said == OTHER_INDEX)[eleven]),
        "n_other": int(other.sum()),
        "other_kept": _mean(right[other]),
        "other_kept_without_world_view": _mean(right[other & ~apart]),
        "other_kept_world_view": _mean(right[other & apart]),
        "n_polyphonic": int(poly.sum()),
        "presence_micro_f1": micro,
        "presence_macro_f1": macro,
        "presence_micro_f1_best": best_micro,
        "presence_macro_f1_best": best_macro,
        "presence_best_threshold": threshold,
        "false_labels_polyphonic": _mean((heard & ~real).sum(axis=1)[poly]),
        "false_labels_known": _mean((heard & ~real).sum(axis=1)[known]),
        "ece": expected_calibration_error(result.confidence[at][labelled], right[labelled]),
        "in_review": _mean(result.review[at][labelled]),
        "right_kept": _mean(right[labelled & kept]),
    }


def intervals(result: Judged, seed: int = 1) -> dict[str, tuple[float, float]]:
    """95 % intervals of `figures`, by drawing whole groups with replacement."""
    rng = np.random.default_rng(seed)
    members = defaultdict(list)
    for index, file in enumerate(result.files):
        members[file.group].append(index)
    groups = [np.array(one) for one in members.values()]
    drawn = []
    for _ in range(BOOTSTRAPS):
        chosen = np.concatenate([groups[i] for i in rng.integers(0, len(groups), len(groups))])
        drawn.append(figures(result, chosen))
    spans = {}
    for name in drawn[0]:
        values = np.array([one[name] for one in drawn])
        values = values[np.isfinite(values)]
        spans[name] = tuple(np.quantile(values, (0.025, 0.975)).tolist()) if len(values) else (np.nan, np.nan)
    return spans


def by_key(result: Judged, key: Callable[[RealFile], str]) -> dict[str, dict[str, float]]:
    """For each value of `key`: files whose dominant label is known, the share right, and the best of eleven."""
    rows: dict[str, list[int]] = defaultdict(list)
    for index, file in enumerate(result.files):
        if file.label:
            rows[key(file)].append(index)
    table = {}
    for name in sorted(rows):
        at = np.array(rows[name])
        right = result.truth[at] == result.said[at]
        eleven = result.truth[at] != OTHER_INDEX
        best = result.scores[at][:, :OTHER_INDEX].argmax(axis=1) == result.truth[at]
        table[name] = {"n": len(at), "right": _mean(right), "best_of_eleven": _mean(best[eleven])}
    return table


def joined(
    files: Sequence[RealFile], windows: Sequence[WindowScores], card: ModelCard
) -> dict[float, dict[str, float]]:
    """False and missed labels in files of several lengths, made of recordings of one instrumentation.

    Windows do not depend on each other, so the windows of joined recordings are their windows joined.
    """
    sets: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for index, file in enumerate(files):
        if file.labels:
            sets[tuple(sorted(file.labels))].append(index)
    table = {}
    for seconds in JOIN_SECONDS:
        wrong, missed, real = 0, 0, 0
        for labels, members in sets.items():
            verdict = aggregate(_join([windows[i] for i in members], seconds), card)
            truth = {name for name in labels if name != OTHER}
            wrong += len(set(verdict.instruments) - truth)
            missed += len(truth - set(verdict.instruments))
            real += len(truth)
        table[seconds] = {"n": len(sets), "false_labels": wrong / len(sets), "found": 1 - missed / max(real, 1)}
    return table


def _join(parts: Sequence[WindowScores], seconds: float) -> WindowScores:
    """The parts after one another, from the first again where they end, until `seconds` are full."""
    chosen, total, number = [], 0.0, 0
    while total < seconds:
        part = parts[number % len(parts)]
        number += 1
        count = int(np.searchsorted(part.end_seconds - part.start_seconds[0], seconds - total, "right"))
        count = max(count, 1)
        chosen.append((part, count, total))
        total += float(part.end_seconds[count - 1] - part.start_seconds[0])
    return WindowScores(
        *(
            np.concatenate(
                [getattr(part, name)[:count] - part.start_seconds[0] + start for part, count, start in chosen]
            )
            for name in ("start_seconds", "end_seconds")
        ),
        *(
            np.concatenate([getattr(part, name)[:count] for part, count, _ in chosen])
            for name in ("level_dbfs", "scores", "presences")
        ),
    )


def mistakes(result: Judged) -> list[dict[str, Any]]:
    """Files whose label is wrong, the surest first."""
    wrong = [i for i in range(len(result.files)) if result.truth[i] >= 0 and result.truth[i] != result.said[i]]
    return [
        {
            "path": result.files[i].path.name,
            "source": result.files[i].source,
            "label": result.files[i].label,
            "said": LABELS[result.said[i]],
            "confidence": round(float(result.confidence[i]), 3),
        }
        for i in sorted(wrong, key=lambda i: -result.confidence[i])
    ]


def f1_scores(said: NDArray[np.bool_], real: NDArray[np.bool_]) -> tuple[float, float]:
    """Micro F1, and macro F1 over the labels that are heard somewhere.

    Args:
        said: (files, labels) whether the label is listed.
        real: (files, labels) whether it is heard.
    """
    hits, given, there = (part.sum(axis=0) for part in (said & real, said, real))
    total = given.sum() + there.sum()
    each = 2 * hits / np.maximum(given + there, 1)
    return (
        float(2 * hits.sum() / total) if total else float("nan"),
        float(each[there > 0].mean()) if (there > 0).any() else float("nan"),
    )


def _mean(values: NDArray[Any]) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


def table(figure: Mapping[str, float], spans: Mapping[str, tuple[float, float]]) -> str:
    """The figures as a Markdown table."""
    rows = ["| figure | value | 95 % interval |", "|---|---|---|"]
    for name, value in figure.items():
        if name.startswith("n_"):
            rows.append(f"| {name} | {value} | |")
        else:
            rows.append(f"| {name} | {value:.3f} | {spans[name][0]:.3f} to {spans[name][1]:.3f} |")
    return "\n".join(rows)
