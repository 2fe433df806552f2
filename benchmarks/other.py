"""Could the network say what `other` is? Class rows of the untouched mn04 on real recordings; and what speech gets.

    python -m benchmarks.other --real DIR --efficientat mn04_as_mAP_432.pt [--speech MANIFEST] [-o benchmarks/OTHER.md]

For each kind, recordings of the part `choose` that are of that kind are held against all others there. A recording's
strength is the mean over its windows of the largest class row of the group. The threshold for each recording comes
from the other groups of recordings (the one with the best F1 there), so none is judged by its own. Kinds with fewer
than ten recordings are named and not judged.

`--speech` is a manifest of a corpus; its recordings whose source is `librispeech` are tagged by the shipped model,
whole and through the carriers of `benchmarks.robust`.
"""

from __future__ import annotations

import argparse
import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from tqdm import tqdm

from benchmarks.robust import first_seconds
from instag.aggregate import aggregate
from instag.analyse import score_windows
from instag.labels import OTHER
from instag.model.session import DEFAULT_MODEL, Device, Model, find_model, open_model
from instag.windows import cut
from train.measure.calibration import best_threshold
from train.measure.real import CHOOSE
from train.models.ear import SAMPLE_RATE
from train.models.efficientat import LevelNormaliser, MelFrontEnd, load_mn04
from train.sound.carriers import CARRIERS

WINDOW_SECONDS, SECONDS = 3.0, 12.0
LEAST_RECORDINGS = 10
# What a column would have to reach.
RIGHT = 0.8
SPEECH_SOURCE = "librispeech"


@dataclass(frozen=True)
class What:
    """One thing that `other` may be.

    Attributes:
        name: As it would stand in a table: `other_<name>`.
        classes: AudioSet's classes that mean it.
        details: What manifests call it.
    """

    name: str
    classes: tuple[str, ...]
    details: str


WHATS = (
    What("orchestra", ("Orchestra", "Brass instrument", "String section"), r"anthem|orchestra"),
    What(
        "drums",
        ("Drum", "Drum kit", "Percussion", "Snare drum", "Bass drum", "Cymbal", "Timpani", "Tabla", "Hi-hat", "Gong"),
        r"drum|bongo|claves|hi-hat|kanjira|castanets|snare|cymbal|tabla|tam-tam|temple blocks|timpani|toms|triangle",
    ),
    What("speech", ("Speech",), r"speech|reading"),
    What("applause", ("Applause", "Crowd", "Cheering"), r"applause|crowd"),
    What("electronic", ("Electronic music", "Synthesizer"), r"electronic|synth|theremin"),
    What("noise", ("Noise", "White noise", "Static"), r"noise|hiss|hum"),
    What("silence", ("Silence",), r"^silence"),
)


@dataclass(frozen=True)
class Row:
    """A recording of the manifest, as far as it matters here.

    Attributes:
        path: The audio file.
        label: The dominant label.
        detail: What the manifest says of it.
        group: Recordings of one group stay together.
    """

    path: Path
    label: str
    detail: str
    group: str

    def is_a(self, what: What) -> bool:
        """Whether the recording is of that kind."""
        return self.label == OTHER and re.search(what.details, self.detail, re.IGNORECASE) is not None


@dataclass(frozen=True)
class Found:
    """How well a kind is told.

    Attributes:
        recordings: How many are of it.
        groups: In how many groups they lie.
        auc: Area under the ROC curve.
        precision: With thresholds from the other groups.
        recall: The same.
    """

    recordings: int
    groups: int
    auc: float
    precision: float
    recall: float


def read_rows(manifest: Path) -> list[Row]:
    """The labelled recordings of the part `choose`."""
    with manifest.open(newline="", encoding="utf-8") as file:
        return [
            Row(manifest.parent / row["path"], row["label"], row["detail"], row["group"])
            for row in csv.DictReader(file)
            if row["part"] == CHOOSE and row["label"]
        ]


def class_strengths(rows: Sequence[Row], checkpoint: Path) -> NDArray[np.float32]:
    """(recordings, 527) the mean over the windows of the untouched network's answers, 0..1."""
    network, normalise, front_end = load_mn04(checkpoint), LevelNormaliser(), MelFrontEnd(SAMPLE_RATE)
    size = round(SAMPLE_RATE * WINDOW_SECONDS)
    strengths = []
    for row in tqdm(rows, mininterval=5, disable=None):
        windows = [window.samples for window in cut([first_seconds(row.path, SAMPLE_RATE, SECONDS)], SAMPLE_RATE, size)]
        with torch.no_grad():
            logits = network(front_end(normalise(torch.from_numpy(np.stack(windows)))))
        strengths.append(torch.sigmoid(logits).mean(dim=0).numpy())
    return np.stack(strengths)


def class_indices(class_map: Path, names: Sequence[str]) -> list[int]:
    """Where these classes stand.

    Raises:
        ValueError: A name is not in the map.
    """
    with class_map.open(newline="", encoding="utf-8") as file:
        places = {row["display_name"]: int(row["index"]) for row in csv.DictReader(file)}
    if unknown := set(names) - places.keys():
        raise ValueError(f"{class_map}: there is no class {min(unknown)!r}")
    return [places[name] for name in names]


