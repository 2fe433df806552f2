"""How often `instag tag` is right, on recordings that the model never learned from.

Runs the command itself on the development clips of a corpus (`split=dev`), on mixtures made of them, and on damaged
copies of them, and prints and writes the figures:

    python -m benchmarks.accuracy /path/to/corpus/manifest.csv -o runs/accuracy.json
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from instag.labels import LABELS, OTHER
from instag.paths import to_table
from instag.results import Samples
from train.corpus.manifest import DEV, AudioCache, Clip, load_clip, read_manifest
from train.measure.evaluate import Outcome, multilabel, summarise
from train.measure.reference import make_reference
from train.recipe.judge import JudgeSettings, held_mixers
from train.sound.carriers import Carrier, hiss, mp3, pitch, through_rate
from train.sound.mixing import MixBatch

RATE = 24_000
MIXTURES = 300
SEED = 4711


def tag(files: Sequence[Path], model: str, folder: Path) -> list[dict[str, str]]:
    """Runs `instag tag` and returns the table's rows in the order of the files."""
    table = folder / "table.csv"
    table.unlink(missing_ok=True)
    command = [sys.executable, "-m", "instag", "tag", "--quiet", "--device", "cpu", "--model", model, "-o", str(table)]
    subprocess.run([*command, *map(str, files)], check=True, env={**os.environ, "PYTHONPATH": str(Path.cwd())})
    with table.open(newline="", encoding="utf-8") as file:
        rows = {row["path"]: row for row in csv.DictReader(file)}
    return [rows[to_table(path)] for path in files]


def to_outcome(rows: Sequence[dict[str, str]], truth: Sequence[str]) -> Outcome:
    """Rows of the table against the truth."""
    return Outcome(
        truth=np.array([LABELS.index(label) for label in truth], np.int64),
        predicted=np.array([LABELS.index(row["dominant"]) for row in rows], np.int64),
        confidence=np.array([float(row["confidence"]) for row in rows]),
        review=np.array([row["needs_review"].lower() in ("true", "1") for row in rows]),
    )


def named(rows: Sequence[dict[str, str]]) -> NDArray[np.float64]:
    """(files, labels), 1 where the column `instruments` names the label."""
    heard = [row["instruments"].split(";") for row in rows]
    return np.array([[label in names for label in LABELS] for names in heard], float)


def write(folder: Path, name: str, recordings: Sequence[Samples]) -> list[Path]:
    """Writes recordings as 16-bit WAV."""
    place = folder / name
    place.mkdir(exist_ok=True)
    files = []
    for number, samples in enumerate(recordings):
        files.append(place / f"{number:05}.wav")
        soundfile.write(files[-1], np.clip(samples, -1, 1), RATE, subtype="PCM_16")
    return files


def damages() -> dict[str, Callable[[Samples], Samples]]:
    """What is done to recordings to see how much it costs."""
    rng = np.random.default_rng(SEED)

    def done(carrier: Carrier) -> Callable[[Samples], Samples]:
        return lambda samples: carrier(samples, RATE, rng)

    return {
        "mp3_64k": done(mp3),
        "band_8khz": done(through_rate(16_000)),
        "telephone_8khz": done(through_rate(8_000)),
        "hiss_20db": done(hiss(20.0)),
        "speed_up_3_semitones": done(pitch(3.0)),
        "speed_down_3_semitones": done(pitch(-3.0)),
    }


def mixtures(clips: list[Clip], cache_folder: Path) -> dict[str, tuple[list[Samples], MixBatch]]:
    """Mixtures of clips that the model never learned from, and what is in them.

    `mixtures`: one instrument 3 to 9 dB over two others. `pieces`: 12 s of one to four of the eleven, half of them with
    a band. `bands_louder`: one instrument under drums or bass that are 0 to 6 dB louder. `others`: up to three sources
    of none of the eleven.
    """
    cache = AudioCache(clips, RATE, cache_folder)
    made = {}
    for name, mixer in held_mixers(cache, range(len(cache)), JudgeSettings(seed=SEED)).items():
        batch = mixer.mixtures(range(MIXTURES))
        made["bands_louder" if name == "bands" else name] = (list(batch.audio), batch)
    return made


