"""Does the list of instruments depend on how long a recording is? Recordings of one instrument, joined to an hour.

    python -m benchmarks.length corpus/manifest.csv [--model instag] [--split dev] [--minutes 60] [--sources A,B]
        [-o length.json]

For each label, its recordings of a split (`train` unless another is named) are joined in a random order, again and
again until an hour is full, and scored window by window as `instag tag` does. The hour is then taken as one file, and
cut into files of 15 s, 1, 3 and 10 minutes, each of which gets its verdict from the runtime's own rule. In a second
table, one instrument plays the first tenth of the file and another one the rest.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from instag.aggregate import aggregate
from instag.analyse import score_windows
from instag.audio import open_audio
from instag.labels import IRMAS_11, LABELS
from instag.model.card import ModelCard
from instag.model.session import Device, Model, find_model, open_model
from instag.results import Samples, Verdict, WindowScores
from instag.windows import cut

LENGTHS_SECONDS = (15, 60, 180, 600, 3600)
BATCH = 16
# A file of each pair of instruments, at each length: more say little that is new.
MOST_FILES_A_LABEL = 40


def recordings(manifest: Path, split: str, sources: Sequence[str] = ()) -> dict[str, list[Path]]:
    """Recordings to join, by label.

    Args:
        manifest: CSV with path, label, source and split.
        split: Which recordings.
        sources: Only these collections; all where empty.
    """
    found: dict[str, list[Path]] = defaultdict(list)
    with manifest.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["split"] == split and row["label"] in IRMAS_11 and (not sources or row["source"] in sources):
                found[row["label"]].append(manifest.parent / row["path"])
    return dict(found)


def joined(paths: Sequence[Path], sample_rate: int, seconds: float, seed: int) -> Iterator[Samples]:
    """Yields the recordings after one another, shuffled anew in each round, until `seconds` are full."""
    random = np.random.default_rng(seed)
    left = round(seconds * sample_rate)
    while left > 0:
        for index in random.permutation(len(paths)):
            with open_audio(paths[index], sample_rate) as stream:
                for block in stream.blocks():
                    yield block[:left]
                    left -= len(block[:left])
            if left <= 0:
                return


def score_hours(model: Model, paths: Mapping[str, Sequence[Path]], seconds: float) -> dict[str, WindowScores]:
    """The window scores of one long recording for each label."""
    card = model.card
    scores = {}
    for label, some in paths.items():
        blocks = joined(some, card.sample_rate, seconds, LABELS.index(label))
        scores[label] = score_windows(cut(blocks, card.sample_rate, card.window_samples), model, BATCH)
        print(f"{label}: {len(some)} recordings, {len(scores[label].level_dbfs)} windows", flush=True)
    return scores


def stretch(windows: WindowScores, first: int, count: int) -> WindowScores:
    """Windows `first` to `first + count`, as a recording of their own that starts at 0 s."""
    span = slice(first, first + count)
    start = windows.start_seconds[first]
    return WindowScores(
        windows.start_seconds[span] - start,
        windows.end_seconds[span] - start,
        windows.level_dbfs[span],
        windows.scores[span],
        windows.presences[span],
    )


def after_one_another(first: WindowScores, second: WindowScores) -> WindowScores:
    """Two recordings joined to one."""
    return WindowScores(
        np.concatenate([first.start_seconds, second.start_seconds + first.end_seconds[-1]]),
        np.concatenate([first.end_seconds, second.end_seconds + first.end_seconds[-1]]),
        np.concatenate([first.level_dbfs, second.level_dbfs]),
        np.concatenate([first.scores, second.scores]),
        np.concatenate([first.presences, second.presences]),
    )


def by_length(hours: Mapping[str, WindowScores], card: ModelCard, seconds: float) -> dict[str, float]:
    """One instrument plays throughout.

    Returns:
        files; right (its label is dominant); found (its label is listed); false_labels (others listed, per file);
        same_as_hour (files whose list is that of the whole hour).
    """
    count = round(seconds / card.window_seconds)
    rows: list[tuple[bool, bool, int, bool]] = []
    for label, hour in hours.items():
        whole = aggregate(hour, card)
        for verdict in _verdicts(hour, count, card):
            listed = set(verdict.instruments)
            rows.append(
                (verdict.dominant == label, label in listed, len(listed - {label}), listed == set(whole.instruments))
            )
    right, found, false, same = np.array(rows, float).mean(axis=0)
    return {"files": len(rows), "right": right, "found": found, "false_labels": false, "same_as_hour": same}


def _verdicts(hour: WindowScores, count: int, card: ModelCard) -> Iterator[Verdict]:
    firsts = range(0, len(hour.level_dbfs) - count + 1, count)
    for first in list(firsts)[:MOST_FILES_A_LABEL]:
        yield aggregate(stretch(hour, first, count), card)


def tenth(hours: Mapping[str, WindowScores], card: ModelCard, seconds: float) -> dict[str, float]:
    """One instrument plays the first tenth of the time, another one the rest.

    Returns:
        files; found (share of files in which the first is listed); false_labels (neither of the two, per file).
    """
    count = round(seconds / card.window_seconds)
    few = max(1, round(count / 10))
    found, false = [], []
    for label, hour in hours.items():
        for number, (main, other_hour) in enumerate(hours.items()):
            if main != label:
                first = (number * few) % max(1, len(hour.level_dbfs) - few)
                file = after_one_another(stretch(hour, first, few), stretch(other_hour, 0, count - few))
                listed = set(aggregate(file, card).instruments)
                found.append(label in listed)
                false.append(len(listed - {label, main}))
    return {"files": len(found), "found": float(np.mean(found)), "false_labels": float(np.mean(false))}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--model", default="instag", help="an ONNX file, or the name of a shipped model")
    parser.add_argument("--split", default="train", help="part of the manifest: train, or dev")
    parser.add_argument("--minutes", type=float, default=60.0, help="length of the longest file")
    parser.add_argument("--sources", default="", help="only these collections of the manifest, with commas between")
    parser.add_argument("-o", "--output", type=Path, help="the figures as JSON")
    options = parser.parse_args()
    model = open_model(find_model(options.model), Device.CPU)
    paths = recordings(options.manifest, options.split, [name for name in options.sources.split(",") if name])
    if not paths:
        parser.error(f"{options.manifest}: no recording of the split {options.split!r} has one of the eleven labels")
    hours = score_hours(model, paths, options.minutes * 60)
    lengths = [seconds for seconds in LENGTHS_SECONDS if seconds <= options.minutes * 60]
    document: dict[str, Any] = {"model_id": model.card.model_id, "model_version": model.card.version}
    document["throughout"] = {str(seconds): by_length(hours, model.card, seconds) for seconds in lengths}
    document["a_tenth"] = {str(seconds): tenth(hours, model.card, seconds) for seconds in lengths if seconds > 15}
    for name in ("throughout", "a_tenth"):
        rows = document[name]
        columns = list(next(iter(rows.values())))
        print(f"\n| {name}: seconds | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}")
        for seconds, row in rows.items():
            cells = (str(row[one]) if one == "files" else f"{row[one]:.2f}" for one in columns)
            print(f"| {seconds} | {' | '.join(cells)} |")
    if options.output:
        options.output.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
