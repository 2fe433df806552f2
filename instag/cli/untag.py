"""`instag untag`: undoes what instag wrote."""

from __future__ import annotations

from typing import Annotated

import typer

from instag.cli.boundary import errors_for_people
from instag.cli.options import TELL, DryRun, Exclude, Include, Inputs, KeepMtime, Quiet, input_paths, option
from instag.errors import ExitCode, FileError


def untag(
    inputs: Inputs,
    include: Include = None,
    exclude: Exclude = None,
    keep_mtime: KeepMtime = False,
    dry_run: DryRun = False,
    quiet: Quiet = False,
    verbose: Annotated[
        int, option("--verbose", "-v", count=True, show_default=False, panel=TELL, help="Show each file.")
    ] = 0,
) -> None:
    """Undo exactly what instag wrote: its tags in the files, and its sidecars beside them.

    Exit codes: 0 every file is done; 1 some files failed, the others are done; 2 wrong usage.
    """
    from instag import tags
    from instag.discover import Unreached, discover
    from instag.paths import for_terminal, one_line
    from instag.tags import sidecar

    with errors_for_people():
        files = changed = failed = 0
        for item in discover(input_paths(inputs), include or [], exclude or []):
            files += 1
            try:
                if isinstance(item, Unreached):
                    raise item.error
                mine = (tags.read_tags(item) is not None, sidecar.read_sidecar(item) is not None)
                if not dry_run:
                    if mine[0]:
                        tags.remove_tags(item, keep_mtime=keep_mtime)
                    if mine[1]:
                        sidecar.remove_sidecar(item)
            except FileError as error:
                failed += 1
                typer.echo(f"FAILED {one_line(str(error))} [{error.code}]", err=True)
                continue
            if any(mine):
                changed += 1
                if verbose or dry_run:
                    typer.echo(f"{for_terminal(item)}: {'would be untagged' if dry_run else 'untagged'}")
        if not quiet:
            would = "would be " if dry_run else ""
            typer.echo(f"{files} files: {changed} {would}untagged, {failed} failed.", err=True)
        if failed:
            raise typer.Exit(ExitCode.SOME_FAILED)
