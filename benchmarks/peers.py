r"""Published taggers beside instag, on the same real recordings.

    python -m benchmarks.peers --real DIR --yamnet yamnet.tflite --efficientat mn04_as_mAP_432.pt \
        [--musicnn-python VENV/bin/python] [--judged judged.json ...] [-o peers.json]

A peer's network stays untouched. Its classes are mapped to the eleven labels in every way below; which way, which
threshold for `other` and which for the list are chosen on the part `choose`, where nothing of the peer was fitted
before. Windows and their votes are instag's, so that only the networks differ. musicnn (PyPI) wants libraries that
instag's environment cannot have: it runs in an environment of its own, by `benchmarks/musicnn_tags.py`.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from instag.aggregate import cast_votes
from instag.audio import open_audio
from instag.labels import IRMAS_11, LABELS, OTHER_INDEX
from instag.model.card import FileRule
from instag.results import WindowScores
from instag.windows import cut
from train.measure.calibration import best_threshold
from train.measure.real import CHOOSE, REPORT, RealFile, f1_scores, read_real
from train.models.efficientat import LevelNormaliser, MelFrontEnd, load_mn04
from train.models.yamnet_body import pretrained_body, read_pretrained

WINDOW_SECONDS = 3.0
BATCH = 32
# The strength of a label without a class.
LEAST = 1e-6
# For each label the classes that mean it, the plain one first. AudioSet's names are the same for both networks.
AUDIOSET: Mapping[str, tuple[str, ...]] = {
    "cello": ("Cello",),
    "clarinet": ("Clarinet",),
    "flute": ("Flute",),
    "acoustic_guitar": ("Acoustic guitar", "Strum"),
    "electric_guitar": ("Electric guitar", "Tapping (guitar technique)"),
    "organ": ("Organ", "Electronic organ", "Hammond organ"),
    "piano": ("Piano", "Electric piano"),
    "saxophone": ("Saxophone",),
    "trumpet": ("Trumpet",),
    "violin": ("Violin, fiddle",),
    "voice": ("Singing", "Choir", "Chant", "Male singing", "Female singing", "Child singing", "Rapping", "Vocal music"),
}
# The fifty tags of MagnaTagATune know one guitar, and no clarinet, organ, saxophone or trumpet.
MAGNATAGATUNE: Mapping[str, tuple[str, ...]] = {
    "cello": ("cello",),
    "flute": ("flute",),
    "acoustic_guitar": ("guitar",),
    "piano": ("piano",),
    "violin": ("violin",),
    "voice": ("singing", "vocal", "vocals", "voice", "male vocal", "female vocal", "choir", "opera", "choral"),
}
Windows = NDArray[np.float32]


@dataclass(frozen=True)
class Tagged:
    """What a peer says of some recordings.

    Attributes:
        names: Names of its classes.
        probabilities: For each recording (windows, classes) float32.
        votes: For each recording (windows,) float64, the weights of instag's rule; all 0 in silence.
    """

    names: tuple[str, ...]
    probabilities: tuple[NDArray[np.float32], ...]
    votes: tuple[NDArray[np.float64], ...]


@dataclass(frozen=True)
class Mapped:
    """Recordings as a peer hears them through one way of mapping.

    Attributes:
        strengths: (recordings, 11) mean strength of each label, 0 to 1; higher means surer.
    """

    strengths: NDArray[np.float64]

    def said(self, threshold: float) -> NDArray[np.int64]:
        """(recordings,) the strongest label, or `other` where it is under the threshold."""
        best = self.strengths.argmax(axis=1)
        return np.where(self.strengths.max(axis=1) >= threshold, best, OTHER_INDEX)


def tag(files: Sequence[RealFile], rate: int, names: Sequence[str], network: Callable[[Windows], Windows]) -> Tagged:
    """Windows of every recording through a network that takes (windows, samples) and gives (windows, classes)."""
    audio, votes = [], []
    for file in tqdm(files, mininterval=5, disable=None):
        with open_audio(file.path, rate) as stream:
            windows = list(cut(stream.blocks(), rate, round(WINDOW_SECONDS * rate)))
        audio.append(np.stack([window.samples for window in windows]))
        blank = np.zeros((len(windows), len(LABELS)), np.float32)
        scored = WindowScores(
            np.array([window.start_seconds for window in windows]),
            np.array([window.end_seconds for window in windows]),
            np.array([window.level_dbfs for window in windows]),
            blank,
            blank,
        )
        votes.append(cast_votes(scored, FileRule(), -1).weights)
    probabilities = network(np.concatenate(audio))
    ends = np.cumsum([len(one) for one in audio])
    return Tagged(tuple(names), tuple(np.split(probabilities, ends[:-1])), tuple(votes))


def mappings(tagged: Tagged, classes: Mapping[str, Sequence[str]]) -> dict[str, Mapped]:
    """Every way to eleven strengths: the plain class or the strongest one, its probability or its log odds.

    A label without a class has the least strength of all.
    """
    ways = {}
    for which in ("plain class", "strongest class"):
        for scale in ("probability", "log odds"):
            rows = []
            for probabilities, votes in zip(tagged.probabilities, tagged.votes, strict=True):
                values = np.full((len(probabilities), len(IRMAS_11)), LEAST)
                for at, label in enumerate(IRMAS_11):
                    meant = [tagged.names.index(name) for name in classes.get(label, ()) if name in tagged.names]
                    meant = meant[:1] if which == "plain class" else meant
                    if meant:
                        values[:, at] = np.clip(probabilities[:, meant].max(axis=1), LEAST, 1 - LEAST)
                # A mean of log odds comes back to 0..1, where thresholds are looked for.
                mean = (
                    votes @ values
                    if scale == "probability"
                    else 1 / (1 + np.exp(-(votes @ np.log(values / (1 - values)))))
                )
                rows.append(mean if votes.any() else np.full(len(IRMAS_11), LEAST))
            ways[f"{which}, {scale}"] = Mapped(np.stack(rows))
    return ways


def truth_of(files: Sequence[RealFile]) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """(files,) the dominant label or -1, (files, 11) what is heard, and (files,) whether presence is judged."""
    dominant = np.array([LABELS.index(file.label) if file.label else -1 for file in files], np.int64)
    heard = np.array([[name in file.labels for name in IRMAS_11] for file in files])
    return dominant, heard, np.array([file.polyphonic for file in files])


def fair(said: NDArray[np.int64], truth: NDArray[np.int64]) -> float:
    """Mean of the shares right among the eleven and among `other`: neither can be bought with the other alone."""
    eleven, other = (truth >= 0) & (truth != OTHER_INDEX), truth == OTHER_INDEX
    return float(((said == truth)[eleven].mean() + (said == truth)[other].mean()) / 2)


def choose(ways: Mapping[str, Mapped], files: Sequence[RealFile]) -> tuple[str, float, float]:
    """The way, the threshold for `other` and the threshold for the list that are best on these recordings."""
    truth, heard, polyphonic = truth_of(files)
    best = (-1.0, "", 0.0)
    for name, mapped in ways.items():
        for threshold in np.unique(mapped.strengths.max(axis=1)):
            best = max(best, (fair(mapped.said(threshold), truth), name, float(threshold)))
    strengths = ways[best[1]].strengths[polyphonic]
    return best[1], best[2], best_threshold(strengths.ravel(), heard[polyphonic].ravel())


def measure(mapped: Mapped, files: Sequence[RealFile], threshold: float, present: float) -> dict[str, float]:
    """The figures of the table."""
    truth, heard, polyphonic = truth_of(files)
    said, best = mapped.said(threshold), mapped.strengths.argmax(axis=1)
    eleven, other = (truth >= 0) & (truth != OTHER_INDEX), truth == OTHER_INDEX
    micro, macro = f1_scores(mapped.strengths[polyphonic] >= present, heard[polyphonic])
    return {
        "right": float((said == truth)[eleven].mean()),
        "best_of_eleven": float((best == truth)[eleven].mean()),
        "lost_to_other": float((said == OTHER_INDEX)[eleven].mean()),
        "other_kept": float((said == truth)[other].mean()),
        "presence_micro_f1": micro,
        "presence_macro_f1": macro,
    }


def yamnet(path: Path, class_map: Path) -> tuple[int, tuple[str, ...], Callable[[Windows], Windows]]:
    """Rate, class names and network of `yamnet.tflite`: the mean over three patches a window."""
    pretrained = read_pretrained(path)
    body = pretrained_body(pretrained).eval()
    weight, bias = torch.from_numpy(pretrained.class_weight), torch.from_numpy(pretrained.class_bias)

    def classes(audio: Tensor) -> Tensor:
        return torch.sigmoid(body(audio) @ weight.T + bias).mean(dim=1)

    return 16_000, read_names(class_map), in_batches(classes)


def efficientat(path: Path, class_map: Path) -> tuple[int, tuple[str, ...], Callable[[Windows], Windows]]:
    """Rate, class names and network of EfficientAT's mn04 at the rate that it was trained at."""
    net, normalise, front_end = load_mn04(path), LevelNormaliser(), MelFrontEnd()

    def classes(audio: Tensor) -> Tensor:
        return torch.sigmoid(net(front_end(normalise(audio))))

    return front_end.sample_rate, read_names(class_map), in_batches(classes)


