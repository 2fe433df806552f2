"""`instag list`: the paths of a table's files, for scripts and for people who go on from there."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from typing import Annotated

import typer

from instag.cli.boundary import errors_for_people
from instag.cli.options import ANALYSE, SAY, TablePath, TableRoot, option
from instag.errors import ExitCode, UsageError
from instag.labels import DISPLAY_NAMES

EXAMPLES = """
instag list table.csv --needs-review --unreviewed   # still to be heard
instag list table.csv --label cello -0              # for xargs -0
"""


def list_files(
    table: TablePath,
    failed: Annotated[bool, option("--failed", panel=ANALYSE, help="Only files that could not be analysed.")] = False,
    needs_review: Annotated[
        bool, option("--needs-review", panel=ANALYSE, help="Only files that a person should listen to.")
    ] = False,
    label: Annotated[
        str | None,
        option(
            "--label",
            panel=ANALYSE,
            metavar="LABEL",
            help="Only files with this label: the one that a person gave, otherwise the model's.",
        ),
    ] = None,
    reviewed: Annotated[bool, option("--reviewed", panel=ANALYSE, help="Only files that a person reviewed.")] = False,
    unreviewed: Annotated[
        bool, option("--unreviewed", panel=ANALYSE, help="Only files that nobody has reviewed.")
    ] = False,
    accepted: Annotated[
        bool, option("--accepted", panel=ANALYSE, help="Only files whose label was accepted unheard.")
    ] = False,
    root: TableRoot = None,
    null: Annotated[
        bool,
        option("--null", "-0", panel=SAY, help="End each path with a NUL, for `xargs -0`: names may hold line breaks."),
    ] = False,
) -> None:
    """List the paths of a table's files, one per line. With several conditions, a file must meet all of them.

    Exit codes: 0 done. 1 some rows of the table cannot be read. 2 usage. 3 the table cannot be read.
    """
    from instag import paths
    from instag.cli.progress import count
    from instag.table import open_table
    from instag.table.select import Selection

    with errors_for_people():
        if reviewed and unreviewed:
            raise UsageError("--reviewed and --unreviewed together leave no file.", "Give one of them.")
        if accepted and reviewed:
            raise UsageError("--accepted and --reviewed together leave no file.", "Give one of them.")
        selection = Selection(
            failed,
            needs_review,
            "" if label is None else label_of(label),
            True if reviewed else False if unreviewed else None,
            accepted,
        )
        is_terminal = sys.stdout.isatty() and not null
        with closing(open_table(table, read_only=True)) as opened:
            for note in opened.notes:
                typer.echo(note, err=True)
            known = opened.damaged
            for row in filter(selection.takes, opened.rows()):
                path = paths.locate(row.path, root)
                if is_terminal:
                    typer.echo(paths.for_terminal(path))
                else:
                    # The name's own bytes, which need not be valid UTF-8.
                    sys.stdout.buffer.write(os.fsencode(path) + (b"\0" if null else b"\n"))
        sys.stdout.buffer.flush()
        if opened.damaged > known:
            typer.echo(
                f"{paths.for_terminal(table)}: {count(opened.damaged - known, 'row')} cannot be read, "
                "and may be missing from the list. Run the same `instag tag` again to have their files done again.",
                err=True,
            )
        if opened.damaged:
            raise typer.Exit(ExitCode.SOME_FAILED)


def label_of(text: str) -> str:
    """The label that a person means: its name in tables, or what people call it.

    Raises:
        UsageError: There is none of that name.
    """
    names = {name.lower(): label for label, name in DISPLAY_NAMES.items()}
    label = names.get(text.lower(), text.lower())
    if label not in DISPLAY_NAMES:
        raise UsageError(f"--label {text}: must be one of {', '.join(DISPLAY_NAMES)}.")
    return label
