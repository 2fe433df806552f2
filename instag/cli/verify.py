"""`instag verify`: holds a table against the files as they are now."""

from __future__ import annotations

from contextlib import closing

import typer

from instag.cli.boundary import errors_for_people
from instag.cli.options import Events, Quiet, TablePath, TableRoot
from instag.errors import ExitCode

EXAMPLES = """
instag verify table.csv            # list the files that have changed
instag verify table.csv --events   # every row's finding as JSON Lines
"""


def verify(
    table: TablePath,
    root: TableRoot = None,
    events: Events = False,
    quiet: Quiet = False,
) -> None:
    """Check that audio and tags are still what a table says; report what changed since.

    Run it in the folder in which the table was made, or name that folder with --root.

    Exit codes: 0 nothing changed. 1 something did, a row cannot be read, or there is no row. 3 the table cannot be
    read.
    """
    import json

    from instag.cli.progress import EVENTS_VERSION, count
    from instag.table import open_table
    from instag.verify import Finding, check_row

    with errors_for_people():
        counts = dict.fromkeys(Finding, 0)
        with closing(open_table(table, read_only=True)) as opened:
            for note in opened.notes:
                typer.echo(note, err=True)
            for row in opened.rows():
                finding, explanation = check_row(row, root)
                counts[finding] += 1
                if events:
                    record = {"event": "file_verified", "version": EVENTS_VERSION, "path": row.path}
                    typer.echo(json.dumps({**record, "finding": finding, "explanation": explanation}))
                elif finding.is_change:
                    typer.echo(f"{row.path}: {explanation} [{finding}]")
        rows, damaged = sum(counts.values()), opened.damaged
        if events:
            totals = {str(finding): number for finding, number in counts.items()}
            record = {"event": "table_verified", "version": EVENTS_VERSION, "rows": rows, "damaged": damaged}
            typer.echo(json.dumps({**record, **totals}))
        if not quiet or damaged or not rows:
            parts = [f"{number} {finding}" for finding, number in counts.items() if number]
            if damaged:
                parts.append(f"{count(damaged, 'row')} torn or damaged, which cannot be checked")
            typer.echo(f"{count(rows + damaged, 'row')}: {', '.join(parts) or 'nothing to check'}.", err=True)
        if damaged or not rows or any(number for finding, number in counts.items() if finding.is_change):
            raise typer.Exit(ExitCode.SOME_FAILED)
