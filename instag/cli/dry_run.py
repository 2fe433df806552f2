"""`instag tag --dry-run`: everything that the job would write, without writing it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from instag.errors import CannotStartError, ExitCode, FileError

if TYPE_CHECKING:
    from instag.run.plan import Plan
    from instag.run.worker import WorkerSettings


def show_plan(
    plan: Plan, worker: WorkerSettings, output: Path | None, windows: Path | None, settings: Path | None
) -> int:
    """Says what the job would do with each file, and then what it would do with the files named on the command line.

    Returns:
        The exit code: 1 where something of it would fail.

    Raises:
        CannotStartError: The table or the timeline cannot be made.
    """
    from instag.cli.progress import count
    from instag.paths import for_terminal, one_line
    from instag.tags import check_writable
    from instag.tags.sidecar import sidecar_path

    trouble = list(plan.broken)
    for note in plan.notes:
        typer.echo(note, err=True)
    for name, mark in plan.done:
        typer.echo(f"{name}: done before ({mark.status}), would be skipped")
    for path in plan.todo:
        actions = ["analysed"]
        if worker.write_tags:
            try:
                check_writable(path)
                actions.append("tagged")
            except FileError as error:
                trouble.append((path, error))
        typer.echo(f"{for_terminal(path)}: would be {' and '.join(actions)}")
        if worker.sidecar:
            sidecar = sidecar_path(path)
            verb = "replaced" if os.path.lexists(sidecar) else "made"
            typer.echo(f"{for_terminal(sidecar)}: would be {verb}")
    rows = len(plan.todo) + len(plan.broken)
    for target, content in ((output, count(rows, "row")), (windows, f"the windows of {count(len(plan.todo), 'file')}")):
        if target and not target.parent.is_dir():
            raise CannotStartError(f"{target}: there is no folder {target.parent}.", "Make it, or name another one.")
        if target:
            verb = "be extended" if target.exists() else "be made"
            typer.echo(f"{for_terminal(target)}: would {verb} with {content}")
    if settings:
        typer.echo(f"{for_terminal(settings)}: would be {'replaced' if settings.exists() else 'made'}")
    for _, reason in trouble:
        typer.echo(f"{one_line(str(reason))} [{reason.code}]", err=True)
    typer.echo(f"{len(plan.todo)} to analyse, {len(plan.done)} done before, {len(trouble)} with problems.", err=True)
    return ExitCode.SOME_FAILED if trouble else ExitCode.DONE
