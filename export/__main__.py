"""From checkpoints to ONNX files and their documents.

    python -m export model runs/main.pt -o instag/models/instag.onnx
    python -m benchmarks.accuracy corpus/manifest.csv -o runs/accuracy.json
    python -m export model runs/main.pt -o instag/models/instag.onnx --evaluation runs/accuracy.json --documents .

The second call of `model` puts what `instag tag` achieved into the file's own card, and writes MODEL_CARD.md and
DATA_STATEMENT.md.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from train.commands import (
    Cache,
    Checkpoint,
    ConfigFile,
    Irmas,
    Manifest,
    Out,
    Seed,
    Steps,
    Threads,
    budgeted,
    new_app,
    run_app,
    set_threads,
    started_from,
    training_clips,
)
from train.errors import TrainingError
from train.systems.config import read_config

app = new_app()


@app.callback()
def commands() -> None:
    """Turn checkpoints into ONNX files that `instag tag --model` takes."""


@app.command()
def model(
    checkpoint: Annotated[Path, typer.Argument(help="What `python -m train ear` or `recipe` wrote.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The ONNX file.")],
    int8: Annotated[bool, typer.Option("--int8", help="Convolutions in 8 bits, for old machines.")] = False,
    evaluation: Annotated[Path | None, typer.Option(help="What benchmarks.accuracy wrote for this model.")] = None,
    speed: Annotated[Path | None, typer.Option(help="What benchmarks.speed wrote, for the documents.")] = None,
    small: Annotated[Path | None, typer.Option(help="What benchmarks.accuracy wrote for the small model.")] = None,
    looks: Annotated[Path | None, typer.Option(help="Log of the looks at the development set.")] = None,
    documents: Annotated[
        Path | None, typer.Option(help="Folder for MODEL_CARD.md and DATA_STATEMENT.md; needs --evaluation.")
    ] = None,
) -> None:
    """Export the recipe's checkpoint, check it against PyTorch, and write its documents."""
    from export.card import make_card
    from export.data_statement import data_statement
    from export.model_card import model_card
    from export.onnx_model import check_parity, export_model
    from export.quantise import quantise
    from train.measure.calibration import Calibrated, calibration_from
    from train.models.ear import is_ear, load_ear
    from train.models.heads import load_checkpoint

    if documents and evaluation is None:
        raise TrainingError("--documents needs --evaluation.", "Run benchmarks.accuracy first; it writes the file.")
    net, kept = (load_ear if is_ear(checkpoint) else load_checkpoint)(checkpoint)
    measured = _read_json(evaluation)
    card = make_card(kept, measured, net.sample_rate, net.window_seconds)
    module = Calibrated(net, calibration_from(kept["calibration"])).eval()
    export_model(module, card, output)
    difference = check_parity(module, output)
    same = quantise(output, kept["windows"].numpy()) if int8 else None
    size = output.stat().st_size / 1e6
    print(f"{output}: {size:.1f} MB, PyTorch and onnxruntime differ by {difference:.1e} at most")
    if same is not None:
        print(f"in 8 bits {100 * same:.1f} % of the windows keep their label")
    if documents:
        more = {"speed": _read_json(speed), "small": _read_json(small), "looks": _count_rows(looks)}
        text = model_card(card, kept, measured, **more)
        (documents / "MODEL_CARD.md").write_text(text, encoding="utf-8")
        (documents / "DATA_STATEMENT.md").write_text(data_statement(kept), encoding="utf-8")


@app.command()
def system(
    config: ConfigFile,
    manifest: Manifest = None,
    irmas: Irmas = None,
    out: Out = Path("runs"),
    cache: Cache = Path("cache"),
    seed: Seed = None,
    steps: Steps = None,
    checkpoint: Checkpoint = None,
    threads: Threads = 0,
) -> None:
    """Calibrate and export one system of the comparison; it is trained first if it has not been."""
    from export.system import ship
    from train.systems.fit_corpus import fit_on, open_cache, read_origin

    set_threads(threads)
    settings = started_from(budgeted(read_config(config), seed, steps), checkpoint)
    clips = training_clips(manifest, irmas)
    folder = fit_on(settings, clips, out, cache).folder
    shipped = ship(settings, open_cache(settings, clips, cache), folder, read_origin(folder))
    print(f"{shipped.path}: {shipped.megabytes:.1f} MB, PyTorch and onnxruntime differ by {shipped.parity:.0e}")


