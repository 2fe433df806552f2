"""`instag untag`: removes what instag wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from instag.cli.boundary import errors_for_people, nothing_found
from instag.cli.options import (
    WRITE,
    DryRun,
    Exclude,
    Include,
    Inputs,
    KeepMtime,
    Quiet,
    SidecarDir,
    Verbose,
    option,
    path_of,
)
from instag.errors import ExitCode, FileError

EXAMPLES = """
instag untag recordings/ --dry-run   # say which files would change
instag untag recordings/             # remove instag's tags and sidecars
instag untag song.mp3 --keep-mtime   # and keep the modification time
"""


def untag(
    inputs: Inputs,
    include: Include = None,
    exclude: Exclude = None,
    keep_mtime: KeepMtime = False,
    sidecar_dir: SidecarDir = None,
    root: Annotated[
        Path | None,
        option(
            "--root", panel=WRITE, metavar="DIR", parser=path_of, help="With --sidecar-dir: the --root of `instag tag`."
        ),
    ] = None,
    dry_run: DryRun = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Remove exactly what instag wrote: its tags and its sidecars.

    Sidecars that were written with --sidecar-dir are removed if the same folder and the same paths are given again.

    Exit codes: 0 every file is done. 1 some files failed, the rest is done, or no recordings were found. 2 usage.
    """
    from instag import tags
    from instag.cli.progress import count
    from instag.discover import Unreached, discover
    from instag.paths import for_terminal, one_line
    from instag.results import TagOutcome
    from instag.tags import sidecar
    from instag.tags.sidecar_tree import SidecarTree, common_root

    with errors_for_people():
        files = changed = failed = 0
        places = [None, SidecarTree(sidecar_dir, root or common_root(inputs))] if sidecar_dir else [None]
        for item in discover(inputs, include or [], exclude or []):
            files += 1
            try:
                if isinstance(item, Unreached):
                    raise item.error
                if dry_run:
                    mine = tags.is_tagged(item) or any(sidecar.has_sidecar(item, place) for place in places)
                else:
                    outcomes = [tags.remove_tags(item, keep_mtime=keep_mtime)]
                    outcomes.extend(sidecar.remove_sidecar(item, place) for place in places)
                    mine = TagOutcome.WRITTEN in outcomes
            except FileError as error:
                failed += 1
                typer.echo(f"FAILED {one_line(str(error))} [{error.code}]", err=True)
                continue
            if mine:
                changed += 1
                if verbose or dry_run:
                    typer.echo(f"{for_terminal(item)}: {'would be untagged' if dry_run else 'untagged'}")
        if not files:
            raise nothing_found()
        if not quiet:
            would = "would be " if dry_run else ""
            typer.echo(f"{count(files, 'file')}: {changed} {would}untagged, {failed} failed.", err=True)
        if failed:
            raise typer.Exit(ExitCode.SOME_FAILED)
