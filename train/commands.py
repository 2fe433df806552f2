"""What the commands of `train`, `export` and `benchmarks` share: options, and errors as sentences."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import torch
import typer

from instag.errors import ExitCode, InstagError
from train.corpus import irmas
from train.corpus.manifest import TRAIN, Clip, read_manifest
from train.errors import TrainingError
from train.systems.config import Config

Manifest = Annotated[Path | None, typer.Option(help="Manifest CSV of a corpus; its `train` clips are trained on.")]
Irmas = Annotated[Path | None, typer.Option(help="Folder that holds IRMAS-TrainingData.")]
Out = Annotated[Path, typer.Option(help="Folder of the runs.")]
Cache = Annotated[Path, typer.Option(help="Folder of decoded recordings.")]
Threads = Annotated[int, typer.Option(help="Threads of PyTorch; 0 leaves the choice to it.")]


Steps = Annotated[int | None, typer.Option(help="Optimiser steps in all, instead of the config's.")]
Seed = Annotated[int | None, typer.Option(help="Instead of the config's.")]
Checkpoint = Annotated[str | None, typer.Option(help="Pretrained file, instead of the config's.")]
ConfigFile = Annotated[Path, typer.Argument(help="TOML file with every number of a run.")]


def training_clips(manifest: Path | None, irmas_root: Path | None) -> list[Clip]:
    """The recordings to learn from."""
    if (manifest is None) == (irmas_root is None):
        raise TrainingError("Name one corpus.", "Give either --manifest or --irmas.")
    if irmas_root is not None:
        return irmas.read_training(irmas_root)
    assert manifest is not None
    return [clip for clip in read_manifest(manifest) if clip.split == TRAIN]


def budgeted(config: Config, seed: int | None, steps: int | None) -> Config:
    """The config with another seed, and with its share of the number of optimiser steps that all systems share."""
    run = config.run
    if seed is not None:
        run = replace(run, seed=seed)
    if steps is not None:
        run = replace(run, steps_per_epoch=max(1, round(steps * run.step_share / config.epochs)))
    return replace(config, run=run)


def started_from(config: Config, checkpoint: str | None) -> Config:
    """The config with a pretrained start, where one is given."""
    if checkpoint is None:
        return config
    return replace(
        config, system=replace(config.system, arguments={**config.system.arguments, "checkpoint": checkpoint})
    )


def set_threads(threads: int) -> None:
    """Sets PyTorch's threads; 0 leaves the choice to it."""
    if threads:
        torch.set_num_threads(threads)


def new_app() -> typer.Typer:
    """A command line without commands."""
    return typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


def run_app(app: typer.Typer) -> int:
    """Runs a command line; an error that the user can fix becomes a sentence on stderr.

    Returns:
        The exit code.
    """
    try:
        app()
    except InstagError as error:
        print(f"error: {error}", file=sys.stderr)
        return ExitCode.CANNOT_START
    return ExitCode.DONE