@app.command("refit")
def refit_thresholds(
    model: Annotated[Path, typer.Argument(help="An exported ONNX file.")],
    manifest: Annotated[Path, typer.Argument(help="CSV of real recordings: path, label, labels, part.")],
    version: Annotated[str, typer.Option(help="Version of the model with the new numbers.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The changes, as JSON for `restamp`.")],
    part: Annotated[str, typer.Option(help="Part of the manifest to fit on.")] = "choose",
    least_share: Annotated[
        float | None, typer.Option(help="Share of the heard time that makes an instrument; the card's by default.")
    ] = None,
) -> None:
    """Fit presence threshold, file temperature and review threshold of an exported file on real recordings."""
    from dataclasses import asdict, replace

    from export.refit import reference_of, refit, score_recordings
    from instag.model.session import Device, open_model

    loaded = open_model(model, Device.CPU)
    rule = loaded.card.file_rule
    rule = rule if least_share is None else replace(rule, least_share=least_share)
    card = replace(loaded.card, file_rule=rule)
    recordings = score_recordings(loaded, manifest, part)
    changes, figures = refit(recordings, card)
    source = f"part {part} of {len(recordings)} real recordings"
    changes |= {
        "version": version,
        "file_rule": asdict(rule),
        "reference": reference_of(recordings, replace(card, **changes), source),
    }
    output.write_text(json.dumps(changes, indent=1) + "\n", encoding="utf-8")
    for name, value in figures.items():
        print(f"{name}: {value:.3g}")


@app.command("restamp")
def restamp_card(
    model: Annotated[Path, typer.Argument(help="An exported ONNX file.")],
    changes: Annotated[Path, typer.Argument(help="JSON: the fields of the card that change, and a new version.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The ONNX file to write.")],
) -> None:
    """Put new thresholds or rule numbers into an exported file, without training or exporting it again."""
    from export.restamp import restamp

    card = restamp(model, _read_json(changes), output)
    print(f"{output}: {card.model_id} {card.version}, same weights, new card")


@app.command("fixture")
def write_fixture(model: Annotated[Path, typer.Argument(help="An exported ONNX file.")]) -> None:
    """Write the scores that `instag doctor` checks, beside a model; needed after each export, refit or restamp."""
    from instag.model.fixture import fixture_path, make_fixture
    from instag.model.session import Device, open_model

    fixture = make_fixture(open_model(model, Device.CPU), model)
    if not fixture.sounds:
        raise TrainingError(f"{model}: no sound gives a clear label.", "Check the model; it may not be trained.")
    fixture_path(model).write_text(fixture.to_json(), encoding="utf-8")
    print(f"{fixture_path(model)}: {len(fixture.sounds)} windows")


@app.command("documents")
def write_documents(
    model: Annotated[Path, typer.Argument(help="The exported ONNX file of the ear.")],
    checkpoint: Annotated[Path, typer.Argument(help="The checkpoint that it was exported from.")],
    measured: Annotated[Path, typer.Option(help="Folder with what the benchmarks of the ear wrote, as JSON.")],
    looks: Annotated[Path, typer.Option(help="Log of the looks at the part `report`.")],
    folder: Annotated[Path, typer.Option("--output", "-o", help="Where the two pages go.")] = Path(),
) -> None:
    """Write MODEL_CARD.md from the measurements on real recordings, and DATA_STATEMENT.md."""
    from export.data_statement import data_statement
    from export.ear_card import ear_card, read_measured
    from export.onnx_model import read_card
    from train.models.ear import load_ear

    card = read_card(model)
    with looks.open(newline="", encoding="utf-8") as file:
        mine = [
            row for row in csv.DictReader(file) if (row["model_id"], row["version"]) == (card.model_id, card.version)
        ]
    kept = load_ear(checkpoint)[1] | {"version": card.version}
    (folder / "MODEL_CARD.md").write_text(ear_card(card, read_measured(measured, len(mine))), encoding="utf-8")
    (folder / "DATA_STATEMENT.md").write_text(data_statement(kept), encoding="utf-8")
    print(f"{folder / 'MODEL_CARD.md'}: {card.model_id} {card.version}")


def _read_json(path: Path | None) -> Any:
    """What a benchmark wrote, or None.

    Raises:
        TrainingError: The file cannot be read.
    """
    if path is None:
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"{path}: the measurements cannot be read ({error}).", "Run the benchmark again."
        ) from error


def _count_rows(path: Path | None) -> int | None:
    """How many entries a CSV file has."""
    if path is None:
        return None
    with path.open(newline="", encoding="utf-8") as file:
        return sum(1 for _ in csv.DictReader(file))


if __name__ == "__main__":
    sys.exit(run_app(app))
