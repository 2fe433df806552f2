"""`instag export`: writes what was heard in the formats that other programs and catalogues read."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from instag.cli.boundary import errors_for_people
from instag.cli.options import ANALYSE, WRITE, Quiet, option, path_of
from instag.errors import CannotStartError, UsageError

if TYPE_CHECKING:
    from instag.table.rows import Row

TIMELINES = ("audacity", "textgrid", "raven", "jams", "webvtt", "iiif")
CATALOGUES = ("premis", "marcxml", "marc", "archivematica", "pbcore", "manifest")
EXAMPLES = """
instag export t.csv --to premis -o premis.xml  # preservation events
instag export t.csv --to archivematica -o metadata.csv  # Dublin Core
instag export t.csv --windows w.csv --to audacity -o labels  # label tracks
"""

_NAMED_AT_MOST = 3


def export(
    table: Annotated[
        Path,
        typer.Argument(metavar="TABLE", parser=path_of, rich_help_panel=ANALYSE, show_default=False, help="A table."),
    ],
    to: Annotated[
        str,
        option(
            "--to",
            panel=WRITE,
            metavar="FORMAT",
            show_default=False,
            help=f"One file: {', '.join(CATALOGUES)}. A timeline: {', '.join(TIMELINES)}.",
        ),
    ],
    output: Annotated[
        Path,
        option(
            "--output",
            "-o",
            panel=WRITE,
            metavar="PATH",
            parser=path_of,
            show_default=False,
            help="A new file for a catalogue; a new folder for timelines, with the same tree as the recordings.",
        ),
    ],
    windows: Annotated[
        Path | None,
        option(
            "--windows",
            panel=ANALYSE,
            metavar="FILE",
            parser=path_of,
            show_default=False,
            help="The timeline that `instag tag --windows` wrote. Timelines need it.",
        ),
    ] = None,
    root: Annotated[
        Path | None,
        option(
            "--root",
            panel=WRITE,
            metavar="DIR",
            parser=path_of,
            show_default=False,
            help="Name recordings relative to DIR; without it, to the folder that holds them all.",
        ),
    ] = None,
    prefix: Annotated[
        str | None,
        option(
            "--prefix",
            panel=WRITE,
            metavar="PREFIX",
            show_default=False,
            help="Put this before each path, for catalogues and iiif. Default for premis and archivematica: objects/. "
            "iiif needs the address of your canvases here.",
        ),
    ] = None,
    organisation: Annotated[
        str,
        option(
            "--organisation",
            panel=WRITE,
            metavar="CODE",
            show_default=False,
            help="The agency that answers for MARC records, for 883 $q.",
        ),
    ] = "",
    about: Annotated[
        str,
        option(
            "--about",
            panel=WRITE,
            metavar="URL",
            show_default=False,
            help="A page that describes how the labels were made, for MARC's 883 $u.",
        ),
    ] = "",
    quiet: Quiet = False,
) -> None:
    """Write what was heard for other programs: one file for a catalogue, or each recording's timeline.

    A person's label takes the place of the machine's. Each value says who gave it, and how sure the machine was.

    Exit codes: 0 done. 1 a row is missing or damaged, or there is nothing to export. 2 usage. 3 a table cannot be read
    or PATH cannot be written.
    """
    from instag import paths
    from instag.cli.progress import count
    from instag.errors import ExitCode
    from instag.table import open_table, refuse_in_bag

    with errors_for_people():
        _refuse_wrong_options(to, windows, prefix, organisation, about)
        if output.exists():
            raise CannotStartError(f"{output}: is already there.", "Give another name.")
        refuse_in_bag(output)
        with closing(open_table(table, read_only=True)) as results:
            rows = [row for row in results.rows() if _is_told(row, to)]
            damaged = results.damaged
        if not rows:
            what = "was reviewed by a person" if to == "manifest" else "was analysed"
            typer.echo(f"{paths.for_terminal(table)}: no recording in it {what}; nothing was written.", err=True)
            raise typer.Exit(ExitCode.SOME_FAILED)
        places = [os.path.abspath(paths.from_table(row.path)) for row in rows]  # noqa: PTH100
        top = os.path.abspath(root) if root else _folder_of_all(places)  # noqa: PTH100
        if root and (outside := next((p for p in places if not p.startswith(os.path.join(top, ""))), None)):  # noqa: PTH118
            raise UsageError(f"--root {root}: {outside} is not below it.", "Name a folder that holds every recording.")
        named = [(os.path.relpath(place, top), row) for place, row in zip(places, rows, strict=True)]
        if to == "manifest" and prefix is None:  # its paths start from its own folder
            prefix = os.path.join(os.path.relpath(top or os.curdir, output.absolute().parent), "")  # noqa: PTH118
            prefix = prefix.replace(os.sep, "/").removeprefix("./")
        try:
            missing = _write_timelines(to, output, named, windows, prefix or "") if windows else []
            if not windows:
                _write_catalogue(to, output, named, prefix, organisation, about)
        except OSError as error:
            raise CannotStartError(f"{output}: cannot be written ({error.strerror}).", "Give another name.") from None
        for path in missing[:_NAMED_AT_MOST]:
            typer.echo(f"{paths.one_line(path)}: left out, since the timeline does not hold all of it.", err=True)
        if damaged or missing:
            total = damaged + len(missing)
            typer.echo(f"{count(total, 'recording')} left out: missing or damaged.", err=True)
            typer.echo(f"`instag verify {table}` names damaged rows.", err=True)
            raise typer.Exit(ExitCode.SOME_FAILED)
        if not quiet:
            typer.echo(f"{output}: {count(len(rows), 'recording')}.", err=True)


def _is_told(row: Row, to: str) -> bool:
    """Whether a format holds a recording: `premis` tells of failures too, `manifest` only of what people said."""
    return to == "premis" or bool(row.reviewed_label if to == "manifest" else row.label)


def _refuse_wrong_options(to: str, windows: Path | None, prefix: str | None, organisation: str, about: str) -> None:
    if to not in TIMELINES + CATALOGUES:
        raise UsageError(f"--to {to}: there is no such format.", f"Choose one of {', '.join(CATALOGUES + TIMELINES)}.")
    if to in TIMELINES and not windows:
        raise UsageError(f"--to {to} needs a timeline.", "Add --windows FILE; `instag tag --windows FILE` writes it.")
    if to in CATALOGUES and windows:
        raise UsageError(f"--to {to} has no timeline.", "Leave --windows out.")
    if to in TIMELINES and to != "iiif" and prefix is not None:
        raise UsageError(f"--prefix does nothing for --to {to}.", "Leave it out.")
    if to == "iiif" and not (prefix or "").startswith(("http://", "https://")):
        raise UsageError(
            "--to iiif needs the address of your canvases.", "Add --prefix, as in --prefix https://example.org/canvas/."
        )
    for name, value in (("--organisation", organisation), ("--about", about)):
        if value and to not in ("marc", "marcxml"):
            raise UsageError(f"{name} does nothing for --to {to}.", "Leave it out.")


def _folder_of_all(places: Sequence[str]) -> str:
    return os.path.commonpath([os.path.dirname(place) for place in places])  # noqa: PTH120


def _write_timelines(to: str, folder: Path, named: Sequence[tuple[str, Row]], windows: Path, prefix: str) -> list[str]:
    """Writes a file for each recording, and returns the recordings that the timeline lacks."""
    from instag.exports.spans import named_spans
    from instag.table.timeline import Timeline

    form = import_module(f"instag.exports.{to}")
    missing = []
    with closing(Timeline(windows, read_only=True)) as timeline:
        folder.mkdir(parents=True)
        for path, row in named:
            try:
                heard = timeline.windows(row.path)
            except ValueError:
                heard = ()
            if not (heard or row.reviewed_label):
                missing.append(row.path)
                continue
            target = folder / (path + form.SUFFIX)
            target.parent.mkdir(parents=True, exist_ok=True)
            slashes = path.replace(os.sep, "/")
            target.write_text(form.to_text(prefix + slashes, named_spans(row, heard)), encoding="utf-8", newline="\n")
    return missing


def _write_catalogue(
    to: str, file: Path, named: Sequence[tuple[str, Row]], prefix: str | None, organisation: str, about: str
) -> None:
    from instag.exports import archivematica, manifest, marc, pbcore, premis

    before = (
        prefix if prefix is not None else {"premis": premis.PREFIX, "archivematica": archivematica.PREFIX}.get(to, "")
    )
    recordings = [(before + path.replace(os.sep, "/"), row) for path, row in named]
    write: dict[str, Callable[[], bytes]] = {
        "premis": lambda: premis.to_bytes(recordings),
        "marcxml": lambda: marc.to_xml(recordings, organisation, about),
        "marc": lambda: marc.to_bytes(recordings, organisation, about),
        "archivematica": lambda: archivematica.to_bytes(recordings),
        "pbcore": lambda: pbcore.to_bytes(recordings),
        "manifest": lambda: manifest.to_bytes(recordings),
    }
    document = write[to]()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(document)
