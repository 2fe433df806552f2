"""Reads IRMAS (Bosch et al., 2012) as it is published."""

from __future__ import annotations

import re
from pathlib import Path

import soundfile

from instag.labels import IRMAS_CODES
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
        TrainingError: A folder is missing or has another name, a name or a clip cannot be read; it is named.
    """
    folder = root / _TRAINING_FOLDER
    if not folder.is_dir():
        raise TrainingError(f"{folder}: no such folder.", "Point --irmas to the folder that holds it.")
    clips = []
    for instrument in sorted(path for path in folder.iterdir() if path.is_dir()):
        if instrument.name not in IRMAS_CODES:
            raise TrainingError(f"{instrument}: '{instrument.name}' is not an IRMAS code.", f"The codes are {_CODES}.")
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
        raise TrainingError(f"{folder / missing[0]}: it holds no clips.", "Unpack the training part again.")
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
        raise TrainingError(f"{root / _TESTING_FOLDERS}: no such folder.", "Point --irmas to the folder that holds it.")
    clips = []
    for path in sorted(path for folder in folders for path in folder.rglob("*.wav")):
        labels = _annotation(path.with_suffix(".txt"))
        song = path.stem.rpartition("-")[0] or path.stem
        clips.append(Clip(path, labels[0], "", "irmas-test", "clip/mix", song, DEV, _seconds(path), LICENCE, labels))
    if not clips:
        raise TrainingError(f"{folders[0]}: it holds no clips.", "Unpack the test part again.")
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
            raise TrainingError(f"{path}: '{code}' is not an IRMAS code.", f"The codes are {_CODES}.")
    if not codes:
        raise TrainingError(f"{path}: the annotation is empty.", "Unpack the test part again.")
    return tuple(dict.fromkeys(IRMAS_CODES[code] for code in codes))
