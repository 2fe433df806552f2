"""`python -m train`: fit, compare and picture the systems."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import torch
import typer

from instag.errors import ExitCode, InstagError
from train.corpus import irmas
from train.corpus.manifest import DEV, TRAIN, Clip, CorpusError, read_manifest
from train.corpus.splits import split
from train.errors import TrainingError
from train.systems.config import Config, read_config

if TYPE_CHECKING:
    from benchmarks.systems.compare import Corpus

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


def started_from(config: Config, checkpoint: str | None) -> Config:
    """The config with a pretrained start, where one is given."""
    if checkpoint is None:
        return config
    return replace(
        config, system=replace(config.system, arguments={**config.system.arguments, "checkpoint": checkpoint})
    )


@app.callback()
def commands() -> None:
    """Train, compare and picture the systems."""


Steps = Annotated[int | None, typer.Option(help="Optimiser steps in all, instead of the config's.")]
Seed = Annotated[int | None, typer.Option(help="Instead of the config's.")]
Checkpoint = Annotated[str | None, typer.Option(help="Pretrained file, instead of the config's.")]
ConfigFile = Annotated[Path, typer.Argument(help="TOML file with every number of a run.")]


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
    """Train one system; a run that was killed is taken up where it stopped."""
    from train.systems.fit_corpus import fit_on

    _set_threads(threads)
    settings = started_from(budgeted(read_config(config), seed, steps), checkpoint)
    clips, root = training_clips(manifest, irmas)
    result = fit_on(settings, clips, root, out, cache)
    best = result.epochs[result.best_epoch - 1]
    marked = " (leaky split: too good)" if settings.data.split == "leaky" else ""
    print(
        f"{result.folder}: best epoch {best.epoch}, macro F1 {best.macro_f1:.3f}, accuracy {best.accuracy:.3f}{marked}"
    )


@app.command()
def ship(
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
    """Calibrate and export one system as ONNX, for `instag tag --model`; trains it first where that is not done."""
    from export.system import ship as ship_run
    from train.systems.fit_corpus import fit_on, open_cache, read_origin

    _set_threads(threads)
    settings = started_from(budgeted(read_config(config), seed, steps), checkpoint)
    clips, root = training_clips(manifest, irmas)
    folder = fit_on(settings, clips, root, out, cache).folder
    shipped = ship_run(settings, open_cache(settings, clips, root, cache), folder, read_origin(folder))
    print(f"{shipped.path}: {shipped.megabytes:.1f} MB, PyTorch and onnxruntime differ by {shipped.parity:.0e}")


@app.command()
def compare(
    configs: Annotated[list[Path], typer.Argument(help="TOML files of the systems.")],
    manifest: Manifest = None,
    irmas: Irmas = None,
    seeds: Annotated[str, typer.Option(help="Seeds, joined by commas.")] = "1,2",
    steps: Annotated[int, typer.Option(help="Optimiser steps that every system gets, times its config's share.")] = 250,
    checkpoint: Annotated[
        list[str] | None, typer.Option(help="ARCHITECTURE=FILE, a pretrained start; more than once for several.")
    ] = None,
    out: Out = Path("runs"),
    cache: Cache = Path("cache"),
    log: Annotated[Path, typer.Option(help="JSON Lines, a row a run.")] = Path("benchmarks/systems/systems.jsonl"),
    table: Annotated[Path, typer.Option(help="The table, written from the log.")] = Path(
        "benchmarks/systems/SYSTEMS.md"
    ),
    threads: Threads = 1,
) -> None:
    """Train, export, tag with and measure several systems on the same data and budget; write the table."""
    from benchmarks.systems.compare import append, read_log, run_config
    from benchmarks.systems.table import write_table

    _set_threads(threads)
    starts = dict(pair.split("=", 1) for pair in checkpoint or [] if "=" in pair)
    corpus = comparison_corpus(manifest, irmas)
    for seed in (int(number) for number in seeds.split(",")):
        for path in configs:
            settings = budgeted(read_config(path), seed, steps)
            settings = started_from(settings, starts.get(settings.system.architecture))
            append(log, run_config(settings, corpus, out, cache))
            table.parent.mkdir(parents=True, exist_ok=True)
            table.write_text(write_table(read_log(log)), encoding="utf-8")
    print(f"{table}: {len(read_log(log))} runs")


@app.command()
def figures(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs that `compare` measured.")],
    manifest: Manifest = None,
    irmas: Irmas = None,
    clip: Annotated[Path | None, typer.Option(help="A recording to show through each run's front end.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of the pictures.")] = Path("docs/figures"),
) -> None:
    """Draw learning curves of all runs, and of each its confusion matrices, reliability, classes and front end."""
    from benchmarks.systems.picture_runs import picture_runs

    for path in picture_runs(runs, comparison_corpus(manifest, irmas).evaluation, clip, out):
        print(path)


@app.command(name="irmas-test")
def irmas_test(
    config: ConfigFile,
    irmas: Annotated[Path, typer.Option(help="Folder that holds IRMAS-TrainingData and IRMAS-TestingData-Part1...")],
    out: Out = Path("runs"),
    cache: Cache = Path("cache"),
    seed: Seed = None,
) -> None:
    """Score a run on IRMAS's test part: micro and macro F1, LRAP; the threshold comes from training recordings."""
    from benchmarks.systems.irmas_test import evaluate_testing

    figures = evaluate_testing(budgeted(read_config(config), seed, None), irmas, out, cache)
    print(
        f"micro F1 {figures.micro_f1:.3f}, macro F1 {figures.macro_f1:.3f}, LRAP {figures.lrap:.3f} "
        f"({figures.files} files, threshold {figures.threshold:.2f})"
    )


def _set_threads(threads: int) -> None:
    if threads:
        torch.set_num_threads(threads)


def comparison_corpus(manifest: Path | None, irmas_root: Path | None) -> Corpus:
    """Recordings to learn from and to be judged by: the manifest's splits, or IRMAS 80/20 by recording."""
    from benchmarks.systems.compare import Corpus

    clips, root = training_clips(manifest, irmas_root)
    if manifest is not None:
        dev = [clip for clip in read_manifest(manifest) if clip.split == DEV]
        return Corpus(tuple(clips), root, tuple(dev), "split=dev")
    kept, held = split(clips, "recording", seed=0)
    return Corpus(tuple(clips[i] for i in kept), root, tuple(clips[i] for i in held), "IRMAS, held-out recordings")


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
