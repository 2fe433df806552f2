"""`instag review`: a person listens to what is doubtful, and says with one key what it is."""

from __future__ import annotations

import getpass
import secrets
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from instag.cli.boundary import errors_for_people
from instag.cli.options import ANALYSE, RUN, WRITE, TablePath, TableRoot, number, option, path_of

if TYPE_CHECKING:
    from instag.review.files import Files
    from instag.review.room import Room
    from instag.table.decisions import Reviewable
    from instag.table.rows import Row

EXAMPLES = """
instag review table.csv                          # then open the address
instag review table.csv --windows windows.csv    # the telling seconds first
instag review table.csv --sample 300             # for `instag accept`
"""


def review(
    table: TablePath,
    windows: Annotated[
        Path | None,
        option(
            "--windows",
            panel=ANALYSE,
            metavar="FILE",
            parser=path_of,
            help="The timeline that `instag tag --windows` wrote: the most telling seconds are played first.",
        ),
    ] = None,
    sample: Annotated[
        int | None,
        option(
            "--sample",
            panel=ANALYSE,
            metavar="COUNT",
            parser=number(1, whole=True),
            help="Review a sample of what the model is sure of, for `instag accept`, instead of what is doubtful.",
        ),
    ] = None,
    root: TableRoot = None,
    by: Annotated[
        str | None,
        option("--by", panel=WRITE, metavar="NAME", help="Who decides.", show_default="your user name"),
    ] = None,
    decisions: Annotated[
        Path | None,
        option(
            "--decisions",
            panel=WRITE,
            metavar="FILE",
            parser=path_of,
            help="Keep the decisions in FILE, and leave the table as it is; `instag merge` joins the two.",
            show_default="the table, or NAME.decisions.csv beside it if the table cannot be written",
        ),
    ] = None,
    terminal: Annotated[
        bool, option("--terminal", panel=RUN, help="Ask in this terminal, without sound, instead of serving a page.")
    ] = False,
    port: Annotated[
        int,
        option(
            "--port",
            panel=RUN,
            metavar="NUMBER",
            parser=number(0, 65535, whole=True),
            help="Where the page is served on this machine; 0 takes a free port.",
        ),
    ] = 0,
) -> None:
    """Listen to what is doubtful, and say with one key what it is.

    Serves a page for your browser, on this machine only, until you press Ctrl-C. Each decision is saved at once, in the
    table or in --decisions; the model's word stays beside yours. docs/review.md shows the page and its keys.

    Needs Starlette and uvicorn: pip install 'instag[review]'

    Exit codes: 0 done. 2 usage. 3 the table cannot be used, or the page cannot be served.
    """
    from instag.cli.review_terminal import review_in_terminal
    from instag.errors import UsageError
    from instag.review import require_server
    from instag.review.desk import Desk, is_doubtful
    from instag.review.room import Room
    from instag.table import open_table
    from instag.table.decisions import DecidedTable, find_decisions
    from instag.table.lock import locked
    from instag.table.timeline import Timeline

    with errors_for_people(), ExitStack() as stack:
        if not terminal:
            require_server()
        reviewer = (by if by is not None else _user()).strip()
        if not reviewer:
            raise UsageError("--by: the name is empty.", "Say who decides.")
        # A name that is mistyped must not become an empty table.
        open_table(table, read_only=True).close()
        apart = find_decisions(table, decisions)
        saved_in = apart or table
        stack.enter_context(locked(saved_in, "Wait until it is done, or keep your decisions apart: --decisions FILE."))
        opened: Reviewable = DecidedTable(table, apart) if apart else open_table(table)
        stack.enter_context(closing(opened))
        timeline = stack.enter_context(closing(Timeline(windows, read_only=True))) if windows else None
        if apart and not decisions:
            typer.echo(f"Your decisions are kept in {apart}.", err=True)
        for note in opened.notes:
            typer.echo(note, err=True)
        desk = Desk(opened, reviewer, is_doubtful if sample is None else _is_drawn(saved_in, opened, sample))
        if not desk.items:
            typer.echo(f"{table}: nothing is left to review.")
            return
        with suppress(KeyboardInterrupt):
            if terminal:
                review_in_terminal(desk)
            else:
                room = Room(desk, _files(opened, root), timeline, table.name, saved_in.name, accepts=sample is None)
                _serve(room, port)
        left = len(desk.items) - desk.decided
        typer.echo(f"\n{desk.decided:,} decided, {left:,} left.")
        if desk.decided:
            opened.finish()
        if apart and desk.decided:
            typer.echo(f"They are in {apart}. `instag merge {table} {apart} -o NEW.csv` joins them with the table.")


def _is_drawn(saved_in: Path, opened: Reviewable, count: int) -> Callable[[Row], bool]:
    """Draws a sample, and says which rows are in it."""
    from instag.measure.sample import draw_sample
    from instag.table.samples import keep_sample

    record = keep_sample(saved_in, count)
    drawn = {found.path for found in draw_sample(opened.rows(), record.count, record.seed, record.drawn_at).drawn}
    return lambda row: row.path in drawn


def _files(opened: Reviewable, root: Path | None) -> Files:
    from instag.review.files import Files

    files = Files(root)
    for row in opened.rows():
        files.learn(row.path)
    return files


def _serve(room: Room, port: int) -> None:
    from instag.review.server import Listener, make_app

    listener = Listener(port)
    token = secrets.token_urlsafe(24)
    count = len(room.desk.items)
    listener.heed_interrupts()
    typer.echo(f"{count:,} recording{'s wait' if count > 1 else ' waits'}. Open this address in a browser here:")
    typer.echo(f"http://127.0.0.1:{listener.port}/{token}/")
    typer.echo("Press Ctrl-C here when you are done; every decision is saved at once.")
    listener.serve(make_app(room, token, listener.port))


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in some containers
        return ""
