"""Labelled recordings: the manifest, the decoded cache, and splits that keep what belongs together on one side."""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from functools import cache
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from tqdm import tqdm

from instag.labels import LABELS, OTHER
from instag.results import Samples
from train.errors import TrainingError

TRAIN, DEV = "train", "dev"
REQUIRED_FIELDS = ("path", "label", "source", "kind", "group", "split")


class CorpusError(TrainingError):
    """The manifest or a clip cannot be used; the message names the file, the line and the field."""


@dataclass(frozen=True)
class Clip:
    """One labelled recording.

    Attributes:
        path: The audio file.
        label: Its (dominant) label, one of `instag.labels.LABELS`.
        detail: More exactly what it is, e.g. `oboe` under `other`, or "".
        source: The collection that it comes from.
        kind: `note`, `phrase`, `clip`, `stem`, `backing`, `song`, or one of these with `/mix` where others may be
            heard.
        group: Recordings of one group (a player, a session, a song) never stand on both sides of a split.
        split: `train` or `dev`.
        seconds: Length, 0 where the manifest does not say.
        licence: Of the recording.
        labels: All labels that are heard, for multi-label sets; () where only `label` is known.
    """

    path: Path
    label: str
    detail: str
    source: str
    kind: str
    group: str
    split: str
    seconds: float
    licence: str
    labels: tuple[str, ...] = ()


FIELDS = tuple(field.name for field in fields(Clip))


