"""From a checkpoint of the recipe to the ONNX file that ships, and its documents.

    python -m export runs/main.pt -o instag/models/instag.onnx
    python benchmarks/accuracy.py corpus/manifest.csv -o runs/accuracy.json
    python -m export runs/main.pt -o instag/models/instag.onnx --evaluation runs/accuracy.json --documents .

The second call puts what `instag tag` really achieved into the file's own document and writes MODEL_CARD.md and
DATA_STATEMENT.md.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from pathlib import Path
from typing import Any

from export.card import make_card
from export.data_statement import data_statement
from export.model_card import model_card
from export.onnx_model import ExportError, check_parity, export_model
from export.quantise import quantise
from train.measure.calibration import Calibrated, calibration_from
from train.models.heads import load_checkpoint


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        prog="python -m export", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True, help="the ONNX file")
    parser.add_argument("--int8", action="store_true", help="convolutions in 8 bits, for old machines")
    parser.add_argument("--evaluation", type=Path, help="what benchmarks/accuracy.py wrote for this model")
    parser.add_argument("--speed", type=Path, help="what benchmarks/speed.py wrote, for the documents")
    parser.add_argument("--small", type=Path, help="what benchmarks/accuracy.py wrote for the small model, likewise")
    parser.add_argument("--looks", type=Path, help="log of the looks at the development set, likewise")
    parser.add_argument("--documents", type=Path, help="folder for MODEL_CARD.md and DATA_STATEMENT.md")
    options = parser.parse_args()
    try:
        net, checkpoint = load_checkpoint(options.checkpoint)
        evaluation = _read(options.evaluation)
        card = make_card(checkpoint, evaluation, net.sample_rate, net.window_seconds)
        module = Calibrated(net, calibration_from(checkpoint["calibration"])).eval()
        export_model(module, card, options.output)
        difference = check_parity(module, options.output)
        same = quantise(options.output, checkpoint["windows"].numpy()) if options.int8 else None
    except (ExportError, OSError, ValueError, KeyError) as error:
        print(f"python -m export: {options.checkpoint}: {error}", file=sys.stderr)
        return 1
    size = options.output.stat().st_size / 1e6
    print(f"{options.output}: {size:.1f} MB, PyTorch and onnxruntime differ by {difference:.1e} at most")
    if same is not None:
        print(f"in 8 bits {100 * same:.1f} % of the windows keep their label")
    if options.documents:
        if evaluation is None:
            parser.error("--documents needs --evaluation")
        more = {"speed": _read(options.speed), "small": _read(options.small), "looks": _rows(options.looks)}
        text = model_card(card, checkpoint, evaluation, **more)
        (options.documents / "MODEL_CARD.md").write_text(text, encoding="utf-8")
        (options.documents / "DATA_STATEMENT.md").write_text(data_statement(checkpoint), encoding="utf-8")
    return 0


def _read(path: Path | None) -> Any:
    return None if path is None else json.loads(path.read_text(encoding="utf-8"))


def _rows(path: Path | None) -> int | None:
    """How many entries a CSV file has."""
    if path is None:
        return None
    with path.open(newline="", encoding="utf-8") as file:
        return sum(1 for _ in csv.DictReader(file))


if __name__ == "__main__":
    sys.exit(main())
