"""`instag tag`: the main job."""

from __future__ import annotations

import sys
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from instag.cli.boundary import errors_for_people, nothing_found
from instag.cli.options import (
    ANALYSE,
    RUN,
    SAY,
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
    leave_a_folder_that_is_gone,
    number,
    option,
    parse_device,
    path_of,
)
from instag.cli.settings import check_target, load_settings, write_settings
from instag.errors import ExitCode, UsageError

if TYPE_CHECKING:  # the real imports wait until a command runs, so that --help is quick
    from instag.table import ResultTable
    from instag.table.timeline import Timeline

EXAMPLES = """
instag tag recordings/                           # one line per file
instag tag recordings/ -o table.csv -j 4         # a table, 4 files at once
instag tag recordings/ --write-tags --dry-run    # what would be written?
"""


def tag(
    context: typer.Context,
    inputs: Inputs,
    include: Include = None,
    exclude: Exclude = None,
    overlap: Overlap = 0.0,
    model: ModelName = "instag",
    retry_failed: Annotated[
        bool, option("--retry-failed", panel=ANALYSE, help="Try the files again that failed in an earlier run.")
    ] = False,
    force: Annotated[
        bool, option("--force", panel=ANALYSE, help="Analyse every file again, even if it was done before.")
    ] = False,
    settings: Annotated[
        Path | None,
        option(
            "--settings",
            panel=ANALYSE,
            metavar="FILE",
            parser=path_of,
            is_eager=True,
            callback=load_settings,
            help="Repeat the job of a settings file. What is typed here as well comes first.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        option(
            "--output",
            "-o",
            panel=WRITE,
            metavar="TABLE",
            parser=path_of,
            help="Results table: .csv, .jsonl or .sqlite. An existing table is continued.",
        ),
    ] = None,
    windows: Annotated[
        Path | None,
        option(
            "--windows",
            panel=WRITE,
            metavar="FILE",
            parser=path_of,
            help="Timeline, one row per window: .csv or .jsonl. Needs --output.",
        ),
    ] = None,
    write_tags: Annotated[
        bool, option("--write-tags", panel=WRITE, help="Write tags into the files. Without this they stay unchanged.")
    ] = False,
    overwrite: Annotated[
        bool,
        option(
            "--overwrite",
            panel=WRITE,
            help="With --write-tags: replace an INSTRUMENT tag that instag did not write. untag restores it.",
        ),
    ] = False,
    keep_mtime: KeepMtime = False,
    sidecar: Annotated[
        bool, option("--sidecar", panel=WRITE, help="Write NAME.EXT.instag.json beside each file.")
    ] = False,
    save_settings: Annotated[
        Path | None,
        option(
            "--save-settings",
            panel=WRITE,
            metavar="FILE",
            parser=path_of,
            help="Write these settings to a .toml file, for --settings.",
        ),
    ] = None,
    dry_run: DryRun = False,
    jobs: Annotated[
        int,
        option(
            "--jobs",
            "-j",
            panel=RUN,
            env=True,
            metavar="N",
            parser=number(1, 1024, whole=True),
            help="Files analysed at once.",
        ),
    ] = 1,
    batch_size: Annotated[
        int,
        option(
            "--batch-size",
            panel=RUN,
            metavar="N",
            parser=number(1, 4096, whole=True),
            help="Windows scored at once. Never changes a result.",
        ),
    ] = 4,
    device: DeviceName = "auto",
    max_memory: Annotated[
        int,
        option(
            "--max-memory",
            panel=RUN,
            metavar="MB",
            parser=number(200, whole=True),
            help="Most memory that one worker may use.",
        ),
    ] = 2000,
    timeout: Annotated[
        float | None,
        option(
            "--timeout",
            panel=RUN,
            metavar="SECONDS",
            parser=number(0.1, 1e6),
            help="Longest time for one file.",
            show_default="2 minutes plus 10 seconds per MB",
        ),
    ] = None,
    fail_fast: Annotated[bool, option("--fail-fast", panel=RUN, help="Stop at the first failure.")] = False,
    events: Events = False,
    quiet: Quiet = False,
    verbose: Annotated[
        int, option("--verbose", "-v", panel=SAY, count=True, help="Show each file. -vv: also what decoders print.")
    ] = 0,
) -> None:
    """Name the dominant instrument of recordings. Write a table and, if you ask for it, tags.

    Without --output, each file's result is one line on stdout.

    Exit codes: 0 every file is done. 1 some files failed, the rest is done, or no recordings were found. 2 usage.
    3 the model, the device or the output cannot be used. 130 interrupted; run the same command again to continue.
    """
    leave_a_folder_that_is_gone()  # before the imports: multiprocessing remembers the folder it was imported in

    from instag.analyse import AnalysisSettings
    from instag.cli.dry_run import show_plan
    from instag.cli.leftout import LeftOut
    from instag.cli.progress import EventLines, Terminal
    from instag.discover import Unreached, discover
    from instag.model.session import Device, find_model, open_model
    from instag.paths import is_same_file
    from instag.run.job import JobSettings, make_plan, run_job
    from instag.run.observer import Observer
    from instag.run.worker import WorkerSettings
    from instag.table import table_kind

    with errors_for_people():
        if output:
            table_kind(output)
        if windows and not output:
            raise UsageError("--windows needs --output.", "An interrupted job continues from the table.")
        if windows and output and is_same_file(windows, output):
            raise UsageError(
                f"--windows {windows} and --output {output} lead to the same file.", "Give the timeline its own file."
            )
        if save_settings:
            check_target(save_settings)
        worker = WorkerSettings(
            model_path=find_model(model),
            device=parse_device(device),
            analysis=AnalysisSettings(overlap_seconds=overlap, batch_size=batch_size),
            write_tags=write_tags,
            sidecar=sidecar,
            overwrite=overwrite and write_tags,
            keep_mtime=keep_mtime,
        )
        job = JobSettings(
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
        check_overlap(overlap, loaded.card)
        if verbose and worker.device is Device.AUTO and loaded.device is Device.CPU:
            observer.note("No GPU can be used here; the model runs on the CPU.")
        left_out = LeftOut(observer, each=verbose > 0)
        found = [
            (item.path, item.error) if isinstance(item, Unreached) else (item, None)
            for item in discover(inputs, include or [], exclude or [], left_out)
        ]
        left_out.sum_up()
        if not found:
            raise nothing_found()
        if save_settings and not dry_run:
            write_settings(save_settings, context.command.params, context.params)
        with ExitStack() as stack:
            table, timeline = _open_outputs(stack, output, windows, dry_run)
            for sink in (table, timeline):
                for note in sink.notes if sink else ():
                    observer.note(note)
            plan = make_plan(found, table, timeline, loaded.card, worker, job)
            if dry_run:
                raise typer.Exit(show_plan(plan, worker, output, windows, save_settings))
            totals = run_job(plan, table, timeline, loaded.card, worker, job, observer)
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