def measure(manifest: Path, model: str) -> dict[str, Any]:
    """All figures of one model."""
    clips = [clip for clip in read_manifest(manifest) if clip.split == DEV]
    truth = [clip.label for clip in clips]
    figures: dict[str, Any] = {"model": model}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = tag([clip.path for clip in clips], model, folder)
        figures["model_id"], figures["model_version"] = rows[0]["model_id"], rows[0]["model_version"]
        result = to_outcome(rows, truth)
        figures["development"] = summarise(result)
        figures["development"]["mistakes"] = [
            [clip.path.relative_to(manifest.parent).as_posix(), clip.label, row["dominant"], float(row["confidence"])]
            for clip, row in zip(clips, rows, strict=True)
            if row["dominant"] != clip.label
        ]
        figures["reference"] = histograms(rows)
        for kind, (audio, batch) in mixtures(clips, folder / "cache").items():
            rows = tag(write(folder, kind, audio), model, folder)
            figures[kind] = summarise(to_outcome(rows, [LABELS[index] for index in batch.dominant]))
            # What nobody knows of a mixture can be neither right nor wrong.
            heard = named(rows) * batch.present_known
            figures[kind]["instruments"] = multilabel(heard, batch.present > 0.5, np.full(len(LABELS), 0.5))
            rows_lost = figures[kind]["confusions"]
            lost = sum(count for right, said, count in rows_lost if said == OTHER and right != OTHER)
            figures[kind]["lost_to_other"] = lost / max(figures[kind]["n_eleven"], 1)
        eleven = [clip for clip in clips if clip.label != OTHER]
        recordings = [load_clip(clip, RATE) for clip in eleven]
        figures["robustness"] = {"undamaged": figures["development"]["accuracy_eleven"]}
        for kind, damage in damages().items():
            files = write(folder, kind, [damage(samples) for samples in recordings])
            result = to_outcome(tag(files, model, folder), [clip.label for clip in eleven])
            figures["robustness"][kind] = float(result.right.mean())
    return figures


def histograms(rows: Sequence[dict[str, str]]) -> dict[str, Any]:
    """Where the development set's scores lie, against which later collections can be held."""
    return make_reference(
        [row["dominant"] for row in rows],
        np.array([float(row["confidence"]) for row in rows]),
        np.array([[float(row[f"score_{label}"]) for label in LABELS] for row in rows]),
        "development clips of the corpus",
    )


def show(figures: dict[str, Any]) -> None:
    """Prints the figures that the project promised."""
    development = figures["development"]
    print(f"{figures['model_id']} {figures['model_version']}")
    print(f"development clips of the eleven: {development['accuracy_eleven']:.3f} of {development['n_eleven']}")
    for label, entry in development["per_class"].items():
        low, high = entry["recall_interval"]
        print(
            f"  {label:16} recall {entry['recall']:.2f} ({low:.2f} to {high:.2f}) precision {entry['precision']:.2f} "
            f"of {entry['support']}"
        )
    print(f"`other` named other: {development['other_recall']:.3f} of {development['n_other']}")
    print(f"expected calibration error: {development['ece']:.3f}")
    print(
        f"needs review: {development['review_share']:.3f}; right on the rest: {development['accuracy_kept']:.3f} "
        f"(the eleven {development['accuracy_kept_eleven']:.3f})"
    )
    for right, said, count in development["confusions"]:
        print(f"  {right} heard as {said}: {count}")
    mixed = figures["mixtures"]
    print(f"mixtures, 3 to 9 dB over two others: {mixed['accuracy']:.3f}, ECE {mixed['ece']:.3f}")
    for kind in ("mixtures", "pieces"):
        heard = figures[kind]["instruments"]
        print(f"instruments heard in {kind}: micro F1 {heard['micro_f1']:.3f}, macro F1 {heard['macro_f1']:.3f}")
    bands = figures["bands_louder"]
    print(f"under a band 0 to 6 dB louder: {bands['accuracy']:.3f}; lost to `other`: {bands['lost_to_other']:.3f}")
    print(f"mixtures of none of the eleven named other: {figures['others']['other_recall']:.3f}")
    for kind, value in figures["robustness"].items():
        print(f"  {kind}: {value:.3f}")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--model", default="instag")
    parser.add_argument("-o", "--output", type=Path, help="JSON file for the figures; `python -m export` reads it")
    options = parser.parse_args()
    figures = measure(options.manifest, options.model)
    show(figures)
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
