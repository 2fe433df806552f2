"""`instag tag`: the main job."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from instag.cli.boundary import errors_for_people
from instag.cli.options import (
    HOW,
    TELL,
    WHAT,
    WRITE,
    DeviceName,
    DryRun,
    Events,
    Exclude,
    Include,
    Inputs,
    KeepMtime,
    ModelName,
    Overlap,
    Quiet,
    check_overlap,
    input_paths,
    option,
    parse_device,
    within,
)
from instag.cli.surroundings import check_reachable
from instag.errors import ExitCode, FileError, UsageError

if TYPE_CHECKING:  # the real imports wait until a command runs, so that --help is quick
    from instag.run.plan import Plan
    from instag.table import ResultTable
    from instag.table.timeline import Timeline


def tag(
    inputs: Inputs,
    include: Include = None,
    exclude: Exclude = None,
    overlap: Overlap = 0.0,
    retry_failed: Annotated[
        bool, option("--retry-failed", panel=WHAT, help="Try files again that failed in an earlier run.")
    ] = False,
    force: Annotated[bool, option("--force", panel=WHAT, help="Analyse every file again.")] = False,
    output: Annotated[
        Path | None,
        option(
            "--output",
            "-o",
            metavar="TABLE",
            panel=WRITE,
            help="Results table: .csv, .jsonl or .sqlite. An existing one is continued.",
        ),
    ] = None,
    windows: Annotated[
        Path | None,
        option(
            "--windows",
            metavar="FILE",
            panel=WRITE,
            help="Timeline, one row per window: .csv or .jsonl. Needs --output.",
        ),
    ] = None,
    write_tags: Annotated[bool, option("--write-tags", panel=WRITE, help="Write tags into the files.")] = False,
    overwrite: Annotated[
        bool,
        option(
            "--overwrite", panel=WRITE, help="With --write-tags, replace an INSTRUMENT tag that somebody else wrote."
        ),
    ] = False,
    keep_mtime: KeepMtime = False,
    sidecar: Annotated[
        bool, option("--sidecar", panel=WRITE, help="Write NAME.EXT.instag.json beside each file.")
    ] = False,
    dry_run: DryRun = False,
    jobs: Annotated[
        int,
        option(
            "--jobs",
            "-j",
            metavar="N",
            panel=HOW,
            env="INSTAG_JOBS",
            callback=within(1),
            help="Files analysed at once.",
        ),
    ] = 1,
    model: ModelName = "instag",
    device: DeviceName = "auto",
    batch_size: Annotated[
        int, option("--batch-size", metavar="N", panel=HOW, callback=within(1, 4096), help="Windows scored at once.")
    ] = 4,
    timeout: Annotated[
        float | None,
        option(
            "--timeout",
            metavar="SECONDS",
            panel=HOW,
            callback=within(0.1),
            help="Longest time for one file.",
            show_default="2 minutes + 10 seconds per MB",
        ),
    ] = None,
    max_memory: Annotated[
        int,
        option("--max-memory", metavar="MB", panel=HOW, callback=within(200), help="Most memory for one worker."),
    ] = 2000,
    fail_fast: Annotated[bool, option("--fail-fast", panel=HOW, help="Stop at the first failure.")] = False,
    events: Events = False,
    quiet: Quiet = False,
    verbose: Annotated[
        int,
        option(
            "--verbose",
            "-v",
            count=True,
            show_default=False,
            panel=TELL,
            help="Show each file. With -vv, also messages of the decoders.",
        ),
    ] = 0,
) -> None:
    """Name the dominant instrument of recordings. Write a table and, if asked, tags.

    Without --output, each file's result is one line on stdout.

    Exit codes: 0 every file is done; 1 some files failed, the others are done; 2 wrong usage; 3 the model, device or
    output cannot be used; 130 interrupted, run the same command again to continue.
    """
    from instag.analyse import AnalysisSettings
    from instag.cli.progress import EventLines, Terminal
    from instag.discover import Unreached, discover
    from instag.model.session import find_model, open_model
    from instag.run.job import Job, JobSettings
    from instag.run.observer import Observer
    from instag.run.plan import Planner
    from instag.run.worker import WorkerSettings
    from instag.table import table_kind

    with errors_for_people():
        paths = input_paths(inputs)
        for given, name in ((output, "--output"), (windows, "--windows")):
            if given:
                check_reachable(given, name)
        if output:
            table_kind(output)
        if windows and not output:
            raise UsageError("--windows needs --output.", "An interrupted job continues from the table.")
        if windows and output and os.path.realpath(windows) == os.path.realpath(output):
            raise UsageError("--windows and --output lead to the same file.", "Name two different files.")
        worker = WorkerSettings(
            model_path=find_model(model),
            device=parse_device(device),
            analysis=AnalysisSettings(overlap_seconds=overlap, batch_size=batch_size),
            write_tags=write_tags,
            sidecar=sidecar,
            overwrite=overwrite and write_tags,
            keep_mtime=keep_mtime,
        )
        settings = JobSettings(
            jobs=jobs,
            timeout_seconds=timeout,
            max_memory_bytes=max_memory * 1_000_000,
            fail_fast=fail_fast,
            silent=verbose < 2,
        )
        observer: Observer = (
            EventLines(sys.stdout) if events else Terminal(lines=output is None, quiet=quiet, verbose=verbose)
        )
        loaded = open_model(worker.model_path, worker.device)
        check_overlap(overlap, loaded.card.window_seconds)
        found = [
            (item.path, item.error) if isinstance(item, Unreached) else (item, None)
            for item in discover(paths, include or [], exclude or [])
        ]
        with ExitStack() as stack:
            table, timeline = _open_outputs(stack, output, windows, dry_run)
            for sink in (table, timeline):
                for note in sink.notes if sink else ():
                    observer.note(note)
            plan = Planner(loaded.card, worker, retry_failed, force).plan(found, table, timeline)
            if dry_run:
                raise typer.Exit(_show_plan(plan, worker.write_tags))
            totals = Job(settings, worker, loaded.card, observer, table, timeline).run(plan)
            if not totals.interrupted:
                for sink in (timeline, table):
                    if sink:
                        sink.finish()
        if totals.interrupted:
            raise typer.Exit(ExitCode.INTERRUPTED)
        if totals.failed or totals.refused or not totals.files:
            raise typer.Exit(ExitCode.SOME_FAILED)


def _open_outputs(
    stack: ExitStack, output: Path | None, windows: Path | None, dry_run: bool
) -> tuple[ResultTable | None, Timeline | None]:
    """Locks and opens what is written; with --dry-run it opens what is there, to read."""
    from instag.table import open_table
    from instag.table.lock import locked
    from instag.table.timeline import Timeline

    table: ResultTable | None = None
    timeline: Timeline | None = None
    if output and not (dry_run and not output.exists()):
        if not dry_run:
            stack.enter_context(locked(output))
        table = stack.enter_context(closing(open_table(output, read_only=dry_run)))
    if windows and not (dry_run and not windows.exists()):
        if not dry_run:
            stack.enter_context(locked(windows))
        timeline = stack.enter_context(closing(Timeline(windows, read_only=dry_run)))
    return table, timeline


def _show_plan(plan: Plan, write_tags: bool) -> int:
    """Says what the job would do; returns the exit code."""
    from instag.paths import for_terminal, one_line
    from instag.tags import check_writable

    trouble = list(plan.broken)
    for path, mark in plan.done:
        typer.echo(f"{for_terminal(path)}: done before ({mark.status})")
    for path in plan.todo:
        typer.echo(f"{for_terminal(path)}: would be analysed{' and tagged' if write_tags else ''}")
        if write_tags:
            try:
                check_writable(path)
            except FileError as error:
                trouble.append((path, error))
    for _, reason in trouble:
        typer.echo(f"{one_line(str(reason))} [{reason.code}]", err=True)
    typer.echo(f"{len(plan.todo)} to analyse, {len(plan.done)} done before, {len(trouble)} with trouble.", err=True)
    return ExitCode.SOME_FAILED if trouble else ExitCode.DONE