def in_batches(classes: Callable[[Tensor], Tensor]) -> Callable[[Windows], Windows]:
    """The same for arrays of any length."""

    def network(audio: Windows) -> Windows:
        with torch.no_grad():
            return np.concatenate([classes(part).numpy() for part in torch.from_numpy(audio).split(BATCH)])

    return network


def read_names(class_map: Path) -> tuple[str, ...]:
    """The names of a published class map, in order."""
    with class_map.open(newline="", encoding="utf-8") as file:
        return tuple(row["display_name"] for row in csv.DictReader(file))


def musicnn(python: Path) -> tuple[int, tuple[str, ...], Callable[[Windows], Windows]]:
    """Rate, tags and network of musicnn's MTT model, asked in its own environment."""
    script = Path(__file__).with_name("musicnn_tags.py")

    def ask(audio: Windows) -> dict[str, NDArray[Any]]:
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder, "audio.npy"), Path(folder, "tags.npz")
            np.save(source, audio)
            subprocess.run([python, script, source, target], check=True)
            return dict(np.load(target))

    names = tuple(map(str, ask(np.zeros((1, 48_000), np.float32))["names"]))
    return 16_000, names, lambda audio: ask(audio)["tags"]


FIGURES = (
    "right",
    "best_of_eleven",
    "lost_to_other",
    "other_kept",
    "presence_micro_f1",
    "presence_macro_f1",
)


