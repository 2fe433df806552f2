"""`instag evaluate`: how right a table is, against what people say."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from instag.cli.boundary import errors_for_people
from instag.cli.options import ANALYSE, SAY, WRITE, TablePath, option, path_of
from instag.errors import CannotStartError, ExitCode

EXAMPLES = """
instag evaluate table.csv truth.csv           # figures on the terminal
instag evaluate table.csv truth.csv -o e.html # a page with drawings
instag evaluate table.csv labels/             # Audacity's or Raven's labels
"""


def evaluate(
    table: TablePath,
    truth: Annotated[
        Path,
        typer.Argument(
            metavar="TRUTH",
            parser=path_of,
            rich_help_panel=ANALYSE,
            show_default=False,
            help="A CSV file with the columns path and label, or a folder of label files.",
        ),
    ],
    output: Annotated[
        Path | None,
        option(
            "--output",
            "-o",
            panel=WRITE,
            metavar="FILE",
            parser=path_of,
            show_default=False,
            help="Write a page of HTML there as well.",
        ),
    ] = None,
    as_json: Annotated[bool, option("--json", panel=SAY, help="One JSON object on stdout, for programs.")] = False,
) -> None:
    """Say how right a table is: accuracy, labels, confidence, and what review buys.

    Several true labels of one recording are joined by a semicolon. A path must be written as in the table.
    docs/measures.md explains each figure.

    Exit codes: 0 done. 1 some recordings with a true label failed or are missing. 2 usage. 3 a file cannot be used.
    """
    from instag.measure.judged import match
    from instag.measure.metrics import evaluate as measure
    from instag.measure.page import to_html
    from instag.measure.truth import read_truth
    from instag.measure.wording import to_json, to_lines
    from instag.table import open_table, refuse_in_bag

    with errors_for_people():
        if output:
            refuse_in_bag(output)
            if output.exists():
                raise CannotStartError(f"{output}: is already there.", "Give another name.")
        people = read_truth(truth)
        with closing(open_table(table, read_only=True)) as rows:
            matched = match(rows.rows(), people)
            damaged = rows.damaged
        if not matched.judged:
            example = next(iter(people.labels))
            raise CannotStartError(
                f"{truth}: no path in it is an analysed recording of {table} (its first is {example}).",
                "Write paths as the table has them; `instag list` shows them.",
            )
        found = measure(matched.judged)
        if output:
            try:
                output.write_text(to_html(found, matched, people), encoding="utf-8", newline="\n")
            except OSError as error:
                raise CannotStartError(
                    f"{output}: cannot be written ({error.strerror}).", "Give another name."
                ) from None
        if as_json:
            typer.echo(to_json(found, matched, people))
        else:
            for line in to_lines(found, matched, people):
                typer.echo(line)
        if damaged:
            typer.echo(
                f"{damaged} damaged rows of {table} were left out; `instag verify {table}` names them.", err=True
            )
    if damaged or matched.failed or matched.only_truth:
        raise typer.Exit(ExitCode.SOME_FAILED)
