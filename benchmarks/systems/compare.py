"""Fits, exports, tags with and logs a set of configs, all on the same recordings and the same budget."""

from __future__ import annotations

import csv
import json
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from export.system import Shipped, ship
from instag.labels import LABELS
from instag.paths import to_table
from train.corpus.manifest import Clip, fingerprint
from train.corpus.splits import VOCABULARIES, fold_scores
from train.errors import TrainingError
from train.measure.evaluate import Outcome, summarise
from train.systems.config import Config
from train.systems.fit import FitResult
from train.systems.fit_corpus import fit_on, open_cache, read_origin, run_folder

TABLE, MEASURED = "tagged.csv", "measured.json"


@dataclass(frozen=True)
class Corpus:
    """What a comparison is made on.

    Attributes:
        clips: To learn from.
        evaluation: Files to tag, never learned from.
        name: Of the evaluation set.
    """

    clips: tuple[Clip, ...]
    evaluation: tuple[Clip, ...]
    name: str


def run_config(config: Config, corpus: Corpus, out: Path, cache_folder: Path) -> dict[str, Any]:
    """One row of the log: fitted, exported, tagged, measured. A run that was measured before is not done again.

    Args:
        config: Every number of the run.
        corpus: Recordings.
        out: Folder of the runs.
        cache_folder: Folder of decoded recordings.
    """
    folder = run_folder(config, out)
    measured = folder / MEASURED
    if measured.exists():
        return dict(json.loads(measured.read_text(encoding="utf-8")))
    fitted = fit_on(config, corpus.clips, out, cache_folder)
    origin = read_origin(folder)
    cache = open_cache(config, corpus.clips, cache_folder)
    shipped = ship(config, cache, folder, origin)
    table = tag(shipped.path, corpus.evaluation, folder / TABLE)
    row = _row(config, corpus, fitted, shipped, origin, table)
    measured.write_text(json.dumps(row, indent=1), encoding="utf-8")
    return row


def tag(model: Path, clips: Sequence[Clip], table: Path) -> Path:
    """Tags files through the command line, as a user would, with one job.

    Raises:
        TrainingError: The command failed.
    """
    table.unlink(missing_ok=True)
    paths = [str(clip.path) for clip in clips]
    command = [sys.executable, "-m", "instag", "tag", *paths, "-o", str(table), "--model", str(model)]
    done = subprocess.run([*command, "--device", "cpu", "--quiet"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise TrainingError(f"{model}: `instag tag` ended with {done.returncode}: {done.stderr.strip()}.")
    return table


def read_outcome(table: Path, clips: Sequence[Clip], vocabulary: str) -> Outcome:
    """What a results table says of labelled clips, in a vocabulary.

    Clips whose label the vocabulary lacks are left out, or count as `other` where it has that.
    """
    with table.open(newline="", encoding="utf-8") as file:
        rows = {row["path"]: row for row in csv.DictReader(file)}
    names = VOCABULARIES[vocabulary]
    labels = {clip.path: clip.label if clip.label in names else "other" for clip in clips}
    kept = [clip for clip in clips if labels[clip.path] in names]
    found = [rows[to_table(clip.path)] for clip in kept]
    scores = np.array([[float(row[f"score_{name}"]) for name in LABELS] for row in found])
    folded = fold_scores(scores, vocabulary)
    return Outcome(
        truth=np.array([LABELS.index(labels[clip.path]) for clip in kept], np.int64),
        predicted=np.array([LABELS.index(names[i]) for i in folded.argmax(axis=1)], np.int64),
        confidence=folded.max(axis=1),
        review=np.array([row["needs_review"] == "true" for row in found]),
    )


def _starts(config: Config) -> bool:
    return bool(config.system.arguments.get("checkpoint"))


def _row(
    config: Config, corpus: Corpus, fitted: FitResult, shipped: Shipped, origin: dict[str, Any], table: Path
) -> dict[str, Any]:
    best = fitted.epochs[fitted.best_epoch - 1]
    figures = summarise(read_outcome(table, corpus.evaluation, config.data.vocabulary))
    return {
        "config": config.name,
        "seed": config.run.seed,
        "architecture": config.system.architecture,
        "pretrained": _starts(config),
        "steps": len(fitted.epochs) * config.run.steps_per_epoch,
        "windows": fitted.windows,
        "precision": config.run.precision,
        "split": config.data.split,
        **origin,
        "evaluation_set": corpus.name,
        "evaluation_corpus": fingerprint(corpus.evaluation)[:16],
        "machine": f"{platform.system()} {platform.machine()}",
        "parameters": shipped.parameters,
        "onnx_megabytes": shipped.megabytes,
        "parity": shipped.parity,
        "milliseconds_per_window": shipped.milliseconds,
        "training_minutes": fitted.training_seconds / 60,
        "best_epoch": fitted.best_epoch,
        "validation": {key: value for key, value in asdict(best).items() if key in ("accuracy", "macro_f1")},
        "evaluation": {
            key: figures[key] for key in ("n", "accuracy", "n_eleven", "accuracy_eleven", "macro_f1", "ece")
        },
    }


def append(log: Path, row: dict[str, Any]) -> None:
    """Adds a row to the log, unless its last row of that config and seed is the same."""
    if row not in read_log(log):
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def read_log(log: Path) -> list[dict[str, Any]]:
    """The newest row of every config and seed, in the order of the log."""
    if not log.exists():
        return []
    rows = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines() if line.strip()]
    return list({(row["config"], row["seed"]): row for row in rows}.values())
