"""Does the label of a real recording survive level, hiss, wrong speed, narrow bands, codecs and old carriers?

    python -m benchmarks.robust MODEL.onnx --real DIR [--part choose] [--seconds 12] [-o robust.json]

Every labelled recording is decoded, cut to its first `--seconds`, damaged in one way at a time, and judged by the
runtime's own rule. The row "as it is" is the same recordings without damage. Floats go straight to the network, so the
quiet rows show what a quiet transfer loses, not what 16 bits lose.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from instag.aggregate import aggregate
from instag.analyse import score_windows
from instag.audio import open_audio
from instag.labels import OTHER
from instag.model.session import Device, Model, find_model, open_model
from instag.results import Samples
from instag.windows import cut
from train.measure.real import CHOOSE, REPORT, RealFile, read_real
from train.sound.carriers import CARRIERS, Carrier

BATCH = 16


def first_seconds(path: Path, sample_rate: int, seconds: float) -> Samples:
    """(samples,) float32, the beginning of a recording."""
    wanted, blocks, count = round(seconds * sample_rate), [], 0
    with open_audio(path, sample_rate) as stream:
        for block in stream.blocks():
            blocks.append(block)
            count += len(block)
            if count >= wanted:
                break
    return np.concatenate(blocks)[:wanted]


def dominants(
    files: Sequence[RealFile], model: Model, seconds: float, carriers: Mapping[str, Carrier]
) -> list[list[str]]:
    """The label given to each file (outer) after each kind of damage (inner, in the order of `carriers`)."""
    card = model.card
    given = []
    for index, file in enumerate(tqdm(files, mininterval=5, disable=None)):
        clean = first_seconds(file.path, card.sample_rate, seconds)
        row = []
        for carrier in carriers.values():
            # The same noise for each model and each call.
            damaged = carrier(clean, card.sample_rate, np.random.default_rng(index))
            windows = score_windows(cut([damaged], card.sample_rate, card.window_samples), model, BATCH)
            row.append(aggregate(windows, card).dominant)
        given.append(row)
    return given


def summary(truth: Sequence[str], given: Sequence[Sequence[str]], names: Sequence[str]) -> dict[str, dict[str, float]]:
    """For each kind of damage, against the first: shares right of the eleven and of `other`, and labels that stayed."""
    labels, said = np.array(truth), np.array(given)
    eleven, other = labels != OTHER, labels == OTHER
    right = said == labels[:, None]
    table = {}
    for at, name in enumerate(names):
        table[name] = {
            "right": _share(right[eleven, at]),
            "other_kept": _share(right[other, at]),
            "right_all": _share(right[:, at]),
            "same_label": _share(said[:, at] == said[:, 0]),
            "lost_points": 100 * (_share(right[:, 0]) - _share(right[:, at])),
        }
    return table


def as_markdown(document: Mapping[str, Any]) -> str:
    """The document that `main` writes, as a table."""
    lines = [
        f"## {document['model_id']} {document['model_version']}, part {document['part']}, "
        f"first {document['seconds']:g} s of {document['n']} recordings\n",
        "| damage | right (eleven) | other kept | right (all) | points lost | same label |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in document["table"].items():
        lines.append(
            f"| {name} | {row['right']:.3f} | {row['other_kept']:.3f} | {row['right_all']:.3f} "
            f"| {row['lost_points']:.1f} | {row['same_label']:.3f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="an ONNX file, or the name of a shipped model")
    parser.add_argument("--real", type=Path, required=True, help="folder with manifest.csv")
    parser.add_argument("--part", choices=(CHOOSE, REPORT), default=CHOOSE)
    parser.add_argument("--seconds", type=float, default=12.0, help="how much of each recording is judged")
    parser.add_argument("-o", "--output", type=Path, help="the table as JSON")
    options = parser.parse_args()
    model = open_model(find_model(options.model), Device.CPU)
    files = [file for file in read_real(options.real / "manifest.csv", options.part) if file.label]
    given = dominants(files, model, options.seconds, CARRIERS)
    document = {
        "model_id": model.card.model_id,
        "model_version": model.card.version,
        "part": options.part,
        "seconds": options.seconds,
        "n": len(files),
        "table": summary([file.label for file in files], given, tuple(CARRIERS)),
    }
    print(as_markdown(document))
    if options.output:
        options.output.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _share(values: np.ndarray[Any, Any]) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


if __name__ == "__main__":
    main()
