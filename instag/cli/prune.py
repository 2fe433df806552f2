"""`instag prune`: drops the rows of files that no longer exist."""

from __future__ import annotations

from contextlib import ExitStack, closing

import typer

from instag.cli.boundary import errors_for_people
from instag.cli.options import DryRun, Quiet, TablePath, TableRoot
from instag.errors import CannotStartError

EXAMPLES = """
instag prune table.csv --dry-run    # which rows would go?
instag prune table.csv
"""


def prune(table: TablePath, root: TableRoot = None, dry_run: DryRun = False, quiet: Quiet = False) -> None:
    """Drop the rows of files that no longer exist, and say how many.

    Run it in the folder in which the table was made, or name that folder with --root. A row with a person's review
    stays unless another row of the same audio holds a review too.

    Exit codes: 0 done. 2 usage. 3 the table cannot be used, or none of its files exists.
    """
    from instag.cli.progress import count
    from instag.table import open_table
    from instag.table.lock import locked
    from instag.verify import is_gone

    with errors_for_people(), ExitStack() as stack:
        if not dry_run:
            # A name that is mistyped must not become an empty table.
            open_table(table, read_only=True).close()
            stack.enter_context(locked(table))
        opened = stack.enter_context(closing(open_table(table, read_only=dry_run)))
        for note in opened.notes:
            typer.echo(note, err=True)
        gone, kept, rows, reviewed = [], 0, 0, set()
        for row in opened.rows():
            rows += 1
            if not is_gone(row, root):
                if row.review:
                    reviewed.add(row.audio_digest)
            else:
                gone.append((row.path, row.audio_digest if row.review else None))
        if rows and len(gone) == rows:
            raise CannotStartError(
                f"{table}: none of its files exists here; no row was dropped.",
                "Run it in the folder in which the table was made, or give --root; mount the disk if it is not there.",
            )
        dropped = [path for path, digest in gone if digest is None or digest in reviewed]
        kept = len(gone) - len(dropped)
        for path in dropped:
            if not quiet:
                typer.echo(f"{path}: {'would be dropped' if dry_run else 'dropped'}")
            if not dry_run:
                opened.remove(path)
        if dropped and not dry_run:
            opened.finish()
        if not quiet:
            would = "would be " if dry_run else ""
            text = f"{count(rows, 'row')}: {len(dropped)} {would}dropped, {rows - len(dropped)} {would}kept."
            if kept:
                text += f" {count(kept, 'row')} of files that are gone {would}kept for the review in it."
            typer.echo(text, err=True)
