"""From exceptions to sentences and exit codes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from instag.errors import ExitCode, InstagError, UsageError
from instag.paths import one_line


@contextmanager
def errors_for_people() -> Iterator[None]:
    """Turns instag's errors into a sentence on stderr and an exit code; bugs pass through."""
    try:
        yield
        sys.stdout.flush()
    except InstagError as error:
        raise typer.Exit(report(error)) from None
    except KeyboardInterrupt:
        raise typer.Exit(ExitCode.INTERRUPTED) from None


def report(error: InstagError) -> int:
    """Says on stderr what is wrong; returns the exit code."""
    typer.echo(f"instag: {one_line(str(error))}", err=True)
    return ExitCode.USAGE if isinstance(error, UsageError) else ExitCode.CANNOT_START


def nothing_found() -> typer.Exit:
    """Says that there is nothing to work on; returns what ends the command."""
    typer.echo("instag: No recordings were found. Check the paths, --include and --exclude.", err=True)
    return typer.Exit(ExitCode.SOME_FAILED)
