"""Writes SYSTEMS.md from the log of measured runs: figures from the rows, verdicts from the figures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Row = dict[str, Any]

AUGMENT = "augment_"
_BASELINE = f"{AUGMENT}none"
_REPORT = ("nine_stft", "three_stft", "three_stft_big")

# What the figures alone do not say. Printed where a row of that name is in the log.
_REMARKS = {
    "nine_stft": "Model 1. The report does not say what its three time windows are; here they are window lengths, "
    "which its Model 2 then tied to the frequency ranges.",
    "three_stft": "Model 2. The published code's depth at a quarter of CNN14's width, which is what a CPU can train.",
    "three_stft_big": "The report's step from small to bigger: twice the width.",
    "pann_cnn14": "No published checkpoint can be had here, so the frozen stage trains a head on random features and "
    "the second stage has a small learning rate meant for a trained network. With its checkpoint this row would be "
    "another.",
    "pann_mobilenet": "As for pann_cnn14: the transfer's schedule without what it transfers.",
    "mn04": "What PANN transfer becomes with a checkpoint that can be had: EfficientAT's mn04 under the report's "
    "schedule. The shipped ear has the same network and is made by its own recipe.",
    "pann_mobilenet_scratch": "The same network with a schedule that suits a random start.",
    "morlet": "Model 3, which never ran in the report. It levels windows as `compact` does and has its body: the "
    "two rows compare front ends, 70 narrow bands against 24 wide ones.",
    "yamnet": "Pretrained on AudioSet; the network of `small`, which itself is trained on mixtures with weight "
    "averaging, by its own recipe.",
    "compact": "Ours, from scratch. Its levelling and its bands were chosen on whole sources held out of the training "
    "recordings (train/log/systems_experiments.csv), not by these files.",
}


def write_table(rows: Sequence[Row]) -> str:
    """The whole document."""
    systems = _by_config(row for row in rows if not row["config"].startswith(AUGMENT))
    augmentations = _by_config(row for row in rows if row["config"].startswith(AUGMENT))
    parts = [_head(rows)]
    if systems:
        parts += ["## Systems", _systems(systems), *_system_verdicts(systems, augmentations)]
    if _BASELINE in augmentations:
        parts += ["## Augmentations", *_augmentations(augmentations)]
    return "\n\n".join(parts) + "\n"


def _by_config(rows: Any) -> dict[str, list[Row]]:
    grouped: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row["config"]].append(row)
    return {name: sorted(members, key=lambda row: row["seed"]) for name, members in grouped.items()}


def _head(rows: Sequence[Row]) -> str:
    corpora = sorted({row["corpus"] for row in rows})
    sets = sorted({(row["evaluation_set"], row["evaluation"]["n"], row["evaluation"]["n_eleven"]) for row in rows})
    commits = sorted({row["commit"] for row in rows})
    minutes = sum(row["training_minutes"] for row in rows)
    evaluated = "; ".join(f"`{name}`, {n} files, {eleven} of them of the eleven" for name, n, eleven in sets)
    parity = max(row["parity"] for row in rows)
    sources = ", ".join(f"`{name}`" for name in corpora)
    versions = ", ".join(f"`{name}`" for name in commits)
    return f"""# Every system side by side

Written by `python -m benchmarks.systems compare` from `systems.jsonl` ({len(rows)} runs); do not edit.

- Trained on corpus {sources}, code at {versions}.
- Budget: {minutes:.0f} minutes of one CPU core for the training of all runs together. That is very little: every figure
  from a random start is that of an unfinished network, and two rows closer than their spread are not told apart.
- Evaluated on {evaluated}.
  Each row's ONNX file was exported (largest difference from PyTorch: {parity:.0e}) and tagged these files with
  `instag tag --model`. Nothing was chosen by them: epochs were chosen by macro F1 on held-out training recordings, and
  temperatures fitted there.
