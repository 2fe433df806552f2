"""`instag tag`: the main job."""

from __future__ import annotations

import sys
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from instag.cli.boundary import errors_for_people
from instag.cli.options import (
    DeviceName,
    DryRun,
    Exclude,
    Include,
    Inputs,
    KeepMtime,
    ModelName,
    Overlap,
    Quiet,
    option,
    parse_device,
)
from instag.errors import ExitCode, FileError, UsageError

if TYPE_CHECKING:  # the real imports wait until a command runs, so that --help is quick
    from instag.run.job import Plan
    from instag.table import ResultTable
    from instag.table.timeline import Timeline


def tag(
    inputs: Inputs,
    output: Annotated[
        Path | None,
        option(
            "--output", "-o", metavar="TABLE", help="Results table, .csv, .jsonl or .sqlite; one that is there goes on."
        ),
    ] = None,
    windows: Annotated[
        Path | None,
        option("--windows", metavar="FILE", help="Timeline, one row a window, .csv or .jsonl; needs --output."),
    ] = None,
    write_tags: Annotated[bool, option("--write-tags", help="Write tags into the files.")] = False,
    sidecar: Annotated[bool, option("--sidecar", help="Write NAME.EXT.instag.json beside each file.")] = False,
    dry_run: DryRun = False,
    overlap: Overlap = 0.0,
    jobs: Annotated[int, option("--jobs", "-j", min=1, help="Files analysed at once.")] = 1,
    batch_size: Annotated[int, option("--batch-size", min=1, max=4096, help="Windows scored at once.")] = 4,
    device: DeviceName = "auto",
    model: ModelName = "instag",
    include: Include = None,
    exclude: Exclude = None,
    overwrite: Annotated[
        bool, option("--overwrite", help="With --write-tags: replace an INSTRUMENT tag that somebody else wrote.")
    ] = False,
    keep_mtime: KeepMtime = False,
    retry_failed: Annotated[
        bool, option("--retry-failed", help="Try files again that failed in an earlier run.")
    ] = False,
    force: Annotated[bool, option("--force", help="Do every file again.")] = False,
    fail_fast: Annotated[bool, option("--fail-fast", help="Stop at the first failure.")] = False,
    timeout: Annotated[
        float | None,
        option(
            "--timeout",
            metavar="SECONDS",
            min=0.1,
            help="Longest time for one file.",
            show_default="2 minutes and 10 seconds for each MB",
        ),
    ] = None,
    max_memory: Annotated[
        int, option("--max-memory", metavar="MB", min=200, help="Most memory for one worker.")
    ] = 2000,
    events: Annotated[bool, option("--events", help="JSON Lines on stdout, for machines (docs/events.md).")] = False,
    quiet: Quiet = False,
    verbose: Annotated[
        int, option("--verbose", "-v", count=True, env=False, help="Show each file; -vv also what decoders print.")
    ] = 0,
) -> None:
    """Name the dominant instrument of recordings; write a table and, when asked, tags.

    Without --output each file's result is one line on stdout.

    Exit codes: 0 every file is done. 1 some files failed, the rest is done. 2 usage. 3 the model, the device or the
    output cannot be used. 130 interrupted; run the same command again to go on.
    """
    from instag.analyse import AnalysisSettings
    from instag.cli.progress import EventLines, Terminal
    from instag.discover import Unreached, discover
    from instag.model.session import Device, find_model, open_model
    from instag.run.job import JobSettings, make_plan, run_job
    from instag.run.observer import Observer
    from instag.run.worker import WorkerSettings
    from instag.table import table_kind

    with errors_for_people():
        if output:
            table_kind(output)
        if windows and not output:
            raise UsageError("--windows needs --output.", "The table is what an interrupted job goes on from.")
        if windows and output and windows.absolute() == output.absolute():
            raise UsageError("--windows and --output name the same file.", "Name two.")
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
            retry_failed=retry_failed,
            force=force,
            fail_fast=fail_fast,
            silent=verbose < 2,
        )
        observer: Observer = (
            EventLines(sys.stdout) if events else Terminal(lines=output is None, quiet=quiet, verbose=verbose)
        )
        loaded = open_model(worker.model_path, worker.device)
        if overlap >= loaded.card.window_seconds:
            raise UsageError(
                f"--overlap {overlap:g}: must be less than the model's window of {loaded.card.window_seconds:g} s."
            )
        if worker.device is Device.AUTO and loaded.device is Device.CPU:
            observer.note("--device auto: no GPU can be used here, the model runs on the CPU.")
        found = [
            (item.path, item.error) if isinstance(item, Unreached) else (item, None)
            for item in discover(inputs, include or [], exclude or [])
        ]
        with ExitStack() as stack:
            table, timeline = _open_outputs(stack, output, windows, dry_run)
            for sink in (table, timeline):
                for note in sink.notes if sink else ():
                    observer.note(note)
            plan = make_plan(found, table, timeline, loaded.card, worker, settings)
            if dry_run:
                raise typer.Exit(_show_plan(plan, worker.write_tags))
            totals = run_job(plan, table, timeline, loaded.card, worker, settings, observer)
            if not totals.interrupted:
                for sink in (timeline, table):
                    if sink:
                        sink.finish()
        if totals.interrupted:
            raise typer.Exit(ExitCode.INTERRUPTED)
        if totals.failed or totals.refused:
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
