"""`instag untag`: takes back what instag wrote."""

from __future__ import annotations

import typer

from instag.cli.boundary import errors_for_people, nothing_found
from instag.cli.options import DryRun, Exclude, Include, Inputs, KeepMtime, Quiet, Verbose
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
    dry_run: DryRun = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Remove exactly what instag wrote: its tags and its sidecars.

    Exit codes: 0 every file is done. 1 some files failed, the rest is done, or no recordings were found. 2 usage.
    """
    from instag import tags
    from instag.cli.progress import count
    from instag.discover import Unreached, discover
    from instag.paths import for_terminal, one_line
    from instag.tags import sidecar

    with errors_for_people():
        files = changed = failed = 0
        for item in discover(inputs, include or [], exclude or []):
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
        if not files:
            raise nothing_found()
        if not quiet:
            would = "would be " if dry_run else ""
            typer.echo(f"{count(files, 'file')}: {changed} {would}untagged, {failed} failed.", err=True)
        if failed:
            raise typer.Exit(ExitCode.SOME_FAILED)
