"""`instag export`: writes a timeline in the formats that other programs read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from instag.cli.boundary import errors_for_people
from instag.cli.options import ANALYSE, WRITE, Quiet, option, path_of
from instag.errors import CannotStartError, UsageError

FORMATS = ("audacity", "webvtt")
EXAMPLES = """
instag export t.csv --windows w.csv --to audacity -o labels  # label tracks
instag export t.csv --windows w.csv --to webvtt -o captions  # for the web
"""


def export(
    table: Annotated[
        Path,
        typer.Argument(metavar="TABLE", parser=path_of, rich_help_panel=ANALYSE, show_default=False, help="A table."),
    ],
    windows: Annotated[
        Path,
        option(
            "--windows",
            panel=ANALYSE,
            metavar="FILE",
            parser=path_of,
            show_default=False,
            help="The timeline that `instag tag --windows` wrote.",
        ),
    ],
    to: Annotated[str, option("--to", panel=WRITE, metavar="FORMAT", show_default=False, help="audacity or webvtt.")],
    output: Annotated[
        Path,
        option(
            "--output",
            "-o",
            panel=WRITE,
            metavar="DIR",
            parser=path_of,
            show_default=False,
            help="A new folder, with the same tree of folders as the recordings.",
        ),
    ],
    quiet: Quiet = False,
) -> None:
    """Write the timeline of each recording for other programs: Audacity's label tracks or WebVTT captions.

    A person's label takes the place of the machine's.

    Exit codes: 0 done. 1 a row is missing or damaged. 2 usage. 3 a table cannot be read or DIR cannot be written.
    """
    from instag import paths
    from instag.cli.progress import count
    from instag.errors import ExitCode
    from instag.exports import audacity, webvtt
    from instag.exports.spans import named_spans
    from instag.table import open_table, refuse_in_bag
    from instag.table.timeline import Timeline

    with errors_for_people():
        if to not in FORMATS:
            raise UsageError(f"--to {to}: there is no such format.", f"Choose one of {', '.join(FORMATS)}.")
        form = {"audacity": audacity, "webvtt": webvtt}[to]
        if output.exists():
            raise CannotStartError(f"{output}: is already there.", "Name a new folder.")
        refuse_in_bag(output)
        results, timeline = open_table(table, read_only=True), Timeline(windows, read_only=True)
        rows = [row for row in results.rows() if row.label]
        places = [os.path.abspath(paths.from_table(row.path)) for row in rows]  # noqa: PTH100
        top = os.path.commonpath([os.path.dirname(place) for place in places]) if places else ""  # noqa: PTH120
        damaged = results.damaged
        try:
            output.mkdir(parents=True)
            for row, place in zip(rows, places, strict=True):
                try:
                    heard = timeline.windows(row.path)
                except ValueError:
                    heard = ()
                if not (heard or row.reviewed_label):
                    damaged += 1
                    continue
                target = output / (os.path.relpath(place, top) + form.SUFFIX)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(form.to_text(named_spans(row, heard)), encoding="utf-8", newline="\n")
        except OSError as error:
            raise CannotStartError(f"{output}: cannot be written ({error.strerror}).", "Name another folder.") from None
        results.close()
        timeline.close()
        if damaged:
            typer.echo(f"{count(damaged, 'recording')} left out: missing or damaged.", err=True)
            raise typer.Exit(ExitCode.SOME_FAILED)
        if not quiet:
            typer.echo(f"{output}: {count(len(rows), 'recording')}.", err=True)
