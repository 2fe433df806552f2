"""`instag merge`: joins the tables of a job array."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from instag.cli.boundary import errors_for_people
from instag.cli.options import ANALYSE, WRITE, Quiet, option, path_of

EXAMPLES = """
instag merge shard-1.csv shard-2.csv -o table.csv   # join two shards
instag merge a.sqlite b.jsonl -o all.csv            # formats may differ
instag merge table.csv anna.csv -o reviewed.csv     # a table and its review
"""


def merge(
    tables: Annotated[
        list[Path],
        typer.Argument(
            metavar="TABLE...", parser=path_of, rich_help_panel=ANALYSE, show_default=False, help="Tables to join."
        ),
    ],
    output: Annotated[
        Path,
        option(
            "--output",
            "-o",
            panel=WRITE,
            metavar="TABLE",
            parser=path_of,
            show_default=False,
            help="The new table: .csv, .jsonl or .sqlite. It must not exist yet.",
        ),
    ],
    quiet: Quiet = False,
) -> None:
    """Join tables, of any of the three formats, into the table that one machine would have written.

    A file that several tables hold must have the same result in all of them; a review that one of them has is kept.

    Exit codes: 0 done. 2 usage. 3 a table cannot be read, two of them disagree, or the new one cannot be written.
    """
    from instag.cli.progress import count
    from instag.table.merge import merge_tables

    with errors_for_people():
        rows = merge_tables(tables, output)
        if not quiet:
            typer.echo(f"{output}: {count(rows, 'row')} from {count(len(tables), 'table')}.", err=True)