def judge(strength: NDArray[np.float32], real: NDArray[np.bool_], groups: Sequence[str]) -> Found:
    """Thresholds that each group's recordings are judged by come from all other groups.

    Args:
        strength: (recordings,) how strongly the kind answers.
        real: (recordings,) whether the recording is of it.
        groups: (recordings,) its group.
    """
    names = np.array(groups)
    said = np.zeros(len(real), bool)
    for name in np.unique(names):
        here = names == name
        if real[~here].any():
            said[here] = strength[here] >= best_threshold(strength[~here], real[~here])
    hits = int((said & real).sum())
    return Found(
        recordings=int(real.sum()),
        groups=len(np.unique(names[real])),
        auc=float(roc_auc_score(real, strength)),
        precision=hits / max(1, int(said.sum())),
        recall=hits / max(1, int(real.sum())),
    )


def speech_table(paths: Sequence[Path], model: Model) -> list[tuple[str, int, int, int]]:
    """For each carrier: recordings, those that were given an instrument, and those of them not marked for review."""
    card, table = model.card, []
    for name, carrier in CARRIERS.items():
        named = unreviewed = 0
        for index, path in enumerate(paths):
            clean = first_seconds(path, card.sample_rate, SECONDS)
            worn = carrier(clean, card.sample_rate, np.random.default_rng(index))
            verdict = aggregate(score_windows(cut([worn], card.sample_rate, card.window_samples), model, 16), card)
            has_name = verdict.dominant != OTHER or bool(verdict.instruments)
            named += has_name
            unreviewed += has_name and not verdict.needs_review
        table.append((name, len(paths), named, unreviewed))
    return table


def page(found: dict[str, Found | int], speech: Sequence[tuple[str, int, int, int]], model: Model) -> str:
    """The page, as Markdown."""
    lines = [
        "# What `other` is",
        "",
        "Printed by `python -m benchmarks.other`. No table has columns `other_<what>`: this page says why.",
        "",
        "The class rows of the untouched network (EfficientAT's mn04), on the first 12 s of the recordings of the part",
        "`choose`. Thresholds come from other groups of recordings than those that they judge.",
        "",
        "| what | recordings | groups | AUC | precision | recall |",
        "|---|---|---|---|---|---|",
    ]
    for name, one in found.items():
        figures = ("-",) * 4
        if isinstance(one, Found):
            figures = (str(one.groups), f"{one.auc:.3f}", f"{one.precision:.2f}", f"{one.recall:.2f}")
        count = one.recordings if isinstance(one, Found) else one
        lines.append(f"| {name} | {count} | {' | '.join(figures)} |")
    right = [name for name, one in found.items() if isinstance(one, Found) and min(one.precision, one.recall) >= RIGHT]
    lines += [
        "",
        f"Precision and recall both reach {RIGHT} for: {', '.join(right) or 'none'}. Kinds with fewer than ten",
        "recordings are not judged, since nobody could say whether they are right. The network that ships has no class",
        "rows any more: its upper stages were tuned for other questions, and a second network would double its work.",
        "",
        f"## Speech, by {model.card.model_id} {model.card.version}",
        "",
        "Readings in English, with none of the eleven. The head learned from these readings among others, whole and",
        "worn, so the rows flatter it; how it does on other speakers and other rooms is not measured.",
        "",
        "| transfer | readings | given an instrument | of these not marked for review |",
        "|---|---|---|---|",
    ]
    lines += [f"| {name} | {count} | {named} | {unreviewed} |" for name, count, named, unreviewed in speech]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=Path, required=True, help="folder with manifest.csv")
    parser.add_argument("--efficientat", type=Path, required=True, help="mn04, audioset_527_class_map.csv beside it")
    parser.add_argument("--speech", type=Path, help="manifest of a corpus with readings")
    parser.add_argument("-o", "--output", type=Path, help="the page")
    options = parser.parse_args()
    rows = read_rows(options.real / "manifest.csv")
    strengths = class_strengths(rows, options.efficientat)
    found: dict[str, Found | int] = {}
    for what in WHATS:
        real = np.array([row.is_a(what) for row in rows])
        at = class_indices(options.efficientat.parent / "audioset_527_class_map.csv", what.classes)
        enough = real.sum() >= LEAST_RECORDINGS
        found[what.name] = (
            judge(strengths[:, at].max(axis=1), real, [row.group for row in rows]) if enough else int(real.sum())
        )
    model = open_model(find_model(DEFAULT_MODEL), Device.CPU)
    speech: list[tuple[str, int, int, int]] = []
    if options.speech:
        with options.speech.open(newline="", encoding="utf-8") as file:
            readings = [row["path"] for row in csv.DictReader(file) if row["source"] == SPEECH_SOURCE]
        speech = speech_table([options.speech.parent / path for path in readings], model)
    text = page(found, speech, model)
    print(text)
    if options.output:
        options.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