- Figures are means over the seeds, ± half the distance between the lowest and the highest. Minutes and milliseconds are
  processor time of one core; training in the precision of each config, inference in onnxruntime in single precision,
  batches of eight windows of 3 s. Training minutes leave out validation.
- Accuracy is over all files with twelve labels; "eleven" is over the files of the eleven instruments. ECE: ten bins."""


def _systems(systems: dict[str, list[Row]]) -> str:
    columns: list[tuple[str, Callable[[list[Row]], str]]] = [
        ("seeds", lambda rows: str(len(rows))),
        ("start", lambda rows: "pretrained" if rows[0]["pretrained"] else "random"),
        ("windows seen", lambda rows: f"{rows[0]['windows']:,}"),
        ("parameters", lambda rows: f"{rows[0]['parameters'] / 1e6:.2f} M"),
        ("ONNX MB", lambda rows: f"{rows[0]['onnx_megabytes']:.1f}"),
        ("ms per window", lambda rows: f"{min(row['milliseconds_per_window'] for row in rows):.1f}"),
        ("training minutes", lambda rows: f"{np.mean([row['training_minutes'] for row in rows]):.1f}"),
        ("accuracy", lambda rows: _spread(_figures(rows, "accuracy"))),
        ("eleven", lambda rows: _spread(_figures(rows, "accuracy_eleven"))),
        ("macro F1", lambda rows: _spread(_figures(rows, "macro_f1"))),
        ("ECE", lambda rows: _spread(_figures(rows, "ece"))),
        ("validation macro F1", _validation),
    ]
    ordered = sorted(systems.items(), key=lambda item: -np.mean(_figures(item[1], "accuracy")))
    lines = ["| system | " + " | ".join(name for name, _ in columns) + " |", "|---|" + "---|" * len(columns)]
    lines += [f"| {name} | " + " | ".join(cell(rows) for _, cell in columns) + " |" for name, rows in ordered]
    return "\n".join(lines)


def _validation(rows: list[Row]) -> str:
    leaky = " (leaky split: too good)" if rows[0].get("split") == "leaky" else ""
    return _spread([row["validation"]["macro_f1"] for row in rows]) + leaky


def _system_verdicts(systems: dict[str, list[Row]], augmentations: dict[str, list[Row]]) -> list[str]:
    full = max(row["windows"] for rows in systems.values() for row in rows)
    remarks = []
    for name, rows in systems.items():
        remark = _REMARKS.get(name, "")
        if rows[0]["windows"] < 0.9 * full:  # shares of epochs round the budget by a few windows
            remark += f" It saw {rows[0]['windows']:,} windows where the others saw {full:,}: unfair to it."
        if len(rows) < 2:
            remark += " One seed only."
        if remark:
            remarks.append(f"- `{name}`: {remark.strip()}")
    measured = {**systems, **augmentations}
    verdicts = [
        _against(measured, better, worse)
        for better, worse in (
            *(("compact", name) for name in _REPORT),
            ("three_stft", "nine_stft"),
            ("three_stft_big", "three_stft"),
            ("compact", _BASELINE),
            ("morlet", "compact"),
            ("yamnet", "compact"),
            ("mn04", "yamnet"),
            ("mn04", "pann_mobilenet"),
            ("pann_mobilenet_scratch", "pann_mobilenet"),
        )
        if better in measured and worse in measured
    ]
    intro = """Which idea helped, in points of accuracy over all files: the mean, and each seed that both had. A
