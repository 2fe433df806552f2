"""`instag verify`: holds a table against the files as they are now."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from instag.cli.boundary import errors_for_people
from instag.cli.options import Events, Quiet
from instag.errors import ExitCode


def verify(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="A table that `instag tag --output` wrote.")],
    events: Events = False,
    quiet: Quiet = False,
) -> None:
    """Check that audio and tags are still as a table says, and report what changed.

    Run it in the folder where the table was made, so that relative paths lead to the same files.

    Exit codes: 0 nothing changed; 1 something did; 3 the table cannot be read.
    """
    import json

    from instag.cli.progress import EVENTS_VERSION
    from instag.table import open_table
    from instag.verify import Finding, check_row

    with errors_for_people():
        counts = dict.fromkeys(Finding, 0)
        opened = open_table(table, read_only=True)
        try:
            for row in opened.rows():
                finding, explanation = check_row(row)
                counts[finding] += 1
                if events:
                    record = {"event": "file_verified", "version": EVENTS_VERSION, "path": row.path}
                    typer.echo(json.dumps({**record, "finding": finding, "explanation": explanation}))
                elif finding.is_change:
                    typer.echo(f"{row.path}: {explanation} [{finding}]")
        finally:
            opened.close()
        if not quiet:
            found = ", ".join(f"{count} {finding}" for finding, count in counts.items() if count)
            typer.echo(f"{sum(counts.values())} rows: {found or 'nothing to check'}.", err=True)
        if any(count for finding, count in counts.items() if finding.is_change):
            raise typer.Exit(ExitCode.SOME_FAILED)
