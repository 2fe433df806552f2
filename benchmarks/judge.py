"""The judge: real recordings only, scored by the way that every file goes.

    python -m benchmarks.judge MODEL.onnx --real DIR [--part choose|report] [-o FIGURES.json] [--picture PNG]

Window scores are kept in `--cache`, so that judging the same model again takes seconds. Each look at the part `report`
is appended to `--looks`.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import hashlib
import json
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from instag.analyse import Analyser, AnalysisSettings
from instag.model.card import ModelCard
from instag.model.session import Device, Model, find_model, open_model
from instag.results import WindowScores
from train.measure.real import (
    CHOOSE,
    REPORT,
    Judged,
    RealFile,
    by_key,
    figures,
    intervals,
    joined,
    judged,
    mistakes,
    read_real,
    table,
)


def window_scores(files: Sequence[RealFile], path: Path, model: Model, cache: Path) -> list[WindowScores]:
    """What the model says of every window of the files, from the cache where it was asked before."""
    content = hashlib.sha256(path.read_bytes())
    for file in files:
        content.update(str(file.path).encode())
    kept = cache / f"judge-{content.hexdigest()[:16]}.pkl"
    if not kept.exists():
        analyser = Analyser(model, AnalysisSettings(batch_size=16))
        made = [analyser.analyse(file.path).windows for file in tqdm(files, mininterval=5, disable=None)]
        cache.mkdir(parents=True, exist_ok=True)
        kept.with_suffix(".partial").write_bytes(pickle.dumps(made))
        kept.with_suffix(".partial").replace(kept)
    return pickle.loads(kept.read_bytes())


def report(files: Sequence[RealFile], windows: Sequence[WindowScores], model: Model) -> tuple[Judged, dict[str, Any]]:
    """The verdicts, and everything that the command prints."""
    result = judged(files, windows, model.card)
    return result, {
        "model_id": model.card.model_id,
        "model_version": model.card.version,
        "part": files[0].part,
        "figures": figures(result),
        "intervals": intervals(result),
        "by_set": by_key(result, lambda file: f"{file.source} ({file.kind})"),
        "by_label": by_key(result, lambda file: file.label),
        "by_length": {f"{seconds:g}": row for seconds, row in joined(files, windows, model.card).items()},
        "mistakes": mistakes(result),
    }


def draw(result: Judged, path: Path) -> None:
    """The reliability picture: confidence against how often it is right."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import numpy as np

    labelled = result.truth >= 0
    confidence, right = result.confidence[labelled], (result.truth == result.said)[labelled]
    place = np.minimum((confidence * 10).astype(int), 9)
    picture, axes = plt.subplots(figsize=(4, 4))
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
    for one in np.unique(place):
        inside = place == one
        axes.scatter(confidence[inside].mean(), right[inside].mean(), s=4 + inside.sum(), color="tab:blue")
    axes.set(xlabel="confidence", ylabel="share right", xlim=(0, 1), ylim=(0, 1))
    picture.tight_layout()
    picture.savefig(path, dpi=120)


def as_markdown(document: Mapping[str, Any]) -> str:
    """What `report` gave, as tables."""
    lines = [f"## {document['model_id']} {document['model_version']}, part {document['part']}\n"]
    lines.append(table(document["figures"], document["intervals"]))
    for title, key in (("By label", "by_label"), ("By set", "by_set")):
        lines.append(f"\n### {title}\n\n| | files | right | best of eleven |\n|---|---|---|---|")
        for name, row in document[key].items():
            lines.append(f"| {name} | {row['n']} | {row['right']:.2f} | {row['best_of_eleven']:.2f} |")
    lines.append("\n### Joined to longer files\n\n| seconds | files | false labels a file | labels found |")
    lines.append("|---|---|---|---|")
    for seconds, row in document["by_length"].items():
        lines.append(f"| {seconds} | {row['n']} | {row['false_labels']:.2f} | {row['found']:.2f} |")
    return "\n".join(lines)


def log_look(log: Path, card: ModelCard, figures: Mapping[str, float]) -> None:
    """Appends a line: when, which model, and what was seen."""
    seen = [f"{figures[name]:.3f}" for name in ("right", "other_kept", "lost_to_other")]
    with log.open("a", newline="", encoding="utf-8") as file:
        row = (datetime.date.today().isoformat(), card.model_id, card.version, REPORT, *seen)
        csv.writer(file, lineterminator="\n").writerow(row)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="an ONNX file, or the name of a shipped model")
    parser.add_argument("--real", type=Path, required=True, help="folder with manifest.csv")
    parser.add_argument("--part", choices=(CHOOSE, REPORT), default=CHOOSE)
    parser.add_argument("--cache", type=Path, default=Path("cache"), help="window scores of earlier calls")
    parser.add_argument("--looks", type=Path, help="CSV to which a look at the part 'report' is appended")
    parser.add_argument("--picture", type=Path, help="reliability picture (PNG)")
    parser.add_argument("-o", "--output", type=Path, help="every figure as JSON")
    options = parser.parse_args()
    path = find_model(options.model)
    model = open_model(path, Device.CPU)
    files = read_real(options.real / "manifest.csv", options.part)
    windows = window_scores(files, path, model, options.cache)
    result, document = report(files, windows, model)
    if options.part == REPORT and options.looks:
        log_look(options.looks, model.card, document["figures"])
    print(as_markdown(document))
    if options.picture:
        draw(result, options.picture)
    if options.output:
        options.output.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
