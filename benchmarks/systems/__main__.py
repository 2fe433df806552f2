"""`python -m benchmarks.systems`: train, measure and picture the report's systems side by side."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.systems.compare import Corpus
from train.commands import (
    Cache,
    ConfigFile,
    Irmas,
    Manifest,
    Out,
    Seed,
    Threads,
    budgeted,
    new_app,
    run_app,
    set_threads,
    started_from,
    training_clips,
)
from train.corpus.manifest import DEV, read_manifest
from train.corpus.splits import split
from train.systems.config import read_config

app = new_app()


@app.callback()
def commands() -> None:
    """Compare the report's systems with each other and with the model that ships."""


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

    set_threads(threads)
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


def comparison_corpus(manifest: Path | None, irmas_root: Path | None) -> Corpus:
    """Recordings to learn from and to be judged by: the manifest's splits, or IRMAS 80/20 by recording."""
    clips = training_clips(manifest, irmas_root)
    if manifest is not None:
        dev = [clip for clip in read_manifest(manifest) if clip.split == DEV]
        return Corpus(tuple(clips), tuple(dev), "split=dev")
    kept, held = split(clips, "recording", seed=0)
    return Corpus(tuple(clips[i] for i in kept), tuple(clips[i] for i in held), "IRMAS, held-out recordings")


if __name__ == "__main__":
    sys.exit(run_app(app))
