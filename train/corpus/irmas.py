"""Reads IRMAS (Bosch et al., 2012) as it is published, and scores its test part by the published protocol."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from sklearn.metrics import f1_score, label_ranking_average_precision_score

from instag.labels import IRMAS_11, IRMAS_CODES
from train.corpus.manifest import DEV, TRAIN, Clip
from train.errors import TrainingError

LICENCE = "CC-BY-NC-SA-3.0"
_TRAINING_FOLDER = "IRMAS-TrainingData"
_TESTING_FOLDERS = "IRMAS-TestingData-Part*"
# 008__[cel][nod][cla]0058__1.wav or [cel][cla]0001__1.wav: codes in brackets, the recording's number, the excerpt.
_EXCERPT = re.compile(r"(?:\d+__)?(?P<codes>(?:\[[a-z_-]+\])+)(?P<number>\d+)__(?P<excerpt>\d+)", re.IGNORECASE)
_CODES = ", ".join(IRMAS_CODES)


def read_training(root: Path) -> list[Clip]:
    """The training part: excerpts of 3 s with one label; those of one recording share their group.

    Args:
        root: The folder that holds `IRMAS-TrainingData`.

    Raises:
        TrainingError: A folder is missing, a folder is no code, a name or a clip cannot be read; the message names it.
    """
    folder = root / _TRAINING_FOLDER
    if not folder.is_dir():
        raise TrainingError(f"{folder}: there is no such folder.", "Point --irmas to the folder that holds it.")
    clips = []
    for instrument in sorted(path for path in folder.iterdir() if path.is_dir()):
        if instrument.name not in IRMAS_CODES:
            raise TrainingError(f"{instrument}: '{instrument.name}' is no IRMAS code.", f"The codes are {_CODES}.")
        for path in sorted(instrument.glob("*.wav")):
            match = _EXCERPT.fullmatch(path.stem)
            if not match:
                raise TrainingError(
                    f"{path}: the name is not like '[cel][nod][cla]0058__1.wav'.", "Keep the names as published."
                )
            clips.append(
                Clip(
                    path=path,
                    label=IRMAS_CODES[instrument.name],
                    detail=match["codes"],
                    source="irmas",
                    kind="clip/mix",
                    group=f"irmas:{instrument.name}:{match['number']}",
                    split=TRAIN,
                    seconds=_seconds(path),
                    licence=LICENCE,
                )
            )
    if missing := sorted(set(IRMAS_CODES) - {clip.path.parent.name for clip in clips}):
        raise TrainingError(f"{folder / missing[0]}: there are no clips.", "Unpack the training part again.")
    return clips


def read_testing(root: Path) -> list[Clip]:
    """The test part: 5 to 20 s with one to five labels each; excerpts of one song share their group.

    Args:
        root: The folder that holds `IRMAS-TestingData-Part1` and so on.

    Raises:
        TrainingError: A folder or an annotation is missing, or a code is unknown; the message names the file.
    """
    folders = sorted(path for path in root.glob(_TESTING_FOLDERS) if path.is_dir())
    if not folders:
        raise TrainingError(
            f"{root / _TESTING_FOLDERS}: there is no such folder.", "Point --irmas to the folder that holds it."
        )
    clips = []
    for path in sorted(path for folder in folders for path in folder.rglob("*.wav")):
        labels = _annotation(path.with_suffix(".txt"))
        song = path.stem.rpartition("-")[0] or path.stem
        clips.append(Clip(path, labels[0], "", "irmas-test", "clip/mix", song, DEV, _seconds(path), LICENCE, labels))
    if not clips:
        raise TrainingError(f"{folders[0]}: there are no clips.", "Unpack the test part again.")
    return clips


def _seconds(path: Path) -> float:
    try:
        return float(soundfile.info(path).duration)
    except (OSError, soundfile.SoundFileError) as error:
        raise TrainingError(f"{path}: the clip cannot be read ({error}).", "Unpack it again.") from error


def _annotation(path: Path) -> tuple[str, ...]:
    try:
        codes = path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(
            f"{path}: the annotation cannot be read ({error}).", "Unpack the test part again."
        ) from error
    for code in codes:
        if code not in IRMAS_CODES:
            raise TrainingError(f"{path}: '{code}' is no IRMAS code.", f"The codes are {_CODES}.")
    if not codes:
        raise TrainingError(f"{path}: the annotation is empty.", "Unpack the test part again.")
    return tuple(dict.fromkeys(IRMAS_CODES[code] for code in codes))


def truth_matrix(clips: Sequence[Clip]) -> np.ndarray:
    """(clips, 11) bool: which of the eleven are annotated."""
    return np.array([[name in (clip.labels or (clip.label,)) for name in IRMAS_11] for clip in clips])


def choose_threshold(scores: np.ndarray, truth: np.ndarray) -> float:
    """The threshold with the best micro F1; call it with training recordings only.

    Args:
        scores: (files, 11), a file's window scores averaged.
        truth: (files, 11) bool.
    """
    grid = np.linspace(0.01, 0.99, 99)
    return float(grid[int(np.argmax([f1_score(truth, scores >= value, average="micro") for value in grid]))])


@dataclass(frozen=True)
class MultiLabelFigures:
    """How well several labels a file were found.

    Attributes:
        micro_f1: F1 over all decisions.
        macro_f1: Mean of the labels' F1.
        lrap: Label ranking average precision, which needs no threshold.
        threshold: From which score a label counted as found.
        files: How many files were scored.
    """

    micro_f1: float
    macro_f1: float
    lrap: float
    threshold: float
    files: int


def score_testing(scores: np.ndarray, truth: np.ndarray, threshold: float) -> MultiLabelFigures:
    """The published protocol's figures.

    Args:
        scores: (files, 11), a file's window scores averaged.
        truth: (files, 11) bool.
        threshold: As chosen on training recordings.
    """
    found = scores >= threshold
    return MultiLabelFigures(
        micro_f1=float(f1_score(truth, found, average="micro", zero_division=0)),
        macro_f1=float(f1_score(truth, found, average="macro", zero_division=0)),
        lrap=float(label_ranking_average_precision_score(truth, scores)),
        threshold=threshold,
        files=len(truth),
    )
