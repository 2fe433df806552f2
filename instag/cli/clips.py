"""`instag clips`: the telling seconds of recordings, as small files to listen to one after the other."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from instag.cli.boundary import errors_for_people
from instag.cli.list import label_of
from instag.cli.options import ANALYSE, WRITE, Quiet, TablePath, TableRoot, option, path_of
from instag.errors import CannotStartError, ExitCode, FileError

EXAMPLES = """
instag clips t.csv --windows w.csv --label cello -o cello  # 6 s of each
instag clips t.csv --windows w.csv --label voice -o voice  # of singers
"""


def clips(
    table: TablePath,
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
    label: Annotated[
        str,
        option(
            "--label",
            panel=ANALYSE,
            metavar="LABEL",
            show_default=False,
            help="Recordings with this label: the one that a person gave, otherwise the model's.",
        ),
    ],
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
    root: TableRoot = None,
    quiet: Quiet = False,
) -> None:
    """Copy the most telling seconds of each recording with a label into a small FLAC file.

    The name of a clip says where it starts and ends: song.mp3_12.0s-18.0s.flac. Recordings are only read.

    Exit codes: 0 done. 1 a recording cannot be read, or a row is missing or damaged. 2 usage. 3 a table cannot be read
    or DIR cannot be written.
    """
    from instag import paths
    from instag.audio.clip import CLIP_SUFFIX, write_clip
    from instag.cli.progress import count
    from instag.exports.telling import telling_stretch
    from instag.table import open_table, refuse_in_bag
    from instag.table.timeline import Timeline

    with errors_for_people():
        wanted = label_of(label)
        if output.exists():
            raise CannotStartError(f"{output}: is already there.", "Name a new folder.")
        refuse_in_bag(output)
        with (
            closing(open_table(table, read_only=True)) as results,
            closing(Timeline(windows, read_only=True)) as timeline,
        ):
            rows = [row for row in results.rows() if row.label == wanted]
            places = [os.path.abspath(paths.locate(row.path, root)) for row in rows]  # noqa: PTH100
            top = os.path.commonpath([os.path.dirname(place) for place in places]) if places else ""  # noqa: PTH120
            left_out, silent = results.damaged, 0
            try:
                output.mkdir(parents=True)
                for row, place in zip(rows, places, strict=True):
                    try:
                        heard = timeline.windows(row.path)
                    except ValueError:
                        heard = ()
                    if not heard:
                        left_out += 1
                        continue
                    stretch = telling_stretch(heard, wanted)
                    if stretch is None:
                        silent += 1
                        continue
                    start, end = stretch
                    name = f"{os.path.relpath(place, top)}_{start:.1f}s-{end:.1f}s{CLIP_SUFFIX}"
                    target = output / name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    try:
                        write_clip(Path(place), start, end, target)
                    except FileError as error:
                        typer.echo(f"FAILED {paths.one_line(str(error))} [{error.code}]", err=True)
                        left_out += 1
            except OSError as error:
                raise CannotStartError(
                    f"{output}: cannot be written ({error.strerror}).", "Name another folder."
                ) from None
        if not quiet:
            unheard = f" Nothing is heard in {count(silent, 'recording')}." if silent else ""
            typer.echo(
                f"{output}: {count(len(rows) - left_out + results.damaged - silent, 'clip')}.{unheard}", err=True
            )
        if left_out:
            typer.echo(f"{count(left_out, 'recording')} left out: missing or damaged.", err=True)
            raise typer.Exit(ExitCode.SOME_FAILED)