seed draws the same held-out recordings and training windows for every system, so they are compared seed by seed.
(`augment_none` is `compact` on fewer windows: that line says what longer training does.)"""
    return ["\n".join(remarks), intro, "\n".join(verdicts)]


def _against(systems: dict[str, list[Row]], one: str, other: str) -> str:
    """Seed by seed: a seed draws the same split and windows for both, which moves them more than the weights' start."""
    first, second = ({row["seed"]: row["evaluation"]["accuracy"] for row in systems[name]} for name in (one, other))
    gaps = [100 * (first[seed] - second[seed]) for seed in sorted(first.keys() & second.keys())]
    if not gaps:
        return f"- `{one}` against `{other}`: no seed in common."
    if min(gaps) > 0:
        apart = min(first.values()) > max(second.values())
        verdict = "ahead on every seed" + (", its lowest above the other's highest" if apart else "")
    elif max(gaps) < 0:
        verdict = "it lost on every seed"
    else:
        verdict = "not told apart"
    seen = [systems[name][0]["windows"] for name in (one, other)]
    uneven = f" On {seen[0]:,} against {seen[1]:,} windows." if min(seen) < 0.9 * max(seen) else ""
    each = ", ".join(f"{gap:+.1f}" for gap in gaps)
    return f"- `{one}` against `{other}`: {np.mean(gaps):+.1f} points ({each}): {verdict}.{uneven}"


def _augmentations(augmentations: dict[str, list[Row]]) -> list[str]:
    baseline = {row["seed"]: row for row in augmentations[_BASELINE]}
    lines = [
        "| augmentation | seeds | accuracy | difference, points | each seed | macro F1 difference | "
        "validation macro F1 difference | training minutes | verdict |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    ordered = sorted(augmentations.items(), key=lambda item: -np.mean(_figures(item[1], "accuracy")))
    for name, rows in ordered:
        paired = [(row, baseline[row["seed"]]) for row in rows if row["seed"] in baseline]
        gaps = [100 * (row["evaluation"]["accuracy"] - base["evaluation"]["accuracy"]) for row, base in paired]
        f1 = [100 * (row["evaluation"]["macro_f1"] - base["evaluation"]["macro_f1"]) for row, base in paired]
        held = [100 * (row["validation"]["macro_f1"] - base["validation"]["macro_f1"]) for row, base in paired]
        minutes = np.mean([row["training_minutes"] for row in rows])
        cells = [name.removeprefix(AUGMENT), str(len(rows)), _spread(_figures(rows, "accuracy"))]
        if name == _BASELINE:
            cells += ["", "", "", "", f"{minutes:.1f}", "the baseline"]
        else:
            cells += [f"{np.mean(gaps):+.1f}", ", ".join(f"{gap:+.1f}" for gap in gaps), f"{np.mean(f1):+.1f}"]
            cells += [f"{np.mean(held):+.1f}", f"{minutes:.1f}", _verdict(gaps)]
        lines.append("| " + " | ".join(cells) + " |")
    first = next(iter(baseline.values()))
    intro = f"""The compact network on {first["windows"]:,} windows a run: each augmentation alone; then `all` of the
waveform and spectrum ones together, each less often; then mixing with labels merged: one to three and two to three
recordings 3 to 12 dB apart, and the report's six to nine at one level. Differences are against `none` with the same
seed. One file of the evaluation set is {100 / first["evaluation"]["n"]:.1f} points."""
    caution = """Two seeds agree in sign by chance every other time, so a gain or loss of a few points on both is a hint
and no proof, and what pays only over long training does not show on runs this short. The network levels every window
itself, so random volume has nothing left to teach it. The table says what each did here, and no more."""
    return [intro, "\n".join(lines), caution]


def _verdict(gaps: Sequence[float]) -> str:
    if len(gaps) < 2:
        return "one seed only"
    if min(gaps) > 0:
        return "gained on every seed"
    if max(gaps) < 0:
        return "lost on every seed"
    return "undecided"


def _figures(rows: Sequence[Row], key: str) -> list[float]:
    return [row["evaluation"][key] for row in rows]


def _spread(values: Sequence[float]) -> str:
    if len(values) == 1:
        return f"{values[0]:.3f}"
    return f"{np.mean(values):.3f} ± {(max(values) - min(values)) / 2:.3f}"