def as_markdown(document: Mapping[str, Any]) -> str:
    """The document as Markdown, a table a part."""
    lines = []
    for part, rows in document["parts"].items():
        lines += [f"### Part {part}\n", "| | " + " | ".join(name.replace("_", " ") for name in FIGURES) + " |"]
        lines.append("|---" * (len(FIGURES) + 1) + "|")
        for name, row in rows.items():
            lines.append(f"| {name} | " + " | ".join(f"{row[key]:.3f}" for key in FIGURES) + " |")
        lines.append("")
    lines += [f"- {name}: {way}" for name, way in document["mappings"].items()]
    return "\n".join(lines)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", type=Path, required=True, help="folder with manifest.csv")
    parser.add_argument("--yamnet", type=Path, required=True, help="yamnet.tflite, yamnet_class_map.csv beside it")
    parser.add_argument("--efficientat", type=Path, required=True, help="mn04, audioset_527_class_map.csv beside it")
    parser.add_argument("--musicnn-python", type=Path, help="Python of an environment with musicnn")
    parser.add_argument(
        "--judged", type=Path, action="append", default=[], help="what benchmarks.judge wrote of a model"
    )
    parser.add_argument("-o", "--output", type=Path, help="every figure as JSON")
    options = parser.parse_args()
    torch.set_num_threads(1)
    manifest = options.real / "manifest.csv"
    parts = {part: read_real(manifest, part) for part in (CHOOSE, REPORT)}
    peers = {
        "YAMNet": (yamnet(options.yamnet, options.yamnet.parent / "yamnet_class_map.csv"), AUDIOSET),
        "EfficientAT mn04": (
            efficientat(options.efficientat, options.efficientat.parent / "audioset_527_class_map.csv"),
            AUDIOSET,
        ),
    }
    if options.musicnn_python:
        peers["musicnn (MTT)"] = (musicnn(options.musicnn_python), MAGNATAGATUNE)
    document: dict[str, Any] = {"parts": {part: {} for part in parts}, "mappings": {}}
    for name, ((rate, names, network), classes) in peers.items():
        ways = {part: mappings(tag(files, rate, names, network), classes) for part, files in parts.items()}
        way, threshold, present = choose(ways[CHOOSE], parts[CHOOSE])
        document["mappings"][name] = f"{way}; `other` under {threshold:.3g}, listed from {present:.3g}"
        for part, files in parts.items():
            document["parts"][part][name] = measure(ways[part][way], files, threshold, present)
    for path in options.judged:
        judge = json.loads(path.read_text(encoding="utf-8"))
        name = f"{judge['model_id']} {judge['model_version']}"
        document["parts"][judge["part"]][name] = {key: judge["figures"][key] for key in FIGURES}
    print(as_markdown(document))
    if options.output:
        options.output.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
