"""Is `instag drift` quiet on recordings like those of the reference, and loud on damaged copies of them?

    python -m benchmarks.drift MODEL.onnx --real DIR [--seconds 12] [-o drift.json]

The labelled recordings that models are chosen on are dealt into two halves, many times. The first half makes a
reference, as it stands in a model's card; the second half is held against it: as it is, through narrow bands, and at
the wrong speed. Printed is how often each verdict came. The report's recordings are not touched.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks.robust import BATCH, first_seconds
from instag.aggregate import aggregate
from instag.analyse import score_windows
from instag.measure.drift import drift
from instag.model.card import ModelCard
from instag.model.session import Device, Model, find_model, open_model
from instag.results import Verdict
from instag.table.rows import Row, Status
from instag.windows import cut
from train.measure.real import CHOOSE, RealFile, read_real
from train.measure.reference import make_reference
from train.sound.carriers import Carrier, pitch, through_rate

DEALS = 50
AS_IT_IS = "as it is"
# Changes of speed, in semitones: 33 for 45, 45 for 78, and back.
COPIES: dict[str, Carrier] = {
    AS_IT_IS: lambda audio, rate, rng: audio,
    "nothing over 4 kHz": through_rate(8_000),
    "nothing over 2 kHz": through_rate(4_000),
    "nothing over 1 kHz": through_rate(2_000),
    "45 instead of 33": pitch(5.2),
    "78 instead of 45": pitch(9.5),
    "33 instead of 78": pitch(-14.7),
}


def verdicts_of(files: Sequence[RealFile], model: Model, seconds: float) -> dict[str, list[Verdict]]:
    """For each kind of copy, the verdicts on the files, in their order."""
    card = model.card
    found: dict[str, list[Verdict]] = {name: [] for name in COPIES}
    for index, file in enumerate(tqdm(files, mininterval=5, disable=None)):
        clean = first_seconds(file.path, card.sample_rate, seconds)
        for name, copy in COPIES.items():
            audio = copy(clean, card.sample_rate, np.random.default_rng(index))
            windows = score_windows(cut([audio], card.sample_rate, card.window_samples), model, BATCH)
            found[name].append(aggregate(windows, card))
    return found


def deal(found: dict[str, list[Verdict]], card: ModelCard, seed: int) -> dict[str, str]:
    """For each kind of copy, the first sentence of what `instag drift` says of the second half against the first."""
    order = np.random.default_rng(seed).permutation(len(found[AS_IT_IS]))
    first, second = order[: len(order) // 2], order[len(order) // 2 :]
    known = [found[AS_IT_IS][at] for at in first if found[AS_IT_IS][at].scores.any()]
    reference = make_reference(
        [verdict.dominant for verdict in known],
        np.array([verdict.confidence for verdict in known]),
        np.stack([verdict.scores for verdict in known]),
        "the first half",
    )
    with_reference = replace(card, reference=reference)
    return {
        name: drift([_row(verdicts[at], card, at) for at in second], with_reference).verdict.partition(".")[0]
        for name, verdicts in found.items()
    }


def _row(verdict: Verdict, card: ModelCard, at: int) -> Row:
    return Row(
        f"{at}.wav",
        Status.ANALYSED,
        verdict.dominant,
        verdict.confidence,
        model_id=card.model_id,
        model_version=card.version,
        scores=tuple(verdict.scores.tolist()),
    )


def main() -> None:
    """Deals, counts and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="an ONNX file, or the name of a shipped model")
    parser.add_argument("--real", type=Path, required=True, help="folder with manifest.csv")
    parser.add_argument("--seconds", type=float, default=12.0, help="how much of each recording is judged")
    parser.add_argument("-o", "--output", type=Path, help="the counts as JSON")
    arguments = parser.parse_args()
    model = open_model(find_model(arguments.model), Device.CPU)
    files = [file for file in read_real(arguments.real / "manifest.csv", CHOOSE) if file.label]
    found = verdicts_of(files, model, arguments.seconds)
    said: dict[str, Counter[str]] = {name: Counter() for name in COPIES}
    for seed in range(DEALS):
        for name, words in deal(found, model.card, seed).items():
            said[name][words] += 1
    print(f"{model.card.model_id} {model.card.version}, {len(files)} recordings, {DEALS} deals into halves")
    for name, counts in said.items():
        sure = np.mean([verdict.confidence for verdict in found[name]])
        print(f"{name} (mean confidence {sure:.2f})")
        for words, count in counts.most_common():
            print(f"  {count:>3}  {words}")
    if arguments.output:
        arguments.output.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
