"""The command line. Options are read here and nowhere else; what a command does is in the modules it calls."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from instag import __version__
from instag.cli import (
    accept,
    clips,
    compare,
    doctor,
    drift,
    evaluate,
    export,
    merge,
    model,
    plot,
    prune,
    show,
    tag,
    untag,
    verify,
)
from instag.cli import list as listing
from instag.cli import report as reporting
from instag.cli import review as reviewing
from instag.cli.boundary import report
from instag.cli.help import Command, epilog
from instag.cli.streams import guard_streams
from instag.constants import LIMITS_NOTICE
from instag.errors import InstagError

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
    guard_streams()
    try:
        try:
            app(prog_name="instag")
        finally:
            sys.stdout.flush()
    except InstagError as error:  # the standard output failed while Typer printed
        raise SystemExit(report(error)) from None


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


for command, summary, examples in (
    (tag.tag, "Name the dominant instrument of recordings.", tag.EXAMPLES),
    (show.show, "Show what the model hears, window by window.", show.EXAMPLES),
    (untag.untag, "Remove what instag wrote.", untag.EXAMPLES),
    (model.model, "Show what a model says of itself.", model.EXAMPLES),
    (verify.verify, "Check files against a table.", verify.EXAMPLES),
    (listing.list_files, "List files of a table.", listing.EXAMPLES),
    (reviewing.review, "Listen to what is doubtful.", reviewing.EXAMPLES),
    (accept.accept, "Accept labels unheard, at a known risk.", accept.EXAMPLES),
    (prune.prune, "Drop rows of files that are gone.", prune.EXAMPLES),
    (merge.merge, "Join tables.", merge.EXAMPLES),
    (export.export, "Write catalogue records, or timelines for other programs.", export.EXAMPLES),
    (clips.clips, "Cut out the telling seconds.", clips.EXAMPLES),
    (reporting.report, "Write a page to look at.", reporting.EXAMPLES),
    (evaluate.evaluate, "Measure how right a table is.", evaluate.EXAMPLES),
    (compare.compare, "Hold a table against a catalogue.", compare.EXAMPLES),
    (drift.drift, "Hold a table against the model's reference.", drift.EXAMPLES),
    (plot.plot, "Draw a recording.", plot.EXAMPLES),
    (doctor.doctor, "Check this machine.", doctor.EXAMPLES),
):
    app.command(
        "list" if command is listing.list_files else None, cls=Command, epilog=epilog(examples), short_help=summary
    )(command)
