"""MODEL_CARD.md, out of the checkpoint and what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from instag.labels import LABELS
from instag.model.card import ModelCard

_TEMPLATE = Path(__file__).parent / "templates" / "MODEL_CARD.md"
_DAMAGES = {
    "undamaged": "as it is",
    "mp3_64k": "MP3 at 64 kbit/s",
    "telephone_8khz": "8 kHz sample rate (band up to 4 kHz)",
    "band_8khz": "band limit of 8 kHz",
    "hiss_20db": "hiss, 20 dB below the signal",
    "speed_up_3_semitones": "3 semitones faster",
    "speed_down_3_semitones": "3 semitones slower",
}


def model_card(
    card: ModelCard,
    checkpoint: Mapping[str, Any],
    evaluation: Mapping[str, Any],
    speed: Mapping[str, Any] | None = None,
    small: Mapping[str, Any] | None = None,
    looks: int | None = None,
) -> str:
    """The page as Markdown.

    Args:
        card: The document inside the ONNX file.
        checkpoint: What the recipe wrote.
        evaluation: What benchmarks/accuracy.py wrote.
        speed: What benchmarks/speed.py wrote, or None.
        small: The small model's evaluation, or None.
        looks: How often the development clips were looked at, or None where nobody counted.
    """
    development = evaluation["development"]
    return _TEMPLATE.read_text(encoding="utf-8").format(
        model_id=card.model_id,
        version=card.version,
        licence=card.licence,
        commit=card.recipe["commit"],
        fingerprint=card.recipe["corpus_fingerprint"][:16],
        looks="an uncounted number of" if looks is None else looks,
        n=development["n"],
        n_eleven=development["n_eleven"],
        accuracy=_percent(development["accuracy_eleven"]),
        other=_percent(development["other_recall"]),
        n_other=development["n_other"],
        ece=f"{development['ece']:.3f}",
        review=_percent(development["review_share"]),
        kept=_percent(development["accuracy_kept"]),
        kept_eleven=_percent(development["accuracy_kept_eleven"]),
        review_threshold=f"{card.review_threshold:.2f}",
        per_class=_per_class(development["per_class"]),
        confusions=_confusions(development),
        mixtures=_mixtures(evaluation),
        folds=_folds(checkpoint["folds"]),
        thresholds=", ".join(f"{name} {card.present_thresholds[name]:.2f}" for name in LABELS[:-1]),
        robustness=_robustness(evaluation["robustness"]),
        speed=_speed(speed),
        small=_small(small, evaluation),
        limits="\n".join(f"- {sentence}" for sentence in card.limits),
    )


def _percent(value: float | None) -> str:
    return "not measured" if value is None else f"{100 * value:.1f} %"


def _per_class(per_class: Mapping[str, Any]) -> str:
    rows = []
    for label in (name for name in LABELS if name in per_class):
        one = per_class[label]
        low, high = one["recall_interval"]
        rows.append(
            f"| {label} | {one['support']} | {one['precision']:.2f} | {one['recall']:.2f} ({low:.2f} to {high:.2f}) "
            f"| {one['f1']:.2f} |"
        )
    return "\n".join(rows)


def _confusions(development: Mapping[str, Any]) -> str:
    rows = []
    for right, said, count in development["confusions"]:
        example = max(
            (mistake for mistake in development["mistakes"] if mistake[1:3] == [right, said]), key=lambda m: m[3]
        )
        rows.append(f"| {right} | {said} | {count} | `{Path(example[0]).name}` ({example[3]:.2f}) |")
    return "\n".join(rows)


def _mixtures(evaluation: Mapping[str, Any]) -> str:
    rows = []
    for name, what in (
        ("mixtures", "one instrument 3 to 9 dB over two others"),
        ("pieces", "12 s of one to four of the eleven, half of them with a band"),
        ("bands_louder", "one instrument under drums or bass 0 to 6 dB louder"),
        ("others", "up to three sources, none of the eleven"),
    ):
        one = evaluation[name]
        lost = _percent(one["lost_to_other"]) if one["n_eleven"] else "-"
        heard = one["instruments"]
        present = f"{heard['micro_f1']:.2f} / {heard['macro_f1']:.2f}" if heard["macro_f1"] is not None else "-"
        rows.append(f"| {what} | {one['n']} | {_percent(one['accuracy'])} | {lost} | {one['ece']:.3f} | {present} |")
    return "\n".join(rows)


def _folds(folds: Mapping[str, Any]) -> str:
    rows = []
    for fold, sets in folds.items():
        for name, one in sets.items():
            best = _percent(one["best_of_eleven"]) if "best_of_eleven" in one else "-"
            lost = _percent(one["lost_to_other"]) if "lost_to_other" in one else "-"
            kept = _percent(one["other_recall"]) if one["other_recall"] is not None else "-"
            rows.append(f"| {fold} | {name} | {one['n']} | {best} | {lost} | {kept} | {one['ece']:.3f} |")
    return "\n".join(rows)


def _robustness(robustness: Mapping[str, float]) -> str:
    base = robustness["undamaged"]
    return "\n".join(
        f"| {_DAMAGES[name]} | {_percent(value)} | {100 * (value - base):+.1f} |" for name, value in robustness.items()
    )


def _speed(speed: Mapping[str, Any] | None) -> str:
    if speed is None:
        return "`benchmarks/speed.py` measures it; README.md has the figures."
    return "\n".join(f"- {name}: {value}" for name, value in speed.items())


def _small(small: Mapping[str, Any] | None, evaluation: Mapping[str, Any]) -> str:
    if small is None:
        return ""
    rows = [
        "## The small model (`--model small`)\n",
        "| | main | small |",
        "|---|---|---|",
    ]
    for what, section, key in (
        ("development clips of the eleven", "development", "accuracy_eleven"),
        ("`other` clips named other", "development", "other_recall"),
        ("mixtures", "mixtures", "accuracy"),
        ("pieces", "pieces", "accuracy"),
        ("under a louder band, lost to `other`", "bands_louder", "lost_to_other"),
    ):
        pair = (evaluation[section][key], small[section][key])
        rows.append(f"| {what} | {_percent(pair[0])} | {_percent(pair[1])} |")
    return "\n".join(rows) + "\n"
