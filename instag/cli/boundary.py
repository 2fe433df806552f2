"""From exceptions to sentences and exit codes."""

from __future__ import annotations

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
    except InstagError as error:
        typer.echo(f"instag: {one_line(str(error))}", err=True)
        raise typer.Exit(ExitCode.USAGE if isinstance(error, UsageError) else ExitCode.CANNOT_START) from None
    except KeyboardInterrupt:
        raise typer.Exit(ExitCode.INTERRUPTED) from None
