"""`instag review`: a person listens to what is doubtful, and says with one key what it is."""

from __future__ import annotations

import getpass
import secrets
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Annotated

import typer

from instag.cli.boundary import errors_for_people
from instag.cli.options import ANALYSE, RUN, WRITE, TablePath, TableRoot, number, option, path_of

EXAMPLES = """
instag review table.csv                          # then open the address
instag review table.csv --windows windows.csv    # the telling seconds first
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
    root: TableRoot = None,
    by: Annotated[
        str | None,
        option("--by", panel=WRITE, metavar="NAME", help="Who decides.", show_default="your user name"),
    ] = None,
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

    Serves a page for your browser, on this machine only, until you press Ctrl-C. Each decision is saved in the table
    at once; the model's word stays beside yours. docs/review.md shows the page and its keys.

    Needs Starlette and uvicorn: pip install 'instag[review]'

    Exit codes: 0 done. 2 usage. 3 the table cannot be used, or the page cannot be served.
    """
    from instag.errors import CannotStartError, UsageError
    from instag.review.desk import Desk
    from instag.review.files import Files
    from instag.table import open_table
    from instag.table.lock import locked
    from instag.table.rows import Row
    from instag.table.timeline import Timeline

    with errors_for_people(), ExitStack() as stack:
        try:
            from instag.review.server import Listener, Room, make_app
        except ImportError:
            raise CannotStartError(
                "The page needs the packages starlette and uvicorn, which are not both installed.",
                "Install them: pip install 'instag[review]'",
            ) from None
        reviewer = (by if by is not None else _user()).strip()
        if not reviewer:
            raise UsageError("--by: the name is empty.", "Say who decides.")
        # A name that is mistyped must not become an empty table.
        open_table(table, read_only=True).close()
        stack.enter_context(locked(table))
        opened = stack.enter_context(closing(open_table(table)))
        timeline = stack.enter_context(closing(Timeline(windows, read_only=True))) if windows else None
        for note in opened.notes:
            typer.echo(note, err=True)
        files = Files(root)

        def is_wanted(row: Row) -> bool:
            return bool(row.needs_review) and not row.is_accepted

        for row in opened.rows():
            files.learn(row.path)
        desk = Desk(opened, reviewer, is_wanted)
        if not desk.items:
            typer.echo(f"{table}: nothing is left to review.")
            return
        listener = Listener(port)
        token = secrets.token_urlsafe(24)
        typer.echo(f"{len(desk.items):,} recordings wait. Open this address in a browser on this machine:")
        typer.echo(f"http://127.0.0.1:{listener.port}/{token}/")
        typer.echo("Press Ctrl-C here when you are done; every decision is saved at once.")
        with suppress(KeyboardInterrupt):
            listener.serve(make_app(Room(desk, files, timeline, table.name), token, listener.port))
        left = len(desk.items) - desk.decided
        typer.echo(f"\n{desk.decided:,} decided, {left:,} left.")
        if desk.decided:
            opened.finish()


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in some containers
        return ""
