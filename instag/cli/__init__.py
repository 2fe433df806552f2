"""The command line: the only room that reads options and prints. Each command has a module."""

from __future__ import annotations

from typing import Annotated

import typer

from instag import __version__
from instag.cli.model import model
from instag.cli.plain import PlainCommand, PlainGroup
from instag.cli.show import show
from instag.cli.surroundings import prepare, written_output
from instag.cli.tag import tag
from instag.cli.untag import untag
from instag.cli.verify import verify
from instag.constants import LIMITS_NOTICE

app = typer.Typer(
    name="instag",
    cls=PlainGroup,
    help="Name the instrument that dominates each recording of an archive.",
    epilog=LIMITS_NOTICE,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Entry point of the `instag` command."""
    prepare()
    with written_output():
        app()


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"instag {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


_EXAMPLES = {
    tag: (
        "instag tag recordings/",
        "instag tag recordings/ -o table.csv --jobs 4",
        "instag tag recordings/ -o table.csv --write-tags --dry-run",
    ),
    show: ("instag show song.mp3", "instag show interview.wav --model small"),
    untag: ("instag untag recordings/ --dry-run", "instag untag song.mp3"),
    model: ("instag model", "instag model --model small"),
    verify: ("instag verify table.csv", "instag verify table.sqlite --quiet"),
}

for command, summary in (
    (tag, "Name the dominant instrument of recordings."),
    (show, "Show what the model hears in a file."),
    (untag, "Undo what instag wrote."),
    (model, "Show a model's card."),
    (verify, "Check files against a table."),
):
    # Typer's help keeps a line for each paragraph of an epilogue.
    epilog = "\n\n".join(["Examples:", *_EXAMPLES[command], LIMITS_NOTICE])
    app.command(epilog=epilog, short_help=summary, cls=PlainCommand)(command)
