"""MODEL_CARD.md of the ear, out of the exported file and what was measured of it on real recordings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instag.model.card import ModelCard
from train.errors import TrainingError

_TEMPLATE = Path(__file__).parent / "templates" / "EAR_CARD.md"
_FIGURES = {
    "right": "dominant instrument right, of the eleven",
    "right_or_listed": "the same, or another instrument that the recording's list names",
    "best_of_eleven": "right if `other` is never said",
    "lost_to_other": "recordings of the eleven called `other`",
    "other_kept": "`other` recognised as `other`",
    "presence_micro_f1": "presence, micro F1 over recordings with all labels known",
    "presence_macro_f1": "presence, macro F1",
    "ece": "expected calibration error of files",
    "in_review": "marked for review",
    "right_kept": "right among the rest",
}
_PEERS = ("right", "best_of_eleven", "lost_to_other", "other_kept", "presence_micro_f1", "presence_macro_f1")


@dataclass(frozen=True)
class Measured:
    """What the benchmarks wrote, as they wrote it.

    Attributes:
        report: `benchmarks.judge` on the part `report`.
        robust: `benchmarks.robust`.
        peers: `benchmarks.peers`.
        choose: `benchmarks.judge` on the part `choose`.
        small: The same of the model `small`.
        looks: How often the part `report` was looked at for this version.
    """

    report: Mapping[str, Any]
    robust: Mapping[str, Any]
    peers: Mapping[str, Any]
    choose: Mapping[str, Any]
    small: Mapping[str, Any]
    looks: int


def read_measured(folder: Path, looks: int) -> Measured:
    """Reads `report.json`, `robust-instag.json`, `peers.json`, `choose.json` and `small-choose.json`.

    Raises:
        TrainingError: One of them cannot be read.
    """
    read: list[Any] = []
    for name in ("report", "robust-instag", "peers", "choose", "small-choose"):
        path = folder / f"{name}.json"
        try:
            read.append(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise TrainingError(
                f"{path}: the measurements cannot be read ({error}).", "Run the benchmark again."
            ) from error
    report, robust, peers, choose, small = read
    return Measured(report, robust, peers, choose, small, looks)


def ear_card(card: ModelCard, measured: Measured) -> str:
    """The page as Markdown.

    Raises:
        TrainingError: Something was measured with another version.
    """
    for document in (measured.report, measured.robust, measured.choose):
        if (document["model_id"], document["model_version"]) != (card.model_id, card.version):
            raise TrainingError(
                f"The measurements are of {document['model_id']} {document['model_version']}, "
                f"not of {card.model_id} {card.version}.",
                "Run benchmarks.judge and benchmarks.robust with this model.",
            )
    figures, damage = measured.report["figures"], measured.robust["table"]
    worst = max(damage, key=lambda name: damage[name]["lost_points"])
    return _TEMPLATE.read_text(encoding="utf-8").format(
        model_id=card.model_id,
        version=card.version,
        licence=card.licence,
        commit=card.recipe["commit"],
        fingerprint=card.recipe["corpus_fingerprint"][:16],
        n_eleven=figures["n_eleven"],
        n_other=figures["n_other"],
        looks="once" if measured.looks == 1 else f"{measured.looks} times",
        figures=_figures(measured.report),
        by_label=_by_label(measured.report["by_label"]),
        peers=_peers(measured.peers["parts"]["report"]),
        robust=_robust(damage),
        robust_seconds=measured.robust["seconds"],
        robust_n=measured.robust["n"],
        other_wrong=1 - figures["other_kept"],
        lost=figures["lost_to_other"],
        in_review=figures["in_review"],
        right_kept=figures["right_kept"],
        macro=figures["presence_macro_f1"],
        found=measured.report["by_length"]["600"]["found"],
        small_version=measured.small["model_version"],
        small_other_kept=measured.small["figures"]["other_kept"],
        choose_other_kept=measured.choose["figures"]["other_kept"],
        worst_damage=worst,
        worst_points=damage[worst]["lost_points"],
    )


def _table(head: tuple[str, ...], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (list(head), ["---"] * len(head), *rows))


def _figures(report: Mapping[str, Any]) -> str:
    rows = []
    for name, what in _FIGURES.items():
        low, high = report["intervals"][name]
        rows.append([what, f"{report['figures'][name]:.3f} ({low:.3f} to {high:.3f})"])
    return _table(("figure", "value"), rows)


def _by_label(labels: Mapping[str, Any]) -> str:
    rows = []
    for name, row in labels.items():
        best = row["best_of_eleven"]
        rows.append([name, str(row["n"]), f"{row['right']:.2f}", "-" if best != best else f"{best:.2f}"])
    return _table(("", "files", "right", "best of eleven"), rows)


def _peers(taggers: Mapping[str, Any]) -> str:
    rows = [[name, *(f"{row[key]:.3f}" for key in _PEERS)] for name, row in taggers.items()]
    return _table(("", *(name.replace("_", " ") for name in _PEERS)), rows)


def _robust(damage: Mapping[str, Any]) -> str:
    rows = [
        [name, f"{row['right']:.3f}", f"{row['other_kept']:.3f}", f"{row['lost_points']:.1f}"]
        for name, row in damage.items()
    ]
    return _table(("damage", "right (eleven)", "other kept", "points lost"), rows)
