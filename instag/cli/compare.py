"""`instag compare`: what a catalogue or other people's tags say, against what was heard."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from instag.cli.boundary import errors_for_people
from instag.cli.options import ANALYSE, SAY, TablePath, TableRoot, option, path_of
from instag.errors import ExitCode, UsageError

EXAMPLES = """
instag compare table.csv catalogue.csv  # path,instrument
instag compare table.csv --tags         # INSTRUMENT tags of other people
"""


def compare(
    table: TablePath,
    catalogue: Annotated[
        Path | None,
        typer.Argument(
            metavar="[CATALOGUE]",
            parser=path_of,
            rich_help_panel=ANALYSE,
            show_default=False,
            help="A CSV with the columns path and label, labels, instrument or instruments.",
        ),
    ] = None,
    tags: Annotated[
        bool, option("--tags", panel=ANALYSE, help="Compare with INSTRUMENT tags that others wrote into the files.")
    ] = False,
    root: TableRoot = None,
    as_json: Annotated[bool, option("--json", panel=SAY, help="One JSON object on stdout, for programs.")] = False,
) -> None:
    """Hold what is written of recordings against what was heard, worst first.

    A person's label in the table takes the place of the machine's.

    Exit codes: 0 done. 1 rows of the table or tags cannot be read. 2 usage. 3 a file cannot be read.
    """
    import json
    from dataclasses import asdict

    from instag.measure.comparison import compare as hold
    from instag.measure.comparison import lines
    from instag.measure.tagged import read_tagged
    from instag.measure.truth import Catalogue, read_catalogue
    from instag.paths import for_terminal
    from instag.table import open_table

    with errors_for_people():
        if tags == (catalogue is not None):
            raise UsageError("There must be either a CATALOGUE or --tags to compare with.", "Give one of them.")
        said = read_catalogue(catalogue) if catalogue else Catalogue({}, ())
        written, unreadable = said.written, list[str]()
        with closing(open_table(table, read_only=True)) as opened:
            if tags:
                written, unreadable = read_tagged(opened.rows(), root)
            result = hold(opened.rows(), written, "tags" if tags else "catalogue", unreadable)
        typer.echo(json.dumps(asdict(result), ensure_ascii=False) if as_json else "\n".join(lines(result)))
        for again in said.repeats:
            typer.echo(for_terminal(f"{again.place}: {again.path} is named again; its words are joined."), err=True)
        if opened.damaged:
            typer.echo(f"{opened.damaged} rows of the table cannot be read.", err=True)
        if opened.damaged or unreadable:
            raise typer.Exit(ExitCode.SOME_FAILED)
