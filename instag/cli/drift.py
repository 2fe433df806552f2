"""`instag drift`: whether a collection sounds like what its model was measured on."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer

from instag.cli.boundary import errors_for_people
from instag.cli.options import SAY, ModelName, TablePath, option
from instag.errors import ExitCode

EXAMPLES = """
instag drift table.csv                # against the reference of the model
instag drift table.csv --model small  # of the table's other model
"""


def drift(
    table: TablePath,
    model: ModelName = "instag",
    as_json: Annotated[bool, option("--json", panel=SAY, help="One JSON object on stdout, for programs.")] = False,
) -> None:
    """Say whether a collection sounds like the recordings that its model was measured on.

    The model's card holds histograms of those recordings. No recording is opened.

    Exit codes: 0 done. 1 some rows of the table cannot be read. 2 usage. 3 the table cannot be read or is too small, or
    the model has no reference.
    """
    import json
    from dataclasses import asdict

    from instag.measure.drift import drift as hold
    from instag.measure.drift import lines
    from instag.model.session import Device, find_model, open_model
    from instag.table import open_table

    with errors_for_people():
        card = open_model(find_model(model), Device.CPU).card
        with closing(open_table(table, read_only=True)) as opened:
            result = hold(opened.rows(), card)
        typer.echo(json.dumps(asdict(result), ensure_ascii=False) if as_json else "\n".join(lines(result)))
        if opened.damaged:
            typer.echo(f"{opened.damaged} rows of the table cannot be read.", err=True)
            raise typer.Exit(ExitCode.SOME_FAILED)
