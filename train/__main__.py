"""`python -m train`: everything that makes weights or the sound that they learn from."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

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
    """Make the shipped model's weights, train one system of the comparison, and gather more sound to learn from."""


@app.command()
def recipe(
    config: Annotated[Path, typer.Argument(help="TOML file with every number of the recipe.")],
    manifest: Annotated[list[Path], typer.Option(help="Manifest CSV of a corpus; may be repeated.")],
    pretrained: Annotated[Path, typer.Option(help="yamnet.tflite")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The checkpoint; its small twin goes beside it.")],
    cache: Annotated[Path, typer.Option(help="Decoded audio and mixtures (several GB).")] = Path("cache"),
    threads: Threads = 1,
) -> None:
    """Make the weights that ship, from manifests to calibrated checkpoints."""
    from train.models.yamnet_body import read_pretrained
    from train.recipe.run import make_checkpoints

    set_threads(threads)
    for path in make_checkpoints(config, manifest, read_pretrained(pretrained), cache, output):
        print(path)


@app.command()
def ear(
    config: Annotated[Path, typer.Argument(help="TOML file with every number of the recipe.")],
    manifest: Annotated[list[Path], typer.Option(help="Manifest CSV of a corpus; may be repeated.")],
    pretrained: Annotated[Path, typer.Option(help="mn04_as_mAP_432.pt")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The checkpoint.")],
    cache: Annotated[Path, typer.Option(help="Decoded audio and mixtures (several GB).")] = Path("cache"),
    tuned: Annotated[
        Path | None, typer.Option(help="A checkpoint of this command: its body stays, only the head is fitted again.")
    ] = None,
    threads: Threads = 1,
) -> None:
    """Make the weights of the shipped mn04, from manifests to a checkpoint."""
    from train.models.efficientat import load_mn04
    from train.recipe.ear import make_ear

    set_threads(threads)
    print(make_ear(config, manifest, load_mn04(pretrained), cache, output, tuned))


@app.command()
def fit(
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
    """Train one system; a run that was killed goes on where it stopped."""
    from train.systems.fit_corpus import fit_on

    set_threads(threads)
    settings = started_from(budgeted(read_config(config), seed, steps), checkpoint)
    clips = training_clips(manifest, irmas)
    result = fit_on(settings, clips, out, cache)
    best = result.epochs[result.best_epoch - 1]
    marked = " (leaky split: too good)" if settings.data.split == "leaky" else ""
    print(
        f"{result.folder}: best epoch {best.epoch}, macro F1 {best.macro_f1:.3f}, accuracy {best.accuracy:.3f}{marked}"
    )


@app.command()
def negatives(
    folder: Annotated[Path, typer.Argument(help="Where the audio and its manifest.csv go.")],
    soundfont: Annotated[list[Path], typer.Option(help="A General MIDI soundfont; may be repeated.")],
    sounds: Annotated[
        list[str] | None, typer.Option(metavar="SOURCE=FOLDER", help="Sound effects without instruments.")
    ] = None,
    bands: Annotated[int, typer.Option(help="How many bands to render.")] = 240,
    seed: Annotated[int, typer.Option(help="Of the rendered bands.")] = 1,
) -> None:
    """Render more sound with none of the eleven instruments."""
    from train.corpus.negatives import make_negatives

    print(make_negatives(folder, soundfont, [_named_folder(entry) for entry in sounds or []], bands, seed))


@app.command()
def packaged(
    folder: Annotated[Path, typer.Argument(help="Where the audio and its manifest.csv go.")],
    synctoolbox: Annotated[Path, typer.Option(help="Its unpacked source archive.")],
    basic_pitch: Annotated[Path, typer.Option(help="Its unpacked source archive.")],
    libsoni: Annotated[Path, typer.Option(help="Its unpacked source archive.")],
    scratch: Annotated[Path, typer.Option(help="Its folder Media/Sounds.")],
) -> None:
    """Cut the singing and accompanied music inside published packages into labelled clips."""
    from train.corpus.packaged import packaged_pieces, write_pieces

    print(write_pieces(folder, packaged_pieces(synctoolbox, basic_pitch, libsoni, scratch)))


def _named_folder(entry: str) -> tuple[str, Path]:
    name, found, place = entry.partition("=")
    if not (name and found and place):
        raise TrainingError(f"--sounds {entry}: must be SOURCE=FOLDER.", "For example, --sounds rain=/sounds/rain.")
    return name, Path(place)


if __name__ == "__main__":
    sys.exit(run_app(app))
