"""`python -m train`: fit, compare and picture the systems."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import torch
import typer

from instag.errors import ExitCode, InstagError
from train import irmas
from train.config import Config, read_config
from train.corpus import TRAIN, Clip, CorpusError, read_manifest
from train.errors import TrainingError

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)

Manifest = Annotated[Path | None, typer.Option(help="Manifest CSV of a corpus; its `train` clips are trained on.")]
Irmas = Annotated[Path | None, typer.Option(help="Folder that holds IRMAS-TrainingData.")]
Out = Annotated[Path, typer.Option(help="Folder of the runs.")]
Cache = Annotated[Path, typer.Option(help="Folder of decoded recordings.")]
Threads = Annotated[int, typer.Option(help="Threads of PyTorch; 0 leaves the choice to it.")]


def training_clips(manifest: Path | None, irmas_root: Path | None) -> tuple[list[Clip], Path]:
    """The recordings to learn from, and the folder that their paths are relative to."""
    if (manifest is None) == (irmas_root is None):
        raise TrainingError("Name one corpus.", "Give either --manifest or --irmas.")
    if irmas_root is not None:
        return irmas.read_training(irmas_root), irmas_root
    assert manifest is not None
    return [clip for clip in read_manifest(manifest) if clip.split == TRAIN], manifest.parent


def budgeted(config: Config, seed: int | None, steps: int | None) -> Config:
    """The config with another seed, and with its share of a common number of optimiser steps."""
    run = config.run
    if seed is not None:
        run = replace(run, seed=seed)
    if steps is not None:
        run = replace(run, steps_per_epoch=max(1, round(steps * run.step_share / config.epochs)))
    return replace(config, run=run)


@app.callback()
def commands() -> None:
    """Train, compare and picture the systems."""


@app.command()
def fit(
    config: Annotated[Path, typer.Argument(help="TOML file with every number of the run, e.g. of train/configs.")],
    manifest: Manifest = None,
    irmas: Irmas = None,
    out: Out = Path("runs"),
    cache: Cache = Path("cache"),
    seed: Annotated[int | None, typer.Option(help="Instead of the config's.")] = None,
    steps: Annotated[int | None, typer.Option(help="Optimiser steps in all, instead of the config's.")] = None,
    checkpoint: Annotated[str | None, typer.Option(help="Pretrained file, instead of the config's.")] = None,
    threads: Threads = 0,
) -> None:
    """Trains one system; a run that was killed is taken up where it stopped."""
    from train.fit_corpus import fit_on

    if threads:
        torch.set_num_threads(threads)
    settings = budgeted(read_config(config), seed, steps)
    if checkpoint is not None:
        arguments = {**settings.system.arguments, "checkpoint": checkpoint}
        settings = replace(settings, system=replace(settings.system, arguments=arguments))
    clips, root = training_clips(manifest, irmas)
    result = fit_on(settings, clips, root, out, cache)
    best = result.epochs[result.best_epoch - 1]
    print(f"{result.folder}: best epoch {best.epoch}, macro F1 {best.macro_f1:.3f}, accuracy {best.accuracy:.3f}")


def main() -> int:
    """Runs the command line.

    Returns:
        The exit code.
    """
    try:
        app()
    except (InstagError, CorpusError) as error:
        print(f"error: {error}", file=sys.stderr)
        return ExitCode.CANNOT_START
    return ExitCode.DONE


if __name__ == "__main__":
    sys.exit(main())