def write_manifest(path: Path, rows: Iterable[Sequence[str]]) -> None:
    """Writes a manifest that `read_manifest` reads; each row has the fields of a `Clip`, `labels` joined by `;`."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([FIELDS, *rows])


def read_manifest(path: Path) -> list[Clip]:
    """Reads a manifest CSV; paths in it are relative to its folder.

    Args:
        path: The CSV file, with at least the columns `path,label,source,kind,group,split`; `labels` is joined by `;`.

    Raises:
        CorpusError: A column is missing, or a value makes no sense; the message names the file, the line and the field.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            missing = [name for name in REQUIRED_FIELDS if name not in (reader.fieldnames or ())]
            if missing:
                raise CorpusError(f"{path}: line 1: the column '{missing[0]}' is missing.")
            clips = [_clip(path, reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(f"{path}: the manifest cannot be read ({error}).") from error
    if not clips:
        raise CorpusError(f"{path}: the manifest holds no clips.")
    return clips


def _clip(manifest: Path, line: int, row: dict[str, str | None]) -> Clip:
    """One row of the manifest, checked."""

    def refuse(field: str, what: str) -> CorpusError:
        return CorpusError(f"{manifest}: line {line}: field '{field}' {what}.")

    values = {name: (value or "").strip() for name, value in row.items() if isinstance(name, str)}
    for name in REQUIRED_FIELDS:
        if not values[name]:
            raise refuse(name, "is empty")
    labels = tuple(name for name in values.get("labels", "").split(";") if name)
    for field, names in (("label", (values["label"],)), ("labels", labels)):
        for name in names:
            if name not in LABELS:
                raise refuse(field, f"is {name!r}, which is none of {', '.join(LABELS)}")
    if values["split"] not in (TRAIN, DEV):
        raise refuse("split", f"is {values['split']!r}, neither '{TRAIN}' nor '{DEV}'")
    try:
        seconds = float(values.get("seconds") or 0.0)
    except ValueError:
        raise refuse("seconds", f"is {values['seconds']!r}, which is not a number") from None
    if not 0 <= seconds < float("inf"):
        raise refuse("seconds", f"is {seconds}, which is not a length")
    return Clip(
        path=manifest.parent / values["path"],
        label=values["label"],
        detail=values.get("detail", ""),
        source=values["source"],
        kind=values["kind"],
        group=values["group"],
        split=values["split"],
        seconds=seconds,
        licence=values.get("licence", ""),
        labels=labels,
    )


def file_digest(path: Path) -> str:
    """sha256 of a file's bytes; read once per run for each state of the file.

    Raises:
        CorpusError: The file cannot be read.
    """
    try:
        status = path.stat()
        return _file_digest(path, status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise CorpusError(f"{path}: the clip cannot be read ({error.strerror}).") from error


@cache
def _file_digest(path: Path, _size_bytes: int, _mtime_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(clips: Iterable[Clip]) -> str:
    """sha256 over the clips' audio files and labels, whatever their order, their names and the machine."""
    rows = sorted("\x1f".join((file_digest(clip.path), *map(str, astuple(clip)[1:]))) for clip in clips)
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def load_clip(clip: Clip, sample_rate: int) -> Samples:
    """Decodes one clip.

    Args:
        clip: What to decode.
        sample_rate: Wanted rate in Hz.

    Returns:
        (samples,) float32, mono.

    Raises:
        CorpusError: The file is missing or broken.
    """
    try:
        samples, rate = soundfile.read(clip.path, dtype="float32", always_2d=True)
    except (OSError, soundfile.SoundFileError) as error:
        raise CorpusError(f"{clip.path}: the clip cannot be decoded ({error}).") from error
    if not len(samples):
        raise CorpusError(f"{clip.path}: the clip holds no audio.")
    mono = np.nan_to_num(samples.mean(axis=1), nan=0.0, posinf=1.0, neginf=-1.0)
    return soxr.resample(mono, rate, sample_rate, quality="HQ").astype(np.float32, copy=False)


class AudioCache:
    """Every clip of a corpus decoded once to int16, and mapped into memory from then on.

    The names of the cache files follow from the clips' contents, their order and the rate, so a changed corpus is
    decoded again and a moved one is not.

    Args:
        clips: What to decode.
        sample_rate: Wanted rate in Hz.
        folder: Of the cache files.
    """

    def __init__(self, clips: Sequence[Clip], sample_rate: int, folder: Path) -> None:
        self.clips = tuple(clips)
        self.sample_rate = sample_rate
        order = hashlib.sha256("\n".join(file_digest(clip.path) for clip in clips).encode()).hexdigest()[:8]
        stem = f"{fingerprint(clips)[:16]}-{order}-{sample_rate}"
        self._audio_path = folder / f"{stem}.i16"
        self._offsets_path = folder / f"{stem}.offsets.npy"
        if not self._offsets_path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            self._decode()
        self._offsets: NDArray[np.int64] = np.load(self._offsets_path)
        self._audio = np.memmap(self._audio_path, np.int16, "r", shape=(int(self._offsets[-1]),))

    def _decode(self) -> None:
        offsets = [0]
        partial = self._audio_path.with_suffix(f".{os.getpid()}.partial")
        with partial.open("wb") as file:
            for clip in tqdm(self.clips, desc="decoding", unit="clip", disable=None):
                samples = np.clip(load_clip(clip, self.sample_rate), -1.0, 1.0)
                file.write(np.round(samples * 32767.0).astype(np.int16).tobytes())
                offsets.append(offsets[-1] + len(samples))
        partial.replace(self._audio_path)
        # Written last: where it exists, the audio is complete.
        unfinished = self._offsets_path.with_suffix(f".{os.getpid()}.npy")
        np.save(unfinished, np.array(offsets, np.int64))
        unfinished.replace(self._offsets_path)

    def __len__(self) -> int:
        return len(self.clips)

    def length(self, index: int) -> int:
        """Number of samples of a clip."""
        return int(self._offsets[index + 1] - self._offsets[index])

    def samples(self, index: int, start: int = 0, count: int | None = None) -> Samples:
        """A stretch of a clip.

        Args:
            index: Of the clip, in the order that the cache was built with.
            start: First sample.
            count: How many samples; to the end where None. Fewer come back where the clip ends.

        Returns:
            (samples,) float32 in -1..1.
        """
        first = int(self._offsets[index]) + start
        last = int(self._offsets[index + 1])
        last = last if count is None else min(last, first + count)
        return self._audio[first:last].astype(np.float32) / np.float32(32767.0)


def grouped_split(clips: Sequence[Clip], held_share: float, seed: int) -> tuple[list[int], list[int]]:
    """Splits by group, label by label, so that no group stands on both sides.

    Groups are dealt in random order to the held side until it has its share of the label's clips; a label with a single
    group stays on the training side.

    Args:
        clips: What to split.
        held_share: Share of each label's clips that is held out, 0..1.
        seed: Of the order.

    Returns:
        Indices to train on, and indices held out.
    """
    rng = np.random.default_rng(seed)
    held: set[str] = set()
    kept: set[str] = set()
    for label in (*LABELS[:-1], OTHER):
        members = [clip for clip in clips if clip.label == label]
        names = sorted({clip.group for clip in members})
        wanted = held_share * len(members)
        taken = sum(clip.group in held for clip in members)
        for position in rng.permutation(len(names)):
            name = names[position]
            count = sum(clip.group == name for clip in members)
            if name in held or name in kept:
                continue
            free = [other for other in names if other not in held and other != name]
            if taken + count <= wanted + 0.5 * count and free:
                held.add(name)
                taken += count
            else:
                kept.add(name)
    kept_indices = [index for index, clip in enumerate(clips) if clip.group not in held]
    return kept_indices, [index for index, clip in enumerate(clips) if clip.group in held]
