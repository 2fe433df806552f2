"""`instag report`: one page on a finished job, for people who look before they read."""

from __future__ import annotations

from contextlib import ExitStack, closing
from pathlib import Path
from typing import Annotated

import typer

from instag.cli.boundary import errors_for_people
from instag.cli.options import ANALYSE, WRITE, Quiet, TablePath, TableRoot, option, path_of

EXAMPLES = """
instag report t.csv -o report.html                  # open it in a browser
instag report t.csv --windows w.csv -o report.html  # with timelines
"""


def report(
    table: TablePath,
    output: Annotated[
        Path,
        option(
            "--output",
            "-o",
            panel=WRITE,
            metavar="FILE",
            parser=path_of,
            show_default=False,
            help="The page, .html. An earlier report there is replaced.",
        ),
    ],
    windows: Annotated[
        Path | None,
        option(
            "--windows",
            panel=ANALYSE,
            metavar="FILE",
            parser=path_of,
            help="The timeline that `instag tag --windows` wrote, for coloured strips.",
        ),
    ] = None,
    root: TableRoot = None,
    quiet: Quiet = False,
) -> None:
    """Write a web page on a table: totals, instruments, what to hear first, folders, every file with its timeline.

    The page holds everything but the recordings, which it plays from where they lie. It needs no network. A table of
    more than 10,000 files gets an overview and further pages in a folder beside it.

    Exit codes: 0 done. 1 a row is damaged; the page says how many. 2 usage. 3 a table cannot be read or FILE cannot be
    written.
    """
    from instag.cli.progress import count
    from instag.errors import ExitCode
    from instag.report.page import check_output, write_report
    from instag.table import open_table
    from instag.table.timeline import Timeline

    with errors_for_people(), ExitStack() as stack:
        check_output(output)
        results = stack.enter_context(closing(open_table(table, read_only=True)))
        timeline = stack.enter_context(closing(Timeline(windows, read_only=True))) if windows else None
        written = write_report(results, timeline, output, title=table.name, root=root)
        if not quiet:
            pages = f" on {written.pages} pages" if written.pages > 1 else ""
            typer.echo(f"{output}: {count(written.files, 'file')}{pages}.", err=True)
        if written.damaged_rows or written.damaged_timelines:
            typer.echo(
                f"{count(written.damaged_rows, 'row')} and the windows of "
                f"{count(written.damaged_timelines, 'file')} are damaged and left out.",
                err=True,
            )
            raise typer.Exit(ExitCode.SOME_FAILED)
