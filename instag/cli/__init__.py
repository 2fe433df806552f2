"""The command line. Options are read here and nowhere else; what a command does is in the modules it calls."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from instag import __version__
from instag.cli.model import model
from instag.cli.show import show
from instag.cli.tag import tag
from instag.cli.untag import untag
from instag.cli.verify import verify
from instag.constants import LIMITS_NOTICE

app = typer.Typer(
    name="instag",
    help="Name the instrument that dominates each recording of an archive.",
    epilog=LIMITS_NOTICE,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Entry point of the `instag` command."""
    # A name that is no valid UTF-8 must not stop a job when it is printed.
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    app()


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"instag {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    pass


for command, summary in (
    (tag, "Name the dominant instrument of recordings."),
    (show, "Show what the model hears in a file."),
    (untag, "Take back what instag wrote into files."),
    (model, "Show the model's card."),
    (verify, "Check files against a table."),
):
    app.command(epilog=LIMITS_NOTICE, short_help=summary)(command)
