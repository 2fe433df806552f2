"""`instag tag`: the main job."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Annotated

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
    Language,
    ModelName,
    Overlap,
    Quiet,
    SidecarDir,
    check_overlap,
    leave_a_folder_that_is_gone,
    number,
    option,
    parse_device,
    parse_language,
    path_of,
)
from instag.cli.settings import load_settings, write_settings
from instag.errors import ExitCode

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
    shard: Annotated[
        str | None,
        option(
            "--shard",
            panel=ANALYSE,
            metavar="i/n",
            help="Take only the i-th of n shares of the files, as one task of a job array.",
        ),
    ] = None,
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
    root: Annotated[
        Path | None,
        option(
            "--root",
            panel=WRITE,
            metavar="DIR",
            parser=path_of,
            help="Write paths relative to this folder into the table, so that each file has one name.",
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
    sidecar_dir: SidecarDir = None,
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
    scheduler: Annotated[
        str | None,
        option(
            "--scheduler",
            panel=RUN,
            metavar="ADDRESS",
            help="Use the workers of a Dask cluster: tcp://HOST:PORT, or local for a cluster on this machine.",
        ),
    ] = None,
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
    language: Language = "en",
    events: Events = False,
    xml: Annotated[
        bool, option("--xml", panel=SAY, help="One file only: its result as PBCore XML on stdout, for programs.")
    ] = False,
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

    # Imported when the command runs, so that --help is quick.
    from instag.analyse import AnalysisSettings
    from instag.cli.dry_run import show_plan
    from instag.cli.leftout import LeftOut
    from instag.cli.outputs import check_outputs, open_outputs
    from instag.cli.progress import EventLines, Terminal
    from instag.cli.tag_xml import XmlOfOne, check_xml
    from instag.discover import discover
    from instag.model.session import Device, find_model, open_model
    from instag.run.filesystems import network_note
    from instag.run.job import Job, JobSettings
    from instag.run.plan import Found, Planner
    from instag.run.shard import parse_shard
    from instag.run.worker import WorkerSettings
    from instag.tags.sidecar_tree import SidecarTree, common_root

    with errors_for_people():
        check_outputs(output, windows, save_settings)
        if xml:
            check_xml(inputs, output, events)
        share = parse_shard(shard) if shard is not None else None
        worker = WorkerSettings(
            model_path=find_model(model),
            device=parse_device(device),
            analysis=AnalysisSettings(overlap_seconds=overlap, batch_size=batch_size),
            write_tags=write_tags,
            sidecar=sidecar or sidecar_dir is not None,
            sidecar_tree=SidecarTree(sidecar_dir, root or common_root(inputs)) if sidecar_dir else None,
            overwrite=overwrite and write_tags,
            keep_mtime=keep_mtime,
            root=root,
        )
        job_settings = JobSettings(
            jobs=jobs,
            timeout_seconds=timeout,
            max_memory_bytes=max_memory * 1_000_000,
            fail_fast=fail_fast,
            silent=verbose < 2,
            scheduler=scheduler,
        )
        terminal = Terminal(lines=output is None, quiet=quiet, verbose=verbose, names=parse_language(language))
        observer: EventLines | Terminal = EventLines(sys.stdout) if events else terminal
        if xml:
            observer = XmlOfOne(sys.stdout.buffer, verbose)
        loaded = open_model(worker.model_path, worker.device)
        check_overlap(overlap, loaded.card)
        if verbose and worker.device is Device.AUTO and loaded.device is Device.CPU:
            observer.note("No GPU can be used here; the model runs on the CPU.")
        if not scheduler:  # its machines may have other devices
            worker = replace(worker, device=loaded.device)
        left_out = LeftOut(observer, each=verbose > 0)
        found = Found(discover(inputs, include or [], exclude or [], left_out))
        left_out.sum_up()
        if not found:
            raise nothing_found()
        if save_settings and not dry_run:
            write_settings(save_settings, context.command.params, context.params)
        with ExitStack() as stack:
            table, timeline = open_outputs(stack, output, windows, read_only=dry_run)
            for sink in (table, timeline):
                for note in sink.notes if sink else ():
                    observer.note(note)
            if output and (note := network_note(output)):
                observer.note(note)
            planner = Planner(loaded.card, worker, retry_failed, force, share)
            plan = planner.plan(found.drain(), table, timeline)
            if dry_run:
                raise typer.Exit(show_plan(plan, worker, output, windows, save_settings))
            totals = Job(job_settings, worker, loaded.card, observer, table, timeline).run(plan)
            if not totals.interrupted:
                for sink in (timeline, table):
                    if sink:
                        sink.finish()
        if totals.interrupted:
            raise typer.Exit(ExitCode.INTERRUPTED)
        if totals.failed or totals.refused:
            raise typer.Exit(ExitCode.SOME_FAILED)
